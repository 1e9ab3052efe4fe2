"""Filling PostgreSQL: rows by COPY, without indexes but those of constraints, and the indexes afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jmap_oauth.store.postgresql.connections import Connection, connect, hang_up
from jmap_oauth.store.sql import quoted
from tests.bench.filling import TABLE, Pattern, Place, Row

_SECONDS = 3_600
_HASTE = "SET maintenance_work_mem = '1GB'; SET synchronous_commit = off"
_COLUMNS = f"""
    SELECT attname FROM pg_attribute WHERE attrelid = '"{TABLE}"'::regclass
    AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = '' ORDER BY attnum"""
_INDEXES = f"""
    SELECT pg_class.relname AS name, pg_get_indexdef(indexrelid) AS statement
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = '"{TABLE}"'::regclass AND NOT indisunique"""


class PostgresqlFiller:
    """A `Filler` of a database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._columns: Sequence[str] = ()
        self._lines: Sequence[str] = ()
        self._indexes: Sequence[tuple[str, str]] = ()

    @staticmethod
    async def open(url: str) -> PostgresqlFiller:
        return PostgresqlFiller(await connect(url, seconds=_SECONDS))

    async def read(self, id: str) -> Row:
        self._columns = [name for (name,) in await self._connection.fetch(_COLUMNS)]
        names = ", ".join(f"{quoted(name)}::text" for name in self._columns)
        row = await self._connection.fetchrow(f'SELECT {names} FROM "{TABLE}" WHERE id = $1', id)
        return dict(zip(self._columns, row, strict=True))

    async def begin(self, patterns: Sequence[Pattern]) -> int:
        await self._connection.execute(_HASTE)
        self._indexes = await self._connection.fetch(_INDEXES)
        for name, _ in self._indexes:
            await self._connection.execute(f"DROP INDEX {quoted(name)}")
        self._lines = ["\t".join(map(_written, each.columns.values())) + "\n" for each in patterns]
        return int(await self._connection.fetchval("SELECT number FROM sequence"))

    async def add(self, places: Sequence[Place]) -> None:
        lines = "".join(self._lines[place["pattern"]] % place for place in places).encode()
        await self._connection.copy_to_table(TABLE, source=_Source(lines), columns=self._columns)

    async def finish(self, last: Mapping[str, int]) -> None:
        execute = self._connection.execute
        for account, number in last.items():
            await execute("UPDATE state SET number = $1 WHERE account = $2 AND type = $3", number, account, TABLE)
        await execute("UPDATE sequence SET number = $1", max(last.values()))
        for _, statement in self._indexes:
            await execute(statement)
        await execute(f'VACUUM ANALYZE "{TABLE}"')  # as autovacuum would have done by then
        await hang_up(self._connection)


class _Source:
    """Bytes as a file that is read once, which is how asyncpg wants them."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, _size: int) -> bytes:
        content, self._content = self._content, b""
        return content


def _written(text: str | None) -> str:
    """Write a value as COPY reads it."""
    if text is None:
        return r"\N"
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
