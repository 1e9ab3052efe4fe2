"""Two accounts for every test: `ours`, which it works in, and another, which must not notice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from jmap_oauth.store.interface import Changes, Saved, Store
from tests.support.stores import all_of, apply, create, make_team, make_widget, state
from tests.support.widget import TEAM, WIDGET


@pytest.fixture
async def ours(store: Store) -> str:
    """The account that a test works in."""
    team = make_team("Ours")
    await create(store, team, type=TEAM)
    return str(team["id"])


@pytest.fixture(autouse=True)
async def theirs(store: Store) -> AsyncIterator[str]:
    """Another account, with a widget like those of the tests; what it sees is the same before and after each."""
    team = make_team("Theirs")
    widget = make_widget("theirs", team["id"], secret="****")
    hashes = {"secret": "their hash", "token": "their digest"}
    await create(store, team, type=TEAM)
    await apply(store, WIDGET, Changes(created=[Saved(widget, hashes)]))
    before = await state(store, team["id"])
    yield team["id"]
    assert await all_of(store, team["id"]) == [widget]
    assert await state(store, team["id"]) == before
    assert await all_of(store, team["id"], TEAM) == [team]
