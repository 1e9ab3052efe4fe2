"""What a /query asks for (RFC 8620 section 5.5): filter, sort and window, read from JSON and checked against a type.

Their meaning is defined here once; each backend translates the same values into its own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from jmap_oauth.model.definition import Filter, ObjectType, Property
from jmap_oauth.model.kinds import Boolean, Date, Invalid, Number, Reference, Text
from jmap_oauth.model.text import COLLATION, words
from jmap_oauth.protocol.errors import MethodError, MethodErrorType

MAX_CONDITIONS = 1_000
MAX_OPERATORS = 1_000
MAX_WORDS = 100
"""Words to search for in one filter: each is looked up in the index by itself, and may be the beginning of many."""
MAX_COMPARATORS = 10
MAX_TEXT = 2_000


class Test(Enum):
    """How a condition compares. All are two-valued: what is null is equal to null only, and in no order."""

    EQUAL = "equal"
    GREATER = "IsGreaterThan"
    GREATER_OR_EQUAL = "IsGreaterThanOrEqual"
    LESS = "IsLessThan"
    LESS_OR_EQUAL = "IsLessThanOrEqual"


@dataclass(frozen=True, slots=True)
class Condition:
    """Objects whose property compares like this to `value`."""

    property: Property
    test: Test
    value: Any


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

_OPERATORS: Mapping[str, Callable[[Sequence[FilterNode]], FilterNode]] = {
    "AND": AllOf,
    "OR": AnyOf,
    "NOT": NoneOf,
    "AllOf": AllOf,  # the names under which the object's documentation speaks of the same three
    "AnyOf": AnyOf,
    "Not": NoneOf,
}


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
    """Tell whether an update of an object could change whether or where it is in the results."""
    return _looks_at_mutable(type, query.filter) or any(
        each.property is not None and not each.property.is_immutable for each in query.sort
    )


def _looks_at_mutable(type: ObjectType, node: FilterNode) -> bool:
    match node:
        case Condition():
            return not node.property.is_immutable
        case Words():
            return bool(node.prefixes) and not all(each.is_immutable for each in type.searchable)
        case AllOf() | AnyOf() | NoneOf():
            return any(_looks_at_mutable(type, part) for part in node.parts)


Resolve = Callable[[str], str]
"""Replaces a creation id (`#name`) by the id it stands for; leaves other texts as they are."""


def parse_filter(type: ObjectType, given: Any, using: frozenset[str], resolve: Resolve) -> FilterNode:
    """Read the `filter` argument.

    Raises:
        MethodError: invalidArguments for what is no filter, unsupportedFilter for what this type cannot be asked.
    """
    return AllOf(()) if given is None else _FilterReader(type, using, resolve).node(given)


class _FilterReader:
    """Reads one filter, and counts what it may have only so many of."""

    def __init__(self, type: ObjectType, using: frozenset[str], resolve: Resolve) -> None:
        self._named = dict(_each_condition(type, using))
        self._resolve = resolve
        self._left = {"conditions": MAX_CONDITIONS, "operators": MAX_OPERATORS, "words": MAX_WORDS}

    def node(self, given: Any) -> FilterNode:
        if not isinstance(given, dict):
            raise MethodError(MethodErrorType.INVALID_ARGUMENTS, "filter: must be an object, at every level.")
        if "operator" not in given:
            found = [self._condition(name, value) for name, value in given.items()]
            return found[0] if len(found) == 1 else AllOf(found)
        self._spend("operators", 1)
        operator, parts = given["operator"], given.get("conditions")
        if not isinstance(operator, str) or operator not in _OPERATORS or not isinstance(parts, list):
            names = ", ".join(_OPERATORS)
            raise MethodError(
                MethodErrorType.INVALID_ARGUMENTS, f"filter: needs conditions and an operator of {names}."
            )
        if extra := given.keys() - {"operator", "conditions"}:
            raise _unsupported(f"{_quoted(min(extra))} cannot stand beside an operator.")
        return _OPERATORS[operator]([self.node(part) for part in parts])

    def _condition(self, name: str, value: Any) -> FilterNode:
        self._spend("conditions", 1)
        condition = self._named.get(name)
        if condition is None:
            raise _unsupported(f"{_quoted(name)} is no condition of this type; there are: {', '.join(self._named)}.")
        each = condition.property
        if each is None:
            return self._words(value)
        if value is None and each.nullable and condition.test is Test.EQUAL:
            return Condition(each, condition.test, None)
        if isinstance(each.kind, Reference) and isinstance(value, str):
            value = self._resolve(value)
        try:
            return Condition(each, condition.test, _comparable(each, value))
        except Invalid as invalid:
            raise _unsupported(f"{name} {invalid}.") from None

    def _words(self, text: Any) -> Words:
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise _unsupported(f"text must be a string of at most {MAX_TEXT} characters.")
        prefixes = words(text)
        self._spend("words", len(prefixes))
        return Words(prefixes)

    def _spend(self, what: str, count: int) -> None:
        self._left[what] -= count
        if self._left[what] < 0:
            raise _unsupported(f"There are too many {what} in this filter.")


@dataclass(frozen=True, slots=True)
class _Condition:
    """A name that a filter may hold, and what it stands for; a property of None is the search for words."""

    property: Property | None
    test: Test = Test.EQUAL


def _each_condition(type: ObjectType, using: frozenset[str]) -> Iterator[tuple[str, _Condition]]:
    if type.searchable:
        yield "text", _Condition(None)
    for each in type.visible(using).values():
        if each.filter is Filter.EXACT:
            yield each.name, _Condition(each)
        elif each.filter is Filter.RANGE:
            for test in Test:
                if test is not Test.EQUAL:
                    yield each.name + test.value, _Condition(each, test)


def _comparable(each: Property, value: Any) -> Any:
    """Return the value as it would be kept; a text that could not be kept is simply equal to none."""
    if isinstance(each.kind, Text):
        if not isinstance(value, str) or len(value) > each.kind.max_length:
            raise Invalid(f"must be a string of at most {each.kind.max_length} characters")
        return value
    return each.kind.parse(value)


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
            MethodErrorType.UNSUPPORTED_SORT, f"{_quoted(name)} cannot be sorted by; there are: {', '.join(sortable)}."
        )
    each = sortable[name]
    if collation != COLLATION and not (each and isinstance(each.kind, _WITHOUT_COLLATION)):
        raise MethodError(MethodErrorType.UNSUPPORTED_SORT, f"The only collation is {COLLATION}.")
    if extra := given.keys() - {"property", "isAscending", "collation"}:
        raise MethodError(MethodErrorType.UNSUPPORTED_SORT, f"{_quoted(min(extra))} is nothing a Comparator has here.")
    return Comparator(each, ascending)


def _unsupported(description: str) -> MethodError:
    return MethodError(MethodErrorType.UNSUPPORTED_FILTER, description)


def _quoted(name: str) -> str:
    return repr(name[:255])
