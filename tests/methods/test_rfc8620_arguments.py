"""What RFC 8620 asks of every standard method's arguments and errors, where no test of one method shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.methods import plan
from jmap_oauth.protocol.types import Limits
from tests.support.widgets import Client, open_widgets

DEFAULTS: list[tuple[str, dict[str, Any]]] = [
    ("get", {"ids": None, "properties": None}),
    (
        "query",
        {
            "filter": None,
            "sort": None,
            "position": 0,
            "anchor": None,
            "anchorOffset": 0,
            "limit": None,
            "calculateTotal": False,
        },
    ),
    ("set", {"ifInState": None, "create": None, "update": None, "destroy": None}),
]


@pytest.mark.parametrize(("method", "defaults"), DEFAULTS, ids=[method for method, _ in DEFAULTS])
async def test_an_argument_that_is_left_out_has_its_default(
    root: Client, method: str, defaults: dict[str, Any]
) -> None:
    await root.create("a")
    await root.create("b")
    left_out = await root.call(f"x:Widget/{method}")

    assert left_out[0] == f"x:Widget/{method}"
    assert await root.call(f"x:Widget/{method}", **defaults) == left_out


async def test_a_default_of_changes_and_query_changes_may_be_left_out(root: Client) -> None:
    await root.create("a")
    since, query_since = (await root.get())["state"], (await root.query())["queryState"]
    await root.create("b")

    changes = await root.call("x:Widget/changes", sinceState=since)
    assert changes[0] == "x:Widget/changes"
    assert await root.call("x:Widget/changes", sinceState=since, maxChanges=None) == changes
    query_changes = await root.call("x:Widget/queryChanges", sinceQueryState=query_since)
    assert query_changes[0] == "x:Widget/queryChanges"
    defaults = {"filter": None, "sort": None, "maxChanges": None, "upToId": None, "calculateTotal": False}
    assert await root.call("x:Widget/queryChanges", sinceQueryState=query_since, **defaults) == query_changes


async def test_a_number_with_an_empty_fraction_is_an_integer(root: Client) -> None:
    since = (await root.get())["state"]
    ids = [await root.create(code, size=2.0) for code in "abc"]
    window = {"position": 1.0, "limit": 1.0, "anchorOffset": -0.0, "sort": [{"property": "code"}]}
    assert (await root.query(**window))["ids"] == [ids[1]]
    changes = await root.call("x:Widget/changes", sinceState=since, maxChanges=1.0)
    assert changes[1]["created"] == ids[:1]
    assert await root.call("x:Widget/queryChanges", sinceQueryState=since, maxChanges=3.0) == await root.call(
        "x:Widget/queryChanges", sinceQueryState=since, maxChanges=3
    )
    assert [each["size"] for each in (await root.get(*ids))["list"]] == [2, 2, 2]


async def test_an_anchor_offset_without_an_anchor_is_ignored(root: Client) -> None:
    for code in "abc":
        await root.create(code)

    assert await root.query(position=1, anchorOffset=-1) == await root.query(position=1)


async def test_no_text_collation_bears_on_dates_and_numbers(root: Client) -> None:
    for code, size, ends in (("a", 10, "2027-01-01T00:00:00Z"), ("b", 9, "2026-01-01T00:00:00Z")):
        await root.create(code, size=size, endsAt=ends)

    for name in ("size", "endsAt"):
        plain = await root.query(sort=[{"property": name}])
        assert await root.query(sort=[{"property": name, "collation": "i;octet"}]) == plain
        assert len(plain["ids"]) == 2


async def test_a_creation_id_that_is_used_again_stands_for_the_newest_object(root: Client) -> None:
    response = await root.batch(
        ("x:Team/set", {"create": {"k": {"name": "red"}}}),
        ("x:Widget/set", {"create": {"k": {"code": "a"}}}),
        ("x:Widget/set", {"update": {"#k": {"note": "new"}}}),
        created_ids={"k": "i1"},
    )
    id = response["methodResponses"][1][1]["created"]["k"]["id"]

    assert response["methodResponses"][2][1]["updated"] == {id: None}
    assert response["createdIds"] == {"k": id}


@pytest.mark.parametrize(
    "change", [{"update": {"#k": {"note": "new"}}}, {"destroy": ["#k"]}], ids=["update", "destroy"]
)
async def test_a_creation_id_stays_with_the_older_object_where_no_newer_one_is_created(
    root: Client, change: dict[str, Any]
) -> None:
    response = await root.batch(
        ("x:Widget/set", {"create": {"k": {"code": "a"}}}),
        ("x:Widget/set", {"create": {"k": {"code": "a"}}, **change}),
        created_ids={},
    )
    (_, first, _), (_, second, _) = response["methodResponses"]
    id = first["created"]["k"]["id"]

    assert second["notCreated"]["k"]["type"] == "primaryKeyViolation"
    assert (second["updated"], second["destroyed"]) == (({id: None}, None) if "update" in change else (None, [id]))
    assert response["createdIds"] == {"k": id}


async def test_what_is_to_be_destroyed_by_an_older_creation_id_is_not_updated(root: Client) -> None:
    response = await root.batch(
        ("x:Widget/set", {"create": {"k": {"code": "a"}}}),
        ("x:Widget/set", {"create": {"k": {"code": "a"}}, "update": {"#k": {"note": "new"}}, "destroy": ["#k"]}),
    )
    (_, first, _), (_, second, _) = response["methodResponses"]
    id = first["created"]["k"]["id"]

    assert second["notUpdated"][id]["type"] == "willDestroy"
    assert second["destroyed"] == [id]


async def test_an_object_that_is_named_as_well_is_not_taken_for_what_was_not_created(root: Client) -> None:
    id = await root.create("a")
    response = await root.batch(
        (
            "x:Widget/set",
            {"create": {"k": {"code": "a"}}, "update": {id: {"note": "its own"}, "#k": {"note": "other"}}},
        ),
        created_ids={"k": id},
    )
    answer = response["methodResponses"][0][1]

    assert (answer["updated"], answer["notUpdated"]["#k"]["type"]) == ({id: None}, "notFound")


async def test_an_object_may_refer_to_an_older_one_with_its_own_creation_id(root: Client) -> None:
    """As long as it is being created, the creation id stands for what was created before it."""
    response = await root.batch(
        ("x:Team/set", {"create": {"new": {"name": "red"}}}),
        ("x:Widget/set", {"create": {"new": {"code": "a", "teamId": "#new"}}}),
    )
    team, widget = (answer["created"]["new"]["id"] for _, answer, _ in response["methodResponses"])

    assert (await root.get(widget))["list"][0]["teamId"] == team


async def test_a_creation_id_is_known_only_from_its_creation_on(root: Client) -> None:
    """The server does not look ahead to later calls."""
    response = await root.batch(
        ("x:Widget/set", {"create": {"new": {"code": "a", "teamId": "#team"}}}),
        ("x:Team/set", {"create": {"team": {"name": "red"}}}),
    )

    assert response["methodResponses"][0][1]["notCreated"]["new"]["type"] == "invalidForeignKey"


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("invalidArguments", {"create": {"new": {"code": "a"}}, "colour": "red"}),
    ("accountNotFound", {"create": {"new": {"code": "a"}}, "accountId": "elsewhere"}),
    ("stateMismatch", {"create": {"new": {"code": "a"}}, "ifInState": "elsewhere"}),
    ("requestTooLarge", {"create": {"new": {"code": "a"}}, "destroy": ["i1", "i2"]}),
    ("invalidResultReference", {"create": {"new": {"code": "a"}}, "#ids": {"resultOf": "x", "name": "", "path": ""}}),
]  # fmt: skip


@pytest.mark.parametrize(("type", "arguments"), REFUSED, ids=[type for type, _ in REFUSED])
async def test_a_call_that_ends_in_an_error_changed_nothing(
    tmp_path: Path, type: str, arguments: dict[str, Any]
) -> None:
    async with open_widgets(tmp_path, Limits(max_objects_in_set=2)) as widgets:
        root = widgets.client()
        before = await root.get()

        assert (await root.set(**arguments))["type"] == type
        assert await root.get() == before


async def test_an_object_that_would_be_too_large_stays_as_it_was(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    id = await root.create("a")
    before = (await root.get(id))["list"]
    monkeypatch.setattr(plan, "MAX_OBJECT_SIZE", 400)
    note = "x" * 200
    answer = await root.set(create={"new": {"code": "b", "note": note}}, update={id: {"note": note}})

    assert answer["notCreated"]["new"]["type"] == answer["notUpdated"][id]["type"] == "tooLarge"
    assert (await root.get())["list"] == before
