"""Foo/set (RFC 8620 section 5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from jmap_oauth.access.hashing import digest
from jmap_oauth.access.policy import WRITES
from jmap_oauth.methods.call import AccountArguments, Backing, principal_of, read_arguments, resolve_id, too_large
from jmap_oauth.methods.plan import Change, Plan, SetRequest, Wish
from jmap_oauth.model.definition import MASK, Action, ObjectType, Property, Record, Secret
from jmap_oauth.model.ids import is_id, new_id
from jmap_oauth.model.kinds import SetOf, Text, now
from jmap_oauth.protocol.dispatch import Call
from jmap_oauth.protocol.errors import MethodError, MethodErrorType, SetError, SetErrorType
from jmap_oauth.protocol.pointer import split_pointer
from jmap_oauth.store.interface import Changes, Reader, Saved, Writer

_ATTEMPTS = 5
_MANY = 10
"""Objects of a call from which on they are drafted before the transaction, which then holds its lock for less long."""


class SetArguments(AccountArguments, frozen=True, kw_only=True):
    """RFC 8620 section 5.3. What is wrong with one object is that object's outcome, so its shape is left open here."""

    if_in_state: str | None = None
    create: dict[str, Any] | None = None
    update: dict[str, Any] | None = None
    destroy: list[str] | None = None


class SetResponse(Struct, frozen=True, rename="camel"):
    """RFC 8620 section 5.3; null where nothing is to be said."""

    account_id: str
    old_state: str
    new_state: str
    created: dict[str, dict[str, Any]] | None
    updated: dict[str, dict[str, Any] | None] | None
    destroyed: Sequence[str] | None
    not_created: dict[str, SetError] | None
    not_updated: dict[str, SetError] | None
    not_destroyed: dict[str, SetError] | None


async def handle_set(backing: Backing, type: ObjectType, call: Call) -> SetResponse:
    """Create, update and destroy objects, all in one transaction; each commits whole or not at all.

    Raises:
        MethodError: forbidden, accountReadOnly, invalidArguments, requestTooLarge, accountNotFound, stateMismatch.
    """
    arguments = read_arguments(call, SetArguments)
    _require_some_write(backing, type, call)
    request = _read_request(backing, type, call, arguments)
    for _ in range(_ATTEMPTS):
        prepared = await _prepare(request, arguments)
        try:
            response = await backing.store.write(lambda writer: _commit(request, arguments, prepared, writer))  # noqa: B023
        except _Outdated:
            continue
        call.created_ids.update({key: created["id"] for key, created in (response.created or {}).items()})
        return response
    raise MethodError(
        MethodErrorType.SERVER_UNAVAILABLE, "Others change the same secrets all the time; nothing was done."
    )


def _require_some_write(backing: Backing, type: ObjectType, call: Call) -> None:
    principal = principal_of(call)
    if backing.policy.is_read_only(principal):
        raise MethodError(MethodErrorType.ACCOUNT_READ_ONLY, "This key has no permission to change anything.")
    decisions = [backing.policy.may(principal, type, action) for action in WRITES]
    if not any(decisions):
        reasons = " ".join(decision.reason for decision in decisions if decision.reason)
        raise MethodError(MethodErrorType.FORBIDDEN, reasons)


def _read_request(backing: Backing, type: ObjectType, call: Call, arguments: SetArguments) -> SetRequest:
    create, update, destroy = arguments.create or {}, arguments.update or {}, arguments.destroy or []
    limit = backing.limits.max_objects_in_set
    if (count := len(create) + len(update) + len(destroy)) > limit:
        raise too_large(f"{count} objects", limit)
    if wrong := [key for key in create if not is_id(key)]:
        raise MethodError(MethodErrorType.INVALID_ARGUMENTS, f"create: {wrong[0][:255]!r} is no creation id.")
    new_ids = {key: new_id() for key in create}
    known = {**call.created_ids, **new_ids}
    _refuse_aliases(update, known)
    wishes = [
        *(Wish(Action.CREATE, key, new_ids[key], given) for key, given in create.items()),
        *(Wish(Action.UPDATE, key, resolve_id(key, known), patch) for key, patch in update.items()),
        *(Wish(Action.DESTROY, key, id) for id, key in {resolve_id(key, known): key for key in destroy}.items()),
    ]
    return SetRequest(backing, type, principal_of(call), call.using, call.created_ids, wishes, now())


