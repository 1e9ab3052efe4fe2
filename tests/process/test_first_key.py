"""Servers that start at once on one empty database: they make one first key, and one key of the setting."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from jmap_oauth.administration import list_api_keys
from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from tests.cli.process import ROOT, environment
from tests.support.served import ADMIN_KEY
from tests.support.stores import make_database

MAKE = """
import asyncio, sys
from jmap_oauth.administration import first_key
from jmap_oauth.config import Settings
settings = Settings(database=sys.argv[1])
sys.stdin.readline()
print(asyncio.run(first_key(settings)) is not None)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return await make_database(request.param, tmp_path)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def open_servers(stack: AsyncExitStack, settings: Settings) -> list[Server]:
    return [await stack.enter_async_context(open_server(settings)) for _ in range(3)]


async def test_of_servers_in_one_race_one_makes_the_first_key(database: str, stack: AsyncExitStack) -> None:
    settings = Settings(database=database)
    servers = await open_servers(stack, settings)
    made = await asyncio.gather(*(server.bootstrap.create_first_key() for server in servers))
    keys = await list_api_keys(settings)
    assert [key.id for key in made if key] == [key["id"] for key in keys]
    assert len(keys) == 1


async def test_of_servers_in_one_race_all_start_with_the_admin_key(database: str, stack: AsyncExitStack) -> None:
    settings = Settings(database=database, admin_key=ADMIN_KEY)
    servers = await open_servers(stack, settings)
    await asyncio.gather(*(stack.enter_async_context(server.serving()) for server in servers))
    assert [key["description"] for key in await list_api_keys(settings)] == ["Administrator (setting admin_key)"]


async def test_two_processes_that_start_at_once_make_one_first_key(database: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, database],
            cwd=ROOT, env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in processes]
    assert sorted(said) == ["False\n", "True\n"]
    assert len(await list_api_keys(Settings(database=database))) == 1
