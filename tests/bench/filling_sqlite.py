"""Filling SQLite: rows without indexes, and the indexes afterwards, in a file that nobody else has open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jmap_oauth.store.sql import quoted
from jmap_oauth.store.sqlite_file import connect
from tests.bench.filling import TABLE, Pattern, Place, Row

_WORDS = quoted(f"{TABLE}:words")
_HASTE = {"journal_mode": "OFF", "synchronous": "OFF", "foreign_keys": "OFF", "cache_size": "-2000000", "threads": "2"}
_END = "\x1f"
"""Stands between two columns: no text that is kept holds it."""


class SqliteFiller:
    """A `Filler` of a file."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, 5, writing=True)
        self._indexes: Sequence[tuple[str, str]] = ()
        self._patterns: Sequence[tuple[str, str, str]] = ()

    async def read(self, id: str) -> Row:
        cursor = self._connection.execute(f'SELECT * FROM "{TABLE}" WHERE "id" = ?', [id])
        row = dict(zip((name for name, *_ in cursor.description), cursor.fetchone(), strict=True))
        [(words,)] = self._connection.execute(f"SELECT words FROM {_WORDS} WHERE rowid = ?", [row["number"]])
        return {**row, ":words": words}

    async def begin(self, patterns: Sequence[Pattern]) -> int:
        execute = self._connection.execute
        for name, value in _HASTE.items():
            execute(f"PRAGMA {name} = {value}")
        made = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
        self._indexes = execute(made, [TABLE]).fetchall()
        for name, _ in self._indexes:
            execute(f"DROP INDEX {quoted(name)}")
        self._patterns = [_prepare(each) for each in patterns]
        execute("BEGIN")
        return int(execute("SELECT number FROM sequence").fetchone()[0])

    async def add(self, places: Sequence[Place]) -> None:
        words = []
        for index, (statement, columns, found) in enumerate(self._patterns):
            some = [place for place in places if place["pattern"] == index]
            self._connection.executemany(statement, [(columns % place).split(_END) for place in some])
            words += [(place["row"], found % place) for place in some]
        # FTS5 writes what it has collected whenever a row does not come after the last one.
        self._connection.executemany(f"INSERT INTO {_WORDS} (rowid, words) VALUES (?, ?)", sorted(words))

    async def finish(self, last: Mapping[str, int]) -> None:
        execute = self._connection.execute
        for account, number in last.items():
            execute("UPDATE state SET number = ? WHERE account = ? AND type = ?", [number, account, TABLE])
        execute("UPDATE sequence SET number = ?", [max(last.values())])
        execute("COMMIT")
        for _, statement in self._indexes:
            execute(statement)
        execute("PRAGMA journal_mode = WAL")
        self._connection.close()


def _prepare(pattern: Pattern) -> tuple[str, str, str]:
    """Return the statement for rows of a pattern, and what their columns and their words are made from."""
    columns = {name: text for name, text in pattern.columns.items() if text is not None}
    words = columns.pop(":words")
    columns["number"] = "%(row)d"
    names, marks = ", ".join(map(quoted, columns)), ", ".join("?" for _ in columns)
    return f'INSERT INTO "{TABLE}" ({names}) VALUES ({marks})', _END.join(columns.values()), words
