from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.http.serving import World, connect


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an edge with the defaults of `world`."""
    async with connect(world.app()) as client:
        yield client
