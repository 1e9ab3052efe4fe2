"""Reading and changing objects inside one transaction of PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, takewhile
from typing import Any, Final, NamedTuple

import asyncpg

from jmap_oauth.model.definition import GLOBAL, ObjectType, Property, Record
from jmap_oauth.model.kinds import now
from jmap_oauth.model.query import Query
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
from jmap_oauth.store.postgresql.blobs import BlobReader, BlobWriter
from jmap_oauth.store.postgresql.connections import Connection
from jmap_oauth.store.postgresql.statements import count_between, order_by
from jmap_oauth.store.postgresql.table import Table
from jmap_oauth.store.sql import Role, Sql, Step, quoted
from jmap_oauth.store.states import Cursor, States

_PRUNED_AT_ONCE: Final = 500
"""Tombstones forgotten in one write: a few milliseconds of work."""

_MOST_PARAMETERS: Final = 32_767
"""What the protocol has room for."""


@contextmanager
def _bounded(matching: Sql) -> Iterator[None]:
    """Give up a query that takes too long, or is too large to be asked.

    Raises:
        TooCostly: it does, or is.
    """
    if len(matching.parameters) > _MOST_PARAMETERS - 10:  # what a query has beside its filter
        raise TooCostly
    try:
        yield
    except (asyncpg.QueryCanceledError, asyncpg.ProgramLimitExceededError):
        raise TooCostly from None


class PostgresqlReader(BlobReader):
    """A snapshot; it lives as long as the transaction of its connection."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table], states: States) -> None:
        super().__init__(connection)
        self._tables = tables
        self._states = states

    async def state(self, type: ObjectType, account: str, second: str | None = None) -> str:
        newest, _ = await self._bounds(type, account)
        return self._states.write(type, account, newest, second)

    async def states(self, accounts: Sequence[str]) -> dict[str, dict[str, str]]:
        states: dict[str, dict[str, str]] = {account: {} for account in accounts}
        statement = "SELECT account, type, number FROM state WHERE account = ANY(?)"
        for account, name, number in await self.rows(statement, list(states)):
            if name in self._tables:  # not one that is no longer served
                type = self._tables[name].type
                states[account][name] = self._states.write(type, account, Cursor(number))
        return states

    async def changes(
        self, type: ObjectType, account: str, since: str, limit: int, second: str | None = None
    ) -> ChangeLog:
        cursor, earlier = self._states.read(type, account, since, timed=second is not None)
        newest, oldest = await self._bounds(type, account)
        if not oldest <= cursor <= newest:
            raise CannotCalculateChanges
        log = await read_log(self.named, type, account, cursor, limit)
        state = self._states.write(type, account, log.cut or newest, second)
        return ChangeLog(log.created, log.updated, log.destroyed, state, more=log.cut is not None, since=earlier)

    async def get(self, type: ObjectType, account: str, ids: Sequence[str]) -> list[Record]:
        table, scope = self._tables[type.name], sql.scope(type, account)
        statement = f"SELECT id, document FROM {table.name} WHERE id = ANY(?) AND {scope.text}"
        found = dict(await self.rows(statement, list(ids), *scope.parameters))
        return [table.record(found[id]) for id in dict.fromkeys(ids) if id in found]

    async def query(self, type: ObjectType, account: str, query: Query) -> Page:
        table, window = self._tables[type.name], query.window
        matching, steps = table.matching(account, query.filter), sql.steps_of(query.sort)
        with _bounded(matching):
            total = await self._count(table, matching) if query.calculate_total or window.position < 0 else None
            if window.anchor is not None:
                if not (found := await self._count_before(table, matching, steps, [window.anchor])):
                    raise AnchorNotFound(window.anchor)
                position = found[window.anchor] + window.anchor_offset
            else:
                position = window.position + (total or 0) if window.position < 0 else window.position
            position = max(position, 0)
            rows = await self.rows(
                f"SELECT id FROM {table.name} WHERE {matching.text} ORDER BY {order_by(steps)} LIMIT ? OFFSET ?",
                *matching.parameters,
                window.limit + 1,
                position,
            )
        ids = [id for (id,) in rows[: window.limit]]
        return Page(ids, position, len(rows) > window.limit, total if query.calculate_total else None)

    async def indexes(self, type: ObjectType, account: str, query: Query, ids: Sequence[str]) -> dict[str, int]:
        table = self._tables[type.name]
        matching, steps = table.matching(account, query.filter), sql.steps_of(query.sort)
        is_counted = len(steps) <= 2 and matching == sql.scope(type, account)
        look_up = self._count_before if is_counted else self._number_rows
        with _bounded(matching):
            return await look_up(table, matching, steps, ids)

    async def find(self, type: ObjectType, property: Property, values: Sequence[str]) -> list[Record]:
        table = self._tables[type.name]
        rows = await self.rows(table.by_value("document", property), list(values))
        return [table.record(document) for (document,) in rows]

    async def hashes(self, type: ObjectType, property: Property, ids: Sequence[str]) -> dict[str, str]:
        column = quoted(property.name)
        statement = f"SELECT id, {column} FROM {quoted(type.name)} WHERE id = ANY(?) AND {column} IS NOT NULL"
        return dict(await self.rows(statement, list(ids)))

    async def count(self, type: ObjectType, account: str) -> int:
        return await self._count(self._tables[type.name], sql.scope(type, account))

    async def referring(
        self, type: ObjectType, property: Property, ids: Sequence[str], limit: int
    ) -> list[tuple[str, str]]:
        statement = self._tables[type.name].by_value(f"{quoted(property.name)}, id", property)
        return [(target, id) for target, id in await self.rows(f"{statement} LIMIT ?", list(ids), limit)]

    async def _count(self, table: Table, matching: Sql) -> int:
        rows = await self.rows(f"SELECT COUNT(*) FROM {table.name} WHERE {matching.text}", *matching.parameters)
        return int(rows[0][0])

    async def _bounds(self, type: ObjectType, account: str) -> tuple[Cursor, Cursor]:
        """Return the newest state, and the oldest from which changes can be told."""
        rows = await self.rows("SELECT number, pruned FROM state WHERE account = ? AND type = ?", account, type.name)
        newest, oldest = rows[0] if rows else (0, 0)
        return Cursor(newest), Cursor(oldest)

    async def _number_rows(
        self, table: Table, matching: Sql, steps: Sequence[Step], ids: Sequence[str]
    ) -> dict[str, int]:
        """Return how many rows come before those with these ids that match, by giving all that match a number."""
        statement = f"""
            SELECT id, place - 1 FROM (
                SELECT id, ROW_NUMBER() OVER (ORDER BY {order_by(steps)}) AS place
                FROM {table.name} WHERE {matching.text}
            ) AS placed WHERE id = ANY(?)"""
        return dict(await self.rows(statement, *matching.parameters, list(ids)))

    async def _count_before(
        self, table: Table, matching: Sql, steps: Sequence[Step], ids: Sequence[str]
    ) -> dict[str, int]:
        """Return the same, by counting what stands between those rows, as `store.sqlite_indexes` does."""
        columns = ", ".join(quoted(step.column) for step in steps)
        rows = await self.rows(
            f"""SELECT {columns} FROM {table.name} WHERE id = ANY(?) AND {matching.text} ORDER BY {order_by(steps)}""",
            list(ids),
            *matching.parameters,
        )
        gaps = [0] * len(rows)
        for statement, parameters in count_between(table.name, matching, steps, rows, table.integers):
            for gap, count in await self.rows(statement, *parameters):
                gaps[gap] += count
        return {row[-1]: gap + place for place, (row, gap) in enumerate(zip(rows, accumulate(gaps), strict=True))}


