"""Of all stores that are open on one database, one does what only one shall do."""

from __future__ import annotations

from pathlib import Path

import pytest

from jmap_oauth.store.interface import Store, Unavailable
from tests.support.stores import OpenStore
from tests.support.widget import make_model


async def open_two(open_store: OpenStore, folder: Path) -> tuple[Store, Store]:
    return await open_store(folder, make_model()), await open_store(folder, make_model())


async def test_the_first_that_asks_leads_and_goes_on_to(open_store: OpenStore, tmp_path: Path) -> None:
    one, other = await open_two(open_store, tmp_path)
    assert [await store.leads() for store in (other, one, other, one, other)] == [True, False, True, False, True]
    await one.close()
    await other.close()


async def test_when_it_is_closed_the_next_that_asks_leads(open_store: OpenStore, tmp_path: Path) -> None:
    one, other = await open_two(open_store, tmp_path)
    assert await one.leads()
    await one.close()
    assert await other.leads()
    await other.close()


async def test_a_closed_store_cannot_tell(open_store: OpenStore, tmp_path: Path) -> None:
    store = await open_store(tmp_path, make_model())
    await store.close()
    with pytest.raises(Unavailable, match="not open"):
        await store.leads()


async def test_others_may_write_all_the_same(open_store: OpenStore, tmp_path: Path) -> None:
    one, other = await open_two(open_store, tmp_path)
    assert await one.leads()
    assert not await other.prune("2026-01-01T00:00:00Z")
    await one.close()
    await other.close()
