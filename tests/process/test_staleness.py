"""No server tells of the past: what was acknowledged by one is what all answer, from then on or a second later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import httpx

from jmap_oauth.store.postgresql.store import PostgresqlStore
from jmap_oauth.store.sqlite import SqliteStore
from tests.process.counters import Checker, Counter, make_counters
from tests.support.postgresql import Cluster
from tests.support.served import serve_process


async def count_and_look(
    checker: Checker,
    servers: Sequence[httpx.AsyncClient],
    during: Awaitable[None],
    *,
    reads: int = 0,
    writing: Sequence[httpx.AsyncClient] = (),
) -> None:
    """Read while something else is done, and so often; some servers, or all, write meanwhile."""
    over, meanwhile = asyncio.Event(), asyncio.ensure_future(during)

    async def write(server: httpx.AsyncClient, counter: Counter) -> None:
        while not over.is_set():
            await counter.count(server)

    async def read(server: httpx.AsyncClient) -> None:
        done = 0
        while done < reads or not meanwhile.done():
            done += 1
            await checker.look(server)

    written = asyncio.gather(*(write(server, each) for server in writing or servers for each in checker.counters))
    await asyncio.gather(meanwhile, *(read(server) for server in servers for _ in range(3)))
    over.set()
    await written


async def test_no_server_answers_with_less_than_another_has_acknowledged(tmp_path: Path) -> None:
    with serve_process(tmp_path) as one, serve_process(tmp_path) as other:
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(each.client()) for each in (one, other)]
            counters = await make_counters(servers[0], ("first", "second"))
            checker = Checker(counters, SqliteStore.lag)
            await count_and_look(checker, servers, asyncio.sleep(0), reads=150)
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
            await count_and_look(checker, servers, end_listening(cluster.url))
            await count_and_look(checker, servers, end_listening(cluster.url), writing=servers[:1])
    assert checker.violations == []
    assert min(counter.acknowledged for counter in counters) > 0


async def end_listening(url: str) -> None:
    """End the connections that wait for notifications, and give what was not heard time to be missed."""
    connection = await asyncpg.connect(url)
    there = "SELECT pid FROM pg_stat_activity WHERE application_name = 'jmap-oauth watch'"
    while len(pids := [row["pid"] for row in await connection.fetch(there)]) != 2:
        await asyncio.sleep(0.01)
    await connection.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", pids)
    await connection.close()
    await asyncio.sleep(PostgresqlStore.lag * 1.5)
