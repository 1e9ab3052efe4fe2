"""What people do to PostgreSQL while a store is open: it is told as it is, and over when it is undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.model.ids import new_id
from jmap_oauth.model.query import Comparator, Query, Window, Words
from jmap_oauth.store.check import Forms, find_flaws
from jmap_oauth.store.interface import Unavailable, Unusable
from jmap_oauth.store.postgresql import portable
from jmap_oauth.store.postgresql.store import PostgresqlStore
from tests.support.postgresql import schema_url
from tests.support.stores import POSTGRESQL_MIGRATIONS, all_of, create, make_widget, state
from tests.support.widget import WIDGET, make_model

Ask = Callable[[PostgresqlStore], Awaitable[Any]]

FOUND = Query(Words(["x"]), [Comparator(None, ascending=True)], Window(limit=9))


class Keeper:
    """A role with a schema of its own, and what an administrator does to it."""

    def __init__(self, administrator: str) -> None:
        self.name = administrator.rpartition("search_path=")[2].replace("test_", "keeper_")
        self.url = administrator.replace("postgres@", f"{self.name}@")
        self._administrator = administrator

    async def run(self, *statements: str) -> None:
        """Run statements as the administrator; `{}` is the role."""
        connection = await asyncpg.connect(self._administrator)
        for each in statements:
            await connection.execute(each.format(self.name))
        await connection.close()

    async def end_connections(self) -> None:
        await self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'")


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    url = schema_url(tmp_path)
    if "postgres@" not in url:
        pytest.skip("roles cannot be made in the given PostgreSQL")
    keeper = Keeper(url)
    schema = url.rpartition("search_path=")[2]
    await keeper.run("CREATE ROLE {} LOGIN", f"CREATE SCHEMA {schema} AUTHORIZATION {{}}")
    yield keeper
    await keeper.run("DROP OWNED BY {}", "DROP ROLE {}")


@pytest.fixture
async def store(keeper: Keeper) -> AsyncIterator[PostgresqlStore]:
    store = PostgresqlStore(keeper.url, make_model(), POSTGRESQL_MIGRATIONS, query_seconds=1)
    await store.open()
    yield store
    await store.close()


ASKED: dict[str, Ask] = {
    "read": lambda store: all_of(store, GLOBAL),
    "brief read": lambda store: store.read(lambda reader: reader.state(WIDGET, GLOBAL), brief=True),
    "write": lambda store: create(store, make_widget(new_id(), None)),
    "version": lambda store: store.version(WIDGET),
    "lead": lambda store: store.leads(),
}


async def told(ask: Ask, store: PostgresqlStore) -> str | None:
    """Return why something is unavailable, or None when it is not."""
    try:
        await ask(store)
    except Unavailable as reason:
        return str(reason)
    return None


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
async def test_a_user_that_is_refused_while_we_run_is_unavailable_until_it_is_let_in(
    keeper: Keeper, store: PostgresqlStore, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    await keeper.run("ALTER ROLE {} NOLOGIN")
    await keeper.end_connections()
    while "refuses the user" not in (await told(ask, store) or ""):
        await asyncio.sleep(0.01)
    while await told(ASKED["version"], store) is None:
        await asyncio.sleep(0.01)
    await keeper.run("ALTER ROLE {} LOGIN")
    while await told(ask, store) or await told(ASKED["version"], store):
        await asyncio.sleep(0.01)
    assert "The database does not answer: the database refuses the user" in caplog.text


async def test_a_right_that_is_taken_away_while_we_run_is_unavailable(keeper: Keeper, store: PostgresqlStore) -> None:
    schema = keeper.url.rpartition("search_path=")[2]
    await keeper.run(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {{}}")
    with pytest.raises(Unavailable, match="may not do this"):
        await state(store, GLOBAL)
    await keeper.run(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {{}}")
    await state(store, GLOBAL)


async def test_a_query_of_a_table_that_others_lock_is_unavailable_and_not_too_costly(
    keeper: Keeper, store: PostgresqlStore
) -> None:
    connection = await asyncpg.connect(keeper.url)
    async with connection.transaction():
        await connection.execute('LOCK TABLE "Widget"')
        with pytest.raises(Unavailable, match="locked"):
            await store.read(lambda reader: reader.query(WIDGET, GLOBAL, FOUND))
    await connection.close()


async def test_what_a_role_has_of_timeouts_is_not_for_us(keeper: Keeper) -> None:
    for name in ("statement_timeout", "idle_session_timeout", "lock_timeout"):
        await keeper.run(f"ALTER ROLE {{}} SET {name} = '1ms'")
    store = PostgresqlStore(keeper.url, make_model(), POSTGRESQL_MIGRATIONS)
    await store.open()
    for number in range(5):
        await create(store, make_widget(f"w{number}", None))
    assert len(await all_of(store, GLOBAL)) == 5
    await store.close()


async def test_a_database_is_read_for_as_long_as_it_takes_to_check_a_copy_of_it(
    keeper: Keeper, store: PostgresqlStore
) -> None:
    """Nothing is asked on that connection meanwhile, and its transaction is open."""
    async with portable.reading(keeper.url, make_model(), POSTGRESQL_MIGRATIONS) as snapshot:
        shown = [row async for row in snapshot.rows("SELECT current_setting('idle_in_transaction_session_timeout')")]
    assert shown == [("0",)]


async def test_a_user_who_may_not_make_a_schema_is_told_of_what_else_is_wrong(
    keeper: Keeper, store: PostgresqlStore
) -> None:
    schema, forms = keeper.url.rpartition("search_path=")[2], Forms(lambda *_: True, lambda _: "")
    await keeper.run(f'DROP INDEX {schema}."Widget:account"', f"UPDATE {schema}.identity SET text = ''")
    async with portable.reading(keeper.url, make_model(), POSTGRESQL_MIGRATIONS) as snapshot:
        flaws = [flaw async for flaw in find_flaws(snapshot, make_model(), forms)]
    assert flaws == ["the database has not one identity"]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("&no_such_parameter=SECRET", "a parameter of its URL"),
        ("&search_path=SECRET", "no schema"),
        ("&work_mem=SECRET", "a parameter of its URL"),
        ("&sslmode=SECRET", "the URL of the database is wrong"),
        ("&sslmode=verify-full&sslrootcert=/SECRET", "no such file of certificates"),
    ],
)
async def test_a_url_with_a_wrong_parameter_is_refused_without_telling_it(
    keeper: Keeper, part: str, message: str
) -> None:
    with pytest.raises((Unavailable, Unusable), match=message) as caught:
        await PostgresqlStore(keeper.url + part, make_model(), POSTGRESQL_MIGRATIONS).open()
    assert "SECRET" not in str(caught.value)
