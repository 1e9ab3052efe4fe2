from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from jmap_oauth.store.postgresql.store import open_postgresql
from tests.support.postgresql import GIVEN
from tests.support.schemas import lend, take_back
from tests.support.stores import POSTGRESQL_MIGRATIONS, create, destroy, make_team, make_widget
from tests.support.widget import TEAM, make_model


async def content_of(url: str) -> dict[str, Any]:
    """Return all rows of all tables and what all sequences stand at, but for the random text."""
    connection = await asyncpg.connect(url)
    relations = await connection.fetch(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
        "AND relkind IN ('r', 'S')"
    )
    found = {name: [dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")] for (name,) in relations}
    await connection.close()
    assert len(found.pop("identity")[0]["text"]) == 32
    return found


@pytest.mark.skipif(GIVEN in os.environ, reason="none is lent again in a database that was given")
async def test_a_schema_that_another_test_had_is_as_a_new_one(tmp_path: Path) -> None:
    url = await lend("in turn", tmp_path / "one")
    store = await open_postgresql(url, make_model(), POSTGRESQL_MIGRATIONS)
    new = await content_of(url)
    team = make_team("Team")
    await create(store, team, type=TEAM)
    await create(store, make_widget("w", team["id"]))
    await create(store, gone := make_widget("gone", None))
    await destroy(store, gone)
    await store.close()
    assert await content_of(url) != new

    take_back()
    assert await lend("in turn", tmp_path / "another") == url
    assert await content_of(url) == new
