"""Who hears of commits on PostgreSQL, also without notifications, and when the connection is lost."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Reader, Unavailable
from jmap_oauth.store.memory import Remembering
from jmap_oauth.store.postgresql import connections
from jmap_oauth.store.postgresql.store import PostgresqlStore
from tests.store.postgresql.connected import connected
from tests.store.postgresql.proxy import Proxy
from tests.support.stores import all_of, create, make_widget, open_on_postgresql, until
from tests.support.widget import WIDGET, make_model

# --- commits of others ---


async def test_commits_are_found_without_notifications(store: PostgresqlStore, url: str) -> None:
    before = await store.version(WIDGET)
    async with connected(url) as connection:
        await connection.execute("INSERT INTO state (account, type, number) VALUES ($1, 'Widget', 7)", GLOBAL)

    async def moved() -> bool:
        return await store.version(WIDGET) != before

    await until(moved)


# --- a connection that is lost at the worst moment ---


async def test_a_commit_whose_answer_is_lost_was_done_all_the_same(behind: PostgresqlStore, proxy: Proxy) -> None:
    proxy.cut = "after"
    await create(behind, make_widget("w", None))
    assert len(await all_of(behind, GLOBAL)) == 1


async def test_a_commit_that_never_arrives_is_unavailable_and_not_done(behind: PostgresqlStore, proxy: Proxy) -> None:
    proxy.cut = "before"
    with pytest.raises(Unavailable, match=r"connection|reached"):
        await create(behind, make_widget("w", None))
    assert await all_of(behind, GLOBAL) == []


# --- what is remembered ---


async def size_of(reader: Reader, id: str) -> tuple[int, bool]:
    """Return the size of a widget, and whether that was remembered."""
    await reader.state(WIDGET, GLOBAL)
    found = await reader.select(WIDGET, GLOBAL, [id], ("size",))
    return json.loads(found[id])["size"], isinstance(reader, Remembering)


async def remember(store: PostgresqlStore) -> Callable[[], Awaitable[tuple[int, bool]]]:
    """Make a widget and have the store remember it; return what finds it again."""
    widget = make_widget("w", None, size=0)
    await create(store, widget)

    async def find() -> tuple[int, bool]:
        return await store.read(lambda reader: size_of(reader, widget["id"]), brief=True)

    assert [await find(), await find()] == [(0, False), (0, True)]
    return find


async def test_changes_of_what_is_remembered_are_found_without_notifications(store: PostgresqlStore, url: str) -> None:
    find = await remember(store)
    async with connected(url) as connection, connection.transaction():
        document = """replace(document, '"size":0', '"size":1')"""
        await connection.execute(f'UPDATE "Widget" SET changed = 9, size = 1, document = {document}')
        await connection.execute("UPDATE state SET number = 9 WHERE type = 'Widget'")

    async def changed() -> bool:
        return (await find())[0] == 1

    await until(changed)


async def test_what_is_remembered_ends_with_the_connection_that_hears_of_changes(
    behind: PostgresqlStore, proxy: Proxy
) -> None:
    find = await remember(behind)
    proxy.end_all()

    async def ended() -> bool:
        return await find() == (0, False)

    await until(ended)
    assert await find() == (0, True)


async def test_a_connection_that_falls_silent_is_given_up(
    behind: PostgresqlStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_LOOK_SECONDS", 0.5)
    proxy.end_all()
    before = await behind.version(WIDGET)
    proxy.silence()

    async def is_another() -> bool:
        return await behind.version(WIDGET) != before

    await until(is_another)


async def test_a_database_that_is_slow_is_not_lost(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a look takes too long for on a connection that may have fallen silent, a new one has time for."""
    monkeypatch.setattr(connections, "_LOOK_SECONDS", 1e-6)
    store = await open_on_postgresql(url, make_model())
    before = await store.version(WIDGET)

    async def is_another() -> bool:
        return await store.version(WIDGET) != before

    await until(is_another)
    await store.close()
