"""What stands between two rows in an order, as ranges that an index on the columns of the order can read.

A comparison of whole rows would do with one condition, but with one that joins its parts by OR, for which a database
reads all rows. It is pure, like `sql`, and shared by the backends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from jmap_oauth.store.sql import Step

Tests: TypeAlias = tuple[tuple[str, str], ...]
"""Columns, each with one of the operators `<`, `>`, `=`, which take a value, `IS NULL` and `IS NOT NULL`."""

NULL_TESTS: Final = frozenset({"IS NULL", "IS NOT NULL"})


class Range(NamedTuple):
    """Rows that pass tests; `values` are for those that take one, in their order."""

    tests: Tests
    values: tuple[Any, ...]


_Bound = tuple[str, Any]
"""An operator and a value; beside `<` and `>` there are, since values may be null, `IS` and `IS NOT`."""


def ranges_between(steps: Sequence[Step], start: Sequence[Any] | None, end: Sequence[Any]) -> Iterator[Range]:
    """Yield ranges, none of which overlap, that hold what comes after the row `start` and before the row `end`.

    Rows are given by their values in the columns of the order; `start` comes first, None is before all rows.
    """
    fork = 0
    if start is not None:
        fork = next(level for level in range(len(steps)) if start[level] != end[level])
        for level in range(len(steps) - 1, fork, -1):
            for bound in _after(steps[level], start[level]):
                yield _range(steps, start, level, bound)
        yield _range(steps, start, fork, *_between(steps[fork], start[fork], end[fork]))
        fork += 1
    for level in range(fork, len(steps)):
        yield _range(steps, end, level, _before(steps[level], end[level]))


def ranges_after(steps: Sequence[Step], start: Sequence[Any]) -> Iterator[Range]:
    """Yield ranges that hold what comes after the row `start`, those first that come first in the order."""
    for level in reversed(range(len(steps))):
        for bound in _after(steps[level], start[level]):
            yield _range(steps, start, level, bound)


def _range(steps: Sequence[Step], keys: Sequence[Any], level: int, *bounds: _Bound) -> Range:
    """Return the rows that are like one with these keys up to a level, and within bounds there."""
    same = [(step.column, ("IS", key)) for step, key in zip(steps[:level], keys, strict=False)]
    tests = [*same, *((steps[level].column, bound) for bound in bounds)]
    return Range(
        tuple((column, _operator(*bound)) for column, bound in tests),
        tuple(value for _, (_, value) in tests if value is not None),
    )


def _operator(operator: str, value: Any) -> str:
    if value is None:
        return f"{operator} NULL"
    return "=" if operator == "IS" else operator


def _before(step: Step, key: Any) -> _Bound:
    if key is None:
        return "IS NOT", None
    return "<" if step.ascending else ">", key


def _after(step: Step, key: Any) -> list[_Bound]:
    if key is None:
        return []
    behind = ">" if step.ascending else "<", key
    return [behind] if step.column == "id" else [behind, ("IS", None)]


def _between(step: Step, start: Any, end: Any) -> list[_Bound]:
    behind = ">" if step.ascending else "<", start
    return [behind] if end is None else [behind, _before(step, end)]
