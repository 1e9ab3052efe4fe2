"""`kill -9` amid a stream of changes: what was acknowledged is there afterwards, and nothing is half there.

JMAP_OAUTH_TEST_KILLS is how many times; they all befall one database.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL
from tests.process.database import check_database
from tests.process.writers import Writer, make_tenant
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, ServerProcess, serve_process

KILLS = int(os.environ.get("JMAP_OAUTH_TEST_KILLS", "8"))
FLAGS = ("--no-access-log", *QUICK_FLAGS)


async def make_writers(server: ServerProcess, random: Random) -> list[Writer]:
    """Return two writers without a tenant and two of one."""
    tenant, key = await make_tenant(server)
    keys = [(ADMIN_KEY, GLOBAL), (key, tenant)]
    return [Writer(f"w{number}", *keys[number % 2], random) for number in range(4)]


async def kill_amid_work(server: ServerProcess, writers: list[Writer], random: Random) -> None:
    """Let all work at once, and kill the server after some changes, while others are under way."""
    before = sum(writer.acknowledged for writer in writers)
    enough = before + random.randint(1, 60)
    tasks = [asyncio.create_task(writer.work(server)) for writer in writers]
    while sum(writer.acknowledged for writer in writers) < enough and not any(task.done() for task in tasks):
        await asyncio.sleep(0.001)
    await asyncio.sleep(random.random() / 50)
    server.kill()
    await asyncio.gather(*tasks)


@pytest.mark.timeout(600 + 15 * KILLS)
async def test_what_was_acknowledged_survives_kill_and_nothing_is_half_there(tmp_path: Path) -> None:
    random = Random(KILLS)
    writers: list[Writer] = []
    for kill in range(KILLS + 1):
        with serve_process(tmp_path, *FLAGS) as server:
            writers = writers or await make_writers(server, random)
            for writer in writers:
                await writer.compare(server)
            check_database(server.database)
            if kill < KILLS:
                await kill_amid_work(server, writers, random)
