"""Filling SQLite: rows without indexes, and the indexes afterwards, in a file that nobody else has open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jmap_oauth.store.sql import quoted
from jmap_oauth.store.sqlite_file import connect
from tests.bench.filling import TABLE, Pattern, Place, Row

_WORDS = quoted(f"{TABLE}:words")
# Each index reads all rows again: what is mapped need not be copied.
_HASTE = {
    "journal_mode": "OFF",
    "synchronous": "OFF",
    "foreign_keys": "OFF",
    "cache_size": "-500000",
    "mmap_size": f"{2**31}",
}
_SLOT = re.compile(r"%\((\w+)\)")


class SqliteFiller:
    """A `Filler` of a file."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, 5, writing=True)
        self._indexes: Sequence[tuple[str, str]] = ()

    async def read(self, id: str) -> Row:
        cursor = self._connection.execute(f'SELECT * FROM "{TABLE}" WHERE "id" = ?', [id])
        row = dict(zip((name for name, *_ in cursor.description), cursor.fetchone(), strict=True))
        [(words,)] = self._connection.execute(f"SELECT words FROM {_WORDS} WHERE rowid = ?", [row["number"]])
        return {**row, ":words": words}

    async def begin(self) -> int:
        execute = self._connection.execute
        for name, value in _HASTE.items():
            execute(f"PRAGMA {name} = {value}")
        made = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
        self._indexes = execute(made, [TABLE]).fetchall()
        for name, _ in self._indexes:
            execute(f"DROP INDEX {quoted(name)}")
        execute("BEGIN")
        return int(execute("SELECT number FROM sequence").fetchone()[0])

    async def add(self, patterns: Sequence[Pattern], places: Iterator[Sequence[Place]]) -> None:
        columns = {name: [each.columns[name] for each in patterns] for name in patterns[0].columns}
        words, columns["number"] = columns.pop(":words"), ["%(row)d"]
        names, values = ", ".join(map(quoted, columns)), ", ".join(map(_one_of, columns.values()))
        for some in places:
            self._connection.executemany(f'INSERT INTO "{TABLE}" ({names}) VALUES ({values})', some)
            self._connection.executemany(f"INSERT INTO {_WORDS} (rowid, words) VALUES (:row, {_one_of(words)})", some)

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


def _one_of(texts: Sequence[str | None]) -> str:
    """Return an expression for what a place's pattern has in a column; of one text, it is that of all."""
    if len(set(texts)) == 1:
        return _written(texts[0])
    cases = " ".join(f"WHEN {index} THEN {_written(text)}" for index, text in enumerate(texts))
    return f"CASE :pattern {cases} END"


def _written(text: str | None) -> str:
    """Return an expression for a text with slots, of which SQLite makes the same as Python."""
    if text is None:
        return "NULL"
    literal = "'" + _SLOT.sub("%", text).replace("'", "''") + "'"
    return f"printf({', '.join([literal, *(f':{name}' for name in _SLOT.findall(text))])})"
