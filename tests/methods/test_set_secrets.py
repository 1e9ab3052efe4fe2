"""Foo/set of secrets: what is shown, kept and compared."""

from __future__ import annotations

import pytest

from tests.support.widgets import Client, Widgets


async def test_a_secret_reads_as_a_mask_and_never_as_itself(root: Client) -> None:
    id = await root.create("a", secret="plain text")
    assert (await root.get(id, properties=["secret"]))["list"] == [{"id": id, "secret": "****"}]
    assert (await root.set(update={id: {"secret": None}}))["updated"] == {id: None}
    assert (await root.get(id, properties=["secret"]))["list"] == [{"id": id, "secret": None}]


@pytest.mark.parametrize("secret", ["****", "plain text"])
async def test_the_mask_and_the_same_secret_are_no_change(root: Client, secret: str) -> None:
    id = await root.create("a", secret="plain text")
    answer = await root.set(update={id: {"secret": secret}})
    assert (answer["updated"], answer["newState"]) == ({id: None}, answer["oldState"])


async def test_another_secret_is_a_change(root: Client) -> None:
    id = await root.create("a", secret="plain text")
    answer = await root.set(update={id: {"secret": "other text"}})
    assert (answer["updated"], answer["notUpdated"]) == ({id: None}, None)
    assert answer["newState"] != answer["oldState"]


async def test_a_stored_hash_is_no_secret(root: Client, widgets: Widgets) -> None:
    id = await root.create("a", secret="plain text")
    stored = await hash_of(widgets, id)
    answer = await root.set(update={id: {"secret": stored}})
    assert answer["newState"] != answer["oldState"]
    assert await hash_of(widgets, id) not in (stored, None)


async def hash_of(widgets: Widgets, id: str) -> str:
    type = widgets.backing.model["Widget"]
    hashes = await widgets.backing.store.read(lambda reader: reader.hashes(type, type.by_name["secret"], [id]))
    return hashes[id]
