"""The table of a type: what its rows hold, and the statements that all backends share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from jmap_oauth.model.definition import ObjectType, Record
from jmap_oauth.model.query import Query, Words
from jmap_oauth.store import sql
from jmap_oauth.store.sql import Matches, Role, Sql, quoted

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class WordStatements(NamedTuple):
    """How a table of words follows that of the objects; parameters are (words, id), of the last one (id)."""

    insert: str
    update: str
    delete: str


class Table(ABC):
    """The statements for one type; `words` are there if its words are not kept in its own table."""

    words: WordStatements | None = None

    def __init__(self, type: ObjectType) -> None:
        self.type = type
        self.name = quoted(type.name)
        self.columns = sql.columns_of(type)
        self.unique = [each for each in self.columns if each.unique]
        self.hashes = [each.name for each in self.columns if each.role is Role.HASH]
        self._readers = [(each.name, each.read) for each in self.columns if each.role is not Role.HASH]
        self._names = frozenset(["id", *type.by_name])
        self._insert = lru_cache(maxsize=16)(self._write_insert)

    @abstractmethod
    def search(self, node: Words) -> Sql:
        """Return the condition for rows that have a word with each of these beginnings."""

    def matches(self, account: str, query: Query) -> Matches:
        """Return what an account sees and a query finds."""
        scope, filter = sql.scope(self.type, account), sql.where(query.filter, self)
        return Matches(self.name, scope, filter, sql.all_of([scope, filter]), sql.steps_of(query.sort))

    def has(self, column: str, member: str) -> Sql:
        """Return the condition for rows whose set, in a column with this quoted name, has a member."""
        # It minds the case, which not every function of SQLite does.
        return Sql(f"({column} <> replace({column}, ?, ''))", (f"\n{member}\n",))

    def insert(self, names: Iterable[str]) -> str:
        """Return the statement that adds a row with these columns, which are nearly always the same."""
        return self._insert(tuple(names))

    def _write_insert(self, names: Sequence[str]) -> str:
        values = ", ".join(map(self.parameter, names))
        return f"INSERT INTO {self.name} ({', '.join(map(quoted, names))}) VALUES ({values})"

    def update(self, names: Iterable[str]) -> str:
        """Return the statement that changes these columns of the row with an id, which comes last."""
        assignments = ", ".join(f"{quoted(name)} = {self.parameter(name)}" for name in names)
        return f"UPDATE {self.name} SET {assignments} WHERE id = ?"

    def parameter(self, column: str) -> str:
        """Return how the parameter for a column is written."""
        return "?"

    def record(self, document: str) -> Record:
        """Read a record back; properties that were declared after it was written have their initial values."""
        record: Record = _decode(document)
        if record.keys() == self._names:
            return record
        kept = {name: value for name, value in record.items() if name in self._names}
        return {"id": record["id"], **self.type.blank(), **kept}

    def document(self, record: Record) -> str:
        """Write a record as it is kept."""
        return _encode(record).decode()

    def new_row(
        self, numbers: Sequence[int], record: Record, hashes: Mapping[str, str | None], document: str
    ) -> dict[str, Any]:
        """Return all columns of a new row, with the numbers under which it was created, last changed, and joined."""
        given = dict(zip(("created", "changed", "joined"), numbers, strict=True))
        follows = self.row(record, {**dict.fromkeys(self.hashes), **hashes})
        return {"id": record["id"], **given, **follows, "document": document}

    def row(self, record: Record, hashes: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the columns that follow from the declaration; of hashes only those that are given."""
        return {**{name: read(record) for name, read in self._readers}, **hashes}
