"""x:OAuthClient in the whole server: every property of the metadata capability through its life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from jmap_oauth.objects.oauth_client_metadata import METADATA
from tests.objects.test_jwks import P256, P384
from tests.objects.test_oauth_client_metadata import EVERYWHERE, LIFESPANS, OWN, SERVER_SET, members
from tests.support.served import ADMIN_KEY, USING, request_of, serve_in_process

KEYS, OTHER_KEYS = {"keys": [P256]}, {"keys": [P384]}
CB = "https://app.example/cb"
ASKED = "https://app.example/request"


@dataclass(frozen=True)
class Life:
    """A value on create, a patch and what it makes of the value, what null makes of it, and a wrong value.

    `beside` is what else the client needs from the begin."""

    first: Any
    patch: dict[str, Any]
    patched: Any
    cleared: Any
    wrong: Any
    beside: dict[str, Any] = field(default_factory=dict)


def text(name: str, first: str, then: str, wrong: Any, **beside: Any) -> tuple[str, Life]:
    return name, Life(first, {name: then}, then, None, wrong, beside)


def flag(name: str, *, default: bool = False) -> tuple[str, Life]:
    return name, Life(not default, {name: default}, default, default, "yes")


def many(name: str, first: str, then: str, wrong: str) -> tuple[str, Life]:
    pointer = f"{name}/{then.replace('~', '~0').replace('/', '~1')}"
    return name, Life(members(first), {pointer: True}, members(first, then), {}, members(wrong))


BY_KEY = {"tokenEndpointAuthMethod": "private_key_jwt", "jwksUri": "https://app.example/jwks"}

LIVES = dict(
    [
        text("clientName", "Portal", "New portal", "a\u202eb"),
        text("owner", "us", "them", ""),
        many("grantTypes", "authorization_code", "refresh_token", "magic"),
        many("responseTypes", "code", "id_token", "token code"),
        many("scopes", "openid", "a/b", "two words"),
        many("audience", "https://api.example/", "api~1", ""),
        many("allowedCorsOrigins", "https://app.example", "https://b.example:8443", "null"),
        text("clientUri", "https://app.example/", "http://b.example/", "javascript:alert(1)"),
        text("policyUri", "https://app.example/", "http://b.example/", "javascript:alert(1)"),
        text("tosUri", "https://app.example/", "http://b.example/", "javascript:alert(1)"),
        (
            "tokenEndpointAuthMethod",
            Life("private_key_jwt", {"tokenEndpointAuthMethod": "none"}, "none", "none", "any", {"jwks": KEYS}),
        ),
        text("tokenEndpointAuthSigningAlg", "RS256", "ES256", "HS256", **BY_KEY),
        ("jwks", Life(KEYS, {"jwks": OTHER_KEYS}, OTHER_KEYS, None, {"keys": [{**P256, "d": "x"}]})),
        text("jwksUri", "https://app.example/jwks", "https://app.example/keys", "https://localhost/jwks"),
        flag("requirePkce"),
        ("subjectType", Life("pairwise", {"subjectType": "public"}, "public", "public", "private")),
        text("sectorIdentifierUri", "https://app.example/a", "https://app.example/b", "http://app.example/a"),
        many("requestUris", ASKED, f"{ASKED}#hash", "https://10.0.0.1/"),
        text("requestObjectSigningAlg", "none", "ES256", "HS256"),
        text("userinfoSignedResponseAlg", "RS256", "ES256", "none"),
        text("frontchannelLogoutUri", "https://app.example/a", "https://app.example/b", "https://evil.example/"),
        flag("frontchannelLogoutSessionRequired"),
        text("backchannelLogoutUri", "https://app.example/a", "https://b.example/b", "https://169.254.169.254/"),
        flag("backchannelLogoutSessionRequired"),
        text("accessTokenStrategy", "jwt", "opaque", "JWT"),
        flag("skipConsent"),
        ("skipLogoutConsent", Life(True, {"skipLogoutConsent": False}, False, None, "yes")),
        ("metadata", Life({"a": [1]}, {"metadata/b": {"c": None}}, {"a": [1], "b": {"c": None}}, {}, [1])),
        flag("isEnabled", default=True),
        flag("isProtected"),
        many("postLogoutRedirectUris", CB, "https://app.example/bye", "https://evil.example/"),
        *((name, Life(0, {name: 3_600_000}, 3_600_000, None, -1)) for name in LIFESPANS),
    ]
)


@dataclass
class Admin:
    """An administrator's client of a whole server."""

    http: httpx.AsyncClient

    async def call(self, name: str, *, extra: bool = True, **arguments: Any) -> Any:
        using = [*USING, METADATA] if extra else USING
        key = {"Authorization": f"Bearer {ADMIN_KEY}"}
        request = request_of((f"x:OAuthClient/{name}", arguments), using=using)
        response = await self.http.post("/api", json=request, headers=key)
        return response.json()["methodResponses"][0][1]

    async def create(self, *, extra: bool = True, **given: Any) -> Any:
        answer = await self.call("set", extra=extra, create={"new": {"clientId": "portal", **given}})
        assert answer["notCreated"] is None, answer
        return answer["created"]["new"]

    async def update(self, id: str, patch: dict[str, Any], *, extra: bool = True) -> Any:
        answer = await self.call("set", extra=extra, update={id: patch})
        assert answer["notUpdated"] is None, answer
        return answer["updated"][id]

    async def refusal(self, id: str, patch: dict[str, Any], *, extra: bool = True) -> Any:
        answer = await self.call("set", extra=extra, update={id: patch})
        return answer["notUpdated"][id]

    async def get(self, id: str, *names: str, extra: bool = True) -> Any:
        answer = await self.call("get", extra=extra, ids=[id], properties=list(names) or None)
        return answer["list"][0]


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with serve_in_process(tmp_path) as http:
        yield Admin(http)


