"""Dates of last use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from jmap_oauth.access.usage import Usage
from jmap_oauth.store.interface import Unavailable

MORNING, EVENING, NEXT_DAY = "2026-03-01T08:00:00Z", "2026-03-01T23:59:59Z", "2026-03-02T00:00:00Z"
TODAY, TOMORROW = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"


@dataclass
class Book:
    """Keeps what is written, unless it is told to fail."""

    written: list[dict[str, str]] = field(default_factory=list)
    failure: Exception | None = None

    async def write(self, dates: Mapping[str, str]) -> None:
        if self.failure:
            raise self.failure
        self.written.append(dict(dates))


async def test_a_key_is_written_with_the_beginning_of_the_day() -> None:
    book = Book()
    usage = Usage(book.write)
    usage.note("k1", None, MORNING)
    usage.note("k2", "2026-02-28T00:00:00Z", EVENING)
    await usage.flush()

    assert book.written == [{"k1": TODAY, "k2": TODAY}]


async def test_a_key_that_was_used_today_is_not_written() -> None:
    book = Book()
    usage = Usage(book.write)
    usage.note("k1", TODAY, EVENING)
    await usage.flush()

    assert book.written == []


async def test_a_key_is_written_once_a_day_though_its_record_still_has_the_old_date() -> None:
    book = Book()
    usage = Usage(book.write)
    for now in (MORNING, EVENING, NEXT_DAY, NEXT_DAY):
        usage.note("k1", None, now)
        await usage.flush()

    assert book.written == [{"k1": TODAY}, {"k1": TOMORROW}]


async def test_many_keys_are_written_in_batches() -> None:
    book = Book()
    usage = Usage(book.write, batch=2)
    for id in "abcde":
        usage.note(id, None, MORNING)
    await usage.flush()

    assert [list(each) for each in book.written] == [["a", "b"], ["c", "d"], ["e"]]


async def test_what_the_store_cannot_take_now_is_written_later() -> None:
    book = Book(failure=Unavailable("busy"))
    usage = Usage(book.write)
    usage.note("k1", None, MORNING)
    await usage.flush()
    book.failure = None
    await usage.flush()

    assert book.written == [{"k1": TODAY}]


async def test_a_fault_is_logged_and_does_not_come_again(caplog: pytest.LogCaptureFixture) -> None:
    book = Book(failure=RuntimeError("odd"))
    usage = Usage(book.write)
    usage.note("k1", None, MORNING)
    await usage.flush()
    book.failure = None
    await usage.flush()

    assert (book.written, [each.levelno for each in caplog.records]) == ([], [logging.ERROR])


async def test_what_finds_no_room_is_noted_at_its_next_use() -> None:
    book = Book()
    usage = Usage(book.write, capacity=1)
    for _ in range(2):
        usage.note("k1", None, MORNING)
        usage.note("k2", None, MORNING)
        await usage.flush()

    assert book.written == [{"k1": TODAY}, {"k2": TODAY}]


async def test_no_more_keys_are_remembered_than_there_is_room_for() -> None:
    """One that was forgotten is written again, with the same date."""
    book = Book()
    usage = Usage(book.write, capacity=1)
    for id in ("k1", "k2", "k1"):
        usage.note(id, None, MORNING)
        await usage.flush()

    assert book.written == [{"k1": TODAY}, {"k2": TODAY}, {"k1": TODAY}]


async def test_a_day_that_begins_while_yesterday_is_written_is_not_lost() -> None:
    book = Book()

    async def write_at_midnight(dates: Mapping[str, str]) -> None:
        usage.note("k1", None, NEXT_DAY)
        await book.write(dates)

    usage = Usage(write_at_midnight)
    usage.note("k1", None, EVENING)
    await usage.flush()

    assert book.written == [{"k1": TODAY}, {"k1": TOMORROW}]


async def test_it_writes_by_itself_every_so_often() -> None:
    written = asyncio.Event()

    async def write(dates: Mapping[str, str]) -> None:
        written.set()

    usage = Usage(write, seconds=0.001)
    task = asyncio.create_task(usage.run())
    usage.note("k1", None, MORNING)
    await written.wait()
    await usage.close()
    await task


async def test_the_close_ends_the_run_and_writes_what_is_left() -> None:
    book = Book()
    usage = Usage(book.write, seconds=3600)
    task = asyncio.create_task(usage.run())
    await asyncio.sleep(0)
    usage.note("k1", None, MORNING)
    await usage.close()
    await task

    assert book.written == [{"k1": TODAY}]


async def test_what_was_being_written_when_the_run_was_cancelled_is_not_lost() -> None:
    book, begun = Book(), asyncio.Event()

    async def write(dates: Mapping[str, str]) -> None:
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()
        await book.write(dates)

    usage = Usage(write, seconds=0)
    usage.note("k1", None, MORNING)
    task = asyncio.create_task(usage.run())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    await usage.close()

    assert book.written == [{"k1": TODAY}]
