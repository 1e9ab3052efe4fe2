"""When objects were last used, to the day or the hour: noted on the way, written in the background."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import islice

from jmap_oauth.store.interface import Unavailable

_log = logging.getLogger(__name__)

Write = Callable[[Mapping[str, str]], Awaitable[None]]
"""Keeps dates of last use, by the id of the object."""

DAY, HOUR = "T00:00:00Z", ":00:00Z"
"""How precise a date of last use is: the end that all dates have."""


class Usage:
    """Collects the ids of objects that were used for the first time today, or this hour, and writes them in batches.

    Noting never waits and never fails. At most `capacity` ids wait, and as many are remembered as noted: what comes
    beyond, while nothing can be written, is noted at its next use. An object that is forgotten too early is written
    twice with the same date, which changes nothing.
    """

    def __init__(
        self, write: Write, *, seconds: float = 5.0, capacity: int = 10_000, batch: int = 500, precision: str = DAY
    ) -> None:
        self._write = write
        self._precision = precision
        self._seconds = seconds
        self._capacity = capacity
        self._batch = batch
        self._waiting: dict[str, str] = {}
        self._noted: OrderedDict[str, str] = OrderedDict()
        self._closing = asyncio.Event()
        self._flushing = asyncio.Lock()

    def note(self, id: str, last_used_at: str | None, now: str) -> None:
        """Note that an object is used now; `last_used_at` is what is known of its last use, maybe not the newest."""
        used_at = now[: -len(self._precision)] + self._precision
        if (last_used_at or "") >= used_at or self._noted.get(id) == used_at:
            return
        if len(self._waiting) < self._capacity:
            self._waiting[id] = self._noted[id] = used_at
            self._noted.move_to_end(id)
            if len(self._noted) > self._capacity:
                self._noted.popitem(last=False)

    async def run(self) -> None:
        """Write every few seconds until it is closed."""
        while not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._seconds)
            await self.flush()

    async def close(self) -> None:
        """End `run`, and write what is left."""
        self._closing.set()
        await self.flush()

    async def flush(self) -> None:
        """Write what waits. What the store cannot take now waits on; a fault is logged, and its batch dropped."""
        async with self._flushing:
            while batch := dict(islice(self._waiting.items(), self._batch)):
                try:
                    await self._write(batch)
                except Unavailable as reason:
                    _log.warning("Dates of last use wait for the store: %s", reason)
                    return
                except Exception:  # it would come again with the same batch, and nothing else depends on it
                    _log.exception("Dates of last use of %d objects could not be written", len(batch))
                self._forget(batch)

    def _forget(self, batch: Mapping[str, str]) -> None:
        """Take a batch out, but for objects that were noted again while it was written: a new day had begun."""
        for id, date in batch.items():
            if self._waiting[id] == date:
                del self._waiting[id]
