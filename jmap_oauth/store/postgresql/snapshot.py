"""Reading and changing objects inside one transaction of PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping

from jmap_oauth.store import table
from jmap_oauth.store.postgresql.blobs import BlobReader, BlobWriter
from jmap_oauth.store.postgresql.connections import Connection
from jmap_oauth.store.snapshot import SnapshotReader, SnapshotWriter
from jmap_oauth.store.states import States


class PostgresqlReader(BlobReader, SnapshotReader):
    """A snapshot; it lives as long as the transaction of its connection."""


class PostgresqlWriter(BlobWriter, SnapshotWriter, PostgresqlReader):
    """A snapshot that can be changed; `transaction` is PostgreSQL's own name for what this write does, or None."""

    def __init__(self, connection: Connection, tables: Mapping[str, table.Table], states: States) -> None:
        super().__init__(connection, tables, states)
        self.transaction: str | None = None

    async def _take_number(self) -> int:
        """Return the number of this write. Its row was locked when the write began, and is to the commit."""
        if self.number is None:
            statement = "UPDATE sequence SET number = number + 1 RETURNING number, pg_current_xact_id()::text"
            [(self.number, self.transaction)] = await self.rows(statement)
        return self.number
