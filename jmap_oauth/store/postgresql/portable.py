"""PostgreSQL's part in carrying over and checking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import asyncpg

from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.migrations import Migration, check_current, deviations, differences, read_migrations
from jmap_oauth.store.portable import addition, is_empty
from jmap_oauth.store.postgresql.connections import Connection, connect, hang_up
from jmap_oauth.store.postgresql.failures import answering
from jmap_oauth.store.postgresql.schema import find_objects, find_table, made_objects, migrate
from jmap_oauth.store.postgresql.sql import numbered, sendable
from jmap_oauth.store.postgresql.statements import run_many
from jmap_oauth.store.postgresql.table import WORDS, PostgresqlTable
from jmap_oauth.store.sql import quoted

_SECONDS: Final = 30.0
_PATIENCE: Final = 86_400.0
"""Seconds that a statement may take: a million rows are read by one."""


class PostgresqlContents:
    """A `portable.Target` on a connection in a transaction."""

    def __init__(self, connection: Connection, model: Model, migrations: Sequence[Migration]) -> None:
        self._connection = connection
        self._migrations = migrations
        self._tables = {type.name: PostgresqlTable(type) for type in model}

    async def rows(self, statement: str, *parameters: Any) -> AsyncIterator[Sequence[Any]]:
        at_once = 2 if '"blob"' in statement else 500
        async for row in self._connection.cursor(numbered(statement), *map(sendable, parameters), prefetch=at_once):
            yield tuple(row)

    async def stored(self, type: ObjectType) -> AsyncIterator[Mapping[str, Any]]:
        table = self._tables[type.name]
        names = ["id", *(each.name for each in table.columns), "document"]
        words = f"tsvector_to_array({quoted(WORDS)})" if type.searchable else "NULL"
        async for *values, found in self.rows(f"SELECT {', '.join(map(quoted, names))}, {words} FROM {table.name}"):
            yield {**dict(zip(names, values, strict=True)), ":words": sorted(found or ())}

    def derive(self, type: ObjectType, document: str) -> Mapping[str, Any]:
        table = self._tables[type.name]
        row = table.row(table.record(document), {})
        return {**{name: sendable(value) for name, value in row.items()}, ":words": sorted(row.get(":words", ()))}

    async def own_flaws(self) -> AsyncIterator[str]:
        """Yield how tables differ from their types, and all else from what the migrations make.

        The latter only where a schema can be made. What else PostgreSQL can tell, it tells when it is read.
        """
        for table in self._tables.values():
            for difference in differences(table.type, await find_table(self._connection, table.type)):
                yield difference
        with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
            made = await made_objects(self._connection, self._migrations)
            for deviation in deviations(made, await find_objects(self._connection)):
                yield deviation

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        await run_many(self._connection, *addition(table, columns, rows))

    async def put(self, type: ObjectType, hashes: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        table = self._tables[type.name]
        made: list[dict[str, Any]] = []
        for id, created, changed, joined, *kept, document in rows:
            given = dict(zip(hashes, kept, strict=True))
            row = table.new_row((created, changed, joined), table.record(document), given, document)
            made.append(row | {"id": id})
        await run_many(self._connection, table.insert(made[0]), [[*row.values()] for row in made])


@asynccontextmanager
async def reading(url: str, model: Model, migrations: Path) -> AsyncIterator[PostgresqlContents]:
    """Give a database as it is at this moment, while others go on with it.

    Raises:
        Unavailable, Unusable: it cannot be read, or is not up to date.
    """
    steps = read_migrations(migrations)
    async with _connected(url) as connection, connection.transaction(isolation="repeatable_read"):
        if await connection.fetchval("SELECT to_regclass('schema')") is None:
            raise Unusable("this is not a database of this program")
        check_current(int(await connection.fetchval('SELECT "number" FROM "schema"')), len(steps))
        yield PostgresqlContents(connection, model, steps)


@asynccontextmanager
async def filling(url: str, model: Model, migrations: Path) -> AsyncIterator[PostgresqlContents]:
    """Give a database without rows; others see what was put there when the block has ended well.

    Raises:
        Unavailable, Unusable: it cannot be used, or there is something in it.
    """
    async with _connected(url) as connection:
        steps = read_migrations(migrations)
        await migrate(connection, steps, _SECONDS)
        async with connection.transaction():
            await connection.execute("SELECT number FROM sequence FOR UPDATE")
            contents = PostgresqlContents(connection, model, steps)
            if not await is_empty(contents, model):
                raise Unusable("the database is not empty: make another one")
            yield contents


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    # It is silent for as long as the other side of a copy is read through once more.
    connection = await connect(url, seconds=_PATIENCE, idle_in_transaction_session_timeout="0")
    with answering():
        try:
            yield connection
        finally:
            await hang_up(connection)
