"""x:OAuthClientSecret in the whole server: several secrets of a client, rotation, and the view that it shows."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
from argon2 import PasswordHasher

from jmap_oauth.access.hashing import is_made
from jmap_oauth.model.definition import MASK, Flaw
from jmap_oauth.model.validate import draft_changed, draft_new
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.objects.oauth_client_rules import SECRET_PREFIX
from jmap_oauth.objects.oauth_client_secret import MOST_SECRETS, oauth_client_secret
from tests.support.served import ADMIN_KEY, USING, request_of, serve_in_process
from tests.support.stores import look

TYPE = oauth_client_secret()
PAST, SOON, LATER = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z"
BASIC = "client_secret_basic"


@dataclass(frozen=True)
class Caller:
    """A client of the server with a key, who names the metadata capability."""

    http: httpx.AsyncClient
    key: str
    database: Path

    async def ask(self, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
        body = request_of(*calls, using=[*USING, METADATA])
        response = await self.http.post("/api", json=body, headers={"Authorization": f"Bearer {self.key}"})
        return [answer for _, answer, _ in response.json()["methodResponses"]]

    async def set(self, type: str, **arguments: Any) -> Any:
        return (await self.ask((f"x:{type}/set", arguments)))[0]

    async def create(self, type: str, **values: Any) -> Any:
        """Create an object and return what is told of it."""
        answer = await self.set(type, create={"new": values})
        assert answer["notCreated"] is None, answer
        return answer["created"]["new"]

    async def add(self, client: str, **values: Any) -> Any:
        return await self.create("OAuthClientSecret", oauthClientId=client, **values)

    async def update(self, type: str, id: str, **patch: Any) -> Any:
        answer = await self.set(type, update={id: patch})
        assert answer["notUpdated"] is None, answer
        return answer["updated"][id]

    async def read(self, type: str, *ids: str) -> list[Any]:
        found: list[Any] = (await self.ask((f"x:{type}/get", {"ids": list(ids) or None})))[0]["list"]
        return found

    async def view(self, client: str) -> tuple[str | None, str]:
        """Return what a client shows of its secrets, and how it authenticates."""
        [found] = await self.read("OAuthClient", client)
        return found["secret"], found["tokenEndpointAuthMethod"]

    async def states(self) -> list[str]:
        types = ("OAuthClient", "OAuthClientSecret")
        return [each["state"] for each in await self.ask(*((f"x:{type}/get", {"ids": []}) for type in types))]

    def hashes(self) -> list[str]:
        return [str(hash) for (hash,) in look(self.database, 'SELECT secret FROM "OAuthClientSecret" ORDER BY id')]


@pytest.fixture
async def root(tmp_path: Path) -> AsyncIterator[Caller]:
    async with serve_in_process(tmp_path) as http:
        yield Caller(http, ADMIN_KEY, tmp_path / "test.db")


async def tenant_of(root: Caller, name: str) -> Caller:
    """Make a tenant, and return a caller with a key of it and all permissions that it can use."""
    tenant = (await root.create("Tenant", name=name))["id"]
    [own] = [each for each in await root.read("ApiKey") if each["memberTenantId"] is None]
    key = await root.create("ApiKey", memberTenantId=tenant, permissions=own["permissions"])
    return Caller(root.http, key["secret"], root.database)


def is_behind(hash: str, plain: str) -> bool:
    try:
        return PasswordHasher().verify(hash, plain)
    except Exception:
        return False


# secrets that clients choose, and those that the server makes


async def test_a_secret_that_nobody_chose_is_made_and_shown_once(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    made = await root.add(client, label="second")
    [kept] = await root.read("OAuthClientSecret", made["id"])
    assert is_made(made["secret"], SECRET_PREFIX)
    assert made["hint"] == made["secret"][-4:]
    assert kept == {
        "id": made["id"], "oauthClientId": client, "label": "second", "secret": MASK, "hint": made["hint"],
        "notBefore": None, "expiresAt": None, "createdAt": made["createdAt"], "lastUsedAt": None,
    }  # fmt: skip


async def test_a_client_that_needs_a_secret_gets_one_that_is_shown_once(root: Caller) -> None:
    made = await root.create("OAuthClient", clientId="a", tokenEndpointAuthMethod=BASIC)
    [secret] = await root.read("OAuthClientSecret")
    assert is_made(made["secret"], SECRET_PREFIX)
    assert secret["hint"] == made["secret"][-4:]
    assert await root.view(made["id"]) == (MASK, BASIC)
    assert is_behind(root.hashes()[0], made["secret"])


async def test_a_chosen_secret_has_no_hint_and_is_not_told(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    made = await root.add(client, secret="second")
    assert made.keys() == {"id", "createdAt"}
    assert {each["hint"] for each in await root.read("OAuthClientSecret")} == {None}


async def test_all_secrets_of_a_client_share_a_salt(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.set("OAuthClientSecret", create={name: {"oauthClientId": client} for name in "bcd"})
    await root.create("OAuthClient", clientId="b", secret="first")
    salts = [hash.rpartition("$")[0] for hash in root.hashes()]
    assert (len(salts), len(set(salts))) == (5, 2)


# rotation and the view of the client


async def test_a_rotation_is_one_call_that_makes_a_secret_and_gives_the_old_one_an_end(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="old"))["id"]
    [old] = await root.read("OAuthClientSecret")
    answer = await root.set(
        "OAuthClientSecret", create={"new": {"oauthClientId": client}}, update={old["id"]: {"expiresAt": SOON}}
    )
    assert is_made(answer["created"]["new"]["secret"], SECRET_PREFIX)
    assert answer["updated"] == {old["id"]: None}
    assert [each["expiresAt"] for each in await root.read("OAuthClientSecret")] == [SOON, None]
    assert len(root.hashes()) == 2


async def test_a_client_and_its_secret_are_created_in_one_request(root: Caller) -> None:
    first, second = await root.ask(
        ("x:OAuthClient/set", {"create": {"c": {"clientId": "a", "secret": "first"}}}),
        ("x:OAuthClientSecret/set", {"create": {"s": {"oauthClientId": "#c"}}}),
    )
    secrets = await root.read("OAuthClientSecret")
    assert {each["oauthClientId"] for each in secrets} == {first["created"]["c"]["id"]}
    assert second["created"]["s"]["id"] in {each["id"] for each in secrets}


@pytest.mark.parametrize("given", [MASK, "first", "second"])
async def test_a_valid_secret_given_again_changes_nothing(root: Caller, given: str) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.add(client, secret="second")
    before = (await root.states(), root.hashes(), await root.read("AuditEvent"))
    assert await root.update("OAuthClient", client, secret=given) is None
    assert (await root.states(), root.hashes(), await root.read("AuditEvent")) == before


async def test_twelve_who_replace_a_secret_at_once_all_succeed(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    texts = [f"number {number}" for number in range(12)]
    await asyncio.gather(*(root.update("OAuthClient", client, secret=text) for text in texts))
    [hash] = root.hashes()
    assert sum(is_behind(hash, text) for text in texts) == 1


async def test_another_secret_replaces_all(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.add(client, secret="second")
    salt = root.hashes()[0].rpartition("$")[0]
    await root.update("OAuthClient", client, secret="third")
    [hash] = root.hashes()
    assert is_behind(hash, "third")
    assert not hash.startswith(salt)


@pytest.mark.parametrize("dates", [{"expiresAt": PAST}, {"notBefore": SOON}])
async def test_a_secret_that_is_not_valid_now_can_be_given_anew(root: Caller, dates: dict[str, str]) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.add(client, secret="second", **dates)
    await root.update("OAuthClient", client, secret="second")
    [secret] = await root.read("OAuthClientSecret")
    assert (secret["expiresAt"], secret["notBefore"], is_behind(root.hashes()[0], "second")) == (None, None, True)


async def test_null_removes_all_secrets_and_makes_the_client_public(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.add(client)
    await root.update("OAuthClient", client, secret=None)
    assert (await root.view(client), await root.read("OAuthClientSecret")) == ((None, "none"), [])


# what is refused


def invalid(property: str, reason: str) -> dict[str, Any]:
    return {
        "type": "invalidProperties",
        "description": f"{property} {reason}.",
        "properties": [property],
        "validationErrors": [{"type": "Invalid", "property": property, "value": reason}],
    }


async def test_the_last_valid_secret_of_a_client_that_needs_one_stays_until_its_method_is_changed(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.add(client, expiresAt=PAST)
    first, expired = [each["id"] for each in sorted(await root.read("OAuthClientSecret"), key=lambda each: each["id"])]
    answer = await root.set("OAuthClientSecret", destroy=[first, expired])
    reason = "is a client that needs a secret, and this is its last one that is valid"
    assert (answer["destroyed"], answer["notDestroyed"]) == ([expired], {first: invalid("oauthClientId", reason)})
    await root.update("OAuthClient", client, tokenEndpointAuthMethod="none")
    assert (await root.set("OAuthClientSecret", destroy=[first]))["destroyed"] == [first]
    assert await root.view(client) == (None, "none")


@pytest.mark.parametrize("dates", [{"expiresAt": PAST}, {"notBefore": SOON}])
async def test_the_last_valid_secret_cannot_be_dated_out_of_now(root: Caller, dates: dict[str, str]) -> None:
    await root.create("OAuthClient", clientId="a", secret="first")
    [id] = [each["id"] for each in await root.read("OAuthClientSecret")]
    answer = await root.set("OAuthClientSecret", update={id: dates})
    reason = "must not end it now: its client needs a secret, and this is its last one that is valid"
    assert answer["notUpdated"] == {id: invalid(next(iter(dates)), reason)}
    assert await root.update("OAuthClientSecret", id, expiresAt=SOON, label="old") is None


async def test_a_rotation_whose_new_secret_is_refused_does_not_end_the_old_one(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    [old] = [each["id"] for each in await root.read("OAuthClientSecret")]
    wish = {"oauthClientId": client, "label": 5}
    answer = await root.set("OAuthClientSecret", create={"new": wish}, update={old: {"expiresAt": PAST}})
    assert ([*answer["notCreated"]], [*answer["notUpdated"]]) == (["new"], [old])


async def test_a_secret_can_be_exchanged_for_another_in_one_call(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    [first] = [each["id"] for each in await root.read("OAuthClientSecret")]
    answer = await root.set("OAuthClientSecret", create={"new": {"oauthClientId": client}}, destroy=[first])
    assert (list(answer["created"]), answer["destroyed"]) == (["new"], [first])


async def test_a_client_that_does_not_authenticate_gets_no_secret(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a"))["id"]
    answer = await root.set("OAuthClientSecret", create={"new": {"oauthClientId": client}})
    reason = "is a client that does not authenticate with a secret"
    assert answer["notCreated"] == {"new": invalid("oauthClientId", reason)}


async def test_a_client_has_only_so_many_secrets(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    wishes = {f"n{number}": {"oauthClientId": client} for number in range(MOST_SECRETS)}
    answer = await root.set("OAuthClientSecret", create=wishes)
    assert len(answer["created"]) == MOST_SECRETS - 1
    assert [*answer["notCreated"].values()] == [invalid("oauthClientId", "is a client with 20 secrets already")]


async def test_expired_secrets_make_room_for_new_ones_the_oldest_first(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    wish = {"oauthClientId": client, "expiresAt": PAST}
    old = await root.set("OAuthClientSecret", create={f"n{number}": wish for number in range(MOST_SECRETS - 1)})
    ids = sorted(each["id"] for each in old["created"].values())
    new = (await root.add(client))["id"]
    kept = {each["id"] for each in await root.read("OAuthClientSecret")}
    assert (len(kept), new in kept, {*ids} - kept) == (MOST_SECRETS, True, {ids[0]})
    events = [(each["objectId"], each["action"]) for each in await root.read("AuditEvent")]
    assert (ids[0], "destroy") in events


async def test_what_made_room_cannot_be_changed_in_the_same_call(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    wish = {"oauthClientId": client, "expiresAt": PAST}
    old = await root.set("OAuthClientSecret", create={f"n{number}": wish for number in range(MOST_SECRETS - 1)})
    first = min(each["id"] for each in old["created"].values())
    answer = await root.set(
        "OAuthClientSecret", create={"new": {"oauthClientId": client}}, update={first: {"expiresAt": None}}
    )
    assert (answer["notCreated"], answer["notUpdated"][first]["type"]) == (None, "notFound")
    assert len(await root.read("OAuthClientSecret")) == MOST_SECRETS


# secrets that sleep while the method needs none


def stamp_of(updated: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of the time of a change, which is something only if that is in another second."""
    return {name: value for name, value in updated.items() if name == "updatedAt"}


