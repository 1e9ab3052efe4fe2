"""Foo/get (RFC 8620 section 5.1), with the pretend types."""

from __future__ import annotations

from pathlib import Path

import pytest

from jmap_oauth.protocol.types import CORE, Limits
from tests.support.widget import CAPABILITY, EXTRA
from tests.support.widgets import Client, Widgets, open_widgets

NAMES = ["code", "note", "tags", "secret", "token", "createdAt", "endsAt", "teamId", "maker", "size", "isHeavy"]


async def test_all_properties_come_in_declared_order_for_null(root: Client) -> None:
    id = await root.create("a", tags={"x": True}, secret="plain")
    answer = await root.get(id)
    assert answer["accountId"] == "global"
    assert answer["notFound"] == []
    (widget,) = answer["list"]
    assert list(widget) == ["id", *NAMES]
    assert widget | {"createdAt": "?"} == {
        "id": id, "code": "a", "note": None, "tags": {"x": True}, "secret": "****", "token": "****", "createdAt": "?",
        "endsAt": None, "teamId": None, "maker": "us", "size": None, "isHeavy": False,
    }  # fmt: skip


async def test_the_order_of_ids_is_kept_and_each_comes_once(root: Client) -> None:
    first, second = await root.create("a"), await root.create("b")
    answer = await root.get(second, first, second, properties=["code"])
    assert answer["list"] == [{"id": second, "code": "b"}, {"id": first, "code": "a"}]


async def test_no_properties_are_just_the_id(root: Client) -> None:
    id = await root.create("a")
    assert (await root.get(id, properties=[]))["list"] == [{"id": id}]


async def test_an_unknown_a_foreign_and_an_unparsable_id_are_alike_not_found(red: Client, blue: Client) -> None:
    mine, theirs = await red.create("a"), await blue.create("b")
    answer = await red.get(mine, theirs, "nowhere", "", "\u0000 ' --", properties=["id"])
    assert answer["list"] == [{"id": mine}]
    assert answer["notFound"] == [theirs, "nowhere", "", "\u0000 ' --"]


async def test_null_ids_return_all_of_the_account(root: Client, red: Client, blue: Client) -> None:
    mine, theirs = await red.create("a"), await blue.create("b")
    assert (await red.get(properties=[]))["list"] == [{"id": mine}]
    assert (await root.get(properties=[]))["list"] == [{"id": mine}, {"id": theirs}]


async def test_null_ids_are_refused_rather_than_cut_beyond_the_limit(tmp_path: Path) -> None:
    async with open_widgets(tmp_path, Limits(max_objects_in_get=2)) as widgets:
        root = widgets.client()
        for code in "abc":
            await root.create(code)
        assert await root.call("x:Widget/get", ids=None) == (
            "error",
            {
                "type": "requestTooLarge",
                "description": "ids: null would return more objects than one call may: this server allows 2.",
            },
        )


async def test_more_ids_than_the_limit_are_refused(tmp_path: Path) -> None:
    async with open_widgets(tmp_path, Limits(max_objects_in_get=2)) as widgets:
        name, error = await widgets.client().call("x:Widget/get", ids=["a", "b", "c"])
        assert (name, error["type"]) == ("error", "requestTooLarge")


async def test_objects_that_are_larger_than_an_answer_are_refused(tmp_path: Path) -> None:
    async with open_widgets(tmp_path, Limits(max_size_response=1000)) as widgets:
        root = widgets.client()
        ids = [await root.create(f"w{number}", note="x" * 200) for number in range(5)]
        assert (await root.call("x:Widget/get", ids=ids))[1]["type"] == "requestTooLarge"
        assert (await root.call("x:Widget/get", ids=ids, properties=["code"]))[0] == "x:Widget/get"


async def test_a_property_of_another_capability_exists_only_with_it(root: Client, widgets: Widgets) -> None:
    extra = widgets.client(using=(CORE, CAPABILITY, EXTRA))
    id = await extra.create("a", extra="more")
    assert (await extra.get(id, properties=["extra"]))["list"] == [{"id": id, "extra": "more"}]
    assert "extra" not in (await root.get(id))["list"][0]
    assert (await root.get(id, properties=["extra"]))["type"] == "invalidArguments"


@pytest.mark.parametrize("name", ["nothing", "origin", "ID", "", "code/0"])
async def test_an_unknown_or_hidden_property_is_named(root: Client, name: str) -> None:
    assert await root.call("x:Widget/get", ids=[], properties=["id", name]) == (
        "error",
        {"type": "invalidArguments", "description": f"properties: there is no property {name!r}."},
    )


async def test_creation_ids_stand_for_ids(root: Client) -> None:
    response = await root.batch(
        ("x:Widget/set", {"create": {"new": {"code": "a"}}}),
        ("x:Widget/get", {"ids": ["#new", "#other"], "properties": ["code"]}),
    )
    got = response["methodResponses"][1][1]
    assert [widget["code"] for widget in got["list"]] == ["a"]
    assert got["notFound"] == ["#other"]


async def test_the_state_changes_with_every_change_the_account_sees_and_no_other(red: Client, blue: Client) -> None:
    before = (await red.get())["state"]
    await blue.create("b")
    assert (await red.get())["state"] == before
    await red.create("a")
    assert (await red.get())["state"] != before


async def test_the_permission_that_is_missing_is_named(widgets: Widgets) -> None:
    powerless = widgets.client(permissions=frozenset({"sysWidgetQuery"}))
    assert await powerless.call("x:Widget/get", ids=[]) == (
        "error",
        {"type": "forbidden", "description": "This needs the permission sysWidgetGet."},
    )


@pytest.mark.parametrize("account", ["other", "", "GLOBAL"])
async def test_another_account_is_not_found(root: Client, account: str) -> None:
    assert (await root.call("x:Widget/get", accountId=account, ids=[]))[1]["type"] == "accountNotFound"


@pytest.mark.parametrize("account", ["global", None])
async def test_the_own_account_may_be_named_or_left_out(root: Client, account: str | None) -> None:
    assert (await root.call("x:Widget/get", accountId=account, ids=[]))[0] == "x:Widget/get"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ids": "a"}, "$.ids"),
        ({"ids": [1]}, "$.ids[0]"),
        ({"ids": {"a": True}}, "$.ids"),
        ({"ids": [], "properties": "code"}, "$.properties"),
        ({"ids": [], "properties": [None]}, "$.properties[0]"),
        ({"ids": [], "accountId": 7}, "$.accountId"),
        ({"ids": [], "colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_argument_is_named(root: Client, arguments: dict[str, object], said: str) -> None:
    name, error = await root.call("x:Widget/get", **arguments)
    assert (name, error["type"]) == ("error", "invalidArguments")
    assert said in error["description"]


async def test_without_its_capability_the_method_does_not_exist(widgets: Widgets) -> None:
    name, error = await widgets.client(using=(CORE,)).call("x:Widget/get", ids=[])
    assert (name, error["type"]) == ("error", "unknownMethod")
