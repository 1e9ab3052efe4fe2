"""The server on a PostgreSQL that stops and starts again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from jmap_oauth.objects.oauth_client_metadata import METADATA
from tests.process.writers import Unavailable, ask, ask_all
from tests.support.postgresql import Cluster
from tests.support.served import ADMIN_KEY, USING, call, request_of, serve_in_process


@pytest.fixture
async def client(cluster: Cluster, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serve_in_process(tmp_path, database=cluster.url) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        yield client


async def create(client: httpx.AsyncClient, name: str) -> bool:
    """Create a client, and tell whether that was done, as far as the server could say."""
    try:
        answer = await ask(client, "x:OAuthClient/set", create={"new": {"clientId": name}})
    except Unavailable:
        return False
    assert answer["notCreated"] is None
    return True


async def look(client: httpx.AsyncClient) -> bool:
    """Look up, search and ask about a client, and tell whether all of it was answered."""
    calls = (
        ("x:OAuthClient/get", {"ids": ["nobody"]}),
        ("x:OAuthClient/query", {"filter": {"text": "w"}}),
        ("x:OAuthClient/authenticate", {"clientId": "w0-0"}),
    )
    try:
        await ask_all(client, *calls, using=[*USING, METADATA])
    except Unavailable:
        return False
    return True


async def names(client: httpx.AsyncClient) -> set[str]:
    found = await call(client, "x:OAuthClient/get", ids=None)
    return {each["clientId"] for each in found["list"]}


async def test_a_stop_makes_it_unavailable_and_a_start_brings_back_all_that_was_acknowledged(
    client: httpx.AsyncClient, cluster: Cluster
) -> None:
    outcomes: dict[str, bool] = {}
    looks: set[bool] = set()
    stopping = asyncio.Event()

    async def write(worker: int) -> None:
        number = 0
        while not (stopping.is_set() and outcomes[f"w{worker}-{number - 1}"]):
            name = f"w{worker}-{number}"
            outcomes[name] = await create(client, name)
            number += 1
            await asyncio.sleep(0.01)

    async def read() -> None:
        answered = False
        while not (stopping.is_set() and answered):
            answered = await look(client)
            looks.add(answered)
            await asyncio.sleep(0.01)

    async def stop_and_start() -> None:
        await asyncio.sleep(0.2)
        await asyncio.to_thread(cluster.stop)
        while all(outcomes.values()) or False not in looks:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(cluster.start)
        stopping.set()

    await asyncio.gather(stop_and_start(), *(write(worker) for worker in range(4)), *(read() for _ in range(2)))
    assert True in outcomes.values()
    assert looks == {True, False}
    assert await names(client) == {name for name, done in outcomes.items() if done}


async def test_states_that_a_copy_of_the_files_does_not_know_are_refused_when_that_takes_over(
    client: httpx.AsyncClient, cluster: Cluster
) -> None:
    """The server goes on by itself, and takes those from before."""
    states: list[str] = []
    for name in ("kept", "lost", "instead"):
        assert await create(client, name)
        states.append((await ask(client, "x:OAuthClient/get", ids=[]))["state"])
        if name != "instead":
            await asyncio.to_thread(cluster.stop)
            await asyncio.to_thread(cluster.keep_a_copy if name == "kept" else cluster.put_the_copy_back)
            await asyncio.to_thread(cluster.start)
            while (await client.get("/healthz/ready")).status_code != 200:
                await asyncio.sleep(0.01)
    before, lost, _ = states
    assert len((await call(client, "x:OAuthClient/changes", sinceState=before))["created"]) == 1
    response = await client.post("/api", json=request_of(("x:OAuthClient/changes", {"sinceState": lost})))
    [[kind, answer, _]] = response.json()["methodResponses"]
    assert (kind, answer["type"]) == ("error", "cannotCalculateChanges")
    assert await names(client) == {"kept", "instead"}


async def test_readiness_and_versions_follow_the_database(client: httpx.AsyncClient, cluster: Cluster) -> None:
    assert (await client.get("/healthz/ready")).status_code == 200
    await asyncio.to_thread(cluster.stop)
    while (await client.get("/healthz/ready")).status_code != 503:
        await asyncio.sleep(0.01)
    await asyncio.to_thread(cluster.start)
    while (await client.get("/healthz/ready")).status_code != 200:
        await asyncio.sleep(0.01)
    assert await create(client, "again")
