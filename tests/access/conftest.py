"""A store of keys on SQLite, and the ring that admits them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.watched import WatchedRing, WatchedStore, open_keys


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[WatchedStore]:
    store = await open_keys(tmp_path)
    yield store
    await store.close()


@pytest.fixture
def ring(store: WatchedStore) -> WatchedRing:
    return WatchedRing(store)
