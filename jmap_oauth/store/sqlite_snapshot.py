"""Reading and changing objects inside one transaction of SQLite.

The methods are coroutine functions, as the contract wants them, but never suspend: a whole unit of work runs through in
the thread of its connection, however many statements it takes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, Final, NamedTuple

import msgspec

from jmap_oauth.model.definition import GLOBAL, ObjectType, Property, Record
from jmap_oauth.model.kinds import now
from jmap_oauth.model.query import FilterNode, Query, Words
from jmap_oauth.store import sql
from jmap_oauth.store.interface import (
    AnchorNotFound,
    CannotCalculateChanges,
    ChangeLog,
    Changes,
    Page,
    Saved,
    TooCostly,
)
from jmap_oauth.store.log import read_log
from jmap_oauth.store.sql import Role, Sql, quoted
from jmap_oauth.store.sqlite_blobs import BlobReader, BlobWriter
from jmap_oauth.store.sqlite_indexes import Rows, array
from jmap_oauth.store.states import Cursor, States

QUERY_SECONDS: Final = 5.0
"""Seconds after which a query is given up; all that are asked for fit in there many times, at a million records too."""

STEPS_BETWEEN_LOOKS: Final = 100_000
"""Steps of SQLite's machine, less than 10 ms, between two looks at the clock."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_PRUNED_AT_ONCE = 500
"""Tombstones forgotten in one write: a few milliseconds of work."""


