"""Pruning by itself: who was destroyed is forgotten after a while, and not before."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from jmap_oauth.methods.pruning import Pruning
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


async def test_what_is_older_than_kept_is_forgotten_while_it_runs(widgets: Widgets, root: Client) -> None:
    since = await destroy_one(root)
    pruning = Pruning(widgets.backing.store, -1, seconds=0.01)
    running = asyncio.create_task(pruning.run())
    async with asyncio.timeout(30):
        while await is_told(widgets, since):
            await asyncio.sleep(0.01)
    pruning.close()
    await running


async def test_what_is_kept_is_not_forgotten(widgets: Widgets, root: Client) -> None:
    since = await destroy_one(root)
    pruning = Pruning(widgets.backing.store, 1, seconds=0.0)
    running = asyncio.create_task(pruning.run())
    await asyncio.sleep(0.1)
    pruning.close()
    await running
    assert await is_told(widgets, since)


async def test_a_store_that_cannot_is_tried_again(widgets: Widgets, caplog: pytest.LogCaptureFixture) -> None:
    await widgets.backing.store.close()
    pruning = Pruning(widgets.backing.store, 1, seconds=0.01)
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(pruning.run())
        async with asyncio.timeout(30):
            while len(caplog.messages) < 2:
                await asyncio.sleep(0.01)
    pruning.close()
    await running
    assert set(caplog.messages) == {"Old changes wait to be pruned: the database is not open"}


async def test_who_follows_while_two_prune_is_told_what_is_so_or_that_it_cannot_be_told(
    widgets: Widgets, root: Client
) -> None:
    prunings = [Pruning(widgets.backing.store, -1, seconds=0.0, pause=0.0) for _ in range(2)]
    running = [asyncio.create_task(pruning.run()) for pruning in prunings]
    seen, known, state = set[str](), set[str](), (await root.get())["state"]
    async with asyncio.timeout(30):
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
