from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from jmap_oauth.protocol.types import Limits
from tests.http.serving import CLIENT_IP, ECHO, JSON, KEY, READER, World, bearer, connect, request_of

LIMIT = "urn:ietf:params:jmap:error:limit"
NOT_JSON = "urn:ietf:params:jmap:error:notJSON"
TOO_LARGE = {
    "type": LIMIT,
    "status": 400,
    "title": "Limit reached",
    "detail": "The request is larger than 1000 bytes.",
    "limit": "maxSizeRequest",
}


async def state_of(client: httpx.AsyncClient, key: str = KEY) -> Any:
    return (await client.get("/jmap/session", headers=bearer(key))).json()["state"]


def problem(response: httpx.Response) -> Any:
    """Return the document of a problem that may not be kept anywhere."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert response.status_code == document["status"]
    return document


@pytest.mark.parametrize("path", ["/api", "/api/"])
async def test_calls_are_answered_with_the_state_of_the_session(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, json=ECHO, headers=bearer())

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "methodResponses": [["Core/echo", {"hello": True}, "c1"]],
        "sessionState": await state_of(client),
    }


async def test_each_key_is_told_the_state_of_its_own_session(client: httpx.AsyncClient) -> None:
    states = [
        (await client.post("/api", json=ECHO, headers=bearer(key))).json()["sessionState"] for key in (KEY, READER)
    ]

    assert states == [await state_of(client), await state_of(client, READER)]
    assert states[0] != states[1]


async def test_methods_learn_who_asks_from_where_under_which_id(client: httpx.AsyncClient, world: World) -> None:
    response = await client.post("/api", json=request_of(("Test/who", {}, "0")), headers=bearer())

    (caller,) = world.callers
    assert (caller.id, caller.remote_ip, caller.request_id) == ("k1", CLIENT_IP, response.headers["x-request-id"])


async def test_a_key_that_is_revoked_while_the_body_arrives_does_not_act(
    client: httpx.AsyncClient, world: World
) -> None:
    async def slow_body() -> AsyncIterator[bytes]:
        body = json.dumps(request_of(("Test/who", {}, "0"))).encode()
        yield body[:20]
        world.keys.revoked.add(KEY)
        yield body[20:]

    response = await client.post("/api", content=slow_body(), headers={**bearer(), **JSON})

    assert (problem(response)["status"], world.callers) == (401, [])
    assert response.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;a=b"]
)
async def test_json_may_have_parameters(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post("/api", json=ECHO, headers={**bearer(), "content-type": content_type})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "")],
        [("content-type", "text/plain")],
        [("content-type", "application/x-www-form-urlencoded")],
        [("content-type", "application/jsonx")],
        [("content-type", "text/plain; application/json")],
        [("content-type", "text/plain"), ("content-type", "application/json")],
    ],
)
async def test_nothing_but_json_is_read(client: httpx.AsyncClient, headers: list[tuple[str, str]]) -> None:
    response = await client.post("/api", content=b"{}", headers=[*bearer().items(), *headers])

    assert problem(response) == {
        "type": NOT_JSON,
        "status": 400,
        "title": "Not JSON",
        "detail": "The content type must be application/json.",
    }


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b"{MARKER", {"type": NOT_JSON, "title": "Not JSON", "detail": "The request is not I-JSON (RFC 7493)."}),
        (b'"\xff"', {"type": NOT_JSON, "title": "Not JSON", "detail": "The request is not I-JSON (RFC 7493)."}),
        (
            b'{"using": "MARKER", "methodCalls": []}',
            {
                "type": "urn:ietf:params:jmap:error:notRequest",
                "title": "Not a Request",
                "detail": "The request is not a Request object: Expected `array`, got `str` - at `$.using`",
            },
        ),
        (
            b"[" * 80 + b"]" * 80,
            {
                "type": LIMIT,
                "title": "Limit reached",
                "detail": "The request nests deeper than 64.",
                "limit": "maxDepth",
            },
        ),
        (
            b'{"using": [], "methodCalls": [%s]}' % b",".join([b'["", {}, ""]'] * 33),
            {
                "type": LIMIT,
                "title": "Limit reached",
                "detail": "More than 32 method calls in one request.",
                "limit": "maxCallsInRequest",
            },
        ),
    ],
)
async def test_a_request_that_is_none_is_a_problem(
    client: httpx.AsyncClient, body: bytes, document: dict[str, str]
) -> None:
    response = await client.post("/api", content=body, headers={**bearer(), **JSON})

    assert problem(response) == {"status": 400, **document}


async def test_an_unknown_capability_is_a_problem(client: httpx.AsyncClient) -> None:
    response = await client.post("/api", json={"using": ["urn:x"], "methodCalls": []}, headers=bearer())

    document = problem(response)
    assert document["type"] == "urn:ietf:params:jmap:error:unknownCapability"
    assert document["title"] == "Unknown capability"


async def test_a_body_may_be_as_large_as_the_limit(client: httpx.AsyncClient) -> None:
    body = b'{"using": [], "methodCalls": []}'.ljust(1000)

    assert (await client.post("/api", content=body, headers={**bearer(), **JSON})).status_code == 200


@pytest.mark.parametrize("length", ["1001", "9" * 5000, "0001001"])
async def test_a_length_beyond_the_limit_is_refused_unread(client: httpx.AsyncClient, length: str) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"")
        yield b""

    headers = {**bearer(), **JSON, "content-length": length}
    response = await client.post("/api", content=body(), headers=headers)

    assert problem(response) == TOO_LARGE
    assert read == []


@pytest.mark.parametrize("headers", [{}, {"content-length": "5"}, {"content-length": "-5"}, {"content-length": "x"}])
async def test_a_body_is_counted_while_it_is_read(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Whatever its headers say, reading ends with the first piece that is too much."""
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            read.append(b" " * 300)
            yield read[-1]

    response = await client.post("/api", content=body(), headers={**bearer(), **JSON, **headers})

    assert problem(response) == TOO_LARGE
    assert len(read) == 4


