"""Properties: what an object type is a table of, their flags, and which flags contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from jmap_oauth.model.kinds import Boolean, Choice, Date, Invalid, Kind, MapOf, Number, Reference, SetOf, Text

Record = dict[str, Any]
"""An object as it is kept: its id and every property of its type, hidden ones too; secrets only as MASK or None."""

MASK: Final = "****"
"""What is shown instead of a secret."""

GLOBAL: Final = "global"
"""The account that sees everything; any other account is the id of a tenant and sees what is that tenant's."""


class Filter(Enum):
    """How /query compares a property: by its exact value, by order with the suffixes `IsGreaterThan` and so on, or,
    of a set, by a member that it has."""

    EXACT = "exact"
    RANGE = "range"
    MEMBER = "member"


class Secret(Enum):
    """Where a secret comes from, and so how it is kept."""

    CHOSEN = "chosen"  # by clients: a slow hash, since people choose what can be guessed
    GENERATED = "generated"  # by the server, shown once: a plain digest, which can be looked up at once
    HASH = "hash"  # made elsewhere, and kept as the hash of the type's chosen secret; taken on create, never shown
    VIEW = "view"  # kept as objects of a type that this one owns: MASK while there is one of them


class Stamp(Enum):
    """What the server writes into a property by itself."""

    CREATED = "time of creation"
    UPDATED = "time of the last change by a client"
    CREATED_BY = "id of who created it"
    UPDATED_BY = "id of who changed it last"

    @property
    def is_date(self) -> bool:
        return self in (Stamp.CREATED, Stamp.UPDATED)

    @property
    def is_lasting(self) -> bool:
        """Whether it stays as it was at creation."""
        return self in (Stamp.CREATED, Stamp.CREATED_BY)


class DeclarationError(Exception):
    """A declaration that contradicts itself; the message names the type and the property."""


_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One row of a type's table.

    Flags: `nullable`; `required` on create; `default` when not given (null where nullable, `{}` for sets, if nothing
    else is named); `immutable` after creation; `server_set`: refused from clients; `stamp`: what the server sets;
    `secret`: kept only as a hash, shown as MASK (`secret_prefix` begins what the server makes); `hidden`: never on the
    wire; `unique` on the whole server; `filter` (under `filter_name`, if it has another name there), `sort`,
    `searchable` (by the filter `text`); `empty_means`: the member that a set is read to have while it has none, and is
    found by; `capability`: exists only for requests that name it.
    """

    name: str
    kind: Kind
    label: str
    description: str
    nullable: bool = False
    required: bool = False
    default: Any = _ABSENT
    immutable: bool = False
    server_set: bool = False
    stamp: Stamp | None = None
    secret: Secret | None = None
    secret_prefix: str = "jmo_"  # noqa: S105 - not a secret: what tells people that it is one
    hidden: bool = False
    unique: bool = False
    filter: Filter | None = None
    filter_name: str | None = None
    empty_means: str | None = None
    sort: bool = False
    searchable: bool = False
    capability: str | None = None

    @property
    def has_default(self) -> bool:
        return self.default is not _ABSENT or self.nullable or isinstance(self.kind, SetOf | MapOf)

    @property
    def initial(self) -> Any:
        """The value of a property that nobody gave; a new object each time."""
        if self.default is _ABSENT:
            return None if self.nullable else {}
        return dict(self.default) if isinstance(self.default, dict) else self.default

    @property
    def is_immutable(self) -> bool:
        """Whether an object keeps the value that it was created with."""
        return self.immutable or (self.stamp is not None and self.stamp.is_lasting)

    @property
    def is_readable(self) -> bool:
        """Whether those who see it may read it: a hash is only taken."""
        return self.secret is not Secret.HASH

    @property
    def name_in_filters(self) -> str:
        return self.filter_name or self.name

    @property
    def is_owner(self) -> bool:
        """Whether it tells which object this one belongs to."""
        return isinstance(self.kind, Reference) and self.kind.owner

    def parse(self, value: Any) -> Any:
        """Return the value as it is kept.

        Raises:
            Invalid: it is not of this property's kind.
        """
        if value is None and self.nullable:
            return None
        return self.kind.parse(value)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one property of an object. The reason is for people and never repeats the value."""

    property: str
    reason: str
    missing: bool = False


