"""Case 27: properties that are the server's, or nobody's, are refused by name, on every type and in every form.

Of the list, this product has no registration tokens; a status is only a filter, and no property.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from jmap_oauth.model.definition import Model, ObjectType, Secret
from jmap_oauth.objects import served_types
from tests.abuse.callers import INVALID, Caller, Site

MODEL = Model(served_types(frozenset()))
WRITABLE = [type for type in MODEL if not type.read_only]

NOBODYS = [
    "owner_id", "tenant", "tenantId", "accountId", "isTrusted", "trusted", "role", "admin", "isAdmin", "hash",
    "status", "secret_hash", "client_secret", "clientSecret", "registrationAccessToken", "registration_access_token",
    "state", "number", "document", "joined", "changed", "__proto__", "constructor", "prototype", "__class__",
    "__init__", "hasOwnProperty", "toString", "$set", "$where", "@type", "#ref", "", " ", "ID", "Id", "CreatedAt",
    "created_at", "clientid", "name ", "id/", "secret.hash", "a" * 10_000, "\u0456d", "createdAt\u0000",
    "createdAt\u200b",
]  # fmt: skip

VALUES: Mapping[str, Any] = {"permissions": {}, "secret": "x", "changes": {}}


def servers_own(type: ObjectType) -> list[str]:
    """Return what no request may set: what the server sets, what it hides, and the id."""
    return ["id", *(each.name for each in type.properties if each.server_set or each.hidden)]


async def an_object(site: Site, type: ObjectType) -> tuple[str, dict[str, Any]]:
    """Make an object that each type's keys may change; return its id and what is enough to create another."""
    client = await site.admin.create(clientId="first", secret="first")
    enough: dict[str, Any] = {
        "OAuthClient": {"clientId": "another"},
        "OAuthClientSecret": {"oauthClientId": client["id"]},
        "Tenant": {"name": "Another"},
        "ApiKey": {"permissions": {}},
    }[type.name]
    made = client if type.name == "OAuthClient" else await site.admin.create(f"x:{type.name}", **enough)
    return made["id"], enough


@pytest.mark.parametrize("type", WRITABLE, ids=lambda type: type.name)
async def test_case_27_what_is_the_servers_is_refused_by_name_on_create_and_update(
    site: Site, type: ObjectType
) -> None:
    id, enough = await an_object(site, type)
    before = await site.admin.get(id, f"x:{type.name}")
    for name in [*servers_own(type), *NOBODYS]:
        value = VALUES.get(name, "2020-01-01T00:00:00Z")
        [created] = await site.admin.outcomes([{**enough, name: value}], f"x:{type.name}")
        updated = await site.admin.call(f"x:{type.name}/set", update={id: {name: value}})
        refusal = updated["notUpdated"][id]

        assert created == (INVALID, name)
        assert refusal["type"] in {INVALID, "invalidPatch"}, name
        assert refusal.get("properties", [name]) == [name] or "/" in name

    assert await site.admin.get(id, f"x:{type.name}") == before


@pytest.mark.parametrize("type", WRITABLE, ids=lambda type: type.name)
async def test_case_27_what_is_immutable_cannot_be_changed(site: Site, type: ObjectType) -> None:
    id, _ = await an_object(site, type)
    for each in type.properties:
        if each.immutable:
            error = await site.admin.update(id, f"x:{type.name}", **{each.name: "another"})
            assert (error["type"], error["properties"]) == (INVALID, [each.name])


async def test_case_27_the_id_may_be_repeated_as_it_is_and_not_otherwise(admin: Caller) -> None:
    id = (await admin.create(clientId="web"))["id"]
    whole = await admin.get(id)

    assert await admin.update(id, **whole) is None
    assert (await admin.update(id, **{**whole, "id": "i" + "0" * 25}))["properties"] == ["id"]
    assert (await admin.update(id, **{**whole, "createdAt": "2020-01-01T00:00:00Z"}))["properties"] == ["createdAt"]


async def test_case_27_events_can_be_made_by_nobody(site: Site) -> None:
    there = (await site.admin.all("x:AuditEvent"))[0]["id"]
    calls: list[dict[str, Any]] = [{"create": {"a": {}}}, {"update": {there: {}}}, {"destroy": [there]}]
    answers = [await site.admin.call("x:AuditEvent/set", **arguments) for arguments in calls]

    assert [answer["type"] for answer in answers] == ["unknownMethod"] * 3


async def test_case_27_without_the_capability_metadata_cannot_be_set_either(site: Site) -> None:
    plain = replace(site.admin, using=site.admin.using[:2])
    hidden = [each.name for each in MODEL["OAuthClient"].properties if each.capability]
    found = await plain.outcomes({"clientId": f"c{n}", name: True} for n, name in enumerate(hidden))

    assert found == [(INVALID, name) for name in hidden]


async def test_case_27_a_key_gives_no_more_than_it_has(site: Site) -> None:
    """Neither permissions, nor a tenant, nor a longer life, nor more addresses; to itself no more than to others."""
    mine = {"sysApiKeyCreate", "sysApiKeyUpdate", "sysApiKeyGet"}
    limits: dict[str, Any] = {"expiresAt": "2090-01-01T00:00:00Z", "allowedIps": {"127.0.0.0/8": True}}
    made = await site.admin.create(
        "x:ApiKey", memberTenantId=site.one.account, permissions=dict.fromkeys(mine, True), **limits
    )
    caller = Caller(site.admin.http, made["secret"], site.one.account)
    beyond: list[dict[str, Any]] = [
        {**limits, "permissions": {"sysOAuthClientGet": True}},
        {**limits, "permissions": {"sysMetricsGet": True}},
        {"allowedIps": limits["allowedIps"]},
        {"expiresAt": limits["expiresAt"]},
        {**limits, "expiresAt": "2090-01-01T00:00:01Z"},
        {**limits, "allowedIps": {"0.0.0.0/0": True}},
    ]
    created = await caller.outcomes(beyond, "x:ApiKey")
    updated = [
        await caller.update(made["id"], "x:ApiKey", **patch)
        for patch in ({"permissions/sysTenantGet": True}, {"expiresAt": None})
    ]
    tenants = [site.two.account, "i" + "0" * 25, None]
    foreign = await caller.outcomes([{**limits, "memberTenantId": tenant} for tenant in tenants], "x:ApiKey")

    assert created == [("forbidden",)] * len(beyond)
    assert [each["type"] for each in updated] == ["forbidden"] * 2
    assert foreign == [("forbidden",), ("forbidden",), (INVALID, "memberTenantId")]


async def test_case_27_a_tenant_cannot_raise_its_quota(site: Site) -> None:
    change = {"update": {site.one.account: {"quotas": {"maxOauthClients": 1_000_000}}}}

    assert (await site.one.call("x:Tenant/set", **change))["type"] == "forbidden"


def test_case_27_no_type_takes_a_hash_but_for_secrets() -> None:
    taking = [(type.name, each.name) for type in MODEL for each in type.properties if each.secret is Secret.HASH]

    assert taking == [("OAuthClientSecret", "secretHash")]
