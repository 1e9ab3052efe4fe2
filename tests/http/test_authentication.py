from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from starlette.types import Message

from tests.http.serving import CLIENT_IP, ECHO, JSON, KEY, World, bearer, connect

PATHS = ["/jmap/session", "/.well-known/jmap", "/api/schema", "/api/schema/x", "/api/account", "/metrics"]


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {KEY}",
        f"bearer {KEY}",
        f"BEARER   {KEY}  ",
        basic(f":{KEY}"),
        basic(f"anyone:{KEY}"),
        basic(f"Zoë:{KEY}"),
        "bAsIc   " + basic(f"anyone:{KEY}")[6:],
    ],
)
async def test_a_key_is_taken_as_bearer_token_or_as_basic_password(client: httpx.AsyncClient, header: str) -> None:
    response = await client.get("/jmap/session", headers={"authorization": header})

    assert response.json()["username"] == "Ada"


GOOD = ("authorization", f"Bearer {KEY}")

BAD = [
    [],
    [("authorization", "")],
    [("authorization", " ")],
    [("authorization", "Bearer")],
    [("authorization", "Bearer ")],
    [("authorization", f"Bearer{KEY}")],
    [("authorization", f"Bearer {KEY}x")],
    [("authorization", f"Bearer {KEY}\t{KEY}")],
    [("authorization", f"Digest {KEY}")],
    [("authorization", KEY)],
    [("authorization", "Basic")],
    [("authorization", f"Basic {KEY}")],
    [("authorization", "Basic =")],
    [("authorization", "Basic ====")],
    [("authorization", basic("no colon"))],
    [("authorization", basic(KEY))],
    [("authorization", basic(f"{KEY}:"))],
    [("authorization", basic(f"anyone:{KEY}") + "!")],
    [("authorization", basic(f"anyone:{KEY}\0"))],
    [("authorization", "Basic " + base64.b64encode(b":\xff\xfe").decode())],
    [("authorization", "Bearer " + "x" * 60_000)],
    [("authorization", f"Bearer {KEY}" + " " * 60_000)],
    [GOOD, GOOD],
    [GOOD, ("authorization", basic(f"anyone:{KEY}"))],
    [("cookie", f"authorization=Bearer {KEY}")],
]


def answer_of(response: httpx.Response) -> object:
    headers = [(name, value) for name, value in response.headers.multi_items() if name != "x-request-id"]
    return response.status_code, headers, response.content


@pytest.mark.parametrize("headers", BAD)
async def test_every_other_authorization_gets_the_same_401(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    """Byte for byte, but for the id of the request."""
    unknown = await client.get("/jmap/session", headers=bearer("unknown"))
    response = await client.get("/jmap/session", headers=headers)

    assert response.status_code == 401
    assert answer_of(response) == answer_of(unknown)


@pytest.mark.parametrize(("headers", "token"), [({}, None), ({"authorization": "Digest x"}, ""), (bearer("x"), "x")])
async def test_missing_and_malformed_credentials_are_told_apart_inside(
    client: httpx.AsyncClient, world: World, headers: dict[str, str], token: str | None
) -> None:
    """Only who tried a key can have failed too often."""
    await client.get("/jmap/session", headers=headers)

    assert [asked[0] for asked in world.keys.asked] == [token]


async def test_bytes_that_are_no_text_are_no_key(client: httpx.AsyncClient) -> None:
    response = await client.get("/jmap/session", headers={b"authorization": b"Bearer \xff"})

    assert response.status_code == 401


async def test_the_401_offers_both_schemes(client: httpx.AsyncClient) -> None:
    response = await client.post("/api", content=b"x", headers=JSON)

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers.get_list("www-authenticate") == [
        'Bearer realm="jmap"',
        'Basic realm="jmap", charset="UTF-8"',
    ]
    assert response.json() == {
        "type": "about:blank",
        "status": 401,
        "title": "Unauthorized",
        "detail": "A valid API key is needed, as Bearer token or as password of Basic authentication.",
    }


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_is_needed(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401


async def test_no_body_is_read_without_a_key(world: World) -> None:
    async def receive() -> None:
        raise AssertionError("read")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/api",
        "scheme": "http",
        "headers": [],
        "client": None,
    }
    await world.app()(scope, receive, send)  # type: ignore[arg-type]  # a receive that gives nothing

    assert sent[0]["status"] == 401
    assert world.keys.asked[0][:2] == (None, "unknown")


async def test_too_many_failures_are_told_when_to_come_back(world: World) -> None:
    world.keys.throttled = True
    async with connect(world.app()) as client:
        refused = await client.post("/api", json=ECHO, headers=bearer("unknown"))
        good = await client.post("/api", json=ECHO, headers=bearer())

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "17")
    assert refused.json() == {
        "type": "about:blank",
        "status": 429,
        "title": "Too Many Requests",
        "detail": "Authentication failed too often from this address.",
    }
    assert good.status_code == 200


async def test_keys_that_cannot_be_looked_up_are_no_bad_keys(client: httpx.AsyncClient, world: World) -> None:
    world.keys.out_of_order = True

    response = await client.post("/api", json=ECHO, headers=bearer())

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json() == {
        "type": "about:blank",
        "status": 503,
        "title": "Service Unavailable",
        "detail": "API keys cannot be looked up at the moment.",
    }


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0\n", "fe80::1"),
        ("/run/sock", "unknown"),
        ("", "unknown"),
        ("1" * 100, "unknown"),
    ],
)
async def test_the_address_of_the_client_is_normal_or_unknown(world: World, host: str, address: str) -> None:
    transport = httpx.ASGITransport(app=world.app(), client=(host, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get("/jmap/session")

    assert world.keys.asked[0][1] == address
    assert CLIENT_IP not in address
