"""What is particular to PostgreSQL: what its errors mean, and how it finds what is searched for."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator

import asyncpg
import pytest

from jmap_oauth.database import schema_folder
from jmap_oauth.model.definition import GLOBAL, Model
from jmap_oauth.model.query import Comparator, NoneOf, Query, Window, Words
from jmap_oauth.objects import served_types
from jmap_oauth.store.interface import Changes, Page, Reader, Saved, TooCostly, Unavailable, Writer
from jmap_oauth.store.postgresql import snapshot
from jmap_oauth.store.postgresql.snapshot import PostgresqlReader, PostgresqlWriter
from jmap_oauth.store.postgresql.sql import numbered
from jmap_oauth.store.postgresql.store import PostgresqlStore, open_postgresql
from jmap_oauth.store.postgresql.table import PostgresqlTable
from jmap_oauth.store.sql import quoted
from tests.store.postgresql.connected import connected
from tests.support.stores import (
    POSTGRESQL_MIGRATIONS,
    all_of,
    apply,
    create,
    make_schema,
    make_widget,
    query,
)
from tests.support.widget import WIDGET, make_model


@pytest.fixture
async def impatient(store: PostgresqlStore, url: str) -> AsyncIterator[PostgresqlStore]:
    """A second store on the same database, which waits a moment only; not less, or a busy machine is a slow query."""
    impatient = PostgresqlStore(url, make_model(), POSTGRESQL_MIGRATIONS, busy_timeout=0.1, query_seconds=1)
    await impatient.open()
    yield impatient
    await impatient.close()


# --- trouble ---


async def test_a_write_that_waits_too_long_for_another_process_is_unavailable(
    impatient: PostgresqlStore, url: str
) -> None:
    async with connected(url) as connection, connection.transaction():
        await connection.execute("SELECT number FROM sequence FOR UPDATE")
        with pytest.raises(Unavailable, match="locked"):
            await create(impatient, make_widget("w", None))
        assert await all_of(impatient, GLOBAL) == []
    await create(impatient, make_widget("w", None))


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_conflict_is_tried_again_from_the_start(store: PostgresqlStore, state: str) -> None:
    tried: list[None] = []

    async def work(writer: Writer) -> int:
        assert isinstance(writer, PostgresqlWriter)
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        tried.append(None)
        if len(tried) < 3:
            await writer.rows(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        return len(tried)

    assert await store.write(work) == 3
    assert len(await all_of(store, GLOBAL)) == 1


async def test_conflicts_without_end_are_unavailable(store: PostgresqlStore) -> None:
    async def work(writer: Writer) -> None:
        assert isinstance(writer, PostgresqlWriter)
        await writer.rows("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")

    with pytest.raises(Unavailable, match="others are changing"):
        await store.write(work)


async def test_a_statement_has_only_so_much_time(impatient: PostgresqlStore) -> None:
    async def work(reader: Reader) -> None:
        assert isinstance(reader, PostgresqlReader)
        await reader.rows("SELECT pg_sleep(10)")

    with pytest.raises(Unavailable, match="no more time"):
        await impatient.read(work)
    assert await all_of(impatient, GLOBAL) == []


async def test_a_query_that_takes_long_is_too_costly(impatient: PostgresqlStore, url: str) -> None:
    await create(impatient, make_widget("w", None))
    async with connected(url) as connection:
        await connection.execute('ALTER TABLE "Widget" RENAME TO slow')
        await connection.execute('CREATE VIEW "Widget" AS SELECT slow.* FROM slow, pg_sleep(10)')
    query = Query(NoneOf([Words(["x"])]), [Comparator(None, ascending=True)], Window(limit=9))
    with pytest.raises(TooCostly):
        await impatient.read(lambda reader: reader.query(WIDGET, GLOBAL, query))
    with pytest.raises(TooCostly):
        await impatient.read(lambda reader: reader.indexes(WIDGET, GLOBAL, query, ["x"]))


async def test_a_query_beyond_what_can_be_asked_is_too_costly(store: PostgresqlStore) -> None:
    query = Query(NoneOf([Words(["x"])] * 40_000), [Comparator(None, ascending=True)], Window(limit=9))
    with pytest.raises(TooCostly):
        await store.read(lambda reader: reader.query(WIDGET, GLOBAL, query))


async def test_a_write_that_fails_lets_go_of_the_database_at_once(
    store: PostgresqlStore, other: PostgresqlStore
) -> None:
    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await other.write(work)
    await create(store, make_widget("w", None))


async def test_a_write_that_is_cancelled_lets_go_of_the_database(store: PostgresqlStore) -> None:
    begun = asyncio.Event()

    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        begun.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(store.write(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await create(store, make_widget("w", None))
    assert len(await all_of(store, GLOBAL)) == 1


async def test_a_fault_does_not_tell_the_values_it_is_about(store: PostgresqlStore) -> None:
    saved = [Saved(make_widget(code, None), {"token": "DIGEST"}) for code in "ab"]
    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        await apply(store, WIDGET, Changes(created=saved))
    assert "DIGEST" not in "".join(traceback.format_exception(caught.value))


async def test_what_reads_cannot_write(store: PostgresqlStore) -> None:
    async def work(reader: Reader) -> None:
        assert isinstance(reader, PostgresqlReader)
        await reader.rows("UPDATE sequence SET number = 7")

    with pytest.raises(Unavailable, match="cannot be written"):
        await store.read(work)


async def test_no_column_holds_more_of_a_secret_than_its_hash(store: PostgresqlStore, url: str) -> None:
    widget = make_widget("w", None, secret="****")
    await apply(store, WIDGET, Changes(created=[Saved(widget, {"secret": "HASH", "token": "DIGEST"})]))
    async with connected(url) as connection:
        [row] = await connection.fetch('SELECT secret, token, document FROM "Widget"')
    assert tuple(row)[:2] == ("HASH", "DIGEST")
    assert "HASH" not in row[2]


# --- what is searched for ---


@pytest.mark.parametrize("many", [1, 5, 100])
@pytest.mark.parametrize("sort", [["code"], ["size", "code"]])
async def test_a_search_finds_the_same_whether_few_or_many_match(
    store: PostgresqlStore, monkeypatch: pytest.MonkeyPatch, many: int, sort: list[str]
) -> None:
    monkeypatch.setattr(snapshot, "_PROBED", 3)
    monkeypatch.setattr(snapshot, "_MANY", many)
    widgets = [make_widget(f"w{number:02}", None, note="third" if number % 3 == 0 else None) for number in range(30)]
    await create(store, *widgets)
    order = [Comparator(WIDGET.by_name[name], ascending=True) for name in sort]
    for position in (0, 1, 6, 9):
        page = await query(store, GLOBAL, Words(["third"]), order, Window(position, limit=4))
        assert page.ids == [widget["id"] for widget in widgets[::3][position : position + 4]]


@pytest.mark.parametrize(("size", "collected"), [(60, True), (300, False)])
async def test_what_matches_is_collected_where_it_is_less_than_the_rows_to_look_at(
    store: PostgresqlStore, url: str, monkeypatch: pytest.MonkeyPatch, size: int, collected: bool
) -> None:
    monkeypatch.setattr(snapshot, "_PROBED", 3)
    widgets = [make_widget(f"w{number:03}", None, note="third" if number % 3 == 0 else None) for number in range(size)]
    await create(store, *widgets)
    async with connected(url) as connection:
        await connection.execute('ANALYZE "Widget"')
    order = [Comparator(WIDGET.by_name["code"], ascending=True)]
    asked: list[str] = []

    async def find(reader: Reader) -> Page:
        assert isinstance(reader, PostgresqlReader)
        with reader.connection.query_logger(lambda each: asked.append(each.query)):
            return await reader.query(WIDGET, GLOBAL, Query(Words(["third"]), order, Window(limit=4)))

    page = await store.read(find)
    assert page.ids == [widget["id"] for widget in widgets[:12:3]]
    assert ("MATERIALIZED" in asked[-1]) is collected


async def test_a_grant_is_found_by_its_index(url: str) -> None:
    await make_schema(url)
    model = Model(served_types(frozenset()))
    await (await open_postgresql(url, model, schema_folder() / "postgresql")).close()
    has = PostgresqlTable(model["OAuthClient"]).has(quoted("grantTypes"), "password")
    async with connected(url) as connection:
        await connection.execute("SET enable_seqscan = off")
        plan = await connection.fetch(
            numbered(f'EXPLAIN SELECT 1 FROM "OAuthClient" WHERE {has.text}'), *has.parameters
        )
    assert "OAuthClient:grantTypes" in str(plan)
