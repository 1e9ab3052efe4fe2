"""What RFC 8620 asks of the Session and of the API's answers, where no other test of the edge shows it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from jmap_oauth.access.policy import METRICS
from jmap_oauth.protocol.types import CORE
from tests.http.serving import JSON, KEY, PRINCIPALS, World, bearer, request_of
from tests.support.widget import CAPABILITY


async def session_of(client: httpx.AsyncClient) -> Any:
    return (await client.get("/jmap/session", headers=bearer())).json()


@pytest.mark.parametrize("permission", ["sysWidgetGet", "sysWidgetQuery", "sysTeamDestroy"])
async def test_one_permission_makes_a_capability_one_of_the_account(
    world: World, client: httpx.AsyncClient, permission: str
) -> None:
    world.keys.principals[KEY] = PRINCIPALS[KEY]._replace(permissions=frozenset({permission}))

    assert (await session_of(client))["accounts"]["global"]["accountCapabilities"] == {CAPABILITY: {}}


async def test_a_capability_that_the_key_may_not_use_is_none_of_its_account(
    world: World, client: httpx.AsyncClient
) -> None:
    """The server still has it, and says so."""
    world.keys.principals[KEY] = PRINCIPALS[KEY]._replace(permissions=frozenset({METRICS}))
    session = await session_of(client)

    assert session["accounts"]["global"]["accountCapabilities"] == {}
    assert session["primaryAccounts"] == {CORE: "global"}
    assert session["capabilities"].keys() == {CORE, CAPABILITY}


async def test_refused_calls_are_no_error_of_http(client: httpx.AsyncClient) -> None:
    request = request_of(("Foo/get", {}, "a"), ("Core/echo", {"#x": 1}, "b"))
    response = await client.post("/api", json=request, headers=bearer())

    assert response.status_code == 200
    assert [(name, arguments["type"]) for name, arguments, _ in response.json()["methodResponses"]] == [
        ("error", "unknownMethod"),
        ("error", "invalidArguments"),
    ]


async def test_no_answer_names_a_member_twice(client: httpx.AsyncClient) -> None:
    """Nor does it hold raw bytes that are no UTF-8, as none come in (RFC 7493)."""
    body = b'{"using": ["%s"], "methodCalls": [["Core/echo", {"a": 1, "a": 2}, "c"]]}' % CORE.encode()
    response = await client.post("/api", content=body, headers={**bearer(), **JSON})

    assert response.content.count(b'"a"') == 1


@pytest.mark.parametrize("using", [[CORE, CAPABILITY], [CAPABILITY, CORE, CAPABILITY]])
async def test_using_may_name_what_no_call_needs(client: httpx.AsyncClient, using: list[str]) -> None:
    request = {"using": using, "methodCalls": [["Core/echo", {}, "c"]]}
    response = await client.post("/api", json=request, headers=bearer())

    assert response.json()["methodResponses"] == [["Core/echo", {}, "c"]]
