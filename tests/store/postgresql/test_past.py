"""A database that went back: it was restored, or a replica took over that had not heard of the last commits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.store.interface import CannotCalculateChanges, Changes, Reader, Saved, Unavailable, Writer
from jmap_oauth.store.postgresql.snapshot import PostgresqlWriter
from jmap_oauth.store.postgresql.store import PostgresqlStore
from tests.store.postgresql.connected import connected
from tests.store.postgresql.proxy import Proxy
from tests.support.stores import all_of, change, create, make_widget, notice, open_on_postgresql, state, until
from tests.support.widget import WIDGET, make_model


async def go_back(url: str) -> None:
    """Undo the last write, which made 1 the size of a widget. The identity is in a new file, as after any restore."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute("CREATE TEMPORARY TABLE kept ON COMMIT DROP AS TABLE identity")
        await connection.execute("TRUNCATE identity; INSERT INTO identity TABLE kept")
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


async def identity(url: str) -> str:
    async with connected(url) as connection:
        return str(await connection.fetchval("SELECT text FROM identity"))


async def updated_since(store: PostgresqlStore, since: str) -> Sequence[str]:
    return (await store.read(lambda reader: reader.changes(WIDGET, GLOBAL, since, 10))).updated


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


async def test_no_server_takes_a_state_of_what_was_lost_when_its_number_is_taken_again(
    store: PostgresqlStore, other: PostgresqlStore, url: str
) -> None:
    """And both take those from before, as after a restore, and go on."""
    widget = make_widget("w", None, size=0)
    await create(store, widget)
    before = await state(store, GLOBAL)
    await change(store, widget, size=1)
    lost = await state(store, GLOBAL)
    await go_back(url)
    await change(other, widget, size=2)
    assert await state(store, GLOBAL) == await state(other, GLOBAL) not in (before, lost)
    for each in (store, other):
        assert await updated_since(each, before) == [widget["id"]]
        with pytest.raises(CannotCalculateChanges):
            await updated_since(each, lost)


async def test_of_many_writers_in_another_place_one_begins_the_epoch(
    store: PostgresqlStore, other: PostgresqlStore, url: str
) -> None:
    await write_twice(store)
    before = await identity(url)
    await go_back(url)
    await asyncio.gather(*(create(each, make_widget(f"{n}", None)) for n, each in enumerate([store, other] * 8)))
    assert (await identity(url)).split()[:-1] == before.split()


async def test_who_notices_late_that_commits_were_lost_begins_no_other_epoch(
    store: PostgresqlStore, other: PostgresqlStore, url: str
) -> None:
    """That one, too, remembers again what it reads."""
    widget, _ = await write_twice(store)
    await notice(other)
    await go_back(url)
    for size_now in (2, 3):
        await change(store, widget, size=size_now)
    begun = await identity(url)
    await change(other, widget, size=4)
    assert await identity(url) == begun
    await notice(store)
    assert [await size(each, widget["id"]) for each in (store, other) * 2] == [b'{"size":4}'] * 4


async def test_an_epoch_that_lost_nothing_goes_on_with_all_states(store: PostgresqlStore, url: str) -> None:
    widget, _ = await write_twice(store)
    before = await state(store, GLOBAL)
    async with connected(url) as connection:
        await connection.execute("VACUUM FULL identity")
    assert await state(store, GLOBAL) == before
    await change(store, widget, size=2)
    assert await updated_since(store, before) == [widget["id"]]


async def test_nothing_is_remembered_under_an_identity_that_somebody_replaced(store: PostgresqlStore, url: str) -> None:
    widget, version = await write_twice(store)
    assert [await size(store, widget["id"]) for _ in range(2)] == [b'{"size":1}'] * 2
    async with connected(url) as connection:
        await connection.execute("UPDATE identity SET text = gen_random_uuid()")
    await until_moved(store, version)
    assert [await state(store, GLOBAL, brief=True) for _ in range(2)] == [await state(store, GLOBAL)] * 2


async def test_what_is_remembered_stays_when_an_epoch_begins_that_lost_nothing(
    store: PostgresqlStore, url: str
) -> None:
    _, version = await write_twice(store)
    async with connected(url) as connection:
        await connection.execute("VACUUM FULL identity")
    before = await identity(url)
    await create(store, make_widget("x", None))
    store._watch._looked_at = float("-inf")
    assert (await store.version(WIDGET)).partition(".")[0] == version.partition(".")[0]
    assert await identity(url) != before


async def test_the_epoch_is_begun_with_the_write_or_not_at_all(store: PostgresqlStore, url: str) -> None:
    await write_twice(store)
    await go_back(url)
    before = await identity(url)

    async def fail(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("x", None))]))
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(fail)
    assert await identity(url) == before


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


@pytest.mark.parametrize("sizes", [[], [2], [2, 3]])
async def test_a_commit_that_was_lost_before_it_was_answered_is_not_taken_for_done(
    behind: PostgresqlStore, other: PostgresqlStore, proxy: Proxy, url: str, sizes: Sequence[int]
) -> None:
    """Whoever goes on without it, and though the transaction of that name was committed."""
    widget = make_widget("w", None, size=0)
    await create(behind, widget)

    async def take_over() -> None:
        await go_back(url)
        for size in sizes:
            await change(other, widget, size=size)

    proxy.cut, proxy.meanwhile = "after", take_over
    with pytest.raises(Unavailable):
        await change(behind, widget, size=1)
    assert [each["size"] for each in await all_of(behind, GLOBAL)] == [sizes[-1] if sizes else 0]


async def test_a_commit_that_others_went_on_from_elsewhere_was_done(
    behind: PostgresqlStore, other: PostgresqlStore, proxy: Proxy, url: str
) -> None:
    async def take_over() -> None:
        async with connected(url) as connection:
            await connection.execute("VACUUM FULL identity")
        await create(other, make_widget("next", None))

    proxy.cut, proxy.meanwhile = "after", take_over
    await create(behind, make_widget("w", None))
    assert len(await all_of(behind, GLOBAL)) == 2


async def test_a_transaction_that_a_server_has_not_come_to_was_not_committed_there(url: str) -> None:
    async with connected(url) as connection:
        writer = PostgresqlWriter(connection, {})
        writer.number, writer.transaction = 1, str(2**40 - 1)
        assert await writer.was_committed(connection) is False
