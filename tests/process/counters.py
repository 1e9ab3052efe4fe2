"""Clients that count, so that whoever reads them sees how old an answer is."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import httpx

from tests.process.writers import ask


class Counter:
    """A client whose description counts up, the last number that was acknowledged, and by which server, and when."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.acknowledged = 0
        self._turn = asyncio.Lock()
        self._by: dict[httpx.AsyncClient, int] = defaultdict(int)
        self._at = [(0.0, 0)]

    def known(self, server: httpx.AsyncClient, lag: float) -> int:
        """Return the least that a server may answer, if it hears of what others do after so many seconds."""
        heard = (number for at, number in reversed(self._at) if at <= time.monotonic() - lag)
        return max(self._by[server], next(heard))

    async def count(self, server: httpx.AsyncClient) -> None:
        """Let a server count one up; again, if it was not available."""
        async with self._turn:
            number = self.acknowledged + 1
            answer = await ask(server, "x:OAuthClient/set", update={self.id: {"description": str(number)}})
            assert answer["updated"] == {self.id: None}
            self.acknowledged = self._by[server] = number
            self._at.append((time.monotonic(), number))


class Checker:
    """Reads counters, and takes down whatever is older than what a server had to know before it was asked."""

    def __init__(self, counters: Sequence[Counter], lag: float) -> None:
        self.counters = counters
        self.violations: list[tuple[int, int]] = []
        self._lag = lag

    async def look(self, server: httpx.AsyncClient) -> None:
        """Read all counters once."""
        known = [counter.known(server, self._lag) for counter in self.counters]
        answer = await ask(server, "x:OAuthClient/get", ids=[counter.id for counter in self.counters])
        found = [int(each["description"]) for each in answer["list"]]
        self.violations += [pair for pair in zip(known, found, strict=True) if pair[1] < pair[0]]


async def make_counters(server: httpx.AsyncClient, names: Iterable[str]) -> Sequence[Counter]:
    created: dict[str, Any] = {name: {"clientId": name, "description": "0"} for name in names}
    answer = await ask(server, "x:OAuthClient/set", create=created)
    return [Counter(answer["created"][name]["id"]) for name in created]
