"""The server on a PostgreSQL that stops and starts again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.postgresql import Cluster
from tests.support.served import ADMIN_KEY, call, request_of, serve_in_process


@pytest.fixture
async def client(cluster: Cluster, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serve_in_process(tmp_path, database=cluster.url) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        yield client


async def create(client: httpx.AsyncClient, name: str) -> bool | None:
    """Create a client, and tell whether that was done; None when the server could not tell who asks."""
    body = request_of(("x:OAuthClient/set", {"create": {"new": {"clientId": name}}}))
    response = await client.post("/api", json=body)
    if response.status_code == 503:
        return None
    [[kind, arguments, _]] = response.json()["methodResponses"]
    if kind == "error":
        assert arguments["type"] == "serverUnavailable", arguments
        return False
    assert arguments["notCreated"] is None
    return True


async def names(client: httpx.AsyncClient) -> set[str]:
    found = await call(client, "x:OAuthClient/get", ids=None)
    return {each["clientId"] for each in found["list"]}


async def test_all_that_was_acknowledged_is_there_after_a_stop_and_a_start(
    client: httpx.AsyncClient, cluster: Cluster
) -> None:
    outcomes: dict[str, bool | None] = {}
    stopping = asyncio.Event()

    async def write(worker: int) -> None:
        number = 0
        while not (stopping.is_set() and outcomes[f"w{worker}-{number - 1}"]):
            name = f"w{worker}-{number}"
            outcomes[name] = await create(client, name)
            number += 1
            await asyncio.sleep(0.01)

    async def stop_and_start() -> None:
        await asyncio.sleep(0.2)
        await asyncio.to_thread(cluster.stop)
        while all(outcomes.values()):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(cluster.start)
        stopping.set()

    await asyncio.gather(stop_and_start(), *(write(worker) for worker in range(4)))
    assert True in outcomes.values()
    assert await names(client) == {name for name, done in outcomes.items() if done}


async def test_readiness_and_versions_follow_the_database(client: httpx.AsyncClient, cluster: Cluster) -> None:
    assert (await client.get("/healthz/ready")).status_code == 200
    await asyncio.to_thread(cluster.stop)
    while (await client.get("/healthz/ready")).status_code != 503:
        await asyncio.sleep(0.01)
    await asyncio.to_thread(cluster.start)
    while (await client.get("/healthz/ready")).status_code != 200:
        await asyncio.sleep(0.01)
    assert await create(client, "again") is True