async def test_a_new_secret_wakes_the_method_of_a_client_whose_old_one_sleeps(root: Caller) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.update("OAuthClient", client, tokenEndpointAuthMethod="none")
    updated = await root.update("OAuthClient", client, secret="second")
    assert updated == {"tokenEndpointAuthMethod": BASIC, **stamp_of(updated)}
    assert [is_behind(hash, "second") for hash in root.hashes()] == [True]


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
async def test_a_new_secret_beside_a_method_without_one_is_refused(root: Caller, method: str) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    patch = {"tokenEndpointAuthMethod": method, "jwksUri": "https://a.example/keys", "secret": "second"}
    answer = await root.set("OAuthClient", update={client: patch})
    assert answer["notUpdated"][client]["properties"] == ["secret"]


@pytest.mark.parametrize("dates", [{}, {"expiresAt": PAST}])
async def test_a_method_that_needs_a_secret_again_gets_a_new_one_that_replaces_all(
    root: Caller, dates: dict[str, str]
) -> None:
    client = (await root.create("OAuthClient", clientId="a", secret="first"))["id"]
    await root.update("OAuthClient", client, tokenEndpointAuthMethod="none")
    [old] = [each["id"] for each in await root.read("OAuthClientSecret")]
    await root.update("OAuthClientSecret", old, **dates)
    made = await root.update("OAuthClient", client, tokenEndpointAuthMethod=BASIC)
    assert [is_behind(hash, made["secret"]) for hash in root.hashes()] == [True]


