"""Blobs as long as they last, and Blob/copy (RFC 8620 sections 6 and 6.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.blob import BATCH, Blobs, blob_methods
from jmap_oauth.protocol.dispatch import Dispatcher
from jmap_oauth.protocol.errors import RequestError
from jmap_oauth.protocol.types import CORE, Limits
from tests.support.stores import look, open_on_sqlite
from tests.support.widget import CAPABILITY
from tests.support.widgets import ALL, Client, Widgets

QUOTA = 100_000
READ_ONLY = frozenset({"sysWidgetGet", "sysWidgetQuery"})
MISSING = {"type": "notFound", "description": "There is no such blob."}


@dataclass
class Clock:
    """A clock that stands still unless it is set on."""

    time: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **times: int) -> None:
        self.time += timedelta(**times)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def blobs(widgets: Widgets, clock: Clock) -> Blobs:
    return Blobs(widgets.backing.store, 24, QUOTA, clock=clock, seconds=0.01)


@dataclass(frozen=True)
class Key:
    """One key, its blobs, and a way to send Blob/copy with it."""

    blobs: Blobs
    client: Client

    async def put(self, data: bytes) -> str:
        return await self.blobs.put(self.client.principal, data)

    async def get(self, id: str) -> bytes | None:
        return await self.blobs.get(self.client.principal, id)

    async def copy(self, *ids: str, **arguments: Any) -> tuple[str, Any]:
        account = self.client.principal.account
        return await self.client.call("Blob/copy", **{"fromAccountId": account, "blobIds": ids, **arguments})


def make_key(
    widgets: Widgets, blobs: Blobs, id: str = "ann", account: str = "global", permissions: frozenset[str] = ALL
) -> Key:
    methods = blob_methods(blobs, widgets.backing.policy, Limits(max_objects_in_set=3))
    dispatcher = Dispatcher(methods, frozenset({CORE, CAPABILITY}), Limits())
    principal = Principal(id=id, name=id, account=account, permissions=permissions)
    return Key(blobs, Client(dispatcher, principal, (CORE,)))


@pytest.fixture
def ann(widgets: Widgets, blobs: Blobs) -> Key:
    return make_key(widgets, blobs)


@pytest.fixture
def bob(widgets: Widgets, blobs: Blobs) -> Key:
    """Another key of the same account."""
    return make_key(widgets, blobs, "bob")


@pytest.fixture
def tom(widgets: Widgets, blobs: Blobs) -> Key:
    """A key of another account."""
    return make_key(widgets, blobs, "tom", "t1")


# How long they last


async def test_the_same_bytes_have_the_same_id_whoever_uploads_them(ann: Key, tom: Key) -> None:
    ids = [await ann.put(b"a"), await ann.put(b"a"), await tom.put(b"a"), await ann.put(b"b")]
    assert len(set(ids)) == 2
    assert ids[0] == "bpabo24ma3euslum266ppk8us9mjodrvo2hu4sslpg1robbve92tg"


async def test_only_the_key_that_uploaded_a_blob_has_it(ann: Key, bob: Key, tom: Key) -> None:
    id = await ann.put(b"a")
    assert [await each.get(id) for each in (ann, bob, tom)] == [b"a", None, None]


async def test_a_blob_is_there_for_its_hours_and_not_a_second_longer(ann: Key, clock: Clock) -> None:
    id = await ann.put(b"a")
    clock.pass_by(hours=24)
    assert await ann.get(id) == b"a"
    clock.pass_by(seconds=1)
    assert await ann.get(id) is None


async def test_an_upload_of_the_same_begins_the_hours_again(ann: Key, clock: Clock) -> None:
    id = await ann.put(b"a")
    clock.pass_by(hours=20)
    assert await ann.put(b"a") == id
    clock.pass_by(hours=20)
    assert await ann.get(id) == b"a"


async def test_what_is_new_takes_the_place_of_the_oldest(ann: Key, tom: Key, clock: Clock) -> None:
    ids = []
    for letter in (b"a", b"b", b"c"):
        ids.append(await ann.put(letter * 40_000))
        clock.pass_by(minutes=1)
    others = await tom.put(b"x" * 40_000)
    assert [await ann.get(id) is None for id in ids] == [True, False, False]
    assert await tom.get(others) is not None


@pytest.fixture
async def dropping(blobs: Blobs) -> AsyncIterator[None]:
    """Drop what is over in the background."""
    running = asyncio.create_task(blobs.run())
    yield
    blobs.close()
    await running


def rows(folder: Path) -> int:
    return len(look(folder / "widgets.db", "SELECT id FROM blob"))


@pytest.mark.usefixtures("dropping")
@pytest.mark.parametrize("open_store", [open_on_sqlite])  # into whose file it looks
async def test_what_is_over_is_dropped_by_itself_and_nothing_else(ann: Key, clock: Clock, tmp_path: Path) -> None:
    for number in range(2 * BATCH + 5):
        await ann.put(b"%d" % number)
    assert rows(tmp_path) <= QUOTA // 4096
    clock.pass_by(hours=25)
    kept = await ann.put(b"new")
    while rows(tmp_path) > 1:
        await asyncio.sleep(0.01)
    assert await ann.get(kept) == b"new"


async def test_dropping_waits_for_a_store_that_cannot_be_written(
    widgets: Widgets, blobs: Blobs, caplog: pytest.LogCaptureFixture
) -> None:
    await widgets.backing.store.close()
    running = asyncio.create_task(blobs.run())
    with caplog.at_level(logging.WARNING):
        while len(caplog.messages) < 2:
            await asyncio.sleep(0.01)
    blobs.close()
    await running
    assert set(caplog.messages) == {"Blobs that are over wait for the store: the database is not open"}


# Blob/copy


async def test_blobs_are_copied_to_where_they_are(ann: Key) -> None:
    ids = [await ann.put(data) for data in (b"a", b"b")]
    assert await ann.copy(*ids, ids[0]) == (
        "Blob/copy",
        {"fromAccountId": "global", "accountId": "global", "copied": {id: id for id in ids}, "notCopied": None},
    )


async def test_what_is_not_there_is_not_copied(ann: Key) -> None:
    id = await ann.put(b"a")
    assert await ann.copy("nowhere", id, "", accountId="global") == (
        "Blob/copy",
        {
            "fromAccountId": "global",
            "accountId": "global",
            "copied": {id: id},
            "notCopied": {"nowhere": MISSING, "": MISSING},
        },
    )


async def test_others_and_those_that_are_over_are_not_copied(ann: Key, bob: Key, tom: Key, clock: Clock) -> None:
    over = await ann.put(b"over")
    clock.pass_by(hours=25)
    ids = [over, await bob.put(b"bob's"), await tom.put(b"theirs")]
    assert (await ann.copy(*ids))[1] == {
        "fromAccountId": "global",
        "accountId": "global",
        "copied": None,
        "notCopied": dict.fromkeys(ids, MISSING),
    }


async def test_a_tenant_copies_in_its_own_account(tom: Key) -> None:
    id = await tom.put(b"a")
    assert (await tom.copy(id))[1] == {
        "fromAccountId": "t1", "accountId": "t1", "copied": {id: id}, "notCopied": None,
    }  # fmt: skip


async def test_a_copy_lasts_as_long_as_an_upload(ann: Key, clock: Clock) -> None:
    id = await ann.put(b"a")
    clock.pass_by(hours=20)
    await ann.copy(id)
    clock.pass_by(hours=20)
    assert await ann.get(id) == b"a"


async def test_no_blobs_are_copied_for_none(ann: Key) -> None:
    assert (await ann.copy())[1] == {
        "fromAccountId": "global", "accountId": "global", "copied": None, "notCopied": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "type"),
    [
        ({"fromAccountId": "t1"}, "fromAccountNotFound"),
        ({"fromAccountId": ""}, "fromAccountNotFound"),
        ({"accountId": "t1"}, "accountNotFound"),
        ({"accountId": "t1", "fromAccountId": "t1"}, "accountNotFound"),
        ({"fromAccountId": None}, "invalidArguments"),
        ({"blobIds": None}, "invalidArguments"),
        ({"blobIds": "b"}, "invalidArguments"),
        ({"blobIds": [1]}, "invalidArguments"),
        ({"blobIds": {}}, "invalidArguments"),
        ({"colour": "red"}, "invalidArguments"),
        ({"blobIds": ["a", "b", "c", "d"]}, "requestTooLarge"),
    ],
)
async def test_a_wrong_argument_is_refused(ann: Key, arguments: dict[str, object], type: str) -> None:
    name, error = await ann.copy(**arguments)
    assert (name, error["type"]) == ("error", type)


@pytest.mark.parametrize("missing", ["fromAccountId", "blobIds"])
async def test_a_missing_argument_is_named(ann: Key, missing: str) -> None:
    arguments: dict[str, Any] = {"fromAccountId": "global", "blobIds": []}
    del arguments[missing]
    name, error = await ann.client.call("Blob/copy", **arguments)
    assert (name, error["type"]) == ("error", "invalidArguments")
    assert missing in error["description"]


async def test_a_key_that_may_change_nothing_may_not_copy(widgets: Widgets, blobs: Blobs) -> None:
    assert await make_key(widgets, blobs, permissions=READ_ONLY).copy() == (
        "error",
        {"type": "accountReadOnly", "description": "This key has no permission to change anything."},
    )


async def test_a_store_that_does_not_answer_is_said_to_be_unavailable(widgets: Widgets, ann: Key) -> None:
    await widgets.backing.store.close()
    assert await ann.copy("b") == (
        "error",
        {"type": "serverUnavailable", "description": "Nothing was done: the database is not open"},
    )


async def test_without_the_core_capability_the_method_does_not_exist(ann: Key) -> None:
    client = Client(ann.client.dispatcher, ann.client.principal, (CAPABILITY,))
    assert (await client.call("Blob/copy"))[1]["type"] == "unknownMethod"


async def test_it_changes_something_so_no_member_may_come_twice(ann: Key) -> None:
    body = b'{"using": [], "methodCalls": [["Blob/copy", {"blobIds": ["a"], "blobIds": ["b"]}, "c0"]]}'
    with pytest.raises(RequestError, match="two members of the same name"):
        ann.client.dispatcher.parse(body)
