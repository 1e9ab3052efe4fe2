"""Declarations: an object type is a table of properties with flags, and a few facts about the type.

All methods, the validation, the tables of the store and the schema document follow from a declaration, so one that
contradicts itself is refused before the server starts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from jmap_oauth.model.kinds import Boolean, Date, MapOf, Reference
from jmap_oauth.model.property import (
    GLOBAL,
    MASK,
    DeclarationError,
    Filter,
    Flaw,
    Property,
    Record,
    Secret,
    Stamp,
    rules_of,
)
from jmap_oauth.model.status import Status

# With the words for properties, so that whoever declares a type finds all in one place.
# fmt: off
__all__ = [
    "GLOBAL", "MASK", "Action", "Cascade", "Check", "DeclarationError", "Fill", "Filled", "Filter", "Flaw", "Model",
    "ObjectType", "Property", "Record", "Secret", "Section", "Stamp", "Transaction",
]
# fmt: on


class Action(StrEnum):
    """What a permission allows on a type."""

    GET = "Get"
    QUERY = "Query"
    CREATE = "Create"
    UPDATE = "Update"
    DESTROY = "Destroy"


Check = Callable[[Record | None, Record], Iterable[Flaw]]
"""Rules across properties: pure, from the old object (None on create) and the new one."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a type fills in by itself: values of properties, and the plain texts of secrets that it makes."""

    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


Fill = Callable[[Record | None, Record, frozenset[str]], Filled]
"""What follows for an object from itself: from the old one (None on create), the new one, and the names of the
properties that were given. It runs before `check`, and never overrides what was given."""


