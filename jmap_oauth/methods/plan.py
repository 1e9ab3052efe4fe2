"""What a /set would do: every object it names, checked in a fixed order, first alone and then together.

A plan only reads. The same request is planned once before its secrets are hashed, to see which it needs, and once more
inside the transaction that keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from jmap_oauth.access.hashing import digest
from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.call import Backing, resolve_id
from jmap_oauth.methods.consequences import Consequences
from jmap_oauth.methods.proofs import Proofs
from jmap_oauth.methods.settlement import Settlement
from jmap_oauth.model.definition import GLOBAL, Action, Flaw, ObjectType, Property, Record, Secret
from jmap_oauth.model.kinds import Invalid, SetOf
from jmap_oauth.model.validate import Draft, draft_changed, draft_new
from jmap_oauth.protocol.errors import SetError, SetErrorType
from jmap_oauth.protocol.patch import PatchError, apply_patch
from jmap_oauth.protocol.pointer import join_pointer, split_pointer
from jmap_oauth.store.interface import Reader

MAX_OBJECT_SIZE = 200_000
"""Bytes of JSON that one object may have."""

_LINKS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants of one object: `id` is known for new objects too, `given` is what it sent for it."""

    action: Action
    key: str
    id: str
    given: Any = field(default=None, repr=False)


@dataclass(slots=True)
class Change:
    """A wish on its way through the checks; with an `error` it goes no further. `secrets` are plain texts."""

    wish: Wish
    old: Record | None = None
    new: Record | None = None
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    error: SetError | None = None


@dataclass(frozen=True, slots=True)
class SetRequest:
    """One /set call: who wants what, and what was created under which creation id before it."""

    backing: Backing
    type: ObjectType
    principal: Principal
    using: frozenset[str]
    created_ids: Mapping[str, str]
    wishes: Sequence[Wish]
    now: str
    proofs: Proofs
    drafts: dict[tuple[Action, str], tuple[Record | None, Draft]] = field(default_factory=dict)
    """What was drafted already, and from which state: the second plan holds a lock, and drafting can take long."""


