"""Objects that clients send, checked against the declaration of the pretend type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.model.definition import MASK, Flaw
from jmap_oauth.model.validate import draft_changed, draft_new
from tests.support.widget import EXTRA, WIDGET

PLAIN: frozenset[str] = frozenset()
WITH_EXTRA = frozenset({EXTRA})

INITIAL: dict[str, Any] = {
    "code": "w1",
    "note": None,
    "tags": {},
    "secret": None,
    "token": None,
    "createdAt": None,
    "endsAt": None,
    "teamId": None,
    "maker": "us",
    "size": None,
    "isHeavy": False,
    "extra": None,
    "origin": None,
}
OLD = INITIAL | {"id": "i1", "createdAt": "2026-01-01T00:00:00Z", "token": MASK, "secret": MASK, "tags": {"a": True}}

SERVER = "is set by the server"
UNKNOWN = "is not a property of this type"
MASKED = "must not be ****, which only stands for a secret that is already there"


def new_flaws(given: dict[str, Any], using: frozenset[str] = PLAIN) -> list[Flaw]:
    return draft_new(WIDGET, given, using).flaws


def changed_flaws(changes: dict[str, Any], using: frozenset[str] = PLAIN) -> list[Flaw]:
    return draft_changed(WIDGET, OLD, changes, using).flaws


def test_a_new_object_gets_every_property_and_its_default() -> None:
    draft = draft_new(WIDGET, {"code": " w1 "}, PLAIN)
    assert (draft.record, draft.secrets, draft.flaws) == (INITIAL, {}, [])


def test_new_objects_share_no_default_that_can_change() -> None:
    draft_new(WIDGET, {"code": "w1"}, PLAIN).record["tags"]["a"] = True

    assert draft_new(WIDGET, {"code": "w1"}, PLAIN).record == INITIAL


def test_a_new_object_keeps_what_was_given_as_its_kind_keeps_it() -> None:
    given = {"code": "w1", "endsAt": "2026-01-31T01:00:00+01:00", "tags": {"a": True, "b": False}, "isHeavy": True}
    kept = {"endsAt": "2026-01-31T00:00:00Z", "tags": {"a": True}, "isHeavy": True}
    assert draft_new(WIDGET, given, PLAIN).record == INITIAL | kept


def test_a_chosen_secret_is_set_apart_and_the_record_shows_the_mask() -> None:
    draft = draft_new(WIDGET, {"code": "w1", "secret": "plain"}, PLAIN)
    assert draft.record["secret"] == MASK
    assert draft.secrets == {"secret": "plain"}


@pytest.mark.parametrize(
    ("given", "flaws"),
    [
        ({}, [Flaw("code", "is required", missing=True)]),
        ({"code": ""}, [Flaw("code", "must not be empty")]),
        ({"code": None}, [Flaw("code", "must be a string")]),
        ({"code": "w", "unknown": 1}, [Flaw("unknown", UNKNOWN)]),
        ({"code": "w", "id": "i1"}, [Flaw("id", UNKNOWN)]),
        ({"code": "w", "origin": None}, [Flaw("origin", UNKNOWN)]),
        ({"code": "w", "__proto__": {}}, [Flaw("__proto__", UNKNOWN)]),
        ({"code": "w", "createdAt": None}, [Flaw("createdAt", SERVER)]),
        ({"code": "w", "token": "guess"}, [Flaw("token", SERVER)]),
        ({"code": "w", "tags": None}, [Flaw("tags", 'must be an object like {"value": true}')]),
        ({"code": "w", "secret": ""}, [Flaw("secret", "must not be empty; null removes it")]),
        ({"code": "w", "secret": MASK}, [Flaw("secret", MASKED)]),
        ({"code": "w", "size": 101}, [Flaw("size", "is over 100, so isHeavy must be true")]),
        (
            {"note": 5, "size": -1, "x": 0},
            [
                Flaw("note", "must be a string"),
                Flaw("size", "must be from 0 to 1000"),
                Flaw("x", UNKNOWN),
                Flaw("code", "is required", missing=True),
            ],
        ),
    ],
)
def test_all_flaws_of_a_new_object_are_told_together(given: dict[str, Any], flaws: list[Flaw]) -> None:
    assert new_flaws(given) == flaws


def test_rules_across_properties_are_asked_only_about_sound_values() -> None:
    assert new_flaws({"code": "", "size": 101}) == [Flaw("code", "must not be empty")]


def test_a_property_of_a_capability_exists_only_for_those_who_name_it() -> None:
    assert new_flaws({"code": "w", "extra": "x"}) == [Flaw("extra", UNKNOWN)]
    assert new_flaws({"code": "w", "extra": "x"}, WITH_EXTRA) == []
    assert changed_flaws({"extra": None}) == [Flaw("extra", UNKNOWN)]


def test_the_server_sets_what_is_server_set_or_hidden() -> None:
    draft = draft_new(WIDGET, {"code": "w1", "origin": "start", "createdAt": OLD["createdAt"]}, PLAIN, by_server=True)
    assert draft.flaws == []
    assert draft.record == INITIAL | {"origin": "start", "createdAt": OLD["createdAt"]}
    changed = draft_changed(
        WIDGET, OLD, {"origin": "again", "createdAt": "2026-01-02T00:00:00Z"}, PLAIN, by_server=True
    )
    assert changed.flaws == []


def test_a_change_replaces_what_it_names_and_leaves_the_rest() -> None:
    draft = draft_changed(WIDGET, OLD, {"note": "new", "tags": {"b": True}}, PLAIN)
    assert (draft.record, draft.secrets, draft.flaws) == (OLD | {"note": "new", "tags": {"b": True}}, {}, [])


def test_a_change_leaves_the_old_object_as_it_is() -> None:
    before = {**OLD, "tags": dict(OLD["tags"])}
    draft_changed(WIDGET, before, {"note": "new", "tags": {}, "secret": "plain"}, PLAIN)
    assert before == OLD


def test_an_object_sent_back_as_it_was_read_changes_nothing() -> None:
    """Server-set and immutable properties and masks included (RFC 8620 section 5.3)."""
    sent_back = {name: value for name, value in OLD.items() if name != "origin"}
    draft = draft_changed(WIDGET, OLD, sent_back, WITH_EXTRA)
    assert (draft.record, draft.secrets, draft.flaws) == (OLD, {}, [])


def test_the_same_moment_with_another_offset_is_no_change() -> None:
    assert draft_changed(WIDGET, OLD, {"createdAt": "2026-01-01T01:00:00+01:00"}, PLAIN).flaws == []


@pytest.mark.parametrize(
    ("changes", "flaws"),
    [
        ({"id": "i2"}, [Flaw("id", SERVER)]),
        ({"unknown": 1}, [Flaw("unknown", UNKNOWN)]),
        ({"origin": None}, [Flaw("origin", UNKNOWN)]),
        ({"createdAt": "2027-01-01T00:00:00Z"}, [Flaw("createdAt", SERVER)]),
        ({"token": "guess"}, [Flaw("token", SERVER)]),
        ({"maker": "them"}, [Flaw("maker", "cannot be changed after creation")]),
        ({"code": None}, [Flaw("code", "must be a string")]),
        ({"secret": ""}, [Flaw("secret", "must not be empty; null removes it")]),
        ({"size": 101}, [Flaw("size", "is over 100, so isHeavy must be true")]),
        ({"note": 5, "endsAt": "soon"}, [
            Flaw("note", "must be a string"),
            Flaw("endsAt", "must be a date like 2026-01-31T12:00:00Z"),
        ]),
    ],
)  # fmt: skip
def test_all_flaws_of_a_change_are_told_together(changes: dict[str, Any], flaws: list[Flaw]) -> None:
    assert changed_flaws(changes) == flaws


def test_a_new_secret_is_set_apart_also_where_there_was_one() -> None:
    draft = draft_changed(WIDGET, OLD, {"secret": "other"}, PLAIN)
    assert (draft.record, draft.secrets) == (OLD, {"secret": "other"})


def test_null_removes_a_secret() -> None:
    draft = draft_changed(WIDGET, OLD, {"secret": None}, PLAIN)
    assert (draft.record, draft.secrets) == (OLD | {"secret": None}, {})


def test_the_mask_leaves_a_secret_as_it_is_also_where_there_is_none() -> None:
    without = OLD | {"secret": None}
    draft = draft_changed(WIDGET, without, {"secret": MASK}, PLAIN)
    assert (draft.record, draft.secrets, draft.flaws) == (without, {}, [])


@given(
    st.dictionaries(st.sampled_from([*INITIAL, "id", "else"]), st.none() | st.booleans() | st.integers() | st.text())
)
def test_no_plain_secret_ever_stands_in_the_record_or_in_a_flaw(given: dict[str, Any]) -> None:
    marked = given | {"secret": "marker-of-this-test", "token": "marker-of-this-test"}
    for draft in (draft_new(WIDGET, marked, PLAIN), draft_changed(WIDGET, OLD, marked, PLAIN)):
        assert "marker-of-this-test" not in repr((draft.record, draft.flaws))
