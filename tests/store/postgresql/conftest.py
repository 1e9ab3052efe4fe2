"""A schema of its own for each test, and stores on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jmap_oauth.store.postgresql.store import PostgresqlStore
from tests.store.postgresql.connected import connected
from tests.store.postgresql.proxy import Proxy
from tests.support.postgresql import schema_url
from tests.support.stores import POSTGRESQL_MIGRATIONS, make_schema, open_on_postgresql
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


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[Proxy]:
    async with connected(url) as connection:
        folder = await connection.fetchval("SHOW unix_socket_directories")
        port = await connection.fetchval("SHOW port")
    proxy = Proxy(f"{folder.split(',')[0].strip()}/.s.PGSQL.{port}")
    if not Path(proxy.socket).exists():
        pytest.skip("the given PostgreSQL has no socket here")
    async with proxy.running():
        yield proxy


@pytest.fixture
async def behind(store: PostgresqlStore, url: str, proxy: Proxy) -> AsyncIterator[PostgresqlStore]:
    """A store on the same database behind the proxy."""
    schema = url.rpartition("search_path=")[2]
    path = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?sslmode=disable&search_path={schema}"
    behind = PostgresqlStore(path, make_model(), POSTGRESQL_MIGRATIONS)
    await behind.open()
    yield behind
    await behind.close()
