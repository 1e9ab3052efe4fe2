"""Objects of the pretend types as a store keeps them, and short ways to keep and read them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

from jmap_oauth.model.definition import GLOBAL, MASK, Model, ObjectType, Property, Record
from jmap_oauth.model.ids import new_id
from jmap_oauth.model.query import DEFAULT_SORT, AllOf, Comparator, FilterNode, Query, Window
from jmap_oauth.store.interface import Changes, Page, Saved, Store
from jmap_oauth.store.postgresql.store import PostgresqlStore, open_postgresql
from jmap_oauth.store.sqlite import open_sqlite
from tests.support.postgresql import schema_url
from tests.support.schemas import lend
from tests.support.widget import WIDGET

SQLITE_MIGRATIONS = Path(__file__).parent / "schema" / "sqlite"
POSTGRESQL_MIGRATIONS = Path(__file__).parent / "schema" / "postgresql"

MATCH_ALL = AllOf(())
WHOLE = Window(limit=100_000)
EVERYTHING = Query(MATCH_ALL, [Comparator(None, ascending=True)], WHOLE)


def make_widget(code: str, team: str | None, **values: Any) -> Record:
    """Return a widget without a single empty value, so that none can be lost unnoticed."""
    return {
        "id": new_id(),
        "code": code,
        "note": "A note",
        "tags": {"zinc": True, "acid": True},
        "secret": None,
        "token": MASK,
        "createdAt": "2026-01-02T03:04:05Z",
        "endsAt": "2027-01-02T03:04:05Z",
        "teamId": team,
        "maker": "them",
        "size": 7,
        "isHeavy": True,
        "extra": "Extra",
        "origin": None,
        **values,
    }


def make_team(name: str) -> Record:
    return {"id": new_id(), "name": name, "quotas": {"maxWidgets": 5}}


async def apply(store: Store, type: ObjectType, changes: Changes) -> None:
    await store.write(lambda writer: writer.apply(type, changes))


async def create(store: Store, *records: Record, type: ObjectType = WIDGET) -> None:
    await apply(store, type, Changes(created=[Saved(record) for record in records]))


async def change(store: Store, old: Record, type: ObjectType = WIDGET, **values: Any) -> Record:
    """Change properties of one record and return it as it is now."""
    new = {**old, **values}
    await apply(store, type, Changes(updated=[(old, Saved(new))]))
    return new


async def destroy(store: Store, *records: Record, type: ObjectType = WIDGET) -> None:
    await apply(store, type, Changes(destroyed=records))


async def get(store: Store, account: str, *ids: str, type: ObjectType = WIDGET) -> list[Record]:
    return await store.read(lambda reader: reader.get(type, account, ids))


async def state(store: Store, account: str, type: ObjectType = WIDGET, *, brief: bool = False) -> str:
    return await store.read(lambda reader: reader.state(type, account), brief=brief)


async def hashes(store: Store, property: Property, ids: Sequence[str]) -> dict[str, str]:
    return await store.read(lambda reader: reader.hashes(WIDGET, property, ids))


async def query(
    store: Store,
    account: str,
    filter: FilterNode = MATCH_ALL,
    sort: Sequence[Comparator] = DEFAULT_SORT,
    window: Window = WHOLE,
    *,
    calculate_total: bool = False,
) -> Page:
    asked = Query(filter, sort, window, calculate_total)
    return await store.read(lambda reader: reader.query(WIDGET, account, asked))


async def all_of(store: Store, account: str, type: ObjectType = WIDGET) -> list[Record]:
    """Return everything that an account sees of a type, in the order of ids."""
    page = await store.read(lambda reader: reader.query(type, account, EVERYTHING))
    return await get(store, account, *page.ids, type=type)


async def make_schema(url: str) -> None:
    """Make the schema that a URL names, unless it is there."""
    connection = await asyncpg.connect(url)
    name = await connection.fetchval("SHOW search_path")
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
    await connection.close()


async def make_database(backend: str, folder: Path) -> str:
    """Return what the setting `database` is for an empty database on a backend, of its own for each folder."""
    if backend == "sqlite":
        return str(folder / "test.db")
    url = schema_url(folder)
    await make_schema(url)
    return url


async def lend_database(backend: str, folder: Path) -> str:
    """Return what the setting `database` is for one without objects, of which a server may have made the tables."""
    return await lend("served", folder) if backend == "postgresql" else await make_database(backend, folder)


async def open_on_postgresql(url: str, model: Model) -> PostgresqlStore:
    """Open a store in the schema that a URL names."""
    await make_schema(url)
    return await open_postgresql(url, model, POSTGRESQL_MIGRATIONS)


def look(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Look into the file of a SQLite database behind the store's back."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def notice(store: Store, type: ObjectType = WIDGET) -> None:
    """Wait until a store that may lag behind others has noticed what they changed of a type."""
    current = await state(store, GLOBAL, type)
    while store.lag and await state(store, GLOBAL, type, brief=True) != current:
        await asyncio.sleep(0.001)


BROKEN_CONSTRAINT = (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)
"""What the drivers raise where the database itself refuses a row, which is a fault of whoever wrote it."""


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.01)


OpenStore = Callable[[Path, Model], Awaitable[Store]]
"""Opens the store that belongs to a folder, with what was in it before."""


async def open_on_sqlite(folder: Path, model: Model) -> Store:
    return await open_sqlite(folder / "widgets.db", model, SQLITE_MIGRATIONS)


async def _open_postgresql(folder: Path, model: Model) -> Store:
    return await open_postgresql(await lend("widgets", folder), model, POSTGRESQL_MIGRATIONS)


BACKENDS: Mapping[str, OpenStore] = {"sqlite": open_on_sqlite, "postgresql": _open_postgresql}
