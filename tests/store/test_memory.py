"""What the memory of a store keeps, for how long, and when the database is asked all the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from jmap_oauth.model.definition import GLOBAL, ObjectType, Record
from jmap_oauth.store import memory
from jmap_oauth.store.interface import Changes, Reader, Store
from jmap_oauth.store.postgresql.store import PostgresqlStore
from jmap_oauth.store.sqlite import SqliteStore
from tests.support.stores import OpenStore, apply, change, create, make_team, make_widget, notice
from tests.support.widget import TEAM, WIDGET, make_model

NAMES = ("id", "code", "size")


async def is_remembered(store: Store, account: str, *ids: str, names: tuple[str, ...] = NAMES) -> bool:
    """Look objects up, and tell whether that took no database."""

    async def work(reader: Reader) -> bool:
        await reader.state(WIDGET, account)
        await reader.select(WIDGET, account, ids, names)
        return isinstance(reader, memory.Remembering)

    return await store.read(work, brief=True)


async def make_widgets(store: Store, number: int, account: str | None = None) -> Sequence[Record]:
    widgets = [make_widget(f"w{each}", account, size=0) for each in range(number)]
    await create(store, *widgets)
    return widgets


async def test_what_was_looked_up_is_found_without_the_database(store: Store) -> None:
    one, two = await make_widgets(store, 2)
    assert not await is_remembered(store, GLOBAL, one["id"], two["id"])
    assert await is_remembered(store, GLOBAL, one["id"], two["id"])
    assert await is_remembered(store, GLOBAL, two["id"])
    assert not await is_remembered(store, GLOBAL, two["id"], names=("id",))
    assert await is_remembered(store, GLOBAL, two["id"], names=("id",))
    assert await is_remembered(store, GLOBAL, two["id"])


async def test_a_change_forgets_nothing_but_what_was_changed(
    open_store: OpenStore, tmp_path: Path, store: Store
) -> None:
    other = await open_store(tmp_path, make_model())
    for writing in (store, other):
        one, two = await make_widgets(store, 2)
        await is_remembered(store, GLOBAL, one["id"], two["id"])
        await change(writing, one, code=f"{one['id']}x", size=1)
        await notice(store)
        assert await is_remembered(store, GLOBAL, two["id"])
        assert not await is_remembered(store, GLOBAL, one["id"])
        await apply(store, WIDGET, Changes(destroyed=[two, {**one, "size": 1}]))
    await other.close()


async def test_the_states_of_accounts_are_known_after_changes_of_others(store: Store) -> None:
    teams = [make_team("One"), make_team("Two")]
    await create(store, *teams, type=TEAM)
    [widget] = await make_widgets(store, 1, teams[0]["id"])
    await is_remembered(store, teams[0]["id"], widget["id"])
    await create(store, make_widget("more", teams[1]["id"]), make_widget("yet more", teams[0]["id"]))
    assert await is_remembered(store, teams[0]["id"], widget["id"])


@pytest.mark.parametrize("asked", ["nobody", "theirs"])
async def test_for_what_an_account_does_not_see_the_database_is_asked_each_time(store: Store, asked: str) -> None:
    """Whether it is there for others must not show in how long the answer takes."""
    ours, theirs = teams = [make_team("Ours"), make_team("Theirs")]
    await create(store, *teams, type=TEAM)
    [widget] = await make_widgets(store, 1, theirs["id"])
    await is_remembered(store, theirs["id"], widget["id"])
    id = widget["id"] if asked == "theirs" else asked
    assert [await is_remembered(store, ours["id"], id) for _ in range(3)] == [False] * 3


async def test_the_least_used_is_forgotten_when_there_is_no_room(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "OBJECT_BYTES", memory.CAPACITY // 3)
    one, two, three = await make_widgets(store, 3)
    for each in (one, two, one, three):
        await is_remembered(store, GLOBAL, each["id"])
    assert [await is_remembered(store, GLOBAL, each["id"]) for each in (one, three, two)] == [True, True, False]


async def test_states_are_kept_of_few_accounts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_ACCOUNTS", 2)
    for account in ("one", "two", "one", "three"):
        await is_remembered(store, account)
    assert [await is_remembered(store, account) for account in ("one", "three", "two")] == [True, True, False]


async def test_after_very_many_changes_all_of_a_type_is_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "MOST_CHANGES", 2)
    [widget] = await make_widgets(store, 1)
    for number, remembered in [(2, True), (3, False)]:
        await is_remembered(store, GLOBAL, widget["id"])
        await create(store, *(make_widget(f"{number}x{each}", None) for each in range(number)))
        assert await is_remembered(store, GLOBAL, widget["id"]) is remembered


async def test_what_a_closed_store_remembered_is_gone(store: Store) -> None:
    assert isinstance(store, SqliteStore | PostgresqlStore)
    [widget] = await make_widgets(store, 1)
    await is_remembered(store, GLOBAL, widget["id"])
    await store.close()
    await store.open()
    assert not await is_remembered(store, GLOBAL, widget["id"])


@pytest.mark.parametrize("type", [WIDGET, TEAM])
async def test_what_was_read_before_a_change_is_not_remembered_after_it(
    sqlite: SqliteStore, other: SqliteStore, type: ObjectType
) -> None:
    """The change comes while the database is being read, and is noticed, by a look at this or another type."""
    [widget] = await make_widgets(sqlite, 1)
    await sqlite.read(lambda reader: reader.state(type, GLOBAL), brief=True)
    began, go_on = threading.Event(), threading.Event()

    async def work(reader: Reader) -> dict[str, bytes]:
        found = await reader.select(WIDGET, GLOBAL, [widget["id"]], ("size",))
        began.set()
        go_on.wait(60)
        return found

    reading = asyncio.create_task(sqlite.read(work, brief=True))
    await asyncio.to_thread(began.wait, 60)
    await change(other, widget, size=1)
    await sqlite.read(lambda reader: reader.state(type, GLOBAL), brief=True)
    go_on.set()
    assert await reading == {widget["id"]: b'{"size":0}'}
    assert await sqlite.read(work, brief=True) == {widget["id"]: b'{"size":1}'}
