"""What Stalwart's command line and web interface ask for before their first method call, field by field."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

import httpx
import msgspec
import pytest

from tests.support.served import ADMIN_KEY

KEY = os.environ.get("JMAP_OAUTH_TEST_KEY", ADMIN_KEY)
BASIC = base64.b64encode(f"admin:{KEY}".encode()).decode()
EIGHT = {"objects", "schemas", "fields", "forms", "lists", "enums", "dashboards", "layouts"}


@pytest.fixture(params=[f"Bearer {KEY}", f"Basic {BASIC}"], ids=["bearer", "basic"])
def authorized(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The headers of --api-key and of --user with --password; the web interface has the first."""
    return {"Authorization": request.param}


async def test_the_cli_finds_the_schema_by_a_redirect_that_it_does_not_follow(
    http: httpx.AsyncClient, authorized: Mapping[str, str]
) -> None:
    redirect = await http.get("/api/schema", headers=authorized, follow_redirects=False)
    name = redirect.headers["location"].rpartition("/")[2]
    async with http.stream("GET", redirect.headers["location"], headers=authorized) as schema:
        content = b"".join([piece async for piece in schema.aiter_raw()])

    assert (redirect.status_code, schema.status_code) == (302, 200)
    assert base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode() == name


async def test_the_schema_has_the_eight_keys_and_a_layout_that_leads_to_the_clients(
    http: httpx.AsyncClient, authorized: Mapping[str, str]
) -> None:
    schema = (await http.get("/api/schema", headers=authorized, follow_redirects=True)).json()

    assert schema.keys() >= EIGHT
    [group] = [item["container"] for layout in schema["layouts"] for item in layout["items"]]
    assert {"type": "link", "name": "OAuth Clients", "viewName": "x:OAuthClient"} in group["items"]


async def test_the_session_has_what_both_read_of_it(http: httpx.AsyncClient, authorized: Mapping[str, str]) -> None:
    session = (await http.get("/jmap/session", headers=authorized)).json()

    [account] = session["accounts"]
    assert session["primaryAccounts"]["urn:stalwart:jmap"] == account
    assert session["apiUrl"].endswith("/api")
    core = session["capabilities"]["urn:ietf:params:jmap:core"]
    assert {"maxObjectsInGet", "maxObjectsInSet", "maxSizeRequest", "maxCallsInRequest"} <= core.keys()


async def test_the_account_has_permissions_an_edition_with_tenants_and_a_locale(
    http: httpx.AsyncClient, authorized: Mapping[str, str]
) -> None:
    account = (await http.get("/api/account", headers=authorized)).json()

    assert "sysOAuthClientGet" in account["permissions"]
    assert (account["edition"], account["locale"]) == ("enterprise", "en_US")


async def test_a_wrong_key_is_401_for_both(http: httpx.AsyncClient) -> None:
    refused = {"Authorization": "Bearer wrong"}
    answers = [await http.get(path, headers=refused) for path in ("/api/schema", "/jmap/session", "/api/account")]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_a_query_that_the_cli_pages_through_may_be_as_long_as_a_get(http: httpx.AsyncClient) -> None:
    """It takes a page with fewer rows than maxObjectsInGet for the last one."""
    headers = {"Authorization": f"Bearer {KEY}"}
    limits = (await http.get("/jmap/session", headers=headers)).json()["capabilities"]["urn:ietf:params:jmap:core"]
    calls = [["x:OAuthClient/query", {"limit": limits["maxObjectsInGet"], "calculateTotal": True}, "c0"]]
    body = msgspec.json.encode({"using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": calls})

    answer = (await http.post("/api", content=body, headers={**headers, "Content-Type": "application/json"})).json()

    assert "limit" not in answer["methodResponses"][0][1]
