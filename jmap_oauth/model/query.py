"""What a /query asks for (RFC 8620 section 5.5): filter, sort and window. `filters` reads the first from JSON.

Their meaning is defined here once; each backend translates the same values into its own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from jmap_oauth.model.definition import ObjectType, Property
from jmap_oauth.model.kinds import Boolean, Date, Number
from jmap_oauth.model.text import COLLATION
from jmap_oauth.protocol.errors import MethodError, MethodErrorType

MAX_COMPARATORS = 10


class Test(Enum):
    """How a condition compares. All are two-valued: what is null is equal to null only, and in no order.

    A set HAS a member; an empty one that which its property's `empty_means` names.
    """

    EQUAL = "equal"
    HAS = "has"
    GREATER = "IsGreaterThan"
    GREATER_OR_EQUAL = "IsGreaterThanOrEqual"
    LESS = "IsLessThan"
    LESS_OR_EQUAL = "IsLessThanOrEqual"


@dataclass(frozen=True, slots=True)
class Condition:
    """Objects whose property compares like this to `value`; where that is the present second, it reads the clock."""

    property: Property
    test: Test
    value: Any
    reads_clock: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Objects whose searchable properties have, for each of these prefixes, a word that begins with it."""

    prefixes: Sequence[str]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Objects that match every one of `parts`."""

    parts: Sequence[FilterNode]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Objects that match at least one of `parts`."""

    parts: Sequence[FilterNode]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Objects that match none of `parts`."""

    parts: Sequence[FilterNode]


FilterNode = Condition | Words | AllOf | AnyOf | NoneOf


@dataclass(frozen=True, slots=True)
class Comparator:
    """One step of the order; a property of None is the id. Nulls come last whichever way it goes."""

    property: Property | None
    ascending: bool


DEFAULT_SORT = (Comparator(None, ascending=False),)
"""Newest first."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the results that is wanted: from `position`, or from `anchor` moved by `anchor_offset`."""

    position: int = 0
    anchor: str | None = None
    anchor_offset: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """All that decides the answer of a /query. Ties of the sort are broken by ascending id."""

    filter: FilterNode
    sort: Sequence[Comparator]
    window: Window
    calculate_total: bool = False


def depends_on_mutable(type: ObjectType, query: Query) -> bool:
    """Tell whether an update of an object, or the clock, could change whether or where it is in the results."""
    return _looks_at_mutable(type, query.filter) or any(
        each.property is not None and not each.property.is_immutable for each in query.sort
    )


def _looks_at_mutable(type: ObjectType, node: FilterNode) -> bool:
    match node:
        case Condition():
            return node.reads_clock or not node.property.is_immutable
        case Words():
            return bool(node.prefixes) and not all(each.is_immutable for each in type.searchable)
        case AllOf() | AnyOf() | NoneOf():
            return any(_looks_at_mutable(type, part) for part in node.parts)


def reads_clock(node: FilterNode) -> bool:
    """Tell whether a filter means something else at another second."""
    match node:
        case Condition():
            return node.reads_clock
        case Words():
            return False
        case AllOf() | AnyOf() | NoneOf():
            return any(reads_clock(part) for part in node.parts)


def parse_sort(type: ObjectType, given: Any, using: frozenset[str]) -> Sequence[Comparator]:
    """Read the `sort` argument.

    Raises:
        MethodError: invalidArguments for what is no list of comparators, unsupportedSort for what cannot be sorted by.
    """
    if not given and (given is None or isinstance(given, list)):
        return DEFAULT_SORT
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise MethodError(MethodErrorType.INVALID_ARGUMENTS, "sort: must be a list of Comparator objects.")
    if len(given) > MAX_COMPARATORS:
        raise MethodError(MethodErrorType.UNSUPPORTED_SORT, f"More than {MAX_COMPARATORS} comparators.")
    sortable = {"id": None} | {each.name: each for each in type.visible(using).values() if each.sort}
    return [_parse_comparator(each, sortable) for each in given]


_WITHOUT_COLLATION = (Boolean, Number, Date)
"""Values that have an order of their own: which collation a Comparator names for them does not matter."""


def _parse_comparator(given: Mapping[str, Any], sortable: Mapping[str, Property | None]) -> Comparator:
    name, ascending = given.get("property"), given.get("isAscending", True)
    collation = given.get("collation", COLLATION)
    if not isinstance(name, str) or not isinstance(ascending, bool) or not isinstance(collation, str):
        raise MethodError(
            MethodErrorType.INVALID_ARGUMENTS,
            "sort: a Comparator needs a property; isAscending is a boolean, collation a string.",
        )
    if name not in sortable:
        raise MethodError(
            MethodErrorType.UNSUPPORTED_SORT, f"{quoted(name)} cannot be sorted by; there are: {', '.join(sortable)}."
        )
    each = sortable[name]
    if collation != COLLATION and not (each and isinstance(each.kind, _WITHOUT_COLLATION)):
        raise MethodError(MethodErrorType.UNSUPPORTED_SORT, f"The only collation is {COLLATION}.")
    if extra := given.keys() - {"property", "isAscending", "collation"}:
        raise MethodError(MethodErrorType.UNSUPPORTED_SORT, f"{quoted(min(extra))} is nothing a Comparator has here.")
    return Comparator(each, ascending)


def quoted(name: str) -> str:
    """Write a name that a client made up so that it can stand in an error."""
    return repr(name[:255])
