"""Clients that count, so that whoever reads them sees how old an answer is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import httpx

from tests.process.writers import ask


class Counter:
    """A client whose description counts up, and the last number that any server has acknowledged."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.acknowledged = 0
        self._turn = asyncio.Lock()

    async def count(self, client: httpx.AsyncClient) -> None:
        """Let a server count one up; again, if it was not available."""
        async with self._turn:
            number = self.acknowledged + 1
            answer = await ask(client, "x:OAuthClient/set", update={self.id: {"description": str(number)}})
            assert answer["updated"] == {self.id: None}
            self.acknowledged = number


class Checker:
    """Reads counters, and takes down whatever is older than what was acknowledged before it asked."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        self.counters = counters
        self.violations: list[tuple[int, int]] = []

    async def look(self, client: httpx.AsyncClient) -> None:
        """Read all counters once."""
        known = [counter.acknowledged for counter in self.counters]
        answer = await ask(client, "x:OAuthClient/get", ids=[counter.id for counter in self.counters])
        found = [int(each["description"]) for each in answer["list"]]
        self.violations += [pair for pair in zip(known, found, strict=True) if pair[1] < pair[0]]


async def make_counters(client: httpx.AsyncClient, names: Iterable[str]) -> Sequence[Counter]:
    created: dict[str, Any] = {name: {"clientId": name, "description": "0"} for name in names}
    answer = await ask(client, "x:OAuthClient/set", create=created)
    return [Counter(answer["created"][name]["id"]) for name in created]
