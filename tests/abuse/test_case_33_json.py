"""Case 33: JSON that lies about itself, bodies without end, and more of everything than the limits say."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from tests.abuse.callers import Site
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, serve_process

START = b'{"using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": '
HEADERS = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"}
NOT_JSON, NOT_REQUEST, LIMIT, UNKNOWN = (
    f"urn:ietf:params:jmap:error:{name}" for name in ("notJSON", "notRequest", "limit", "unknownCapability")
)


def create(client: bytes) -> bytes:
    """Return a Request that creates an object of these bytes."""
    return START + b'[["x:OAuthClient/set", {"create": {"a": %b}}, "c"]]}' % client


BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", NOT_JSON),
    "no JSON": (b"\x00", NOT_JSON),
    "cut short": (START, NOT_JSON),
    "two values": (START + b"[]} {}", NOT_JSON),
    "a mark of the byte order": (b"\xef\xbb\xbf" + START + b"[]}", NOT_JSON),
    "UTF-16": ((START + b"[]}").decode().encode("utf-16"), NOT_JSON),
    "UTF-32": ((START + b"[]}").decode().encode("utf-32-le"), NOT_JSON),
    "invalid UTF-8": (create(b'{"clientId": "web\xff"}'), NOT_JSON),
    "an overlong NUL": (create(b'{"clientId": "web\xc0\x80"}'), NOT_JSON),
    "a surrogate as UTF-8": (create(b'{"clientId": "web\xed\xa0\x80"}'), NOT_JSON),
    "a lone surrogate": (create(b'{"clientId": "web", "description": "\\ud800"}'), NOT_JSON),
    "surrogates the wrong way round": (create(b'{"clientId": "web", "description": "\\udc00\\ud800"}'), NOT_JSON),
    "a lone surrogate as a name": (create(b'{"clientId": "web", "\\udfff": 1}'), NOT_JSON),
    "a key twice": (create(b'{"clientId": "web", "clientId": "other"}'), NOT_JSON),
    "a key twice, once escaped": (create(b'{"clientId": "web", "client\\u0049d": "other"}'), NOT_JSON),
    "a secret twice": (create(b'{"clientId": "web", "secret": "a", "secret": null}'), NOT_JSON),
    "using twice": (b'{"using": [], ' + START[1:] + b'[["x:OAuthClient/set", {"create": {}}, "c"]]}', NOT_JSON),
    "NaN": (create(b'{"clientId": "web", "x": NaN}'), NOT_JSON),
    "Infinity": (create(b'{"clientId": "web", "x": -Infinity}'), NOT_JSON),
    "a number beyond doubles": (create(b'{"clientId": "web", "x": 1e400}'), NOT_JSON),
    "a number of a million digits": (create(b'{"clientId": "web", "x": %b}' % (b"9" * 1_000_000)), NOT_JSON),
    "a comment": (START + b"[] /* x */}", NOT_JSON),
    "a comma too much": (START + b"[],}", NOT_JSON),
    "single quotes": (b"{'using': []}", NOT_JSON),
    "a control character": (create(b'{"clientId": "w\neb"}'), NOT_JSON),
    "depth of 100,000 arrays": (START + b"[" * 100_000 + b"]" * 100_000 + b"}", LIMIT),
    "depth of 100,000 objects": (START + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", LIMIT),
    "depth without an end": (b"[" * 100_000, LIMIT),
    "65 levels": (create(b'{"clientId": "web", "metadata": ' + b'{"a":' * 65 + b"1" + b"}" * 66), LIMIT),
    "an array of a million": (START + b"[" + b"0," * 999_999 + b"0]}", NOT_REQUEST),
    "a million capabilities": (b'{"methodCalls": [], "using": [' + b'"a",' * 999_999 + b'"a"]}', UNKNOWN),
    "an array": (b"[]", NOT_REQUEST),
    "null": (b"null", NOT_REQUEST),
    "33 calls": (START + json.dumps([["Core/echo", {}, "c"]] * 33).encode() + b"}", LIMIT),
    "more than 10 MB": (START + b"[]}" + b" " * 10_000_000, LIMIT),
}  # fmt: skip


async def test_case_33_every_such_body_is_a_problem_and_does_nothing(site: Site) -> None:
    found = {}
    for name, (body, _) in BODIES.items():
        answer = await site.admin.http.post("/api", content=body, headers=HEADERS)
        found[name] = (answer.status_code, answer.json().get("type"))
        assert len(answer.content) < 1_000, name

    assert found == {name: (400, problem) for name, (_, problem) in BODIES.items()}
    assert await site.admin.all() == []


ARGUMENTS = {
    "objects": ("x:OAuthClient/set", {"create": {f"c{number}": {} for number in range(1_001)}}, "requestTooLarge"),
    "ids": ("x:OAuthClient/get", {"ids": [f"i{number}" for number in range(1_001)]}, "requestTooLarge"),
    "destroyed": ("x:OAuthClient/set", {"destroy": [f"i{number}" for number in range(1_001)]}, "requestTooLarge"),
    "conditions": (
        "x:OAuthClient/query",
        {"filter": {"operator": "OR", "conditions": [{"clientId": "a"}] * 10_000}},
        "unsupportedFilter",
    ),
    "words": ("x:OAuthClient/query", {"filter": {"text": "a " * 50_000}}, "unsupportedFilter"),
    "comparators": ("x:OAuthClient/query", {"sort": [{"property": "id"}] * 10_000}, "unsupportedSort"),
    "an integer beyond doubles": ("x:OAuthClient/query", {"position": 2**53}, "invalidArguments"),
    "a negative limit": ("x:OAuthClient/query", {"limit": -1}, "invalidArguments"),
}


@pytest.mark.parametrize(("name", "arguments", "error"), ARGUMENTS.values(), ids=ARGUMENTS)
async def test_case_33_limits_of_a_call_hold(site: Site, name: str, arguments: dict[str, object], error: str) -> None:
    assert (await site.one.call(name, **arguments))["type"] == error


async def test_case_33_a_limit_is_an_argument_that_bounds_and_never_breaks(site: Site) -> None:
    for limit in (2**53 - 1, 5_001, 0):
        assert (await site.one.call("x:OAuthClient/query", limit=limit))["ids"] == []


async def test_case_33_a_compressed_body_is_not_unpacked(site: Site) -> None:
    """A bomb is as large as what comes over the wire, and is no JSON."""
    bomb = gzip.compress(b" " * 50_000_000, 1)
    for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip"):
        answer = await site.admin.http.post("/api", content=bomb, headers={**HEADERS, "Content-Encoding": coding})
        assert (answer.status_code, answer.json()["type"]) == (400, NOT_JSON)


async def test_case_33_a_body_of_100_mb_is_refused_long_before_its_end(tmp_path: Path) -> None:
    """Announced, none of it is waited for; in chunks, nothing beyond the limit."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with serve_process(tmp_path, *QUICK_FLAGS) as server:
        port = int(server.url.rpartition(":")[2])
        announced = await first_line(port, b"Content-Length: 100000000\r\n\r\n")
        endless = await first_line(port, b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 160)

    assert announced.startswith(b"HTTP/1.1 400")
    assert endless.startswith(b"HTTP/1.1 400")


async def first_line(port: int, rest: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    writer.write(f"POST /api HTTP/1.1\r\nHost: a\r\n{head}".encode() + rest)
    try:
        return await reader.readline()
    finally:
        writer.transport.abort()


async def test_case_33_bodies_that_come_slowly_hold_up_nobody(tmp_path: Path) -> None:
    """Of 60 that never end, none keeps another key waiting; of one key there are at most 64 requests at once."""
    with serve_process(tmp_path, "--body-timeout", "1", *QUICK_FLAGS) as server:
        port = int(server.url.rpartition(":")[2])
        slow = [asyncio.create_task(first_line(port, b"Content-Length: 100\r\n\r\n{")) for _ in range(60)]
        async with server.client() as client:
            answers = [(await client.get("/api/account")).status_code for _ in range(20)]
        ended = await asyncio.gather(*slow)

    assert answers == [200] * 20
    assert {line[:13] for line in ended} <= {b"HTTP/1.1 408 ", b"HTTP/1.1 400 ", b""}
