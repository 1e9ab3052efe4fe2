"""What /query arguments mean for the pretend type, and which are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.model.filters import MAX_CONDITIONS, between, parse_filter
from jmap_oauth.model.query import (
    DEFAULT_SORT,
    MAX_COMPARATORS,
    AllOf,
    AnyOf,
    Comparator,
    Condition,
    FilterNode,
    NoneOf,
    Query,
    Window,
    Words,
    depends_on_mutable,
    parse_sort,
    reads_clock,
)
from jmap_oauth.model.query import Test as Compare  # pytest would take the name for a test
from jmap_oauth.protocol.errors import MethodError
from tests.support.widget import EXTRA, TEAM, WIDGET

PLAIN: frozenset[str] = frozenset()
WITH_EXTRA = frozenset({EXTRA})
CREATED = {"#t1": "iteam"}

NOW = "2026-06-01T00:00:00Z"

code, note, tags, created, ends, team, heavy, extra = (
    WIDGET.by_name[name] for name in ("code", "note", "tags", "createdAt", "endsAt", "teamId", "isHeavy", "extra")
)
A, B = Condition(code, Compare.EQUAL, "a"), Condition(code, Compare.EQUAL, "b")
HEAVY = Condition(heavy, Compare.EQUAL, True)
ENDED = Condition(ends, Compare.LESS_OR_EQUAL, NOW, reads_clock=True)
PLANNED = Condition(created, Compare.GREATER, NOW, reads_clock=True)


def resolve(name: str) -> str:
    return CREATED.get(name, name)


def filtered(given: Any, using: frozenset[str] = PLAIN) -> FilterNode:
    return parse_filter(WIDGET, given, using, resolve, NOW)


FILTERS: list[tuple[Any, FilterNode]] = [
    (None, AllOf(())),
    ({}, AllOf([])),
    ({"text": "Two Wörds"}, Words(["two", "words"])),
    ({"text": "%_* \"'"}, Words([])),
    ({"text": ""}, Words([])),
    ({"code": "a"}, A),
    ({"code": ""}, Condition(code, Compare.EQUAL, "")),
    ({"code": "a", "isHeavy": True}, AllOf([A, Condition(heavy, Compare.EQUAL, True)])),
    ({"isHeavy": False}, Condition(heavy, Compare.EQUAL, False)),
    ({"tag": "red"}, Condition(tags, Compare.HAS, "red")),
    ({"status": "heavy"}, HEAVY),
    ({"status": "ended"}, AllOf([ENDED, NoneOf([HEAVY])])),
    ({"status": "planned"}, AllOf([PLANNED, NoneOf([HEAVY, ENDED])])),
    ({"status": "active"}, NoneOf([HEAVY, ENDED, PLANNED])),
    ({"teamId": None}, Condition(team, Compare.EQUAL, None)),
    ({"teamId": "i9"}, Condition(team, Compare.EQUAL, "i9")),
    ({"teamId": "#t1"}, Condition(team, Compare.EQUAL, "iteam")),
    ({"endsAtIsGreaterThan": "2026-01-31T12:00:00.5Z"}, Condition(ends, Compare.GREATER, "2026-01-31T12:00:00Z")),
    (
        {"endsAtIsGreaterThanOrEqual": "2026-01-31T00:00:00+01:00"},
        Condition(ends, Compare.GREATER_OR_EQUAL, "2026-01-30T23:00:00Z"),
    ),
    ({"endsAtIsLessThan": "2026-01-31T12:00:00Z"}, Condition(ends, Compare.LESS, "2026-01-31T12:00:00Z")),
    (
        {"endsAtIsLessThanOrEqual": "2026-01-31T12:00:00Z"},
        Condition(ends, Compare.LESS_OR_EQUAL, "2026-01-31T12:00:00Z"),
    ),
    ({"operator": "AND", "conditions": [{"code": "a"}, {"code": "b"}]}, AllOf([A, B])),
    ({"operator": "OR", "conditions": [{"code": "a"}, {"code": "b"}]}, AnyOf([A, B])),
    ({"operator": "NOT", "conditions": [{"code": "a"}, {"code": "b"}]}, NoneOf([A, B])),
    ({"operator": "AllOf", "conditions": [{"code": "a"}]}, AllOf([A])),
    ({"operator": "AnyOf", "conditions": [{"code": "a"}]}, AnyOf([A])),
    ({"operator": "Not", "conditions": [{"code": "a"}]}, NoneOf([A])),
    ({"operator": "OR", "conditions": []}, AnyOf([])),
    (
        {"operator": "NOT", "conditions": [{"operator": "OR", "conditions": [{"code": "a"}, {"text": "x"}]}, {}]},
        NoneOf([AnyOf([A, Words(["x"])]), AllOf([])]),
    ),
]

CONDITIONS = (
    "text, code, tag, endsAtIsGreaterThan, endsAtIsGreaterThanOrEqual, endsAtIsLessThan, endsAtIsLessThanOrEqual, "
    "teamId, isHeavy, status"
)
NO_OPERATOR = "filter: needs conditions and an operator of AND, OR, NOT, AllOf, AnyOf, Not."
NO_OBJECT = "filter: must be an object, at every level."

BAD_FILTERS: list[tuple[Any, str, str]] = [
    ("a", "invalidArguments", NO_OBJECT),
    ([], "invalidArguments", NO_OBJECT),
    (0, "invalidArguments", NO_OBJECT),
    (False, "invalidArguments", NO_OBJECT),
    ({"operator": "XOR", "conditions": []}, "invalidArguments", NO_OPERATOR),
    ({"operator": "and", "conditions": []}, "invalidArguments", NO_OPERATOR),
    ({"operator": ["AND"], "conditions": []}, "invalidArguments", NO_OPERATOR),
    ({"operator": None, "conditions": []}, "invalidArguments", NO_OPERATOR),
    ({"operator": "AND"}, "invalidArguments", NO_OPERATOR),
    ({"operator": "AND", "conditions": {}}, "invalidArguments", NO_OPERATOR),
    ({"operator": "AND", "conditions": [None]}, "invalidArguments", NO_OBJECT),
    ({"operator": "AND", "conditions": [[]]}, "invalidArguments", NO_OBJECT),
    (
        {"operator": "AND", "conditions": [], "code": "a"},
        "unsupportedFilter",
        "'code' cannot stand beside an operator.",
    ),
    ({"note": "x"}, "unsupportedFilter", f"'note' is no condition of this type; there are: {CONDITIONS}."),
    ({"secret": "x"}, "unsupportedFilter", f"'secret' is no condition of this type; there are: {CONDITIONS}."),
    ({"origin": "x"}, "unsupportedFilter", f"'origin' is no condition of this type; there are: {CONDITIONS}."),
    ({"extra": "x"}, "unsupportedFilter", f"'extra' is no condition of this type; there are: {CONDITIONS}."),
    ({"endsAt": None}, "unsupportedFilter", f"'endsAt' is no condition of this type; there are: {CONDITIONS}."),
    ({"a\x1b[2J": 1}, "unsupportedFilter", f"'a\\x1b[2J' is no condition of this type; there are: {CONDITIONS}."),
    ({"text": None}, "unsupportedFilter", "text must be a string of at most 2000 characters."),
    ({"text": "a" * 2_001}, "unsupportedFilter", "text must be a string of at most 2000 characters."),
    ({"code": None}, "unsupportedFilter", "code must be a string of at most 20 characters."),
    ({"code": 1}, "unsupportedFilter", "code must be a string of at most 20 characters."),
    ({"code": "a" * 21}, "unsupportedFilter", "code must be a string of at most 20 characters."),
    ({"isHeavy": "true"}, "unsupportedFilter", "isHeavy must be true or false."),
    ({"isHeavy": None}, "unsupportedFilter", "isHeavy must be true or false."),
    ({"tags": "red"}, "unsupportedFilter", f"'tags' is no condition of this type; there are: {CONDITIONS}."),
    ({"tag": None}, "unsupportedFilter", "tag must be a string."),
    ({"tag": {"red": True}}, "unsupportedFilter", "tag must be a string."),
    ({"tag": ""}, "unsupportedFilter", "tag must not be empty."),
    ({"tag": "a\nb"}, "unsupportedFilter", "tag must not hold control characters."),
    ({"status": "odd"}, "unsupportedFilter", "status must be one of active, heavy, ended, planned."),
    ({"status": "Active"}, "unsupportedFilter", "status must be one of active, heavy, ended, planned."),
    ({"status": None}, "unsupportedFilter", "status must be one of active, heavy, ended, planned."),
    ({"status": ["active"]}, "unsupportedFilter", "status must be one of active, heavy, ended, planned."),
    ({"teamId": 5}, "unsupportedFilter", "teamId must be an id."),
    ({"teamId": "' OR 1=1"}, "unsupportedFilter", "teamId must be an id."),
    (
        {"endsAtIsLessThan": None},
        "unsupportedFilter",
        "endsAtIsLessThan must be a date like 2026-01-31T12:00:00Z.",
    ),
]


@pytest.mark.parametrize(("given", "meant"), FILTERS)
def test_filter_means_this(given: Any, meant: FilterNode) -> None:
    assert filtered(given) == meant


@pytest.mark.parametrize(("given", "type", "description"), BAD_FILTERS)
def test_bad_filter_is_refused_with_its_reason(given: Any, type: str, description: str) -> None:
    with pytest.raises(MethodError) as refused:
        filtered(given)
    assert (refused.value.type, refused.value.description) == (type, description)


def test_a_condition_of_a_capability_is_there_for_those_who_name_it() -> None:
    assert filtered({"extra": None}, WITH_EXTRA) == Condition(extra, Compare.EQUAL, None)


def test_a_status_is_there_for_those_who_see_all_that_decides_it() -> None:
    hidden = replace(WIDGET, properties=[replace(e, capability=EXTRA) if e is heavy else e for e in WIDGET.properties])
    with pytest.raises(MethodError, match=r"^'status' is no condition of this type;"):
        parse_filter(hidden, {"status": "ended"}, PLAIN, resolve, NOW)
    assert reads_clock(parse_filter(hidden, {"status": "ended"}, WITH_EXTRA, resolve, NOW))


@pytest.mark.parametrize(
    ("given", "reads"),
    [
        (None, False),
        ({"text": "x"}, False),
        ({"endsAtIsLessThan": NOW}, False),
        ({"status": "heavy"}, False),
        ({"status": "ended"}, True),
        ({"operator": "NOT", "conditions": [{"code": "a"}, {"status": "active"}]}, True),
    ],
)
def test_a_filter_reads_the_clock_where_its_status_needs_a_date(given: Any, reads: bool) -> None:
    assert reads_clock(filtered(given)) is reads


def test_the_clock_moves_results_though_no_update_can() -> None:
    fixed = Condition(created, Compare.GREATER, NOW), PLANNED
    queries = [Query(filter, DEFAULT_SORT, Window()) for filter in fixed]
    assert [depends_on_mutable(WIDGET, query) for query in queries] == [False, True]


def test_the_clock_passes_what_lies_after_the_earlier_second_and_not_after_the_later() -> None:
    earlier = "2026-01-01T00:00:00Z"
    passed = AllOf([Condition(ends, Compare.GREATER, earlier), Condition(ends, Compare.LESS_OR_EQUAL, NOW)])
    assert between(ends, earlier, NOW) == between(ends, NOW, earlier) == passed


def test_a_type_without_searchable_properties_has_no_text_condition() -> None:
    bare = replace(TEAM, properties=[replace(each, searchable=False) for each in TEAM.properties])
    with pytest.raises(MethodError, match=r"^'text' is no condition of this type; there are: name\.$"):
        parse_filter(bare, {"text": "x"}, PLAIN, resolve, NOW)


def test_as_many_conditions_as_the_limit_says_are_taken_and_no_more() -> None:
    conditions = [{"code": "a"}] * MAX_CONDITIONS
    assert filtered({"operator": "OR", "conditions": conditions}) == AnyOf([A] * MAX_CONDITIONS)
    with pytest.raises(MethodError, match=r"^There are too many conditions in this filter\.$"):
        filtered({"operator": "OR", "conditions": [*conditions, {"code": "a"}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["operator", "conditions", "text", "code", "teamId", "x"]), inner)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_a_filter_or_one_of_two_errors(given: Any) -> None:
    try:
        filtered(given)
    except MethodError as error:
        assert error.type in {"invalidArguments", "unsupportedFilter"}  # noqa: PT017 - most filters are fine


SORTS: list[tuple[Any, list[Comparator] | tuple[Comparator, ...]]] = [
    (None, DEFAULT_SORT),
    ([], DEFAULT_SORT),
    ([{"property": "code"}], [Comparator(code, ascending=True)]),
    ([{"property": "id", "isAscending": False}], [Comparator(None, ascending=False)]),
    (
        [{"property": "endsAt", "isAscending": False}, {"property": "note", "collation": "i;unicode-casemap"}],
        [Comparator(ends, ascending=False), Comparator(note, ascending=True)],
    ),
    ([{"property": "endsAt", "collation": "i;octet"}], [Comparator(ends, ascending=True)]),
]

SORTABLE = "id, code, note, createdAt, endsAt, size"
NO_LIST = "sort: must be a list of Comparator objects."
NO_COMPARATOR = "sort: a Comparator needs a property; isAscending is a boolean, collation a string."

BAD_SORTS: list[tuple[Any, str, str]] = [
    ({}, "invalidArguments", NO_LIST),
    ("code", "invalidArguments", NO_LIST),
    (False, "invalidArguments", NO_LIST),
    (["code"], "invalidArguments", NO_LIST),
    ([{}], "invalidArguments", NO_COMPARATOR),
    ([{"property": 1}], "invalidArguments", NO_COMPARATOR),
    ([{"property": "code", "isAscending": 1}], "invalidArguments", NO_COMPARATOR),
    ([{"property": "code", "isAscending": None}], "invalidArguments", NO_COMPARATOR),
    ([{"property": "tags"}], "unsupportedSort", f"'tags' cannot be sorted by; there are: {SORTABLE}."),
    ([{"property": "secret"}], "unsupportedSort", f"'secret' cannot be sorted by; there are: {SORTABLE}."),
    ([{"property": "extra"}], "unsupportedSort", f"'extra' cannot be sorted by; there are: {SORTABLE}."),
    ([{"property": "code; --"}], "unsupportedSort", f"'code; --' cannot be sorted by; there are: {SORTABLE}."),
    (
        [{"property": "code", "collation": "i;octet"}],
        "unsupportedSort",
        "The only collation is i;unicode-casemap.",
    ),
    ([{"property": "code", "collation": []}], "invalidArguments", NO_COMPARATOR),
    ([{"property": "endsAt", "collation": None}], "invalidArguments", NO_COMPARATOR),
    ([{"property": "code", "keyword": "x"}], "unsupportedSort", "'keyword' is nothing a Comparator has here."),
    ([{"property": "code"}] * (MAX_COMPARATORS + 1), "unsupportedSort", f"More than {MAX_COMPARATORS} comparators."),
]


@pytest.mark.parametrize(("given", "meant"), SORTS)
def test_sort_means_this(given: Any, meant: Any) -> None:
    assert parse_sort(WIDGET, given, PLAIN) == meant


@pytest.mark.parametrize(("given", "type", "description"), BAD_SORTS)
def test_bad_sort_is_refused_with_its_reason(given: Any, type: str, description: str) -> None:
    with pytest.raises(MethodError) as refused:
        parse_sort(WIDGET, given, PLAIN)
    assert (refused.value.type, refused.value.description) == (type, description)


def test_what_a_capability_adds_can_be_sorted_by_those_who_name_it() -> None:
    assert parse_sort(WIDGET, [{"property": "extra"}], WITH_EXTRA) == [Comparator(extra, ascending=True)]
