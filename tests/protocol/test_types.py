"""Reading a Request: what is no JSON, what is no Request, what is too much, and what is in order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.protocol.errors import RequestError, RequestErrorType
from jmap_oauth.protocol.types import Limits, Request, check_depth, parse_request, refuse_duplicate_members

LIMITS = Limits()
MARKER = "hunter2"


def with_argument(value: bytes) -> bytes:
    return b'{"using":[],"methodCalls":[["Foo/get",{"a":' + value + b'},"c"]]}'


def refusal(body: bytes, limits: Limits = LIMITS) -> RequestError:
    with pytest.raises(RequestError) as raised:
        parse_request(body, limits)
    return raised.value


def outcome(error: RequestError) -> tuple[RequestErrorType, str | None]:
    return error.type, error.limit


NOT_JSON = {
    "nothing": b"",
    "white space": b" \r\n\t",
    "a beginning": b'{"using":[],"methodCalls":[]',
    "text after the end": b'{"using":[],"methodCalls":[]}x',
    "two documents": b'{"using":[],"methodCalls":[]}{}',
    "a comma too many": b'{"using":[],"methodCalls":[],}',
    "a comma too few": b'{"using":[]"methodCalls":[]}',
    "a bracket of the wrong kind": b'{"using":[},"methodCalls":[]}',
    "more closed than opened": b'{"using":[],"methodCalls":[]}]',
    "apostrophes": b"{'using':[],'methodCalls':[]}",
    "a name without quotes": b'{using:[],"methodCalls":[]}',
    "a comment": b'{"using":[],"methodCalls":[]/**/}',
    "a form": b"using=x&methodCalls=y",
    "a byte order mark": b'\xef\xbb\xbf{"using":[],"methodCalls":[]}',
    "UTF-16": '{"using":[],"methodCalls":[]}'.encode("utf-16"),
    "NaN": with_argument(b"NaN"),
    "Infinity": with_argument(b"-Infinity"),
    "a leading zero": with_argument(b"01"),
    "a leading plus": with_argument(b"+1"),
    "hexadecimal": with_argument(b"0x1"),
    "a point without digits": with_argument(b"1."),
    "a bare word": with_argument(b"True"),
    "an open string": with_argument(b'"'),
    "a control character": with_argument(b'"\x01"'),
    "a line break in a string": with_argument(b'"\n"'),
    "an unknown escape": with_argument(rb'"\x41"'),
    "half an escape": with_argument(rb'"\u00"'),
    "bytes that are no UTF-8": with_argument(b'"\xff"'),
    "a name that is no UTF-8": with_argument(b'{"\xff":1}'),
    "UTF-8 longer than need be": with_argument(b'"\xc0\xaf"'),
    "a surrogate in UTF-8": with_argument(b'"\xed\xa0\x80"'),
    "no UTF-8 where nobody looks": b'{"other":"\xff","using":[],"methodCalls":[]}',
    "a lone high surrogate": with_argument(rb'"\ud83d"'),
    "a lone low surrogate": with_argument(rb'"\ude00"'),
    "surrogates in the wrong order": with_argument(rb'"\ude00\ud83d"'),
    "a surrogate in a name": with_argument(rb'{"\ud83d":1}'),
    "a number that no double holds": with_argument(b"1e400"),
    "a negative number that no double holds": with_argument(b"-1e400"),
    "an integer that no double holds": with_argument(b"1" + b"0" * 309),
    "a negative integer that no double holds": with_argument(b"-18" + b"0" * 307),
    "an integer of 5,000 digits": with_argument(b"9" * 5_000),
    "such an integer in the wrong place": b'{"using":1' + b"0" * 309 + b"}",
}

NOT_REQUEST = {
    "null": b"null",
    "an array": b"[]",
    "a text": b'"using"',
    "a number": b"1",
    "an empty object": b"{}",
    "no using": b'{"methodCalls":[]}',
    "no methodCalls": b'{"using":[]}',
    "other spelling": b'{"Using":[],"method_calls":[]}',
    "using is null": b'{"using":null,"methodCalls":[]}',
    "using is a text": b'{"using":"urn:ietf:params:jmap:core","methodCalls":[]}',
    "using holds a number": b'{"using":[1],"methodCalls":[]}',
    "methodCalls is null": b'{"using":[],"methodCalls":null}',
    "methodCalls is an object": b'{"using":[],"methodCalls":{}}',
    "a call is an object": b'{"using":[],"methodCalls":[{}]}',
    "a call of nothing": b'{"using":[],"methodCalls":[[]]}',
    "a call without an id": b'{"using":[],"methodCalls":[["Foo/get",{}]]}',
    "a call of four": b'{"using":[],"methodCalls":[["Foo/get",{},"c",1]]}',
    "a name that is a number": b'{"using":[],"methodCalls":[[1,{},"c"]]}',
    "arguments that are an array": b'{"using":[],"methodCalls":[["Foo/get",[],"c"]]}',
    "arguments that are null": b'{"using":[],"methodCalls":[["Foo/get",null,"c"]]}',
    "a call id that is a number": b'{"using":[],"methodCalls":[["Foo/get",{},0]]}',
    "a call id that is null": b'{"using":[],"methodCalls":[["Foo/get",{},null]]}',
    "createdIds is an array": b'{"using":[],"methodCalls":[],"createdIds":[]}',
    "createdIds holds null": b'{"using":[],"methodCalls":[],"createdIds":{"a":null}}',
    "the second of two methodCalls": b'{"using":[],"methodCalls":[],"methodCalls":1}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_i_json_is_not_json(body: bytes) -> None:
    assert outcome(refusal(body)) == (RequestErrorType.NOT_JSON, None)


@pytest.mark.parametrize("body", NOT_REQUEST.values(), ids=NOT_REQUEST.keys())
def test_json_of_another_shape_is_not_request(body: bytes) -> None:
    assert outcome(refusal(body)) == (RequestErrorType.NOT_REQUEST, None)


def test_a_request_is_read_whole() -> None:
    body = b'{"using":["urn:a"],"methodCalls":[["Foo/get",{"ids":null},"c1"],["",{},""]],"createdIds":{"k":"i1"}}'

    assert parse_request(body, LIMITS) == Request(
        ["urn:a"], [("Foo/get", {"ids": None}, "c1"), ("", {}, "")], {"k": "i1"}
    )


def test_unknown_members_of_a_request_are_ignored() -> None:
    """RFC 8620 section 3.3 leaves room for members to come."""
    body = b'{"other":{"using":1},"using":[],"methodCalls":[],"Using":null}'

    assert parse_request(body, LIMITS) == Request([], [])


def test_created_ids_that_are_null_are_created_ids_not_given() -> None:
    assert parse_request(b'{"using":[],"methodCalls":[],"createdIds":null}', LIMITS).created_ids is None


ARGUMENTS = {
    b"9007199254740993": 2**53 + 1,
    b"-0": 0,
    b"1E2": 100.0,
    b"1e-400": 0.0,
    b"17" + b"0" * 307: 17 * 10**307,
    b'"' + b"1" * 400 + b'"': "1" * 400,
    rb'"\ud83d\ude00\u0000\/"': "\U0001f600\0/",
    b'{"a":1,"a":2}': {"a": 2},
}


@pytest.mark.parametrize("text", ARGUMENTS.keys(), ids=lambda text: text[:20])
def test_i_json_is_read_exactly(text: bytes) -> None:
    """Which integers and members a method takes is up to the method."""
    assert parse_request(with_argument(text), LIMITS).method_calls[0][1] == {"a": ARGUMENTS[text]}


@pytest.mark.parametrize("text", [b"5.0", b"5e0", b"50E-1", b"0.5e+1"])
def test_a_number_without_a_fraction_is_an_integer_however_it_is_written(text: bytes) -> None:
    number = parse_request(with_argument(text), LIMITS).method_calls[0][1]["a"]
    assert (number, type(number)) == (5, int)


@pytest.mark.parametrize("text", [b"5.5", b"1e16", b"9007199254740992.0"])
def test_a_number_with_a_fraction_or_beyond_the_integers_stays_what_it_is(text: bytes) -> None:
    number = parse_request(with_argument(text), LIMITS).method_calls[0][1]["a"]
    assert (number, type(number)) == (float(text), float)


def calls(count: int) -> bytes:
    return json.dumps({"using": [], "methodCalls": [["Foo/get", {}, "c"]] * count}).encode()


def test_as_many_calls_as_the_limit_are_read() -> None:
    assert len(parse_request(calls(32), LIMITS).method_calls) == 32


def test_one_call_more_passes_the_limit() -> None:
    assert outcome(refusal(calls(33))) == (RequestErrorType.LIMIT, "maxCallsInRequest")


# Depth

NESTED: dict[str, Callable[[int], bytes]] = {
    "arrays": lambda depth: b"[" * depth + b"]" * depth,
    "objects": lambda depth: b'{"":' * (depth - 1) + b"{}" + b"}" * (depth - 1),
    "both": lambda depth: (
        b'[{"":' * (depth // 2) + b"[]" * (depth % 2) + b"null" * (1 - depth % 2) + b"}]" * (depth // 2)
    ),
    "many times beside": lambda depth: b"[" + b",".join([b"[" * (depth - 1) + b"]" * (depth - 1)] * 20) + b"]",
    "after a flat part": lambda depth: b"[" + b"[]," * 99 + b"[" * (depth - 1) + b"]" * depth,
    "after strings": lambda depth: rb'["\\","\"","\\\"[","","]",' + b"[" * (depth - 1) + b"]" * depth,
}
DEPTHS = (2, 3, 7, 8, 9, 16, 64, 65, 256)


def too_deep(body: bytes, max_depth: int) -> bool:
    try:
        check_depth(body, max_depth)
    except RequestError as error:
        return outcome(error) == (RequestErrorType.LIMIT, "maxDepth")
    return False


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("shape", NESTED)
def test_depth_is_counted_exactly(shape: str, depth: int) -> None:
    body, deeper = NESTED[shape](depth), NESTED[shape](depth + 1)
    json.loads(body), json.loads(deeper)

    assert (too_deep(body, depth), too_deep(deeper, depth)) == (False, True)


IN_STRINGS = {
    "brackets": b'["' + b"[{" * 100 + b'"]',
    "brackets after an escaped quote": rb'["\"' + b"[{" * 100 + b'"]',
    "brackets after an escaped backslash and an escaped quote": rb'["\\\"' + b"[{" * 100 + b'"]',
    "brackets in names": b'{"' + b"[{" * 100 + b'":{"' + b"[{" * 100 + b'":0}}',
    "brackets between empty strings": b'["","' + b"[{" * 100 + b'",""]',
    "brackets in strings side by side": b'["[[[[[[[[[[","[[[[[[[[[[","{{{{{{{{{{"]',
}


@pytest.mark.parametrize("body", IN_STRINGS.values(), ids=IN_STRINGS.keys())
def test_brackets_inside_of_strings_are_no_levels(body: bytes) -> None:
    json.loads(body)

    assert not too_deep(body, 2)


def test_a_string_that_ends_in_a_backslash_hides_no_brackets() -> None:
    assert too_deep(rb'["\\",' + b"[" * 64 + b"]" * 65, 64)


def test_a_million_open_brackets_are_refused_before_they_are_parsed() -> None:
    assert outcome(refusal(b"[" * 1_000_000)) == (RequestErrorType.LIMIT, "maxDepth")


@pytest.mark.parametrize("end", [b"", b"\\", b'"'], ids=["open", "open after a backslash", "closed"])
def test_a_megabyte_of_escaped_quotes_is_read_in_one_pass(end: bytes) -> None:
    """A search that began anew at each quote would take hours."""
    body = b"[" * 65 + b'"' + rb"\"" * 500_000 + end

    assert outcome(refusal(body)) == (RequestErrorType.LIMIT, "maxDepth")


def test_json_too_deep_for_the_parser_is_not_json_where_the_limit_allows_it() -> None:
    body = b"[" * 100_000 + b"]" * 100_000

    assert outcome(refusal(body, Limits(max_depth=1_000_000))) == (RequestErrorType.NOT_JSON, None)


TEXTS = st.text(st.sampled_from('[]{}"\\/a\u00e9'), max_size=6)
JSON = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=40,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(JSON, st.integers(1, 12), st.booleans())
def test_json_is_too_deep_exactly_if_its_depth_is_beyond_the_limit(value: Any, max_depth: int, ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii).encode()

    assert too_deep(body, max_depth) == (depth_of(value) > max_depth)


@given(st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b",", b":", b"0", b"\xff"])).map(b"".join))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    error = refusal(body, Limits(max_depth=3))

    assert error.type in {RequestErrorType.NOT_JSON, RequestErrorType.NOT_REQUEST, RequestErrorType.LIMIT}


# What an error tells of the body: nothing

MARKED: dict[str, Any] = {
    "using": [MARKER, MARKER],
    "methodCalls": [[MARKER, {MARKER: MARKER, "b": {MARKER: [MARKER]}}, MARKER], [MARKER, {}, MARKER]],
    "createdIds": {MARKER: MARKER},
    MARKER: MARKER,
}
WRONG = (None, 1, True, 0.5, MARKER, [MARKER], {MARKER: MARKER}, [[MARKER]] * 4)


def variants(value: Any) -> Iterator[Any]:
    """Yield `value` with each of its parts in turn, at any depth, replaced by each wrong value."""
    yield from WRONG
    parts = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for key, part in parts:
        for variant in variants(part):
            copy = value.copy()
            copy[key] = variant
            yield copy


def detail_of(body: bytes, limits: Limits = LIMITS) -> str | None:
    try:
        parse_request(body, limits)
    except RequestError as error:
        return f"{error.detail} {error} {error.limit} {error.__cause__}"
    return None


def test_no_error_about_the_shape_repeats_the_body() -> None:
    details = [detail_of(json.dumps(variant).encode()) for variant in variants(MARKED)]

    assert len([each for each in details if each is not None]) > 50
    assert not [each for each in details if each and MARKER in each]


def test_no_error_about_the_syntax_repeats_the_body() -> None:
    body = json.dumps(MARKED).encode()
    details = [detail_of(body[:end]) for end in range(len(body))]

    assert set(details) == {"The request is not I-JSON (RFC 7493). The request is not I-JSON (RFC 7493). None None"}


@pytest.mark.parametrize("limits", [Limits(max_depth=2), Limits(max_calls_in_request=1)], ids=["depth", "calls"])
def test_no_error_about_a_limit_repeats_the_body(limits: Limits) -> None:
    detail = detail_of(json.dumps(MARKED).encode(), limits)

    assert detail is not None
    assert MARKER not in detail


# Members of the same name

DUPLICATES = {
    "of the request": b'{"using":[],"using":[],"methodCalls":[]}',
    "of the arguments": with_argument(b'1,"a":1'),
    "far down": with_argument(b'[{"b":[{"c":{"d":1,"e":2,"d":1}}]}]'),
    "in different spelling": with_argument(rb'{"ab":1,"\u0061\u0062":2}'),
    "in a member that is ignored": b'{"using":[],"methodCalls":[],"other":{"a":1,"a":1}}',
    "the empty name": with_argument(b'{"":1,"":2}'),
}
NO_DUPLICATES = {
    "in objects side by side": with_argument(b'[{"b":1},{"b":1}]'),
    "in objects inside of one another": with_argument(b'{"a":{"a":{"a":1}}}'),
    "of another case": with_argument(b'{"b":1,"B":1}'),
    "of another normal form": with_argument('{"\u00e9":1,"e\u0301":1}'.encode()),
    "as values": with_argument(b'["b","b"]'),
}


@pytest.mark.parametrize("body", DUPLICATES.values(), ids=DUPLICATES.keys())
def test_a_member_named_twice_is_not_json(body: bytes) -> None:
    with pytest.raises(RequestError) as raised:
        refuse_duplicate_members(body)

    assert outcome(raised.value) == (RequestErrorType.NOT_JSON, None)
    assert raised.value.detail == "An object of the request has two members of the same name."


@pytest.mark.parametrize("body", NO_DUPLICATES.values(), ids=NO_DUPLICATES.keys())
def test_a_name_is_free_for_every_object(body: bytes) -> None:
    refuse_duplicate_members(body)
