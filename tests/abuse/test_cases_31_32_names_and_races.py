"""Cases 31 and 32: names that collide or come back, writers that race, and patches that reach for more.

Of the list, this product has no tokens, consents or registrations that a deleted clientId could revive (31).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.abuse.callers import INVALID, UNKNOWN, Caller, Site

SECRET = "correct horse battery staple"


async def test_case_31_client_ids_differ_by_case_and_are_known_exactly(admin: Caller) -> None:
    for name in ("web", "WEB", "Web", "w eb"):
        await admin.create(clientId=name, secret=f"secret of {name}")
    found = {
        (name, other): (await admin.authenticate(name, f"secret of {other}"))["authenticated"]
        for name in ("web", "WEB", "wEB", "web ", " web", "w eb")
        for other in ("web", "WEB", "w eb")
    }

    assert [pair for pair, good in found.items() if good] == [("web", "web"), ("WEB", "WEB"), ("w eb", "w eb")]


@pytest.mark.parametrize("name", ["web", " web", "web ", "  web  ", "web\n", "\tweb", "web\u00a0"])
async def test_case_31_white_space_around_a_client_id_makes_no_other(admin: Caller, name: str) -> None:
    await admin.create(clientId="web")

    assert await admin.outcomes([{"clientId": name}]) == [("primaryKeyViolation", "clientId")]


NAMES = [
    "",
    " ",
    "\t",
    "w\u0435b",
    "\uff57eb",
    "web\u0301",
    "web\u200b",
    "we\x00b",
    "we\nb",
    ".",
    "..",
    " .. ",
    "x" * 256,
]


async def test_case_31_what_could_be_normalised_to_another_is_no_client_id(admin: Caller) -> None:
    found = dict(zip(NAMES, await admin.outcomes({"clientId": name} for name in NAMES), strict=True))

    assert found == dict.fromkeys(NAMES, (INVALID, "clientId"))


async def test_case_31_a_client_id_that_comes_back_brings_nothing_with_it(admin: Caller) -> None:
    first = await admin.create(clientId="web", secret=SECRET, scopes={"mail": True}, isEnabled=True)
    secrets = [each["id"] for each in await admin.all("x:OAuthClientSecret")]
    assert (await admin.authenticate("web", SECRET))["authenticated"]
    await admin.destroy(first["id"])
    second = await admin.create(clientId="web")

    assert second["id"] != first["id"]
    assert await admin.authenticate("web", SECRET) == UNKNOWN
    assert (await admin.authenticate("web"))["client"]["scopes"] == {}
    assert (await admin.call("x:OAuthClientSecret/get", ids=secrets))["notFound"] == secrets
    assert (await admin.call("x:OAuthClient/get", ids=[first["id"]]))["notFound"] == [first["id"]]


async def test_case_31_of_two_that_swap_their_names_each_keeps_its_secret(admin: Caller) -> None:
    one, two = [(await admin.create(clientId=name, secret=f"of {name}"))["id"] for name in ("one", "two")]
    await admin.call("x:OAuthClient/set", update={one: {"clientId": "two"}, two: {"clientId": "one"}})
    found = [(await admin.authenticate(*pair))["authenticated"] for pair in (("one", "of two"), ("one", "of one"))]

    assert found == [True, False]


async def test_case_32_of_a_hundred_writers_in_one_state_exactly_one_wins(site: Site) -> None:
    id = (await site.one.create(clientId="web"))["id"]
    state = (await site.one.call("x:OAuthClient/get"))["state"]

    async def write(number: int) -> str:
        patch = {id: {"description": f"writer {number}"}}
        answer = await site.one.call("x:OAuthClient/set", ifInState=state, update=patch)
        return str(answer.get("type", f"writer {number}"))

    keys = 60  # of the 64 requests that one key may have at once
    answers = [
        *await asyncio.gather(*(write(n) for n in range(keys))),
        *await asyncio.gather(*(write(n) for n in range(40))),
    ]
    [winner] = [each for each in answers if each != "stateMismatch"]

    assert answers.count("stateMismatch") == 99
    assert (await site.one.get(id))["description"] == winner


async def test_case_32_of_a_hundred_creates_of_one_client_id_exactly_one_wins(site: Site) -> None:
    callers = [site.one, site.two]
    tries = [caller.outcomes([{"clientId": "web"}]) for _ in range(50) for caller in callers]
    answers = [answer for [answer] in await asyncio.gather(*tries)]

    assert sorted(answers, key=str) == [("primaryKeyViolation", "clientId")] * 99 + [None]


async def test_case_32_a_patch_changes_only_what_it_names(admin: Caller) -> None:
    given = {
        "clientId": "web", "secret": SECRET, "description": "d", "contacts": {"a@example.com": True}, "owner": "o",
        "redirectUris": {"https://app.example/cb": True}, "scopes": {"mail": True}, "metadata": {"a": 1},
        "isProtected": True, "expiresAt": "2100-01-01T00:00:00Z", "requirePkce": True,
    }  # fmt: skip
    id = (await admin.create(**given))["id"]
    before = await admin.get(id)
    for patch in ({"clientName": "N"}, {"contacts/b@example.com": True}, {"secret": "****"}, {"scopes/mail": True}):
        assert await admin.update(id, **patch) is None
    after = await admin.get(id)
    contacts = {"a@example.com": True, "b@example.com": True}

    assert after == {**before, "clientName": "N", "contacts": contacts, "updatedAt": after["updatedAt"]}
    assert (await admin.authenticate("web", SECRET))["authenticated"]


PATCHES: list[dict[str, Any]] = [
    {"secret/value": "x"}, {"secret/0": "x"}, {"/secret": "x"}, {"secret/": "x"}, {"secrets/0": "x"},
    {"secrets/*": None}, {"secret~0": "x"}, {"secret~1x": "x"}, {"secret~": "x"}, {"~secret": "x"}, {"secret~2": "x"},
    {"s~0ecret": "x"}, {"*": None}, {"": {}}, {"/": 1}, {"//": 1}, {"/clientId": "x"}, {"clientId/": "x"},
    {"clientId/x": "x"}, {"description/0": "x"}, {"redirectUris/-": True}, {"redirectUris/0": True},
    {"redirectUris/*": None, "redirectUris": {}}, {"redirectUris": {}, "redirectUris/https:~1~1app.example~1x": True},
    {"redirectUris/https://app.example/x": True}, {"contacts/../secret": "x"}, {"memberTenantId/id": "x"},
    {"__proto__/polluted": True}, {"constructor/prototype": 1}, {"id": "x"}, {"secret": ["x"]},
    {"secret": {"value": "x"}}, {"secret": True}, {"secret": 0}, {"secret": ""}, {"logo/src": "x"},
    {"expiresAt/": None}, {"metadata/a/b/c": 1}, {"jwks/keys/0": {}}, {"grantTypes/0": "implicit"},
]  # fmt: skip


async def test_case_32_no_pointer_reaches_where_it_should_not(admin: Caller) -> None:
    id = (await admin.create(clientId="web", secret=SECRET, redirectUris={"https://app.example/cb": True}))["id"]
    before = await admin.get(id)
    found = [(await admin.update(id, **patch) or {"type": None})["type"] for patch in PATCHES]

    assert [patch for patch, error in zip(PATCHES, found, strict=True) if error not in {INVALID, "invalidPatch"}] == []
    assert await admin.get(id) == before
    assert (await admin.authenticate("web", SECRET))["authenticated"]