# hashes that were made elsewhere

SHA256 = hashlib.pbkdf2_hmac("sha256", b"open", b"saltsalt", 10_000)


@pytest.mark.parametrize(
    "hash",
    [
        PasswordHasher(memory_cost=8_192, time_cost=1, parallelism=1).hash("open"),
        bcrypt.hashpw(b"open", bcrypt.gensalt(8)).decode(),
        f"pbkdf2_sha256$10000$saltsalt${b64encode(SHA256).decode()}",
    ],
    ids=["argon2id", "bcrypt", "pbkdf2"],
)
async def test_a_hash_is_taken_never_shown_and_its_secret_is_known(root: Caller, hash: str) -> None:
    client = (await root.create("OAuthClient", clientId="a", tokenEndpointAuthMethod=BASIC))["id"]
    made = await root.add(client, secretHash=hash)
    [kept] = await root.read("OAuthClientSecret", made["id"])
    assert (made.keys(), kept["secret"], kept["hint"], "secretHash" in kept) == (
        {"id", "createdAt"},
        MASK,
        None,
        False,
    )
    assert hash in root.hashes()
    before = await root.states()
    assert await root.update("OAuthClient", client, secret="open") is None
    assert await root.states() == before


@pytest.mark.parametrize(
    "hash",
    ["", "plain", "5f4dcc3b5aa765d61d8327deb882cf99", "$1$salt$hash", PasswordHasher(1, 8, 1).hash("open")],
    ids=["empty", "plain", "md5", "md5crypt", "cheap argon2id"],
)
def test_what_is_no_strong_hash_is_refused(hash: str) -> None:
    [flaw] = draft_new(TYPE, {"oauthClientId": "i1", "secretHash": hash}, frozenset({METADATA})).flaws
    assert flaw.property == "secretHash"
    assert not hash or hash not in flaw.reason


