from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from jmap_oauth.app import create_app, open_server
from jmap_oauth.config import Settings
from jmap_oauth.store.postgresql.store import open_postgresql
from tests.support.postgresql import GIVEN
from tests.support.schemas import TURNS, lend, take_back
from tests.support.served import ADMIN_KEY
from tests.support.stores import POSTGRESQL_MIGRATIONS, create, destroy, make_team, make_widget
from tests.support.widget import TEAM, make_model

Step = Callable[[str], Awaitable[None]]

pytestmark = pytest.mark.skipif(GIVEN in os.environ, reason="none is lent again in a database that was given")


async def open_widgets(url: str) -> None:
    await (await open_postgresql(url, make_model(), POSTGRESQL_MIGRATIONS)).close()


async def use_widgets(url: str) -> None:
    store = await open_postgresql(url, make_model(), POSTGRESQL_MIGRATIONS)
    team = make_team("Team")
    await create(store, team, type=TEAM)
    await create(store, make_widget("w", team["id"]))
    await create(store, gone := make_widget("gone", None))
    await destroy(store, gone)
    await store.close()


async def open_served(url: str) -> None:
    async with open_server(Settings(database=url)):
        pass


async def use_served(url: str) -> None:
    async with create_app(Settings(database=url, admin_key=ADMIN_KEY)).running():
        pass


async def run(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


async def content_of(url: str) -> dict[str, Any]:
    """Return all rows of all tables and what all sequences stand at, of the random text its length."""
    connection = await asyncpg.connect(url)
    relations = await connection.fetch(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
        "AND relkind IN ('r', 'S')"
    )
    found = {name: [dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")] for (name,) in relations}
    await connection.close()
    [identity] = found["identity"]
    return found | {"identity": len(identity["text"])}


@pytest.mark.parametrize(("open", "use"), [(open_widgets, use_widgets), (open_served, use_served)])
async def test_a_schema_that_another_test_had_is_as_a_new_one(tmp_path: Path, open: Step, use: Step) -> None:
    tables = f"of {use.__name__}"
    url = await lend(tables, tmp_path / "one")
    await open(url)
    new = await content_of(url)
    await use(url)
    assert await content_of(url) != new

    take_back(tmp_path / "one")
    assert await lend(tables, tmp_path / "another") == url
    assert await content_of(url) == new


@pytest.mark.parametrize("change", ['CREATE TABLE "mine" (a int)', 'ALTER TABLE "Widget" DROP COLUMN "size"'])
async def test_a_schema_of_which_a_test_changed_the_tables_is_not_lent_again(tmp_path: Path, change: str) -> None:
    url = await lend(change, tmp_path)
    await open_widgets(url)
    await run(url, change)
    take_back(tmp_path)
    assert await lend(change, tmp_path) != url


async def test_a_schema_is_lent_so_often_and_then_never_again(tmp_path: Path) -> None:
    await open_widgets(url := await lend("often", tmp_path))
    for _ in range(1, TURNS):
        take_back(tmp_path)
        assert await lend("often", tmp_path) == url
    take_back(tmp_path)
    assert await lend("often", tmp_path) != url


async def test_a_folder_keeps_its_schema_while_others_are_taken_back(tmp_path: Path) -> None:
    url = await lend("kept", tmp_path / "module")
    take_back(tmp_path / "test")
    assert await lend("kept", tmp_path / "module") == url != await lend("kept", tmp_path / "test")
