"""What a store should answer, in as few words as possible: records in a dictionary, loops, Python's sort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jmap_oauth.model.definition import GLOBAL, ObjectType, Record
from jmap_oauth.model.kinds import Text
from jmap_oauth.model.query import AllOf, AnyOf, Comparator, Condition, FilterNode, NoneOf, Query, Test, Words
from jmap_oauth.model.text import sort_key, words
from jmap_oauth.store.interface import AnchorNotFound, Page


def matches(type: ObjectType, node: FilterNode, record: Record) -> bool:
    match node:
        case Condition(property, test, wanted):
            value = record[property.name]
            return _compares(value or {property.empty_means} if test is Test.HAS else value, test, wanted)
        case Words(prefixes):
            found = [word for text in _texts(type, record) for word in words(text)]
            return all(any(word.startswith(prefix) for word in found) for prefix in prefixes)
        case AllOf(parts):
            return all(matches(type, part, record) for part in parts)
        case AnyOf(parts):
            return any(matches(type, part, record) for part in parts)
        case NoneOf(parts):
            return not any(matches(type, part, record) for part in parts)


def _compares(value: object, test: Test, wanted: object) -> bool:
    if test is Test.EQUAL:
        return value == wanted
    if value is None:
        return False
    if isinstance(value, dict | set):
        return wanted in value
    assert isinstance(value, str)
    assert isinstance(wanted, str)
    return {
        Test.GREATER: value > wanted,
        Test.GREATER_OR_EQUAL: value >= wanted,
        Test.LESS: value < wanted,
        Test.LESS_OR_EQUAL: value <= wanted,
    }[test]


def _texts(type: ObjectType, record: Record) -> Iterable[str]:
    for each in type.searchable:
        value = record[each.name]
        yield from [value] if isinstance(value, str) else value or ()


def ordered(records: Iterable[Record], sort: Sequence[Comparator]) -> list[Record]:
    """Sort stably from the last comparator to the first, so that ties keep the order of ids."""
    found = sorted(records, key=lambda record: str(record["id"]))
    for comparator in reversed(sort):
        name = comparator.property.name if comparator.property else "id"
        is_text = comparator.property is not None and isinstance(comparator.property.kind, Text)
        there = [record for record in found if record[name] is not None]
        there.sort(
            key=lambda record: sort_key(record[name]) if is_text else record[name],
            reverse=not comparator.ascending,
        )
        found = there + [record for record in found if record[name] is None]
    return found


def page(type: ObjectType, records: Iterable[Record], account: str, query: Query) -> Page:
    """Return the window of a query over all records of a server."""
    seen = [record for record in records if account in (GLOBAL, type.account_of(record))]
    found = ordered([record for record in seen if matches(type, query.filter, record)], query.sort)
    ids = [record["id"] for record in found]
    start = _start(ids, query)
    total = len(ids) if query.calculate_total else None
    return Page(ids[start : start + query.window.limit], start, len(ids) > start + query.window.limit, total)


def _start(ids: list[str], query: Query) -> int:
    window = query.window
    if window.anchor is None:
        return max(window.position + (len(ids) if window.position < 0 else 0), 0)
    if window.anchor not in ids:
        raise AnchorNotFound(window.anchor)
    return max(ids.index(window.anchor) + window.anchor_offset, 0)
