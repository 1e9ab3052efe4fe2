"""Push of the whole server: what is changed by a call, or by another process, is told to whom it concerns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from jmap_oauth.app import create_app
from jmap_oauth.config import Settings
from jmap_oauth.http import push
from tests.http.listening import listen
from tests.http.serving import bearer, serve
from tests.support.served import ADMIN_KEY, QUICK, call


@dataclass
class Site:
    """A server on a socket, and a client of each key."""

    url: str
    stack: AsyncExitStack
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def client(self, key: str = ADMIN_KEY) -> httpx.AsyncClient:
        if key not in self.clients:
            client = httpx.AsyncClient(base_url=self.url, headers=bearer(key), timeout=60)
            self.clients[key] = await self.stack.enter_async_context(client)
        return self.clients[key]

    async def call(self, name: str, key: str = ADMIN_KEY, **arguments: Any) -> Any:
        return await call(await self.client(key), name, **arguments)

    async def create(self, type: str, key: str = ADMIN_KEY, **values: Any) -> Any:
        answer = await self.call(f"{type}/set", key, create={"new": values})
        return answer["created"]["new"]

    async def create_key(self, *permissions: str, **values: Any) -> Any:
        """Create a key; what is returned has its secret."""
        return await self.create("x:ApiKey", permissions=dict.fromkeys(permissions, True), **values)

    async def create_client(self, client_id: str, key: str = ADMIN_KEY) -> str:
        """Create a client and return the state of all clients then."""
        await self.create("x:OAuthClient", key, clientId=client_id)
        state: str = (await self.call("x:OAuthClient/get", key, ids=[]))["state"]
        return state


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    values: dict[str, Any] = {
        "database": str(tmp_path / "test.db"),
        "admin_key": ADMIN_KEY,
        "access_log": False,
        **QUICK,
    }
    app = create_app(Settings(**values))
    async with app.running(), serve(app) as (host, port), AsyncExitStack() as stack:
        yield Site(f"http://{host}:{port}", stack)


CLIENTS = ("sysOAuthClientGet", "sysOAuthClientCreate")


async def test_a_change_is_told_with_the_state_that_get_returns(site: Site) -> None:
    async with listen(site.url, bearer(ADMIN_KEY), types="x:OAuthClient") as stream:
        state = await site.create_client("one")

        assert await stream.event() == (
            f'id: {{"x:OAuthClient":"{state}"}}\n'
            "event: state\n"
            f'data: {{"@type":"StateChange","changed":{{"global":{{"x:OAuthClient":"{state}"}}}}}}'
        )


async def test_a_change_before_the_answer_began_is_not_told(site: Site) -> None:
    await site.create_client("one")
    async with listen(site.url, bearer(ADMIN_KEY), types="x:OAuthClient") as stream:
        state = await site.create_client("two")

        assert await stream.changed() == {"global": {"x:OAuthClient": state}}


async def test_a_tenant_is_told_of_its_own_changes_only(site: Site) -> None:
    ours, theirs = [(await site.create("x:Tenant", name=name))["id"] for name in ("Ours", "Theirs")]
    our_key, their_key = [(await site.create_key(*CLIENTS, memberTenantId=id))["secret"] for id in (ours, theirs)]
    async with listen(site.url, bearer(our_key)) as stream, listen(site.url, bearer(their_key)) as other:
        their_state = await site.create_client("theirs", their_key)
        assert await other.changed() == {theirs: {"x:OAuthClient": their_state}}
        await site.create_client("nobody's")
        our_state = await site.create_client("ours", our_key)

        assert await stream.changed() == {ours: {"x:OAuthClient": our_state}}


async def test_a_key_is_told_of_what_it_may_get_only(site: Site) -> None:
    key = (await site.create_key("sysTenantGet", "sysOAuthClientQuery"))["secret"]
    async with listen(site.url, bearer(key)) as stream:
        await site.create_client("one")
        await site.create("x:Tenant", name="New")
        state = (await site.call("x:Tenant/get", ids=[]))["state"]

        assert await stream.changed() == {"global": {"x:Tenant": state}}


@pytest.mark.parametrize(
    "change",
    [
        None,
        {"permissions/sysApiKeyQuery": True},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"allowedIps": {"192.0.2.0/24": True}},
    ],
    ids=["revoked", "with other permissions", "expired", "from a wrong address"],
)
async def test_a_key_that_is_not_what_it_was_ends_its_streams(
    site: Site, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any] | None
) -> None:
    """The change of a key is one of its account, so nothing waits for the next time at which keys are checked."""
    monkeypatch.setattr(push, "CHECK_EVERY", 1e9)
    tenant = (await site.create("x:Tenant", name="Ours"))["id"]
    for values in ({}, {"memberTenantId": tenant}):
        key = await site.create_key("sysApiKeyGet", **values)
        arguments = {"update": {key["id"]: change}} if change else {"destroy": [key["id"]]}
        async with listen(site.url, bearer(key["secret"]), types="x:OAuthClient") as stream:
            await site.call("x:ApiKey/set", **arguments)

            assert await stream.rest() == ""


async def test_writers_go_on_while_a_client_does_not_read(site: Site) -> None:
    async with listen(site.url, bearer(ADMIN_KEY), types="x:OAuthClient") as slow:
        for number in range(100):
            creates = {str(each): {"clientId": f"{number}-{each}"} for each in range(10)}
            await site.call("x:OAuthClient/set", create=creates)
        state = (await site.call("x:OAuthClient/get", ids=[]))["state"]
        events = 1
        while await slow.changed() != {"global": {"x:OAuthClient": state}}:
            events += 1

    assert events <= 100
