"""Foo/query (RFC 8620 section 5.5), with the pretend types. The meaning of filters is tested with the stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.protocol.types import CORE, Limits
from tests.support.widget import CAPABILITY, EXTRA
from tests.support.widgets import Client, Widgets, open_widgets


async def codes(client: Client, **arguments: Any) -> list[str]:
    """Return the codes of what a query finds, in order, by a back-reference of one request."""
    response = await client.batch(
        ("x:Widget/query", arguments),
        (
            "x:Widget/get",
            {"#ids": {"resultOf": "c0", "name": "x:Widget/query", "path": "/ids"}, "properties": ["code"]},
        ),
    )
    assert response["methodResponses"][0][0] == "x:Widget/query", response
    return [widget["code"] for widget in response["methodResponses"][1][1]["list"]]


async def test_the_answer_has_the_members_of_the_rfc(root: Client) -> None:
    id = await root.create("a")
    answer = await root.query(calculateTotal=True)
    state = (await root.get())["state"]
    assert answer == {
        "accountId": "global",
        "queryState": state,
        "canCalculateChanges": True,
        "position": 0,
        "ids": [id],
        "total": 1,
    }


async def test_without_sort_the_newest_comes_first(root: Client) -> None:
    for code in "bca":
        await root.create(code)
    assert await codes(root) == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([{"property": "code"}], ["a", "B", "c"]),
        ([{"property": "code", "isAscending": False}], ["c", "B", "a"]),
        ([{"property": "size"}], ["c", "a", "B"]),
        ([{"property": "size", "isAscending": False}], ["a", "c", "B"]),
        ([{"property": "isNothing"}], None),
        ([{"property": "id"}], ["a", "B", "c"]),
        ([{"property": "note"}, {"property": "code", "isAscending": False}], ["c", "B", "a"]),
        ([], ["c", "B", "a"]),
        (None, ["c", "B", "a"]),
    ],
)
async def test_sorts_order_with_nulls_last_and_ties_by_id(
    root: Client, sort: list[dict[str, Any]] | None, expected: list[str] | None
) -> None:
    await root.create("a", size=2)
    await root.create("B")
    await root.create("c", size=1)
    if expected is None:
        assert (await root.call("x:Widget/query", sort=sort))[1]["type"] == "unsupportedSort"
    else:
        assert await codes(root, sort=sort) == expected


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (None, "abc"),
        ({}, "abc"),
        ({"code": "b"}, "b"),
        ({"text": "app"}, "a"),
        ({"text": "app tree"}, "a"),
        ({"text": ""}, "abc"),
        ({"isHeavy": True}, "c"),
        ({"isHeavy": False, "text": "tree"}, "ab"),
        ({"tag": "fruit"}, "a"),
        ({"tag": "bare"}, "bc"),
        ({"status": "ended"}, "b"),
        ({"status": "heavy"}, "c"),
        ({"status": "active"}, "a"),
        ({"operator": "NOT", "conditions": [{"status": "ended"}]}, "ac"),
        ({"operator": "OR", "conditions": [{"status": "planned"}] * 1000}, ""),
        ({"operator": "OR", "conditions": [{"code": "a"}, {"code": "c"}]}, "ac"),
        ({"operator": "AnyOf", "conditions": [{"code": "a"}, {"code": "c"}]}, "ac"),
        ({"operator": "AND", "conditions": [{"text": "tree"}, {"code": "b"}]}, "b"),
        ({"operator": "AllOf", "conditions": []}, "abc"),
        ({"operator": "OR", "conditions": []}, ""),
        ({"operator": "NOT", "conditions": [{"code": "a"}, {"code": "b"}]}, "c"),
        ({"operator": "Not", "conditions": [{"endsAtIsGreaterThan": "2026-01-01T00:00:00Z"}]}, "bc"),
        ({"endsAtIsLessThanOrEqual": "2099-01-01T00:00:00+00:00"}, "abc"),
        ({"teamId": None}, "abc"),
        ({"teamId": "nobody"}, ""),
        ({"operator": "OR", "conditions": [{"code": "a"}] * 1000}, "a"),
        ({"operator": "NOT", "conditions": [{"operator": "OR", "conditions": [{"code": "a"}]}] * 999}, "bc"),
        ({"text": "tree " * 300}, "ab"),
    ],
)
async def test_filters_select(root: Client, filter: dict[str, Any] | None, expected: str) -> None:
    await root.create("a", note="An apple-tree", endsAt="2099-01-01T00:00:00Z", tags={"fruit": True})
    await root.create("b", note="Trees", endsAt="2026-01-01T00:00:00Z")
    await root.create("c", isHeavy=True, endsAt="2026-01-01T00:00:00Z")
    assert "".join(await codes(root, filter=filter, sort=[{"property": "code"}])) == expected


@pytest.mark.parametrize(
    ("filter", "type", "said"),
    [
        ({"colour": "red"}, "unsupportedFilter", "'colour'"),
        ({"note": "x"}, "unsupportedFilter", "'note'"),
        ({"secret": "x"}, "unsupportedFilter", "'secret'"),
        ({"origin": "x"}, "unsupportedFilter", "'origin'"),
        ({"extra": "x"}, "unsupportedFilter", "'extra'"),
        ({"codeIsGreaterThan": "x"}, "unsupportedFilter", "'codeIsGreaterThan'"),
        ({"code": 5}, "unsupportedFilter", "code must be a string"),
        ({"code": None}, "unsupportedFilter", "code must be a string"),
        ({"text": None}, "unsupportedFilter", "text must be a string"),
        ({"tag": 5}, "unsupportedFilter", "tag must be a string"),
        ({"status": "Active"}, "unsupportedFilter", "status must be one of active, heavy"),
        ({"teamId": 5}, "unsupportedFilter", "teamId must be an id"),
        ({"endsAtIsLessThan": None}, "unsupportedFilter", "endsAtIsLessThan must be a date"),
        ({"endsAtIsLessThan": "soon"}, "unsupportedFilter", "endsAtIsLessThan must be a date"),
        ({"operator": "OR", "conditions": [{}], "code": "a"}, "unsupportedFilter", "'code'"),
        ({"operator": "XOR", "conditions": []}, "invalidArguments", "operator"),
        ({"operator": ["OR"], "conditions": []}, "invalidArguments", "operator"),
        ({"operator": "OR"}, "invalidArguments", "conditions"),
        ({"operator": "OR", "conditions": {}}, "invalidArguments", "conditions"),
        ({"operator": "OR", "conditions": ["a"]}, "invalidArguments", "filter"),
        ([], "invalidArguments", "filter"),
        ("a", "invalidArguments", "filter"),
        ({"operator": "OR", "conditions": [{"code": "a"}] * 1001}, "unsupportedFilter", "conditions"),
        (
            {"operator": "OR", "conditions": [{"operator": "OR", "conditions": []}] * 1000},
            "unsupportedFilter",
            "operators",
        ),
        ({"text": " ".join(f"w{number}" for number in range(101))}, "unsupportedFilter", "words"),
    ],
)
async def test_a_filter_that_cannot_be_answered_is_named(root: Client, filter: Any, type: str, said: str) -> None:
    name, error = await root.call("x:Widget/query", filter=filter)
    assert (name, error["type"]) == ("error", type)
    assert said in error["description"]


@pytest.mark.parametrize(
    ("sort", "type"),
    [
        ([{"property": "tags"}], "unsupportedSort"),
        ([{"property": "secret"}], "unsupportedSort"),
        ([{"property": "extra"}], "unsupportedSort"),
        ([{"property": "code", "collation": "i;ascii-numeric"}], "unsupportedSort"),
        ([{"property": "code", "collation": 5}], "invalidArguments"),
        ([{"property": "code", "keyword": "x"}], "unsupportedSort"),
        ([{"property": "code"}] * 11, "unsupportedSort"),
        ([{}], "invalidArguments"),
        ([{"property": 5}], "invalidArguments"),
        ([{"property": "code", "isAscending": "yes"}], "invalidArguments"),
        (["code"], "invalidArguments"),
        ("code", "invalidArguments"),
        ({"property": "code"}, "invalidArguments"),
        ({}, "invalidArguments"),
        ("", "invalidArguments"),
    ],
)
async def test_a_sort_that_cannot_be_made_is_refused(root: Client, sort: Any, type: str) -> None:
    name, error = await root.call("x:Widget/query", sort=sort)
    assert (name, error["type"]) == ("error", type)


@pytest.mark.parametrize(
    ("window", "expected", "position"),
    [
        ({}, "abcde", 0),
        ({"position": 2}, "cde", 2),
        ({"position": 2, "limit": 2}, "cd", 2),
        ({"position": -2}, "de", 3),
        ({"position": -9, "limit": 1}, "a", 0),
        ({"position": 9}, "", 9),
        ({"limit": 0}, "", 0),
        ({"anchor": "c"}, "cde", 2),
        ({"anchor": "c", "anchorOffset": 1, "limit": 1}, "d", 3),
        ({"anchor": "c", "anchorOffset": -1, "limit": 1}, "b", 1),
        ({"anchor": "c", "anchorOffset": -9, "limit": 1}, "a", 0),
        ({"anchor": "e", "anchorOffset": 1}, "", 5),
        ({"anchor": "c", "position": 4}, "cde", 2),
    ],
)
async def test_windows(root: Client, window: dict[str, Any], expected: str, position: int) -> None:
    ids = {code: await root.create(code) for code in "abcde"}
    if "anchor" in window:
        window = window | {"anchor": ids[window["anchor"]]}
    answer = await root.query(sort=[{"property": "code"}], **window)
    assert answer["ids"] == [ids[code] for code in expected]
    assert (answer["position"], "limit" in answer, "total" in answer) == (position, False, False)


async def test_an_anchor_that_is_not_among_the_results_is_an_error(root: Client, red: Client, blue: Client) -> None:
    mine, theirs = await red.create("a"), await blue.create("b")
    for arguments in ({"anchor": "nobody"}, {"anchor": theirs}, {"anchor": mine, "filter": {"code": "x"}}):
        name, error = await red.call("x:Widget/query", **arguments)
        assert (name, error["type"]) == ("error", "anchorNotFound")


async def test_limit_is_told_only_when_the_server_cut(tmp_path: Path) -> None:
    async with open_widgets(tmp_path, Limits(max_query_results=2)) as widgets:
        root = widgets.client()
        await root.create("a")
        await root.create("b")
        assert "limit" not in await root.query()
        await root.create("c")
        assert ((await root.query())["limit"], len((await root.query())["ids"])) == (2, 2)
        assert (await root.query(limit=100))["limit"] == 2
        assert "limit" not in await root.query(limit=2)


async def test_a_tenant_counts_only_what_is_its_own(root: Client, red: Client, blue: Client) -> None:
    await red.create("a")
    await blue.create("b")
    everything: dict[str, Any] = {
        "operator": "OR",
        "conditions": [{}, {"operator": "NOT", "conditions": [{"code": "x"}]}],
    }
    assert await codes(red, filter=everything) == ["a"]
    assert (await red.query(filter=everything, calculateTotal=True))["total"] == 1
    assert (await red.query(filter={"teamId": blue.principal.account}, calculateTotal=True))["total"] == 0
    assert (await root.query(filter=everything, calculateTotal=True))["total"] == 2


async def test_the_query_state_moves_with_the_account(red: Client, blue: Client) -> None:
    before = (await red.query())["queryState"]
    await blue.create("b")
    assert (await red.query())["queryState"] == before
    await red.create("a")
    assert (await red.query())["queryState"] != before


async def test_properties_of_another_capability_can_be_asked_for_with_it(widgets: Widgets) -> None:
    extra = widgets.client(using=(CORE, CAPABILITY, EXTRA))
    await extra.create("a", extra="x")
    await extra.create("b")
    assert await codes(extra, filter={"extra": "x"}, sort=[{"property": "extra"}]) == ["a"]


async def test_the_permission_that_is_missing_is_named(widgets: Widgets) -> None:
    client = widgets.client(permissions=frozenset({"sysWidgetGet"}))
    assert await client.call("x:Widget/query") == (
        "error",
        {"type": "forbidden", "description": "This needs the permission sysWidgetQuery."},
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"position": "0"}, "$.position"),
        ({"position": 1.5}, "$.position"),
        ({"position": 2**53}, "$.position"),
        ({"position": -(2**53)}, "$.position"),
        ({"position": None}, "$.position"),
        ({"anchor": 5}, "$.anchor"),
        ({"anchorOffset": True}, "$.anchorOffset"),
        ({"limit": -1}, "$.limit"),
        ({"limit": 2**53}, "$.limit"),
        ({"calculateTotal": 1}, "$.calculateTotal"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_argument_is_named(root: Client, arguments: dict[str, Any], said: str) -> None:
    name, error = await root.call("x:Widget/query", **arguments)
    assert (name, error["type"]) == ("error", "invalidArguments")
    assert said in error["description"]
