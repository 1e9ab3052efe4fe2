"""The table of a type on PostgreSQL, which has a column for its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jmap_oauth.model.definition import Record
from jmap_oauth.model.query import Words
from jmap_oauth.store import sql
from jmap_oauth.store.postgresql.sql import asked, lexemes
from jmap_oauth.store.sql import Sql, quoted
from jmap_oauth.store.table import Table

WORDS = ":words"


class PostgresqlTable(Table):
    """The statements for one type."""

    def search(self, node: Words) -> Sql:
        return Sql(f"({quoted(WORDS)} @@ ?::text::tsquery)", (asked(node.prefixes),), searched=True)

    def has(self, column: str, member: str) -> Sql:
        return Sql(f"(string_to_array(btrim({column}, E'\\n'), E'\\n') @> ARRAY[?])", (member,), searched=True)

    def parameter(self, column: str) -> str:
        return "array_to_tsvector(?::text[])" if column == WORDS else "?"

    def row(self, record: Record, hashes: Mapping[str, str | None]) -> dict[str, Any]:
        words = {WORDS: lexemes(sql.words_of(self.type, record).split())} if self.type.searchable else {}
        return super().row(record, hashes) | words
