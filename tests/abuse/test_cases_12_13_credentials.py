"""Cases 12 and 13: credentials that are malformed, doubled or at the wrong place.

Of the list, this product has no token endpoint: it takes no credentials of clients by HTTP, neither Basic nor body
(12), and no client assertions (13). An Authorization header here is an administrator's key.
"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from tests.abuse.callers import Caller, Site
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, serve_process

KEY = ADMIN_KEY.encode()


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


MALFORMED = [
    b"", b" ", b"Bearer", b"Bearer ", b"Basic", b"Basic ", b"Bearer\t" + KEY, b"\tBearer " + KEY + b"x",
    b"Bearer " + KEY + b" x", b"Bearer " + KEY[:-1], b"Bearer " + KEY + KEY, b"Bearer =" + KEY,
    b"Bearer \"" + KEY + b"\"", b"Bearer:" + KEY, KEY, b"Token " + KEY, b"Digest " + KEY, b"Bearer,Bearer " + KEY,
    b"Bearer " + KEY + b",Bearer " + KEY, b"Bearer " + KEY + b"\x00", b"Bearer " + KEY + b"\xff", b"Bearer \xc3\x28",
    b"Bearer \xed\xa0\x80", b"Bearer " + "\u202e".encode() + KEY, b"\x80\x81", b"Basic !!!!", b"Basic " + KEY,
    b"Basic YTpi=", b"Basic YTpi\xff", b"Basic YT pi", b"Basic " + b"=" * 40, basic(KEY), basic(KEY + b":"),
    basic(b":"), basic(b"no colon"), basic(b"x:" + KEY + b"\n"), basic(b"x:\xff\xfe"), basic(b"x::" + KEY),
    basic(b"x: " + KEY), basic(b"\x00:\x00"), b"Bearer " + b"A" * 4_090, b"Bearer " + b"A" * 60_000,
    basic(b"a" * 40_000 + b":"), b"Bearer " + base64.b64encode(KEY), b"Bearer null", b"Bearer undefined",
    b"Bearer ' OR 1=1 --", b"Bearer %00", b"Bearer ****",
]  # fmt: skip


async def test_case_12_a_malformed_authorization_is_refused_and_never_a_fault(site: Site) -> None:
    body = b'{"using": ["urn:ietf:params:jmap:core"], "methodCalls": [["Core/echo", {}, "c"]]}'
    found = {}
    for value in MALFORMED:
        headers = [(b"authorization", value), (b"content-type", b"application/json")]
        found[value] = (await site.admin.http.post("/api", content=body, headers=headers)).status_code

    assert found == dict.fromkeys(MALFORMED, 401)


TWICE = [
    [b"Bearer " + KEY, b"Bearer wrong"],
    [b"Bearer wrong", b"Bearer " + KEY],
    [b"Bearer " + KEY, b"Bearer " + KEY],
    [b"Bearer " + KEY, basic(b"x:" + KEY)],
    [b"Bearer " + KEY, b""],
]


@pytest.mark.parametrize("values", TWICE)
async def test_case_12_two_authorizations_are_none(site: Site, values: list[bytes]) -> None:
    answer = await site.admin.http.get("/api/account", headers=[(b"authorization", value) for value in values])

    assert answer.status_code == 401


@pytest.mark.parametrize("place", ["api_key", "access_token", "key", "Authorization", "client_id", "client_secret"])
async def test_case_12_a_key_in_the_address_or_in_a_cookie_is_none(site: Site, place: str) -> None:
    answers = [
        await site.admin.http.get("/api/account", params={place: ADMIN_KEY}),
        await site.admin.http.get("/api/account", headers={"Cookie": f"{place}={ADMIN_KEY}"}),
        await site.admin.http.post("/api", data={place: ADMIN_KEY}),
    ]

    assert {answer.status_code for answer in answers} == {401}


async def test_case_12_the_id_and_secret_of_a_client_let_nobody_in(site: Site) -> None:
    await site.admin.create(clientId="web", secret="the secret")
    for credentials in (basic(b"web:the secret"), b"Bearer the secret"):
        answer = await site.admin.http.get("/api/account", headers={b"authorization": credentials})
        assert answer.status_code == 401


HEADS = [
    b"Authorization: Bearer " + b"A" * 1_000_000 + b"\r\n",
    b"Authorization: Basic " + b"A" * 1_000_000 + b"\r\n",
    b"Authorization: Bearer a\r\n" * 5_000,
    b"Authorization\r\n",
    b"Authorization : Bearer x\r\n",
    b"Authorization:\x00Bearer x\r\n",
    b"Authorization: Bearer\r\n x\r\n",
    b"Authorization: Bearer x\r\n\tx\r\n",
    b"Authorization: \xff\xfe\r\n",
]


async def speak(port: int, head: bytes) -> bytes:
    """Send a head, and return the first line of the answer; of one that is not read to its end, whatever came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n" + head + b"\r\n{}")
    try:
        return (await reader.read(-1)).partition(b"\r\n")[0]
    finally:
        writer.transport.abort()


