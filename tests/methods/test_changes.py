"""Foo/changes (RFC 8620 section 5.2), with the pretend types. Which changes there are is tested with the stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.protocol.types import Limits
from tests.support.widgets import Client, Widgets, open_widgets


async def state_of(client: Client) -> str:
    return str((await client.get())["state"])


async def changes(client: Client, since: str, **arguments: Any) -> Any:
    return (await client.call("x:Widget/changes", sinceState=since, **arguments))[1]


async def test_the_answer_has_the_members_of_the_rfc(root: Client) -> None:
    ids = [await root.create(code) for code in "abc"]
    old = await state_of(root)
    new = await root.create("d")
    await root.set(update={ids[0]: {"size": 1}}, destroy=[ids[1]])
    assert await changes(root, old, accountId="global") == {
        "accountId": "global",
        "oldState": old,
        "newState": await state_of(root),
        "hasMoreChanges": False,
        "created": [new],
        "updated": [ids[0]],
        "destroyed": [ids[1]],
    }


async def test_the_states_of_all_methods_are_the_same(root: Client) -> None:
    old = await state_of(root)
    answer = await root.set(create={"new": {"code": "a"}})
    assert (answer["oldState"], answer["newState"]) == (old, await state_of(root))
    assert (await changes(root, old))["newState"] == (await root.query())["queryState"] == answer["newState"]


async def test_max_changes_cuts_and_the_new_state_goes_on_from_there(root: Client) -> None:
    state = await state_of(root)
    answer = await root.set(create={code: {"code": code} for code in "abcde"})
    found, more = [], True
    while more:
        part = await changes(root, state, maxChanges=2)
        found.append(part["created"])
        state, more = part["newState"], part["hasMoreChanges"]
    ids = sorted(created["id"] for created in answer["created"].values())
    assert (found, state) == ([ids[:2], ids[2:4], ids[4:]], answer["newState"])


@pytest.mark.parametrize("maximum", [None, 4, 100])
async def test_the_server_cuts_by_itself(tmp_path: Path, maximum: int | None) -> None:
    async with open_widgets(tmp_path, Limits(max_query_results=3)) as widgets:
        root = widgets.client()
        old = await state_of(root)
        await root.set(create={code: {"code": code} for code in "abcd"})
        answer = await changes(root, old, maxChanges=maximum)
        assert (len(answer["created"]), answer["hasMoreChanges"]) == (3, True)


async def test_a_tenant_sees_a_move_as_coming_and_going(root: Client, red: Client, blue: Client) -> None:
    id = await red.create("a")
    states = [await state_of(client) for client in (red, blue, root)]
    await root.set(update={id: {"teamId": blue.principal.account}})
    answers = [await changes(client, old) for client, old in zip((red, blue, root), states, strict=True)]
    lists = [[answer[name] for name in ("created", "updated", "destroyed")] for answer in answers]
    assert lists == [[[], [], [id]], [[id], [], []], [[], [id], []]]


async def test_a_state_that_is_none_of_this_account_and_type_is_refused(root: Client, red: Client) -> None:
    await red.create("a")
    teams = (await root.call("x:Team/get", ids=[]))[1]["state"]
    for wrong in ("", "1", "latest", teams, await state_of(red), "9" + await state_of(root)):
        assert (await changes(root, wrong))["type"] == "cannotCalculateChanges"


async def test_what_was_pruned_is_refused(widgets: Widgets, root: Client) -> None:
    id = await root.create("a")
    old = await state_of(root)
    await root.set(destroy=[id])
    assert await widgets.backing.store.prune("9999-12-31T23:59:59Z") is False
    assert (await changes(root, old))["type"] == "cannotCalculateChanges"
    assert (await changes(root, await state_of(root)))["hasMoreChanges"] is False


async def test_the_permission_that_is_missing_is_named(widgets: Widgets) -> None:
    client = widgets.client(permissions=frozenset({"sysWidgetQuery"}))
    assert await client.call("x:Widget/changes", sinceState="0") == (
        "error",
        {"type": "forbidden", "description": "This needs the permission sysWidgetGet."},
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "sinceState"),
        ({"sinceState": None}, "$.sinceState"),
        ({"sinceState": 0}, "$.sinceState"),
        ({"sinceState": "0", "maxChanges": 0}, "$.maxChanges"),
        ({"sinceState": "0", "maxChanges": -1}, "$.maxChanges"),
        ({"sinceState": "0", "maxChanges": 1.5}, "$.maxChanges"),
        ({"sinceState": "0", "maxChanges": 2**53}, "$.maxChanges"),
        ({"sinceState": "0", "colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_argument_is_named(root: Client, arguments: dict[str, Any], said: str) -> None:
    name, error = await root.call("x:Widget/changes", **arguments)
    assert (name, error["type"]) == ("error", "invalidArguments")
    assert said in error["description"]


async def test_another_account_is_not_found(red: Client) -> None:
    assert (await changes(red, "0", accountId="global"))["type"] == "accountNotFound"
