"""Foo/set where one object goes by two names, or is named in several parts of a call."""

from __future__ import annotations

from typing import Any

from tests.support.widgets import Client, Widgets


async def known_as(client: Client, id: str, **arguments: Any) -> tuple[str, Any]:
    """Call /set with the creation id `#other` standing for an object."""
    response = await client.batch(("x:Widget/set", arguments), created_ids={"other": id})
    name, answer, _ = response["methodResponses"][0]
    return name, answer


async def secret_is(widgets: Widgets, id: str, plain: str) -> bool:
    type, hasher = widgets.backing.model["Widget"], widgets.backing.hasher
    hashes = await widgets.backing.store.read(lambda reader: reader.hashes(type, type.by_name["secret"], [id]))
    return await hasher.verify(hashes[id], plain)


async def test_two_patches_of_one_object_are_refused(root: Client) -> None:
    id = await root.create("a", secret="one")
    name, error = await known_as(root, id, update={"#other": {"secret": "two"}, id: {"secret": "one"}})
    assert (name, error["type"]) == ("error", "invalidArguments")
    assert error["description"] == f"update: '#other' and {id!r} are the same object."


async def test_an_object_destroyed_under_two_names_has_one_outcome(root: Client) -> None:
    id = await root.create("a")
    _, answer = await known_as(root, id, destroy=["#other", id])
    assert (answer["destroyed"], answer["notDestroyed"]) == ([id], None)


async def test_what_is_destroyed_under_another_name_is_not_updated(root: Client) -> None:
    id = await root.create("a")
    _, answer = await known_as(root, id, update={id: {"note": "x"}}, destroy=["#other"])
    assert (answer["destroyed"], answer["notUpdated"][id]["type"]) == ([id], "willDestroy")


async def test_the_last_secret_of_an_object_that_is_created_and_updated_counts(root: Client, widgets: Widgets) -> None:
    answer = await root.set(create={"new": {"code": "a", "secret": "one"}}, update={"#new": {"secret": "two"}})
    id = answer["created"]["new"]["id"]
    assert await secret_is(widgets, id, "two")
    assert not await secret_is(widgets, id, "one")


async def test_a_refused_update_leaves_the_secret_of_the_create(root: Client, widgets: Widgets) -> None:
    update = {"#new": {"secret": "two", "size": -1}}
    answer = await root.set(create={"new": {"code": "a", "secret": "one"}}, update=update)
    assert await secret_is(widgets, answer["created"]["new"]["id"], "one")


async def test_a_removed_secret_leaves_no_hash(root: Client, widgets: Widgets) -> None:
    id = await root.create("a", secret="one")
    await root.set(update={id: {"secret": None}})
    type = widgets.backing.model["Widget"]
    assert await widgets.backing.store.read(lambda reader: reader.hashes(type, type.by_name["secret"], [id])) == {}


async def test_a_state_that_is_over_is_noticed_before_anything_is_hashed(root: Client, widgets: Widgets) -> None:
    widgets.backing.hasher.close()  # a hash would be a fault from now on
    name, error = await root.call("x:Widget/set", ifInState="over", create={"new": {"code": "a", "secret": "one"}})
    assert (name, error["type"]) == ("error", "stateMismatch")


async def test_many_objects_are_drafted_on_what_is_there_when_they_are_kept(root: Client) -> None:
    ids = [await root.create(f"w{number}", note="old") for number in range(12)]
    answer = await root.set(update={id: {"tags/x": True} for id in ids})
    assert answer["updated"] == dict.fromkeys(ids)
    assert {str(each) for each in (await root.get(*ids, properties=["note", "tags"]))["list"]} == {
        str({"id": id, "note": "old", "tags": {"x": True}}) for id in ids
    }


async def test_what_was_not_created_goes_by_the_name_that_the_client_gave_it(root: Client) -> None:
    answer = await root.set(create={"new": {}}, update={"#new": {"note": "x"}}, destroy=["#new"])
    assert list(answer["notCreated"]) == ["new"]
    assert answer["notUpdated"]["#new"]["type"] == "notFound"
    assert answer["notDestroyed"] == {"#new": {"type": "notFound"}}