async def test_case_12_no_head_is_too_much_for_the_server(tmp_path: Path) -> None:
    with serve_process(tmp_path, *QUICK_FLAGS) as server:
        port = int(server.url.rpartition(":")[2])
        found = [int((await speak(port, head)).split()[1]) for head in HEADS]
        async with server.client() as client:
            good = await client.get("/api/account")
        assert server.stop() == 0

    assert [status for status in found if status not in (400, 401, 431)] == []
    assert good.status_code == 200
    assert "Traceback" not in server.log


async def authenticate(caller: Caller, **arguments: Any) -> Any:
    return await caller.call("x:OAuthClient/authenticate", **arguments)


WRONG: list[dict[str, Any]] = [
    {}, {"clientId": None}, {"clientId": 1}, {"clientId": ["web"]}, {"clientId": {"web": True}}, {"client_id": "web"},
    {"clientId": "web", "client_id": "web"}, {"clientId": "web", "clientSecret": "x"},
    {"clientId": "web", "secret": 1}, {"clientId": "web", "secret": ["x"]}, {"clientId": "web", "secret": True},
    {"clientId": "web", "id": "web"}, {"clientId": "x" * 2_049}, {"clientId": "web", "scopes": "mail"},
    {"clientId": "web", "scopes": {"mail": 1}}, {"clientId": "web", "redirectUri": ["https://app.example/cb"]},
    {"clientId": "web", "authenticated": True},
]  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG)
async def test_case_12_a_question_with_other_arguments_is_refused(admin: Caller, arguments: dict[str, Any]) -> None:
    await admin.create(clientId="web")

    assert (await authenticate(admin, **arguments))["type"] == "invalidArguments"


async def test_case_12_a_secret_given_twice_is_no_json(site: Site) -> None:
    """Whichever of two a reader takes, another may take the other."""
    call = b'["x:OAuthClient/authenticate", {"clientId": "web", "secret": "a", "secret": "the secret"}, "c"]'
    body = b'{"using": ["urn:stalwart:jmap", "urn:jmap-oauth:metadata"], "methodCalls": [%b]}' % call
    await site.admin.create(clientId="web", secret="the secret")
    headers = {**site.admin.headers, "Content-Type": "application/json"}
    answer = await site.admin.http.post("/api", content=body, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:ietf:params:jmap:error:notJSON")


@pytest.mark.parametrize("name", ["clientAssertion", "client_assertion", "assertion", "jwt", "clientAssertionType"])
async def test_case_13_there_are_no_client_assertions(admin: Caller, name: str) -> None:
    """An unsigned one, for the client that is there."""
    await admin.create(clientId="web", tokenEndpointAuthMethod="private_key_jwt", jwksUri="https://app.example/jwks")
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ3ZWIifQ."
    answers = [
        await authenticate(admin, clientId="web", **{name: unsigned}),
        await authenticate(admin, clientId="web", secret=unsigned),
    ]

    assert answers[0]["type"] == "invalidArguments"
    assert (answers[1]["error"], answers[1]["authenticated"]) == ("invalid_client", False)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS1", "dir", "", "rs256", "PS256 "])
async def test_case_13_a_client_cannot_be_registered_for_weak_assertions(admin: Caller, algorithm: str) -> None:
    [error] = await admin.outcomes(
        [
            {
                "clientId": "web",
                "tokenEndpointAuthMethod": "private_key_jwt",
                "jwksUri": "https://app.example/jwks",
                "tokenEndpointAuthSigningAlg": algorithm,
            }
        ]
    )

    assert error == ("invalidProperties", "tokenEndpointAuthSigningAlg")
