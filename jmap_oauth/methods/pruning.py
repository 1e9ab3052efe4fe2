"""Dropping what has been kept for long enough: who was destroyed or moved away, what was written down, what expired."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from jmap_oauth.model.definition import GLOBAL, ObjectType
from jmap_oauth.model.kinds import format_date
from jmap_oauth.model.query import Comparator, Condition, Query, Test, Window
from jmap_oauth.store.interface import Store, Unavailable

_log = logging.getLogger(__name__)
_random = SystemRandom()

Drop = Callable[[str], Awaitable[bool]]
"""Drops some of what is from before a date (`YYYY-MM-DDTHH:MM:SSZ`) in one short write, so that others have their turn
between two of them, and tells whether there is more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for a number of days: its name in the log, and how it is dropped then."""

    name: str
    days: int
    drop: Drop


def dropping_objects(
    store: Store, type: ObjectType, date: str, destroy: Callable[[Sequence[str]], Awaitable[int]], batch: int
) -> Drop:
    """Return what destroys objects by a property that is a date, at most `batch` at once.

    `destroy` takes ids and returns how many objects were destroyed. If it refuses some, the others wait for the next
    time, lest the same ones come up again and again.
    """
    each = type.by_name[date]

    async def drop(before: str) -> bool:
        query = Query(Condition(each, Test.LESS, before), [Comparator(each, ascending=True)], Window(limit=batch))
        page = await store.read(lambda reader: reader.query(type, GLOBAL, query))
        return bool(page.ids) and await destroy(page.ids) == batch

    return drop


class Pruning:
    """Drops what is old every so many seconds, more or less, in the one process that leads on a store.

    The first time comes sooner, or a server that is often started would never prune.
    """

    def __init__(self, store: Store, kept: Sequence[Kept], *, seconds: float = 3_600.0, pause: float = 0.1) -> None:
        self.kept = kept
        self._store = store
        self._seconds = seconds
        self._pause = pause
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Prune again and again until it is closed."""
        wait = self._seconds / 10
        while not await self._closed_within(wait * _random.uniform(0.5, 1.5)):
            for each in self.kept:
                await self._prune(each)
            wait = self._seconds

    def close(self) -> None:
        """End `run`."""
        self._closing.set()

    async def _prune(self, kept: Kept) -> None:
        """Prune in small writes with pauses for others. What the store cannot do now waits for the next time."""
        before = format_date(datetime.now(UTC) - timedelta(days=kept.days))
        try:
            while await self._store.leads() and not self._closing.is_set() and await kept.drop(before):
                await self._closed_within(self._pause)
        except Unavailable as reason:
            _log.warning("Old %s wait to be dropped: %s", kept.name, reason)
        except Exception:  # nothing else depends on it, and the next time comes
            _log.exception("Old %s could not be dropped", kept.name)

    async def _closed_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
        return self._closing.is_set()
