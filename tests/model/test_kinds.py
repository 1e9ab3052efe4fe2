"""What each kind of value accepts from JSON, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.model.kinds import (
    Boolean,
    Choice,
    Date,
    Document,
    Invalid,
    Kind,
    MapOf,
    Number,
    Reference,
    SetOf,
    Text,
    now,
)
from jmap_oauth.protocol.types import MAX_INTEGER

CODE = Text(max_length=5, min_length=2)
NAME = Text(max_length=20, min_length=1, name=True, trim=True)
NOTE = Text(max_length=20, layout=True)
COLOUR = Choice("Colour", {"red": "Red", "blue": "Blue"})
SMALL = SetOf(CODE, max_members=2)
QUOTAS = MapOf(COLOUR, Number(maximum=9))


def _has_a_name(value: dict[str, Any]) -> None:
    if "name" not in value:
        raise Invalid("must have a name")


PAPER = Document(20)
NAMED = Document(20, syntax=_has_a_name)
KINDS: list[Kind] = [CODE, NAME, NOTE, Boolean(), Number(), Date(), Reference("Team"), COLOUR, SMALL, QUOTAS, NAMED]

DATE = "must be a date like 2026-01-31T12:00:00Z"
NO_DATE = "must be a date that exists, like 2026-01-31T12:00:00Z"

KEPT: list[tuple[Kind, Any, Any]] = [
    (CODE, "ab", "ab"),
    (CODE, "日本語文字", "日本語文字"),
    (CODE, " a ", " a "),
    (NAME, " \tJo\u00a0", "Jo"),
    (NOTE, "a\tb\r\nc", "a\tb\r\nc"),
    (NOTE, "", ""),
    (NOTE, "a\u202eb", "a\u202eb"),
    (Boolean(), False, False),
    (Number(), 0, 0),
    (Number(), MAX_INTEGER, MAX_INTEGER),
    (Number(minimum=-5), -5, -5),
    (Date(), "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
    (Date(), "2026-01-31T12:00:00.999Z", "2026-01-31T12:00:00Z"),
    (Date(), "2026-01-31T12:00:00.1234567890123Z", "2026-01-31T12:00:00Z"),
    (Date(), "2026-01-31T00:30:00+01:30", "2026-01-30T23:00:00Z"),
    (Date(), "2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00Z"),
    (Date(), "1969-12-31T23:30:00-00:30", "1970-01-01T00:00:00Z"),
    (Date(), "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    (Date(), "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    (Reference("Team"), "i0_-Z", "i0_-Z"),
    (Reference("Team"), "#new1", "#new1"),
    (COLOUR, "red", "red"),
    (SMALL, {}, {}),
    (SMALL, {"bb": True, "aa": True}, {"bb": True, "aa": True}),
    (SMALL, {"aa": False, "bb": None, "cc": True, "not a code": False}, {"cc": True}),
    (SetOf(NAME), {" a": True, "a ": True}, {"a": True}),
    (SetOf(COLOUR), {"blue": True}, {"blue": True}),
    (PAPER, {}, {}),
    (PAPER, {"a": [1, None, {}]}, {"a": [1, None, {}]}),
    (PAPER, {"b": "é23456789é"}, {"b": "é23456789é"}),
    (NAMED, {"name": "x"}, {"name": "x"}),
    (QUOTAS, {}, {}),
    (QUOTAS, {"red": 3, "blue": None}, {"red": 3}),
]

REFUSED: list[tuple[Kind, Any, str]] = [
    (CODE, None, "must be a string"),
    (CODE, 5, "must be a string"),
    (CODE, ["ab"], "must be a string"),
    (CODE, "a", "needs 2 characters"),
    (CODE, "abcdef", "must have at most 5 characters"),
    (CODE, "a\tb", "must not hold control characters"),
    (CODE, "a\x00", "must not hold control characters"),
    (CODE, "a\x85", "must not hold control characters"),
    (CODE, "a\u2028", "must not hold control characters"),
    (NAME, "", "must not be empty"),
    (NAME, " \t\n", "must not be empty"),
    (NAME, "a\u202eb", "must not hold characters that change the direction of text"),
    (NAME, "a\u2066b", "must not hold characters that change the direction of text"),
    (NOTE, "a\x1bb", "must not hold control characters"),
    (Boolean(), 0, "must be true or false"),
    (Boolean(), None, "must be true or false"),
    (Number(), True, "must be an integer"),
    (Number(), 1.0, "must be an integer"),
    (Number(), "1", "must be an integer"),
    (Number(), -1, f"must be from 0 to {MAX_INTEGER}"),
    (Number(), MAX_INTEGER + 1, f"must be from 0 to {MAX_INTEGER}"),
    (Date(), None, DATE),
    (Date(), 1_767_225_600, DATE),
    (Date(), "", DATE),
    (Date(), "2026-01-31", DATE),
    (Date(), "2026-01-31T12:00Z", DATE),
    (Date(), "2026-01-31T12:00:00", DATE),
    (Date(), "2026-01-31t12:00:00z", DATE),
    (Date(), "2026-01-31 12:00:00Z", DATE),
    (Date(), "2026-01-31T12:00:00.Z", DATE),
    (Date(), "2026-01-31T12:00:00,5Z", DATE),
    (Date(), "2026-01-31T12:00:00+0100", DATE),
    (Date(), "2026-01-31T12:00:00+00:00:30", DATE),
    (Date(), "2026-01-31T12:00:00Z\n", DATE),
    (Date(), "２026-01-31T12:00:00Z", DATE),
    (Date(), "2026-W05-6T12:00:00Z", DATE),
    (Date(), "20260131T120000Z", DATE),
    (Date(), "2026-01-31T12:00:00." + "0" * 10_000 + "Z", DATE),
    (Date(), "2025-02-29T00:00:00Z", NO_DATE),
    (Date(), "2026-01-31T24:00:00Z", NO_DATE),
    (Date(), "2026-01-31T12:00:60Z", NO_DATE),
    (Date(), "2026-01-31T12:00:00+24:00", NO_DATE),
    (Date(), "0000-01-31T12:00:00Z", NO_DATE),
    (Date(), "9999-12-31T23:59:59-00:01", NO_DATE),
    (Date(), "1969-12-31T23:59:59Z", "must be in the years 1970 to 9999"),
    (Reference("Team"), None, "must be an id"),
    (Reference("Team"), "", "must be an id"),
    (Reference("Team"), "#", "must be an id"),
    (Reference("Team"), "##a", "must be an id"),
    (Reference("Team"), "a b", "must be an id"),
    (Reference("Team"), "a" * 256, "must be an id"),
    (COLOUR, "green", "must be one of red, blue"),
    (COLOUR, ["red"], "must be one of red, blue"),
    (SMALL, None, 'must be an object like {"value": true}'),
    (SMALL, ["aa"], 'must be an object like {"value": true}'),
    (SMALL, "aa", 'must be an object like {"value": true}'),
    (SMALL, {"aa": 1}, "has a member that is neither true nor false"),
    (SMALL, {"aa": {}}, "has a member that is neither true nor false"),
    (SMALL, {"aa": True, "bb": True, "cc": True}, "must have at most 2 members"),
    (SMALL, {"aa": True, "b": True}, "has a wrong member, number 2: it needs 2 characters"),
    (SetOf(COLOUR), {"green": True}, "has a wrong member, number 1: it must be one of red, blue"),
    (PAPER, None, "must be an object"),
    (PAPER, [], "must be an object"),
    (PAPER, "{}", "must be an object"),
    (PAPER, {"b": "é23456789éa"}, "must have at most 20 bytes of JSON"),
    (NAMED, {}, "must have a name"),
    (NAMED, {"nam": "x" * 20}, "must have at most 20 bytes of JSON"),
    (QUOTAS, None, "must be an object"),
    (QUOTAS, {"green": 1}, "has a wrong member, number 1: it must be one of red, blue"),
    (QUOTAS, {"red": 1, "blue": -1}, "has a wrong member, number 2: it must be from 0 to 9"),
    (QUOTAS, {"red": "1"}, "has a wrong member, number 1: it must be an integer"),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.sampled_from([given for _, given, _ in KEPT])


@pytest.mark.parametrize(("kind", "given", "kept"), KEPT)
def test_good_value_is_kept_like_this(kind: Kind, given: Any, kept: Any) -> None:
    parsed = kind.parse(given)
    assert parsed == kept
    if isinstance(kept, dict):
        assert list(parsed) == list(kept)


@pytest.mark.parametrize(("kind", "given", "reason"), REFUSED)
def test_bad_value_is_refused_for_this_reason(kind: Kind, given: Any, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        kind.parse(given)
    assert str(refused.value) == reason


@given(st.sampled_from(KINDS), JSON | LIKELY)
def test_what_is_kept_is_accepted_and_kept_as_it_is(kind: Kind, value: Any) -> None:
    """Otherwise sending an object back as it was read would change it."""
    try:
        kept = kind.parse(value)
    except Invalid:
        return
    assert kind.parse(kept) == kept


@given(st.text(min_size=30, max_size=60, alphabet=st.characters(min_codepoint=0x3B1, max_codepoint=0x3C9)))
def test_no_reason_repeats_the_value(marker: str) -> None:
    for kind in KINDS:
        for value in (marker, {marker: True}, {marker: 1}, {"red": marker}):
            with pytest.raises(Invalid) as refused:
                kind.parse(value)
            assert marker not in str(refused.value)


OFFSETS = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=OFFSETS))
def test_dates_of_any_offset_are_kept_as_the_same_second_in_utc(moment: datetime) -> None:
    kept = Date().parse(moment.isoformat())
    assert datetime.fromisoformat(kept) == moment.astimezone(UTC).replace(microsecond=0)


def test_dates_compare_as_texts_in_their_order_in_time() -> None:
    in_time = ["2026-01-01T00:30:00+01:00", "2025-12-31T23:59:59Z", "2026-01-01T01:00:00+01:00", "9999-12-31T23:59:59Z"]
    kept = [Date().parse(each) for each in in_time]
    assert kept == sorted(kept)


def test_now_is_a_date_as_it_is_kept() -> None:
    moment = now()
    assert Date().parse(moment) == moment


def test_syntax_decides_what_is_kept_of_a_text() -> None:
    assert Text(max_length=9, trim=True, syntax=str.upper).parse(" abc ") == "ABC"