def test_every_property_has_a_life_here() -> None:
    assert LIVES.keys() == OWN.keys() - {*SERVER_SET}


@pytest.mark.parametrize("name", LIVES)
async def test_property_is_set_read_patched_cleared_and_refused(admin: Admin, name: str) -> None:
    life = LIVES[name]
    id = (await admin.create(redirectUris=members(CB), **life.beside, **{name: life.first}))["id"]
    assert await admin.get(id, name) == {"id": id, name: life.first}
    await admin.update(id, life.patch)
    assert await admin.get(id, name) == {"id": id, name: life.patched}
    refusal = await admin.refusal(id, {name: life.wrong})
    assert (refusal["type"], refusal["properties"]) == ("invalidProperties", [name])
    assert await admin.get(id, name) == {"id": id, name: life.patched}
    await admin.update(id, {name: None})
    assert await admin.get(id, name) == {"id": id, name: life.cleared}


@pytest.mark.parametrize("name", OWN)
async def test_without_the_capability_there_is_no_such_property(admin: Admin, name: str) -> None:
    id = (await admin.create(redirectUris=members(CB)))["id"]
    assert name not in await admin.get(id, extra=False)
    assert (await admin.call("get", extra=False, ids=[id], properties=[name]))["type"] == "invalidArguments"
    refusal = await admin.refusal(id, {name: None}, extra=False)
    assert (refusal["type"], refusal["properties"]) == ("invalidProperties", [name])


async def test_clients_that_know_nine_properties_see_and_need_no_other(admin: Admin) -> None:
    created = await admin.create(extra=False, contacts={}, redirectUris={})
    assert created.keys() == {"id", "createdAt"}
    seen = await admin.get(created["id"], extra=False)
    assert seen.keys() == {"id", *EVERYWHERE}
    unchanged = {name: value for name, value in seen.items() if name not in {"id", "createdAt"}}
    assert await admin.update(created["id"], unchanged, extra=False) is None


