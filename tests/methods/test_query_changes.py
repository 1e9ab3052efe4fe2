"""Foo/queryChanges (RFC 8620 section 5.6): applied to the old results, it gives the new ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jmap_oauth.protocol.types import Limits
from jmap_oauth.store import sqlite_statements
from tests.support.stores import open_on_sqlite
from tests.support.widgets import Client, Widgets, open_widgets

BY_CODE = [{"property": "code"}]
BY_CREATION = [{"property": "createdAt"}, {"property": "id"}]


async def query_changes(client: Client, since: str, **arguments: Any) -> Any:
    return (await client.call("x:Widget/queryChanges", sinceQueryState=since, **arguments))[1]


def applied(old: list[str], answer: dict[str, Any]) -> list[str]:
    """Return what a client makes of its old results (RFC 8620 section 5.6)."""
    new = [id for id in old if id not in answer["removed"]]
    for added in answer["added"]:
        new.insert(added["index"], added["id"])
    return new


async def test_the_answer_has_the_members_of_the_rfc(root: Client) -> None:
    a, c, e = [await root.create(code) for code in "ace"]
    old = (await root.query())["queryState"]
    await root.set(update={a: {"code": "d"}}, destroy=[e])
    b = await root.create("b")
    assert await query_changes(root, old, sort=BY_CODE, calculateTotal=True) == {
        "accountId": "global",
        "oldQueryState": old,
        "newQueryState": (await root.query())["queryState"],
        "removed": [a, e],
        "added": [{"id": b, "index": 0}, {"id": a, "index": 2}],
        "total": 3,
    }
    assert "total" not in await query_changes(root, old)
    assert (await root.query(sort=BY_CODE))["ids"] == [b, c, a]


async def test_what_does_not_match_any_more_is_removed_and_what_never_did_is_not_added(root: Client) -> None:
    light, heavy = await root.create("a"), await root.create("b", isHeavy=True)
    old = (await root.query())["queryState"]
    await root.set(update={heavy: {"isHeavy": False}, light: {"size": 1}}, create={"c": {"code": "c"}})
    answer = await query_changes(root, old, filter={"isHeavy": True})
    assert (sorted(answer["removed"]), answer["added"]) == ([light, heavy], [])


async def test_updates_are_left_out_where_nothing_that_changes_is_looked_at(root: Client) -> None:
    a, b = await root.create("a"), await root.create("b")
    old = (await root.query())["queryState"]
    await root.set(update={a: {"size": 1}}, destroy=[b])
    for arguments in ({}, {"sort": BY_CREATION}, {"filter": {"text": ""}}):
        answer = await query_changes(root, old, **arguments)
        assert (answer["removed"], answer["added"]) == ([b], [])


async def test_what_was_added_behind_up_to_id_is_left_out(root: Client) -> None:
    first = await root.create("a")
    old = (await root.query(sort=BY_CREATION))["queryState"]
    second, third = await root.create("b"), await root.create("c")
    for up_to, expected in ((first, []), (second, [second]), (third, [second, third]), ("gone", [second, third])):
        answer = await query_changes(root, old, sort=BY_CREATION, upToId=up_to)
        assert [each["id"] for each in answer["added"]] == expected


async def test_up_to_id_is_not_heeded_where_objects_can_move(root: Client) -> None:
    first = await root.create("a")
    old = (await root.query())["queryState"]
    second = await root.create("b")
    answer = await query_changes(root, old, sort=BY_CODE, upToId=first)
    assert answer["added"] == [{"id": second, "index": 1}]


async def test_more_changes_than_asked_for_are_too_many(root: Client) -> None:
    id = await root.create("a")
    old = (await root.query())["queryState"]
    await root.set(update={id: {"size": 1}})
    assert (await query_changes(root, old, sort=BY_CODE, maxChanges=1))["type"] == "tooManyChanges"
    assert len((await query_changes(root, old, sort=BY_CODE, maxChanges=2))["added"]) == 1
    assert (await query_changes(root, old, sort=BY_CODE, maxChanges=0))["type"] == "tooManyChanges"


async def test_more_changes_than_the_server_looks_at_are_too_many(tmp_path: Path) -> None:
    async with open_widgets(tmp_path, Limits(max_query_results=2)) as widgets:
        root = widgets.client()
        old = (await root.query())["queryState"]
        await root.set(create={code: {"code": code} for code in "abc"})
        assert (await query_changes(root, old))["type"] == "tooManyChanges"


async def test_a_state_that_is_none_of_this_account_is_refused(root: Client, red: Client) -> None:
    for wrong in ("", "latest", (await red.query())["queryState"]):
        assert (await query_changes(root, wrong))["type"] == "cannotCalculateChanges"


@pytest.mark.parametrize("open_store", [open_on_sqlite])  # whose clock can be turned
async def test_a_query_that_takes_too_long_is_answered_as_by_query(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (await root.query())["queryState"]
    await root.set(create={f"w{number}": {"code": f"w{number}"} for number in range(100)})
    monkeypatch.setattr(sqlite_statements, "QUERY_SECONDS", 0.0)
    monkeypatch.setattr(sqlite_statements, "STEPS_BETWEEN_LOOKS", 10)
    found, changed = await root.query(sort=BY_CODE), await query_changes(root, old, sort=BY_CODE)
    assert found == changed
    assert changed["type"] == "unsupportedFilter"


async def test_the_permission_that_is_missing_is_named(widgets: Widgets) -> None:
    client = widgets.client(permissions=frozenset({"sysWidgetGet"}))
    assert await query_changes(client, "0") == {
        "type": "forbidden",
        "description": "This needs the permission sysWidgetQuery.",
    }


@pytest.mark.parametrize(
    ("arguments", "type"),
    [
        ({}, "invalidArguments"),
        ({"sinceQueryState": 0}, "invalidArguments"),
        ({"sinceQueryState": "0", "maxChanges": -1}, "invalidArguments"),
        ({"sinceQueryState": "0", "upToId": 5}, "invalidArguments"),
        ({"sinceQueryState": "0", "position": 5}, "invalidArguments"),
        ({"sinceQueryState": "0", "accountId": "other"}, "accountNotFound"),
        ({"sinceQueryState": "0", "filter": {"colour": "red"}}, "unsupportedFilter"),
        ({"sinceQueryState": "0", "sort": [{"property": "tags"}]}, "unsupportedSort"),
    ],
)
async def test_a_wrong_argument_is_refused(root: Client, arguments: dict[str, Any], type: str) -> None:
    name, error = await root.call("x:Widget/queryChanges", **arguments)
    assert (name, error["type"]) == ("error", type)


# --- random histories ---

FILTERS: list[Any] = [
    None,
    {"text": "red"},
    {"isHeavy": True},
    {"teamId": None},
    {"operator": "OR", "conditions": [{"text": "green"}, {"endsAtIsGreaterThan": "2026-06-01T00:00:00Z"}]},
    {"operator": "NOT", "conditions": [{"text": "re"}, {"isHeavy": False}]},
]
SORTED = ["code", "note", "createdAt", "endsAt", "size", "id"]


@dataclass
class Mirror:
    """The results of one query, asked for once and then kept up to date by their changes."""

    client: Client
    arguments: dict[str, Any]
    ids: list[str]
    state: str

    async def follow(self) -> None:
        answer = await query_changes(self.client, self.state, **self.arguments, calculateTotal=True)
        fresh = await self.client.query(**self.arguments)
        self.ids, self.state = applied(self.ids, answer), answer["newQueryState"]
        assert (self.ids, self.state, answer["total"]) == (fresh["ids"], fresh["queryState"], len(fresh["ids"]))


async def mirror(client: Client, random: Random) -> Mirror:
    names = random.sample(SORTED, random.choice([0, 1, 1, 2, 3]))
    sort = [{"property": name, "isAscending": random.random() < 0.5} for name in names]
    arguments = {"filter": random.choice(FILTERS), "sort": sort}
    answer = await client.query(**arguments)
    assert answer["canCalculateChanges"] is True
    return Mirror(client, arguments, answer["ids"], answer["queryState"])


def values(random: Random, teams: list[str]) -> dict[str, Any]:
    return {
        "note": random.choice([None, "red", "Green", "reddish green"]),
        "endsAt": random.choice([None, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        "teamId": random.choice([None, *teams]),
        "size": random.choice([None, 1, 5]),
        "isHeavy": random.choice([True, False]),
    }


async def write(root: Client, random: Random, teams: list[str], number: int) -> None:
    """Create, change, move and destroy some widgets in one call."""
    ids = (await root.query())["ids"]
    chosen = random.sample(ids, min(len(ids), random.randrange(5)))
    cut = random.randrange(2)
    answer = await root.set(
        create={
            f"n{each}": {"code": f"{number}-{each}", **values(random, teams)} for each in range(random.randrange(3))
        },
        update={id: values(random, teams) for id in chosen[cut:]},
        destroy=chosen[:cut],
    )
    assert answer["notCreated"] is answer["notUpdated"] is answer["notDestroyed"] is None


@pytest.fixture
async def roomy(widgets: Widgets) -> list[Client]:
    """Two tenants that may have many widgets."""
    return [await widgets.team(name, quotas={"maxWidgets": 1_000}) for name in ("one", "two")]


@pytest.mark.parametrize("seed", range(8))
async def test_whoever_applies_the_changes_has_what_a_fresh_query_finds(
    root: Client, roomy: list[Client], seed: int
) -> None:
    random, teams = Random(seed), [client.principal.account for client in roomy]
    for number in range(8):
        await write(root, random, teams, number)
    mirrors = [await mirror(client, random) for client in (root, *roomy) for _ in range(8)]
    for number in range(8, 30):
        await write(root, random, teams, number)
        for each in random.sample(mirrors, 6):
            await each.follow()
    for each in mirrors:
        await each.follow()
