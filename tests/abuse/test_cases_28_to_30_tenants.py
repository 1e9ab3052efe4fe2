"""Cases 28 to 30: what one tenant can do to another, or learn of it: nothing, by whatever question.

Of the list, this product differs in one point (28): a clientId is unique on the server, so it cannot be in both; a
taken one is refused with a word that it is taken, and none of whose it is. Rotation is a /set like any other, and there
is no import and no page token (30): positions and anchors are plain, and states are those of one's own account.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmap_oauth.model.definition import Model
from jmap_oauth.objects import served_types
from tests.abuse.callers import INVALID, UNKNOWN, Caller, Site, make_tenant
from tests.support.served import ADMIN_KEY, serve_in_process

MODEL = Model(served_types(frozenset()))
NOBODY = "i" + "0" * 25
SECRET = "correct horse battery staple"


async def things_of(caller: Caller, admin: Caller) -> Mapping[str, str]:
    """Make one object of each type for a tenant, and return their ids."""
    client = await caller.create(clientId="victim", secret=SECRET, description="rosebud", owner="rosebud")
    [secret] = [each["id"] for each in await caller.all("x:OAuthClientSecret")]
    key = await caller.create("x:ApiKey", description="rosebud", permissions={})
    [event, *_] = [each["id"] for each in await caller.all("x:AuditEvent")]
    return {
        "OAuthClient": client["id"], "OAuthClientSecret": secret, "Tenant": caller.account, "ApiKey": key["id"],
        "AuditEvent": event,
    }  # fmt: skip


def questions(id: str, ids: Mapping[str, str], account: str, client_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all that names a foreign object, tenant or client; asked with names of nobody, all must be the same."""
    for type in MODEL:
        name = f"x:{type.name}"
        theirs = ids.get(type.name, id)
        yield f"{name}/get", {"ids": [theirs]}
        yield f"{name}/query", {"accountId": account}
        yield f"{name}/query", {"anchor": theirs}
        yield f"{name}/get", {"accountId": account}
        if not type.read_only:
            yield f"{name}/set", {"update": {theirs: {"description": "x"}}}
            yield f"{name}/set", {"destroy": [theirs]}
    secret = ids.get("OAuthClientSecret", id)
    yield "x:OAuthClient/query", {"filter": {"memberTenantId": account}, "calculateTotal": True}
    yield "x:OAuthClient/query", {"filter": {"clientId": client_id}, "calculateTotal": True}
    yield "x:OAuthClient/query", {"filter": {"text": client_id}, "calculateTotal": True}
    yield "x:OAuthClientSecret/query", {"filter": {"oauthClientId": ids.get("OAuthClient", id)}, "calculateTotal": True}
    yield "x:AuditEvent/query", {"filter": {"objectId": ids.get("OAuthClient", id)}, "calculateTotal": True}
    yield "x:AuditEvent/query", {"filter": {"memberTenantId": account}, "calculateTotal": True}
    yield "x:OAuthClientSecret/set", {"create": {"a": {"oauthClientId": ids.get("OAuthClient", id)}}}
    yield "x:OAuthClientSecret/set", {"update": {secret: {"expiresAt": "2020-01-01T00:00:00Z"}}}
    yield "x:OAuthClient/set", {"create": {"a": {"clientId": "mine", "memberTenantId": account}}}
    yield "x:ApiKey/set", {"create": {"a": {"memberTenantId": account, "permissions": {}}}}
    yield "x:OAuthClient/authenticate", {"clientId": client_id}
    yield "x:OAuthClient/authenticate", {"clientId": client_id, "secret": SECRET}
    yield "x:OAuthClient/authenticate", {"clientId": client_id, "secret": SECRET, "accountId": account}


def anonymous(answer: Any, *names: str) -> str:
    """Return an answer without the names that were asked for."""
    text = str(answer)
    for name in names:
        text = text.replace(name, "NAME")
    return text


async def test_case_28_what_is_anothers_is_answered_as_what_is_not_there(site: Site) -> None:
    ids = await things_of(site.two, site.admin)
    theirs = [*questions(NOBODY, ids, site.two.account, "victim")]
    nobodys = [*questions(NOBODY, {}, NOBODY, "nobody")]
    for (name, asked), (_, other) in zip(theirs, nobodys, strict=True):
        found = anonymous(await site.one.call(name, **asked), *ids.values(), site.two.account, "victim")
        expected = anonymous(await site.one.call(name, **other), NOBODY, "nobody")
        assert found == expected, (name, asked)