class Plan:
    """The changes of a /set, planned against one snapshot."""

    def __init__(self, request: SetRequest, reader: Reader) -> None:
        self.changes: list[Change] = []
        self._request = request
        self._type = request.type
        self._reader = reader
        self._settlement = Settlement(request.backing.model, request.type, request.principal.account, reader)
        self.consequences = Consequences(
            request.backing.model, reader, request.proofs, request.now, request.principal.id
        )
        self._named = {wish.id for wish in request.wishes}
        self._doomed = {wish.id for wish in request.wishes if wish.action is Action.DESTROY}
        self._uncreated: set[str] = set()

    async def make(self) -> list[Change]:
        """Run all checks. An object that is named a second time is planned on what came of it the first time."""
        for wishes in _rounds(self._request.wishes):
            changes = [Change(self._fall_back(wish)) for wish in wishes]
            await self._find_old(changes)
            for check in (self._check_permission, self._check_protection, self._draft, self._check_delegation):
                for change in _going(changes):
                    change.error = check(change)
            await self._check_references(changes)
            await self._check_links(changes)
            await self._find_accounts(changes)
            await self._settlement.settle([(change, change.old, change.new) for change in _going(changes)], _too_large)
            await self._find_equal_secrets(changes)
            await self._draw_consequences(changes)
            self._uncreated |= {each.wish.id for each in changes if each.error and each.wish.action is Action.CREATE}
            self.changes += changes
        return self.changes

    def _fall_back(self, wish: Wish) -> Wish:
        """Turn to what an earlier call created under the same creation id, where this one has created nothing under it.

        It stands for "the most recently created item" (RFC 8620 section 5.3). An object that the call names as well is
        left alone: it would be named twice.
        """
        earlier = self._request.created_ids.get(wish.key[1:])
        if wish.id not in self._uncreated or earlier is None or earlier in self._named:
            return wish
        if wish.id in self._doomed:
            self._doomed.add(earlier)
        return replace(wish, id=earlier)

    async def _find_old(self, changes: list[Change]) -> None:
        """Find the objects as they are, or as earlier rounds have left them."""
        there = [change for change in changes if change.wish.action is not Action.CREATE]
        touched = {change.wish.id: self.consequences.touched(self._type, change.wish.id) for change in there}
        unknown = [id for id, each in touched.items() if each is None]
        found = await self._reader.get(self._type, self._request.principal.account, unknown) if unknown else []
        known = {record["id"]: record for record in found} | {id: each.new for id, each in touched.items() if each}
        for change in there:
            change.old = known.get(change.wish.id)
            change.error = None if change.old else SetError(SetErrorType.NOT_FOUND)
            if change.old and change.wish.action is Action.UPDATE and change.wish.id in self._doomed:
                change.error = SetError(SetErrorType.WILL_DESTROY, "The same call destroys it.")

    def _check_permission(self, change: Change) -> SetError | None:
        policy, principal = self._request.backing.policy, self._request.principal
        for decision in (
            policy.may(principal, self._type, change.wish.action),
            policy.may_change(principal, self._type, change.old, None) if change.old else None,
        ):
            if decision is not None and decision.reason is not None:
                return SetError(SetErrorType.FORBIDDEN, decision.reason)
        return None

    def _check_protection(self, change: Change) -> SetError | None:
        """Refuse to destroy what is protected, to whomever: first it has to be set free, in a call before."""
        flag = self._type.protection
        if change.wish.action is not Action.DESTROY or not (flag and change.old and change.old[flag]):
            return None
        return SetError(SetErrorType.FORBIDDEN, f"It is protected from being destroyed as long as {flag} is true.")

    def _draft(self, change: Change) -> SetError | None:
        """Make the new object from what was sent, unless the object is to be destroyed."""
        if change.wish.action is Action.DESTROY:
            return None
        if not isinstance(change.wish.given, dict):
            return SetError(SetErrorType.INVALID_PATCH, "There must be an object here.")
        try:
            draft = self._draft_once(change)
        except PatchError as error:
            return SetError(SetErrorType.INVALID_PATCH, f"{error.pointer}: {error.reason}."[:500], [error.pointer])
        change.new, change.secrets = draft.record, dict(draft.secrets)
        flaws = draft.flaws or [*self._tenancy_flaws(draft.record)]
        return _invalid_properties(flaws) if flaws else None

    def _draft_once(self, change: Change) -> Draft:
        wish, old = change.wish, change.old
        before, draft = self._request.drafts.get((wish.action, wish.id), (None, None))
        if draft is None or before != old:
            draft = self._draft_new(wish) if old is None else self._draft_changed(old, wish)
            self._request.drafts[wish.action, wish.id] = old, draft
        return draft

    def _draft_new(self, wish: Wish) -> Draft:
        given = self._resolved(wish.given)
        if self._request.principal.account != GLOBAL and not (self._type.is_account or self._type.owner):
            given = {self._type.account_property: self._request.principal.account, **given}
        draft = draft_new(self._type, given, self._request.using, by_server=self._request.principal.is_server)
        return self.consequences.complete(self._type, draft, wish.id, given)

    def _draft_changed(self, old: Record, wish: Wish) -> Draft:
        visible = self._type.visible(self._request.using)
        defaults = {name: each.initial for name, each in visible.items() if each.has_default}
        changes = apply_patch(old, spell_members(wish.given, visible), defaults)
        is_server = self._request.principal.is_server
        return draft_changed(self._type, old, self._resolved(changes), self._request.using, by_server=is_server)

    def _resolved(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Replace creation ids where a property is the id of another object, which an earlier call has created."""
        references = {
            each.name: resolve_id(given[each.name], self._request.created_ids)
            for each, _ in self._type.references
            if isinstance(given.get(each.name), str)
        }
        return {**given, **references}

    def _tenancy_flaws(self, new: Record) -> Iterator[Flaw]:
        """A key of a tenant may name no other (that is a foreign key it does not see), and not none either."""
        has_none = self._type.owner is None and self._type.account_of(new) is None
        if self._request.principal.account != GLOBAL and has_none:
            yield Flaw(self._type.account_property, "must be this key's own, or left out")

    def _check_delegation(self, change: Change) -> SetError | None:
        if change.new is None:
            return None
        reason = self._request.backing.policy.may_change(self._request.principal, self._type, None, change.new).reason
        return None if reason is None else SetError(SetErrorType.FORBIDDEN, reason)

    async def _check_references(self, changes: list[Change]) -> None:
        """Refuse references to what the account does not see; that it exists elsewhere makes no difference."""
        for each, name in self._type.references:
            named = [change for change in _going(changes) if change.new and _newly(change, each.name)]
            ids = list({change.new[each.name] for change in named if change.new})
            target = self._request.backing.model[name]
            found = await self._reader.get(target, self._request.principal.account, ids) if ids else []
            known = {record["id"] for record in found}
            for change in named:
                if change.new and change.new[each.name] not in known:
                    change.error = SetError(
                        SetErrorType.INVALID_FOREIGN_KEY,
                        f"{each.name}: there is no such {target.singular}.",
                        [each.name],
                        object_id={"object": name, "id": change.new[each.name]},
                    )

    async def _check_links(self, changes: list[Change]) -> None:
        """Refuse to destroy what other objects refer to."""
        for change in _going(changes):
            if change.wish.action is Action.DESTROY:
                links = await self._links_to(change.wish.id)
                if links:
                    change.error = SetError(
                        SetErrorType.OBJECT_IS_LINKED,
                        "Other objects refer to it.",
                        object_id={"object": self._type.name, "id": change.wish.id},
                        linked_objects=links[:_LINKS_SHOWN],
                    )

    async def _links_to(self, id: str) -> list[dict[str, str]]:
        return [
            {"object": type.name, "id": link}
            for type, each in self._request.backing.model.referring_to(self._type)
            for _, link in await self._reader.referring(type, each, [id], _LINKS_SHOWN)
        ]

    async def _find_accounts(self, changes: list[Change]) -> None:
        """Give what is new and belongs to another object the account of that."""
        for change in _going(changes):
            if change.new and change.old is None:
                change.new = await self.consequences.in_account(self._type, change.new)

    async def _find_equal_secrets(self, changes: list[Change]) -> None:
        """Leave out the secrets that objects have already."""
        kept = [each for each in self._type.secrets if each.secret in (Secret.CHOSEN, Secret.GENERATED)]
        for each in kept:
            given = [change for change in _going(changes) if change.old and each.name in change.secrets]
            ids = [change.wish.id for change in given]
            present = await self._reader.hashes(self._type, each, ids) if ids else {}
            for change in given:
                if self._is_equal(each, change, present.get(change.wish.id)):
                    del change.secrets[each.name]

    def _is_equal(self, each: Property, change: Change, hash: str | None) -> bool:
        plain = change.secrets[each.name]
        touched = self.consequences.touched(self._type, change.wish.id)
        if touched and (each.name in touched.secrets or hash is None):
            return touched.secrets.get(each.name) == plain
        if hash is None:
            return False
        return hash == digest(plain) if each.secret is Secret.GENERATED else self._request.proofs.matches(hash, plain)

    async def _draw_consequences(self, changes: list[Change]) -> None:
        """Put down what passed, one by one, with all that follows; what cannot follow is refused."""
        going = _going(changes)
        for type in self._request.backing.model.owned_by(self._type):
            await self.consequences.look_up(type, [change.wish.id for change in going if self._may_lead_on(change)])
        for change in going:
            before = self.consequences.touched(self._type, change.wish.id)
            if change.old and change.new and before and before.new is None:
                change.error = SetError(SetErrorType.NOT_FOUND, "The same call has destroyed it.")
            elif flaws := await self.consequences.add(self._type, change.old, change.new, change.secrets):
                change.error = _invalid_properties(flaws)
            elif change.new and (touched := self.consequences.touched(self._type, change.wish.id)):
                change.new = touched.new

    def _may_lead_on(self, change: Change) -> bool:
        """Tell whether what belongs to an object is likely to be touched too; all of that is read at once then."""
        old, new, account_of = change.old, change.new, self._type.account_of
        return old is not None and (new is None or bool(change.secrets) or account_of(old) != account_of(new))


def _rounds(wishes: Sequence[Wish]) -> Iterator[list[Wish]]:
    """Split wishes so that each round names an object once: later rounds build on what earlier ones made of it."""
    while wishes:
        first = {wish.id: wish for wish in reversed(wishes)}
        yield [wish for wish in wishes if first[wish.id] is wish]
        wishes = [wish for wish in wishes if first[wish.id] is not wish]


def spell_members(patch: Mapping[str, Any], properties: Mapping[str, Property]) -> dict[str, Any]:
    """Write the members of sets that a patch names as they are kept: a network goes by more than one name.

    Raises:
        PatchError: two pointers are one then.
    """
    spelt: dict[str, Any] = {}
    for pointer, value in patch.items():
        known = _spell_member(pointer, properties)
        if known in spelt:
            raise PatchError(pointer, "it is patched twice, under two names")
        spelt[known] = value
    return spelt


def _spell_member(pointer: str, properties: Mapping[str, Property]) -> str:
    name, slash, member = pointer.partition("/")
    kind = properties[name].kind if name in properties else None
    if slash and isinstance(kind, SetOf):
        with suppress(Invalid, ValueError):  # what is wrong with it is found where it is applied
            [plain] = split_pointer(member)
            return f"{name}/{join_pointer([kind.member.parse(plain)])}"
    return pointer


def _going(changes: Iterable[Change]) -> list[Change]:
    return [change for change in changes if change.error is None]


def _newly(change: Change, name: str) -> bool:
    """Tell whether a property refers to something that it did not refer to before."""
    return bool(
        change.new and change.new[name] is not None and (change.old is None or change.old[name] != change.new[name])
    )


def _invalid_properties(flaws: Sequence[Flaw]) -> SetError:
    return SetError(
        SetErrorType.INVALID_PROPERTIES,
        " ".join(f"{flaw.property[:255]} {flaw.reason}." for flaw in flaws[:_LINKS_SHOWN]),
        list(dict.fromkeys(flaw.property for flaw in flaws)),
        [
            {"type": "Required", "property": flaw.property}
            if flaw.missing
            else {"type": "Invalid", "property": flaw.property, "value": flaw.reason}
            for flaw in flaws
        ],
    )


def _too_large(new: Record | None) -> SetError | None:
    if new is None or len(msgspec.json.encode(new)) <= MAX_OBJECT_SIZE:
        return None
    return SetError(SetErrorType.TOO_LARGE, f"An object may have {MAX_OBJECT_SIZE} bytes of JSON.")
