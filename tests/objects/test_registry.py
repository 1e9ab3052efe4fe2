"""The registry: which clients, secrets and wishes are good, and that all refusals of a client are one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import argon2
import bcrypt
import msgspec
import pytest

import jmap_oauth
from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.methods.consequences import Touched
from jmap_oauth.methods.plan import Change, Wish
from jmap_oauth.model.definition import Action, Filled
from jmap_oauth.model.validate import Draft
from jmap_oauth.objects.oauth_client import oauth_client
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.objects.registry import AuthenticateArguments, AuthenticateResponse
from jmap_oauth.provisioning import Entry
from tests.support.served import ADMIN_KEY, USING, request_of, serve_in_process
from tests.support.stores import lend_database

SECRET = "correct horse battery staple"
REFUSED = AuthenticateResponse(
    account_id="global",
    error="invalid_client",
    description="The client is not known, or not valid, or its secret is wrong.",
)


@pytest.fixture(params=["sqlite", "postgresql"])
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return Settings(database=await lend_database(request.param, tmp_path), argon2_memory=64, argon2_time=1)


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    """What administrators change clients with: another server on the same database."""
    async with open_server(settings) as server:
        yield server


@pytest.fixture
async def registry(server: Server, settings: Settings) -> AsyncIterator[jmap_oauth.OpenRegistry]:
    async with await jmap_oauth.open_registry(settings) as registry:
        yield registry


async def create(server: Server, type_name: str = "OAuthClient", **given: Any) -> dict[str, Any]:
    answer = await server.set_objects("cli", type_name, {"create": {"new": given}})
    assert answer.not_created is None
    return (answer.created or {})["new"]


async def update(server: Server, id: str, type_name: str = "OAuthClient", **patch: Any) -> None:
    assert (await server.set_objects("cli", type_name, {"update": {id: patch}})).not_updated is None


async def test_a_secret_is_what_authenticates(server: Server, registry: jmap_oauth.OpenRegistry) -> None:
    await create(server, clientId="web", secret=SECRET)
    without, right = await registry.authenticate("web"), await registry.authenticate("web", secret=SECRET)

    assert (without.error, without.authenticated) == (None, False)
    assert (right.error, right.authenticated) == (None, True)
    assert await registry.authenticate("web", secret=SECRET + " ") == REFUSED


async def test_what_is_told_of_a_client_is_no_secret_and_nothing_between_administrators(
    server: Server, registry: jmap_oauth.OpenRegistry
) -> None:
    await create(server, clientId="web", secret=SECRET, owner="ops", metadata={"cost": "centre"})
    told = (await registry.authenticate("web")).client or {}

    assert told["clientId"] == "web"
    assert told.keys().isdisjoint({"secret", "metadata", "owner", "createdBy", "updatedBy"})


@pytest.mark.parametrize(
    "given",
    [
        {"clientId": "other"},
        {"isEnabled": False},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"secret": None},
        {"secret": "another secret"},
    ],
    ids=["unknown", "disabled", "expired", "public", "wrong secret"],
)
async def test_all_refusals_of_a_client_are_the_same(
    server: Server, registry: jmap_oauth.OpenRegistry, given: dict[str, Any]
) -> None:
    await create(server, **{"clientId": "web", "secret": SECRET, **given})

    assert await registry.authenticate("web", secret=SECRET) == REFUSED


@pytest.mark.parametrize("dates", [{"notBefore": "2100-01-01T00:00:00Z"}, {"expiresAt": "2020-01-01T00:00:00Z"}])
async def test_a_secret_is_good_from_its_beginning_to_its_end(
    server: Server, registry: jmap_oauth.OpenRegistry, dates: dict[str, str]
) -> None:
    client = await create(server, clientId="web", secret="the first of its secrets")
    await create(server, "OAuthClientSecret", oauthClientId=client["id"], secret=SECRET, **dates)

    assert await registry.authenticate("web", secret=SECRET) == REFUSED


async def test_a_change_by_another_server_counts_at_once_or_where_there_is_a_lag_soon(
    server: Server, registry: jmap_oauth.OpenRegistry
) -> None:
    id = (await create(server, clientId="web", secret=SECRET))["id"]
    assert (await registry.authenticate("web", secret=SECRET)).authenticated
    for patch, wanted in (
        ({"isEnabled": False}, False),
        ({"isEnabled": True}, True),
        ({"secret": "a new one"}, False),
        ({"secret": SECRET}, True),
    ):
        await update(server, id, **patch)
        async with asyncio.timeout(60):
            while (await registry.authenticate("web", secret=SECRET)).authenticated is not wanted:
                assert server.store.lag
                await asyncio.sleep(0.02)


async def test_rotation_leaves_no_moment_without_a_valid_secret(
    server: Server, registry: jmap_oauth.OpenRegistry
) -> None:
    client = await create(server, clientId="web", tokenEndpointAuthMethod="client_secret_basic")
    current, failures, asked = client["secret"], 0, 0
    done = asyncio.Event()

    async def backend() -> None:
        nonlocal failures, asked
        while not done.is_set():
            failures += not (await registry.authenticate("web", secret=current)).authenticated
            asked += 1
            await asyncio.sleep(0)  # what is remembered is answered without waiting for anything

    loop = asyncio.create_task(backend())
    for _ in range(100):
        old = await _secret_ids(server)
        new = await create(server, "OAuthClientSecret", oauthClientId=client["id"])
        current = new["secret"]
        before = asked
        while asked < before + 2:  # the backend has taken the new one
            await asyncio.sleep(0)
        await server.set_objects("cli", "OAuthClientSecret", {"destroy": old})
    done.set()
    await loop

    assert (failures, asked > 100, len(await _secret_ids(server))) == (0, True, 1)


async def _secret_ids(server: Server) -> list[str]:
    type, owner = server.model["OAuthClientSecret"], server.model["OAuthClientSecret"].by_name["oauthClientId"]
    [client] = await server.store.read(
        lambda reader: reader.find(
            server.model["OAuthClient"], server.model["OAuthClient"].by_name["clientId"], ["web"]
        )
    )
    pairs = await server.store.read(lambda reader: reader.referring(type, owner, [client["id"]], 100))
    return [id for _, id in pairs]


async def test_the_checks_run_in_their_order(server: Server, registry: jmap_oauth.OpenRegistry) -> None:
    await create(
        server,
        clientId="web",
        grantTypes={"authorization_code": True},
        redirectUris={"https://app.example/cb": True},
        scopes={"mail": True},
        allowedCorsOrigins={"https://app.example": True},
    )
    wrong: dict[str, Any] = {
        "grant_type": "client_credentials",
        "redirect_uri": "https://app.example/other",
        "scopes": ["mail", "admin"],
        "origin": "https://evil.example",
    }
    right: dict[str, Any] = {
        "grant_type": "authorization_code",
        "redirect_uri": "https://app.example/cb",
        "scopes": ["mail"],
        "origin": "https://app.example",
    }
    errors = []
    for name in (None, *wrong):
        wrong.pop(name or "", None)
        errors.append((await registry.authenticate("web", **{**right, **wrong})).error)

    assert errors == ["unauthorized_client", "invalid_request", "invalid_scope", "invalid_request", None]


async def test_a_client_without_grants_may_use_authorization_code_only(
    server: Server, registry: jmap_oauth.OpenRegistry
) -> None:
    await create(server, clientId="web")
    answers = [await registry.authenticate("web", grant_type=each) for each in ("authorization_code", "implicit")]

    assert [answer.error for answer in answers] == [None, "unauthorized_client"]


async def test_a_tenant_has_only_its_own_clients(server: Server, registry: jmap_oauth.OpenRegistry) -> None:
    tenants = [(await create(server, "Tenant", name=name))["id"] for name in ("mine", "other")]
    await create(server, clientId="web", secret=SECRET, memberTenantId=tenants[0])
    answers = [await registry.authenticate("web", secret=SECRET, tenant=each) for each in (*tenants, None)]

    assert [(answer.account_id, answer.authenticated) for answer in answers] == [
        (tenants[0], True),
        (tenants[1], False),
        ("global", True),
    ]
    assert answers[1].description == REFUSED.description


async def test_an_imported_hash_is_made_anew_by_its_first_use(server: Server, settings: Settings) -> None:
    client = await create(server, clientId="web", secret="the first of its secrets")
    hash = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(8)).decode()
    secret = await create(server, "OAuthClientSecret", oauthClientId=client["id"], secretHash=hash)
    async with await jmap_oauth.open_registry(settings) as registry:
        first = await registry.authenticate("web", secret=SECRET)
    type = server.model["OAuthClientSecret"]
    hashes = await server.store.read(lambda reader: reader.hashes(type, type.by_name["secret"], [secret["id"]]))
    async with await jmap_oauth.open_registry(settings) as registry:
        second = await registry.authenticate("web", secret=SECRET)

    assert (first.authenticated, second.authenticated) == (True, True)
    assert hashes[secret["id"]].startswith("$argon2id$")


async def test_use_is_noted_to_the_day_and_to_the_hour(server: Server, settings: Settings) -> None:
    client = await create(server, clientId="web", secret=SECRET)
    async with await jmap_oauth.open_registry(settings) as registry:
        await registry.authenticate("web", secret="wrong")
    unused = await _last_used(server, client["id"])
    async with await jmap_oauth.open_registry(settings) as registry:
        await registry.authenticate("web", secret=SECRET)
    of_client, of_secret = await _last_used(server, client["id"])

    assert unused == (None, None)
    assert (str(of_client)[10:], str(of_secret)[13:]) == ("T00:00:00Z", ":00:00Z")


@pytest.mark.parametrize(("given", "is_used"), [({"secret": SECRET}, False), ({}, True)])
async def test_who_only_asks_uses_no_client_that_has_to_authenticate(
    server: Server, settings: Settings, given: dict[str, Any], is_used: bool
) -> None:
    id = (await create(server, clientId="web", **given))["id"]
    async with await jmap_oauth.open_registry(settings) as registry:
        assert (await registry.authenticate("web")).error is None
    [client] = await server.store.read(lambda reader: reader.get(server.model["OAuthClient"], "global", [id]))
    assert (client["lastUsedAt"] is not None) is is_used


async def test_refusals_are_counted_by_their_error(server: Server) -> None:
    await create(server, clientId="web")
    for id, grant in (("web", "implicit"), ("other", "implicit"), ("other", None), ("web", None)):
        await server.registry.authenticate("global", AuthenticateArguments(client_id=id, grant_type=grant))
    assert server.registry.refusals == {"unauthorized_client": 1, "invalid_client": 2}


async def test_refusals_are_in_the_metrics(tmp_path: Path) -> None:
    async with serve_in_process(tmp_path) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        call = ("x:OAuthClient/authenticate", {"clientId": "nobody"})
        await client.post("/api", json=request_of(call, using=[*USING, METADATA]))
        figures = (await client.get("/metrics")).text
    assert 'jmap_client_refusals_total{error="invalid_client"} 1.0' in figures.splitlines()


def test_no_secret_stands_in_a_representation() -> None:
    secrets = {"secret": SECRET}
    shown = [
        AuthenticateArguments(client_id="web", secret=SECRET),
        Wish(Action.CREATE, "key", "id", secrets),
        Change(Wish(Action.CREATE, "key", "id", secrets), secrets=secrets),
        Draft({}, secrets, []),
        Filled({}, secrets),
        Touched(oauth_client(frozenset()), "id", None, None, secrets),
        Entry("web", "client 'web'", dict(secrets)),
    ]
    assert [SECRET in repr(each) for each in shown] == [False] * 7


async def test_a_scope_of_null_is_not_asked_for(registry: jmap_oauth.OpenRegistry, server: Server) -> None:
    await create(server, clientId="web")
    asked = msgspec.convert({"clientId": "web", "scopes": {"mail": None}}, AuthenticateArguments)
    assert (await server.registry.authenticate("global", asked)).error is None


async def test_a_hash_of_another_length_is_made_anew_too(server: Server, settings: Settings) -> None:
    client = await create(server, clientId="web", secret="the first of its secrets")
    hash = argon2.PasswordHasher(1, 8_192, 1, hash_len=16).hash(SECRET)
    await create(server, "OAuthClientSecret", oauthClientId=client["id"], secretHash=hash)
    like = msgspec.structs.replace(settings, argon2_memory=8_192)
    async with await jmap_oauth.open_registry(like) as registry:
        assert (await registry.authenticate("web", secret=SECRET)).authenticated
    type = server.model["OAuthClientSecret"]
    ids = await _secret_ids(server)
    hashes = await server.store.read(lambda reader: reader.hashes(type, type.by_name["secret"], ids))
    assert hash not in hashes.values()
    assert [len(each.rpartition("$")[2]) for each in hashes.values()] == [43, 43]


async def _last_used(server: Server, client_id: str) -> tuple[str | None, str | None]:
    [secret] = await _secret_ids(server)
    [client] = await server.store.read(lambda reader: reader.get(server.model["OAuthClient"], "global", [client_id]))
    [kept] = await server.store.read(lambda reader: reader.get(server.model["OAuthClientSecret"], "global", [secret]))
    return client["lastUsedAt"], kept["lastUsedAt"]


async def test_a_refusal_runs_argon2_once_however_many_secrets_there_are(
    server: Server, registry: jmap_oauth.OpenRegistry
) -> None:
    client = await create(server, clientId="web", secret=SECRET)
    for number in range(9):
        await create(server, "OAuthClientSecret", oauthClientId=client["id"], secret=f"number {number}")
    type = server.model["OAuthClientSecret"]
    ids = await _secret_ids(server)
    hashes = await server.store.read(lambda reader: reader.hashes(type, type.by_name["secret"], ids))

    assert (len(hashes), len({hash.rpartition("$")[0] for hash in hashes.values()})) == (10, 1)
    assert (await registry.authenticate("web", secret="number 8")).authenticated


async def test_what_is_too_long_to_be_registered_is_a_mistake_of_the_program(
    registry: jmap_oauth.OpenRegistry,
) -> None:
    with pytest.raises(ValueError, match="length <= 2048"):
        await registry.authenticate("x" * 3_000)
