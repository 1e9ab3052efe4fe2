"""Foo/set (RFC 8620 section 5.3), with the pretend types."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.protocol.types import CORE, Limits
from tests.support.stores import look, open_on_sqlite
from tests.support.widget import CAPABILITY, EXTRA
from tests.support.widgets import Client, Widgets, open_widgets


def invalid(property: str, reason: str) -> dict[str, Any]:
    return {
        "type": "invalidProperties",
        "description": f"{property} {reason}.",
        "properties": [property],
        "validationErrors": [{"type": "Invalid", "property": property, "value": reason}],
    }


# create


async def test_created_holds_what_the_server_chose_and_no_declared_default(root: Client) -> None:
    answer = await root.set(create={"new": {"code": "a", "tags": {"x": True, "y": False}}})
    created = answer["created"]["new"]
    assert created.keys() == {"id", "createdAt", "token"}
    assert created["token"].startswith("jmo_")
    assert (await root.get(created["id"], properties=["tags"]))["list"] == [{"id": created["id"], "tags": {"x": True}}]


async def test_the_answer_has_every_member_and_null_where_nothing_is_to_be_said(root: Client) -> None:
    before = (await root.get())["state"]
    answer = await root.set(create={"new": {"code": "a"}})
    others = dict.fromkeys(("updated", "destroyed", "notCreated", "notUpdated", "notDestroyed"))
    assert answer == {
        "accountId": "global",
        "oldState": before,
        "newState": answer["newState"],
        "created": answer["created"],
        **others,
    }
    assert answer["newState"] != before


async def test_a_tenant_that_was_filled_in_is_told(red: Client) -> None:
    answer = await red.set(create={"new": {"code": "a"}})
    assert answer["created"]["new"]["teamId"] == red.principal.account


async def test_a_tenant_that_was_named_is_not_repeated(red: Client) -> None:
    answer = await red.set(create={"new": {"code": "a", "teamId": red.principal.account}})
    assert "teamId" not in answer["created"]["new"]


@pytest.mark.parametrize(
    ("given", "property", "reason"),
    [
        ({"code": ""}, "code", "must not be empty"),
        ({"code": "  "}, "code", "must not be empty"),
        ({"code": 7}, "code", "must be a string"),
        ({"code": None}, "code", "must be a string"),
        ({"code": "x" * 21}, "code", "must have at most 20 characters"),
        ({"code": "a\u0007"}, "code", "must not hold control characters"),
        ({"code": "a", "colour": "red"}, "colour", "is not a property of this type"),
        ({"code": "a", "": "red"}, "", "is not a property of this type"),
        ({"code": "a", "origin": "here"}, "origin", "is not a property of this type"),
        ({"code": "a", "extra": "more"}, "extra", "is not a property of this type"),
        ({"code": "a", "id": "i1"}, "id", "is not a property of this type"),
        ({"code": "a", "createdAt": "2026-01-01T00:00:00Z"}, "createdAt", "is set by the server"),
        ({"code": "a", "token": "x"}, "token", "is set by the server"),
        ({"code": "a", "secret": ""}, "secret", "must not be empty; null removes it"),
        (
            {"code": "a", "secret": "****"},
            "secret",
            "must not be ****, which only stands for a secret that is already there",
        ),
        ({"code": "a", "tags": ["x"]}, "tags", 'must be an object like {"value": true}'),
        ({"code": "a", "tags": None}, "tags", 'must be an object like {"value": true}'),
        ({"code": "a", "tags": {"x": "yes"}}, "tags", "has a member that is neither true nor false"),
        ({"code": "a", "tags": {str(n): True for n in range(6)}}, "tags", "must have at most 5 members"),
        ({"code": "a", "isHeavy": "true"}, "isHeavy", "must be true or false"),
        ({"code": "a", "size": 1.5}, "size", "must be an integer"),
        ({"code": "a", "size": True}, "size", "must be an integer"),
        ({"code": "a", "size": 2**53}, "size", "must be from 0 to 1000"),
        ({"code": "a", "size": 101}, "size", "is over 100, so isHeavy must be true"),
        ({"code": "a", "endsAt": "soon"}, "endsAt", "must be a date like 2026-01-31T12:00:00Z"),
        ({"code": "a", "teamId": 5}, "teamId", "must be an id"),
    ],
)
async def test_a_bad_value_is_named_and_nothing_is_created(
    root: Client, given: dict[str, Any], property: str, reason: str
) -> None:
    answer = await root.set(create={"new": given})
    assert answer["notCreated"] == {"new": invalid(property, reason)}
    assert (answer["created"], answer["newState"]) == (None, answer["oldState"])


async def test_all_flaws_are_told_together(root: Client) -> None:
    error = (await root.set(create={"new": {"note": 7, "colour": "red"}}))["notCreated"]["new"]
    assert error["properties"] == ["note", "colour", "code"]
    assert error["validationErrors"][-1] == {"type": "Required", "property": "code"}


@pytest.mark.parametrize("given", [None, [], "text", 5, True])
async def test_what_is_no_object_cannot_be_created(root: Client, given: Any) -> None:
    answer = await root.set(create={"new": given})
    assert answer["notCreated"]["new"]["type"] == "invalidPatch"


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256, "#a"])
async def test_what_is_no_id_is_no_creation_id(root: Client, key: str) -> None:
    assert (await root.call("x:Widget/set", create={key: {"code": "a"}}))[1]["type"] == "invalidArguments"


async def test_each_object_has_an_outcome_of_its_own(root: Client) -> None:
    answer = await root.set(create={"good": {"code": "a"}, "bad": {}})
    assert (list(answer["created"]), list(answer["notCreated"])) == (["good"], ["bad"])


async def test_an_object_has_a_largest_size(root: Client) -> None:
    tags = {f"{n}{'x' * 18}": True for n in range(5)}
    answer = await root.set(create={"new": {"code": "a", "tags": tags}})
    assert answer["created"]["new"]["id"]


# creation ids


async def test_a_creation_id_works_across_calls_and_comes_back_when_asked_for(root: Client) -> None:
    response = await root.batch(
        ("x:Team/set", {"create": {"team": {"name": "red"}}}),
        ("x:Widget/set", {"create": {"new": {"code": "a", "teamId": "#team"}}}),
        created_ids={"older": "i1"},
    )
    team = response["methodResponses"][0][1]["created"]["team"]["id"]
    widget = response["methodResponses"][1][1]["created"]["new"]["id"]
    assert response["createdIds"] == {"older": "i1", "team": team, "new": widget}
    assert (await root.get(widget, properties=["teamId"]))["list"][0]["teamId"] == team


async def test_created_ids_are_not_told_unasked(root: Client) -> None:
    assert "createdIds" not in await root.batch(("x:Widget/set", {"create": {"new": {"code": "a"}}}))


async def test_an_object_can_be_created_changed_and_destroyed_in_one_call(root: Client) -> None:
    answer = await root.set(
        create={"one": {"code": "a"}, "two": {"code": "b"}}, update={"#one": {"note": "new"}}, destroy=["#two"]
    )
    one, two = answer["created"]["one"]["id"], answer["created"]["two"]["id"]
    assert (answer["updated"], answer["destroyed"]) == ({one: None}, [two])
    assert (await root.get(properties=["note"]))["list"] == [{"id": one, "note": "new"}]


async def test_a_creation_id_that_stands_for_nothing_is_a_foreign_key_that_is_none(root: Client) -> None:
    answer = await root.set(create={"new": {"code": "a", "teamId": "#nothing"}})
    assert answer["notCreated"]["new"]["type"] == "invalidForeignKey"


# update


async def test_a_patch_changes_what_it_names_and_nothing_else(root: Client) -> None:
    id = await root.create("a", note="old", tags={"x": True, "y/z": True})
    before = (await root.get(id))["list"][0]
    answer = await root.set(update={id: {"note": "new", "tags/y~1z": None, "tags/n~0": True}})
    assert answer["updated"] == {id: None}
    assert (await root.get(id))["list"][0] == before | {"note": "new", "tags": {"x": True, "n~": True}}


async def test_null_gives_a_property_its_default(root: Client) -> None:
    id = await root.create("a", note="old", tags={"x": True}, isHeavy=True)
    await root.set(update={id: {"note": None, "tags": None, "isHeavy": None}})
    got = (await root.get(id, properties=["note", "tags", "isHeavy"]))["list"][0]
    assert got == {"id": id, "note": None, "tags": {}, "isHeavy": False}


async def test_text_that_was_trimmed_is_told(root: Client) -> None:
    id = await root.create("a")
    assert (await root.set(update={id: {"code": " b "}}))["updated"] == {id: {"code": "b"}}


async def test_a_change_to_the_same_values_succeeds_and_moves_no_state(root: Client) -> None:
    id = await root.create("a", note="n", tags={"x": True}, endsAt="2027-01-01T00:00:00Z", secret="s")
    whole = (await root.get(id))["list"][0]
    answer = await root.set(update={id: whole | {"endsAt": "2027-01-01T01:00:00.000+01:00"}})
    assert (answer["updated"], answer["newState"]) == ({id: None}, answer["oldState"])


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"tags": {}, "tags/x": True}, "tags/x"),
        ({"tags/x": True, "tags/x/y": True}, "tags/x/y"),
        ({"note/x": True}, "note/x"),
        ({"tags/x/y": True}, "tags/x/y"),
        ({"tags/~2": True}, "tags/~2"),
        ({"nothing/x": True}, "nothing/x"),
        ({"/note": "x"}, "/note"),
    ],
)
async def test_a_bad_pointer_is_named(root: Client, patch: dict[str, Any], pointer: str) -> None:
    id = await root.create("a")
    error = (await root.set(update={id: patch}))["notUpdated"][id]
    assert (error["type"], error["properties"]) == ("invalidPatch", [pointer])


@pytest.mark.parametrize("patch", [None, [], "text", 5, True])
async def test_a_patch_that_is_no_object_is_refused(root: Client, patch: Any) -> None:
    id = await root.create("a")
    assert (await root.set(update={id: patch}))["notUpdated"][id]["type"] == "invalidPatch"


@pytest.mark.parametrize(
    ("patch", "property", "reason"),
    [
        ({"code": None}, "code", "must be a string"),
        ({"maker": "them"}, "maker", "cannot be changed after creation"),
        ({"createdAt": "2026-01-01T00:00:00Z"}, "createdAt", "is set by the server"),
        ({"token": "x"}, "token", "is set by the server"),
        ({"id": "i1"}, "id", "is set by the server"),
        ({"origin": "here"}, "origin", "is not a property of this type"),
        (
            {"tags": {"x" * 21: True}},
            "tags",
            "has a wrong member, number 1: it must have at most 20 characters",
        ),
        ({"size": 200}, "size", "is over 100, so isHeavy must be true"),
    ],
)
async def test_a_bad_change_is_named_and_nothing_is_changed(
    root: Client, patch: dict[str, Any], property: str, reason: str
) -> None:
    id = await root.create("a")
    before = await root.get(id)
    answer = await root.set(update={id: {"note": "new", **patch}})
    assert answer["notUpdated"] == {id: invalid(property, reason)}
    assert await root.get(id) == before


# destroy


async def test_destroyed_objects_are_gone(root: Client) -> None:
    one, two = await root.create("a"), await root.create("b")
    answer = await root.set(destroy=[one, one])
    assert answer["destroyed"] == [one]
    assert (await root.get(properties=[]))["list"] == [{"id": two}]


async def test_what_is_to_be_destroyed_is_not_updated(root: Client) -> None:
    id = await root.create("a")
    answer = await root.set(update={id: {"note": "x"}}, destroy=[id])
    assert answer["notUpdated"][id]["type"] == "willDestroy"
    assert answer["destroyed"] == [id]


async def test_what_others_refer_to_stays_and_they_are_named(root: Client, red: Client) -> None:
    widget = await red.create("a")
    team = red.principal.account
    _, answer = await root.call("x:Team/set", destroy=[team])
    assert answer["notDestroyed"] == {
        team: {
            "type": "objectIsLinked",
            "description": "Other objects refer to it.",
            "objectId": {"object": "Team", "id": team},
            "linkedObjects": [{"object": "Widget", "id": widget}],
        }
    }
    await root.set(destroy=[widget])
    assert (await root.call("x:Team/set", destroy=[team]))[1]["destroyed"] == [team]


@pytest.mark.parametrize("id", ["nowhere", "", "#none", "\u0000"])
async def test_unknown_ids_are_not_found(root: Client, id: str) -> None:
    answer = await root.set(update={id: {"colour": "red"}}, destroy=[id])
    assert answer["notUpdated"] == {id: {"type": "notFound"}}
    assert answer["notDestroyed"] == {id: {"type": "notFound"}}


# unique values


async def test_two_objects_may_swap_their_unique_values(root: Client) -> None:
    one, two = await root.create("a"), await root.create("b")
    assert (await root.set(update={one: {"code": "b"}, two: {"code": "a"}}))["updated"] == {one: None, two: None}
    got = (await root.get(one, two, properties=["code"]))["list"]
    assert [widget["code"] for widget in got] == ["b", "a"]


async def test_a_value_is_free_again_in_the_call_that_destroys_its_holder(root: Client) -> None:
    old = await root.create("a")
    answer = await root.set(create={"new": {"code": "a"}}, destroy=[old])
    assert answer["created"]["new"]["id"] != old
    assert answer["destroyed"] == [old]


async def test_when_the_whole_is_not_valid_objects_are_taken_in_order(root: Client) -> None:
    old = await root.create("a")
    answer = await root.set(create={"one": {"code": "b"}, "two": {"code": "b"}, "three": {"code": "a"}}, destroy=[old])
    one = answer["created"]["one"]["id"]
    assert answer["notCreated"] == {
        "two": taken(one),
        "three": taken(old),
    }
    assert answer["destroyed"] == [old]


def taken(id: str | None) -> dict[str, Any]:
    error = {"type": "primaryKeyViolation", "description": "code is taken.", "properties": ["code"]}
    return error if id is None else error | {"objectId": {"object": "Widget", "id": id}}


async def test_the_holder_of_a_taken_value_is_named_only_to_those_who_see_it(
    root: Client, red: Client, blue: Client
) -> None:
    id = await red.create("a")
    wish = {"create": {"new": {"code": "a"}}}
    assert (await root.set(**wish))["notCreated"] == {"new": taken(id)}
    assert (await red.set(**wish))["notCreated"] == {"new": taken(id)}
    assert (await blue.set(**wish))["notCreated"] == {"new": taken(None)}


# permissions

PARTS: list[tuple[str, str]] = [("Create", "create"), ("Update", "update"), ("Destroy", "destroy")]


@pytest.mark.parametrize(("action", "part"), PARTS)
async def test_a_part_without_its_permission_is_refused_and_the_rest_is_done(
    widgets: Widgets, root: Client, action: str, part: str
) -> None:
    one, two = await root.create("a"), await root.create("b")
    missing = f"sysWidget{action}"
    client = widgets.client(permissions=root.principal.permissions - {missing})
    answer = await client.set(create={"new": {"code": "c"}}, update={one: {"note": "x"}}, destroy=[two])
    refused = answer["not" + {"create": "Created", "update": "Updated", "destroy": "Destroyed"}[part]]
    assert [*refused.values()] == [{"type": "forbidden", "description": f"This needs the permission {missing}."}]
    assert sum(map(bool, (answer["created"], answer["updated"], answer["destroyed"]))) == 2


async def test_without_any_of_the_three_the_call_is_forbidden(widgets: Widgets) -> None:
    client = widgets.client(permissions=frozenset({"sysWidgetGet", "sysTeamCreate"}))
    name, error = await client.call("x:Widget/set", create={"new": {"code": "a"}})
    assert (name, error["type"]) == ("error", "forbidden")
    assert all(f"sysWidget{action}" in error["description"] for action, _ in PARTS)


async def test_a_caller_that_can_change_nothing_at_all_is_told_so(widgets: Widgets) -> None:
    client = widgets.client(permissions=frozenset({"sysWidgetGet"}))
    assert (await client.call("x:Widget/set", create={}))[1]["type"] == "accountReadOnly"


# state


@pytest.mark.parametrize("open_store", [open_on_sqlite])  # into whose file it looks
async def test_a_call_moves_the_state_once(root: Client, tmp_path: Path) -> None:
    await root.set(create={"a": {"code": "a"}, "b": {"code": "b"}})
    await root.set(create={"c": {"code": "c"}, "d": {"code": "d"}})
    numbers = look(tmp_path / "widgets.db", "SELECT number FROM state WHERE account = 'global' AND type = 'Widget'")
    assert numbers == [(2,)]


async def test_a_change_needs_the_state_it_was_made_for(root: Client) -> None:
    state = (await root.get())["state"]
    assert (await root.set(ifInState=state, create={"new": {"code": "a"}}))["created"]
    name, error = await root.call("x:Widget/set", ifInState=state, create={"new": {"code": "b"}})
    assert (name, error["type"]) == ("error", "stateMismatch")
    assert len((await root.get())["list"]) == 1


async def test_of_many_writers_with_one_state_exactly_one_wins(widgets: Widgets, root: Client) -> None:
    """A hundred writers, fifty with each of two keys."""
    state = (await root.get())["state"]
    keys = [root, widgets.client(id="another key")]
    calls = [
        keys[number % 2].call("x:Widget/set", ifInState=state, create={"new": {"code": str(number)}})
        for number in range(100)
    ]
    names = [name for name, _ in await asyncio.gather(*calls)]
    assert sorted(names) == ["error"] * 99 + ["x:Widget/set"]


# limits and arguments


async def test_more_objects_than_the_limit_are_refused(tmp_path: Path) -> None:
    async with open_widgets(tmp_path, Limits(max_objects_in_set=2)) as widgets:
        name, error = await widgets.client().call(
            "x:Widget/set", create={"a": {"code": "a"}}, update={"b": {}}, destroy=["c"]
        )
        assert (name, error["type"]) == ("error", "requestTooLarge")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"create": []}, "$.create"),
        ({"update": "x"}, "$.update"),
        ({"destroy": {"a": True}}, "$.destroy"),
        ({"destroy": [None]}, "$.destroy[0]"),
        ({"ifInState": 5}, "$.ifInState"),
        ({"replace": {}}, "replace"),
    ],
)
async def test_a_wrong_argument_is_named(root: Client, arguments: dict[str, Any], said: str) -> None:
    name, error = await root.call("x:Widget/set", **arguments)
    assert (name, error["type"]) == ("error", "invalidArguments")
    assert said in error["description"]


async def test_a_property_of_another_capability_survives_changes_without_it(widgets: Widgets, root: Client) -> None:
    extra = widgets.client(using=(CORE, CAPABILITY, EXTRA))
    id = await extra.create("a", extra="more")
    await root.set(update={id: {"note": "x"}})
    assert (await extra.get(id, properties=["extra"]))["list"] == [{"id": id, "extra": "more"}]