# values


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({}, "oauthClientId"),
        ({"oauthClientId": "i1", "secret": None}, "secret"),
        ({"oauthClientId": "i1", "secret": ""}, "secret"),
        ({"oauthClientId": "i1", "secret": MASK}, "secret"),
        ({"oauthClientId": "i1", "secret": "x" * 1_025}, "secret"),
        ({"oauthClientId": "i1", "label": "x" * 256}, "label"),
        ({"oauthClientId": "i1", "hint": "abcd"}, "hint"),
        ({"oauthClientId": "i1", "lastUsedAt": PAST}, "lastUsedAt"),
        ({"oauthClientId": "i1", "createdAt": PAST}, "createdAt"),
        ({"oauthClientId": "i1", "memberTenantId": None}, "memberTenantId"),
        ({"oauthClientId": "i1", "notBefore": SOON, "expiresAt": SOON}, "expiresAt"),
    ],
)
def test_a_wrong_value_is_refused_by_name(given: dict[str, Any], property: str) -> None:
    assert [flaw.property for flaw in draft_new(TYPE, given, frozenset({METADATA})).flaws] == [property]


def test_dates_may_be_moved_as_long_as_they_leave_time_between_them() -> None:
    old = {"id": "i1"} | draft_new(TYPE, {"oauthClientId": "i1", "notBefore": SOON}, frozenset()).record
    assert draft_changed(TYPE, old, {"expiresAt": LATER}, frozenset()).flaws == []
    refused = draft_changed(TYPE, old, {"expiresAt": SOON}, frozenset())
    assert refused.flaws == [Flaw("expiresAt", "must be after notBefore")]


