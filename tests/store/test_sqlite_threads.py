"""Units of work in the threads of SQLite connections: one snapshot each, cancelled callers, closing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.model.query import DEFAULT_SORT, AllOf, Query, Window
from jmap_oauth.store import sqlite_statements
from jmap_oauth.store.interface import Changes, Page, Reader, Saved, TooCostly, Unavailable, Writer
from jmap_oauth.store.sqlite import SqliteStore
from jmap_oauth.store.sqlite_connections import READERS
from tests.store.halting import Halt, cancel
from tests.support.stores import all_of, create, look, make_widget, state
from tests.support.widget import WIDGET


async def counts_of_all_readers(store: SqliteStore) -> list[int]:
    """Return how many widgets each reading connection sees: they wait for one another, so none is used twice."""
    barrier = threading.Barrier(READERS, timeout=60)

    async def work(reader: Reader) -> int:
        barrier.wait()
        return await reader.count(WIDGET, GLOBAL)

    return await asyncio.gather(*(store.read(work) for _ in range(READERS)))


async def test_a_reader_sees_the_state_in_which_it_began(sqlite: SqliteStore) -> None:
    halt = Halt()
    reading = asyncio.ensure_future(sqlite.read(halt.read))
    await halt.entered()
    await create(sqlite, make_widget("w", None))
    halt.release()
    assert await reading == [0, 0]
    assert await counts_of_all_readers(sqlite) == [1] * READERS


async def test_a_write_keeps_other_processes_from_writing_as_soon_as_it_begins(
    sqlite: SqliteStore, other: SqliteStore
) -> None:
    halt = Halt()
    writing = asyncio.ensure_future(other.write(halt.read))
    await halt.entered()
    with pytest.raises(Unavailable, match="locked"):
        await create(sqlite, make_widget("w", None))
    halt.release()
    assert await writing == [0, 0]


async def test_a_cancelled_read_leaves_its_connection_to_others(sqlite: SqliteStore) -> None:
    halt = Halt()
    reading = asyncio.ensure_future(sqlite.read(halt.read))
    await halt.entered()
    await cancel(reading)
    await create(sqlite, make_widget("w", None))
    assert await sqlite.version(WIDGET) == "1"
    assert halt.is_stopped
    halt.release()
    assert await counts_of_all_readers(sqlite) == [1] * READERS


async def test_a_cancelled_write_is_done_or_not_as_a_whole_and_the_next_one_waits_for_it(sqlite: SqliteStore) -> None:
    halt = Halt()
    writing = asyncio.ensure_future(sqlite.write(halt.write))
    await halt.entered()
    await cancel(writing)
    next_one = asyncio.ensure_future(create(sqlite, make_widget("next", None)))
    halt.release()
    await next_one
    assert [widget["code"] for widget in await all_of(sqlite, GLOBAL)] == ["halted", "next"]
    assert await sqlite.version(WIDGET) == "2"


async def test_whoever_is_cancelled_while_waiting_takes_no_connection_along(sqlite: SqliteStore) -> None:
    halts = [Halt() for _ in range(READERS)]
    reading = [asyncio.ensure_future(sqlite.read(halt.read)) for halt in halts]
    for halt in halts:
        await halt.entered()
    await cancel(asyncio.ensure_future(state(sqlite, GLOBAL)))
    for halt in halts:
        halt.release()
    await asyncio.gather(*reading)
    assert await counts_of_all_readers(sqlite) == [0] * READERS


async def test_closing_waits_for_what_was_begun_and_for_what_waits(sqlite: SqliteStore, path: Path) -> None:
    halt = Halt()
    writing = asyncio.ensure_future(sqlite.write(halt.write))
    await halt.entered()
    waiting = asyncio.ensure_future(create(sqlite, make_widget("waiting", None)))
    await asyncio.sleep(0)
    closing_store = asyncio.ensure_future(sqlite.close())
    await asyncio.sleep(0)
    halt.release()
    await asyncio.gather(writing, waiting, closing_store)
    assert look(path, 'SELECT code FROM "Widget"') == [("halted",), ("waiting",)]


async def test_a_closed_store_can_be_opened_again(sqlite: SqliteStore) -> None:
    widget = make_widget("w", None)
    await create(sqlite, widget)
    await sqlite.close()
    await sqlite.open()
    assert await all_of(sqlite, GLOBAL) == [widget]


async def test_work_that_awaits_something_else_is_a_fault_and_nothing_of_it_is_done(sqlite: SqliteStore) -> None:
    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="may await nothing but the snapshot"):
        await sqlite.write(work)
    assert await all_of(sqlite, GLOBAL) == []


async def test_brief_reads_wait_behind_no_others(sqlite: SqliteStore) -> None:
    """As many reads as there are connections for them stand still, and a look-up is answered all the same."""
    going, hold = threading.Semaphore(0), threading.Event()

    async def long(reader: Reader) -> None:
        going.release()
        assert hold.wait(60)

    reads = [asyncio.create_task(sqlite.read(long)) for _ in range(READERS)]
    for _ in reads:
        await asyncio.to_thread(going.acquire)
    state = await sqlite.read(lambda reader: reader.state(WIDGET, GLOBAL), brief=True)
    hold.set()
    await asyncio.gather(*reads)
    assert state == await sqlite.read(lambda reader: reader.state(WIDGET, GLOBAL))


def first(limit: int) -> Callable[[Reader], Awaitable[Page]]:
    query = Query(AllOf(()), DEFAULT_SORT, Window(limit=limit))
    return lambda reader: reader.query(WIDGET, GLOBAL, query)


async def test_a_query_that_takes_too_long_is_given_up(sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await create(sqlite, *(make_widget(f"w{number}", None) for number in range(100)))
    monkeypatch.setattr(sqlite_statements, "QUERY_SECONDS", 0.0)
    monkeypatch.setattr(sqlite_statements, "STEPS_BETWEEN_LOOKS", 10)
    with pytest.raises(TooCostly):
        await sqlite.read(first(100))
    monkeypatch.undo()
    assert (await sqlite.read(first(1))).more
