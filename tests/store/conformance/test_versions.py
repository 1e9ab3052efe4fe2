"""Versions show what other processes have committed, and of other types nothing."""

from __future__ import annotations

from pathlib import Path

from jmap_oauth.store.interface import Store
from tests.support.stores import OpenStore, create, make_widget, until
from tests.support.widget import TEAM, WIDGET, make_model


async def test_the_version_shows_what_another_process_committed(
    store: Store, open_store: OpenStore, tmp_path: Path
) -> None:
    other = await open_store(tmp_path, make_model())
    teams, before = await store.version(TEAM), await store.version(WIDGET)
    await create(other, make_widget("w", None))

    async def moved() -> bool:
        return await store.version(WIDGET) != before

    await until(moved)
    assert await store.version(WIDGET) == await other.version(WIDGET)
    assert await store.version(TEAM) == teams
    await other.close()