async def test_a_body_in_pieces_is_put_together(client: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"using": [], '
        yield b""
        yield b'"methodCalls": []}'

    assert (await client.post("/api", content=body(), headers={**bearer(), **JSON})).status_code == 200


async def test_a_key_has_so_many_requests_at_once(client: httpx.AsyncClient, world: World) -> None:
    wait = request_of(("Test/wait", {}, "0"))
    first = [asyncio.create_task(client.post("/api", json=wait, headers=bearer())) for _ in range(2)]
    for _ in first:
        await world.started.acquire()

    refused = await client.post("/api", json=ECHO, headers=bearer())
    other = await client.post("/api", json=ECHO, headers=bearer(READER))
    world.release.set()
    answered = [response.status_code for response in await asyncio.gather(*first)]
    again = await client.post("/api", json=ECHO, headers=bearer())

    assert problem(refused) == {
        "type": LIMIT,
        "status": 400,
        "title": "Limit reached",
        "detail": "More than 2 requests at once with one key.",
        "limit": "maxConcurrentRequests",
    }
    assert [other.status_code, *answered, again.status_code] == [200, 200, 200, 200]


async def test_refused_requests_are_not_counted_as_running(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        await client.post("/api", content=b"{", headers={**bearer(), **JSON})

    assert (await client.post("/api", json=ECHO, headers=bearer())).status_code == 200


async def test_two_applications_in_one_process_share_nothing(client: httpx.AsyncClient, world: World) -> None:
    wait = asyncio.create_task(client.post("/api", json=request_of(("Test/wait", {}, "0")), headers=bearer()))
    await world.started.acquire()

    async with connect(World(limits=Limits(max_concurrent_requests=1)).app()) as other:
        response = await other.post("/api", json=ECHO, headers=bearer())
        metrics = (await other.get("/metrics", headers=bearer())).text
    world.release.set()
    await wait

    assert response.status_code == 200
    assert 'jmap_method_calls_total{method="Core/echo"} 1.0' in metrics
    assert "Test/wait" not in metrics
