"""Statements on the connection of a transaction, with values as the store has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import asyncpg

from jmap_oauth.store.interface import TooCostly
from jmap_oauth.store.postgresql import sql
from jmap_oauth.store.postgresql.connections import Connection
from jmap_oauth.store.postgresql.sql import numbered, sendable, with_names
from jmap_oauth.store.ranges import Tests
from jmap_oauth.store.sql import Sql, Steps
from jmap_oauth.store.statements import Statements

_MOST_PARAMETERS: Final = 32_767
"""What the protocol has room for."""


class PostgresqlStatements(Statements):
    """Runs statements; lists are passed as arrays."""

    connection: Connection

    async def rows(self, statement: str, *parameters: Any) -> list[Any]:
        rows: list[Any] = await self.connection.fetch(numbered(statement), *map(sendable, parameters))
        return rows

    async def named(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        text, names = with_names(statement)
        rows: list[Any] = await self.connection.fetch(text, *(sendable(values[name]) for name in names))
        return rows

    async def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        await run_many(self.connection, statement, rows)

    def bounded(self, condition: Sql) -> AbstractContextManager[None]:
        return _bounded(condition)

    def one_of(self, column: str, values: Iterable[Any]) -> Sql:
        return Sql(f"({column} = ANY(?))", (list(values),))

    def order_by(self, steps: Steps) -> str:
        return sql.order_by(steps)

    def within(self, table: str, matching: Sql, tests: Tests, values: Sequence[Any]) -> Sql:
        return sql.within(table, matching, tests, values)

    def counts(self, table: str, matching: Sql, tests: Tests, ranges: Sequence[Sequence[Any]]) -> Sql:
        return sql.counts(table, matching, tests, ranges)


async def run_many(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run a statement once for each row of parameters, without waiting in between."""
    await connection.executemany(numbered(statement), [tuple(map(sendable, row)) for row in rows])


@contextmanager
def _bounded(condition: Sql) -> Iterator[None]:
    if len(condition.parameters) > _MOST_PARAMETERS - 10:  # what a query has beside its filter
        raise TooCostly
    try:
        yield
    except (asyncpg.QueryCanceledError, asyncpg.ProgramLimitExceededError):
        raise TooCostly from None
