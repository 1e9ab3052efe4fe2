"""`db check` on PostgreSQL: each thing that has to hold is missed (on SQLite: tests/cli/test_db.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.check import Forms, find_flaws
from jmap_oauth.store.interface import Changes, Saved, Uploader
from jmap_oauth.store.migrations import read_migrations
from jmap_oauth.store.postgresql.portable import PostgresqlContents
from jmap_oauth.store.postgresql.schema import LOCK
from tests.store.postgresql.connected import connected
from tests.support.postgresql import schema_url
from tests.support.stores import (
    POSTGRESQL_MIGRATIONS,
    apply,
    change,
    create,
    destroy,
    make_team,
    make_widget,
    open_on_postgresql,
)
from tests.support.widget import TEAM, WIDGET, make_model

MODEL = make_model()
STEPS = read_migrations(POSTGRESQL_MIGRATIONS)
FORMS = Forms(is_hash=lambda _, text: text != "", blob_id=lambda data: f"b{len(data)}")


async def fill(url: str) -> None:
    """Make teams and widgets that come, change, move and go, and a blob."""
    store = await open_on_postgresql(url, MODEL)
    teams = [make_team("One"), make_team("Two")]
    await create(store, *teams, type=TEAM)
    widgets = [make_widget(f"w{number}", teams[0]["id"], secret="****") for number in range(4)]
    await apply(
        store, WIDGET, Changes(created=[Saved(each, {"secret": "H", "token": each["code"]}) for each in widgets])
    )
    await change(store, widgets[0], teamId=teams[1]["id"])
    await destroy(store, widgets[1])
    await destroy(store, widgets[2])
    await store.write(lambda writer: writer.put_blob(Uploader(GLOBAL, "u"), "b2", b"12", "2026-01-01T00:00:00Z", 9_999))
    await store.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = schema_url(tmp_path_factory.mktemp("checked"))
    asyncio.run(fill(url))
    return url


@pytest.fixture
async def database(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection in a transaction that is undone."""
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def flaws(database: asyncpg.Connection) -> str:
    return "\n".join([flaw async for flaw in find_flaws(PostgresqlContents(database, MODEL, STEPS), MODEL, FORMS)])


async def test_what_is_sound_has_no_flaws(database: asyncpg.Connection) -> None:
    assert await flaws(database) == ""


async def test_an_index_and_a_table_of_somebody_else_are_no_flaws(database: asyncpg.Connection) -> None:
    await database.execute('CREATE INDEX mine ON "Widget" (size); CREATE TABLE theirs (id text)')
    assert await flaws(database) == ""


async def test_how_an_index_is_stored_is_the_affair_of_who_administers(database: asyncpg.Connection) -> None:
    await database.execute('ALTER INDEX "Widget:account" SET (fillfactor = 80)')
    await database.execute('ALTER INDEX "Widget_code_key" SET (fillfactor = 80, deduplicate_items = off)')
    assert await flaws(database) == ""


async def test_nobody_waits_for_who_migrates(database: asyncpg.Connection, url: str) -> None:
    async with connected(url) as another, another.transaction():
        await another.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        assert await flaws(database) == ""


