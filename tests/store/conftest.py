"""The stores that the conformance suite runs on, of which a backend is one more parameter, and the one on SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jmap_oauth.store.interface import Store
from jmap_oauth.store.sqlite import SqliteStore, open_sqlite
from tests.support.stores import BACKENDS, SQLITE_MIGRATIONS, OpenStore
from tests.support.widget import make_model


@pytest.fixture(params=BACKENDS)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return BACKENDS[request.param]


@pytest.fixture
async def store(open_store: OpenStore, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path, make_model())
    yield opened
    await opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "widgets.db"


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, make_model(), SQLITE_MIGRATIONS, busy_timeout=0.05)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def other(sqlite: SqliteStore, path: Path) -> AsyncIterator[SqliteStore]:
    """A second store on the same file, which is as good as one of another process."""
    store = await open_sqlite(path, make_model(), SQLITE_MIGRATIONS)
    yield store
    await store.close()
