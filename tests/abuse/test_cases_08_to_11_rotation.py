"""Cases 8 to 11: what is remembered of secrets, when they begin and end, and what goes wrong while they rotate.

Of the list, this product has no idempotency keys: what is created twice is refused for its clientId (10). A crash
between a write and its answer is tests/process/test_kill.py. All dates are UTC, so there is no daylight saving (9).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import jmap_oauth
from jmap_oauth.access.proven import Proven
from jmap_oauth.app import Server
from jmap_oauth.config import Settings
from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.objects.registry import AuthenticateArguments, Registry
from tests.abuse.callers import INVALID, UNKNOWN, Caller, Site
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, serve_process

SECRET = "correct horse battery staple"
TYPE = "x:OAuthClientSecret"
PAST = "2020-01-01T00:00:00Z"
FUTURE = "2100-01-01T00:00:00Z"


@dataclass(frozen=True)
class Remembered:
    """A client with two secrets, of which SECRET is remembered by whoever answers."""

    admin: Caller
    client: str
    secret: str
    tenant: str


async def remember(admin: Caller, *others: Caller) -> Remembered:
    """Make a client with two secrets, and have everyone remember one."""
    tenant = await admin.create("x:Tenant", name="Three")
    client = await admin.create(clientId="web", secret="the other")
    secret = await admin.create(TYPE, oauthClientId=client["id"], secret=SECRET)
    for caller in (admin, *others):
        assert (await caller.authenticate("web", SECRET))["authenticated"]
    return Remembered(admin, client["id"], secret["id"], tenant["id"])


ENDS: dict[str, Callable[[Remembered], Any]] = {
    "replaced": lambda it: it.admin.update(it.client, secret="a new one"),
    "removed": lambda it: it.admin.update(it.client, secret=None),
    "revoked": lambda it: it.admin.destroy(it.secret, TYPE),
    "expired": lambda it: it.admin.update(it.secret, TYPE, expiresAt=PAST),
    "put off": lambda it: it.admin.update(it.secret, TYPE, notBefore=FUTURE),
    "client disabled": lambda it: it.admin.update(it.client, isEnabled=False),
    "client expired": lambda it: it.admin.update(it.client, expiresAt=PAST),
    "client renamed": lambda it: it.admin.update(it.client, clientId="other"),
    "client made public": lambda it: it.admin.update(it.client, tokenEndpointAuthMethod="none"),
    "client destroyed": lambda it: it.admin.destroy(it.client),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_case_08_what_is_remembered_ends_at_once_here_and_in_other_servers(
    site: Site, settings: Settings, end: Callable[[Remembered], Any]
) -> None:
    async with await jmap_oauth.open_registry(settings) as other:
        it = await remember(site.admin)
        before = await other.authenticate("web", secret=SECRET)
        assert await end(it) is None

        assert before.authenticated
        assert await site.admin.authenticate("web", SECRET) == UNKNOWN
        assert (await other.authenticate("web", secret=SECRET)).error == UNKNOWN["error"]


async def test_case_08_what_one_process_revokes_another_forgets_at_once(tmp_path: Path) -> None:
    with serve_process(tmp_path, *QUICK_FLAGS) as one, serve_process(tmp_path, *QUICK_FLAGS) as two:
        async with one.client() as first, two.client() as second:
            here, there = Caller(first, ADMIN_KEY), Caller(second, ADMIN_KEY)
            it = await remember(here, there)
            found = [await there.authenticate("web", SECRET)]
            for end in (ENDS["revoked"], ENDS["client disabled"]):
                await end(it)
                found += [await there.authenticate("web", SECRET), await there.authenticate("web", "the other")]

    assert [each["authenticated"] for each in found] == [True, False, True, False, False]


async def test_case_08_what_is_remembered_is_of_one_tenant(site: Site) -> None:
    """A client that moves is good in the account it joins at once, and no more in the one it leaves."""
    id = (await site.one.create(clientId="web", secret=SECRET))["id"]
    assert (await site.one.authenticate("web", SECRET))["authenticated"]
    before = await site.two.authenticate("web", SECRET)
    await site.admin.update(id, memberTenantId=site.two.account)

    assert before == UNKNOWN
    assert await site.one.authenticate("web", SECRET) == UNKNOWN
    assert (await site.two.authenticate("web", SECRET))["authenticated"]


async def test_case_08_a_failure_is_never_remembered_as_a_success(site: Site) -> None:
    await site.admin.create(clientId="web", secret=SECRET)
    for _ in range(3):
        assert await site.admin.authenticate("web", "wrong") == UNKNOWN
        assert (await site.admin.authenticate("web", SECRET))["authenticated"]


def test_case_08_what_is_remembered_is_bounded_in_number_and_time() -> None:
    time = [0.0]
    proven = Proven(seconds=10, capacity=3, clock=lambda: time[0])
    for number in range(5):
        proven.add(f"plain {number}", "hash")
    found = [proven.find(f"plain {number}", ["hash"]) for number in range(5)]
    time[0] = 10

    assert found == [None, None, "hash", "hash", "hash"]
    assert proven.find("plain 4", ["hash"]) is None


def registry_at(server: Server, moment: Callable[[], str]) -> Registry:
    """Return the registry of a server as if it were some time."""
    _, clients, secrets = server.usages
    return Registry(server.store, server.model, server.backing.hasher, clients, secrets, clock=moment)


async def test_case_09_dates_hold_to_the_second_also_for_what_is_remembered(site: Site) -> None:
    await site.admin.create(clientId="client", secret=SECRET, expiresAt="2030-03-31T03:00:00+02:00")
    client = await site.admin.create(clientId="secret", secret="the other")
    dates = {"notBefore": "2030-03-31T00:59:58Z", "expiresAt": "2030-03-31T02:00:00+01:00"}
    await site.admin.create(TYPE, oauthClientId=client["id"], secret=SECRET, **dates)
    moment = [""]
    registry, found = registry_at(site.server, lambda: moment[0]), []
    for time in ("00:59:57", "00:59:58", "00:59:59", "01:00:00"):
        moment[0] = f"2030-03-31T{time}Z"
        answers = [
            await registry.authenticate(GLOBAL, AuthenticateArguments(client_id=name, secret=SECRET))
            for name in ("client", "secret")
        ]
        found.append([answer.authenticated for answer in answers])

    assert found == [[True, False], [True, True], [True, True], [False, False]]


@pytest.mark.parametrize("date", [PAST, "1970-01-01T00:00:00Z", "1999-12-31T23:59:59-12:00"])
async def test_case_09_what_is_made_with_an_end_in_the_past_is_never_good(admin: Caller, date: str) -> None:
    await admin.create(clientId="ended", secret=SECRET, expiresAt=date)
    client = await admin.create(clientId="web", secret="the other")
    await admin.create(TYPE, oauthClientId=client["id"], secret=SECRET, expiresAt=date)

    assert [await admin.authenticate(name, SECRET) for name in ("ended", "web")] == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(
    "date", ["2030-02-30T00:00:00Z", "2030-01-01", "soon", "2030-01-01T00:00:00", 0, "10000-01-01T00:00:00Z", ""]
)
async def test_case_09_a_date_that_is_none_is_refused(admin: Caller, date: Any) -> None:
    assert await admin.outcomes([{"clientId": "web", "expiresAt": date}]) == [(INVALID, "expiresAt")]


async def secrets_of(admin: Caller, client: str) -> list[str]:
    return [each["id"] for each in await admin.all(TYPE) if each["oauthClientId"] == client]


async def rotate(admin: Caller, client: str) -> Any:
    """Do what an administrator does who knows of no other: replace all secrets that there are by a new one."""
    old = await secrets_of(admin, client)
    answer = await admin.call(f"{TYPE}/set", create={"new": {"oauthClientId": client}}, destroy=old)
    return (answer["created"] or {}).get("new")


async def test_case_10_of_parallel_rotations_each_new_secret_is_good_or_revoked_by_a_later_one(admin: Caller) -> None:
    client = (await admin.create(clientId="web", secret=SECRET))["id"]
    made = [each for each in await asyncio.gather(*(rotate(admin, client) for _ in range(12))) if each]
    good = {each["id"] for each in made if (await admin.authenticate("web", each["secret"]))["authenticated"]}

    assert good == {*await secrets_of(admin, client)}
    assert good
    assert await admin.authenticate("web", SECRET) == UNKNOWN


async def test_case_10_of_parallel_rotations_in_one_state_one_wins(admin: Caller) -> None:
    client = (await admin.create(clientId="web", secret=SECRET))["id"]
    state = (await admin.call(f"{TYPE}/get"))["state"]
    call = (f"{TYPE}/set", {"ifInState": state, "create": {"new": {"oauthClientId": client}}})
    answers = await asyncio.gather(*(admin.send(call) for _ in range(12)))

    assert sorted(answer.get("type", "won") for [answer] in answers) == ["stateMismatch"] * 11 + ["won"]
    assert len(await secrets_of(admin, client)) == 2


async def test_case_10_of_parallel_replacements_one_secret_is_left_and_nothing_else_was_told_as_done(
    admin: Caller,
) -> None:
    """Whoever is overtaken again and again is told that nothing was done."""
    client = (await admin.create(clientId="web", secret=SECRET))["id"]
    calls = [("x:OAuthClient/set", {"update": {client: {"secret": f"number {number}"}}}) for number in range(12)]
    answers = [answer for [answer] in await asyncio.gather(*(admin.send(each) for each in calls))]
    done = {number for number, answer in enumerate(answers) if answer.get("updated")}
    good = {number for number in range(12) if (await admin.authenticate("web", f"number {number}"))["authenticated"]}

    assert {answer.get("type") for answer in answers} <= {None, "serverUnavailable"}
    assert (len(good), len(await secrets_of(admin, client))) == (1, 1)
    assert good <= done


async def test_case_10_a_secret_that_is_given_to_a_client_as_it_goes_goes_with_it(admin: Caller) -> None:
    for number in range(10):
        client = (await admin.create(clientId=f"c{number}", secret=SECRET))["id"]
        await asyncio.gather(rotate(admin, client), admin.destroy(client), admin.update(client, secret="another"))

    assert await admin.all() == []
    assert await admin.all(TYPE) == []


async def test_case_10_there_are_no_idempotency_keys_to_replay(site: Site) -> None:
    request = {
        "using": site.one.using,
        "methodCalls": [["x:OAuthClient/set", {"create": {"a": {"clientId": "web"}}}, "c"]],
    }
    answers = [
        await site.admin.http.post("/api", json=request, headers={**key.headers, "Idempotency-Key": "one"})
        for key in (site.one, site.one, site.two)
    ]
    results = [answer.json()["methodResponses"][0][1] for answer in answers]

    assert results[0]["created"]["a"]["id"]
    assert [each["notCreated"]["a"]["type"] for each in results[1:]] == ["primaryKeyViolation"] * 2
    assert "objectId" not in results[2]["notCreated"]["a"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_case_11_the_last_active_secret_stays_while_its_client_needs_one(admin: Caller, method: str) -> None:
    client = (await admin.create(clientId="web", secret=SECRET, tokenEndpointAuthMethod=method))["id"]
    [last] = await secrets_of(admin, client)
    for dates in ({"expiresAt": PAST}, {"notBefore": FUTURE}):
        await admin.create(TYPE, oauthClientId=client, **dates)
    error = await admin.destroy(last, TYPE)

    assert (error["type"], error["properties"]) == (INVALID, ["oauthClientId"])
    assert (await admin.authenticate("web", SECRET))["authenticated"]


async def test_case_11_all_secrets_of_a_client_cannot_go_in_one_call_but_with_it(admin: Caller) -> None:
    client = (await admin.create(clientId="web", secret=SECRET))["id"]
    await admin.create(TYPE, oauthClientId=client)
    answer = await admin.call(f"{TYPE}/set", destroy=await secrets_of(admin, client))

    assert (len(answer["destroyed"]), len(answer["notDestroyed"])) == (1, 1)
    assert await admin.destroy(client) is None
    assert await admin.all(TYPE) == []


PUBLIC = [{"secret": None}, {"tokenEndpointAuthMethod": "none"}, {"secret": None, "tokenEndpointAuthMethod": "none"}]


@pytest.mark.parametrize("patch", PUBLIC)
async def test_case_11_a_confidential_client_becomes_public_only_by_right(site: Site, patch: dict[str, Any]) -> None:
    id = (await site.admin.create(clientId="web", secret=SECRET))["id"]
    every_other = site.server.permissions - {"sysOAuthClientUpdate"}
    error = await (await site.key(*every_other)).update(id, **patch)

    assert error["type"] == "forbidden"
    assert (await site.admin.authenticate("web", SECRET))["authenticated"]


@pytest.mark.parametrize("patch", PUBLIC)
async def test_case_11_that_a_client_becomes_public_is_written_down(admin: Caller, patch: dict[str, Any]) -> None:
    id = (await admin.create(clientId="web", secret=SECRET))["id"]
    await admin.update(id, **patch)
    [event] = [each for each in await admin.all("x:AuditEvent") if (each["action"], each["objectId"]) == ("update", id)]

    assert event["changes"]["tokenEndpointAuthMethod"] == {"from": "client_secret_basic", "to": "none"}
    assert event["changes"].get("secret") == ({"from": "****", "to": None} if "secret" in patch else None)


@pytest.mark.parametrize(
    "patch", [{"description": "x"}, {}, {"redirectUris": {}}, {"secret": "****"}, {"isEnabled": True}]
)
async def test_case_11_no_other_patch_makes_a_client_public(admin: Caller, patch: dict[str, Any]) -> None:
    id = (await admin.create(clientId="web", secret=SECRET))["id"]

    assert await admin.update(id, **patch) is None
    assert (await admin.get(id))["tokenEndpointAuthMethod"] == "client_secret_basic"
    assert (await admin.authenticate("web", SECRET))["authenticated"]
