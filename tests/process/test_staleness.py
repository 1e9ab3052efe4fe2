"""No server tells of the past: what was acknowledged by one is what all others answer from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from tests.support.served import call, serve_process

READS = 150


class Counter:
    """A client whose description counts up, and the last number that any server has acknowledged."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.acknowledged = 0
        self.turn = asyncio.Lock()

    async def count(self, server: httpx.AsyncClient) -> None:
        """Let a server count one up."""
        async with self.turn:
            number = self.acknowledged + 1
            answer = await call(server, "x:OAuthClient/set", update={self.id: {"description": str(number)}})
            assert answer["updated"] == {self.id: None}
            self.acknowledged = number


class Checker:
    """Reads counters from a server and takes down whatever is older than what was acknowledged before it asked."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        self._counters = counters
        self.violations: list[tuple[int, int]] = []
        self.done = False

    async def read(self, server: httpx.AsyncClient) -> None:
        for _ in range(READS):
            known = [counter.acknowledged for counter in self._counters]
            answer = await call(server, "x:OAuthClient/get", ids=[counter.id for counter in self._counters])
            found = [int(each["description"]) for each in answer["list"]]
            self.violations += [pair for pair in zip(known, found, strict=True) if pair[1] < pair[0]]

    async def write(self, server: httpx.AsyncClient, counter: Counter) -> None:
        while not self.done:
            await counter.count(server)

    async def run(self, servers: Sequence[httpx.AsyncClient]) -> None:
        """Write and read until all has been read."""
        writers = [self.write(server, counter) for server in servers for counter in self._counters]
        written = asyncio.gather(*writers)
        await asyncio.gather(*(self.read(server) for server in servers for _ in range(3)))
        self.done = True
        await written


async def test_no_server_answers_with_less_than_another_has_acknowledged(tmp_path: Path) -> None:
    with serve_process(tmp_path) as one, serve_process(tmp_path) as other:
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(each.client()) for each in (one, other)]
            counters = await make_counters(servers[0], ("first", "second"))
            checker = Checker(counters)
            await checker.run(servers)
    assert checker.violations == []
    assert min(counter.acknowledged for counter in counters) > 0


async def make_counters(server: httpx.AsyncClient, names: Iterable[str]) -> Sequence[Counter]:
    created: dict[str, Any] = {name: {"clientId": name, "description": "0"} for name in names}
    answer = await call(server, "x:OAuthClient/set", create=created)
    return [Counter(answer["created"][name]["id"]) for name in created]