class Table:
    """The statements for one type."""

    def __init__(self, type: ObjectType) -> None:
        self.type = type
        self.name = quoted(type.name)
        self.words = quoted(f"{type.name}:words")
        self.columns = sql.columns_of(type)
        self.unique = [each for each in self.columns if each.unique]
        names = ["id", "created", "changed", "joined", *(each.name for each in self.columns), "document"]
        self.insert = f"INSERT INTO {self.name} ({_list(names)}) VALUES ({', '.join('?' * len(names))})"
        named = f"FROM json_each(?) AS named CROSS JOIN {self.name} AS object ON"
        self.documents = f"SELECT object.document {named} object.id = named.value"
        self.scoped = f"{self.documents} AND object.{quoted(type.account_property)} = ?"
        self._named = named
        self._names = frozenset(["id", *type.by_name])

    def by_value(self, what: str, each: Property) -> str:
        """Return the statement for `what` of the rows whose property has one of a list of values."""
        return f"SELECT {what} {self._named} object.{quoted(each.name)} = named.value"

    def record(self, document: str) -> Record:
        """Read a record back; properties that were declared after it was written have their initial values."""
        record: Record = _decode(document)
        if record.keys() == self._names:
            return record
        kept = {
            each.name: record[each.name] if each.name in record else _initial(each) for each in self.type.properties
        }
        return {"id": record["id"], **kept}

    def search(self, node: Words) -> Sql:
        """Return the condition for rows that have a word with each of these beginnings."""
        asked = " ".join(f'"{prefix}"*' for prefix in node.prefixes)  # quoted, nothing in it is an operator of FTS5
        return Sql(f"(number IN (SELECT rowid FROM {self.words} WHERE {self.words} MATCH ?))", (asked,), depth=2)

    def matching(self, account: str, filter: FilterNode) -> Sql:
        """Return the condition for what an account sees and a filter lets through."""
        return sql.all_of([sql.scope(self.type, account), sql.where(filter, self.search)])

    def row(self, record: Record, hashes: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the columns that follow from the declaration; of hashes only those that are given."""
        values = {each.name: each.value(record) for each in self.columns if each.role is not Role.HASH}
        return values | dict(hashes)


def _initial(each: Property) -> Any:
    return each.initial if each.has_default else None


def _list(names: Iterable[str]) -> str:
    return ", ".join(quoted(name) for name in names)


@contextmanager
def _given(seconds: float, connection: sqlite3.Connection) -> Iterator[None]:
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


class SqliteReader(BlobReader):
    """A snapshot; it lives as long as the transaction of its connection."""

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table], states: States) -> None:
        self.connection = connection
        self._tables = tables
        self._states = states

    async def state(self, type: ObjectType, account: str, second: str | None = None) -> str:
        newest, _ = self._bounds(type, account)
        return self._states.write(type, account, newest, second)

    async def states(self, accounts: Sequence[str]) -> dict[str, dict[str, str]]:
        states: dict[str, dict[str, str]] = {account: {} for account in accounts}
        statement = "SELECT account, type, number FROM state WHERE account IN (SELECT value FROM json_each(?))"
        for account, name, number in self._rows(statement, (array(states),)):
            if name in self._tables:  # not one that is no longer served
                type = self._tables[name].type
                states[account][name] = self._states.write(type, account, Cursor(number))
        return states

    async def changes(
        self, type: ObjectType, account: str, since: str, limit: int, second: str | None = None
    ) -> ChangeLog:
        cursor, earlier = self._states.read(type, account, since, timed=second is not None)
        newest, oldest = self._bounds(type, account)
        if not oldest <= cursor <= newest:
            raise CannotCalculateChanges
        log = await read_log(self._fetch, type, account, cursor, limit)
        state = self._states.write(type, account, log.cut or newest, second)
        return ChangeLog(log.created, log.updated, log.destroyed, state, more=log.cut is not None, since=earlier)

    async def get(self, type: ObjectType, account: str, ids: Sequence[str]) -> list[Record]:
        table = self._tables[type.name]
        if account == GLOBAL:
            rows = self._rows(table.documents, (array(ids),))
        else:
            rows = self._rows(table.scoped, (array(ids), account))
        found = {record["id"]: record for record in (table.record(document) for (document,) in rows)}
        return [found[id] for id in dict.fromkeys(ids) if id in found]

    async def query(self, type: ObjectType, account: str, query: Query) -> Page:
        with _given(QUERY_SECONDS, self.connection):
            return self._query(type, account, query)

    def _query(self, type: ObjectType, account: str, query: Query) -> Page:
        table, window = self._tables[type.name], query.window
        matching, steps = table.matching(account, query.filter), sql.steps_of(query.sort)
        total = self._count(table, matching) if query.calculate_total or window.position < 0 else None
        if window.anchor is not None:
            if not (found := Rows(self.connection, table.name).count_before(matching, steps, [window.anchor])):
                raise AnchorNotFound(window.anchor)
            position = found[window.anchor] + window.anchor_offset
        else:
            position = window.position + (total or 0) if window.position < 0 else window.position
        position = max(position, 0)
        rows = self._rows(
            f"SELECT id FROM {table.name} WHERE {matching.text} ORDER BY {sql.order_by(steps)} LIMIT ? OFFSET ?",
            (*matching.parameters, window.limit + 1, position),
        )
        ids = [id for (id,) in rows[: window.limit]]
        return Page(ids, position, len(rows) > window.limit, total if query.calculate_total else None)

    async def indexes(self, type: ObjectType, account: str, query: Query, ids: Sequence[str]) -> dict[str, int]:
        table, scope = self._tables[type.name], sql.scope(type, account)
        filter, steps = sql.where(query.filter, table.search), sql.steps_of(query.sort)
        with _given(QUERY_SECONDS, self.connection):
            return Rows(self.connection, table.name).find(scope, filter, steps, ids)

    async def find(self, type: ObjectType, property: Property, values: Sequence[str]) -> list[Record]:
        table = self._tables[type.name]
        rows = self._rows(table.by_value("object.document", property), (array(dict.fromkeys(values)),))
        return [table.record(document) for (document,) in rows]

    async def hashes(self, type: ObjectType, property: Property, ids: Sequence[str]) -> dict[str, str]:
        column = quoted(property.name)
        statement = f"""SELECT id, {column} FROM {quoted(type.name)}
                        WHERE id IN (SELECT value FROM json_each(?)) AND {column} IS NOT NULL"""
        return dict(self._rows(statement, (array(ids),)))

    async def count(self, type: ObjectType, account: str) -> int:
        return self._count(self._tables[type.name], sql.scope(type, account))

    async def referring(
        self, type: ObjectType, property: Property, ids: Sequence[str], limit: int
    ) -> list[tuple[str, str]]:
        statement = self._tables[type.name].by_value("named.value, object.id", property)
        return self._rows(f"{statement} LIMIT ?", (array(dict.fromkeys(ids)), limit))

    async def _fetch(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        return self.connection.execute(statement, values).fetchall()

    def _rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        return self.connection.execute(statement, parameters).fetchall()

    def _count(self, table: Table, matching: Sql) -> int:
        rows = self._rows(f"SELECT COUNT(*) FROM {table.name} WHERE {matching.text}", matching.parameters)
        return int(rows[0][0])

    def _bounds(self, type: ObjectType, account: str) -> tuple[Cursor, Cursor]:
        """Return the newest state, and the oldest from which changes can be told."""
        rows = self._rows("SELECT number, pruned FROM state WHERE account = ? AND type = ?", (account, type.name))
        newest, oldest = rows[0] if rows else (0, 0)
        return Cursor(newest), Cursor(oldest)


class _Place(NamedTuple):
    """Where a row is, and the numbers under which it was created and joined its account."""

    row: int
    created: int
    joined: int


class SqliteWriter(SqliteReader, BlobWriter):
    """A snapshot that can be changed. `number` is what this write took, or None; `changed` are names of types."""

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table], states: States) -> None:
        super().__init__(connection, tables, states)
        self.number: int | None = None
        self._moved: set[tuple[str, str]] = set()

    @property
    def changed(self) -> set[str]:
        return {type for account, type in self._moved if account == GLOBAL}

    async def apply(self, type: ObjectType, changes: Changes) -> None:
        if not (changes.created or changes.updated or changes.destroyed):
            return
        table, number = self._tables[type.name], self._take_number()
        for record in changes.destroyed:
            self._destroy(table, number, record)
        self._free_unique_values(table, changes.updated)
        for old, saved in changes.updated:
            self._update(table, number, old, saved)
        for saved in changes.created:
            self._create(table, number, saved)
        records = [*changes.destroyed, *(saved.record for saved in changes.created)]
        records += [record for old, saved in changes.updated for record in (old, saved.record)]
        self._move_states(type, number, {GLOBAL, *(type.account_of(record) for record in records)})

    async def prune(self, before: str) -> bool:
        """Forget the first tombstones, so many that nobody waits for it long, and tell whether it stopped at that.

        Rows are in the order of their writes. One that a wrong clock has dated to the future keeps those behind it.
        """
        rows = self._rows(
            "SELECT number, account, type, left_at, made_at FROM tombstone ORDER BY number LIMIT ?", (_PRUNED_AT_ONCE,)
        )
        old = [*takewhile(lambda row: row[-1] < before, rows)]
        self.connection.executemany(
            "UPDATE state SET pruned = ? WHERE account = ? AND type = ?",
            [(left, account, name) for (account, name), left in {row[1:3]: row[3] for row in old}.items()],
        )
        self.connection.executemany("DELETE FROM tombstone WHERE number = ?", [row[:1] for row in old])
        return len(old) == _PRUNED_AT_ONCE

    def _take_number(self) -> int:
        """Return the number of this write. It is kept to the commit under SQLite's lock for the one writer."""
        if self.number is None:
            self.number = int(self._rows("UPDATE sequence SET number = number + 1 RETURNING number", ())[0][0])
        return self.number

    def _move_states(self, type: ObjectType, number: int, accounts: Iterable[str | None]) -> None:
        moved = {(account, type.name) for account in accounts if account is not None} - self._moved
        self.connection.executemany(
            """INSERT INTO state (account, type, number) VALUES (?, ?, ?)
               ON CONFLICT (account, type) DO UPDATE SET number = excluded.number""",
            [(account, name, number) for account, name in moved],
        )
        self._moved |= moved

    def _create(self, table: Table, number: int, saved: Saved) -> None:
        row = dict.fromkeys((each.name for each in table.columns), None) | table.row(saved.record, saved.hashes)
        document = _encode(saved.record).decode()
        parameters = (saved.record["id"], number, number, number, *row.values(), document)
        cursor = self.connection.execute(table.insert, parameters)
        if table.type.searchable:
            words = sql.words_of(table.type, saved.record)
            self._rows(f"INSERT INTO {table.words} (rowid, words) VALUES (?, ?)", (cursor.lastrowid, words))

    def _update(self, table: Table, number: int, old: Record, saved: Saved) -> None:
        """Write the columns that differ: an index costs only where its column is named."""
        new, type = saved.record, table.type
        place = self._locate(table, old["id"])
        before, after = table.row(old, {}), table.row(new, saved.hashes)
        values = {name: value for name, value in after.items() if name not in before or before[name] != value}
        values |= {"changed": number, "document": _encode(new).decode()}
        if (left := type.account_of(old)) != type.account_of(new):
            values["joined"] = number
            if left is not None:
                self._leave_tombstone(type, left, old["id"], place.joined, number)
        assignments = ", ".join(f"{quoted(name)} = ?" for name in values)
        self._rows(f"UPDATE {table.name} SET {assignments} WHERE number = ?", (*values.values(), place.row))
        words = sql.words_of(type, new) if type.searchable else ""
        if type.searchable and words != sql.words_of(type, old):
            self._rows(f"UPDATE {table.words} SET words = ? WHERE rowid = ?", (words, place.row))

    def _free_unique_values(self, table: Table, updated: Sequence[tuple[Record, Saved]]) -> None:
        """Take away unique values that will change, so that objects can swap them: each is checked at once."""
        for old, saved in updated if len(updated) > 1 else ():
            for each in table.unique:
                is_hash = each.role is Role.HASH
                if each.name in saved.hashes if is_hash else each.value(old) != each.value(saved.record):
                    self._rows(f"UPDATE {table.name} SET {quoted(each.name)} = NULL WHERE id = ?", (old["id"],))

    def _destroy(self, table: Table, number: int, record: Record) -> None:
        place = self._locate(table, record["id"])
        self._leave_tombstone(table.type, GLOBAL, record["id"], place.created, number)
        if (account := table.type.account_of(record)) is not None:
            self._leave_tombstone(table.type, account, record["id"], place.joined, number)
        if table.type.searchable:
            self._rows(f"DELETE FROM {table.words} WHERE rowid = ?", (place.row,))
        self._rows(f"DELETE FROM {table.name} WHERE number = ?", (place.row,))

    def _locate(self, table: Table, id: str) -> _Place:
        rows = self._rows(f"SELECT number, created, joined FROM {table.name} WHERE id = ?", (id,))
        if not rows:
            raise LookupError(f"there is no {table.type.name} {id} to change")
        return _Place(*rows[0])

    def _leave_tombstone(self, type: ObjectType, account: str, id: str, joined: int, left: int) -> None:
        self._rows(
            "INSERT INTO tombstone (type, account, id, joined, left_at, made_at) VALUES (?, ?, ?, ?, ?, ?)",
            (type.name, account, id, joined, left, now()),
        )