# tenants


async def test_a_tenant_sees_and_changes_the_secrets_of_its_clients_only(root: Caller) -> None:
    red, blue = await tenant_of(root, "red"), await tenant_of(root, "blue")
    client = (await red.create("OAuthClient", clientId="a", secret="first"))["id"]
    [secret] = [each["id"] for each in await red.read("OAuthClientSecret")]
    before = await blue.states()
    assert await blue.read("OAuthClientSecret", secret) == []
    answer = await blue.set(
        "OAuthClientSecret",
        create={"new": {"oauthClientId": client}},
        update={secret: {"expiresAt": PAST}},
        destroy=[secret],
    )
    assert answer["notCreated"]["new"]["type"] == "invalidForeignKey"
    assert answer["notUpdated"] == answer["notDestroyed"] == {secret: {"type": "notFound"}}
    [query] = await blue.ask(("x:OAuthClientSecret/query", {"filter": {"oauthClientId": client}}))
    assert (query["ids"], await blue.states()) == ([], before)


async def test_secrets_move_with_their_client_and_go_with_it(root: Caller) -> None:
    red, blue = await tenant_of(root, "red"), await tenant_of(root, "blue")
    client = (await red.create("OAuthClient", clientId="a", secret="first"))["id"]
    [secret] = await red.read("OAuthClientSecret")
    [tenant] = [each["id"] for each in await blue.read("Tenant")]
    before = [await each.states() for each in (root, red, blue)]
    await root.update("OAuthClient", client, memberTenantId=tenant)
    moved = [await each.states() for each in (root, red, blue)]
    assert (await red.read("OAuthClientSecret"), await blue.read("OAuthClientSecret")) == ([], [secret])
    assert (await blue.set("OAuthClient", destroy=[client]))["destroyed"] == [client]
    assert (await root.read("OAuthClientSecret"), await red.states()) == ([], moved[1])
    gone = [await each.states() for each in (root, red, blue)]
    assert all(len({*states}) == 3 for states in zip(before[0], moved[0], gone[0], strict=True))
    assert all(len({*states}) == 3 for states in zip(before[2], moved[2], gone[2], strict=True))
