"""Checking objects that clients send against the declaration of their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jmap_oauth.model.definition import MASK, Flaw, ObjectType, Property, Record, Secret
from jmap_oauth.model.kinds import Invalid
from jmap_oauth.protocol.types import is_same_json


@dataclass(frozen=True, slots=True)
class Draft:
    """An object as it would be kept, with the flaws that forbid it.

    `secrets` holds the plain texts that are to be hashed, and hashes that were given, by property; the record shows
    MASK for them, but nothing for a hash, which is another way to give the secret.
    """

    record: Record
    secrets: dict[str, str] = field(repr=False)
    flaws: list[Flaw]


def draft_new(type: ObjectType, given: Mapping[str, Any], using: frozenset[str], *, by_server: bool = False) -> Draft:
    """Check what a client sent for a new object, and fill in the defaults; `id` and stamps are left to the caller.

    `by_server` lets hidden and server-set properties pass.
    """
    settable = _settable(type, using, by_server=by_server)
    values = type.blank()
    flaws = []
    secrets = {}
    for name, value in given.items():
        each = settable.get(name)
        if each is None:
            flaws.append(Flaw(name, "is not a property of this type"))
            continue
        if each.server_set and not by_server:
            flaws.append(Flaw(name, "is set by the server"))
            continue
        try:
            values[name] = parsed = each.parse(value)
        except Invalid as invalid:
            flaws.append(Flaw(name, str(invalid)))
            continue
        if each.secret and parsed is not None:
            flaws += _secret_flaws(each, parsed)
            secrets[name], values[name] = parsed, MASK
    flaws += [Flaw(each.name, "is required", missing=True) for each in type.required if each.name not in given]
    return _completed(type, None, Draft(values, secrets, flaws), frozenset(given))


def draft_changed(
    type: ObjectType, old: Record, changes: Mapping[str, Any], using: frozenset[str], *, by_server: bool = False
) -> Draft:
    """Check the values that a patch gives to properties of `old`. A value equal to the old one is never a flaw."""
    settable = _settable(type, using, by_server=by_server)
    values = dict(old)
    flaws = []
    secrets = {}
    for name, value in changes.items():
        each = settable.get(name)
        if name == "id" and value == old["id"]:
            continue
        if each is None:
            flaws.append(Flaw(name, "is set by the server" if name == "id" else "is not a property of this type"))
            continue
        try:
            parsed = each.parse(value)
        except Invalid as invalid:
            flaws.append(Flaw(name, str(invalid)))
            continue
        if is_same_json(parsed, old[name]) or (each.secret and parsed == MASK):
            continue
        flaws += _unchangeable(each, by_server=by_server)
        if each.secret and parsed is not None:
            flaws += _secret_flaws(each, parsed)
            secrets[name], parsed = parsed, MASK
        values[name] = parsed
    return _completed(type, old, Draft(values, secrets, flaws), frozenset(changes))


def _completed(type: ObjectType, old: Record | None, draft: Draft, named: frozenset[str]) -> Draft:
    """Let the type fill in what follows from an object without flaws, and check it across its properties.

    Whatever it fills in, what was named stays as it was given, null too. A secret that gets another text counts as one
    that was not there: records could not tell the two apart.
    """
    if draft.flaws:
        return draft
    before = old and {**old, **dict.fromkeys(draft.secrets)}
    filled = type.fill(before, draft.record, named)
    secrets = draft.secrets | {name: plain for name, plain in filled.secrets.items() if name not in named}
    values = {name: value for name, value in filled.values.items() if name not in named}
    record = draft.record | values | dict.fromkeys(secrets, MASK)
    flaws = [*type.check(before, record)]
    for each in type.secrets:
        if each.secret is Secret.HASH and each.name in secrets and type.chosen:
            flaws += [Flaw(each.name, f"cannot be given beside {type.chosen.name}")] * (type.chosen.name in secrets)
            record |= {each.name: None, type.chosen.name: MASK}
    return Draft(record, secrets, flaws)


def _settable(type: ObjectType, using: frozenset[str], *, by_server: bool) -> Mapping[str, Property]:
    return type.by_name if by_server else type.visible(using)


def _unchangeable(each: Property, *, by_server: bool) -> Iterator[Flaw]:
    if each.server_set and not by_server:
        yield Flaw(each.name, "is set by the server")
    elif each.immutable:
        yield Flaw(each.name, "cannot be changed after creation")


def _secret_flaws(each: Property, plain: str) -> Iterator[Flaw]:
    if not plain:
        yield Flaw(each.name, "must not be empty; null removes it")
    elif plain == MASK:
        yield Flaw(each.name, f"must not be {MASK}, which only stands for a secret that is already there")
