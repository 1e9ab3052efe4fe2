"""What a backend does for a snapshot: it runs statements, and writes what its database has in a way of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from jmap_oauth.store.ranges import Tests
from jmap_oauth.store.sql import Sql, Steps


class Statements(ABC):
    """The connection of a transaction. Values are parameters, written `?`."""

    @abstractmethod
    async def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""

    @abstractmethod
    async def named(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """Run a statement whose parameters are written `:name`, and return its rows."""

    @abstractmethod
    async def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of parameters, without waiting in between."""

    @abstractmethod
    def bounded(self, condition: Sql) -> AbstractContextManager[None]:
        """Give up a query with this condition when it takes too long.

        Raises:
            TooCostly: it does, or cannot even be asked.
        """

    @abstractmethod
    def one_of(self, column: str, values: Iterable[Any]) -> Sql:
        """Return the condition that a column, given by its quoted name, has one of these values, none of them null."""

    @abstractmethod
    def order_by(self, steps: Steps) -> str:
        """Return the terms of an ORDER BY as an index has them."""

    @abstractmethod
    def within(self, table: str, matching: Sql, tests: Tests, values: Sequence[Any]) -> Sql:
        """Return what a statement that reads what matches in a range has from its FROM on."""

    @abstractmethod
    def counts(self, table: str, matching: Sql, tests: Tests, ranges: Sequence[Sequence[Any]]) -> Sql:
        """Return the statement that counts what matches in ranges which share their tests, as rows (place, count).

        Of each range there is its place, and then its values.
        """
