"""Brief reads, which may be answered from what was read before: they never tell of the past."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL, ObjectType
from jmap_oauth.store.interface import Changes, Reader, Saved, Store, Writer
from tests.store.conformance.test_history import History
from tests.support.stores import (
    OpenStore,
    all_of,
    apply,
    change,
    create,
    destroy,
    make_team,
    make_widget,
    notice,
    state,
)
from tests.support.widget import TEAM, WIDGET, make_model

NAMES = ("id", "code", "size")


async def select(
    store: Store, account: str, *ids: str, type: ObjectType = WIDGET, names: tuple[str, ...] = NAMES
) -> tuple[str, list[dict[str, object]]]:
    """Look up the state and some objects in brief, when what another store has changed is noticed."""
    await notice(store, type)
    return await select_twice(store, account, *ids, type=type, names=names)


async def select_twice(
    store: Store, account: str, *ids: str, type: ObjectType = WIDGET, names: tuple[str, ...] = NAMES
) -> tuple[str, list[dict[str, object]]]:
    """Look up the same twice: what was read first may be remembered the second time."""

    async def work(reader: Reader) -> tuple[str, list[dict[str, object]]]:
        found = await reader.state(type, account), await reader.select(type, account, ids, names)
        return found[0], [json.loads(each) for each in found[1].values()]

    first = await store.read(work, brief=True)
    assert await store.read(work, brief=True) == first
    return first


@pytest.fixture
async def stores(open_store: OpenStore, tmp_path: Path, store: Store) -> AsyncIterator[Sequence[Store]]:
    """The store of the test, and another one on the same data, as another process has it."""
    other = await open_store(tmp_path, make_model())
    yield store, other
    await other.close()


async def test_a_selection_holds_the_properties_asked_for_in_the_order_of_the_ids(store: Store, ours: str) -> None:
    one, two = widgets = [make_widget("one", ours, size=1), make_widget("two", ours, size=2)]
    await create(store, *widgets)
    shown = [{"id": each["id"], "code": each["code"], "size": each["size"]} for each in (two, one)]
    assert await select(store, ours, two["id"], "nobody", one["id"]) == (await state(store, ours), shown)
    assert await select(store, ours, two["id"], one["id"]) == (await state(store, ours), shown)
    assert await select(store, ours, one["id"], names=("id",)) == (await state(store, ours), [{"id": one["id"]}])


async def test_what_is_remembered_for_one_account_is_not_there_for_another(store: Store, ours: str) -> None:
    team, widget = make_team("Next"), make_widget("w", ours)
    await create(store, team, type=TEAM)
    await create(store, widget)
    for account, found in [(GLOBAL, 1), (ours, 1), (team["id"], 0), ("nobody", 0)]:
        assert len((await select(store, account, widget["id"]))[1]) == found
    widget = await change(store, widget, teamId=team["id"])
    for account, found in [(GLOBAL, 1), (ours, 0), (team["id"], 1)]:
        assert len((await select(store, account, widget["id"]))[1]) == found
    await destroy(store, widget)
    assert (await select(store, team["id"], widget["id"]))[1] == []


async def test_a_store_finds_at_once_what_it_has_changed_itself(store: Store, ours: str) -> None:
    widget = make_widget("w", ours, size=0)
    await create(store, widget)

    async def size(reader: Reader) -> object:
        return json.loads((await reader.select(WIDGET, ours, [widget["id"]], NAMES))[widget["id"]])["size"]

    for number in range(1, 9):
        await store.read(size, brief=True)
        widget = await change(store, widget, size=number)
        assert await store.read(size, brief=True) == number


async def test_another_store_sees_what_one_has_changed(stores: Sequence[Store], ours: str) -> None:
    widget = make_widget("w", ours, size=0)
    await create(stores[0], widget)
    for size in range(1, 7):
        for each in stores:
            await select(each, ours, widget["id"])
        widget = await change(stores[size % 2], widget, size=size)
        for each in stores:
            assert (await select(each, ours, widget["id"]))[1][0]["size"] == size


async def test_another_store_sees_that_a_remembered_object_is_gone_though_its_tombstone_is_too(
    stores: Sequence[Store], ours: str
) -> None:
    widget = make_widget("w", ours)
    await create(stores[0], widget)
    await select(stores[1], ours, widget["id"])
    await destroy(stores[0], widget)
    await stores[0].prune("9999-01-01T00:00:00Z")
    assert await select(stores[1], ours, widget["id"]) == (await state(stores[0], ours), [])


async def test_many_changes_at_once_are_seen(stores: Sequence[Store], ours: str) -> None:
    widgets = [make_widget(f"w{number}", ours, size=0) for number in range(700)]
    await create(stores[0], *widgets)
    ids = [widget["id"] for widget in widgets]
    assert len((await select(stores[1], ours, *ids))[1]) == 700
    await apply(stores[0], WIDGET, Changes(updated=[(each, Saved({**each, "size": 1})) for each in widgets]))
    assert {each["size"] for each in (await select(stores[1], ours, *ids))[1]} == {1}


async def test_a_change_of_one_type_leaves_what_is_remembered_of_others_true(
    stores: Sequence[Store], ours: str
) -> None:
    widget = make_widget("w", ours)
    await create(stores[0], widget)
    before = await select(stores[1], ours, widget["id"])
    await create(stores[0], make_team("More"), type=TEAM)
    assert await select(stores[1], ours, widget["id"]) == before


@pytest.mark.parametrize("seed", range(3))
async def test_after_every_write_all_stores_find_in_brief_what_is_there(
    stores: Sequence[Store], ours: str, theirs: str, seed: int
) -> None:
    random = Random(seed)
    history = History(random, [ours])
    for _ in range(40):
        await apply(random.choice(stores), WIDGET, history.next_changes())
        if random.random() < 0.1:
            await random.choice(stores).prune("9999-01-01T00:00:00Z")
        ids = [*history.records, "nobody"][:: random.choice([1, -1])]
        for each in stores:
            await notice(each)
            for account in (GLOBAL, ours, theirs):
                there = [record for record in await all_of(stores[0], account) if record["id"] in history.records]
                shown = {record["id"]: {name: record[name] for name in NAMES} for record in there}
                expected = [shown[id] for id in ids if id in shown]
                now = await state(stores[0], account)
                assert await select_twice(each, account, *ids) == (now, expected)
                assert await select_twice(each, account, *shown) == (now, [*shown.values()])


async def test_a_brief_read_sees_one_moment(stores: Sequence[Store], ours: str) -> None:
    """Two widgets always change together; whoever looks them up finds the same of both, under the state of that."""
    widgets = [make_widget("one", ours, size=0), make_widget("two", ours, size=0)]
    await create(stores[0], *widgets)
    ids = [widget["id"] for widget in widgets]
    states: dict[str, int] = {}

    async def work(reader: Reader) -> tuple[str, list[int]]:
        found = [await reader.select(WIDGET, ours, [id], NAMES) for id in ids]
        return await reader.state(WIDGET, ours), [
            json.loads(each[id])["size"] for id, each in zip(ids, found, strict=True)
        ]

    async def look(store: Store) -> None:
        for _ in range(100):
            seen, (first, second) = await store.read(work, brief=True)
            assert first == second == states.setdefault(seen, first)

    async def count(writer: Writer) -> None:
        old = await writer.get(WIDGET, ours, ids)
        new = [(each, Saved({**each, "size": each["size"] + 1})) for each in old]
        await writer.apply(WIDGET, Changes(updated=new))

    async def write(store: Store) -> None:
        for _ in range(20):
            await store.write(count)

    await asyncio.gather(*(run(each) for each in stores for run in (look, look, write)))
    assert len(set(states.values())) == len(states)
