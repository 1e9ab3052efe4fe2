"""The Request and Response of RFC 8620 section 3, read strictly from bytes, and the limits a server declares."""

from __future__ import annotations

import json
import math
import sys
from itertools import accumulate
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import Meta, Struct

from jmap_oauth.protocol.errors import RequestError, RequestErrorType

CORE = "urn:ietf:params:jmap:core"

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader holds exactly (RFC 7493 section 2.2)."""

Int = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
UnsignedInt = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


class Limits(Struct, frozen=True, kw_only=True):
    """What one request may ask for. Sizes are bytes (RFC 8620 section 2; the last three are our own)."""

    max_size_request: int = 10_000_000
    max_calls_in_request: int = 32
    max_concurrent_requests: int = 64
    max_objects_in_get: int = 1_000
    max_objects_in_set: int = 1_000
    max_size_upload: int = 5_000_000
    max_concurrent_upload: int = 4
    max_size_response: int = 64_000_000
    max_query_results: int = 5_000
    max_depth: int = 64


class Request(Struct, frozen=True, rename="camel"):
    """RFC 8620 section 3.3. A call is (method name, arguments, method call id)."""

    using: list[str]
    method_calls: list[tuple[str, dict[str, Any], str]]
    created_ids: dict[str, str] | None = None


class Response(Struct, frozen=True, rename="camel", omit_defaults=True):
    """RFC 8620 section 3.4; the arguments of each answer are JSON already."""

    method_responses: list[tuple[str, msgspec.Raw, str]]
    session_state: str
    created_ids: dict[str, str] | None = None


def _number(digits: str) -> int | float:
    """Read a number with a fraction or an exponent: 1.0 is the number 1 (RFC 7493 section 2.2), so it is an integer."""
    value = float(digits)
    if math.isinf(value):
        raise ValueError("larger than any double")
    return int(value) if value.is_integer() and abs(value) <= MAX_INTEGER else value


_REQUEST = msgspec.json.Decoder(Request, float_hook=_number)


def parse_request(body: bytes, limits: Limits) -> Request:
    """Read a Request from JSON.

    Raises:
        RequestError: notJSON, notRequest, or limit (maxDepth, maxCallsInRequest), by RFC 8620 section 3.6.1.
    """
    check_depth(body, limits.max_depth)
    try:
        body.decode()  # the decoder does not look into strings that it has no use for
        request = _REQUEST.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _explain(body, error)
    _refuse_infinite(body)
    if len(request.method_calls) > limits.max_calls_in_request:
        raise RequestError(
            RequestErrorType.LIMIT,
            f"More than {limits.max_calls_in_request} method calls in one request.",
            limit="maxCallsInRequest",
        )
    return request


def _explain(body: bytes, error: Exception) -> NoReturn:
    """Tell JSON of the wrong shape from what is no JSON. The body itself is never repeated: it may hold secrets."""
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RequestError(RequestErrorType.NOT_JSON, "The request is not I-JSON (RFC 7493).") from None
    _refuse_infinite(body)
    raise RequestError(RequestErrorType.NOT_REQUEST, f"The request is not a Request object: {error}") from None


_ALIKE_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * (sys.float_info.max_10_exp + 1)  # whatever has fewer digits is less than the largest double


def _refuse_infinite(body: bytes) -> None:
    """Refuse an integer that no double holds (RFC 7493 section 2.2), as the decoder does for other numbers."""
    if len(body) >= len(_LONG_NUMBER) and _LONG_NUMBER in body.translate(_ALIKE_DIGITS):
        json.loads(body, parse_int=_finite)


def _finite(digits: str) -> None:
    if math.isinf(float(digits)):
        raise RequestError(RequestErrorType.NOT_JSON, "A number of the request is larger than any double.")


def refuse_duplicate_members(body: bytes) -> None:
    """Refuse an object that names a member twice: readers differ in which one counts (RFC 7493 section 2.3).

    It costs more than all other reading, so only requests that change something are looked through, once
    `parse_request` has taken them.

    Raises:
        RequestError: notJSON.
    """
    _MEMBERS.decode(body.decode())


def _unique_members(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise RequestError(RequestErrorType.NOT_JSON, "An object of the request has two members of the same name.")


_MEMBERS = json.JSONDecoder(object_pairs_hook=_unique_members)


_NO_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_PEELS = 8


def is_same_json(one: Any, other: Any) -> bool:
    """Tell whether two values are equal as JSON, where members have no order; for Python, true is 1 as well."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same_json(each, other[name]) for name, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same_json, one, other))
    return bool(one == other and isinstance(one, bool) == isinstance(other, bool))


def check_depth(body: bytes, max_depth: int) -> None:
    """Refuse JSON that nests deeper than `max_depth` before a parser spends stack and memory on it.

    All but the brackets is dropped, then the innermost pairs are peeled off a few times, one level each: that is fast
    and leaves little of wide, flat documents. What remains is counted, up to the first bracket that is too deep.

    Raises:
        RequestError: limit (maxDepth).
    """
    if body.count(b"[") + body.count(b"{") <= max_depth:
        return
    brackets = _brackets(body)
    peels = min(_PEELS, max_depth)
    for _ in range(peels):
        brackets = brackets.replace(b"[]", b"")
    steps = (1 if bracket == ord("[") else -1 for bracket in brackets)
    if any(depth > max_depth - peels for depth in accumulate(steps)):
        raise RequestError(RequestErrorType.LIMIT, f"The request nests deeper than {max_depth}.", limit="maxDepth")


def _brackets(body: bytes) -> bytes:
    """Return the brackets outside of strings, square ones for all.

    Not by a regular expression for strings: a text of nothing but escaped quotes, never closed, would make it try
    again from each of them.
    """
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(unescaped.translate(_ALIKE, _NO_STRUCTURE).replace(b'""', b"").split(b'"')[::2])
