"""The store on SQLite: when a transaction begins and ends, and what runs inside it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.store.interface import Reader, Result, Unavailable, Writer
from jmap_oauth.store.memory import Memory, Miss, noting
from jmap_oauth.store.migrations import check_table, read_migrations
from jmap_oauth.store.sqlite_commits import Outcome, SharedCommits, Work, share, transaction
from jmap_oauth.store.sqlite_connections import READERS, Pool, Watch
from jmap_oauth.store.sqlite_file import Lead, check_library, connect, opening, prepare_file
from jmap_oauth.store.sqlite_migrations import find_table, migrate
from jmap_oauth.store.sqlite_snapshot import SqliteReader, SqliteTable, SqliteWriter


async def open_sqlite(path: Path, model: Model, migrations: Path) -> SqliteStore:
    """Return a store that is open.

    Raises:
        Unavailable, Unusable: as `SqliteStore.open`.
    """
    store = SqliteStore(path, model, migrations)
    await store.open()
    return store


class SqliteStore:
    """A `Store` (see there) in one file: one connection that writes, a few that read, one that watches.

    It can be built outside of any event loop, and is of use between `open` and `close`. Both times are in seconds: how
    long a write waits for other processes, and how long the start does, since another one may be running migrations.
    """

    lag: Final = 0.0

    def __init__(
        self, path: Path, model: Model, migrations: Path, *, busy_timeout: float = 5.0, opening_timeout: float = 30.0
    ) -> None:
        self._path = path.absolute()
        self._model = model
        self._migrations = migrations
        self._opening_timeout = opening_timeout
        self._tables = {type.name: SqliteTable(type) for type in model}
        self._watch = Watch(self._path)
        self._busy_timeout = busy_timeout
        self._writing = Pool(self._path, 0, 1, writing=True)
        self._commits = SharedCommits(self._transact)
        self._reading = Pool(self._path, busy_timeout, READERS)
        self._looking_up = Pool(self._path, busy_timeout, READERS)
        self._lead = Lead(self._path)
        self._memory = Memory()

    async def open(self) -> None:
        """Open the database, and make it or bring it up to date first. Its folder must be there.

        Raises:
            Unavailable: it is locked, or there is no room.
            Unusable: it cannot be opened, is not ours, damaged or newer, or a migration is missing.
        """
        await asyncio.to_thread(self._prepare)
        try:
            with opening(self._path):
                self._watch.open()
                await self._writing.open()
                await self._reading.open()
                await self._looking_up.open()
        except BaseException:
            await self.close()
            raise

    async def read(self, work: Callable[[Reader], Awaitable[Result]], *, brief: bool = False) -> Result:
        if not brief:
            return await self._reading.run(partial(_read, work, self._tables))
        try:
            self._catch_up()
            return await work(self._memory.reader)
        except (Miss, Unavailable):
            result, notes = await self._looking_up.run(partial(_read, noting(work), self._tables))
        self._memory.remember(notes)
        return result

    async def write(self, work: Callable[[Writer], Awaitable[Result]]) -> Result:
        return await self._write(work)

    async def prune(self, before: str) -> bool:
        return await self._write(lambda writer: writer.prune(before))

    async def version(self, *types: ObjectType, fresh: bool = False) -> str:
        return self._watch.version(types, fresh=fresh)

    async def leads(self) -> bool:
        self._watch.check_file()
        return self._lead.take()

    async def close(self) -> None:
        self._lead.close()
        await self._commits.close()
        await self._writing.close()
        await self._reading.close()
        await self._looking_up.close()
        self._watch.close()

    def _catch_up(self) -> None:
        """Let the memory forget what any process has changed. It is so little that no thread is needed."""
        commits = self._watch.commits()
        if not self._memory.is_current(commits):
            work = partial(self._memory.catch_up, token=commits)
            self._watch.read(partial(_read, work, self._tables))

    async def _write(self, work: Callable[[SqliteWriter], Awaitable[Result]]) -> Result:
        """Do some work in a transaction that it may share, and return its result when that is committed."""

        def run(connection: sqlite3.Connection) -> tuple[Result, SqliteWriter]:
            writer = SqliteWriter(connection, self._tables)
            return _drive(work(writer)), writer

        result, _ = await self._commits.run(run)
        return result

    async def _transact(self, works: Sequence[Work]) -> Sequence[Outcome]:
        return await self._writing.run(partial(_commit, works, self._busy_timeout, self._watch))

    def _prepare(self) -> None:
        check_library(sqlite3.sqlite_version_info)
        migrations = read_migrations(self._migrations)
        prepare_file(self._path)
        migrate(self._path, migrations, self._opening_timeout)
        with opening(self._path), closing(connect(self._path, self._opening_timeout)) as connection:
            for type in self._model:
                check_table(type, find_table(connection, type))
        self._memory = Memory()


# --- a unit of work, in the thread of a connection ---


def _read(
    work: Callable[[Reader], Awaitable[Result]],
    tables: Mapping[str, SqliteTable],
    connection: sqlite3.Connection,
) -> Result:
    with transaction(connection, partial(connection.execute, "BEGIN")):
        return _drive(work(SqliteReader(connection, tables)))


def _commit(works: Sequence[Work], patience: float, watch: Watch, connection: sqlite3.Connection) -> Sequence[Outcome]:
    watch.check_file()
    outcomes = share(works, patience, connection)
    # In this thread, since whoever waits may have been cancelled, and the change is made all the same.
    for writer in [outcome.result[1] for outcome in outcomes if outcome.error is None]:
        if writer.number is not None:
            watch.note((type, writer.number) for type in writer.changed)
    return outcomes


def _drive(work: Awaitable[Result]) -> Result:
    """Run a coroutine through. All it may await are methods of its snapshot, and those do not suspend.

    Raises:
        RuntimeError: it awaited something else, for which the thread would have to wait inside a transaction.
    """
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: Result = end.value
        return result
    steps.close()
    raise RuntimeError("work on a snapshot may await nothing but the snapshot")