_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_TAKEN = frozenset({"id", "text", "operator"})  # the last two mean something else in a filter
_SORTABLE = (Text, Date, Number)
_GIVEN = (Secret.CHOSEN, Secret.HASH, Secret.VIEW)
_FILTERABLE = (Text, Date, Number, Boolean, Reference, Choice)


def rules_of(each: Property, *, made_whole: bool) -> Iterator[tuple[bool, str]]:
    """Yield every rule of a declaration, as (whether it is broken, what is wrong then).

    `made_whole` tells that only the server makes objects of the type, and gives each property its value.
    """
    given = each.default is not _ABSENT
    yield not _NAME.fullmatch(each.name) or each.name in _TAKEN, "is no name for a property"
    yield each.required and each.server_set, "is both required of clients and set by the server"
    yield each.required and (given or each.nullable), "is required, so it can have no default and not be null"
    yield each.required and each.capability is not None, "is required of clients, but some of them do not see it"
    yield each.server_set and each.immutable, "is set by the server, so immutable says nothing"
    yield (
        each.stamp is not None
        and not (each.server_set and isinstance(each.kind, Date if each.stamp.is_date else Text)),
        f"is no server-set {'date' if each.stamp and each.stamp.is_date else 'text'} to stamp",
    )
    yield (
        each.is_owner and not (each.required and each.immutable),
        "tells the owner: declare it required and immutable",
    )
    has_value = made_whole or each.required or each.has_default or each.stamp or each.secret
    yield not has_value, "has no value when nobody gives one"
    yield given and _refuses(each, each.default), "has a default that is not of its kind"
    yield (
        each.hidden and bool(each.filter or each.sort or each.searchable),
        "is hidden, so nobody can filter, sort or search by it",
    )
    yield each.hidden and not each.server_set, "is hidden, so only the server can set it"
    yield from _rules_of_secrets(each)
    yield from _rules_of_looking(each)


def _rules_of_secrets(each: Property) -> Iterator[tuple[bool, str]]:
    yield each.secret is not None and not isinstance(each.kind, Text), "is a secret, but no text"
    yield (
        each.secret is Secret.GENERATED and not (each.server_set and each.unique),
        "is made by the server: declare it server-set and unique",
    )
    yield (
        each.secret in _GIVEN and (not each.nullable or each.unique or each.server_set),
        "is chosen by clients: it must be nullable, not unique, not server-set",
    )
    yield (
        each.secret is Secret.HASH and not each.immutable,
        "is a hash, which is taken on create only: declare it immutable",
    )
    yield (
        each.secret is not None and bool(each.filter or each.sort or each.searchable),
        "is a secret, so nobody can filter, sort or search by it",
    )


def _rules_of_looking(each: Property) -> Iterator[tuple[bool, str]]:
    """Yield what has to hold of what is looked for, or sorted by."""
    yield each.unique and not isinstance(each.kind, Text), "is unique, but no text"
    yield (
        each.searchable
        and not isinstance(each.kind, Text)
        and not (isinstance(each.kind, SetOf) and isinstance(each.kind.member, Text)),
        "is searchable, but holds no text",
    )
    yield each.sort and not isinstance(each.kind, _SORTABLE), "cannot be sorted by"
    yield each.filter is Filter.EXACT and not isinstance(each.kind, _FILTERABLE), "cannot be filtered by its value"
    yield each.filter is Filter.RANGE and not isinstance(each.kind, Date | Number), "cannot be filtered by order"
    member = each.kind.member if isinstance(each.kind, SetOf) else None
    yield each.filter is Filter.MEMBER and member is None, "cannot be filtered by a member"
    yield (
        each.filter is Filter.MEMBER and isinstance(member, Text) and member.layout,
        "cannot be filtered by a member, which may be of several lines",
    )
    yield (
        each.empty_means is not None and (each.filter is not Filter.MEMBER or _refuses(each, {each.empty_means: True})),
        "is no set that is found by the member which it has while it is empty",
    )
    yield (
        each.filter_name is not None
        and (each.filter is None or not _NAME.fullmatch(each.filter_name) or each.filter_name in _TAKEN),
        "has no filter, or none of such a name",
    )


def _refuses(each: Property, value: Any) -> bool:
    try:
        return bool(each.parse(value) != value)
    except Invalid:
        return True
