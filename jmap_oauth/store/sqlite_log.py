"""What happened in an account, read from the numbers of its rows and tombstones, in the order in which it happened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from jmap_oauth.model.definition import GLOBAL, ObjectType
from jmap_oauth.store.sql import quoted
from jmap_oauth.store.states import Cursor


class Kind(IntEnum):
    """What happened to an object, as the account sees it. One write may hold that it left and then joined."""

    LEFT = 0
    JOINED = 1
    CHANGED = 2


class Event(NamedTuple):
    """Something that happened to an object, in the write with this number."""

    number: int
    id: str
    kind: Kind

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.number, self.id)


class Log(NamedTuple):
    """Ids, each in one list only, by the first that happened to them; `cut` is where the log was cut, if it was."""

    created: Sequence[str]
    updated: Sequence[str]
    destroyed: Sequence[str]
    cut: Cursor | None


def read_log(connection: sqlite3.Connection, type: ObjectType, account: str, since: Cursor, limit: int) -> Log:
    """Return what happened since then to at most `limit` objects."""
    values = {"type": type.name, "account": account, "number": since.number, "id": since.id, "limit": limit + 1}
    rows = connection.execute(log_statement(type, account), values)
    return fold([Event(number, id, Kind(kind)) for number, id, kind in rows], limit)


def fold(events: Iterable[Event], limit: int) -> Log:
    """Tell what events come to, up to the place at which `limit` objects had some.

    What happened to an object at one place stays together, or the second half would lie before the cut.
    """
    events = list(events)
    places = list(dict.fromkeys(event.cursor for event in events))
    cut = places[limit - 1] if len(places) > limit else None
    first: dict[str, Kind] = {}
    last: dict[str, Kind] = {}
    for event in events:
        if cut is None or event.cursor <= cut:
            first.setdefault(event.id, event.kind)
            last[event.id] = event.kind
    created = [id for id in first if first[id] is Kind.JOINED]
    destroyed = [id for id in first if last[id] is Kind.LEFT]
    updated = [id for id in first if first[id] is not Kind.JOINED and last[id] is not Kind.LEFT]
    return Log(created, updated, destroyed, cut)


def log_statement(type: ObjectType, account: str) -> str:
    """Return the statement for events after a place, as many of each kind as can be wanted, read from indexes alone.

    Whoever left had joined by then: who came and left again is not mentioned.
    """
    joined = "created" if account == GLOBAL else "joined"
    seen = f"SELECT {{}} FROM {quoted(type.name)} WHERE {_scope(type, account)} AND {{}} ORDER BY {{}} LIMIT :limit"
    came = seen.format(f"{joined}, id, {Kind.JOINED:d}", f"({joined}, id) > (:number, :id)", f"{joined}, id")
    changed = seen.format(
        f"changed, id, {Kind.CHANGED:d}", f"changed > {joined} AND (changed, id) > (:number, :id)", "changed, id"
    )
    return f"""
        SELECT * FROM (SELECT left_at AS position, id, {Kind.LEFT:d} AS kind FROM tombstone
                       WHERE type = :type AND account = :account
                         AND (left_at, id) > (:number, :id) AND (joined, id) <= (:number, :id)
                       ORDER BY left_at, id LIMIT :limit)
        UNION ALL SELECT * FROM ({came})
        UNION ALL SELECT * FROM ({changed})
        ORDER BY position, id, kind"""


def _scope(type: ObjectType, account: str) -> str:
    return "TRUE" if account == GLOBAL else f"{quoted(type.account_property)} = :account"
