"""Reading and changing objects inside one transaction of SQLite."""

from __future__ import annotations

from jmap_oauth.model.definition import ObjectType
from jmap_oauth.model.query import Words
from jmap_oauth.store.snapshot import SnapshotReader, SnapshotWriter
from jmap_oauth.store.sql import Sql, quoted
from jmap_oauth.store.sqlite_blobs import BlobReader, BlobWriter
from jmap_oauth.store.sqlite_statements import SqliteStatements
from jmap_oauth.store.table import Table, WordStatements


class SqliteTable(Table):
    """The statements for one type. Its words are in another table, whose rows have the numbers of the objects."""

    def __init__(self, type: ObjectType) -> None:
        super().__init__(type)
        self.words_name = words = quoted(f"{type.name}:words")
        number = f"(SELECT number FROM {self.name} WHERE id = ?)"
        self._found = f"(number IN (SELECT rowid FROM {words} WHERE {words} MATCH ?))"
        if type.searchable:
            self.words = WordStatements(
                f"INSERT INTO {words} (words, rowid) VALUES (?, {number})",
                f"UPDATE {words} SET words = ? WHERE rowid = {number}",
                f"DELETE FROM {words} WHERE rowid = {number}",
            )

    def search(self, node: Words) -> Sql:
        asked = " ".join(f'"{prefix}"*' for prefix in node.prefixes)  # quoted, nothing in it is an operator of FTS5
        return Sql(self._found, (asked,), depth=2)


class SqliteReader(SqliteStatements, SnapshotReader, BlobReader):
    """A snapshot; it lives as long as the transaction of its connection."""


class SqliteWriter(SqliteReader, SnapshotWriter, BlobWriter):
    """A snapshot that can be changed."""
