"""Minutes of mixed load on two workers, with backups by a third process, and nothing goes wrong.

JMAP_OAUTH_TEST_SOAK is for how many seconds. From a minute on, PostgreSQL has its turn too, and is stopped and started
in the middle; and the memory of the workers is looked at.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
import pytest

from jmap_oauth import keeping
from jmap_oauth.config import Settings
from jmap_oauth.store.postgresql.store import PostgresqlStore
from jmap_oauth.store.sqlite import SqliteStore
from tests.cli.process import COMMAND, environment
from tests.process.counters import Checker, make_counters
from tests.process.database import check_database
from tests.process.test_kill import make_writers
from tests.process.test_workers import workers_of
from tests.process.writers import Unavailable, Writer, ask
from tests.support.postgresql import Cluster
from tests.support.served import QUICK_FLAGS, ServerProcess, serve_process

SECONDS = float(os.environ.get("JMAP_OAUTH_TEST_SOAK", "0.5"))
IS_LONG = SECONDS >= 60
BACKENDS = ("sqlite", "postgresql") if IS_LONG else ("sqlite",)
CONNECTIONS = 6 if IS_LONG else 2
"""For each kind of work; the system spreads them over the workers."""

GROWTH = 1.15
"""What the memory of a worker may have grown by since a third of the time, in which it takes what it is to keep."""

Result = TypeVar("Result")
Work = Callable[[httpx.AsyncClient], Awaitable[None]]


class Soak:
    """A server, what is done to it until it is `over`, and what was seen."""

    def __init__(self, server: ServerProcess, database: str, cluster: Cluster | None) -> None:
        self.server = server
        self.database = database
        self.cluster = cluster
        self.over = asyncio.Event()
        self.random = Random(1)
        self.writers: list[Writer] = []
        self.lag = SqliteStore.lag if cluster is None else PostgresqlStore.lag
        self.checker = Checker([], self.lag)
        self.memory: list[int] = []
        self.answers = self.backups = self.unavailable = 0

    async def run(self) -> None:
        """Do everything at once for as long as it is to last."""
        async with self.server.client() as client:
            self.writers = await make_writers(self.server, self.random)
            self.checker = Checker(await make_counters(client, ("first", "second")), self.lag)
        works: list[Coroutine[Any, Any, None]] = [writer.work_until(self.over, self.server) for writer in self.writers]
        works += [self._repeat(self._back_up), self._end()]
        works += [self._repeat(work) for work in (self._count, self._look, self._ask) for _ in range(CONNECTIONS)]
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(work)

    def seen(self) -> dict[str, int]:
        """Return what the run was about, in numbers."""
        return {
            "calls that changed something": sum(writer.acknowledged for writer in self.writers),
            "counts": sum(counter.acknowledged for counter in self.checker.counters),
            "other answers": self.answers,
            "sound backups": self.backups,
            "times unavailable": self.unavailable,
            "KiB of memory at a third": max(self.memory[: len(self.memory) // 3]) // 1024,
            "KiB of memory at most": max(self.memory) // 1024,
        }

    async def _end(self) -> None:
        """Let time pass, look at the memory, and stop and start PostgreSQL in the middle."""
        steps = 20
        for step in range(steps):
            await asyncio.sleep(SECONDS / steps)
            self.memory.append(memory_of(self.server))
            if self.cluster is not None and step == steps // 2:
                await asyncio.to_thread(self.cluster.stop)
                await asyncio.sleep(5)
                await asyncio.to_thread(self.cluster.start)
        self.over.set()

    async def _repeat(self, work: Work) -> None:
        async with self.server.client() as client:
            while not self.over.is_set():
                try:
                    await work(client)
                except Unavailable:
                    self.unavailable += 1
                    await asyncio.sleep(0.05)

    async def _count(self, client: httpx.AsyncClient) -> None:
        """Count, and look at once on the same connection, which leads to the process that has counted."""
        await self.random.choice(self.checker.counters).count(client)
        await self.checker.look(client)

    async def _look(self, client: httpx.AsyncClient) -> None:
        """Read the counters as they are; on PostgreSQL others may know a second later."""
        await self.checker.look(client)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        """Ask for this and that."""
        name, arguments = self.random.choice(ASKED)
        await ask(client, name, **arguments)
        self.answers += 1

    async def _back_up(self, _client: httpx.AsyncClient) -> None:
        """Take a backup in another process, and check what is in it: of a dump by restoring it."""
        backup, restored = (self.server.folder / name for name in ("backup", "restored.db"))
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "db", "backup", str(backup), "--database", self.database,
            env=environment({}), stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait():
            assert self.cluster is not None
            raise Unavailable
        if self.cluster is None:
            assert await flaws_of(str(backup)) == []
        else:
            settings = Settings(database=str(restored))
            await in_a_thread(keeping.restore(settings, backup, lambda _done, _total: None, force=False))
            restored.unlink()
        backup.unlink()
        self.backups += 1


ASKED = (
    ("x:OAuthClient/query", {"filter": {"text": "revision"}, "sort": [{"property": "clientId"}], "limit": 20}),
    ("x:OAuthClient/query", {"sort": [{"property": "createdAt", "isAscending": False}], "calculateTotal": True}),
    ("x:OAuthClient/get", {"ids": None, "properties": ["clientId", "contacts"]}),
    ("x:Tenant/get", {"ids": None}),
    ("x:AuditEvent/query", {"limit": 10}),
    ("Core/echo", {"hello": "world"}),
)


async def flaws_of(database: str) -> list[str]:
    async def find() -> list[str]:
        return [flaw async for flaw in keeping.check_database(Settings(database=database))]

    return await in_a_thread(find())


async def in_a_thread(work: Coroutine[Any, Any, Result]) -> Result:
    """Do what would keep the load waiting, beside it."""
    return await asyncio.to_thread(asyncio.run, work)


def memory_of(server: ServerProcess) -> int:
    """Return the bytes of memory of the worker that has most."""
    statements = [Path(f"/proc/{worker}/statm").read_text() for worker in workers_of(server)]
    return max(int(each.split()[1]) for each in statements) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def soak(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Soak]:
    """A server with two workers on a database of its own."""
    cluster = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    database = str(tmp_path / "test.db") if cluster is None else cluster.url
    with serve_process(tmp_path, "--workers", "2", "--database", database, *QUICK_FLAGS) as server:
        yield Soak(server, database, cluster)


@pytest.mark.timeout(600 + 2 * SECONDS)
@pytest.mark.parametrize("soak", BACKENDS, indirect=True)
async def test_under_mixed_load_nothing_is_lost_or_stale_and_every_backup_is_sound(
    soak: Soak, record_property: Callable[[str, object], None]
) -> None:
    await soak.run()
    for writer in soak.writers:
        await writer.compare(soak.server)
    async with soak.server.client() as client:
        await soak.checker.look(client)
    assert soak.checker.violations == []
    assert await asyncio.to_thread(soak.server.stop) == 0
    assert await flaws_of(soak.database) == []
    if soak.cluster is None:
        assert soak.unavailable == 0
        check_database(soak.server.database)
    assert min(soak.backups, soak.answers, *(writer.acknowledged for writer in soak.writers)) > 0
    if IS_LONG:
        assert max(soak.memory) < GROWTH * max(soak.memory[: len(soak.memory) // 3])
    for name, value in soak.seen().items():
        record_property(name, value)
