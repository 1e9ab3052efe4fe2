"""No server tells of the past: what was acknowledged by one is what all answer, from then on or a second later."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from jmap_oauth.store.postgresql.store import PostgresqlStore
from jmap_oauth.store.sqlite import SqliteStore
from tests.support.postgresql import Cluster
from tests.support.served import call, serve_process


class Counter:
    """A client whose description counts up, the last number that was acknowledged, and by which server, and when."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.acknowledged = 0
        self.turn = asyncio.Lock()
        self._by: dict[httpx.AsyncClient, int] = defaultdict(int)
        self._at = [(0.0, 0)]

    def known(self, server: httpx.AsyncClient, lag: float) -> int:
        """Return the least that a server may answer, if it hears of what others do after so many seconds."""
        heard = (number for at, number in reversed(self._at) if at <= time.monotonic() - lag)
        return max(self._by[server], next(heard))

    async def count(self, server: httpx.AsyncClient) -> None:
        """Let a server count one up."""
        async with self.turn:
            number = self.acknowledged + 1
            answer = await call(server, "x:OAuthClient/set", update={self.id: {"description": str(number)}})
            assert answer["updated"] == {self.id: None}
            self.acknowledged = self._by[server] = number
            self._at.append((time.monotonic(), number))


class Checker:
    """Reads counters from a server and takes down whatever is older than what it had to know before it was asked."""

    def __init__(self, counters: Sequence[Counter], lag: float, reads: int = 0) -> None:
        self._counters = counters
        self._lag = lag
        self._reads = reads
        self.violations: list[tuple[int, int]] = []
        self.done = False

    async def read(self, server: httpx.AsyncClient, meanwhile: asyncio.Future[None]) -> None:
        reads = 0
        while reads < self._reads or not meanwhile.done():
            reads += 1
            known = [counter.known(server, self._lag) for counter in self._counters]
            answer = await call(server, "x:OAuthClient/get", ids=[counter.id for counter in self._counters])
            found = [int(each["description"]) for each in answer["list"]]
            self.violations += [pair for pair in zip(known, found, strict=True) if pair[1] < pair[0]]

    async def write(self, server: httpx.AsyncClient, counter: Counter) -> None:
        while not self.done:
            await counter.count(server)

    async def run(
        self, servers: Sequence[httpx.AsyncClient], during: Awaitable[None], writing: Sequence[httpx.AsyncClient] = ()
    ) -> None:
        """Read while something else is done, and so often; some servers, or all, write meanwhile."""
        self.done = False
        writers = [self.write(server, counter) for server in writing or servers for counter in self._counters]
        written, meanwhile = asyncio.gather(*writers), asyncio.ensure_future(during)
        await asyncio.gather(meanwhile, *(self.read(server, meanwhile) for server in servers for _ in range(3)))
        self.done = True
        await written


async def test_no_server_answers_with_less_than_another_has_acknowledged(tmp_path: Path) -> None:
    with serve_process(tmp_path) as one, serve_process(tmp_path) as other:
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(each.client()) for each in (one, other)]
            counters = await make_counters(servers[0], ("first", "second"))
            checker = Checker(counters, SqliteStore.lag, reads=150)
            await checker.run(servers, asyncio.sleep(0))
    assert checker.violations == []
    assert min(counter.acknowledged for counter in counters) > 0


async def test_on_postgresql_a_server_knows_its_own_changes_at_once_and_those_of_others_in_time(
    tmp_path: Path, cluster: Cluster
) -> None:
    """Also when the connections end on which servers hear of changes, and when a server only reads."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    on_cluster = ("--database", cluster.url)
    with serve_process(folders[0], *on_cluster) as one, serve_process(folders[1], *on_cluster) as other:
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(each.client()) for each in (one, other)]
            counters = await make_counters(servers[0], ("first", "second"))
            checker = Checker(counters, PostgresqlStore.lag)
            await checker.run(servers, end_listening(cluster.url))
            await checker.run(servers, end_listening(cluster.url), writing=servers[:1])
    assert checker.violations == []
    assert min(counter.acknowledged for counter in counters) > 0


async def end_listening(url: str) -> None:
    """End the connections that wait for notifications, and give what was not heard time to be missed."""
    connection = await asyncpg.connect(url)
    ended = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jmap-oauth watch'"
    )
    await connection.close()
    assert len(ended) == 2
    await asyncio.sleep(PostgresqlStore.lag * 1.5)


async def make_counters(server: httpx.AsyncClient, names: Iterable[str]) -> Sequence[Counter]:
    created: dict[str, Any] = {name: {"clientId": name, "description": "0"} for name in names}
    answer = await call(server, "x:OAuthClient/set", create=created)
    return [Counter(answer["created"][name]["id"]) for name in created]
