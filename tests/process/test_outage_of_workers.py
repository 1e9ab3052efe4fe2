"""A worker that dies while PostgreSQL is away."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.process.test_workers import workers_of
from tests.support.postgresql import Cluster
from tests.support.served import QUICK_FLAGS, call, serve_process


async def test_a_worker_that_dies_while_the_database_is_away_is_replaced_when_it_is_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    with serve_process(tmp_path, "--workers", "2", "--database", cluster.url, *QUICK_FLAGS) as server:
        first = workers_of(server)
        await asyncio.to_thread(cluster.stop)
        os.kill(min(first), signal.SIGKILL)
        while "startup failed" not in server.log:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(cluster.start)
        while server.log.count("Application startup complete") < 3:
            assert server.process.poll() is None
            await asyncio.sleep(0.05)
        assert len(workers_of(server)) == 2
        async with server.client() as client:
            assert "list" in await call(client, "x:OAuthClient/get", ids=[])
        assert await asyncio.to_thread(server.stop) == 0
