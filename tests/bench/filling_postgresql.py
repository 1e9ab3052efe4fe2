"""Filling PostgreSQL: rows by one COPY, without indexes and checks that can do without them, and those afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from jmap_oauth.store.postgresql.connections import Connection, connect, hang_up
from jmap_oauth.store.sql import quoted
from tests.bench.filling import TABLE, Pattern, Place, Row

_SECONDS = 3_600
_LINES = 100
"""What is sent at once: little, so that more is made while the server reads."""

_AT_ONCE = 2
"""Indexes that are made at the same time, each by one process, which takes less work than one by several."""

_HASTE = "SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 0"

_COLUMNS = f"""
    SELECT attname FROM pg_attribute WHERE attrelid = '"{TABLE}"'::regclass
    AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = '' ORDER BY attnum"""
_INDEXES = f"""
    SELECT pg_class.relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = '"{TABLE}"'::regclass AND NOT indisunique"""
# References to other tables, and what is unique but referred to by none.
_CONSTRAINTS = f"""
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '"{TABLE}"'::regclass
    AND (contype = 'f' OR contype = 'u' AND conindid NOT IN (SELECT conindid FROM pg_constraint WHERE contype = 'f'))"""

# In the transaction that wrote its file anew, a table is filled without a log, with rows that need no vacuum.
_NEW_FILE = f"""ALTER TABLE "{TABLE}" ALTER COLUMN "document" TYPE TEXT USING "document" || ''"""


class PostgresqlFiller:
    """A `Filler` of a database."""

    def __init__(self, url: str, connection: Connection) -> None:
        self._url = url
        self._connection = connection
        self._columns: Sequence[str] = ()
        self._constraints: Sequence[str] = ()
        self._indexes: Sequence[str] = ()

    @staticmethod
    async def open(url: str) -> PostgresqlFiller:
        return PostgresqlFiller(url, await _connect(url))

    async def read(self, id: str) -> Row:
        self._columns = [name for (name,) in await self._connection.fetch(_COLUMNS)]
        names = ", ".join(f"{quoted(name)}::text" for name in self._columns)
        row = await self._connection.fetchrow(f'SELECT {names} FROM "{TABLE}" WHERE id = $1', id)
        return dict(zip(self._columns, row, strict=True))

    async def begin(self) -> int:
        fetch, execute = self._connection.fetch, self._connection.execute
        await execute("BEGIN")
        indexes, constraints, alter = await fetch(_INDEXES), await fetch(_CONSTRAINTS), f'ALTER TABLE "{TABLE}"'
        for name, _ in indexes:
            await execute(f"DROP INDEX {quoted(name)}")
        for name, _ in constraints:
            await execute(f"{alter} DROP CONSTRAINT {quoted(name)}")
        self._constraints = [f"{alter} ADD CONSTRAINT {quoted(name)} {definition}" for name, definition in constraints]
        self._indexes = [statement for _, statement in indexes]
        await execute(_NEW_FILE)
        return int(await self._connection.fetchval("SELECT number FROM sequence"))

    async def add(self, patterns: Sequence[Pattern], places: Iterator[Sequence[Place]]) -> None:
        lines = ["\t".join(map(_written, each.columns.values())) + "\n" for each in patterns]

        async def source() -> AsyncIterator[bytes]:
            for some in places:
                for start in range(0, len(some), _LINES):
                    part = some[start : start + _LINES]
                    yield "".join([lines[place["pattern"]] % place for place in part]).encode()

        await self._connection.copy_to_table(TABLE, source=source(), columns=self._columns, freeze=True)

    async def finish(self, last: Mapping[str, int]) -> None:
        execute = self._connection.execute
        for account, number in last.items():
            await execute("UPDATE state SET number = $1 WHERE account = $2 AND type = $3", number, account, TABLE)
        await execute("UPDATE sequence SET number = $1", max(last.values()))
        for statement in self._constraints:
            await execute(statement)
        await execute("COMMIT")
        indexes = [*self._indexes]
        await asyncio.gather(*(_run(self._url, indexes) for _ in range(_AT_ONCE)))
        await execute(f'VACUUM ANALYZE "{TABLE}"')  # as autovacuum would have done by then
        await hang_up(self._connection)


async def _connect(url: str) -> Connection:
    connection = await connect(url, seconds=_SECONDS)
    await connection.execute(_HASTE)
    return connection


async def _run(url: str, statements: list[str]) -> None:
    """Take statements and run them, until none is left."""
    connection = await _connect(url)
    while statements:
        await connection.execute(statements.pop(0))
    await hang_up(connection)


def _written(text: str | None) -> str:
    """Write a value as COPY reads it."""
    if text is None:
        return r"\N"
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
