"""Foo/changes (RFC 8620 section 5.2)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from jmap_oauth.methods.call import (
    AccountArguments,
    Backing,
    PositiveInt,
    cannot_calculate_changes,
    principal_of,
    read_arguments,
    require,
)
from jmap_oauth.model.definition import Action, ObjectType
from jmap_oauth.protocol.dispatch import Call
from jmap_oauth.store.interface import CannotCalculateChanges


class ChangesArguments(AccountArguments, frozen=True, kw_only=True):
    """RFC 8620 section 5.2."""

    since_state: str
    max_changes: PositiveInt | None = None


class ChangesResponse(Struct, frozen=True, rename="camel"):
    """RFC 8620 section 5.2."""

    account_id: str
    old_state: str
    new_state: str
    has_more_changes: bool
    created: Sequence[str]
    updated: Sequence[str]
    destroyed: Sequence[str]


async def handle_changes(backing: Backing, type: ObjectType, call: Call) -> ChangesResponse:
    """Return the ids of what changed since a state, at most as many as a /query returns.

    Raises:
        MethodError: forbidden, invalidArguments, accountNotFound, cannotCalculateChanges.
    """
    principal = principal_of(call)
    arguments = read_arguments(call, ChangesArguments)
    require(backing.policy.may(principal, type, Action.GET))
    maximum = backing.limits.max_query_results
    limit = min(arguments.max_changes or maximum, maximum)
    try:
        log = await backing.store.read(
            lambda reader: reader.changes(type, principal.account, arguments.since_state, limit)
        )
    except CannotCalculateChanges:
        raise cannot_calculate_changes() from None
    return ChangesResponse(
        principal.account, arguments.since_state, log.state, log.more, log.created, log.updated, log.destroyed
    )
