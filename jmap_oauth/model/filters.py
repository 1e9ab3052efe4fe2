"""Filters as they are asked for (RFC 8620 section 5.5): read from JSON, and checked against a type.

A `status` is written out as conditions on what decides it, so that no backend has to know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from jmap_oauth.model.definition import Filter, ObjectType, Property
from jmap_oauth.model.kinds import Invalid, Reference, SetOf, Text
from jmap_oauth.model.query import AllOf, AnyOf, Condition, FilterNode, NoneOf, Test, Words, quoted
from jmap_oauth.model.status import Moment, Status
from jmap_oauth.model.text import words
from jmap_oauth.protocol.errors import MethodError, MethodErrorType

MAX_CONDITIONS = 1_000
MAX_OPERATORS = 1_000
MAX_WORDS = 100
"""Words to search for in one filter: each is looked up in the index by itself, and may be the beginning of many."""
MAX_TEXT = 2_000

_OPERATORS: Mapping[str, Callable[[Sequence[FilterNode]], FilterNode]] = {
    "AND": AllOf,
    "OR": AnyOf,
    "NOT": NoneOf,
    "AllOf": AllOf,  # the names under which the object's documentation speaks of the same three
    "AnyOf": AnyOf,
    "Not": NoneOf,
}

_ORDER = (Test.GREATER, Test.GREATER_OR_EQUAL, Test.LESS, Test.LESS_OR_EQUAL)
_LIES = {Moment.COME: Test.LESS_OR_EQUAL, Moment.AHEAD: Test.GREATER}

Resolve = Callable[[str], str]
"""Replaces a creation id (`#name`) by the id it stands for; leaves other texts as they are."""


def parse_filter(type: ObjectType, given: Any, using: frozenset[str], resolve: Resolve, now: str) -> FilterNode:
    """Read the `filter` argument; `now` is the second, as dates are kept, for which a status is asked.

    Raises:
        MethodError: invalidArguments for what is no filter, unsupportedFilter for what this type cannot be asked.
    """
    return AllOf(()) if given is None else _FilterReader(type, using, resolve, now).node(given)


def between(date: Property, one: str, other: str) -> FilterNode:
    """Return the filter for whom the clock passes a date on the way from a second to another one, either way."""
    earlier, later = sorted((one, other))
    return AllOf([Condition(date, Test.GREATER, earlier), Condition(date, Test.LESS_OR_EQUAL, later)])


class _FilterReader:
    """Reads one filter, and counts what it may have only so many of."""

    def __init__(self, type: ObjectType, using: frozenset[str], resolve: Resolve, now: str) -> None:
        self._type = type
        self._named = dict(self._each_condition(using))
        self._resolve = resolve
        self._now = now
        self._left = {"conditions": MAX_CONDITIONS, "operators": MAX_OPERATORS, "words": MAX_WORDS}

    def _each_condition(self, using: frozenset[str]) -> Iterator[tuple[str, Callable[[Any], FilterNode]]]:
        """Yield the names that a filter may hold, and what reads their values."""
        if self._type.searchable:
            yield "text", self._words
        for each in self._type.visible(using).values():
            name = each.name_in_filters
            match each.filter:
                case Filter.EXACT:
                    yield name, partial(self._compare, name, each, Test.EQUAL)
                case Filter.MEMBER:
                    yield name, partial(self._compare, name, each, Test.HAS)
                case Filter.RANGE:
                    for test in _ORDER:
                        yield name + test.value, partial(self._compare, name + test.value, each, test)
        if status := self._type.status_for(using):
            yield "status", partial(self._status, status)

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
            raise _unsupported(f"{quoted(min(extra))} cannot stand beside an operator.")
        return _OPERATORS[operator]([self.node(part) for part in parts])

    def _condition(self, name: str, value: Any) -> FilterNode:
        self._spend("conditions", 1)
        if name not in self._named:
            raise _unsupported(f"{quoted(name)} is no condition of this type; there are: {', '.join(self._named)}.")
        return self._named[name](value)

    def _compare(self, name: str, property: Property, test: Test, value: Any) -> FilterNode:
        if value is None and property.nullable and test is Test.EQUAL:
            return Condition(property, test, None)
        if isinstance(property.kind, Reference) and isinstance(value, str):
            value = self._resolve(value)
        try:
            return Condition(property, test, _comparable(property, value))
        except Invalid as invalid:
            raise _unsupported(f"{name} {invalid}.") from None

    def _words(self, text: Any) -> Words:
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise _unsupported(f"text must be a string of at most {MAX_TEXT} characters.")
        prefixes = words(text)
        self._spend("words", len(prefixes))
        return Words(prefixes)

    def _status(self, status: Status, name: Any) -> FilterNode:
        """Write a status out: its case applies, and none before that."""
        if not isinstance(name, str) or name not in status.labels:
            raise _unsupported(f"status must be one of {', '.join(status.labels)}.")
        before: list[FilterNode] = []
        for case in status.cases:
            applies = self._applies(self._type.by_name[case.property], case.holds)
            if case.name == name:
                return AllOf([applies, NoneOf(before)]) if before else applies
            before.append(applies)
        return NoneOf(before)

    def _applies(self, property: Property, holds: bool | Moment) -> FilterNode:
        if isinstance(holds, bool):
            return Condition(property, Test.EQUAL, holds)
        return Condition(property, _LIES[holds], self._now, reads_clock=True)

    def _spend(self, what: str, count: int) -> None:
        self._left[what] -= count
        if self._left[what] < 0:
            raise _unsupported(f"There are too many {what} in this filter.")


def _comparable(each: Property, value: Any) -> Any:
    """Return the value as it would be kept; a text that could not be kept is simply equal to none."""
    if isinstance(each.kind, SetOf):
        return each.kind.member.parse(value)
    if isinstance(each.kind, Text):
        if not isinstance(value, str) or len(value) > each.kind.max_length:
            raise Invalid(f"must be a string of at most {each.kind.max_length} characters")
        return value
    return each.kind.parse(value)


def _unsupported(description: str) -> MethodError:
    return MethodError(MethodErrorType.UNSUPPORTED_FILTER, description)
