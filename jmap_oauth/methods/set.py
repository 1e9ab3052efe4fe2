"""Foo/set (RFC 8620 section 5.3)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from jmap_oauth.access.policy import WRITES
from jmap_oauth.methods.call import AccountArguments, Backing, principal_of, read_arguments, resolve_id, too_large
from jmap_oauth.methods.plan import Change, Plan, SetRequest, Wish
from jmap_oauth.methods.proofs import Proofs
from jmap_oauth.model.definition import MASK, Action, ObjectType, Property, Secret
from jmap_oauth.model.ids import is_id, new_id
from jmap_oauth.model.kinds import SetOf, Text
from jmap_oauth.protocol.dispatch import Call
from jmap_oauth.protocol.errors import MethodError, MethodErrorType, SetError, SetErrorType
from jmap_oauth.protocol.pointer import split_pointer
from jmap_oauth.store.interface import Changes, Reader, Saved, Writer

_ATTEMPTS = 20
_LONGEST_PAUSE = 0.05
"""Seconds after which an outdated call is tried again, at most: who comes at the same time leaves at another."""
_TURNS = 2
"""Secrets are compared first, and then hashed if they turned out to be others than those that are there."""
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


SetObjects = Callable[[str, str, Mapping[str, Any]], Awaitable[SetResponse]]
"""Changes objects as the server itself: the name of an actor, that of the type, and the arguments of a /set."""


async def handle_set(backing: Backing, type: ObjectType, call: Call) -> SetResponse:
    """Create, update and destroy objects, all in one transaction; each commits whole or not at all.

    Raises:
        MethodError: forbidden, accountReadOnly, invalidArguments, requestTooLarge, accountNotFound, stateMismatch.
    """
    arguments = read_arguments(call, SetArguments)
    _require_some_write(backing, type, call)
    request = _read_request(backing, type, call, arguments)
    for attempt in range(_ATTEMPTS):
        if attempt or _takes_long(request):
            await _prepare(request, arguments)
        try:
            response = await backing.store.write(lambda writer: _commit(request, arguments, writer))
        except _Outdated:
            await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE) if attempt else 0)  # noqa: S311 - nothing to guess
            continue
        call.created_ids.update({key: created["id"] for key, created in (response.created or {}).items()})
        return response
    raise MethodError(
        MethodErrorType.SERVER_UNAVAILABLE, "Others change the same secrets all the time; nothing was done."
    )


def _require_some_write(backing: Backing, type: ObjectType, call: Call) -> None:
    principal = principal_of(call)
    decisions = [backing.policy.may(principal, type, action) for action in WRITES]
    if any(decisions):
        return
    if backing.policy.is_read_only(principal):
        raise MethodError(MethodErrorType.ACCOUNT_READ_ONLY, "This key has no permission to change anything.")
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
    proofs = Proofs(backing.hasher)
    return SetRequest(backing, type, principal_of(call), call.using, call.created_ids, wishes, backing.clock(), proofs)


def _refuse_aliases(update: Iterable[str], known: Mapping[str, str]) -> None:
    """Refuse two patches of one object: they have no order, and an object has one outcome."""
    seen: dict[str, str] = {}
    for key in update:
        other = seen.setdefault(resolve_id(key, known), key)
        if other != key:
            description = f"update: {other[:255]!r} and {key[:255]!r} are the same object."
            raise MethodError(MethodErrorType.INVALID_ARGUMENTS, description)


class _Outdated(Exception):
    """The database holds other secrets than those for which everything was prepared."""


def _takes_long(request: SetRequest) -> bool:
    return len(request.wishes) >= _MANY or any(_may_hold_secret(request.type, wish) for wish in request.wishes)


def _may_hold_secret(type: ObjectType, wish: Wish) -> bool:
    """Tell whether a secret is given that needs a slow hash; one that the server makes shows only in the plan."""
    given = wish.given if isinstance(wish.given, dict) else {}
    slow = [each.name for each in type.secrets if each.secret in (Secret.CHOSEN, Secret.VIEW)]
    return any(given.get(name) not in (None, MASK) for name in slow)


async def _prepare(request: SetRequest, arguments: SetArguments) -> None:
    """Do what takes long before the transaction opens: draft many objects, compare and hash the secrets of those
    that pass."""

    async def work(reader: Reader) -> None:
        _check_state(arguments, await reader.state(request.type, request.principal.account))
        plan = Plan(request, reader)
        await plan.make()
        await plan.consequences.changes()

    for _ in range(_TURNS):
        await request.backing.store.read(work)
        if await request.proofs.find():
            break


def _check_state(arguments: SetArguments, state: str) -> None:
    if arguments.if_in_state not in (None, state):
        raise MethodError(MethodErrorType.STATE_MISMATCH, "The state is no longer the one given in ifInState.")


async def _commit(request: SetRequest, arguments: SetArguments, writer: Writer) -> SetResponse:
    """Plan again on what is there now, keep what passes, and say what came of each object.

    Raises:
        _Outdated: a secret was not prepared.
    """
    type, account = request.type, request.principal.account
    old_state = await writer.state(type, account)
    _check_state(arguments, old_state)
    plan = Plan(request, writer)
    changes = await plan.make()
    kept = await plan.consequences.changes()
    if not request.proofs.is_complete:
        raise _Outdated
    for each, part in [*kept, *_journal(request, plan)]:
        await writer.apply(each, part)
    return _respond(request, changes, old_state, await writer.state(type, account))


def _journal(request: SetRequest, plan: Plan) -> Iterator[tuple[ObjectType, Changes]]:
    """Yield what is written down about the changes."""
    audit, audited = request.backing.audit, plan.consequences.audited()
    if audit and audited:
        for name, records in audit(request.principal, request.now, audited).items():
            yield request.backing.model[name], Changes(created=[Saved(record) for record in records])


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
        {key: _created(request.type, change, visible) for key, change in done[Action.CREATE].items()} or None,
        {key: _updated(change, visible) for key, change in done[Action.UPDATE].items()} or None,
        [*done[Action.DESTROY]] or None,
        refused[Action.CREATE] or None,
        refused[Action.UPDATE] or None,
        refused[Action.DESTROY] or None,
    )


def _created(type: ObjectType, change: Change, visible: Mapping[str, Property]) -> dict[str, Any]:
    """Return what the server chose: the id, and all that was not sent and is not the declared default."""
    new, initial = change.new or {}, type.initial
    answer = {"id": new["id"]}
    for name, each in visible.items():
        if name in change.wish.given:
            continue
        if each.secret:
            answer |= {name: change.secrets[name]} if name in change.secrets else {}
        elif new[name] != initial[name]:  # of what has no default, None: the server has set it
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
    made = {name: plain for name, plain in change.secrets.items() if name in visible and name not in named}
    return answer | made or None


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
