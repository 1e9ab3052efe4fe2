"""Reading and changing objects inside one transaction, as far as all backends do it in the same way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple

from jmap_oauth.model.definition import GLOBAL, ObjectType, Property, Record
from jmap_oauth.model.kinds import now
from jmap_oauth.model.query import Query
from jmap_oauth.store import sql
from jmap_oauth.store.indexes import Indexes
from jmap_oauth.store.interface import AnchorNotFound, CannotCalculateChanges, ChangeLog, Changes, Page, Saved
from jmap_oauth.store.log import read_log
from jmap_oauth.store.memory import encode_selection
from jmap_oauth.store.sql import TRUE, Matches, Role, Sql, quoted
from jmap_oauth.store.statements import Statements
from jmap_oauth.store.states import Cursor, States, states_of
from jmap_oauth.store.table import Table

_NEAR: Final = 1_000
"""Rows behind an anchor that may be read to come to a window."""

_PRUNED_AT_ONCE: Final = 500
"""Tombstones forgotten in one write: a few milliseconds of work."""

_TAKE_NUMBER: Final = "UPDATE sequence SET number = number + 1 RETURNING number, (SELECT text FROM identity)"


class SnapshotReader(Statements):
    """A snapshot; it lives as long as the transaction of its connection."""

    def __init__(self, connection: Any, tables: Mapping[str, Table]) -> None:
        self.connection = connection
        self._tables = tables

    async def state(self, type: ObjectType, account: str, second: str | None = None) -> str:
        states, newest, _ = await self._bounds(type, account)
        return states.write(type, account, newest, second)

    async def states(self, accounts: Sequence[str]) -> dict[str, dict[str, str]]:
        states: dict[str, dict[str, str]] = {account: {} for account in accounts}
        named = self.one_of("account", states)
        statement = f"SELECT text, account, type, number FROM identity, state WHERE {named.text}"
        for identity, account, name, number in await self.rows(statement, *named.parameters):
            if name in self._tables:  # not one that is no longer served
                type = self._tables[name].type
                states[account][name] = states_of(identity).write(type, account, Cursor(number))
        return states

    async def changes(
        self, type: ObjectType, account: str, since: str, limit: int, second: str | None = None
    ) -> ChangeLog:
        states, newest, oldest = await self._bounds(type, account)
        cursor, earlier = states.read(type, account, since, timed=second is not None)
        if not oldest <= cursor <= newest:
            raise CannotCalculateChanges
        log = await read_log(self.named, type, account, cursor, limit)
        state = states.write(type, account, log.cut or newest, second)
        return ChangeLog(log.created, log.updated, log.destroyed, state, more=log.cut is not None, since=earlier)

    async def get(self, type: ObjectType, account: str, ids: Sequence[str]) -> list[Record]:
        table, scope = self._tables[type.name], sql.scope(type, account)
        named = self.one_of("id", ids)
        # `IS TRUE` keeps a database from looking at others that the account sees.
        statement = f"SELECT id, document FROM {table.name} WHERE {named.text} AND {scope.text} IS TRUE"
        found = dict(await self.rows(statement, *named.parameters, *scope.parameters))
        return [table.record(found[id]) for id in dict.fromkeys(ids) if id in found]

    async def select(
        self, type: ObjectType, account: str, ids: Sequence[str], names: tuple[str, ...]
    ) -> dict[str, bytes]:
        return {each["id"]: encode_selection(each, names) for each in await self.get(type, account, ids)}

    async def query(self, type: ObjectType, account: str, query: Query) -> Page:
        matches = self._tables[type.name].matches(account, query)
        with self.bounded(matches.condition):
            return await self._query(matches, query)

    async def _query(self, matches: Matches, query: Query) -> Page:
        window, total = query.window, None
        if query.calculate_total or window.position < 0:
            total = await self._count(matches.table, matches.condition)
        if window.anchor is not None:
            position, ids = await self._ids_from(window.anchor, window.anchor_offset, matches, window.limit + 1)
        else:
            position = max(window.position + (total or 0) if window.position < 0 else window.position, 0)
            ids = await self._ids(matches, window.limit + 1, position)
        return Page(ids[: window.limit], position, len(ids) > window.limit, total if query.calculate_total else None)

    async def _ids_from(self, anchor: str, offset: int, matches: Matches, limit: int) -> tuple[int, list[str]]:
        indexes = Indexes(self, matches.table)
        if not (found := await indexes.count_before(matches.condition, matches.steps, [anchor])):
            raise AnchorNotFound(anchor)
        position = max(found[anchor] + offset, 0)
        if not 0 <= offset <= _NEAR or matches.filter != TRUE:
            return position, await self._ids(matches, limit, position)
        return position, (await indexes.read_from(matches.scope, matches.steps, anchor, offset + limit))[offset:]

    async def _ids(self, matches: Matches, limit: int, offset: int) -> list[str]:
        condition, order = matches.condition, self.order_by(matches.steps)
        statement = f"SELECT id FROM {matches.table} WHERE {condition.text} ORDER BY {order} LIMIT ? OFFSET ?"
        return [id for (id,) in await self.rows(statement, *condition.parameters, limit, offset)]

    async def indexes(self, type: ObjectType, account: str, query: Query, ids: Sequence[str]) -> dict[str, int]:
        matches = self._tables[type.name].matches(account, query)
        with self.bounded(matches.filter):
            return await Indexes(self, matches.table).find(matches.scope, matches.filter, matches.steps, ids)

    async def find(self, type: ObjectType, property: Property, values: Sequence[str]) -> list[Record]:
        table, named = self._tables[type.name], self.one_of(quoted(property.name), values)
        rows = await self.rows(f"SELECT document FROM {table.name} WHERE {named.text}", *named.parameters)
        return [table.record(document) for (document,) in rows]

    async def hashes(self, type: ObjectType, property: Property, ids: Sequence[str]) -> dict[str, str]:
        column, named = quoted(property.name), self.one_of("id", ids)
        statement = f"SELECT id, {column} FROM {quoted(type.name)} WHERE {named.text} AND {column} IS NOT NULL"
        return dict(await self.rows(statement, *named.parameters))

    async def count(self, type: ObjectType, account: str) -> int:
        return await self._count(quoted(type.name), sql.scope(type, account))

    async def referring(
        self, type: ObjectType, property: Property, ids: Sequence[str], limit: int
    ) -> list[tuple[str, str]]:
        column = quoted(property.name)
        named = self.one_of(column, ids)
        statement = f"SELECT {column}, id FROM {quoted(type.name)} WHERE {named.text} LIMIT ?"
        return [(target, id) for target, id in await self.rows(statement, *named.parameters, limit)]

    async def _count(self, table: str, matching: Sql) -> int:
        rows = await self.rows(f"SELECT COUNT(*) FROM {table} WHERE {matching.text}", *matching.parameters)
        return int(rows[0][0])

    async def _bounds(self, type: ObjectType, account: str) -> tuple[States, Cursor, Cursor]:
        """Return how states are written now, the newest, and the oldest from which changes can be told."""
        statement = "SELECT text, number, pruned FROM identity LEFT JOIN state ON account = ? AND type = ?"
        [(identity, newest, oldest)] = await self.rows(statement, account, type.name)
        return states_of(identity), Cursor(newest or 0), Cursor(oldest or 0)


class _Place(NamedTuple):
    """The numbers under which a row was created and joined its account."""

    created: int
    joined: int


class Tombstone(NamedTuple):
    """Who left an account, when, and the numbers of joining and leaving."""

    type: str
    account: str
    id: str
    joined: int
    left_at: int
    made_at: str


class SnapshotWriter(SnapshotReader):
    """A snapshot that can be changed. `number` is what this write took, or None; `changed` are names of types."""

    def __init__(self, connection: Any, tables: Mapping[str, Table]) -> None:
        super().__init__(connection, tables)
        self.number: int | None = None
        self._identity = ""
        self._moved: set[tuple[str, str]] = set()

    @property
    def changed(self) -> set[str]:
        return {type for account, type in self._moved if account == GLOBAL}

    async def state(self, type: ObjectType, account: str, second: str | None = None) -> str:
        if self.number is None or (account, type.name) not in self._moved:
            return await super().state(type, account, second)
        return states_of(self._identity).write(type, account, Cursor(self.number), second)

    async def apply(self, type: ObjectType, changes: Changes) -> None:
        if not (changes.created or changes.updated or changes.destroyed):
            return
        table, number = self._tables[type.name], await self._take_number()
        olds = [*changes.destroyed, *(old for old, _ in changes.updated)]
        places = await self._locate(table, [old["id"] for old in olds])
        if changes.destroyed:
            await self._destroy(table, number, changes.destroyed, places)
        await self._free_unique_values(table, changes.updated)
        if changes.updated:
            await self._update(table, number, changes.updated, places)
        if changes.created:
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
        await self.many("DELETE FROM tombstone WHERE number = ?", [(row[0],) for row in old])
        return len(old) == _PRUNED_AT_ONCE

    async def _take_number(self) -> int:
        """Return the number of this write. No other write is under way until the commit."""
        if self.number is None:
            [(self.number, self._identity)] = await self.rows(_TAKE_NUMBER)
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
        numbers = (number, number, number)
        rows = [table.new_row(numbers, each.record, each.hashes, table.document(each.record)) for each in created]
        await self.many(table.insert(rows[0]), [tuple(row.values()) for row in rows])
        if table.words:
            words = [(sql.words_of(table.type, saved.record), saved.record["id"]) for saved in created]
            await self.many(table.words.insert, words)

    async def _update(
        self, table: Table, number: int, updated: Sequence[tuple[Record, Saved]], places: Mapping[str, _Place]
    ) -> None:
        """Write the columns that differ, rows with the same ones together: an index costs only where one is named."""
        alike: dict[tuple[str, ...], list[Sequence[Any]]] = defaultdict(list)
        tombstones: list[Tombstone] = []
        for old, saved in updated:
            values, left = self._difference(table, number, old, saved), table.type.account_of(old)
            if "joined" in values and left is not None:
                tombstones.append(Tombstone(table.type.name, left, old["id"], places[old["id"]].joined, number, now()))
            alike[tuple(values)].append((*values.values(), old["id"]))
        for names, rows in alike.items():
            await self.many(table.update(names), rows)
        if table.words:
            words = [[sql.words_of(table.type, each) for each in (old, saved.record)] for old, saved in updated]
            changed = [
                (new, old["id"]) for (before, new), (old, _) in zip(words, updated, strict=True) if before != new
            ]
            await self.many(table.words.update, changed)
        await self._leave(tombstones)

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
                (old["id"],)
                for old, saved in updated
                if (each.name in saved.hashes if is_hash else old[each.source.name] != saved.record[each.source.name])
            ]
            await self.many(f"UPDATE {table.name} SET {quoted(each.name)} = NULL WHERE id = ?", ids)

    async def _destroy(
        self, table: Table, number: int, records: Sequence[Record], places: Mapping[str, _Place]
    ) -> None:
        tombstones: list[Tombstone] = []
        for record in records:
            id, place, name = record["id"], places[record["id"]], table.type.name
            tombstones.append(Tombstone(name, GLOBAL, id, place.created, number, now()))
            if (account := table.type.account_of(record)) is not None:
                tombstones.append(Tombstone(name, account, id, place.joined, number, now()))
        await self._leave(tombstones)
        if table.words:
            await self.many(table.words.delete, [(record["id"],) for record in records])
        await self.many(f"DELETE FROM {table.name} WHERE id = ?", [(record["id"],) for record in records])

    async def _locate(self, table: Table, ids: Sequence[str]) -> Mapping[str, _Place]:
        if not ids:
            return {}
        named = self.one_of("id", ids)
        rows = await self.rows(f"SELECT id, created, joined FROM {table.name} WHERE {named.text}", *named.parameters)
        places = {id: _Place(created, joined) for id, created, joined in rows}
        if unknown := [id for id in ids if id not in places]:
            raise LookupError(f"there is no {table.type.name} {unknown[0]} to change")
        return places

    async def _leave(self, tombstones: Sequence[Tombstone]) -> None:
        await self.many(
            "INSERT INTO tombstone (type, account, id, joined, left_at, made_at) VALUES (?, ?, ?, ?, ?, ?)", tombstones
        )