def _refuse_aliases(update: Iterable[str], known: Mapping[str, str]) -> None:
    """Refuse two patches of one object: they have no order, and an object has one outcome."""
    seen: dict[str, str] = {}
    for key in update:
        other = seen.setdefault(resolve_id(key, known), key)
        if other != key:
            description = f"update: {other[:255]!r} and {key[:255]!r} are the same object."
            raise MethodError(MethodErrorType.INVALID_ARGUMENTS, description)


class _Outdated(Exception):
    """The database changed since the secrets were prepared, so that they have to be prepared again."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What shall be kept for a secret: a new hash, or, with `equals`, the hash that it was found to match."""

    hash: str
    equals: bool = False


_Key = tuple[Action, str, str]
"""The secret that an action gives to an object: action, id of the object, name of the property."""

_Secrets = Mapping[_Key, _Prepared]


async def _prepare(request: SetRequest, arguments: SetArguments) -> _Secrets:
    """Do what takes long before the transaction opens: draft many objects, hash the secrets of those that pass."""
    if len(request.wishes) < _MANY and not any(_may_hold_secret(request.type, wish) for wish in request.wishes):
        return {}

    async def work(reader: Reader) -> tuple[list[Change], dict[tuple[str, str], str]]:
        _check_state(arguments, await reader.state(request.type, request.principal.account))
        changes = [change for change in await Plan(request, reader).make() if not change.error and change.secrets]
        return changes, await _present_hashes(request.type, changes, reader)

    changes, present = await request.backing.store.read(work)
    chosen = [each for each in request.type.secrets if each.secret is Secret.CHOSEN]
    given = {
        _key(change, each): change.secrets[each.name]
        for change in changes
        for each in chosen
        if each.name in change.secrets
    }
    there = [key for key in given if key[1:] in present]
    matches = await request.backing.hasher.verify_all([(present[key[1:]], given[key]) for key in there])
    equal = {key: _Prepared(present[key[1:]], equals=True) for key, same in zip(there, matches, strict=True) if same}
    fresh = [key for key in given if key not in equal]
    hashes = await request.backing.hasher.hash_all([given[key] for key in fresh])
    return {**equal, **{key: _Prepared(hash) for key, hash in zip(fresh, hashes, strict=True)}}


def _check_state(arguments: SetArguments, state: str) -> None:
    if arguments.if_in_state not in (None, state):
        raise MethodError(MethodErrorType.STATE_MISMATCH, "The state is no longer the one given in ifInState.")


def _may_hold_secret(type: ObjectType, wish: Wish) -> bool:
    given = wish.given if isinstance(wish.given, dict) else {}
    return any(each.secret is Secret.CHOSEN and given.get(each.name) not in (None, MASK) for each in type.secrets)


def _key(change: Change, each: Property) -> _Key:
    return change.wish.action, change.wish.id, each.name


async def _present_hashes(type: ObjectType, changes: Sequence[Change], reader: Reader) -> dict[tuple[str, str], str]:
    ids = [change.wish.id for change in changes if change.old is not None and change.secrets]
    return {
        (id, each.name): hash
        for each in (type.secrets if ids else ())
        for id, hash in (await reader.hashes(type, each, ids)).items()
    }


async def _commit(request: SetRequest, arguments: SetArguments, prepared: _Secrets, writer: Writer) -> SetResponse:
    """Plan again on what is there now, keep what passes, and say what came of each object."""
    type, account = request.type, request.principal.account
    old_state = await writer.state(type, account)
    _check_state(arguments, old_state)
    changes = await Plan(request, writer).make()
    passed = [change for change in changes if change.error is None]
    hashes = _hashes(type, passed, prepared, await _present_hashes(type, passed, writer))
    await writer.apply(type, _fold(passed, hashes))
    return _respond(request, changes, old_state, await writer.state(type, account))


def _hashes(
    type: ObjectType, changes: Sequence[Change], prepared: _Secrets, present: Mapping[tuple[str, str], str]
) -> dict[str, dict[str, str | None]]:
    """Return the hashes that change, by the id of the object and the property; None for a secret that is removed.

    Raises:
        _Outdated: a secret was not prepared, or found equal to one that is there no more.
    """
    hashes: dict[str, dict[str, str | None]] = {change.wish.id: {} for change in changes}
    for change in changes:
        for each in type.secrets:
            if each.name in change.secrets:
                hashes[change.wish.id][each.name] = _hash_of(change, each, prepared, present)
            elif change.old and change.new and change.old[each.name] is not None and change.new[each.name] is None:
                hashes[change.wish.id][each.name] = None
    return {
        id: {name: hash for name, hash in by_name.items() if hash is None or present.get((id, name)) != hash}
        for id, by_name in hashes.items()
    }


