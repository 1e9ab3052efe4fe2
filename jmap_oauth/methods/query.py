"""Foo/query (RFC 8620 section 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from jmap_oauth.methods.call import (
    AccountArguments,
    Backing,
    principal_of,
    read_arguments,
    require,
    resolve_id,
    too_costly,
)
from jmap_oauth.model.definition import Action, ObjectType
from jmap_oauth.model.filters import parse_filter
from jmap_oauth.model.query import Query, Window, parse_sort, reads_clock
from jmap_oauth.protocol.dispatch import Call
from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.protocol.types import MAX_INTEGER, Int, UnsignedInt
from jmap_oauth.store.interface import AnchorNotFound, Page, Reader, TooCostly


class QueryArguments(AccountArguments, frozen=True, kw_only=True):
    """RFC 8620 section 5.5."""

    filter: Any = None
    sort: Any = None
    position: Int = 0
    anchor: str | None = None
    anchor_offset: Int = 0
    limit: UnsignedInt | None = None
    calculate_total: bool = False


class QueryResponse(Struct, frozen=True, rename="camel", omit_defaults=True):
    """RFC 8620 section 5.5. `limit` is there only when the server cut what was asked for."""

    account_id: str
    query_state: str
    can_calculate_changes: bool
    position: int
    ids: Sequence[str]
    total: int | None = None
    limit: int | None = None


async def handle_query(backing: Backing, type: ObjectType, call: Call) -> QueryResponse:
    """Return a window of the ids of the objects that match a filter, in the order of a sort.

    Raises:
        MethodError: forbidden, invalidArguments, accountNotFound, unsupportedFilter, unsupportedSort, anchorNotFound.
    """
    principal = principal_of(call)
    arguments = read_arguments(call, QueryArguments)
    require(backing.policy.may(principal, type, Action.QUERY))
    maximum = backing.limits.max_query_results
    asked = maximum if arguments.limit is None else min(arguments.limit, maximum)
    now = backing.clock()
    query = Query(
        parse_filter(type, arguments.filter, call.using, lambda text: resolve_id(text, call.created_ids), now),
        parse_sort(type, arguments.sort, call.using),
        Window(
            arguments.position,
            None if arguments.anchor is None else resolve_id(arguments.anchor, call.created_ids),
            arguments.anchor_offset,
            asked,
        ),
        arguments.calculate_total,
    )
    second = now if reads_clock(query.filter) else None

    async def work(reader: Reader) -> tuple[str, Page]:
        return await reader.state(type, principal.account, second), await reader.query(type, principal.account, query)

    try:
        state, page = await backing.store.read(work)
    except AnchorNotFound:
        raise MethodError(MethodErrorType.ANCHOR_NOT_FOUND, "The anchor is not among the results.") from None
    except TooCostly:
        raise too_costly() from None
    cut = page.more and asked != arguments.limit
    return QueryResponse(
        principal.account, state, True, min(page.position, MAX_INTEGER), page.ids, page.total, maximum if cut else None
    )
