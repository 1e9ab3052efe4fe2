"""The statements for one type on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from jmap_oauth.model.definition import ObjectType, Property, Record
from jmap_oauth.model.query import FilterNode, Words
from jmap_oauth.store import sql
from jmap_oauth.store.postgresql.statements import asked, lexemes
from jmap_oauth.store.sql import Role, Sql, quoted

WORDS = quoted(":words")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Table:
    """The statements for one type."""

    def __init__(self, type: ObjectType) -> None:
        self.type = type
        self.name = quoted(type.name)
        self.account = quoted(type.account_property)
        self.columns = sql.columns_of(type)
        self.unique = [each for each in self.columns if each.unique]
        self.integers = frozenset(each.name for each in self.columns if each.is_integer)
        self._names = frozenset(["id", *type.by_name])

    def insert(self, names: Iterable[str]) -> str:
        """Return the statement that adds a row with these columns."""
        names = list(names)
        return f"INSERT INTO {self.name} ({', '.join(map(quoted, names))}) VALUES ({', '.join(map(_value, names))})"

    def update(self, names: Iterable[str]) -> str:
        """Return the statement that changes these columns of the row with an id, which comes last."""
        return f"UPDATE {self.name} SET {', '.join(f'{quoted(name)} = {_value(name)}' for name in names)} WHERE id = ?"

    def by_value(self, what: str, each: Property) -> str:
        """Return the statement for `what` of the rows whose property has one of a list of values."""
        return f"SELECT {what} FROM {self.name} WHERE {quoted(each.name)} = ANY(?)"

    def record(self, document: str) -> Record:
        """Read a record back; properties that were declared after it was written have their initial values."""
        record: Record = _decode(document)
        if record.keys() == self._names:
            return record
        kept = {
            each.name: record[each.name] if each.name in record else _initial(each) for each in self.type.properties
        }
        return {"id": record["id"], **kept}

    def matching(self, account: str, filter: FilterNode) -> Sql:
        """Return the condition for what an account sees and a filter lets through."""
        return sql.all_of([sql.scope(self.type, account), sql.where(filter, self._search)])

    def _search(self, node: Words) -> Sql:
        return Sql(f"({WORDS} @@ ?::text::tsquery)", (asked(node.prefixes),))

    def row(self, record: Record, hashes: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the columns that follow from the declaration, and the words; of hashes only those that are given."""
        values = {each.name: each.value(record) for each in self.columns if each.role is not Role.HASH}
        if self.type.searchable:
            values[":words"] = lexemes(sql.words_of(self.type, record).split())
        return values | dict(hashes)

    def document(self, record: Record) -> str:
        """Write a record as it is kept."""
        return _encode(record).decode()


def _value(name: str) -> str:
    return "array_to_tsvector(?::text[])" if name == ":words" else "?"


def _initial(each: Property) -> Any:
    return each.initial if each.has_default else None
