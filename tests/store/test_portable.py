"""What is carried over between backends: everything but what follows from it, in whichever direction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store import sqlite_portable
from jmap_oauth.store.check import Forms, find_flaws
from jmap_oauth.store.interface import Changes, Saved, Store, Unusable, Uploader
from jmap_oauth.store.portable import Contents, Row, Snapshot, Target, describe, export, load
from jmap_oauth.store.postgresql import portable as postgresql_portable
from jmap_oauth.store.sqlite import open_sqlite
from tests.support.postgresql import schema_url
from tests.support.stores import (
    POSTGRESQL_MIGRATIONS,
    SQLITE_MIGRATIONS,
    all_of,
    apply,
    change,
    create,
    destroy,
    hashes,
    make_schema,
    make_team,
    make_widget,
    open_on_postgresql,
    state,
)
from tests.support.widget import TEAM, WIDGET, make_model

MODEL = make_model()
UPLOADER = Uploader(GLOBAL, "somebody")
FORMS = Forms(is_hash=lambda *_: True, blob_id=lambda _: "b1")
LONG_AGO = "2000-01-01T00:00:00Z"


@dataclass(frozen=True)
class Place:
    """A database that may be there, and the ways into it."""

    open: Callable[[], Any]
    reading: Callable[[], AbstractAsyncContextManager[Snapshot]]
    filling: Callable[[], AbstractAsyncContextManager[Target]]


def on_sqlite(folder: Path) -> Place:
    path = folder / "widgets.db"
    return Place(
        lambda: open_sqlite(path, MODEL, SQLITE_MIGRATIONS),
        lambda: sqlite_portable.reading(path, MODEL, SQLITE_MIGRATIONS),
        lambda: sqlite_portable.filling(path, MODEL, SQLITE_MIGRATIONS, force=False),
    )


def on_postgresql(folder: Path) -> Place:
    url = schema_url(folder)
    return Place(
        lambda: open_on_postgresql(url, MODEL),
        lambda: postgresql_portable.reading(url, MODEL, POSTGRESQL_MIGRATIONS),
        lambda: postgresql_portable.filling(url, MODEL, POSTGRESQL_MIGRATIONS),
    )


PLACES = {"sqlite": on_sqlite, "postgresql": on_postgresql}


@pytest.fixture(params=PLACES)
async def source(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    folder = tmp_path / "source"
    folder.mkdir()
    place = PLACES[request.param](folder)
    store = await place.open()
    await fill(store)
    await store.close()
    return place


@pytest.fixture(params=PLACES)
async def target(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    folder = tmp_path / "target"
    folder.mkdir()
    if request.param == "postgresql":
        await make_schema(schema_url(folder))
    return PLACES[request.param](folder)


async def fill(store: Store) -> None:
    """Have widgets that come, change, move and go, of all sorts of characters, and a blob."""
    teams = [make_team("One"), make_team("Two")]
    await create(store, *teams, type=TEAM)
    widgets = [make_widget(f"w{number}", teams[0]["id"], note="ﬁ \x01 é 😀") for number in range(600)]
    saved = [Saved(widget, {"token": f"DIGEST {widget['code']}"}) for widget in widgets]
    await apply(store, WIDGET, Changes(created=saved))
    secret = make_widget("secret", None, secret="****", note=None)
    await apply(store, WIDGET, Changes(created=[Saved(secret, {"secret": "HASH", "token": "DIGEST"})]))
    await change(store, widgets[0], teamId=teams[1]["id"])
    await destroy(store, widgets[1])
    await store.write(lambda writer: writer.put_blob(UPLOADER, "b1", b"\0\xff", "2026-01-01T00:00:00Z", 10_000))


async def carry(source: Place, target: Place) -> list[int]:
    """Carry everything over, and return what was told of the progress."""
    told: list[int] = []
    async with source.reading() as snapshot, target.filling() as new:
        contents = await describe(snapshot, MODEL)
        await load(new, MODEL, contents, export(snapshot, contents), lambda done, _: told.append(done))
        assert [flaw async for flaw in find_flaws(new, MODEL, FORMS)] == []
    return told


async def test_everything_is_there_and_sound(source: Place, target: Place) -> None:
    told = await carry(source, target)
    old, new = await source.open(), await target.open()
    for type, account in ((WIDGET, GLOBAL), (TEAM, GLOBAL)):
        assert await all_of(new, account, type) == await all_of(old, account, type)
        assert await state(new, account, type) == await state(old, account, type)
    secret = [each["id"] for each in await all_of(new, GLOBAL) if each["secret"]]
    assert await hashes(new, WIDGET.by_name["secret"], secret) == {secret[0]: "HASH"}
    assert await new.read(lambda reader: reader.blob(UPLOADER, "b1", LONG_AGO)) == b"\0\xff"
    assert told[-1] == max(told) > 600
    await old.close()
    await new.close()


async def test_changes_go_on_from_states_of_before(source: Place, target: Place) -> None:
    old = await source.open()
    team = (await all_of(old, GLOBAL, TEAM))[0]["id"]
    known = await state(old, team)
    await old.close()
    await carry(source, target)
    new = await target.open()
    widget = make_widget("new", team)
    await create(new, widget)
    log = await new.read(lambda reader: reader.changes(WIDGET, team, known, 10))
    assert (log.created, log.updated, log.destroyed) == ([widget["id"]], [], [])
    await new.close()


async def test_a_place_that_is_not_empty_is_refused_and_left_as_it_is(source: Place, target: Place) -> None:
    store = await target.open()
    team = make_team("There")
    await create(store, team, type=TEAM)
    await store.close()
    with pytest.raises(Unusable, match=r"not empty|a file already"):
        await carry(source, target)
    store = await target.open()
    assert await all_of(store, GLOBAL, TEAM) == [team]
    await store.close()


async def test_what_ends_amid_rows_leaves_nothing(source: Place, target: Place) -> None:
    async with source.reading() as snapshot:
        contents = await describe(snapshot, MODEL)
        rows = _some(export(snapshot, contents), 100)
        with pytest.raises(Unusable, match="as many rows"):
            await load_into(target, contents, rows)
    store = await target.open()
    assert (await all_of(store, GLOBAL), await all_of(store, GLOBAL, TEAM)) == ([], [])
    await store.close()


async def load_into(target: Place, contents: Contents, rows: AsyncIterator[Row]) -> None:
    async with target.filling() as new:
        await load(new, MODEL, contents, rows, lambda *_: None)


async def _some(rows: AsyncIterator[Any], number: int) -> AsyncIterator[Any]:
    async for row in rows:
        yield row
        if (number := number - 1) == 0:
            return


async def test_what_does_not_fit_on_postgresql_is_named(tmp_path: Path) -> None:
    place, url = on_postgresql(tmp_path), schema_url(tmp_path)
    store = await place.open()
    await fill(store)
    await store.close()
    connection = await asyncpg.connect(url)
    await connection.execute(
        """UPDATE "Widget" SET code = 'other', ":words" = array_to_tsvector('{x}') WHERE code = 'w7'"""
    )
    await connection.execute("UPDATE tombstone SET joined = 1000")
    await connection.close()
    async with place.reading() as snapshot:
        flaws = " ".join([flaw async for flaw in find_flaws(snapshot, MODEL, FORMS)])
    for what in ("the column code does not follow", "its words do not follow", "left before it came"):
        assert what in flaws