async def test_a_client_that_is_sent_back_as_it_was_read_is_not_changed(admin: Admin) -> None:
    id = (await admin.create(redirectUris=members(CB), secret="s3cret-of-a-client", jwks=KEYS))["id"]
    whole = await admin.get(id)
    assert whole.keys() == {"id", *EVERYWHERE, *OWN}
    state = (await admin.call("get", ids=[]))["state"]
    assert await admin.update(id, whole) is None
    assert (await admin.call("get", ids=[]))["state"] == state


async def test_a_new_client_tells_what_the_server_chose(admin: Admin) -> None:
    created = await admin.create()
    assert created.pop("id")
    assert created == {
        "createdAt": created["createdAt"],
        "updatedAt": created["createdAt"],
        "createdBy": created["createdBy"],
        "updatedBy": created["createdBy"],
        "requirePkce": True,
    }


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_secret_that_the_method_needs_is_made_and_shown_once(admin: Admin, method: str) -> None:
    created = await admin.create(tokenEndpointAuthMethod=method)
    assert created["secret"].startswith("jmo_secret_")
    assert await admin.get(created["id"], "secret") == {"id": created["id"], "secret": "****"}


async def test_a_method_that_needs_a_secret_brings_one_to_an_old_client(admin: Admin) -> None:
    id = (await admin.create())["id"]
    updated = await admin.update(id, {"tokenEndpointAuthMethod": "client_secret_post"})
    assert updated["secret"].startswith("jmo_secret_")


async def test_the_method_follows_the_secret_for_those_who_do_not_see_it(admin: Admin) -> None:
    id = (await admin.create(extra=False))["id"]
    for secret, method in (("s3cret-of-a-client", "client_secret_basic"), (None, "none")):
        await admin.update(id, {"secret": secret}, extra=False)
        assert (await admin.get(id, "tokenEndpointAuthMethod"))["tokenEndpointAuthMethod"] == method
    assert (await admin.get(id, "requirePkce"))["requirePkce"] is True


async def test_what_is_not_seen_is_not_blamed(admin: Admin) -> None:
    id = (await admin.create(redirectUris=members(CB), postLogoutRedirectUris=members(CB)))["id"]
    refusal = await admin.refusal(id, {"redirectUris": {}}, extra=False)
    assert refusal["properties"] == ["redirectUris"]


async def test_a_protected_client_is_kept_until_it_is_set_free(admin: Admin) -> None:
    id = (await admin.create(isProtected=True))["id"]
    assert (await admin.call("set", destroy=[id]))["notDestroyed"][id]["type"] == "forbidden"
    await admin.update(id, {"isProtected": False})
    assert (await admin.call("set", destroy=[id]))["destroyed"] == [id]


async def test_the_search_finds_names_of_clients(admin: Admin) -> None:
    id = (await admin.create(clientName="Größe der Dinge"))["id"]
    assert (await admin.call("query", filter={"text": "GROSSE din"}, extra=False))["ids"] == [id]
    assert (await admin.call("query", filter={"text": "inge"}))["ids"] == []


async def test_clients_are_found_by_owner_and_sorted_by_name_and_dates(admin: Admin) -> None:
    ids = [
        (await admin.create(clientId=name, clientName=name, owner=owner))["id"]
        for name, owner in (("b", "us"), ("a", "us"), ("c", "them"))
    ]
    found = await admin.call("query", filter={"owner": "us"}, sort=[{"property": "clientName"}])
    assert found["ids"] == [ids[1], ids[0]]
    for name in ("updatedAt", "lastUsedAt"):
        assert (await admin.call("query", sort=[{"property": name}]))["ids"] == sorted(ids)


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        ("unsupportedFilter", {"filter": {"owner": "us"}}),
        ("unsupportedSort", {"sort": [{"property": "clientName"}]}),
    ],
)
async def test_without_the_capability_nobody_asks_by_them(admin: Admin, error: str, asked: dict[str, Any]) -> None:
    assert (await admin.call("query", extra=False, **asked))["type"] == error
