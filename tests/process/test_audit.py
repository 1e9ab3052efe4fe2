"""The audit trail of a whole server: what is written down, who may read it, and when it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.model.query import AllOf, Comparator, Query, Window
from jmap_oauth.store.interface import Reader
from tests.cli.process import run
from tests.process.database import check_database
from tests.support.served import ADMIN_KEY, QUICK, call, request_of, serve_in_process

READ = {"sysAuditEventGet": True, "sysAuditEventQuery": True}
EVERYTHING = {f"sysOAuthClient{action}": True for action in ("Get", "Query", "Create", "Update", "Destroy")} | READ
PARTS = ("action", "objectType", "objectId", "memberTenantId", "changes")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serve_in_process(tmp_path) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        yield client


@asynccontextmanager
async def acting(client: httpx.AsyncClient, key: str) -> AsyncIterator[None]:
    """Send requests with another key."""
    before = client.headers["Authorization"]
    client.headers["Authorization"] = f"Bearer {key}"
    yield
    client.headers["Authorization"] = before


async def change(client: httpx.AsyncClient, name: str, **arguments: Any) -> Any:
    """Change objects, all of which must succeed."""
    answer = await call(client, f"x:{name}/set", **arguments)
    assert [answer[part] for part in ("notCreated", "notUpdated", "notDestroyed")] == [None] * 3, answer
    return answer


async def create(client: httpx.AsyncClient, type: str, **values: Any) -> Any:
    return (await change(client, type, create={"new": values}))["created"]["new"]


async def events(client: httpx.AsyncClient, **filter: Any) -> list[dict[str, Any]]:
    """Return the events that match, the oldest first."""
    found = await call(client, "x:AuditEvent/query", filter=filter, sort=[{"property": "id"}])
    told: list[dict[str, Any]] = (await call(client, "x:AuditEvent/get", ids=found["ids"]))["list"]
    return told


async def make_tenant(client: httpx.AsyncClient, permissions: Mapping[str, bool] = EVERYTHING) -> tuple[str, str]:
    """Return the id of a new tenant, and a key of it."""
    tenant = (await create(client, "Tenant", name="One"))["id"]
    key = await create(client, "ApiKey", description="Tom", memberTenantId=tenant, permissions=permissions)
    return tenant, key["secret"]


async def test_a_change_is_told_with_who_made_it_and_by_which_request(client: httpx.AsyncClient) -> None:
    [key] = (await call(client, "x:ApiKey/get"))["list"]
    request = request_of(("x:OAuthClient/set", {"create": {"a": {"clientId": "a", "secret": "s3cret-MARKER"}}}))
    response = await client.post("/api", json=request)
    created = response.json()["methodResponses"][0][1]["created"]["a"]
    [event] = await events(client, objectId=created["id"])
    who = {name: event[name] for name in ("actorId", "actorName", "remoteIp", "requestId", "at")}
    assert who == {
        "actorId": key["id"],
        "actorName": "Administrator (setting admin_key)",
        "remoteIp": "127.0.0.1",
        "requestId": response.headers["X-Request-Id"],
        "at": created["createdAt"],
    }
    assert event["changes"]["clientId"] == {"from": None, "to": "a"}
    assert event["changes"]["secret"] == {"from": None, "to": "****"}
    assert "MARKER" not in str(await events(client))


async def test_an_object_is_told_from_its_creation_to_its_end(client: httpx.AsyncClient) -> None:
    id = (await create(client, "Tenant", name="One"))["id"]
    await change(client, "Tenant", update={id: {"name": "Two"}})
    await change(client, "Tenant", destroy=[id])
    assert [[event[name] for name in PARTS] for event in await events(client, objectId=id)] == [
        ["create", "x:Tenant", id, id, {"name": {"from": None, "to": "One"}}],
        ["update", "x:Tenant", id, id, {"name": {"from": "One", "to": "Two"}}],
        ["destroy", "x:Tenant", id, id, {"name": {"from": "Two", "to": None}}],
    ]


async def test_what_is_refused_or_changes_nothing_is_not_told(client: httpx.AsyncClient) -> None:
    id = (await create(client, "OAuthClient", clientId="a"))["id"]
    state = (await call(client, "x:AuditEvent/get", ids=[]))["state"]
    await call(client, "x:OAuthClient/set", create={"b": {"clientId": "a"}}, update={id: {"clientId": ""}})
    await call(client, "x:OAuthClient/set", update={id: {"clientId": "a"}}, destroy=["iunknown"])
    await call(client, "x:OAuthClient/set", update={id: {"description": "x"}}, ifInState="another")
    assert (await call(client, "x:AuditEvent/get", ids=[]))["state"] == state


async def test_nobody_changes_an_event(client: httpx.AsyncClient) -> None:
    [event, *_] = await events(client)
    assert (await call(client, "x:AuditEvent/set", destroy=[event["id"]]))["type"] == "unknownMethod"
    refused = await call(client, "x:ApiKey/set", create={"a": {"permissions": {"sysAuditEventDestroy": True}}})
    assert refused["notCreated"]["a"]["properties"] == ["permissions"]


async def test_events_are_read_with_their_permissions_only(client: httpx.AsyncClient) -> None:
    key = await create(client, "ApiKey", permissions={"sysAuditEventGet": True})
    async with acting(client, key["secret"]):
        assert (await call(client, "x:AuditEvent/get"))["list"]
        refused = await call(client, "x:AuditEvent/query")
    assert refused == {"type": "forbidden", "description": "This needs the permission sysAuditEventQuery."}


async def test_a_tenant_sees_what_was_done_to_its_own_by_whomever(client: httpx.AsyncClient) -> None:
    (one, key), (two, _) = await make_tenant(client), await make_tenant(client)
    for tenant in (one, two, None):
        await create(client, "OAuthClient", clientId=f"of {tenant}", memberTenantId=tenant)
    async with acting(client, key):
        own = await create(client, "OAuthClient", clientId="own")
        seen = await events(client, objectType="x:OAuthClient")
        everything = await events(client)
    assert [event["changes"]["clientId"]["to"] for event in seen] == [f"of {one}", "own"]
    assert [event["actorName"] for event in seen] == ["Administrator (setting admin_key)", "Tom"]
    assert seen[1]["objectId"] == own["id"]
    assert {event["memberTenantId"] for event in everything} == {one}


async def test_a_move_is_told_in_both_accounts_and_names_the_other_to_neither(client: httpx.AsyncClient) -> None:
    (one, key), (two, other) = await make_tenant(client), await make_tenant(client)
    id = (await create(client, "OAuthClient", clientId="a", memberTenantId=one))["id"]
    await change(client, "OAuthClient", update={id: {"memberTenantId": two}})
    async with acting(client, key):
        left = (await events(client, objectId=id))[-1]
    async with acting(client, other):
        [joined] = await events(client, objectId=id)
    assert [left[name] for name in PARTS[3:]] == [one, {"memberTenantId": {"from": one, "to": None}}]
    assert [joined[name] for name in PARTS[3:]] == [two, {"memberTenantId": {"from": None, "to": two}}]


async def test_events_are_found_by_who_what_whose_and_when(client: httpx.AsyncClient) -> None:
    tenant, _ = await make_tenant(client)
    first = (await create(client, "OAuthClient", clientId="a", memberTenantId=tenant))["id"]
    await change(client, "OAuthClient", destroy=[first])
    [created, destroyed] = await events(client, objectId=first)
    both = [created["id"], destroyed["id"]]

    async def found(**filter: Any) -> list[str]:
        return [event["id"] for event in await events(client, objectType="x:OAuthClient", **filter)]

    assert await found(actorId=created["actorId"]) == await found(memberTenantId=tenant) == both
    assert await found(action="destroy") == both[1:]
    assert await found(atIsGreaterThanOrEqual=created["at"]) == both
    assert await found(atIsLessThan=created["at"]) == await found(actorId="system") == []
    assert (await call(client, "x:AuditEvent/query", filter={"action": "stop"}))["type"] == "unsupportedFilter"


async def test_what_comes_by_no_request_has_a_named_actor_and_no_address(tmp_path: Path) -> None:
    run("api-key", "create", "--permission", "sysTenantGet", "--database", "test.db", folder=touched(tmp_path))
    async with serve_in_process(tmp_path) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        told = await events(client)
    assert [(event["actorId"], event["remoteIp"], event["requestId"]) for event in told] == [
        ("cli", None, None),
        ("system", None, None),
    ]


def touched(folder: Path) -> Path:
    """Put an empty file where a command is to make a database."""
    (folder / "test.db").touch()
    return folder


async def test_the_last_use_of_a_key_is_no_event(tmp_path: Path) -> None:
    async with server_in(tmp_path) as server:
        id = (await server.bootstrap.create_key("cli", {})).id
        await server.set_objects("system", "ApiKey", {"update": {id: {"lastUsedAt": "2026-11-21T00:00:00Z"}}})
        assert await count(server) == 1


async def test_a_thousand_creates_are_a_thousand_events(tmp_path: Path) -> None:
    async with server_in(tmp_path) as server:
        given = {f"n{number}": {"name": f"Tenant {number}"} for number in range(1_000)}
        await server.set_objects("cli", "Tenant", {"create": given})
        assert await count(server) == 1_000
    check_database(tmp_path / "test.db")


async def test_events_end_after_their_days_and_write_nothing_down(tmp_path: Path) -> None:
    async with server_in(tmp_path) as server:
        given = {f"n{number}": {"name": f"Tenant {number}"} for number in range(150)}
        await server.set_objects("cli", "Tenant", {"create": given})
        events = next(kept for kept in server.pruning.kept if kept.name == "audit events")
        assert (events.days, await events.drop("2020-01-01T00:00:00Z"), await count(server)) == (365, False, 150)
        assert [await events.drop("2100-01-01T00:00:00Z") for _ in range(2)] == [True, False]
        assert await count(server) == 0


async def test_expired_secrets_are_destroyed_by_the_system_and_that_is_told(tmp_path: Path) -> None:
    async with server_in(tmp_path) as server:
        await server.set_objects("cli", "OAuthClient", {"create": {"a": {"clientId": "a", "secret": "one"}}})
        [client] = await read_all(server, "OAuthClient")
        old = {"oauthClientId": client["id"], "secret": "two", "expiresAt": "2020-01-01T00:00:00Z"}
        added = await server.set_objects("cli", "OAuthClientSecret", {"create": {"b": old}})
        kept = next(kept for kept in server.pruning.kept if kept.name == "secrets")
        assert (kept.days, await kept.drop("2026-01-01T00:00:00Z")) == (30, False)
        told = (await read_all(server, "AuditEvent"))[-1]
        [left] = await read_all(server, "OAuthClientSecret")
    assert (told["actorId"], told["action"]) == ("system", "destroy")
    assert told["objectId"] == (added.created or {})["b"]["id"] != left["id"]


async def read_all(server: Server, name: str) -> list[Record]:
    """Return all objects of a type, the oldest first."""
    type, query = server.model[name], Query(AllOf(()), [Comparator(None, ascending=True)], Window(limit=100))

    async def work(reader: Reader) -> list[Record]:
        return await reader.get(type, GLOBAL, (await reader.query(type, GLOBAL, query)).ids)

    return await server.store.read(work)


@asynccontextmanager
async def server_in(folder: Path) -> AsyncIterator[Server]:
    values: dict[str, Any] = {"database": str(folder / "test.db"), **QUICK}
    async with open_server(Settings(**values)) as server:
        yield server


async def count(server: Server) -> int:
    return await server.store.read(lambda reader: reader.count(server.model["AuditEvent"], GLOBAL))
