"""PatchObject (RFC 8620 section 5.3): what it changes, and what is none."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.protocol.patch import PatchError, apply_patch

LINKS = {"https://a.example/": True, "b": True}
META: dict[str, Any] = {"a": {"b": {"c": 1}}, "x/y": 1, "m~n": 2, "list": [{"a": 1}], "": {"": 0}, "none": None}
OLD = {"name": "old", "note": None, "links": LINKS, "meta": META}
DEFAULTS: dict[str, Any] = {"name": "default", "links": {}, "note": None}

PATCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "a property is set": ({"name": "new"}, {"name": "new"}),
    "an absent property is set": ({"other": 1}, {"other": 1}),
    "a property is replaced as a whole": ({"links": {"c": True}}, {"links": {"c": True}}),
    "null is the default": ({"name": None, "links": None}, {"name": "default", "links": {}}),
    "null is null without a default": ({"meta": None, "other": None}, {"meta": None, "other": None}),
    "a member is added": ({"links/c": True}, {"links": {**LINKS, "c": True}}),
    "a member is removed": ({"links/b": None}, {"links": {"https://a.example/": True}}),
    "a member that is not there is removed": ({"links/z": None}, {"links": LINKS}),
    "a slash in a member's name": ({"links/https:~1~1a.example~1": None}, {"links": {"b": True}}),
    "two members": ({"links/b": None, "links/c": True}, {"links": {"https://a.example/": True, "c": True}}),
    "a value that is false but not null": ({"links/b": False}, {"links": {**LINKS, "b": False}}),
    "a slash in a property's name": ({"a~1b": 1}, {"a/b": 1}),
    "a tilde in a property's name": ({"a~0b": 1}, {"a~b": 1}),
    "an escaped tilde makes no new escape": ({"a~01b": 1}, {"a~1b": 1}),
    "the empty name": ({"": 1}, {"": 1}),
    "names that only begin alike": ({"link": 1, "links/c": 2}, {"link": 1, "links": {**LINKS, "c": 2}}),
    "deep down": ({"meta/a/b/c": 2}, {"meta": {**META, "a": {"b": {"c": 2}}}}),
    "deep down removed": ({"meta/a/b/c": None}, {"meta": {**META, "a": {"b": {}}}}),
    "side by side at several depths": (
        {"meta/a/b/d": 2, "meta/a/e": 3, "meta/f": 4},
        {"meta": {**META, "a": {"b": {"c": 1, "d": 2}, "e": 3}, "f": 4}},
    ),
    "escaped names deep down": ({"meta/x~1y": 3, "meta/m~0n": 4}, {"meta": {**META, "x/y": 3, "m~n": 4}}),
    "empty names deep down": ({"meta//": 1}, {"meta": {**META, "": {"": 1}}}),
    "an array as a whole": ({"meta/list": []}, {"meta": {**META, "list": []}}),
    "null in place of an object": ({"meta/none": {"a": 1}}, {"meta": {**META, "none": {"a": 1}}}),
}


@pytest.mark.parametrize(("patch", "changed"), PATCHES.values(), ids=PATCHES.keys())
def test_what_a_patch_names_comes_back_with_its_new_value(patch: dict[str, Any], changed: dict[str, Any]) -> None:
    assert apply_patch(OLD, patch, DEFAULTS) == changed


NO_PARENT = {
    "of a property that is null": "note/a",
    "of an absent property": "other/a",
    "in a text": "name/a",
    "in an array": "meta/list/0",
    "in an object in an array": "meta/list/0/a",
    "at the end of an array": "meta/list/-",
    "in a number": "meta/a/b/c/d",
    "of a member that is null": "meta/none/a",
    "of an absent member": "meta/z/a",
    "below an absent member": "meta/z/y/x",
    "with a slash before it": "/name",
}


@pytest.mark.parametrize("value", [1, None], ids=["set", "removed"])
@pytest.mark.parametrize("pointer", NO_PARENT.values(), ids=NO_PARENT.keys())
def test_a_member_needs_an_object_to_hold_it(pointer: str, value: Any) -> None:
    with pytest.raises(PatchError) as raised:
        apply_patch(OLD, {"created": "new", pointer: value}, DEFAULTS)

    assert (raised.value.pointer, raised.value.reason) == (pointer, "there is no object to hold it")


@pytest.mark.parametrize("pointer", ["~", "a~", "a~2", "links/~", "links/a~b/c", "~~0", "~~01", "links/~01~"])
def test_a_tilde_stands_only_for_an_escape(pointer: str) -> None:
    with pytest.raises(PatchError) as raised:
        apply_patch(OLD, {pointer: 1}, DEFAULTS)

    assert (raised.value.pointer, raised.value.reason) == (
        pointer,
        "'~' must be written '~0', and '/' in a name '~1' (RFC 6901)",
    )


CLASHES = [
    ("links", "links/b"),
    ("links", "links/"),
    ("meta/a", "meta/a/b/c"),
    ("meta", "meta/a/b"),
    ("", "/"),
    ("meta/x~1y", "meta/x~1y/z"),
]


@pytest.mark.parametrize(
    "others", [[], ["links!", "links-b", "meta!", "name", "meta/a!", "links2/c"]], ids=["alone", "among"]
)
@pytest.mark.parametrize(("shorter", "longer"), CLASHES)
def test_no_pointer_is_the_beginning_of_another(shorter: str, longer: str, others: list[str]) -> None:
    """Neither of the two could come first (RFC 8620 section 5.3)."""
    for pointers in ([shorter, longer, *others], [*others, longer, shorter]):
        with pytest.raises(PatchError) as raised:
            apply_patch(OLD, dict.fromkeys(pointers, 1), DEFAULTS)

        assert raised.value.pointer == longer


def test_neither_the_object_nor_the_patch_nor_the_defaults_are_changed() -> None:
    patch: dict[str, Any] = {"meta/a/b/c": 2, "meta/list": [1], "links": None, "links2": {"a": 1}}
    before = copy.deepcopy((OLD, patch, DEFAULTS))

    apply_patch(OLD, patch, DEFAULTS)

    assert (OLD, patch, DEFAULTS) == before


def test_a_hundred_thousand_members_are_patched_at_once() -> None:
    """A copy of the object for each of them would take minutes."""
    names = [f"n{number}" for number in range(100_000)]

    assert apply_patch({"links": {}}, {f"links/{name}": True for name in names}, {}) == {
        "links": dict.fromkeys(names, True)
    }


# Against a naive model

NAMES = st.text("ab/~", max_size=2)
VALUES = st.recursive(
    st.none() | st.integers(0, 9),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)


def naive(
    old: Mapping[str, Any], patch: dict[tuple[str, ...], Any], defaults: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Patch step by step; None if the patch is none."""
    if any(one != other and other[: len(one)] == one for one in patch for other in patch):
        return None
    new: Any = copy.deepcopy(dict(old))
    for path, value in patch.items():
        parent = new
        for name in path[:-1]:
            if not isinstance(parent, dict) or name not in parent:
                return None
            parent = parent[name]
        if not isinstance(parent, dict):
            return None
        if value is not None:
            parent[path[-1]] = value
        elif parent is new and path[0] in defaults:
            parent[path[0]] = defaults[path[0]]
        else:
            parent.pop(path[-1], None)
    return {path[0]: new.get(path[0]) for path in patch}


def paths_into(value: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = value.items() if isinstance(value, dict) else ()
    return [each for name, item in below for each in [(*prefix, name), *paths_into(item, (*prefix, name))]]


def written(path: tuple[str, ...]) -> str:
    return "/".join(name.replace("~", "~0").replace("/", "~1") for name in path)


@given(st.data(), OBJECTS, OBJECTS)
def test_a_patch_does_what_a_naive_model_does(
    data: st.DataObject, old: dict[str, Any], defaults: dict[str, Any]
) -> None:
    known = paths_into(old)
    paths = PATHS | st.sampled_from(known) if known else PATHS
    patch = data.draw(st.dictionaries(paths, VALUES, max_size=3))
    try:
        changed = apply_patch(old, {written(path): value for path, value in patch.items()}, defaults)
    except PatchError:
        changed = None

    assert changed == naive(old, patch, defaults)
