from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from jmap_oauth.http import session
from tests.http.serving import BASE, ECHO, READER, World, bearer, connect

CORE = "urn:ietf:params:jmap:core"
WIDGETS = "urn:example:widgets"


async def session_of(client: httpx.AsyncClient, key: str | None = None, **headers: str) -> Any:
    response = await client.get("/jmap/session", headers={**(bearer(key) if key else bearer()), **headers})
    assert response.status_code == 200
    return response.json()


def expected(base: str = BASE) -> dict[str, Any]:
    """RFC 8620 section 2, member by member."""
    return {
        "capabilities": {
            CORE: {
                "maxSizeUpload": 5_000_000,
                "maxConcurrentUpload": 4,
                "maxSizeRequest": 1000,
                "maxConcurrentRequests": 2,
                "maxCallsInRequest": 32,
                "maxObjectsInGet": 1000,
                "maxObjectsInSet": 1000,
                "collationAlgorithms": ["i;unicode-casemap"],
            },
            WIDGETS: {"size": 3},
        },
        "accounts": {
            "global": {
                "name": "global",
                "isPersonal": False,
                "isReadOnly": False,
                "accountCapabilities": {WIDGETS: {}},
            }
        },
        "primaryAccounts": {CORE: "global", WIDGETS: "global"},
        "username": "Ada",
        "apiUrl": f"{base}/api",
        "downloadUrl": f"{base}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}",
        "uploadUrl": f"{base}/jmap/upload/{{accountId}}",
        "eventSourceUrl": f"{base}/jmap/eventsource?types={{types}}&closeafter={{closeafter}}&ping={{ping}}",
    }


@pytest.mark.parametrize("path", ["/jmap/session", "/.well-known/jmap"])
async def test_the_session_has_every_member(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, headers=bearer())

    document = response.json()
    state = document.pop("state")
    assert (response.status_code, document) == (200, expected())
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert len(state) == 16


async def test_a_key_of_a_tenant_that_may_write_nothing_sees_so(client: httpx.AsyncClient) -> None:
    document = await session_of(client, READER)

    assert document["username"] == "Rob"
    assert document["accounts"] == {
        "t1": {"name": "Team One", "isPersonal": False, "isReadOnly": True, "accountCapabilities": {WIDGETS: {}}}
    }
    assert document["primaryAccounts"] == {CORE: "t1", WIDGETS: "t1"}


async def test_the_public_url_stands_before_every_path(world: World) -> None:
    async with connect(world.app(public_url="https://id.example/admin/")) as client:
        document = await session_of(client, host="elsewhere.example")

    document.pop("state")
    assert document == expected("https://id.example/admin")


@pytest.mark.parametrize("host", ["a.example", "a.example:8443", "127.0.0.1:8080", "[::1]:8080", "[2001:db8::1]"])
async def test_urls_are_those_the_client_used(client: httpx.AsyncClient, host: str) -> None:
    assert (await session_of(client, host=host))["apiUrl"] == f"http://{host}/api"


@pytest.mark.parametrize(
    "host", ["", "a/b", "a@b", 'a"b', "a b", "a:b", "a:123456", "[::1", "::1", "<b>", "a" * 300, "a\\b", "a, b"]
)
async def test_a_host_that_is_none_is_not_repeated(world: World, host: str) -> None:
    async with connect(world.app(), "https://own.example:8443") as client:
        assert (await session_of(client, host=host))["apiUrl"] == "https://own.example:8443/api"


@pytest.mark.parametrize(("scheme", "shown"), [("https", "https"), ("http", "http"), ("ws", "http"), ("wss", "http")])
async def test_urls_are_of_http_or_https_whatever_a_proxy_says(world: World, scheme: str, shown: str) -> None:
    async def behind_proxy(scope: Any, receive: Any, send: Any) -> None:
        await world.app()({**scope, "scheme": scheme}, receive, send)

    async with connect(behind_proxy) as client:
        assert (await session_of(client))["apiUrl"] == f"{shown}://widgets.example/api"


async def test_urls_hold_the_path_under_which_the_application_is_mounted(world: World) -> None:
    outer = Starlette(routes=[Mount("/inner", world.app())])
    async with connect(outer, f"{BASE}/inner") as client:
        document = await session_of(client)
        schema = await client.get("/api/schema", headers=bearer())

    document.pop("state")
    assert document == expected(f"{BASE}/inner")
    assert schema.headers["location"].startswith("/inner/api/schema/")


async def test_the_state_differs_when_anything_else_does(world: World) -> None:
    async with connect(world.app()) as client:
        states = [
            (await session_of(client))["state"],
            (await session_of(client))["state"],
            (await session_of(client, READER))["state"],
            (await session_of(client, host="b.example"))["state"],
        ]
    async with connect(world.app(capabilities={})) as client:
        states.append((await session_of(client))["state"])

    assert states[0] == states[1]
    assert len(set(states)) == 4


async def test_answers_name_the_state_under_the_same_url(client: httpx.AsyncClient) -> None:
    headers = {**bearer(), "host": "b.example"}
    answer = await client.post("/api", json=ECHO, headers=headers)

    assert answer.json()["sessionState"] == (await session_of(client, host="b.example"))["state"]


async def test_forgotten_sessions_are_made_again(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "KEPT", 2)
    first = await session_of(client)
    for number in range(5):
        await session_of(client, host=f"h{number}.example")

    assert await session_of(client) == first


async def test_without_a_known_address_of_its_own_the_server_is_localhost(world: World) -> None:
    async def unix(scope: Any, receive: Any, send: Any) -> None:
        await world.app()({**scope, "server": ("/run/sock", None)}, receive, send)

    async with connect(unix) as client:
        assert (await session_of(client, host="?"))["apiUrl"] == "http://localhost/api"
