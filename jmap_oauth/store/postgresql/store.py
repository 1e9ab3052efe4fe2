"""The store on PostgreSQL: when a transaction begins and ends, and what runs inside it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final

import asyncpg

from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.store.interface import Reader, Result, Unavailable, Writer
from jmap_oauth.store.memory import Memory, Miss, noting
from jmap_oauth.store.migrations import check_table, read_migrations
from jmap_oauth.store.postgresql.connections import Connection, Pool, Watch, connect, hang_up
from jmap_oauth.store.postgresql.failures import Conflict, Lost, Refused, answering, serving
from jmap_oauth.store.postgresql.schema import check_server, find_table, migrate
from jmap_oauth.store.postgresql.snapshot import PostgresqlReader, PostgresqlWriter
from jmap_oauth.store.postgresql.table import PostgresqlTable

READERS: Final = 4
QUERY_SECONDS: Final = 5.0
"""Seconds after which a query is given up; all that are asked for fit in there many times, at a million records too."""

_WRITE_SECONDS: Final = 60.0
_ATTEMPTS: Final = 5
_RETRY_SECONDS: Final = 0.02

_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Who has locked the row is the only writer. So, with READ COMMITTED, all its statements see the last commit before it,
# which a snapshot that was taken before the lock would not.
_BEGIN_WRITING: Final = "BEGIN; SELECT number FROM sequence FOR UPDATE"


async def open_postgresql(url: str, model: Model, migrations: Path) -> PostgresqlStore:
    """Return a store that is open.

    Raises:
        Unavailable, Unusable: as `PostgresqlStore.open`.
    """
    store = PostgresqlStore(url, model, migrations)
    await store.open()
    return store


class PostgresqlStore:
    """A `Store` (see there) in a database: one connection that writes, a few that read, one that watches.

    It can be built outside of any event loop, and is of use between `open` and `close`. Times are in seconds: how long
    a write waits for other processes, how long the start does, since another one may be running migrations, and what
    a query may take.
    """

    lag: Final = 1.0

    def __init__(
        self,
        url: str,
        model: Model,
        migrations: Path,
        *,
        busy_timeout: float = 5.0,
        opening_timeout: float = 30.0,
        query_seconds: float = QUERY_SECONDS,
    ) -> None:
        self._url = url
        self._model = model
        self._migrations = migrations
        self._opening_timeout = opening_timeout
        self._tables = {type.name: PostgresqlTable(type) for type in model}
        self._watch = Watch(url)
        # Which way is best depends on the values of a query: it is planned anew each time.
        # A table that others keep locked is told from a query that takes long by giving up before that.
        patience = f"{query_seconds * 500:.0f}"
        self._reading = Pool(url, READERS, query_seconds, plan_cache_mode="force_custom_plan", lock_timeout=patience)
        self._looking_up = Pool(url, READERS, query_seconds, lock_timeout=patience)
        self._writing = Pool(url, 1, _WRITE_SECONDS, lock_timeout=f"{busy_timeout * 1000:.0f}")
        self._channel = ""
        self._memory = Memory()
        self._remembered_of = 0  # the past of `Moment`
        self._catching_up = asyncio.Lock()

    async def open(self) -> None:
        """Open the database, and bring it up to date first.

        Raises:
            Unavailable: it cannot be reached, or is locked.
            Unusable: it is not ours, too old or newer, a migration is missing, or the URL does not open it.
        """
        self._memory, self._catching_up = Memory(), asyncio.Lock()
        try:
            await self._prepare()
            for pool in (self._reading, self._looking_up, self._writing):
                await pool.open()
            await self._watch.open(self._channel)
        except BaseException:
            await self.close()
            raise

    async def read(self, work: Callable[[Reader], Awaitable[Result]], *, brief: bool = False) -> Result:
        if not brief:
            with serving():
                return await self._read(self._reading, work)
        try:
            await self._catch_up()
            return await work(self._memory.reader)
        except (Miss, Unavailable, Refused):
            with serving():
                return await self._look_up(work)

    async def write(self, work: Callable[[Writer], Awaitable[Result]]) -> Result:
        return await self._write(work)

    async def prune(self, before: str) -> bool:
        return await self._write(lambda writer: writer.prune(before))

    async def version(self, *types: ObjectType, fresh: bool = False) -> str:
        return await self._watch.version(types)

    async def leads(self) -> bool:
        key = blake2b(self._channel.encode(), digest_size=8).digest()
        with serving():
            return await self._watch.lock(int.from_bytes(key, signed=True))

    async def close(self) -> None:
        for pool in (self._writing, self._reading, self._looking_up):
            await pool.close()
        await self._watch.close()

    async def _read(self, pool: Pool, work: Callable[[Reader], Awaitable[Result]]) -> Result:
        with answering():
            async with pool.connection() as connection:
                await connection.execute(_BEGIN_READING)
                try:
                    return await work(PostgresqlReader(connection, self._tables))
                finally:
                    await _end(connection)

    async def _look_up(self, work: Callable[[Reader], Awaitable[Result]]) -> Result:
        """Do brief work on the database, and have it remembered."""
        memory = self._memory
        result, notes = await self._read(self._looking_up, noting(work))
        if not self._catching_up.locked():  # which would not know of what comes meanwhile
            memory.remember(notes)
        return result

    async def _catch_up(self) -> None:
        """Let the memory forget what any process has changed, once for all who wait.

        Behind a new connection there may be another server, with another past.

        Raises:
            Unavailable: that cannot be told.
        """
        if self._memory.is_current(await self._watch.moment()):
            return
        async with self._catching_up:
            moment = await self._watch.moment()
            if moment.past != self._remembered_of:
                self._memory, self._remembered_of = Memory(), moment.past
            if not self._memory.is_current(moment):
                await self._read(self._looking_up, partial(self._memory.catch_up, token=moment))

    async def _prepare(self) -> None:
        migrations = read_migrations(self._migrations)
        connection = await connect(self._url, seconds=3_600)
        with answering():
            try:
                encoding = await connection.fetchval("SHOW server_encoding")
                check_server(connection.get_server_version().major, encoding)
                await migrate(connection, migrations, self._opening_timeout)
                for type in self._model:
                    check_table(type, await find_table(connection, type))
                schema = await connection.fetchval("SELECT oid FROM pg_namespace WHERE nspname = current_schema()")
            finally:
                await hang_up(connection)
        self._channel = f"changes of {schema}"

    async def _write(self, work: Callable[[PostgresqlWriter], Awaitable[Result]]) -> Result:
        """Do some work once, as often as that takes."""
        with serving():
            for attempt in range(1, _ATTEMPTS):
                with suppress(Conflict):
                    return await self._write_once(work)
                await asyncio.sleep(random.uniform(0, _RETRY_SECONDS * 2**attempt))  # noqa: S311  # to spread
            return await self._write_once(work)

    async def _write_once(self, work: Callable[[PostgresqlWriter], Awaitable[Result]]) -> Result:
        async with self._writing.connection() as connection:
            writer = PostgresqlWriter(connection, self._tables)
            try:
                with answering():
                    await connection.execute(_BEGIN_WRITING)
                    result = await work(writer)
                    if writer.number is not None:
                        changed = f"{writer.number} {' '.join(writer.changed)}"
                        await connection.execute("SELECT pg_notify($1, $2)", self._channel, changed)
                await self._commit(connection, writer)
            finally:
                await _end(connection)
        if writer.number is not None:
            self._watch.note(writer.changed, writer.number)
        return result

    async def _commit(self, connection: Connection, writer: PostgresqlWriter) -> None:
        """Commit. If the connection is lost meanwhile, another one tells what became of it.

        Raises:
            Unavailable: it was not committed, or nobody can tell.
        """
        try:
            with answering():
                await connection.execute("COMMIT")
        except Lost:
            if writer.transaction is None or not await self._was_committed(writer):
                raise

    async def _was_committed(self, writer: PostgresqlWriter) -> bool:
        for attempt in range(_ATTEMPTS):
            await asyncio.sleep(_RETRY_SECONDS * 2**attempt)
            with suppress(Unavailable), serving(), answering():
                connection = await connect(self._url, seconds=QUERY_SECONDS)
                try:
                    done = await writer.was_committed(connection)
                finally:
                    await hang_up(connection)
                if done is not None:
                    return done
        raise Unavailable("the connection was lost during the commit, and whether that was done cannot be told now")


async def _end(connection: Connection) -> None:
    """See that no transaction is open any more, whatever happened; nobody else would."""
    try:
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except BaseException as error:
        with suppress(asyncpg.InterfaceError):  # it is closed already
            connection.terminate()
        if not isinstance(error, Exception):
            raise
