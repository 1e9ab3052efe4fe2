"""Pruning by itself: who was destroyed is forgotten after a while, and not before."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

import pytest

from jmap_oauth.methods.pruning import Drop, Kept, Pruning, dropping_objects
from jmap_oauth.store.interface import CannotCalculateChanges
from tests.support.widget import WIDGET
from tests.support.widgets import Client, Widgets


async def is_told(widgets: Widgets, since: str) -> bool:
    """Tell whether the changes since a state can still be calculated."""
    try:
        await widgets.backing.store.read(lambda reader: reader.changes(WIDGET, "global", since, 1))
    except CannotCalculateChanges:
        return False
    return True


async def destroy_one(root: Client) -> str:
    """Return the state before an object was destroyed."""
    id = await root.create("a")
    state: str = (await root.set(destroy=[id]))["oldState"]
    return state


def dropping_two(widgets: Widgets, root: Client, *, refusing: Sequence[str] = ()) -> Drop:
    """Return what destroys two widgets at once that have ended, but for some."""

    async def destroy(ids: Sequence[str]) -> int:
        answer = await root.set(destroy=[id for id in ids if id not in refusing])
        return len(answer["destroyed"] or ())

    return dropping_objects(widgets.backing.store, WIDGET, "endsAt", destroy, 2)


async def create_ended(root: Client, *years: int | None) -> list[str]:
    """Create widgets that end with the beginning of these years, and return their ids."""
    dates = [f"{year}-01-01T00:00:00Z" if year else None for year in years]
    return [await root.create(f"w{number}", endsAt=date) for number, date in enumerate(dates)]


async def left(root: Client) -> set[str]:
    return {each["id"] for each in (await root.get())["list"]}


async def test_what_is_older_than_kept_is_forgotten_while_it_runs(widgets: Widgets, root: Client) -> None:
    since = await destroy_one(root)
    pruning = Pruning(widgets.backing.store, [Kept("changes", -1, widgets.backing.store.prune)], seconds=0.01)
    running = asyncio.create_task(pruning.run())
    async with asyncio.timeout(60):
        while await is_told(widgets, since):
            await asyncio.sleep(0.01)
    pruning.close()
    await running


async def test_what_is_kept_is_not_forgotten(widgets: Widgets, root: Client) -> None:
    since = await destroy_one(root)
    pruning = Pruning(widgets.backing.store, [Kept("changes", 1, widgets.backing.store.prune)], seconds=0.0)
    running = asyncio.create_task(pruning.run())
    await asyncio.sleep(0.1)
    pruning.close()
    await running
    assert await is_told(widgets, since)


async def test_a_store_that_cannot_is_tried_again(widgets: Widgets, caplog: pytest.LogCaptureFixture) -> None:
    await widgets.backing.store.close()
    pruning = Pruning(widgets.backing.store, [Kept("changes", 1, widgets.backing.store.prune)], seconds=0.01)
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(pruning.run())
        async with asyncio.timeout(60):
            while len(caplog.messages) < 2:
                await asyncio.sleep(0.01)
    pruning.close()
    await running
    assert set(caplog.messages) == {"Old changes wait to be dropped: the database is not open"}


async def test_objects_are_destroyed_the_oldest_first_and_a_few_at_once(widgets: Widgets, root: Client) -> None:
    third, *_ = await create_ended(root, 2003, 2001, 2002)
    drop = dropping_two(widgets, root)
    assert await drop("2010-01-01T00:00:00Z") is True
    assert await left(root) == {third}
    assert await drop("2010-01-01T00:00:00Z") is False
    assert await left(root) == set()


async def test_objects_stay_whose_date_is_later_or_null(widgets: Widgets, root: Client) -> None:
    _, later, never = await create_ended(root, 2001, 2002, None)
    assert await dropping_two(widgets, root)("2002-01-01T00:00:00Z") is False
    assert await left(root) == {later, never}


async def test_what_is_refused_does_not_come_up_again_and_again(widgets: Widgets, root: Client) -> None:
    ids = await create_ended(root, 2001, 2002, 2003)
    assert await dropping_two(widgets, root, refusing=ids[:1])("2010-01-01T00:00:00Z") is False
    assert await left(root) == {ids[0], ids[2]}


async def test_one_kind_that_cannot_be_dropped_keeps_no_other(
    widgets: Widgets, root: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(before: str) -> bool:
        raise LookupError

    await create_ended(root, 2001)
    kept = [Kept("failures", 1, fail), Kept("widgets", 1, dropping_two(widgets, root))]
    pruning = Pruning(widgets.backing.store, kept, seconds=0.01)
    running = asyncio.create_task(pruning.run())
    async with asyncio.timeout(60):
        while await left(root):
            await asyncio.sleep(0.01)
    pruning.close()
    await running
    assert set(caplog.messages) == {"Old failures could not be dropped"}


async def test_who_follows_while_two_prune_is_told_what_is_so_or_that_it_cannot_be_told(
    widgets: Widgets, root: Client
) -> None:
    prunings = [
        Pruning(widgets.backing.store, [Kept("changes", -1, widgets.backing.store.prune)], seconds=0.0, pause=0.0)
        for _ in range(2)
    ]
    running = [asyncio.create_task(pruning.run()) for pruning in prunings]
    seen, known, state = set[str](), set[str](), (await root.get())["state"]
    async with asyncio.timeout(60):
        while len(seen) < 2:
            await root.set(create={"new": {"code": "a"}}, destroy=[*known])
            await asyncio.sleep(random.choice([0, 0.02]))
            name, answer = await root.call("x:Widget/changes", sinceState=state)
            there = await root.get()
            if name != "error":
                known = known - {*answer["destroyed"]} | {*answer["created"]}
                assert known == {each["id"] for each in there["list"]}
            seen.add(answer.get("type", name))
            known, state = {each["id"] for each in there["list"]}, there["state"]
    for pruning in prunings:
        pruning.close()
    await asyncio.gather(*running)
    assert seen == {"x:Widget/changes", "cannotCalculateChanges"}
