"""Foo/set where objects belong to others: they come, go and move with them, and change what is seen of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.access.policy import permissions_of
from tests.methods.boxes import change, create, hashes, key_of, lines, read, states, update
from tests.support.box import MADE_KEY, make_box_model, write_log
from tests.support.stores import OpenStore
from tests.support.widgets import Client, Widgets, open_widgets

MASK = "****"


@pytest.fixture
async def boxes(tmp_path: Path, open_store: OpenStore) -> AsyncIterator[Widgets]:
    async with open_widgets(tmp_path, model=make_box_model(), audit=write_log, open_store=open_store) as opened:
        yield opened


def caller(boxes: Widgets, account: str = "global", **facts: Any) -> Client:
    return boxes.client(account, frozenset(permissions_of(boxes.backing.model)), **facts)


@pytest.fixture
def root(boxes: Widgets) -> Client:
    return caller(boxes)


@pytest.fixture
async def red(boxes: Widgets) -> Client:
    return caller(boxes, (await boxes.team("red")).principal.account)


@pytest.fixture
async def blue(boxes: Widgets) -> Client:
    return caller(boxes, (await boxes.team("blue")).principal.account)


# accounts


async def test_what_belongs_to_an_object_is_seen_by_those_who_see_that(root: Client, red: Client, blue: Client) -> None:
    box = await create(red, "Box")
    lock = await create(root, "Lock", boxId=box["id"], note="n", code="open")
    assert [each["id"] for each in await read(red, "Lock")] == [lock["id"]]
    assert await read(blue, "Lock", lock["id"]) == []


async def test_nothing_can_be_given_to_an_owner_that_is_not_seen(red: Client, blue: Client) -> None:
    theirs = (await create(blue, "Box"))["id"]
    answer = await change(red, "Lock", create={"foreign": {"boxId": theirs}, "unknown": {"boxId": "i1"}})
    errors = [{**error, "objectId": None} for error in answer["notCreated"].values()]
    assert errors[0] == errors[1]
    assert errors[0]["type"] == "invalidForeignKey"


async def test_the_account_of_what_belongs_to_an_object_is_not_the_clients(root: Client, red: Client) -> None:
    box = await create(red, "Box")
    answer = await change(root, "Lock", create={"new": {"boxId": box["id"], "teamId": None}})
    assert answer["notCreated"]["new"]["properties"] == ["teamId"]


async def test_an_owner_that_an_earlier_call_created_is_named_by_its_creation_id(red: Client) -> None:
    response = await red.batch(
        ("x:Box/set", {"create": {"box": {}}}), ("x:Lock/set", {"create": {"lock": {"boxId": "#box"}}})
    )
    first, second = (each[1]["created"] for each in response["methodResponses"])
    [lock] = await read(red, "Lock")
    assert (lock["id"], lock["boxId"]) == (second["lock"]["id"], first["box"]["id"])


async def test_what_belongs_to_an_object_moves_with_it_and_all_accounts_notice(
    root: Client, red: Client, blue: Client
) -> None:
    box = (await create(red, "Box", key="open"))["id"]
    [lock] = await read(red, "Lock")
    before = await states(root, red, blue)
    await update(root, "Box", box, teamId=blue.principal.account)
    assert (await read(red, "Lock"), await read(blue, "Lock")) == ([], [lock])
    assert [old != new for old, new in zip(before, await states(root, red, blue), strict=True)] == [True, True, True]


async def test_changes_tell_of_a_move_in_each_account(root: Client, red: Client, blue: Client) -> None:
    box = (await create(red, "Box", key="open"))["id"]
    [lock] = [each["id"] for each in await read(red, "Lock")]
    since = [(await each.call("x:Lock/get", ids=[]))[1]["state"] for each in (root, red, blue)]
    await update(root, "Box", box, teamId=blue.principal.account)
    found = [
        (await each.call("x:Lock/changes", sinceState=state))[1]
        for each, state in zip((root, red, blue), since, strict=True)
    ]
    told = [(each["created"], each["updated"], each["destroyed"]) for each in found]
    assert told == [([], [lock], []), ([], [], [lock]), ([lock], [], [])]


async def test_a_move_and_a_new_key_at_once_leave_one_lock_in_the_new_account(
    boxes: Widgets, root: Client, red: Client, blue: Client
) -> None:
    box = (await create(red, "Box", key="old"))["id"]
    await update(root, "Box", box, teamId=blue.principal.account, key="new")
    assert len(await read(blue, "Lock")) == 1
    assert await read(red, "Lock") == []
    assert await key_of(boxes, blue, "new") == ["by the box"]


async def test_what_belongs_to_an_object_goes_with_it(root: Client, red: Client) -> None:
    box = (await create(red, "Box", key="open", isLocked=True))["id"]
    await create(red, "Lock", boxId=box, code="second")
    assert (await change(red, "Box", destroy=[box]))["destroyed"] == [box]
    assert await read(root, "Lock") == []


async def test_a_team_is_linked_to_its_boxes_and_not_also_to_what_belongs_to_them(root: Client, red: Client) -> None:
    box = (await create(red, "Box", key="open"))["id"]
    team = red.principal.account
    answer = await change(root, "Team", destroy=[team])
    assert answer["notDestroyed"][team]["linkedObjects"] == [{"object": "Box", "id": box}]


async def test_a_team_whose_log_is_kept_can_go(root: Client, red: Client) -> None:
    box = (await create(red, "Box"))["id"]
    await change(red, "Box", destroy=[box])
    team = red.principal.account
    assert (await change(root, "Team", destroy=[team]))["destroyed"] == [team]
    assert [each["teamId"] for each in await read(root, "Log")] == [team] * 2


# cascades


async def test_one_call_is_one_change_of_each_type(root: Client) -> None:
    await change(root, "Box", create={name: {"key": name} for name in "abc"})
    since = (await root.call("x:Lock/get", ids=[]))[1]["state"]
    await change(root, "Box", update={each["id"]: {"key": "new"} for each in await read(root, "Box")})
    name, log = await root.call("x:Lock/changes", sinceState=since, maxChanges=6)
    assert (name, len(log["created"]), len(log["destroyed"])) == ("x:Lock/changes", 3, 3)
    assert log["hasMoreChanges"] is False


async def test_a_view_is_masked_while_there_is_something_behind_it(root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    first, second = [(await create(root, "Lock", boxId=box, code=code))["id"] for code in ("one", "two")]
    seen = []
    for id in (first, second):
        seen.append((await read(root, "Box", box))[0]["key"])
        await change(root, "Lock", destroy=[id])
    assert [*seen, (await read(root, "Box", box))[0]["key"]] == [MASK, MASK, None]


async def test_null_in_a_view_removes_what_is_behind_it(root: Client) -> None:
    box = (await create(root, "Box", key="open"))["id"]
    await update(root, "Box", box, key=None)
    assert (await read(root, "Lock"), (await read(root, "Box", box))[0]["key"]) == ([], None)


@pytest.mark.parametrize("key", [MASK, "one", "two"])
async def test_what_is_behind_a_view_given_again_is_no_change(boxes: Widgets, root: Client, key: str) -> None:
    box = (await create(root, "Box", key="one"))["id"]
    await create(root, "Lock", boxId=box, code="two")
    before = (await states(root), await read(root, "Box"), await lines(root))
    answer = await change(root, "Box", update={box: {"key": key}})
    assert (answer["updated"], answer["newState"]) == ({box: None}, answer["oldState"])
    assert (await states(root), await read(root, "Box"), await lines(root)) == before


async def test_a_new_secret_in_a_view_replaces_all_that_is_behind_it(boxes: Widgets, root: Client) -> None:
    box = (await create(root, "Box", key="one"))["id"]
    await create(root, "Lock", boxId=box, code="two")
    before = await hashes(boxes, *(each["id"] for each in await read(root, "Lock")))
    await update(root, "Box", box, key="three")
    [lock] = await read(root, "Lock")
    [hash] = (await hashes(boxes, lock["id"])).values()
    assert await key_of(boxes, root, "three") == ["by the box"]
    assert hash.split("$")[4] not in {each.split("$")[4] for each in before.values()}


async def test_of_many_who_replace_a_secret_at_once_one_is_the_last(boxes: Widgets, root: Client) -> None:
    box = (await create(root, "Box", key="first"))["id"]
    keys = [f"key {number}" for number in range(5)]
    answers = await asyncio.gather(*(change(root, "Box", update={box: {"key": key}}) for key in keys))
    assert any(answer.get("updated") for answer in answers)
    assert {answer.get("type") for answer in answers} <= {None, "serverUnavailable"}
    [lock] = [each["id"] for each in await read(root, "Lock")]
    [hash] = (await hashes(boxes, lock)).values()
    assert sum([len(await boxes.backing.hasher.matching(key, [hash])) for key in keys]) == 1


async def test_what_the_server_makes_is_shown_once(root: Client) -> None:
    created = await create(root, "Box", isLocked=True)
    updated = await update(root, "Box", (await create(root, "Box"))["id"], isLocked=True)
    assert (created["key"], updated["key"]) == (MADE_KEY, MADE_KEY)
    assert {each["key"] for each in await read(root, "Box")} == {MASK}


async def test_what_a_type_fills_in_is_told_and_overrides_nothing(root: Client) -> None:
    assert (await create(root, "Box", kinds={"tin": True}))["label"] == "tin"
    named = await create(root, "Box", kinds={"tin": True}, label=None, isLocked=True, key=None)
    assert "label" not in named
    assert (await read(root, "Box", named["id"]))[0]["label"] is None
    assert (await read(root, "Box", named["id"]))[0]["key"] is None


async def test_a_cascade_refuses_a_change_and_the_others_stay(root: Client) -> None:
    box = (await create(root, "Box", key="k"))["id"]
    answer = await change(root, "Lock", create={name: {"boxId": box, "code": name} for name in "abc"})
    assert [*answer["created"]] == ["a", "b"]
    assert answer["notCreated"]["c"] == {
        "type": "invalidProperties",
        "description": "boxId is full.",
        "properties": ["boxId"],
        "validationErrors": [{"type": "Invalid", "property": "boxId", "value": "is full"}],
    }
    assert len(await read(root, "Lock")) == 3


async def test_a_cascade_sees_what_the_same_call_did_before(root: Client) -> None:
    box = (await create(root, "Box", key="old", isLocked=True))["id"]
    [old] = [each["id"] for each in await read(root, "Lock")]
    assert (await change(root, "Lock", destroy=[old]))["notDestroyed"][old]["properties"] == ["boxId"]
    answer = await change(root, "Lock", create={"new": {"boxId": box, "code": "new"}}, destroy=[old])
    assert (list(answer["created"]), answer["destroyed"]) == (["new"], [old])


async def test_an_object_that_is_created_and_changed_in_one_call_keeps_its_secret(boxes: Widgets, root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    answer = await change(
        root, "Lock", create={"new": {"boxId": box, "code": "open"}}, update={"#new": {"note": "changed"}}
    )
    assert (answer["notCreated"], answer["notUpdated"]) == (None, None)
    assert await key_of(boxes, root, "open") == ["changed"]


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ({"destroy": ["#new"]}, []),
        ({"update": {"#new": {"key": "b"}}}, [MASK]),
        ({"update": {"#new": {"key": None}}}, [None]),
    ],
)
async def test_what_a_call_makes_and_takes_away_was_never_there(
    root: Client, more: dict[str, Any], keys: list[str | None]
) -> None:
    answer = await change(root, "Box", create={"new": {"key": "a"}}, **more)
    assert [answer[name] for name in ("notCreated", "notUpdated", "notDestroyed")] == [None] * 3
    assert [each["key"] for each in await read(root, "Box")] == keys
    assert len(await read(root, "Lock")) == keys.count(MASK)


async def test_an_owned_object_that_a_call_makes_and_destroys_leaves_nothing(root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    before = (await states(root), await lines(root), await read(root, "Box"))
    answer = await change(root, "Lock", create={"new": {"boxId": box, "code": "a"}}, destroy=["#new"])
    assert (answer["created"]["new"]["id"], answer["notDestroyed"]) == (answer["destroyed"][0], None)
    assert (await states(root), await lines(root), await read(root, "Box")) == before
    assert await read(root, "Lock") == []


# hashes


async def test_the_secrets_of_one_owner_share_a_salt_and_those_of_another_do_not(boxes: Widgets, root: Client) -> None:
    ids = [(await create(root, "Box"))["id"] for _ in "ab"]
    await change(root, "Lock", create={f"{id}{code}": {"boxId": id, "code": code} for id in ids for code in "12"})
    await create(root, "Lock", boxId=ids[0], code="3")
    locks = {each["id"]: each["boxId"] for each in await read(root, "Lock")}
    salts = {(locks[id], hash.rpartition("$")[0]) for id, hash in (await hashes(boxes, *locks)).items()}
    assert len(locks) == 5
    assert sorted(id for id, _ in salts) == ids


async def test_a_hash_is_kept_as_it_is_and_never_shown(boxes: Widgets, root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    hash = await boxes.backing.hasher.hash("open")
    created = await create(root, "Lock", boxId=box, codeHash=hash, note="theirs")
    [lock] = await read(root, "Lock")
    assert (lock["code"], created.keys() | lock.keys()) == (MASK, {"id", "boxId", "note", "code", "createdAt"})
    assert await hashes(boxes, lock["id"]) == {lock["id"]: hash}
    assert await key_of(boxes, root, "open") == ["theirs"]
    name, error = await root.call("x:Lock/get", ids=[], properties=["codeHash"])
    assert (name, error["type"]) == ("error", "invalidArguments")


@pytest.mark.parametrize("patch", [{"codeHash": "x"}, {"code": "x"}, {"code": None}, {"boxId": "i1"}])
async def test_a_hash_and_what_cannot_change_are_for_creation_only(root: Client, patch: dict[str, Any]) -> None:
    lock = (await create(root, "Lock", boxId=(await create(root, "Box"))["id"], code="open"))["id"]
    answer = await change(root, "Lock", update={lock: patch})
    assert answer["notUpdated"][lock]["properties"] == [*patch]


async def test_a_secret_and_a_hash_exclude_each_other(root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    answer = await change(root, "Lock", create={"new": {"boxId": box, "code": "a", "codeHash": "b"}})
    assert answer["notCreated"]["new"]["description"] == "codeHash cannot be given beside code."


async def test_the_text_of_a_hash_is_not_its_secret(boxes: Widgets, root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    hash = await boxes.backing.hasher.hash("open")
    await create(root, "Lock", boxId=box, codeHash=hash, note="theirs")
    await update(root, "Box", box, key=hash)
    assert await key_of(boxes, root, hash) == ["by the box"]


# stamps


async def test_who_made_and_changed_an_object_is_stamped(boxes: Widgets, root: Client) -> None:
    created = await create(root, "Box", label="a")
    assert created["createdBy"] == created["updatedBy"] == "key"
    assert created["createdAt"] == created["updatedAt"]
    answer = await update(caller(boxes, id="other"), "Box", created["id"], label="b")
    assert (answer["updatedBy"], answer.keys() <= {"updatedBy", "updatedAt"}) == ("other", True)
    assert (await read(root, "Box"))[0]["createdBy"] == "key"


@pytest.mark.parametrize("name", ["createdAt", "updatedAt", "createdBy", "updatedBy"])
async def test_stamps_are_not_the_clients(root: Client, name: str) -> None:
    box = (await create(root, "Box"))["id"]
    answer = await change(root, "Box", create={"new": {name: "x"}}, update={box: {name: "2020-01-01T00:00:00Z"}})
    assert [answer[key][id]["properties"] for key, id in (("notCreated", "new"), ("notUpdated", box))] == [[name]] * 2


async def test_a_new_secret_in_a_view_is_stamped(boxes: Widgets, root: Client) -> None:
    box = (await create(root, "Box", key="one"))["id"]
    assert (await update(caller(boxes, id="other"), "Box", box, key="two"))["updatedBy"] == "other"


async def test_what_only_the_server_sets_leaves_no_stamp(boxes: Widgets, root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    server = caller(boxes, id="system", is_server=True)
    await update(server, "Box", box, openedAt="2026-01-01T00:00:00Z")
    [kept] = await read(root, "Box")
    assert (kept["openedAt"], kept["updatedBy"]) == ("2026-01-01T00:00:00Z", "key")


# protection


async def test_what_is_protected_is_destroyed_only_by_a_call_after_it_was_set_free(
    boxes: Widgets, root: Client
) -> None:
    box = (await create(root, "Box", isSealed=True))["id"]
    for client in (root, caller(boxes, id="system", is_server=True)):
        answer = await change(client, "Box", update={box: {"isSealed": False}}, destroy=[box])
        assert answer["notUpdated"][box]["type"] == "willDestroy"
        assert answer["notDestroyed"][box] == {
            "type": "forbidden",
            "description": "It is protected from being destroyed as long as isSealed is true.",
        }
    await update(root, "Box", box, isSealed=False)
    assert (await change(root, "Box", destroy=[box]))["destroyed"] == [box]


# what is written down


async def test_every_change_of_an_audited_type_is_written_down_with_what_follows_from_it(root: Client) -> None:
    box = (await create(root, "Box"))["id"]
    await create(root, "Lock", boxId=box, code="open")
    await create(root, "Widget", code="not audited")
    await update(root, "Box", box, key="other", label="a")
    await change(root, "Box", destroy=[box])
    assert await lines(root) == [
        "key: Box",
        "key: Lock  code",
        "key: Box key key",
        "key: Box label key",
        "key: Lock",
        "key: Lock  code",
        "key: Box",
        "key: Lock",
    ]


async def test_what_is_refused_or_no_change_is_not_written_down(root: Client) -> None:
    box = (await create(root, "Box", label="a", isSealed=True))["id"]
    before = await lines(root)
    await change(root, "Box", create={"new": {"label": 5}}, update={box: {"label": "a"}}, destroy=[box])
    assert await lines(root) == before


async def test_the_server_names_itself_in_what_is_written_down(boxes: Widgets, root: Client) -> None:
    await create(caller(boxes, id="cli", is_server=True), "Box")
    assert await lines(root) == ["cli: Box"]


async def test_what_cannot_be_written_down_does_not_happen(tmp_path: Path) -> None:
    def fail(*_: Any) -> Any:
        raise LookupError

    async with open_widgets(tmp_path, model=make_box_model(), audit=fail) as boxes:
        name, error = await caller(boxes).call("x:Box/set", create={"new": {}})
        assert (name, error["type"]) == ("error", "serverFail")
        assert await read(caller(boxes), "Box") == []


async def test_a_read_only_type_has_no_set(root: Client) -> None:
    name, error = await root.call("x:Log/set")
    assert (name, error["type"]) == ("error", "unknownMethod")
