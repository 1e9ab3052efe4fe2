"""The plain SQL of an answer: the statements that a store runs for it, sent again by the driver and nothing else.

Writes are recorded without being made, so that the same statements can then be run on the same database.
"""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from time import perf_counter
from typing import Any, Protocol, cast

import msgspec

from jmap_oauth.access.principal import Principal
from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.database import schema_folder
from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Reader, Result, Store, Writer
from jmap_oauth.store.postgresql.connections import connect as connect_postgresql
from jmap_oauth.store.postgresql.store import PostgresqlStore
from jmap_oauth.store.sqlite import SqliteStore
from jmap_oauth.store.sqlite_file import connect as connect_sqlite

Statement = tuple[str, tuple[Any, ...]]
"""A method of a connection, and what it was given."""

_RECORDED = {"execute", "executemany", "fetch", "fetchrow", "fetchval"}
_RUNS = 30
_SECONDS = 1.0
"""After so many runs or seconds, whichever comes first, a median is known well enough."""

_encode = msgspec.json.Encoder().encode


class _Recorder:
    """A connection that takes down what is asked of it."""

    def __init__(self, connection: Any, taken: list[Statement]) -> None:
        self._connection = connection
        self._taken = taken

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)
        if name not in _RECORDED:
            return method

        def recorded(statement: str, *parameters: Any) -> Any:
            given = (statement, [*parameters[0]]) if name == "executemany" else (statement, *parameters)
            self._taken.append((name, given))
            return method(*given)

        return recorded


class _Undone(Exception):
    """A write was recorded, and is not to be made."""


class _Recording:
    """A store that takes down what its units of work ask of the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.taken: list[Statement] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self, work: Callable[[Reader], Awaitable[Result]], *, brief: bool = False) -> Result:
        """Read from the database, whatever is remembered."""
        return await self._store.read(self._recorded(work))

    async def write(self, work: Callable[[Writer], Awaitable[Result]]) -> Result:
        results: list[Result] = []

        async def undone(writer: Writer) -> None:
            results.append(await self._recorded(work)(writer))
            raise _Undone

        with suppress(_Undone):
            await self._store.write(undone)
        return results[0]

    def _recorded(self, work: Callable[[Any], Awaitable[Result]]) -> Callable[[Any], Awaitable[Result]]:
        async def recorded(snapshot: Any) -> Result:
            snapshot.connection = _Recorder(snapshot.connection, self.taken)
            return await work(snapshot)

        return recorded


class Plain:
    """A database by its driver alone, and the statements that answers take there."""

    def __init__(self, server: Server, store: _Recording, database: _Database) -> None:
        self._server = server
        self._store = store
        self._database = database

    async def record(self, body: bytes) -> tuple[Sequence[Statement], Any]:
        """Return the statements that lead to an answer, and the answer."""
        self._store.taken.clear()
        caller = Principal(id="bench", name="bench", account=GLOBAL, permissions=self._server.permissions)
        answer = await self._server.dispatcher.run(self._server.dispatcher.parse(body), caller, "s0")
        return [*self._store.taken], answer

    async def time_reads(self, body: bytes) -> tuple[float, float]:
        """Return the seconds of the plain SQL of an answer, and those of encoding it: medians."""
        statements, answer = await self.record(body)
        decoded = msgspec.json.decode(_encode(answer))
        plain = await _median(lambda: self._database.read(statements))

        async def encoded() -> None:
            _encode(decoded)

        return plain, await _median(encoded)

    async def time_writes(self, bodies: Sequence[bytes], size: int) -> float:
        """Return how many of these requests a second plain SQL does with so many a commit."""
        writes = [[each for each in (await self.record(body))[0] if _changes(each)] for body in bodies]
        started = perf_counter()
        for start in range(0, len(writes), size):
            await self._database.write([each for one in writes[start : start + size] for each in one])
        return len(writes) / (perf_counter() - started)


async def _median(run: Callable[[], Awaitable[None]]) -> float:
    await run()
    seconds: list[float] = []
    while len(seconds) < _RUNS and sum(seconds) < _SECONDS:
        started = perf_counter()
        await run()
        seconds.append(perf_counter() - started)
    return statistics.median(seconds)


def _changes(statement: Statement) -> bool:
    return str(statement[1][0]).lstrip().startswith(("INSERT", "UPDATE", "DELETE"))


class _Database(Protocol):
    """A connection of a driver, set up like the store's."""

    async def read(self, statements: Sequence[Statement]) -> None: ...

    async def write(self, statements: Sequence[Statement]) -> None: ...


class _Sqlite:
    def __init__(self, reading: Any, writing: Any) -> None:
        self._reading = reading
        self._writing = writing

    async def read(self, statements: Sequence[Statement]) -> None:
        self._run(self._reading, "BEGIN", statements)

    async def write(self, statements: Sequence[Statement]) -> None:
        self._run(self._writing, "BEGIN IMMEDIATE", statements)

    def _run(self, connection: Any, begin: str, statements: Sequence[Statement]) -> None:
        connection.execute(begin)
        for name, given in statements:
            getattr(connection, name)(*given).fetchall()
        connection.execute("COMMIT")


class _Postgresql:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def read(self, statements: Sequence[Statement]) -> None:
        await self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", statements)

    async def write(self, statements: Sequence[Statement]) -> None:
        await self._run("BEGIN", statements)

    async def _run(self, begin: str, statements: Sequence[Statement]) -> None:
        await self._connection.execute(begin)
        for name, given in statements:
            await getattr(self._connection, name)(*given)
        await self._connection.execute("COMMIT")


@asynccontextmanager
async def plain_sql(url: str) -> AsyncIterator[Plain]:
    """Open a database twice: as the server does, to record what it asks, and by its driver."""
    settings = Settings(database=url)
    async with open_server(settings) as server, _driver(settings) as database:
        path, model = settings.database_path, server.model
        store = (
            PostgresqlStore(url, model, schema_folder() / "postgresql")
            if path is None
            else SqliteStore(path, model, schema_folder() / "sqlite")
        )
        await store.open()
        try:
            recording = _Recording(store)
            built = Server(settings, model, cast(Store, recording), server.backing.hasher)
            yield Plain(built, recording, database)
        finally:
            await store.close()


@asynccontextmanager
async def _driver(settings: Settings) -> AsyncIterator[_Database]:
    path = settings.database_path
    if path is None:
        connection = await connect_postgresql(settings.database, seconds=60)
        try:
            await connection.execute("SET plan_cache_mode = force_custom_plan")
            yield _Postgresql(connection)
        finally:
            await connection.close()
    else:
        with closing(connect_sqlite(path, 5)) as reading, closing(connect_sqlite(path, 5, writing=True)) as writing:
            yield _Sqlite(reading, writing)
