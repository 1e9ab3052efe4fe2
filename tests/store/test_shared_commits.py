"""Writes that share a commit on SQLite: each is a whole by itself, and all are told only when they are committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store import sqlite_commits
from jmap_oauth.store.interface import Changes, Saved, Unavailable, Writer
from jmap_oauth.store.sqlite import SqliteStore
from jmap_oauth.store.sqlite_commits import MOST_MEMBERS
from jmap_oauth.store.sqlite_snapshot import SqliteWriter
from tests.store.full import largest_file, set_room
from tests.store.halting import Halt, cancel
from tests.support.stores import all_of, create, look, make_widget, state
from tests.support.widget import WIDGET

Tasks = Sequence[asyncio.Future[Any]]


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be too slow on a machine that has much else to do."""
    monkeypatch.setattr(sqlite_commits, "MOST_SECONDS", 60.0)


@asynccontextmanager
async def together(store: SqliteStore, *works: Awaitable[Any]) -> AsyncIterator[Tasks]:
    """Have works wait behind one that stands still, in their order, until the block ends."""
    halt = Halt()
    first = asyncio.ensure_future(store.write(halt.read))
    await halt.entered()
    tasks = [asyncio.ensure_future(work) for work in works]
    await asyncio.sleep(0)  # so that each has begun to wait
    yield tasks
    halt.release()
    await first
    await asyncio.wait(tasks)


def creates(store: SqliteStore, *codes: str) -> list[Awaitable[Any]]:
    return [create(store, make_widget(code, None)) for code in codes]


async def count(writer: Writer) -> int:
    return await writer.count(WIDGET, GLOBAL)


async def fail(writer: Writer) -> None:
    await writer.apply(WIDGET, Changes(created=[Saved(make_widget("failed", None))]))
    raise ZeroDivisionError


def there(path: Path) -> list[tuple[object, ...]]:
    """Return the codes of widgets and the numbers of their writes."""
    return look(path, 'SELECT code, created FROM "Widget" ORDER BY number')


async def count_commits(store: SqliteStore, *works: Awaitable[Any]) -> int:
    """Return how many commits works took that began to wait together."""
    statements: list[str] = []

    async def listen(writer: Writer) -> None:
        assert isinstance(writer, SqliteWriter)
        writer.connection.set_trace_callback(statements.append)

    async with together(store, store.write(listen), *works):
        pass
    return statements.count("COMMIT")


async def test_writes_that_wait_share_a_commit_and_have_numbers_of_their_own_in_their_order(
    sqlite: SqliteStore, path: Path
) -> None:
    codes = [f"w{number}" for number in range(10)]
    assert await count_commits(sqlite, *creates(sqlite, *codes)) == 1
    assert there(path) == [(code, number) for number, code in enumerate(codes, 1)]
    assert await sqlite.version(WIDGET) == "10"


async def test_so_many_share_a_commit_and_no_more(sqlite: SqliteStore) -> None:
    many = [f"w{number}" for number in range(2 * MOST_MEMBERS)]
    assert await count_commits(sqlite, *creates(sqlite, *many)) == 3  # with the one that counts


async def test_nobody_goes_with_a_slow_one_that_was_there_before(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here each is slow."""
    monkeypatch.setattr(sqlite_commits, "MOST_SECONDS", 0.0)
    assert await count_commits(sqlite, *creates(sqlite, "one", "two")) == 3


async def test_one_that_fails_leaves_nothing_and_the_others_as_they_are(sqlite: SqliteStore, path: Path) -> None:
    before, after = creates(sqlite, "before", "after")
    async with together(sqlite, before, sqlite.write(fail), after) as tasks:
        pass
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), ZeroDivisionError, type(None)]
    assert there(path) == [("before", 1), ("after", 2)]


async def test_each_sees_what_those_before_it_have_done_and_not_those_that_failed(sqlite: SqliteStore) -> None:
    (one,) = creates(sqlite, "one")
    works = [sqlite.write(count), one, sqlite.write(count), sqlite.write(fail), sqlite.write(count)]
    async with together(sqlite, *works) as tasks:
        pass
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [0, 1, 1]


async def test_when_the_commit_fails_all_are_unavailable_and_nothing_is_there(sqlite: SqliteStore, path: Path) -> None:
    await create(sqlite, make_widget("before", None))
    with largest_file(path.with_name("widgets.db-wal").stat().st_size):
        async with together(sqlite, *creates(sqlite, "one", "two", "three")) as tasks:
            pass
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
    assert await sqlite.version(WIDGET) == "1"
    await create(sqlite, make_widget("after", None))
    assert there(path) == [("before", 1), ("after", 2)]


async def test_on_a_full_disk_those_are_there_who_were_told_so(sqlite: SqliteStore) -> None:
    await set_room(sqlite, 1)
    large = [make_widget(f"large{number}", None, note="note " * 4_000) for number in range(3)]
    small = [make_widget(f"small{number}", None) for number in range(3)]
    widgets = [each for pair in zip(small, large, strict=True) for each in pair]
    async with together(sqlite, *(create(sqlite, each) for each in widgets)) as tasks:
        pass
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [widget for widget, outcome in zip(widgets, outcomes, strict=True) if outcome is None]
    assert {type(outcome) for outcome in outcomes} <= {type(None), Unavailable}
    assert not any(widget in kept for widget in large)
    assert await all_of(sqlite, GLOBAL) == kept


async def test_nothing_is_told_before_the_commit(sqlite: SqliteStore) -> None:
    first, last = Halt(), Halt()
    halted = [asyncio.ensure_future(sqlite.write(first.read))]
    await first.entered()
    one = asyncio.ensure_future(create(sqlite, make_widget("one", None)))
    halted.append(asyncio.ensure_future(sqlite.write(last.read)))
    await asyncio.sleep(0)
    first.release()
    await last.entered()  # the one before it has been done, and is not committed
    assert (one.done(), await sqlite.version(WIDGET)) == (False, "0")
    last.release()
    await asyncio.gather(one, *halted)
    assert await sqlite.version(WIDGET) == "1"


async def test_who_is_cancelled_while_waiting_is_not_done_and_the_others_are(sqlite: SqliteStore, path: Path) -> None:
    async with together(sqlite, *creates(sqlite, "one", "cancelled", "two")) as tasks:
        await cancel(tasks[1])
    assert there(path) == [("one", 1), ("two", 2)]


async def test_of_a_hundred_writers_that_know_one_state_one_wins(sqlite: SqliteStore) -> None:
    known = await state(sqlite, GLOBAL)

    async def write(writer: Writer) -> bool:
        if await writer.state(WIDGET, GLOBAL) != known:
            return False
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("winner", None))]))
        return True

    assert sum(await asyncio.gather(*(sqlite.write(write) for _ in range(100)))) == 1
    assert len(await all_of(sqlite, GLOBAL)) == 1


async def test_a_loop_that_ends_leaves_nobody_waiting(sqlite: SqliteStore, path: Path) -> None:
    """As when a program is interrupted: all tasks are cancelled."""
    halt = Halt()
    tasks: Tasks = [asyncio.ensure_future(sqlite.write(halt.write))]
    await halt.entered()
    tasks = [*tasks, *(asyncio.ensure_future(each) for each in creates(sqlite, "waiting"))]
    await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    halt.release()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
    await create(sqlite, make_widget("next", None))
    assert there(path) == [("halted", 1), ("next", 2)]
