"""Forgetting, after a while, who was destroyed or moved away: /changes can tell no more from older states."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from jmap_oauth.model.kinds import format_date
from jmap_oauth.store.interface import Store, Unavailable

_log = logging.getLogger(__name__)
_random = SystemRandom()


class Pruning:
    """Prunes the store every so many seconds, more or less, so that processes on one store keep apart.

    The first time comes sooner, or a server that is often started would never prune.
    """

    def __init__(self, store: Store, keep_days: int, *, seconds: float = 3_600.0, pause: float = 0.1) -> None:
        self._store = store
        self._kept = timedelta(days=keep_days)
        self._seconds = seconds
        self._pause = pause
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Prune again and again until it is closed."""
        wait = self._seconds / 10
        while not await self._closed_within(wait * _random.uniform(0.5, 1.5)):
            await self._prune()
            wait = self._seconds

    def close(self) -> None:
        """End `run`."""
        self._closing.set()

    async def _prune(self) -> None:
        """Prune in small writes with pauses for others. What the store cannot do now waits for the next time."""
        before = format_date(datetime.now(UTC) - self._kept)
        try:
            while await self._store.prune(before) and not await self._closed_within(self._pause):
                pass
        except Unavailable as reason:
            _log.warning("Old changes wait to be pruned: %s", reason)
        except Exception:  # nothing else depends on it, and the next time comes
            _log.exception("Old changes could not be pruned")

    async def _closed_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
        return self._closing.is_set()