class _Place(NamedTuple):
    """The numbers under which a row was created and joined its account."""

    created: int
    joined: int


_Tombstone = tuple[str, str, str, int, int, str]
"""(type, account, id, joined, left_at, made_at)"""


class PostgresqlWriter(PostgresqlReader, BlobWriter):
    """A snapshot that can be changed.

    `number` is what this write took, or None, and `transaction` PostgreSQL's own name for it; `changed` are names of
    types.
    """

    def __init__(self, connection: Connection, tables: Mapping[str, Table], states: States) -> None:
        super().__init__(connection, tables, states)
        self.number: int | None = None
        self.transaction: str | None = None
        self._moved: set[tuple[str, str]] = set()

    @property
    def changed(self) -> set[str]:
        return {type for account, type in self._moved if account == GLOBAL}

    async def apply(self, type: ObjectType, changes: Changes) -> None:
        if not (changes.created or changes.updated or changes.destroyed):
            return
        table, number = self._tables[type.name], await self._take_number()
        olds = [*changes.destroyed, *(old for old, _ in changes.updated)]
        places = await self._locate(table, [old["id"] for old in olds])
        await self._destroy(table, number, changes.destroyed, places)
        await self._free_unique_values(table, changes.updated)
        await self._update(table, number, changes.updated, places)
        await self._create(table, number, changes.created)
        news = [saved.record for saved in (*changes.created, *(saved for _, saved in changes.updated))]
        await self._move_states(type, number, {GLOBAL, *(type.account_of(record) for record in (*olds, *news))})

    async def prune(self, before: str) -> bool:
        """Forget the first tombstones, so many that nobody waits for it long, and tell whether it stopped at that.

        Rows are in the order of their writes. One that a wrong clock has dated to the future keeps those behind it.
        """
        rows = await self.rows(
            "SELECT number, account, type, left_at, made_at FROM tombstone ORDER BY number LIMIT ?", _PRUNED_AT_ONCE
        )
        old = [*takewhile(lambda row: row[-1] < before, rows)]
        await self.many(
            "UPDATE state SET pruned = ? WHERE account = ? AND type = ?",
            [(left, account, name) for (account, name), left in {(row[1], row[2]): row[3] for row in old}.items()],
        )
        await self.rows("DELETE FROM tombstone WHERE number = ANY(?)", [row[0] for row in old])
        return len(old) == _PRUNED_AT_ONCE

    async def _take_number(self) -> int:
        """Return the number of this write. Its row was locked when the write began, and is to the commit."""
        if self.number is None:
            statement = "UPDATE sequence SET number = number + 1 RETURNING number, pg_current_xact_id()::text"
            [(self.number, self.transaction)] = await self.rows(statement)
        return self.number

    async def _move_states(self, type: ObjectType, number: int, accounts: Iterable[str | None]) -> None:
        moved = {(account, type.name) for account in accounts if account is not None} - self._moved
        await self.many(
            """INSERT INTO state (account, type, number) VALUES (?, ?, ?)
               ON CONFLICT (account, type) DO UPDATE SET number = excluded.number""",
            [(account, name, number) for account, name in moved],
        )
        self._moved |= moved

    async def _create(self, table: Table, number: int, created: Sequence[Saved]) -> None:
        common, hashes = {"created": number, "changed": number, "joined": number}, _no_hashes(table)
        rows = [
            {"id": saved.record["id"], **common, **table.row(saved.record, {**hashes, **saved.hashes})}
            | {"document": table.document(saved.record)}
            for saved in created
        ]
        if rows:
            await self.many(table.insert(rows[0]), [tuple(row.values()) for row in rows])

    async def _update(
        self, table: Table, number: int, updated: Sequence[tuple[Record, Saved]], places: Mapping[str, _Place]
    ) -> None:
        """Write the columns that differ, rows with the same ones together."""
        alike: dict[tuple[str, ...], list[Sequence[Any]]] = defaultdict(list)
        tombstones: list[_Tombstone] = []
        for old, saved in updated:
            values, left = self._difference(table, number, old, saved), table.type.account_of(old)
            if "joined" in values and left is not None:
                joined = places[old["id"]].joined
                tombstones.append((table.type.name, left, old["id"], joined, number, now()))
                places = {**places, old["id"]: _Place(places[old["id"]].created, number)}
            alike[tuple(values)].append((*values.values(), old["id"]))
        for names, rows in alike.items():
            await self.many(table.update(names), rows)
        await self._leave_tombstones(tombstones)

    def _difference(self, table: Table, number: int, old: Record, saved: Saved) -> dict[str, Any]:
        before, after = table.row(old, {}), table.row(saved.record, saved.hashes)
        values = {name: value for name, value in after.items() if name not in before or before[name] != value}
        if table.type.account_of(old) != table.type.account_of(saved.record):
            values["joined"] = number
        return values | {"changed": number, "document": table.document(saved.record)}

    async def _free_unique_values(self, table: Table, updated: Sequence[tuple[Record, Saved]]) -> None:
        """Take away unique values that will change, so that objects can swap them: each is checked at once."""
        for each in table.unique if len(updated) > 1 else ():
            is_hash = each.role is Role.HASH
            ids = [
                old["id"]
                for old, saved in updated
                if (each.name in saved.hashes if is_hash else each.value(old) != each.value(saved.record))
            ]
            await self.rows(f"UPDATE {table.name} SET {quoted(each.name)} = NULL WHERE id = ANY(?)", ids)

    async def _destroy(
        self, table: Table, number: int, records: Sequence[Record], places: Mapping[str, _Place]
    ) -> None:
        tombstones: list[_Tombstone] = []
        for record in records:
            id, place, made_at = record["id"], places[record["id"]], now()
            tombstones.append((table.type.name, GLOBAL, id, place.created, number, made_at))
            if (account := table.type.account_of(record)) is not None:
                tombstones.append((table.type.name, account, id, place.joined, number, made_at))
        if records:
            await self._leave_tombstones(tombstones)
            await self.rows(f"DELETE FROM {table.name} WHERE id = ANY(?)", [record["id"] for record in records])

    async def _locate(self, table: Table, ids: Sequence[str]) -> Mapping[str, _Place]:
        if not ids:
            return {}
        rows = await self.rows(f"SELECT id, created, joined FROM {table.name} WHERE id = ANY(?)", list(ids))
        places = {id: _Place(created, joined) for id, created, joined in rows}
        for id in ids:
            if id not in places:
                raise LookupError(f"there is no {table.type.name} {id} to change")
        return places

    async def _leave_tombstones(self, tombstones: Sequence[_Tombstone]) -> None:
        await self.many(
            "INSERT INTO tombstone (type, account, id, joined, left_at, made_at) VALUES (?, ?, ?, ?, ?, ?)", tombstones
        )


def _no_hashes(table: Table) -> dict[str, None]:
    return {each.name: None for each in table.columns if each.role is Role.HASH}