class Transaction(Protocol):
    """What a cascade may see and do: objects of other types, as the same /set has left them so far.

    `now` is the second of the /set, as dates are kept.
    """

    now: str

    async def get(self, type_name: str, id: str) -> Record | None:
        """Return an object, of whatever account, or None."""
        ...

    async def owned(self, type_name: str, owner_id: str) -> Sequence[Record]:
        """Return the objects of a type that belong to an object, the oldest first."""
        ...

    async def is_secret(self, type_name: str, records: Sequence[Record], plain: str) -> bool:
        """Tell whether a text is the chosen secret of one of these objects, which have one owner.

        False while no secret was looked at yet: a /set is planned once to see what it needs, and then for good.
        """
        ...

    async def create(self, type_name: str, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Create an object with these values, and defaults and stamps for the others."""
        ...

    def update(self, record: Record, type_name: str, values: Mapping[str, Any]) -> None:
        """Change values of an object."""
        ...

    def destroy(self, record: Record, type_name: str) -> None:
        """Destroy an object."""
        ...


Cascade = Callable[[Transaction, Record | None, Record | None, Mapping[str, str]], Awaitable[Iterable[Flaw]]]
"""What a change brings about in other objects: from the old object (None on create), the new one (None on destroy), and
the plain texts of the secrets that it gets. With flaws the change is refused, and must not have done anything.

What belongs to an object that is destroyed or gets another account is destroyed or moved without one."""


async def _nothing(
    transaction: Transaction, old: Record | None, new: Record | None, secrets: Mapping[str, str]
) -> Iterable[Flaw]:
    return ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the form in which people edit an object: a heading, and the names of properties."""

    title: str
    properties: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ObjectType:
    """A type of objects. `name` is without the `x:` of the wire.

    `account_property` tells the account of an object: a Reference to the type whose ids are accounts, or "id" for
    that type itself. `quota` is the name under which that type's `quotas` bound how many there may be. Without `form`
    people see all properties in the order of the table.

    `further_permissions` are those for methods beside the standard ones, with labels for people. `audited`: each
    change is written down; `read_only`: there is no /set; `protection`: the flag that keeps an object from being
    destroyed; `status`: what a filter of that name tells of an object now. `fill`, `check` and `cascade` are what goes
    beyond the table; the last may refuse only where there is nothing unique and no quota.
    """

    name: str
    singular: str
    plural: str
    description: str
    capability: str
    permission: str
    account_property: str
    properties: Sequence[Property]
    list_columns: Sequence[str]
    quota: str | None = None
    label_property: str | None = None
    form: Sequence[Section] = ()
    further_permissions: Mapping[str, str] = field(default_factory=dict)
    audited: bool = False
    read_only: bool = False
    protection: str | None = None
    status: Status | None = None
    fill: Fill = lambda old, new, named: Filled()
    check: Check = lambda old, new: ()
    cascade: Cascade = _nothing

    @cached_property
    def by_name(self) -> Mapping[str, Property]:
        return {each.name: each for each in self.properties}

    @cached_property
    def _capabilities(self) -> frozenset[str]:
        return frozenset(each.capability for each in self.properties if each.capability)

    @cached_property
    def _visible(self) -> dict[frozenset[str], Mapping[str, Property]]:
        return {}

    def visible(self, using: frozenset[str]) -> Mapping[str, Property]:
        """Return the properties that exist on the wire for a request with this `using`, by name, without `id`."""
        present = using & self._capabilities
        if present not in self._visible:
            self._visible[present] = {
                each.name: each
                for each in self.properties
                if not each.hidden and (each.capability is None or each.capability in present)
            }
        return self._visible[present]

    @cached_property
    def _readable(self) -> dict[frozenset[str], tuple[str, ...]]:
        return {}

    def readable(self, using: frozenset[str]) -> tuple[str, ...]:
        """Return the names of what can be read with this `using`, `id` first."""
        present = using & self._capabilities
        if present not in self._readable:
            shown = [name for name, each in self.visible(present).items() if each.is_readable]
            self._readable[present] = ("id", *shown)
        return self._readable[present]

    def status_for(self, using: frozenset[str]) -> Status | None:
        """Return the status, for requests that see all that decides it: for others there is none."""
        visible = self.visible(using)
        return self.status if self.status and all(case.property in visible for case in self.status.cases) else None

    @cached_property
    def initial(self) -> Mapping[str, Any]:
        """What properties are as long as nobody gives a value: None where there is no default. Not to be changed."""
        return {each.name: each.initial if each.has_default else None for each in self.properties}

    @cached_property
    def _changeable(self) -> Sequence[tuple[str, dict[str, Any]]]:
        return [(name, value) for name, value in self.initial.items() if isinstance(value, dict)]

    def blank(self) -> Record:
        """Return a new object of which nothing was given yet, without its id."""
        return {**self.initial, **{name: value.copy() for name, value in self._changeable}}

    @cached_property
    def required(self) -> Sequence[Property]:
        return [each for each in self.properties if each.required]

    @cached_property
    def stamps(self) -> Sequence[tuple[str, Stamp]]:
        return [(each.name, each.stamp) for each in self.properties if each.stamp]

    @cached_property
    def told(self) -> Mapping[str, Property]:
        """What is told of a change, by name: nothing hidden, and no stamps, which say who made it and when."""
        return {each.name: each for each in self.properties if not each.hidden and not each.stamp}

    @cached_property
    def unique(self) -> Sequence[Property]:
        """The properties of whose values there is one on the server, as they are; secrets are not compared so."""
        return [each for each in self.properties if each.unique and not each.secret]

    @cached_property
    def searchable(self) -> Sequence[Property]:
        return [each for each in self.properties if each.searchable]

    @cached_property
    def secrets(self) -> Sequence[Property]:
        return [each for each in self.properties if each.secret]

    @cached_property
    def chosen(self) -> Property | None:
        """The secret that is kept under a slow hash."""
        return next((each for each in self.secrets if each.secret is Secret.CHOSEN), None)

    @cached_property
    def views(self) -> frozenset[str]:
        """The names of secrets that are kept as objects of another type."""
        return frozenset(each.name for each in self.secrets if each.secret is Secret.VIEW)

    @cached_property
    def references(self) -> Sequence[tuple[Property, str]]:
        """The properties that refer to objects that are there, with the name of the type they refer to."""
        return [
            (each, each.kind.type_name)
            for each in self.properties
            if isinstance(each.kind, Reference) and not each.kind.outlives
        ]

    @cached_property
    def owner(self) -> tuple[Property, str] | None:
        """The property that tells which object this one belongs to, with the name of that one's type.

        It goes with its owner, and into its owner's account.
        """
        return next((each for each in self.references if each[0].is_owner), None)

    @cached_property
    def is_account(self) -> bool:
        """Whether the ids of this type are accounts."""
        return self.account_property == "id"

    def account_of(self, record: Record) -> str | None:
        """Return the account of an object beside GLOBAL, or None."""
        account: str | None = record[self.account_property]
        return account

    @property
    def actions(self) -> Sequence[Action]:
        """What can be allowed on it."""
        return [Action.GET, Action.QUERY] if self.read_only else [*Action]

    def permission_for(self, action: Action) -> str:
        return self.permission + action

    @cached_property
    def permissions(self) -> Mapping[str, str]:
        """Every permission that there is for the type, with a label for people."""
        standard = {self.permission_for(action): f"{action} {self.plural}" for action in self.actions}
        return {**standard, **self.further_permissions}


class Model:
    """All types of a server, checked against themselves and one another.

    Raises:
        DeclarationError: a declaration contradicts itself.
    """

    def __init__(self, types: Iterable[ObjectType]) -> None:
        declared = list(types)
        self.types = {each.name: each for each in declared}
        for each in declared:
            for flaw in (*_type_flaws(each), *self._reference_flaws(each)):
                raise DeclarationError(f"{each.name}.{flaw.property} {flaw.reason}.")

    def __iter__(self) -> Iterator[ObjectType]:
        return iter(self.types.values())

    def __getitem__(self, name: str) -> ObjectType:
        return self.types[name]

    @cached_property
    def account_type(self) -> ObjectType | None:
        return next((each for each in self if each.is_account), None)

    @cached_property
    def owners_first(self) -> Sequence[ObjectType]:
        """All types, those whose objects belong to others behind those."""
        return sorted(self, key=lambda type: type.owner is not None)

    def referring_to(self, type: ObjectType) -> Sequence[tuple[ObjectType, Property]]:
        """Return where objects of other types refer to this one by themselves, and not through their owner."""
        return [
            (each, prop)
            for each in self
            for prop, name in each.references
            if name == type.name and not (each.owner and prop.name in (each.owner[0].name, each.account_property))
        ]

    def owned_by(self, type: ObjectType) -> Sequence[ObjectType]:
        """Return the types whose objects belong to those of this one."""
        return [each for each in self if each.owner and each.owner[1] == type.name]

    def _reference_flaws(self, type: ObjectType) -> Iterator[Flaw]:
        if self.types[type.name] is not type:
            yield Flaw("name", "is the name of another type as well")
        if type.is_account and self.account_type is not type:
            yield Flaw(type.account_property, "tells the account, but another type's ids are the accounts already")
        named = [(each, each.kind.type_name) for each in type.properties if isinstance(each.kind, Reference)]
        for prop, name in named:
            if name not in self.types:
                yield Flaw(prop.name, f"refers to {name}, which is no declared type")
            elif prop.name == type.account_property and not self.types[name].is_account:
                yield Flaw(prop.name, f"tells the account, but the ids of {name} are no accounts")
        if type.owner and type.owner[1] in self.types:
            yield from self._owner_flaws(type, *type.owner)
        for name in sorted(type.views):
            if not any(each.chosen for each in self.owned_by(type)):
                yield Flaw(name, "is kept as objects of another type, but no type that this one owns has a secret")
        if type.quota is not None:
            quotas = self.account_type.by_name.get("quotas") if self.account_type else None
            if not (quotas and isinstance(quotas.kind, MapOf) and type.quota in quotas.kind.key.labels):
                yield Flaw("quota", f"is {type.quota}, which the type of accounts does not have among its quotas")

    def _owner_flaws(self, type: ObjectType, prop: Property, name: str) -> Iterator[Flaw]:
        if self.types[name].owner:
            yield Flaw(prop.name, f"belongs to {name}, which belongs to another type itself")
        if self.types[name].is_account:
            yield Flaw(prop.name, f"belongs to {name}, whose ids are accounts: declare it a plain Reference")


def _type_flaws(type: ObjectType) -> Iterator[Flaw]:
    names = [each.name for each in type.properties]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Flaw(name, "is declared twice")
    for each in type.properties:
        for contradicts, reason in rules_of(each, made_whole=type.read_only):
            if contradicts:
                yield Flaw(each.name, reason)
    account = type.by_name.get(type.account_property)
    if not type.is_account and not (account and isinstance(account.kind, Reference)):
        yield Flaw(type.account_property, "tells the account, but is not declared as a Reference")
    elif type.owner and not (account and account.hidden and account.nullable):
        yield Flaw(type.account_property, "follows the owner: declare it hidden and nullable")
    for rules in (_secret_flaws, _status_flaws, _filter_flaws, _display_flaws):
        yield from rules(type)
    for each in type.properties if type.read_only else ():
        if not each.server_set:
            yield Flaw(each.name, "can be set by clients, but its type is read only")
    protection = type.protection and type.by_name.get(type.protection)
    if type.protection and not (protection and isinstance(protection.kind, Boolean) and not protection.nullable):
        yield Flaw(type.protection, "protects objects, but is no flag")


def _secret_flaws(type: ObjectType) -> Iterator[Flaw]:
    chosen = [each.name for each in type.secrets if each.secret is Secret.CHOSEN]
    for name in chosen[1:]:
        yield Flaw(name, "is a second secret that clients choose")
    for each in type.secrets:
        if each.secret is Secret.HASH and not chosen:
            yield Flaw(each.name, "is the hash of a chosen secret, but there is none")
        if each.secret is Secret.VIEW and type.cascade is _nothing:
            yield Flaw(each.name, "is kept as objects of another type, but there is no cascade that does so")
    owners = [each.name for each, _ in type.references if each.is_owner]
    for name in owners[1:]:
        yield Flaw(name, "is a second owner")


def _status_flaws(type: ObjectType) -> Iterator[Flaw]:
    for case in type.status.cases if type.status else ():
        each = type.by_name.get(case.property)
        if each is None or not isinstance(each.kind, Boolean if isinstance(case.holds, bool) else Date):
            yield Flaw(case.property, f"decides the status {case.name}, but is not declared as what that looks at")
    names = [type.status.otherwise[0], *(case.name for case in type.status.cases)] if type.status else []
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Flaw("status", f"has two cases of the name {name}")


def _filter_flaws(type: ObjectType) -> Iterator[Flaw]:
    """Find two conditions of one name. That of a property and its own name are no two."""
    names = [each.name_in_filters for each in type.properties if each.filter] + (["status"] if type.status else [])
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Flaw(name, "is the name of two filters")


def _display_flaws(type: ObjectType) -> Iterator[Flaw]:
    """Find what the schema document would show to people, but nobody can ask for."""
    visible = {each.name: each for each in type.properties if not each.hidden}
    for name in type.list_columns:
        if name not in visible:
            yield Flaw(name, "is shown in lists, but is not declared or is hidden")
    for name in (name for section in type.form for name in section.properties):
        if name not in visible:
            yield Flaw(name, "is shown in forms, but is not declared or is hidden")
    if type.label_property and type.label_property not in type.visible(frozenset()):
        yield Flaw(type.label_property, "labels objects, but is not declared, is hidden, or needs a capability")
