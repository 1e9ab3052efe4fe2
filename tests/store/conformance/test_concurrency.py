"""Many at once: nothing acknowledged is lost, no number is given twice, every reader sees one moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Changes, Reader, Saved, Store, Writer
from tests.support.stores import OpenStore, all_of, apply, create, get, make_widget, notice
from tests.support.widget import TEAM, WIDGET, make_model


async def add_one(store: Store, account: str | None, code: str) -> str:
    """Create a widget and return the state that this led to."""

    async def work(writer: Writer) -> str:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget(code, account))]))
        return await writer.state(WIDGET, GLOBAL)

    return await store.write(work)


async def test_writers_take_turns_and_each_leads_to_a_state_of_its_own(store: Store, ours: str) -> None:
    states = await asyncio.gather(*(add_one(store, ours, f"w{number}") for number in range(60)))
    assert len(set(states)) == 60
    assert {widget["code"] for widget in await all_of(store, ours)} == {f"w{number}" for number in range(60)}


async def count_up(store: Store, id: str) -> None:
    """Make the size of a widget one larger than what was read of it."""

    async def work(writer: Writer) -> None:
        [old] = await writer.get(WIDGET, GLOBAL, [id])
        new = {**old, "size": old["size"] + 1}
        await writer.apply(WIDGET, Changes(updated=[(old, Saved(new))]))

    await store.write(work)


async def test_no_write_is_lost_between_reading_and_writing(store: Store, ours: str) -> None:
    widget = make_widget("counter", ours, size=0)
    await create(store, widget)
    await asyncio.gather(*(count_up(store, widget["id"]) for _ in range(50)))
    assert await all_of(store, ours) == [{**widget, "size": 50}]


async def test_two_stores_on_the_same_data_write_in_turn(open_store: OpenStore, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    stores = [await open_store(folder, make_model()) for _ in range(2)]
    widget = make_widget("counter", None, size=0)
    await create(stores[0], widget)
    await asyncio.gather(*(count_up(stores[number % 2], widget["id"]) for number in range(40)))
    for store in stores:
        assert await all_of(store, GLOBAL) == [{**widget, "size": 40}]
        await store.close()


async def test_a_fresh_version_shows_what_another_store_committed(open_store: OpenStore, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    ours, theirs = [await open_store(folder, make_model()) for _ in range(2)]
    seen = [await ours.version(WIDGET, fresh=True)]
    for code in ("one", "two", "three"):
        await create(theirs, make_widget(code, None))
        await notice(ours)
        seen.append(await ours.version(WIDGET, fresh=True))
        assert await ours.version(WIDGET) == seen[-1]
    assert len(set(seen)) == 4
    for store in (ours, theirs):
        await store.close()


async def test_every_reader_sees_one_moment(store: Store, ours: str) -> None:
    """One widget gives to the other; whoever reads them one after the other sees the sum unchanged."""
    giver, taker = widgets = [make_widget("giver", ours, size=100), make_widget("taker", ours, size=0)]
    await create(store, *widgets)

    async def give(number: int) -> None:
        old = [{**giver, "size": 100 - number}, {**taker, "size": number}]
        new = [{**giver, "size": 99 - number}, {**taker, "size": number + 1}]
        updated = [(before, Saved(after)) for before, after in zip(old, new, strict=True)]
        await apply(store, WIDGET, Changes(updated=updated))

    async def add_up(reader: Reader) -> set[tuple[int, str]]:
        sums = set()
        for _ in range(10):
            [first] = await reader.get(WIDGET, ours, [giver["id"]])
            [second] = await reader.get(WIDGET, ours, [taker["id"]])
            sums.add((first["size"] + second["size"], await reader.state(WIDGET, ours)))
        return sums

    async def read_on() -> list[set[tuple[int, str]]]:
        return [await store.read(add_up) for _ in range(20)]

    async def write_on() -> None:
        for number in range(50):
            await give(number)

    *seen, _ = await asyncio.gather(read_on(), read_on(), read_on(), write_on())
    assert all(len(sums) == 1 and next(iter(sums))[0] == 100 for reads in seen or () for sums in reads)
    assert await get(store, ours, giver["id"]) == [{**giver, "size": 50}]


async def test_a_fresh_look_at_one_type_is_one_at_all(open_store: OpenStore, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    ours, theirs = [await open_store(folder, make_model()) for _ in range(2)]
    seen = [await ours.version(WIDGET, fresh=True)]
    for number in range(5):
        await create(theirs, make_widget(f"w{number}", None))
        await notice(ours)
        await ours.version(TEAM, fresh=True)
        seen.append(await ours.version(WIDGET))
    assert len(set(seen)) == 6
    for each in (ours, theirs):
        await each.close()
