"""The store on SQLite: what its rows know, what it notices of others, trouble in the middle of work."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jmap_oauth.model.definition import GLOBAL, Model, Property
from jmap_oauth.model.kinds import SetOf, Text
from jmap_oauth.store.interface import Changes, Reader, Saved, Unavailable, Unusable, Writer
from jmap_oauth.store.sqlite import SqliteStore, open_sqlite
from jmap_oauth.store.sqlite_snapshot import SqliteReader
from tests.store.full import largest_file, set_room
from tests.support.stores import (
    SQLITE_MIGRATIONS,
    all_of,
    apply,
    change,
    create,
    destroy,
    get,
    look,
    make_team,
    make_widget,
    until,
)
from tests.support.widget import TEAM, WIDGET

# --- what rows know ---


async def test_rows_know_the_numbers_of_creation_change_and_joining(sqlite: SqliteStore, path: Path) -> None:
    team, widget = make_team("T"), make_widget("w", None)
    await create(sqlite, team, type=TEAM)
    await create(sqlite, widget)
    numbers = 'SELECT created, changed, joined FROM "Widget"'
    assert look(path, numbers) == [(2, 2, 2)]
    widget = await change(sqlite, widget, teamId=team["id"])
    assert look(path, numbers) == [(2, 3, 3)]
    await change(sqlite, widget, size=8)
    assert look(path, numbers) == [(2, 4, 3)]


async def test_whoever_leaves_an_account_leaves_a_tombstone_there(sqlite: SqliteStore, path: Path) -> None:
    teams = [make_team("One"), make_team("Two")]
    await create(sqlite, *teams, type=TEAM)
    widget = make_widget("w", teams[0]["id"])
    await create(sqlite, widget)
    for target in (teams[1]["id"], None, teams[0]["id"]):
        widget = await change(sqlite, widget, teamId=target)
    await destroy(sqlite, widget)
    first, second, id = teams[0]["id"], teams[1]["id"], widget["id"]
    assert look(path, "SELECT type, account, id, joined, left_at FROM tombstone ORDER BY left_at, account") == [
        ("Widget", first, id, 2, 3),
        ("Widget", second, id, 3, 4),
        ("Widget", GLOBAL, id, 2, 6),
        ("Widget", first, id, 5, 6),
    ]


async def test_a_record_has_what_was_declared_after_it_was_kept(sqlite: SqliteStore, path: Path) -> None:
    """A property without a column needs no migration."""
    widget = make_widget("w", None)
    await create(sqlite, widget)
    more = [
        Property(name="mood", kind=Text(max_length=9), label="Mood", description="New", default="calm"),
        Property(name="friends", kind=SetOf(Text(max_length=9)), label="Friends", description="New"),
    ]
    type = replace(WIDGET, properties=(*WIDGET.properties, *more))
    later = await open_sqlite(path, Model([type, TEAM]), SQLITE_MIGRATIONS)
    assert await get(later, GLOBAL, widget["id"], type=type) == [{**widget, "mood": "calm", "friends": {}}]
    await later.close()


async def test_no_column_holds_more_of_a_secret_than_its_hash(sqlite: SqliteStore, path: Path) -> None:
    widget = make_widget("w", None, secret="****")
    await apply(sqlite, WIDGET, Changes(created=[Saved(widget, {"secret": "HASH", "token": "DIGEST"})]))
    rows = look(path, 'SELECT secret, token, document FROM "Widget"')
    assert rows[0][:2] == ("HASH", "DIGEST")
    assert "HASH" not in str(rows[0][2])


# --- commits of others ---


async def test_the_version_can_be_asked_for_in_another_thread(sqlite: SqliteStore, other: SqliteStore) -> None:
    await create(other, make_widget("w", None))

    async def moved() -> bool:
        return await asyncio.to_thread(lambda: asyncio.run(sqlite.version(WIDGET))) == "1"

    await until(moved)


@pytest.mark.parametrize("replaced", [True, False])
async def test_a_store_whose_file_is_gone_or_another_one_is_unavailable(
    sqlite: SqliteStore, path: Path, replaced: bool
) -> None:
    path.unlink()
    if replaced:
        path.touch()
    with pytest.raises(Unavailable, match=r"the file of the database (is gone|was replaced)"):
        await create(sqlite, make_widget("w", None))

    async def lost() -> bool:
        try:
            await sqlite.version(WIDGET)
        except Unavailable:
            return True
        return False

    await until(lost)


# --- trouble ---


async def test_a_write_that_waits_too_long_for_another_process_is_unavailable(sqlite: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await create(sqlite, make_widget("w", None))
        assert await all_of(sqlite, GLOBAL) == []
    await create(sqlite, make_widget("w", None))
    assert await sqlite.version(WIDGET) == "1"


async def test_a_write_that_fails_lets_go_of_the_database_at_once(sqlite: SqliteStore, other: SqliteStore) -> None:
    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await other.write(work)
    await create(sqlite, make_widget("w", None))
    assert await sqlite.version(WIDGET) == "1"


async def test_what_reads_cannot_write(sqlite: SqliteStore) -> None:
    async def work(reader: Reader) -> None:
        assert isinstance(reader, SqliteReader)
        reader.connection.execute("UPDATE sequence SET number = 7")

    with pytest.raises(Unavailable, match="cannot be written"):
        await sqlite.read(work)


async def test_a_full_disk_makes_writes_unavailable_until_there_is_room(sqlite: SqliteStore) -> None:
    widgets = [make_widget(f"w{number}", None, note="note " * 40) for number in range(200)]
    await set_room(sqlite, 1)
    with pytest.raises(Unavailable, match="no room"):
        await create(sqlite, *widgets)
    assert (await all_of(sqlite, GLOBAL), await sqlite.version(WIDGET)) == ([], "0")
    await set_room(sqlite, 1_000_000)
    await create(sqlite, *widgets)
    assert await all_of(sqlite, GLOBAL) == widgets


async def test_a_failing_file_system_makes_writes_unavailable_until_it_works(sqlite: SqliteStore, path: Path) -> None:
    await create(sqlite, make_widget("before", None))
    with largest_file(path.with_name("widgets.db-wal").stat().st_size), pytest.raises(Unavailable, match="failed"):
        await create(sqlite, make_widget("during", None))
    await create(sqlite, make_widget("after", None))
    assert [widget["code"] for widget in await all_of(sqlite, GLOBAL)] == ["before", "after"]


async def test_a_damaged_page_makes_what_it_holds_unusable(sqlite: SqliteStore, path: Path) -> None:
    await create(sqlite, make_widget("w", None))
    await sqlite.close()
    [(page,)] = look(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'Widget'")
    assert isinstance(page, int)
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    await sqlite.open()
    with pytest.raises(Unusable, match="the database is damaged"):
        await sqlite.read(lambda reader: reader.find(WIDGET, WIDGET.by_name["code"], ["w"]))
