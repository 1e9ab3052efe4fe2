"""Requests as large and as deep as anyone can send, over real connections: each is answered, and the server goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.support.served import USING, ServerProcess, call, request_of, serve_process

MEGABYTES = 10_000_000
"""maxSizeRequest, in bytes."""
ERROR = "urn:ietf:params:jmap:error:"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serve_process(tmp_path_factory.mktemp("sizes"), "--no-access-log") as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client
        assert (await call(client, "Core/echo", still="here")) == {"still": "here"}


async def send(client: httpx.AsyncClient, content: bytes | AsyncIterator[bytes]) -> tuple[int, Any]:
    response = await client.post("/api", content=content, headers={"Content-Type": "application/json"})
    return response.status_code, response.json()


def nested_filter(depth: int) -> bytes:
    """Return a query whose filter nests so deep; a program that made it by recursion would not get there."""
    inner = '{"operator":"NOT","conditions":[' * depth + '{"text":"x"}' + "]}" * depth
    return json.dumps(request_of(("x:OAuthClient/query", {"filter": 0}))).replace(": 0}", f": {inner}}}").encode()


async def test_a_filter_10000_deep_is_refused_by_its_depth(client: httpx.AsyncClient) -> None:
    status, problem = await send(client, nested_filter(10_000))
    assert (status, problem["type"], problem["limit"]) == (400, ERROR + "limit", "maxDepth")


async def test_a_filter_as_deep_as_allowed_is_answered(client: httpx.AsyncClient) -> None:
    """Around the filter there are five levels, and each operator adds two."""
    status, answer = await send(client, nested_filter(29))
    assert (status, answer["methodResponses"][0][0]) == (200, "x:OAuthClient/query")


@pytest.mark.parametrize("piece", [b"[", b'{"a":', b'[{"using":['], ids=bytes.decode)
async def test_nesting_without_end_is_refused_by_its_depth(client: httpx.AsyncClient, piece: bytes) -> None:
    status, problem = await send(client, piece * (MEGABYTES // len(piece)))
    assert (status, problem["type"], problem["limit"]) == (400, ERROR + "limit", "maxDepth")


FLOODS = [b'"', b'\\"', b"\\", b"9", b"0", b"-", b" ", b"[],", b'"",', b'{"a":"', b"\x00", b"\xff", b"\xf0\x9f\x98"]


@pytest.mark.parametrize("piece", FLOODS, ids=repr)
@pytest.mark.parametrize("start", [b"", b'{"using":[],"methodCalls":[["Core/echo",{"a":', b'{"using":["'], ids=repr)
async def test_ten_megabytes_of_anything_are_answered(client: httpx.AsyncClient, start: bytes, piece: bytes) -> None:
    status, problem = await send(client, (start + piece * (MEGABYTES // len(piece)))[:MEGABYTES])
    assert (status, problem["type"]) in {(400, ERROR + "notJSON"), (400, ERROR + "limit")}


async def test_a_number_of_ten_million_digits_is_no_number(client: httpx.AsyncClient) -> None:
    start, end = b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":', b'},"c0"]]}'
    body = start + b"7" * (MEGABYTES - len(start) - len(end)) + end
    status, problem = await send(client, body)
    assert (status, problem["type"]) == (400, ERROR + "notJSON")


async def test_a_request_as_large_as_allowed_is_answered_and_one_byte_more_is_refused(
    client: httpx.AsyncClient,
) -> None:
    body = json.dumps(request_of(("Core/echo", {"a": 1}))).encode().ljust(MEGABYTES)
    allowed, refused = await send(client, body), await send(client, body + b" ")
    assert (allowed[0], allowed[1]["methodResponses"]) == (200, [["Core/echo", {"a": 1}, "c0"]])
    assert (refused[0], refused[1]["limit"]) == (400, "maxSizeRequest")


async def test_a_chunked_body_beyond_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"using":['
        for _ in range(MEGABYTES // 50_000 + 1):
            yield b" " * 50_000

    status, problem = await send(client, chunks())
    assert (status, problem["limit"]) == (400, "maxSizeRequest")


async def test_an_answer_that_doubles_with_every_call_ends_at_its_limit(client: httpx.AsyncClient) -> None:
    """Each echo takes over the answers of the one before it twice."""
    calls: list[Any] = [["Core/echo", {"a": "x" * 1_000_000}, "c0"]]
    for number in range(1, 32):
        before = {"resultOf": f"c{number - 1}", "name": "Core/echo", "path": ""}
        calls.append(["Core/echo", {"#a": before, "#b": before}, f"c{number}"])
    response = await client.post("/api", json={"using": USING, "methodCalls": calls})
    errors = {answer["type"] for name, answer, _ in response.json()["methodResponses"] if name == "error"}
    assert errors == {"requestTooLarge", "invalidResultReference"}
    assert len(response.content) < 70_000_000


async def test_a_filter_as_wide_as_a_request_is_refused(client: httpx.AsyncClient) -> None:
    wide = {"operator": "OR", "conditions": [{"clientId": "x"}] * 100_000}
    answer = await call(client, "x:OAuthClient/query", filter=wide)
    assert answer["type"] == "unsupportedFilter"


async def test_ids_by_the_hundred_thousand_are_refused(client: httpx.AsyncClient) -> None:
    ids = [f"i{number}" for number in range(100_000)]
    answers = [await call(client, "x:OAuthClient/get", ids=ids), await call(client, "x:OAuthClient/set", destroy=ids)]
    assert {answer["type"] for answer in answers} == {"requestTooLarge"}


async def test_an_object_with_ten_thousand_members_is_refused(client: httpx.AsyncClient) -> None:
    uris = {f"https://app.example/{number}": True for number in range(10_000)}
    patch = {f"redirectUris/https:~1~1app.example~1{number}": True for number in range(10_000)}
    made = await call(client, "x:OAuthClient/set", create={"a": {"clientId": "small"}})
    answer = await call(
        client,
        "x:OAuthClient/set",
        create={"b": {"clientId": "large", "redirectUris": uris}},
        update={made["created"]["a"]["id"]: patch},
    )
    errors = [*answer["notCreated"].values(), *answer["notUpdated"].values()]
    assert [(error["type"], error["properties"]) for error in errors] == [("invalidProperties", ["redirectUris"])] * 2
