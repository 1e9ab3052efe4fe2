"""Statements on the connection of a transaction, with values as the store has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jmap_oauth.store.postgresql.connections import Connection
from jmap_oauth.store.postgresql.statements import numbered, sendable, with_names


class Rows:
    """Runs statements, in which parameters are written `?`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""
        rows: list[Any] = await self.connection.fetch(numbered(statement), *map(sendable, parameters))
        return rows

    async def named(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """Run a statement whose parameters are written `:name`, and return its rows."""
        text, names = with_names(statement)
        rows: list[Any] = await self.connection.fetch(text, *(sendable(values[name]) for name in names))
        return rows

    async def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of parameters, without waiting in between."""
        await self.connection.executemany(numbered(statement), [tuple(map(sendable, row)) for row in rows])
