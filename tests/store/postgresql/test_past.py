"""A database that went back: it was restored, or a replica took over that had not heard of the last commits."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.store.interface import Reader
from jmap_oauth.store.postgresql.store import PostgresqlStore
from tests.support.stores import change, create, make_widget, open_on_postgresql, until
from tests.support.widget import WIDGET, make_model


async def go_back(url: str) -> None:
    """Undo the last write, which made 1 the size of a widget."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        undone = """size = 0, document = replace(document, '"size":1', '"size":0')"""
        await connection.execute(f'UPDATE "Widget" SET changed = created, {undone}')
        await connection.execute("UPDATE state SET number = number - 1")
        await connection.execute("UPDATE sequence SET number = number - 1")
    await connection.close()


async def write_twice(store: PostgresqlStore) -> tuple[Record, str]:
    """Create a widget and make 1 its size, and return it as it was created, and the version after that."""
    widget = make_widget("w", None, size=0)
    await create(store, widget)
    await change(store, widget, size=1)
    return widget, await store.version(WIDGET)


async def until_moved(store: PostgresqlStore, version: str) -> None:
    async def moved() -> bool:
        return await store.version(WIDGET) != version

    await until(moved)


async def size(store: PostgresqlStore, id: str) -> bytes:
    async def look(reader: Reader) -> bytes:
        return (await reader.select(WIDGET, GLOBAL, [id], ("size",)))[id]

    return await store.read(look, brief=True)


async def test_what_is_remembered_is_forgotten_when_numbers_run_backwards(
    store: PostgresqlStore, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    widget, version = await write_twice(store)
    assert [await size(store, widget["id"]) for _ in range(2)] == [b'{"size":1}'] * 2
    await go_back(url)
    while await size(store, widget["id"]) != b'{"size":0}':
        await asyncio.sleep(0.01)
    assert await store.version(WIDGET) != version
    assert "The database knows less than it did" in caplog.text


async def test_a_server_that_takes_over_and_knows_less_is_told_in_the_log(
    store: PostgresqlStore, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It shows also when the connections were lost on the way to it."""
    widget, version = await write_twice(store)
    await go_back(url)
    store._watch._let_go()
    await until_moved(store, version)
    assert "The database knows less than it did" in caplog.text
    assert await size(store, widget["id"]) == b'{"size":0}'


async def test_what_takes_the_place_of_a_lost_commit_is_seen_though_its_number_is_known(
    store: PostgresqlStore, url: str
) -> None:
    widget, version = await write_twice(store)
    await go_back(url)
    await until_moved(store, version)
    assert [await size(store, widget["id"]) for _ in range(3)] == [b'{"size":0}'] * 3
    other = await open_on_postgresql(url, make_model())
    await change(other, widget, size=2)
    await other.close()
    while await size(store, widget["id"]) != b'{"size":2}':
        await asyncio.sleep(0.01)


async def test_a_commit_is_never_taken_for_one_that_was_lost(
    store: PostgresqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Not while looks and writes go on at the same time."""
    before = await store.version(WIDGET)

    async def write(name: str) -> None:
        for number in range(40):
            await create(store, make_widget(f"{name}{number}", None))

    async def look() -> None:
        while not writing.done():
            store._watch._looked_at = float("-inf")
            await store.version(WIDGET)

    writing = asyncio.gather(*(write(name) for name in "ab"))
    await asyncio.gather(writing, *(look() for _ in range(3)))
    assert (await store.version(WIDGET)).partition(".")[0] == before.partition(".")[0]
    assert caplog.text == ""
