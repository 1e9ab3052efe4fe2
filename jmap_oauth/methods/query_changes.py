"""Foo/queryChanges (RFC 8620 section 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from jmap_oauth.methods.call import (
    AccountArguments,
    Backing,
    cannot_calculate_changes,
    principal_of,
    read_arguments,
    require,
    resolve_id,
    too_costly,
)
from jmap_oauth.model.definition import Action, ObjectType
from jmap_oauth.model.filters import between, parse_filter
from jmap_oauth.model.query import Comparator, Query, Window, depends_on_mutable, parse_sort, reads_clock
from jmap_oauth.protocol.dispatch import Call
from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.protocol.types import UnsignedInt
from jmap_oauth.store.interface import CannotCalculateChanges, ChangeLog, Reader, TooCostly


class QueryChangesArguments(AccountArguments, frozen=True, kw_only=True):
    """RFC 8620 section 5.6."""

    since_query_state: str
    filter: Any = None
    sort: Any = None
    max_changes: UnsignedInt | None = None
    up_to_id: str | None = None
    calculate_total: bool = False


class AddedItem(Struct, frozen=True):
    """An id, and where it is to be put into the results (RFC 8620 section 5.6)."""

    id: str
    index: int


class QueryChangesResponse(Struct, frozen=True, rename="camel", omit_defaults=True):
    """RFC 8620 section 5.6. To apply it, `removed` goes out of the old results, then `added` in, in this order."""

    account_id: str
    old_query_state: str
    new_query_state: str
    removed: Sequence[str]
    added: Sequence[AddedItem]
    total: int | None = None


async def handle_query_changes(backing: Backing, type: ObjectType, call: Call) -> QueryChangesResponse:
    """Return how the results of a query differ from those of an older state.

    Raises:
        MethodError: forbidden, invalidArguments, accountNotFound, unsupportedFilter, unsupportedSort,
            cannotCalculateChanges, tooManyChanges.
    """
    principal = principal_of(call)
    arguments = read_arguments(call, QueryChangesArguments)
    require(backing.policy.may(principal, type, Action.QUERY))
    now = backing.clock()
    request = _Request(
        type,
        principal.account,
        Query(
            parse_filter(type, arguments.filter, call.using, lambda text: resolve_id(text, call.created_ids), now),
            parse_sort(type, arguments.sort, call.using),
            Window(),
            arguments.calculate_total,
        ),
        arguments,
        None if arguments.up_to_id is None else resolve_id(arguments.up_to_id, call.created_ids),
        backing.limits.max_query_results,
        now,
    )
    try:
        response = await backing.store.read(lambda reader: _calculate(request, reader))
    except CannotCalculateChanges:
        raise cannot_calculate_changes() from None
    except TooCostly:
        raise too_costly() from None
    count = len(response.removed) + len(response.added)
    if arguments.max_changes is not None and count > arguments.max_changes:
        raise _too_many_changes()
    return response


@dataclass(frozen=True, slots=True)
class _Request:
    """One /queryChanges call; `maximum` is how many changed objects are looked at."""

    type: ObjectType
    account: str
    query: Query
    arguments: QueryChangesArguments
    up_to_id: str | None
    maximum: int
    now: str

    @property
    def second(self) -> str | None:
        """The second that the state carries, if the filter reads the clock."""
        return self.now if reads_clock(self.query.filter) else None


async def _calculate(request: _Request, reader: Reader) -> QueryChangesResponse:
    """Fold what changed, and look where it is in the results now; all in one snapshot.

    Who was updated, or had a date that the clock passed, may have been anywhere in the old results: it is removed, and
    added where it is now. Only where filter and sort look at nothing that changes, it is where it was.
    """
    type, account, query = request.type, request.account, request.query
    log = await reader.changes(type, account, request.arguments.since_query_state, request.maximum, request.second)
    if log.more:
        raise _too_many_changes()
    mutable = depends_on_mutable(type, query)
    moved = [*log.updated, *await _passed(request, reader, log)] if mutable else []
    up_to = None if mutable else request.up_to_id
    candidates = [*log.created, *moved, *([] if up_to is None else [up_to])]
    indexes = await reader.indexes(type, account, query, candidates) if candidates else {}
    total = (await reader.query(type, account, query)).total if query.calculate_total else None
    last = None if up_to is None else indexes.get(up_to)
    added = [
        AddedItem(id, indexes[id])
        for id in dict.fromkeys([*log.created, *moved])
        if id in indexes and (last is None or indexes[id] <= last)
    ]
    return QueryChangesResponse(
        account,
        request.arguments.since_query_state,
        log.state,
        [*moved, *log.destroyed],
        sorted(added, key=lambda item: item.index),
        total,
    )


async def _passed(request: _Request, reader: Reader, log: ChangeLog) -> Sequence[str]:
    """Return whom the clock alone changed on its way between the states, found by the index of each date.

    A clock that was set back passes the same dates.
    """
    type, told, window = request.type, {*log.created, *log.updated}, Window(limit=request.maximum)
    if type.status is None or log.since is None:
        return []
    found: dict[str, None] = {}
    for date in (type.by_name[name] for name in type.status.dates):
        asked = Query(between(date, log.since, request.now), [Comparator(date, ascending=True)], window)
        page = await reader.query(type, request.account, asked)
        found |= dict.fromkeys(id for id in page.ids if id not in told)
        if page.more or len(told) + len(found) > request.maximum:
            raise _too_many_changes()
    return [*found]


def _too_many_changes() -> MethodError:
    return MethodError(MethodErrorType.TOO_MANY_CHANGES, "More changed than one answer may hold; query again.")