WIDGET_3 = """WHERE code = 'w3'"""
BROKEN = {
    f"""UPDATE "Widget" SET code = 'other' {WIDGET_3}""": "the column code does not follow from its document",
    f"""UPDATE "Widget" SET "note:sort" = 'other' {WIDGET_3}""": "the column note:sort does not follow",
    f"""UPDATE "Widget" SET "teamId" = NULL {WIDGET_3}""": "the column teamId does not follow",
    f"""UPDATE "Widget" SET document = '[' {WIDGET_3}""": "its document cannot be read",
    f"""UPDATE "Widget" SET id = 'x' {WIDGET_3}""": "its document is that of another object",
    f"""UPDATE "Widget" SET secret = NULL {WIDGET_3}""": "secret has no hash",
    f"""UPDATE "Widget" SET ":words" = '' {WIDGET_3}""": "its words do not follow from its document",
    f"""UPDATE "Widget" SET ":words" = 'other' {WIDGET_3}""": "its words do not follow from its document",
    """SET LOCAL session_replication_role = replica; DELETE FROM "Team" """: "teamId refers to what is not there",
    'ALTER TABLE "Widget" DROP CONSTRAINT "Widget_code_key"': "Widget.code is unique as declared, but not in",
    'ALTER TABLE "Widget" DROP CONSTRAINT "Widget_teamId_fkey"': "Widget.teamId refers to nothing in the database",
    'ALTER TABLE "Widget" ADD COLUMN another TEXT COLLATE "C"': "Widget.another is TEXT in the database and nowhere",
    'UPDATE "Widget" SET created = 1000': "the numbers of its creation, joining and change are out of order",
    'UPDATE "Widget" SET created = 0': "the numbers of its creation, joining and change are out of order",
    'UPDATE "Widget" SET changed = 1000': "it was changed after the state of its account",
    "UPDATE sequence SET number = 1": "is beyond the last number that was taken",
    "DELETE FROM sequence": "the database has not one sequence",
    "INSERT INTO sequence (number) VALUES (1)": "the database has not one sequence",
    "UPDATE identity SET text = ''": "the database has not one identity",
    f"UPDATE state SET number = 1 WHERE account = '{GLOBAL}'": "it was changed after the state of its type",
    f"DELETE FROM state WHERE account <> '{GLOBAL}'": "it was changed after the state of its account",
    f"DELETE FROM state WHERE account = '{GLOBAL}'": "is beyond that of the whole server",
    "UPDATE state SET pruned = 1000": "more was forgotten than ever happened",
    "UPDATE tombstone SET joined = 1000": "left before it came",
    "UPDATE tombstone SET left_at = 1000": "is later than the state there",
    """UPDATE tombstone SET joined = 1, left_at = 1 WHERE number = (SELECT MAX(number) FROM tombstone)""":
        "was made before an older one",
    f"""UPDATE tombstone SET id = (SELECT id FROM "Widget" {WIDGET_3})""": "it is there, and has a tombstone",
    "INSERT INTO tombstone (type, account, id, joined, left_at, made_at)"
    " SELECT type, account, id, joined, left_at, made_at FROM tombstone": "is not the only one",
    f"""UPDATE "Widget" SET secret = '' {WIDGET_3}""": "secret has a hash that is none",
    "UPDATE blob SET size = 1": "has another size than it says",
    "UPDATE blob SET id = 'b3'": "the blob b3 in global has not the bytes that it had",
    'DROP INDEX "Widget:account"': "index Widget.Widget:account is missing",
    'DROP INDEX "Widget:account"; CREATE INDEX "Widget:account" ON "Widget" ("teamId")':
        "index Widget.Widget:account is not as the migrations make it",
    'CREATE UNIQUE INDEX mine ON "Widget" (id, size)': "index Widget.mine is in the database, but no migration",
    'ALTER TABLE "Team" DISABLE TRIGGER "Team:blobs"': "trigger Team.Team:blobs is not as the migrations make it",
    'DROP TRIGGER "Team:blobs" ON "Team"': "trigger Team.Team:blobs is missing",
    """CREATE OR REPLACE FUNCTION "Team:blobs" () RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'""":
        "function Team:blobs is not as the migrations make it",
    "ALTER TABLE state ADD CHECK (number < 9)": "constraint state.state_number_check is in the database, but",
    'ALTER TABLE "Widget" ENABLE ROW LEVEL SECURITY': "table Widget is not as the migrations make it",
    'CREATE RULE mine AS ON INSERT TO "Widget" DO INSTEAD NOTHING': "rule Widget.mine is in the database, but no",
    "ALTER TABLE tombstone ALTER COLUMN id DROP NOT NULL": "column tombstone.id is not as the migrations make it",
}  # fmt: skip


@pytest.mark.parametrize("statement", BROKEN)
async def test_whatever_does_not_fit_is_named(database: asyncpg.Connection, statement: str) -> None:
    await database.execute(statement)
    assert BROKEN[statement] in await flaws(database)
