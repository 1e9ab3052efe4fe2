"""Reading and changing objects inside one transaction of PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import asyncpg

from jmap_oauth.store import sql
from jmap_oauth.store.postgresql.blobs import BlobReader, BlobWriter
from jmap_oauth.store.postgresql.connections import Connection
from jmap_oauth.store.snapshot import SnapshotReader, SnapshotWriter
from jmap_oauth.store.sql import TRUE, Matches, quoted
from jmap_oauth.store.states import begin_epoch, states_of
from jmap_oauth.store.table import Table

_PROBED: Final = 200
"""Rows that are looked at to learn how many match: of those in a million, less than a millisecond of work."""

_MANY: Final = 10_000
"""Rows that are neither looked at one by one nor collected: that takes 20 to 100 milliseconds."""

# Where numbers are taken: in this run of PostgreSQL, in this file. Commits are lost only on the way to another place:
# to a replica that takes over without them, to an older copy of the files, to a backup that is put back.
_PLACE: Final = """
    '@' || left(encode(sha256(convert_to(
      concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), pg_relation_filepath('identity')), 'UTF8'
    )), 'hex'), 16)"""

_TAKE_NUMBER: Final = f"""
    UPDATE sequence SET number = number + 1
    RETURNING number, (SELECT text FROM identity), pg_current_xact_id()::text, {_PLACE}"""


class PostgresqlReader(BlobReader, SnapshotReader):
    """A snapshot; it lives as long as the transaction of its connection."""

    async def _ids(self, matches: Matches, limit: int, offset: int) -> list[str]:
        """See `SnapshotReader`. What is searched for may be anywhere in the order.

        PostgreSQL has statistics of common words only, and takes any other one for one of many rows. So it reads the
        rows in their order until it has found enough, in a million for a second. We look at a few ourselves, then at as
        many as there have to be if it goes on like that, unless fewer match in the whole table. If that was not enough,
        those that match are collected, which their index leads to; and only if they turn out to be many it is left to
        PostgreSQL.
        """
        if matches.filter.searched:
            end = offset + limit
            found = await self._look_at_first(matches, end) if _is_indexed(matches) else []
            if len(found) >= end:
                return found[offset:end]
            count, ids = await self._collect(matches, limit, offset)
            if count < _MANY:
                return ids
        return await super()._ids(matches, limit, offset)

    async def _look_at_first(self, matches: Matches, wanted: int) -> list[str]:
        """Return those of the first rows that match, maybe so many. To look at a row costs as much as to collect it."""
        found = await self._probe(matches, _PROBED)
        if len(found) >= wanted:
            return found
        more = 2 * _PROBED * wanted // max(len(found), 1)
        if not found or more > _MANY:
            return found
        size = await self._size(matches.table)
        return await self._probe(matches, more) if size < 0 or more < len(found) * size / _PROBED else found

    async def _size(self, table: str) -> float:
        """Return how many rows a table has, as far as PostgreSQL knows; less than none if it does not."""
        [(rows,)] = await self.rows("SELECT reltuples FROM pg_class WHERE oid = ?::text::regclass", table)
        return float(rows)

    async def _probe(self, matches: Matches, count: int) -> list[str]:
        """Return the ids of those that match of so many rows, the first in the order."""
        scope, filter, order = matches.scope, matches.filter, self.order_by(matches.steps)
        first = f"SELECT * FROM {matches.table} WHERE {scope.text} ORDER BY {order} LIMIT ?"
        statement = f"SELECT id FROM ({first}) AS first WHERE {filter.text} ORDER BY {order}"
        rows = await self.rows(statement, *scope.parameters, count, *filter.parameters)
        return [id for (id,) in rows]

    async def _collect(self, matches: Matches, limit: int, offset: int) -> tuple[int, list[str]]:
        """Return how many match, as far as they are less than many, and then a window of them."""
        condition = matches.condition
        columns = ", ".join(dict.fromkeys(quoted(step.column) for step in matches.steps))
        statement = f"""
            WITH matching AS MATERIALIZED (SELECT {columns} FROM {matches.table} WHERE {condition.text} LIMIT {_MANY})
            SELECT (SELECT COUNT(*) FROM matching),
                   ARRAY(SELECT id FROM matching ORDER BY {sql.order_by(matches.steps)} LIMIT ? OFFSET ?)"""
        [(count, ids)] = await self.rows(statement, *condition.parameters, limit, offset)
        return count, ids


def _is_indexed(matches: Matches) -> bool:
    """Tell whether there is an index of the order: of one column, and within an account of none that goes down."""
    first, *others = matches.steps
    return not others or (len(others) == 1 and (first.ascending or matches.scope == TRUE))


class PostgresqlWriter(BlobWriter, SnapshotWriter, PostgresqlReader):
    """A snapshot that can be changed; `transaction` is PostgreSQL's own name for what this write does, or None."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table]) -> None:
        super().__init__(connection, tables)
        self.transaction: str | None = None

    async def _take_number(self) -> int:
        """Return the number of this write. Its row was locked when the write began, and is to the commit.

        The first one in another place than the one before it begins an epoch (see `States`), since what was known there
        may have been lost here. If nothing was, no harm is done: all states up to here stay good.
        """
        if self.number is None:
            [(self.number, self._identity, self.transaction, place)] = await self.rows(_TAKE_NUMBER)
            if not self._identity.endswith(place):
                self._identity = begin_epoch(self._identity, self.number - 1, place)
                await self.many("UPDATE identity SET text = ?", [[self._identity]])
        return self.number

    async def was_committed(self, connection: Connection) -> bool | None:
        """Tell by another connection whether this write was committed, None if that is still under way.

        Behind it may be a server that took over without this write, and has since given its `transaction` and its
        number to others. But then those are of another epoch.
        """
        try:
            status = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", self.transaction)
        except asyncpg.InvalidParameterValueError:  # that server has not come so far yet
            return False
        if self.number is None or status != "committed":
            return None if status == "in progress" else False
        # Only now: a snapshot from before that answer might not see the commit.
        [(number, identity)] = await connection.fetch("SELECT number, text FROM sequence, identity")
        keys = {states_of(each).key_of(self.number) for each in (identity, self._identity)}
        return number >= self.number and len(keys) == 1
