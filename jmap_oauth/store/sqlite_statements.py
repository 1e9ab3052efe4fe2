"""Statements on a connection of SQLite.

The methods are coroutine functions, as the contract wants them, but never suspend: a whole unit of work runs through in
the thread of its connection, however many statements it takes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import msgspec

from jmap_oauth.store import sql
from jmap_oauth.store.interface import TooCostly
from jmap_oauth.store.ranges import NULL_TESTS, Tests
from jmap_oauth.store.sql import Sql, Steps, quoted
from jmap_oauth.store.statements import Statements

QUERY_SECONDS: Final = 5.0
"""Seconds after which a query is given up; all that are asked for fit in there many times, at a million records too."""

STEPS_BETWEEN_LOOKS: Final = 100_000
"""Steps of SQLite's machine, less than 10 ms, between two looks at the clock."""

_encode = msgspec.json.Encoder().encode


class SqliteStatements(Statements):
    """Runs statements; lists are passed as JSON."""

    connection: sqlite3.Connection

    async def rows(self, statement: str, *parameters: Any) -> list[Any]:
        return self.connection.execute(statement, parameters).fetchall()

    async def named(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        return self.connection.execute(statement, values).fetchall()

    async def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self.connection.executemany(statement, rows)

    def bounded(self, condition: Sql) -> AbstractContextManager[None]:
        return _within(QUERY_SECONDS, self.connection)

    def one_of(self, column: str, values: Iterable[Any]) -> Sql:
        """See `Statements`; most look for one. `json_each` cuts texts at U+0000; no text that is kept holds one."""
        given = [value for value in values if not (isinstance(value, str) and "\0" in value)]
        if len(given) == 1:
            return Sql(f"({column} = ?)", (given[0],))
        return Sql(f"({column} IN (SELECT value FROM json_each(?)))", (_encode(given).decode(),))

    def order_by(self, steps: Steps) -> str:
        return sql.order_by(steps)

    def within(self, table: str, matching: Sql, tests: Tests, values: Sequence[Any]) -> Sql:
        compared = [
            f"{quoted(column)} {operator} {'' if operator in NULL_TESTS else '?'}" for column, operator in tests
        ]
        return Sql(f"FROM {table} WHERE {' AND '.join(compared)} AND {matching.text}", (*values, *matching.parameters))

    def counts(self, table: str, matching: Sql, tests: Tests, ranges: Sequence[Sequence[Any]]) -> Sql:
        """See `Statements`. No property has a colon in its name, so none is taken for the range."""
        compared, place = [], 0
        for column, operator in tests:
            place += operator not in NULL_TESTS
            value = "" if operator in NULL_TESTS else f'(":range" ->> {place})'
            compared.append(f"{quoted(column)} {operator} {value}")
        counted = f"SELECT COUNT(*) FROM {table} WHERE {' AND '.join(compared)} AND {matching.text}"
        statement = f"""SELECT ":range" ->> 0, ({counted}) FROM (SELECT value AS ":range" FROM json_each(?))"""
        return Sql(statement, (*matching.parameters, _encode(ranges).decode()))


@contextmanager
def _within(seconds: float, connection: sqlite3.Connection) -> Iterator[None]:
    """Give up what takes longer.

    Raises:
        TooCostly: it does.
    """
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise TooCostly from None
        raise
    finally:
        connection.set_progress_handler(None, 0)
