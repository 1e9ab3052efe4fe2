"""Foo/set across tenants, and the quotas of tenants."""

from __future__ import annotations

from tests.support.widgets import Client, Widgets


async def test_a_foreign_object_is_not_found_whatever_is_sent(red: Client, blue: Client) -> None:
    theirs = await blue.create("b")
    answer = await red.set(update={theirs: {"colour": 7}}, destroy=["x", theirs])
    assert answer["notUpdated"] == {theirs: {"type": "notFound"}}
    assert answer["notDestroyed"] == {"x": {"type": "notFound"}, theirs: {"type": "notFound"}}
    assert (await blue.get(theirs, properties=[]))["list"] == [{"id": theirs}]


async def test_a_foreign_and_an_unknown_tenant_are_alike(red: Client, blue: Client) -> None:
    answer = await red.set(
        create={"foreign": {"code": "a", "teamId": blue.principal.account}, "unknown": {"code": "b", "teamId": "i1"}}
    )
    errors = [{**error, "objectId": None} for error in answer["notCreated"].values()]
    assert errors[0] == errors[1]
    assert errors[0]["type"] == "invalidForeignKey"
    assert errors[0]["properties"] == ["teamId"]


async def test_a_tenants_caller_cannot_make_or_leave_an_object_without_tenant(red: Client) -> None:
    id = await red.create("a")
    answer = await red.set(create={"new": {"code": "b", "teamId": None}}, update={id: {"teamId": None}})
    reason = "must be this key's own, or left out"
    expected = {
        "type": "invalidProperties",
        "description": f"teamId {reason}.",
        "properties": ["teamId"],
        "validationErrors": [{"type": "Invalid", "property": "teamId", "value": reason}],
    }
    assert (answer["notCreated"], answer["notUpdated"]) == ({"new": expected}, {id: expected})


async def test_an_object_moves_between_tenants_with_one_who_sees_both(root: Client, red: Client, blue: Client) -> None:
    id = await red.create("a")
    states = [(await client.get())["state"] for client in (root, red, blue)]
    assert (await root.set(update={id: {"teamId": blue.principal.account}}))["updated"] == {id: None}
    assert (await red.get(id))["notFound"] == [id]
    assert (await blue.get(id, properties=[]))["list"] == [{"id": id}]
    after = [(await client.get())["state"] for client in (root, red, blue)]
    assert [new != old for new, old in zip(after, states, strict=True)] == [True, True, True]


async def test_only_callers_without_tenant_change_tenants(red: Client) -> None:
    name, error = await red.call("x:Team/set", update={red.principal.account: {"name": "mine"}})
    assert (name, error["type"]) == ("error", "forbidden")
    assert (await red.call("x:Team/get", ids=None, properties=["name"]))[1]["list"] == [
        {"id": red.principal.account, "name": "red"}
    ]


# quotas

OVER = {"type": "overQuota", "description": "The quota of 2 widgets is used up."}


async def test_a_quota_holds_against_everyone_and_against_moves(widgets: Widgets, root: Client, blue: Client) -> None:
    red = await widgets.team("full", quotas={"maxWidgets": 2})
    team = red.principal.account
    await red.create("a")
    await root.create("b", teamId=team)
    moved = await blue.create("c")
    wish = {"create": {"new": {"code": "d", "teamId": team}}}
    assert (await red.set(**wish))["notCreated"] == {"new": OVER}
    assert (await root.set(**wish))["notCreated"] == {"new": OVER}
    assert (await root.set(update={moved: {"teamId": team}}))["notUpdated"] == {moved: OVER}


async def test_a_quota_leaves_room_for_what_is_destroyed_in_the_same_call(widgets: Widgets) -> None:
    red = await widgets.team("full", quotas={"maxWidgets": 1})
    old = await red.create("a")
    answer = await red.set(create={"new": {"code": "b"}}, destroy=[old])
    assert (list(answer["created"]), answer["destroyed"]) == (["new"], [old])


async def test_a_quota_counts_within_a_call(widgets: Widgets) -> None:
    red = await widgets.team("full", quotas={"maxWidgets": 2})
    answer = await red.set(create={code: {"code": code} for code in "abc"})
    assert list(answer["created"]) == ["a", "b"]
    assert answer["notCreated"] == {"c": OVER}


async def test_who_is_over_a_lowered_quota_can_still_change_what_is_there(widgets: Widgets, root: Client) -> None:
    red = await widgets.team("full", quotas={"maxWidgets": 2})
    ids = [await red.create("a"), await red.create("b")]
    await root.call("x:Team/set", update={red.principal.account: {"quotas/maxWidgets": 1}})
    assert (await red.set(update={id: {"note": "x"} for id in ids}))["updated"] == dict.fromkeys(ids)
