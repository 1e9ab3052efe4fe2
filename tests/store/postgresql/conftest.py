"""A schema of its own for each test, and stores on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jmap_oauth.store.postgresql.store import PostgresqlStore
from tests.support.postgresql import schema_url
from tests.support.stores import make_schema, open_on_postgresql
from tests.support.widget import make_model


@pytest.fixture
def url(tmp_path: Path) -> str:
    return schema_url(tmp_path)


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresqlStore]:
    await make_schema(url)
    store = await open_on_postgresql(url, make_model())
    yield store
    await store.close()


@pytest.fixture
async def other(store: PostgresqlStore, url: str) -> AsyncIterator[PostgresqlStore]:
    """A second store on the same database, which is as good as one of another process."""
    other = await open_on_postgresql(url, make_model())
    yield other
    await other.close()
