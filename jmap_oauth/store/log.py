"""What happened in an account, read from the numbers of its rows and tombstones, in the order in which it happened.

It is shared by the backends: values stand in the statements as `:name`, and a backend fetches rows in its own way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import groupby
from typing import Any, Final, NamedTuple

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


_VISITS: Final = 1_000
"""Of those who came and left again, how many are looked at for one part, beside as many as it may tell of."""


Fetch = Callable[[str, Mapping[str, Any]], Awaitable[Sequence[Sequence[Any]]]]
"""Runs a statement with the values that it names, and returns its rows."""


async def read_log(fetch: Fetch, type: ObjectType, account: str, since: Cursor, limit: int) -> Log:
    """Return what happened since then to at most `limit` objects.

    A log that is told to its end leaves out who came and left again. A cut through such a visit must not: whoever goes
    on from there is told that it ended, and so has to be told of it. Visits change where the cut lies, and so are read
    only once there is one.
    """
    values = {"type": type.name, "account": account, "number": since.number, "id": since.id, "limit": limit + 1}
    rows = await fetch(log_statement(type.name, None if account == GLOBAL else type.account_property), values)
    events = [Event(number, id, Kind(kind)) for number, id, kind in rows]
    log = fold(events, limit)
    if log.cut is None:
        return log
    most = limit + _VISITS
    values |= {"end": log.cut.number, "end_id": log.cut.id, "limit": most + 1}
    visits = await fetch(_VISITS_STATEMENT, values)
    end = log.cut if len(visits) <= most else Cursor(*visits[most - 1][:2])
    for joined, id, left in visits[:most]:
        events += [Event(joined, id, Kind.JOINED), Event(left, id, Kind.LEFT)]
    part = fold(sorted(event for event in events if event.cursor <= end), limit)
    return part._replace(cut=part.cut or end)


def fold(events: Iterable[Event], limit: int) -> Log:
    """Tell what events come to, up to the place after which they would be about more than `limit` objects.

    What happened to an object at one place stays together, or the second half would lie before the cut. Each object
    counts once, and not at all while it is as if it had never come.
    """
    spans: dict[str, tuple[Kind, Kind]] = {}  # what happened first and last to the objects that are told of
    end: Cursor | None = None
    for place, group in groupby(events, lambda event: event.cursor):
        kinds = [event.kind for event in group]
        span = spans.get(place.id, kinds)[0], kinds[-1]
        if span == (Kind.JOINED, Kind.LEFT):
            del spans[place.id]
        elif place.id in spans or len(spans) < limit:
            spans[place.id] = span
        else:
            return _tell(spans, end)
        end = place
    return _tell(spans, None)


def _tell(spans: Mapping[str, tuple[Kind, Kind]], cut: Cursor | None) -> Log:
    created = [id for id, (first, _) in spans.items() if first is Kind.JOINED]
    destroyed = [id for id, (_, last) in spans.items() if last is Kind.LEFT]
    updated = [id for id, (first, last) in spans.items() if first is not Kind.JOINED and last is not Kind.LEFT]
    return Log(created, updated, destroyed, cut)


@lru_cache(maxsize=1024)
def log_statement(name: str, account_property: str | None) -> str:
    """Return the statement for events after a place, as many of each kind as can be wanted, read from indexes alone.

    It is about a type in the account that a property names, or in all of them without one. Whoever left had joined by
    then: who came and left again is not among them.
    """
    joined = "joined" if account_property else "created"
    scope = f"{quoted(account_property)} = :account" if account_property else "TRUE"
    seen = f"SELECT {{}} FROM {quoted(name)} WHERE {scope} AND {{}} ORDER BY {{}} LIMIT :limit"
    came = seen.format(f"{joined}, id, {Kind.JOINED:d}", f"({joined}, id) > (:number, :id)", f"{joined}, id")
    changed = seen.format(
        f"changed, id, {Kind.CHANGED:d}", f"changed > {joined} AND (changed, id) > (:number, :id)", "changed, id"
    )
    return f"""
        SELECT * FROM (SELECT left_at AS position, id, {Kind.LEFT:d} AS kind FROM tombstone
                       WHERE type = :type AND account = :account
                         AND (left_at, id) > (:number, :id) AND (joined, id) <= (:number, :id)
                       ORDER BY left_at, id LIMIT :limit) AS gone
        UNION ALL SELECT * FROM ({came}) AS came
        UNION ALL SELECT * FROM ({changed}) AS changed
        ORDER BY position, id, kind"""


# Who joined after a place and up to another one, and left at any time. Nobody saw a visit within one write.
_VISITS_STATEMENT: Final = """
    SELECT joined, id, left_at FROM tombstone
    WHERE type = :type AND account = :account AND left_at > :number AND joined < left_at
      AND (joined, id) > (:number, :id) AND (joined, id) <= (:end, :end_id)
    ORDER BY joined, id LIMIT :limit"""
