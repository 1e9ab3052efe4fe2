from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.http.serving import World, connect
from tests.http.talking import running


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an edge with the defaults of `world`."""
    async with connect(world.app()) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def patient() -> AsyncIterator[int]:
    """The port of a server with the usual times."""
    async with running(60, 60) as (_, port):
        yield port


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hasty() -> AsyncIterator[int]:
    """The port of a server that waits 0.6 s for a head and for progress of a body."""
    async with running(0.6, 0.6) as (_, port):
        yield port
