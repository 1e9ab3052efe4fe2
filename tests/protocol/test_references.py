"""Result references (RFC 8620 section 3.7): where a `#name` argument finds its value, and where it finds none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.protocol.references import MAX_VISITS, Answers

LIMIT = 10_000


def answers(*given: tuple[str, Any, str], limit: int = LIMIT) -> Answers:
    kept = Answers(limit)
    for name, result, call_id in given:
        kept.add(name, msgspec.Raw(msgspec.json.encode(result)), call_id)
    return kept


def reference(path: str, name: str = "Letter/get", result_of: str = "c") -> dict[str, str]:
    return {"resultOf": result_of, "name": name, "path": path}


def find(result: Any, path: str) -> Any:
    return answers(("Letter/get", result, "c")).resolve({"#a": reference(path)})["a"]


def refusal(kept: Answers, arguments: dict[str, Any]) -> tuple[MethodErrorType, str]:
    with pytest.raises(MethodError) as raised:
        kept.resolve(arguments)
    return raised.value.type, raised.value.description


POINTED = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}
POINTERS = {
    "": POINTED,
    "/foo": ["bar", "baz"],
    "/foo/0": "bar",
    "/foo/1": "baz",
    "/": 0,
    "/a~1b": 1,
    "/c%d": 2,
    "/e^f": 3,
    "/g|h": 4,
    "/i\\j": 5,
    '/k"l': 6,
    "/ ": 7,
    "/m~0n": 8,
}


@pytest.mark.parametrize("path", POINTERS)
def test_a_path_is_a_json_pointer(path: str) -> None:
    """The examples of RFC 6901 section 5."""
    assert find(POINTED, path) == POINTERS[path]


def test_an_escaped_tilde_makes_no_new_escape() -> None:
    """`~01` is `~1`, not `/` (RFC 6901 section 4)."""
    assert find({"~1": "tilde", "/": "slash"}, "/~01") == "tilde"


LETTERS = {"list": [{"to": ["a", "b"], "topic": "t1"}, {"to": [], "topic": "t2"}, {"to": ["c"], "topic": "t1"}]}
STARS: dict[str, Any] = {
    "/list/*/topic": ["t1", "t2", "t1"],
    "/list/*/to": ["a", "b", "c"],
    "/list/*/to/*": ["a", "b", "c"],
    "/list/*": LETTERS["list"],
    "/list/0/to/*": ["a", "b"],
    "/list/1/to/*": [],
    "/list/1/to/*/name": [],
}


@pytest.mark.parametrize("path", STARS)
def test_a_star_takes_the_rest_of_the_path_for_each_item(path: str) -> None:
    assert find(LETTERS, path) == STARS[path]


def test_a_star_flattens_one_level_only() -> None:
    assert find([[["a"], "b"], [["c"]]], "/*") == [["a"], "b", ["c"]]


def test_stars_inside_of_stars_flatten_one_level_each() -> None:
    assert find([[["a"], "b"], [["c"]]], "/*/*") == ["a", "b", "c"]


def test_a_star_is_a_plain_name_in_an_object() -> None:
    assert find({"*": {"x": 1}}, "/*/x") == 1


@pytest.mark.parametrize("value", [None, False, 0, 1.5, "", [], {}, [None], {"a": None}])
def test_whatever_stands_there_is_taken(value: Any) -> None:
    assert find({"at": value}, "/at") == value


LOST = {
    "no such member": "/other",
    "a member of a text": "/list/0/topic/x",
    "a member of an array": "/list/topic",
    "an index too far": "/list/3",
    "a negative index": "/list/-1",
    "the place after the last item": "/list/-",
    "an index with leading zeros": "/list/00",
    "an index with a sign": "/list/+1",
    "an index in other digits": "/list/\u0661",
    "an index that is no digit to int()": "/list/\u00b2",
    "an index of 5,000 digits": "/list/" + "9" * 5_000,
    "an empty index": "/list/",
    "a star for a text": "/list/0/topic/*",
    "a star for an object": "/list/0/*",
    "a star of which one item has no such member": "/list/*/to/0",
    "a slash at the end": "/list/0/topic/",
}
BROKEN = {
    "no slash at the start": "list",
    "a fragment": "#/list",
    "only a star": "*",
    "a tilde at the end": "/m~",
    "a tilde before another letter": "/a~2b",
    "a tilde before an escape": "/~~01",
}


@pytest.mark.parametrize("path", LOST.values(), ids=LOST.keys())
def test_a_path_to_nowhere_is_an_invalid_result_reference(path: str) -> None:
    kept = answers(("Letter/get", LETTERS, "c"))

    assert refusal(kept, {"#ids": reference(path)}) == (
        MethodErrorType.INVALID_RESULT_REFERENCE,
        "#ids cannot be resolved: path leads nowhere.",
    )


@pytest.mark.parametrize("path", BROKEN.values(), ids=BROKEN.keys())
def test_a_path_that_is_no_pointer_is_an_invalid_result_reference(path: str) -> None:
    kept = answers(("Letter/get", {"list": [], "m~": 1, "a~2b": 1, "*": 1, "~~1": 1}, "c"))

    assert refusal(kept, {"#ids": reference(path)}) == (
        MethodErrorType.INVALID_RESULT_REFERENCE,
        "#ids cannot be resolved: path is no JSON Pointer (RFC 6901).",
    )


MISSED = {
    "nothing came before": ([], reference("")),
    "no such call id": ([("Letter/get", {}, "b")], reference("")),
    "another method under that id": ([("Letter/query", {}, "c")], reference("")),
    "an error under that id": ([("error", {"type": "forbidden"}, "c")], reference("")),
    "the second answer under that id": ([("Letter/query", {}, "c"), ("Letter/get", {}, "c")], reference("")),
    "another case": ([("Letter/get", {}, "C")], reference("")),
}


@pytest.mark.parametrize(("given", "pointer"), MISSED.values(), ids=MISSED.keys())
def test_only_the_first_answer_with_that_call_id_counts(given: list[Any], pointer: dict[str, str]) -> None:
    assert refusal(answers(*given), {"#ids": pointer}) == (
        MethodErrorType.INVALID_RESULT_REFERENCE,
        "#ids cannot be resolved: no answer of that name with that method call id comes before.",
    )


def test_an_error_can_be_referred_to_by_its_name() -> None:
    kept = answers(("error", {"type": "forbidden"}, "c"))

    assert kept.resolve({"#why": reference("/type", name="error")}) == {"why": "forbidden"}


def test_of_several_answers_with_that_call_id_the_first_is_read() -> None:
    kept = answers(("Letter/get", {"list": [1]}, "c"), ("Letter/get", {"list": [2]}, "c"))

    assert kept.resolve({"#ids": reference("/list")}) == {"ids": [1]}


NO_REFERENCES = {
    "null": None,
    "a text": "c",
    "an array": ["c", "Letter/get", "/ids"],
    "an empty object": {},
    "no path": {"resultOf": "c", "name": "Letter/get"},
    "a path that is null": {"resultOf": "c", "name": "Letter/get", "path": None},
    "a call id that is a number": {"resultOf": 0, "name": "Letter/get", "path": ""},
    "a member too many": {**reference(""), "other": 1},
}


@pytest.mark.parametrize("value", NO_REFERENCES.values(), ids=NO_REFERENCES.keys())
def test_what_is_no_result_reference_is_an_invalid_argument(value: Any) -> None:
    type, description = refusal(answers(("Letter/get", {}, "c")), {"#ids": value})

    assert type is MethodErrorType.INVALID_ARGUMENTS
    assert description.startswith("#ids is no ResultReference: ")


@pytest.mark.parametrize("arguments", [{"ids": None, "#ids": reference("")}, {"#ids": reference(""), "ids": []}])
def test_an_argument_is_not_given_twice(arguments: dict[str, Any]) -> None:
    assert refusal(answers(("Letter/get", {}, "c")), arguments) == (
        MethodErrorType.INVALID_ARGUMENTS,
        "#ids is given as a value as well.",
    )


def test_only_arguments_are_resolved_not_what_they_hold() -> None:
    arguments = {"create": {"#k": {"#id": reference("")}}, "ids": ["#k"]}

    assert answers(("Letter/get", {}, "c")).resolve(arguments) == arguments


def test_the_other_arguments_stay_as_they_are() -> None:
    kept = answers(("Letter/get", {"ids": ["i1"]}, "c"))

    assert kept.resolve({"a": 1, "#b": reference("/ids"), "c": None}) == {"a": 1, "b": ["i1"], "c": None}


def test_one_number_sign_is_taken_off_a_name() -> None:
    kept = answers(("Letter/get", {}, "c"))

    assert kept.resolve({"##": reference(""), "#": reference("")}) == {"#": {}, "": {}}


def test_each_call_gets_values_of_its_own() -> None:
    kept = answers(("Letter/get", {"ids": []}, "c"))

    kept.resolve({"#ids": reference("/ids")})["ids"].append("i1")

    assert kept.resolve({"#ids": reference("/ids")}) == {"ids": []}


# Bounds

TEN = "x" * 8  # ten bytes of JSON


def test_values_may_take_all_the_room_that_answers_leave() -> None:
    kept = answers(("Letter/get", [TEN], "c"), limit=32)

    assert (kept.room, kept.resolve({"#a": reference("/0"), "#b": reference("/0")})) == (20, {"a": TEN, "b": TEN})


def test_values_beyond_the_room_are_too_large_each_counted_every_time() -> None:
    kept = answers(("Letter/get", [TEN], "c"), limit=31)

    assert refusal(kept, {"#a": reference("/0"), "#b": reference("/0")}) == (
        MethodErrorType.REQUEST_TOO_LARGE,
        "What #b refers to is too large to take over.",
    )


def test_each_call_may_take_over_as_much_again() -> None:
    kept = answers(("Letter/get", [TEN], "c"), limit=32)

    assert [kept.resolve({"#a": reference("/0")}) for _ in range(2)] == [{"a": TEN}] * 2


def test_all_references_together_read_no_more_than_the_limit() -> None:
    """Many references that each find little in much would keep the server busy for nothing."""
    kept = answers(("Letter/get", [TEN, 1], "c"), limit=42)  # fourteen bytes
    for _ in range(3):
        kept.resolve({"#a": reference("/1")})

    assert refusal(kept, {"#a": reference("/1")}) == (
        MethodErrorType.REQUEST_TOO_LARGE,
        "What #a refers to is too large to take over.",
    )


def test_a_long_path_costs_nothing_for_each_item() -> None:
    """Half a megabyte of path for each of 100,000 items would take minutes."""
    kept = answers(("Letter/get", [[]] * 100_000, "c"), limit=1_000_000)

    assert kept.resolve({"#ids": reference("/*/*" + "/x" * 250_000)}) == {"ids": []}


def test_an_error_does_not_repeat_a_long_path() -> None:
    _, description = refusal(answers(("Letter/get", {}, "c")), {"#ids": reference("/" + "x" * 100_000)})

    assert len(description) < 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("a/~*01", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a/~*01", max_size=3), inner, max_size=3),
    max_leaves=20,
)


def pointers(value: Any, path: str = "") -> dict[str, Any]:
    """Return each pointer into a value with what it points to; those into objects only by their exact names."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {path: value}
    for key, item in items:
        found |= pointers(item, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    return found


@given(JSON)
def test_every_part_of_an_answer_is_found_by_its_pointer(value: Any) -> None:
    everywhere = pointers(value)

    assert {path: find(value, path) for path in everywhere} == everywhere


@given(JSON, st.text("a/~*01-", max_size=8))
def test_any_path_finds_something_or_is_an_invalid_result_reference(value: Any, path: str) -> None:
    kept = answers(("Letter/get", value, "c"))
    try:
        kept.resolve({"#a": reference(path)})
    except MethodError as error:
        assert error.type is MethodErrorType.INVALID_RESULT_REFERENCE  # noqa: PT017 - or none is raised


def test_what_the_paths_of_one_request_visit_is_bounded() -> None:
    kept = answers(("Letter/get", {"list": [[]] * (MAX_VISITS // 2)}, "c"), limit=64_000_000)
    assert kept.resolve({"#a": reference("/list/*"), "#b": reference("/list/*")}) == {"a": [], "b": []}
    with pytest.raises(MethodError) as refused:
        kept.resolve({"#a": reference("/list/*")})
    assert refused.value.type == MethodErrorType.REQUEST_TOO_LARGE