def _hash_of(change: Change, each: Property, prepared: _Secrets, present: Mapping[tuple[str, str], str]) -> str:
    if each.secret is Secret.GENERATED:
        return digest(change.secrets[each.name])
    key = _key(change, each)
    if key not in prepared or (prepared[key].equals and present.get(key[1:]) != prepared[key].hash):
        raise _Outdated
    return prepared[key].hash


def _fold(changes: Sequence[Change], hashes: Mapping[str, Mapping[str, str | None]]) -> Changes:
    """Return what is to be kept: of an object that was changed twice, from the first state to the last."""
    before: dict[str, Record | None] = {}
    after: dict[str, Record | None] = {}
    for change in changes:
        before.setdefault(change.wish.id, change.old)
        after[change.wish.id] = change.new
    saved = {id: Saved(new, hashes[id]) for id, new in after.items() if new is not None}
    return Changes(
        created=[saved[id] for id, old in before.items() if old is None and id in saved],
        updated=[
            (old, saved[id])
            for id, old in before.items()
            if old is not None and id in saved and (old != saved[id].record or saved[id].hashes)
        ],
        destroyed=[old for id, old in before.items() if old is not None and id not in saved],
    )


def _respond(request: SetRequest, changes: Sequence[Change], old_state: str, new_state: str) -> SetResponse:
    done: dict[Action, dict[str, Change]] = {action: {} for action in WRITES}
    refused: dict[Action, dict[str, SetError]] = {action: {} for action in WRITES}
    for change in changes:
        wish, error = change.wish, change.error
        # What is not there has only the name that the client gave it.
        is_unnamed = wish.action is Action.CREATE or (error is not None and error.type is SetErrorType.NOT_FOUND)
        key = wish.key if is_unnamed else wish.id
        if error is None:
            done[wish.action][key] = change
        else:
            refused[wish.action][key] = error
    visible = request.type.visible(request.using)
    return SetResponse(
        request.principal.account,
        old_state,
        new_state,
        {key: _created(change, visible) for key, change in done[Action.CREATE].items()} or None,
        {key: _updated(change, visible) for key, change in done[Action.UPDATE].items()} or None,
        [*done[Action.DESTROY]] or None,
        refused[Action.CREATE] or None,
        refused[Action.UPDATE] or None,
        refused[Action.DESTROY] or None,
    )


def _created(change: Change, visible: Mapping[str, Property]) -> dict[str, Any]:
    """Return what the server chose: the id, and all that was not sent and is not the declared default."""
    new = change.new or {}
    answer = {"id": new["id"]}
    for name, each in visible.items():
        if name in change.wish.given:
            continue
        if each.secret:
            answer |= {name: change.secrets[name]} if name in change.secrets else {}
        elif not each.has_default or new[name] != each.initial:
            answer[name] = new[name]
    return answer


def _updated(change: Change, visible: Mapping[str, Property]) -> dict[str, Any] | None:
    """Return what changed beyond the request: what it does not name, and what is kept in other words than it has."""
    old, new, patch = change.old or {}, change.new or {}, change.wish.given
    named = {pointer.partition("/")[0] for pointer in patch}
    answer = {
        name: new[name]
        for name, each in visible.items()
        if old[name] != new[name] and (name not in named or _is_in_other_words(each, patch, new[name]))
    }
    return answer or None


def _is_in_other_words(each: Property, patch: Mapping[str, Any], kept: Any) -> bool:
    """Tell whether text was trimmed or members spelt anew; the same time in another form is the same time."""
    if isinstance(each.kind, SetOf):
        return any(member not in kept for member in _members_asked_for(each.name, patch))
    return isinstance(each.kind, Text) and not each.secret and patch[each.name] not in (None, kept)


def _members_asked_for(name: str, patch: Mapping[str, Any]) -> Iterator[str]:
    for pointer, value in patch.items():
        property, *member = split_pointer(pointer)
        if property == name and value:
            yield from member or (each for each, present in value.items() if present)