async def test_case_28_nothing_of_another_is_changed_by_that(site: Site) -> None:
    ids = await things_of(site.two, site.admin)
    before = {name: await site.two.get(id, f"x:{name}") for name, id in ids.items()}
    for name, asked in questions(NOBODY, ids, site.two.account, "victim"):
        await site.one.call(name, **asked)

    assert {name: await site.two.get(id, f"x:{name}") for name, id in ids.items()} == before


async def test_case_28_all_that_one_can_list_is_ones_own(site: Site) -> None:
    await things_of(site.two, site.admin)
    for type in MODEL:
        for record in await site.one.all(f"x:{type.name}"):
            text = str(record)
            assert site.two.account not in text
            assert "victim" not in text
            assert "rosebud" not in text


async def test_case_28_states_and_changes_tell_nothing_of_others(site: Site) -> None:
    names = [f"x:{type.name}" for type in MODEL]
    states = {name: (await site.one.call(f"{name}/get", ids=[]))["state"] for name in names}
    await things_of(site.two, site.admin)
    for name, state in states.items():
        changes = await site.one.call(f"{name}/changes", sinceState=state)
        assert (changes["newState"], changes["created"], changes["updated"]) == (state, [], [])


async def test_case_28_a_taken_client_id_is_only_taken(site: Site) -> None:
    await site.two.create(clientId="web")
    create = await site.one.call("x:OAuthClient/set", create={"a": {"clientId": "web"}})
    mine = await site.one.create(clientId="mine")
    update = await site.one.update(mine["id"], clientId="web")

    for error in (create["notCreated"]["a"], update):
        assert error.keys() <= {"type", "description", "properties", "validationErrors"}
        assert (error["type"], error["properties"]) == ("primaryKeyViolation", ["clientId"])
        assert site.two.account not in str(error)


@pytest.mark.parametrize("tenant", ["other", None, "one"])
async def test_case_28_only_a_key_of_both_tenants_moves_a_client(site: Site, tenant: str | None) -> None:
    id = (await site.one.create(clientId="web"))["id"]
    wanted = {"other": site.two.account, "one": site.one.account}.get(tenant or "")
    error = await site.one.update(id, memberTenantId=wanted)

    assert (error and error["type"]) == (None if tenant == "one" else "invalidForeignKey" if tenant else INVALID)
    assert (await site.admin.get(id))["memberTenantId"] == site.one.account
    assert await site.admin.update(id, memberTenantId=site.two.account) is None
    assert await site.two.update(id, memberTenantId=site.one.account) is not None


async def test_case_28_a_client_that_moved_left_nothing_behind(site: Site) -> None:
    id = (await site.one.create(clientId="web", secret=SECRET))["id"]
    await site.admin.update(id, memberTenantId=site.two.account)
    [event] = [each for each in await site.two.all("x:AuditEvent") if each["objectId"] == id]

    assert [await site.one.all(name) for name in ("x:OAuthClient", "x:OAuthClientSecret")] == [[], []]
    assert await site.one.authenticate("web", SECRET) == UNKNOWN
    assert site.one.account not in str(event)


async def test_case_28_a_key_of_a_tenant_that_is_gone_is_none(site: Site) -> None:
    for each in await site.admin.all("x:ApiKey"):
        if each["memberTenantId"] == site.one.account:
            await site.admin.destroy(each["id"], "x:ApiKey")
    assert await site.admin.destroy(site.one.account, "x:Tenant") is None
    answer = await site.admin.http.get("/api/account", headers=site.one.headers)

    assert answer.status_code == 401


async def test_case_29_references_and_creation_ids_do_not_leave_the_account(site: Site) -> None:
    ids = await things_of(site.two, site.admin)
    request = {
        "using": site.one.using,
        "createdIds": {"theirs": ids["OAuthClient"], "tenant": site.two.account},
        "methodCalls": [
            ["Core/echo", {"ids": [ids["OAuthClient"]]}, "a"],
            ["x:OAuthClient/get", {"#ids": {"resultOf": "a", "name": "Core/echo", "path": "/ids"}}, "b"],
            ["x:OAuthClient/set", {"update": {"#theirs": {"description": "x"}}, "destroy": []}, "c"],
            ["x:OAuthClientSecret/set", {"create": {"s": {"oauthClientId": "#theirs"}}}, "d"],
            ["x:OAuthClient/set", {"create": {"c": {"clientId": "mine", "memberTenantId": "#tenant"}}}, "e"],
            ["x:OAuthClient/query", {"filter": {"memberTenantId": "#tenant"}}, "f"],
        ],
    }
    answer = await site.one.http.post("/api", json=request, headers=site.one.headers)
    _, get, update, secret, create, query = [result for _, result, _ in answer.json()["methodResponses"]]

    assert (get["list"], get["notFound"]) == ([], [ids["OAuthClient"]])
    assert [each["type"] for each in update["notUpdated"].values()] == ["notFound"]
    assert secret["notCreated"]["s"]["type"] == "invalidForeignKey"
    assert create["notCreated"]["c"]["type"] == "invalidForeignKey"
    assert query["ids"] == []


