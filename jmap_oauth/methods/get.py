"""Foo/get (RFC 8620 section 5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw, Struct

from jmap_oauth.methods.call import (
    AccountArguments,
    Backing,
    principal_of,
    read_arguments,
    require,
    resolve_ids,
    too_large,
)
from jmap_oauth.model.definition import Action, ObjectType
from jmap_oauth.model.query import AllOf, Comparator, Query, Window
from jmap_oauth.protocol.dispatch import Call
from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.store.interface import Reader

_CHUNK = 100
"""How many records are read at a time, so that large ones are not all in memory before their sizes are counted."""


class GetArguments(AccountArguments, frozen=True, kw_only=True):
    """RFC 8620 section 5.1."""

    ids: list[str] | None = None
    properties: list[str] | None = None


class GetResponse(Struct, frozen=True, rename="camel"):
    """RFC 8620 section 5.1; the objects of `list` are JSON already."""

    account_id: str
    state: str
    list: Sequence[Raw]
    not_found: Sequence[str]


async def handle_get(backing: Backing, type: ObjectType, call: Call) -> GetResponse:
    """Return objects with the properties asked for, in the order of `ids`.

    Raises:
        MethodError: forbidden, invalidArguments, requestTooLarge, accountNotFound.
    """
    principal = principal_of(call)
    arguments = read_arguments(call, GetArguments)
    require(backing.policy.may(principal, type, Action.GET))
    names = _wanted(type, call.using, arguments.properties)
    limits = backing.limits
    limit = limits.max_objects_in_get
    if arguments.ids is not None and len(arguments.ids) > limit:
        raise too_large(f"{len(arguments.ids)} ids", limit)
    asked = arguments.ids if arguments.ids is None else resolve_ids(arguments.ids, call.created_ids)

    async def work(reader: Reader) -> GetResponse:
        ids = await _all_ids(reader, type, principal.account, limit) if asked is None else list(dict.fromkeys(asked))
        state = await reader.state(type, principal.account)
        objects: dict[str, bytes] = {}
        room = limits.max_size_response
        for start in range(0, len(ids), _CHUNK):
            found = await reader.select(type, principal.account, ids[start : start + _CHUNK], names)
            objects |= found
            room -= sum(map(len, found.values()))
            if room < 0:
                raise too_large("The objects are larger than an answer may be", limits.max_size_response)
        not_found = [id for id in ids if id not in objects] if len(objects) < len(ids) else ()
        return GetResponse(principal.account, state, [*map(Raw, objects.values())], not_found)

    return await backing.store.read(work, brief=asked is not None)


def _wanted(type: ObjectType, using: frozenset[str], properties: Sequence[str] | None) -> tuple[str, ...]:
    readable = type.readable(using)
    if properties is None:
        return readable
    if unknown := [name for name in properties if name not in readable]:
        description = f"properties: there is no property {unknown[0][:255]!r}."
        raise MethodError(MethodErrorType.INVALID_ARGUMENTS, description)
    return ("id", *(name for name in dict.fromkeys(properties) if name != "id"))


async def _all_ids(reader: Reader, type: ObjectType, account: str, limit: int) -> Sequence[str]:
    query = Query(AllOf(()), [Comparator(None, ascending=True)], Window(limit=limit))
    page = await reader.query(type, account, query)
    if page.more:
        raise too_large("ids: null would return more objects than one call may", limit)
    return page.ids