CONDITIONS = st.sampled_from(
    [
        {},
        {"clientId": "theirs"},
        {"clientId": "mine"},
        {"text": ""},
        {"text": "shared"},
        {"text": "nothing"},
        {"memberTenantId": None},
        {"memberTenantId": "ONE"},
        {"memberTenantId": "TWO"},
        {"createdAtIsGreaterThan": "1970-01-01T00:00:00Z"},
        {"expiresAtIsLessThan": "2099-01-01T00:00:00Z"},
        {"owner": "shared"},
        {"clientId": "mine", "text": "theirs"},
    ]
)
OPERATORS = st.sampled_from(["AND", "OR", "NOT", "AllOf", "AnyOf", "Not"])
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.builds(
        lambda name, parts: {"operator": name, "conditions": parts}, OPERATORS, st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


def filled(node: Any, names: Mapping[str, str]) -> Any:
    """Put the ids of tenants in."""
    if isinstance(node, dict):
        return {name: filled(value, names) for name, value in node.items()}
    return [filled(each, names) for each in node] if isinstance(node, list) else names.get(node, node) if node else node


async def _ask_all(filters: list[Any]) -> None:
    """Ask every filter with the keys of two tenants, each of which has one client, and check who finds what."""
    with TemporaryDirectory() as folder:
        async with serve_in_process(Path(folder)) as http:
            admin = Caller(http, ADMIN_KEY)
            permissions = ("sysOAuthClientGet", "sysOAuthClientQuery", "sysOAuthClientCreate")
            one, two = [await make_tenant(admin, name, permissions) for name in ("One", "Two")]
            mine = (await one.create(clientId="mine", description="shared", owner="shared"))["id"]
            theirs = (await two.create(clientId="theirs", description="shared", owner="shared"))["id"]
            names = {"ONE": one.account, "TWO": two.account}
            asked = [
                ("x:OAuthClient/query", {"filter": filled(each, names), "calculateTotal": True}) for each in filters
            ]
            everything = [found["ids"] for found in await admin.send(*asked)]
            for caller, own in ((one, mine), (two, theirs)):
                found = [(each["ids"], each["total"]) for each in await caller.send(*asked)]
                expected = [[id for id in ids if id == own] for ids in everything]
                assert found == [(ids, len(ids)) for ids in expected]


@settings(max_examples=12)
@given(st.lists(FILTERS, min_size=10, max_size=30))
def test_case_29_no_filter_finds_what_is_anothers(filters: list[Any]) -> None:
    """A tenant finds of every filter what an administrator finds, as far as it is its own."""
    asyncio.run(_ask_all(filters))


FORGED = [
    "",
    "0",
    "1",
    "-1",
    "99999999",
    "x",
    "' OR 1=1 --",
    "1;1",
    "\u0000",
    "0.0",
    "a.b",
    "5c78e5c79ee0baad.ffffffff",
    "9" * 10_000,
    "%",
    "null",
]


async def test_case_30_forged_states_and_anchors_are_refused(site: Site) -> None:
    await things_of(site.two, site.admin)
    for type in MODEL:
        name = f"x:{type.name}"
        theirs = (await site.two.call(f"{name}/get", ids=[]))["state"]
        answers = []
        for state in [*FORGED[1:], theirs]:
            answers += [
                await site.one.call(f"{name}/changes", sinceState=state),
                await site.one.call(f"{name}/queryChanges", sinceQueryState=state),
            ]
        anchors = [await site.one.call(f"{name}/query", anchor=anchor) for anchor in FORGED]

        assert {each.get("type", "told") for each in answers} <= {"cannotCalculateChanges", "told", "invalidArguments"}
        assert {each["type"] for each in anchors} <= {"anchorNotFound", "invalidArguments"}
        assert "victim" not in str(answers)
