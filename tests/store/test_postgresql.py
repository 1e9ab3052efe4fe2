"""What is particular to PostgreSQL: its errors, its ends and returns, and who hears of commits."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from jmap_oauth.database import schema_folder
from jmap_oauth.model.definition import GLOBAL, Model
from jmap_oauth.model.query import Comparator, NoneOf, Query, Window, Words
from jmap_oauth.objects import served_types
from jmap_oauth.store.interface import Changes, Page, Reader, Saved, TooCostly, Unavailable, Unusable, Writer
from jmap_oauth.store.memory import Remembering
from jmap_oauth.store.postgresql import connections, snapshot
from jmap_oauth.store.postgresql.schema import check_server
from jmap_oauth.store.postgresql.snapshot import PostgresqlReader, PostgresqlWriter
from jmap_oauth.store.postgresql.sql import numbered
from jmap_oauth.store.postgresql.store import PostgresqlStore, open_postgresql
from jmap_oauth.store.postgresql.table import Table
from jmap_oauth.store.sql import quoted
from tests.support.postgresql import missing, schema_url
from tests.support.stores import (
    POSTGRESQL_MIGRATIONS,
    all_of,
    apply,
    create,
    destroy,
    make_schema,
    make_team,
    make_widget,
    open_on_postgresql,
    query,
)
from tests.support.widget import TEAM, WIDGET, make_model


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
async def impatient(store: PostgresqlStore, url: str) -> AsyncIterator[PostgresqlStore]:
    """A second store on the same database, which waits a moment only; not less, or a busy machine is a slow query."""
    impatient = PostgresqlStore(url, make_model(), POSTGRESQL_MIGRATIONS, busy_timeout=0.1, query_seconds=1)
    await impatient.open()
    yield impatient
    await impatient.close()


@pytest.fixture
async def other(store: PostgresqlStore, url: str) -> AsyncIterator[PostgresqlStore]:
    """A second store on the same database, which is as good as one of another process."""
    other = await open_on_postgresql(url, make_model())
    yield other
    await other.close()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    while not await holds():
        await asyncio.sleep(0.01)


# --- commits of others ---


async def test_the_version_shows_what_another_process_committed(store: PostgresqlStore, other: PostgresqlStore) -> None:
    teams, before = await store.version(TEAM), await store.version(WIDGET)
    await create(other, make_widget("w", None))

    async def moved() -> bool:
        return await store.version(WIDGET) != before

    await until(moved)
    assert await store.version(WIDGET) == await other.version(WIDGET)
    assert await store.version(TEAM) == teams


async def test_commits_are_found_without_notifications(store: PostgresqlStore, url: str) -> None:
    before = await store.version(WIDGET)
    async with connected(url) as connection:
        await connection.execute("INSERT INTO state (account, type, number) VALUES ($1, 'Widget', 7)", GLOBAL)

    async def moved() -> bool:
        return await store.version(WIDGET) != before

    await until(moved)


# --- trouble ---


async def test_a_write_that_waits_too_long_for_another_process_is_unavailable(
    impatient: PostgresqlStore, url: str
) -> None:
    async with connected(url) as connection, connection.transaction():
        await connection.execute("SELECT number FROM sequence FOR UPDATE")
        with pytest.raises(Unavailable, match="locked"):
            await create(impatient, make_widget("w", None))
        assert await all_of(impatient, GLOBAL) == []
    await create(impatient, make_widget("w", None))


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_conflict_is_tried_again_from_the_start(store: PostgresqlStore, state: str) -> None:
    tried: list[None] = []

    async def work(writer: Writer) -> int:
        assert isinstance(writer, PostgresqlWriter)
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        tried.append(None)
        if len(tried) < 3:
            await writer.rows(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        return len(tried)

    assert await store.write(work) == 3
    assert len(await all_of(store, GLOBAL)) == 1


async def test_conflicts_without_end_are_unavailable(store: PostgresqlStore) -> None:
    async def work(writer: Writer) -> None:
        assert isinstance(writer, PostgresqlWriter)
        await writer.rows("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")

    with pytest.raises(Unavailable, match="others are changing"):
        await store.write(work)


async def slow_rows(reader: Reader) -> None:
    """Make every row of widgets take long, within this transaction."""
    assert isinstance(reader, PostgresqlReader)
    await reader.rows("SELECT pg_sleep(10)")


async def test_a_statement_has_only_so_much_time(impatient: PostgresqlStore) -> None:
    with pytest.raises(Unavailable, match="no more time"):
        await impatient.read(slow_rows)
    assert await all_of(impatient, GLOBAL) == []


async def test_a_query_that_takes_long_is_too_costly(impatient: PostgresqlStore, url: str) -> None:
    await create(impatient, make_widget("w", None))
    async with connected(url) as connection:
        await connection.execute('ALTER TABLE "Widget" RENAME TO slow')
        await connection.execute('CREATE VIEW "Widget" AS SELECT slow.* FROM slow, pg_sleep(10)')
    query = Query(NoneOf([Words(["x"])]), [Comparator(None, ascending=True)], Window(limit=9))
    with pytest.raises(TooCostly):
        await impatient.read(lambda reader: reader.query(WIDGET, GLOBAL, query))
    with pytest.raises(TooCostly):
        await impatient.read(lambda reader: reader.indexes(WIDGET, GLOBAL, query, ["x"]))


async def test_a_query_beyond_what_can_be_asked_is_too_costly(store: PostgresqlStore) -> None:
    query = Query(NoneOf([Words(["x"])] * 40_000), [Comparator(None, ascending=True)], Window(limit=9))
    with pytest.raises(TooCostly):
        await store.read(lambda reader: reader.query(WIDGET, GLOBAL, query))


async def test_a_write_that_fails_lets_go_of_the_database_at_once(
    store: PostgresqlStore, other: PostgresqlStore
) -> None:
    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await other.write(work)
    await create(store, make_widget("w", None))


async def test_a_write_that_is_cancelled_lets_go_of_the_database(store: PostgresqlStore) -> None:
    begun = asyncio.Event()

    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", None))]))
        begun.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(store.write(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await create(store, make_widget("w", None))
    assert len(await all_of(store, GLOBAL)) == 1


async def test_a_reference_that_leads_nowhere_is_a_fault_and_nothing_is_done(store: PostgresqlStore) -> None:
    team = make_team("T")
    await create(store, team, type=TEAM)
    await create(store, make_widget("w", team["id"]))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await destroy(store, team, type=TEAM)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await create(store, make_widget("x", "nobody"))
    assert await all_of(store, GLOBAL, TEAM) == [team]


async def test_a_fault_does_not_tell_the_values_it_is_about(store: PostgresqlStore) -> None:
    saved = [Saved(make_widget(code, None), {"token": "DIGEST"}) for code in "ab"]
    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        await apply(store, WIDGET, Changes(created=saved))
    assert "DIGEST" not in "".join(traceback.format_exception(caught.value))


async def test_what_reads_cannot_write(store: PostgresqlStore) -> None:
    async def work(reader: Reader) -> None:
        assert isinstance(reader, PostgresqlReader)
        await reader.rows("UPDATE sequence SET number = 7")

    with pytest.raises(Unavailable, match="cannot be written"):
        await store.read(work)


async def test_no_column_holds_more_of_a_secret_than_its_hash(store: PostgresqlStore, url: str) -> None:
    widget = make_widget("w", None, secret="****")
    await apply(store, WIDGET, Changes(created=[Saved(widget, {"secret": "HASH", "token": "DIGEST"})]))
    async with connected(url) as connection:
        [row] = await connection.fetch('SELECT secret, token, document FROM "Widget"')
    assert tuple(row)[:2] == ("HASH", "DIGEST")
    assert "HASH" not in row[2]


# --- a connection that is lost at the worst moment ---


class Proxy:
    """Stands between a store and its database. Cuts the connection on which COMMIT is sent, before or after that.

    It can also end those that are there, or pass nothing on any more.
    """

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.cut: str | None = None
        self.port = 0
        self._there: set[asyncio.StreamWriter] = set()
        self._silent: set[asyncio.StreamWriter] = set()

    def end_all(self) -> None:
        for each in self._there:
            each.close()

    def silence(self) -> None:
        self._silent |= self._there

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self.socket)
        answers = asyncio.create_task(self._pass(from_server, writer))
        self._there.add(writer)
        try:
            while data := await reader.read(65_536):
                if writer in self._silent:
                    continue
                if self.cut and b"COMMIT" in data:
                    answers.cancel()
                    if self.cut == "after":
                        to_server.write(data)
                        await from_server.read(65_536)
                    self.cut = None
                    return
                to_server.write(data)
        finally:
            self._there.discard(writer)
            answers.cancel()
            to_server.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()


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


async def test_a_commit_whose_answer_is_lost_was_done_all_the_same(behind: PostgresqlStore, proxy: Proxy) -> None:
    proxy.cut = "after"
    await create(behind, make_widget("w", None))
    assert len(await all_of(behind, GLOBAL)) == 1


async def test_a_commit_that_never_arrives_is_unavailable_and_not_done(behind: PostgresqlStore, proxy: Proxy) -> None:
    proxy.cut = "before"
    with pytest.raises(Unavailable, match=r"connection|reached"):
        await create(behind, make_widget("w", None))
    assert await all_of(behind, GLOBAL) == []


# --- what is searched for ---


@pytest.mark.parametrize("many", [1, 5, 100])
@pytest.mark.parametrize("sort", [["code"], ["size", "code"]])
async def test_a_search_finds_the_same_whether_few_or_many_match(
    store: PostgresqlStore, monkeypatch: pytest.MonkeyPatch, many: int, sort: list[str]
) -> None:
    monkeypatch.setattr(snapshot, "_PROBED", 3)
    monkeypatch.setattr(snapshot, "_MANY", many)
    widgets = [make_widget(f"w{number:02}", None, note="third" if number % 3 == 0 else None) for number in range(30)]
    await create(store, *widgets)
    order = [Comparator(WIDGET.by_name[name], ascending=True) for name in sort]
    for position in (0, 1, 6, 9):
        page = await query(store, GLOBAL, Words(["third"]), order, Window(position, limit=4))
        assert page.ids == [widget["id"] for widget in widgets[::3][position : position + 4]]


@pytest.mark.parametrize(("size", "collected"), [(60, True), (300, False)])
async def test_what_matches_is_collected_where_it_is_less_than_the_rows_to_look_at(
    store: PostgresqlStore, url: str, monkeypatch: pytest.MonkeyPatch, size: int, collected: bool
) -> None:
    monkeypatch.setattr(snapshot, "_PROBED", 3)
    widgets = [make_widget(f"w{number:03}", None, note="third" if number % 3 == 0 else None) for number in range(size)]
    await create(store, *widgets)
    async with connected(url) as connection:
        await connection.execute('ANALYZE "Widget"')
    order = [Comparator(WIDGET.by_name["code"], ascending=True)]
    asked: list[str] = []

    async def find(reader: Reader) -> Page:
        assert isinstance(reader, PostgresqlReader)
        with reader.connection.query_logger(lambda each: asked.append(each.query)):
            return await reader.query(WIDGET, GLOBAL, Query(Words(["third"]), order, Window(limit=4)))

    page = await store.read(find)
    assert page.ids == [widget["id"] for widget in widgets[:12:3]]
    assert ("MATERIALIZED" in asked[-1]) is collected


async def test_a_grant_is_found_by_its_index(url: str) -> None:
    await make_schema(url)
    model = Model(served_types(frozenset()))
    await (await open_postgresql(url, model, schema_folder() / "postgresql")).close()
    has = Table(model["OAuthClient"]).has(quoted("grantTypes"), "password")
    async with connected(url) as connection:
        await connection.execute("SET enable_seqscan = off")
        plan = await connection.fetch(
            numbered(f'EXPLAIN SELECT 1 FROM "OAuthClient" WHERE {has.text}'), *has.parameters
        )
    assert "OAuthClient:grantTypes" in str(plan)


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


# --- opening ---


@pytest.mark.parametrize(
    ("part", "wrong", "message"),
    [
        ("/postgres?", "/no_such_database?", "there is no such database"),
        ("postgres@", "nobody_of_ours@", "refuses the user"),
        ("?host=", "?host=/nowhere&nothing=", "cannot be reached"),
        ("?host=", "?port=x&host=", "URL of the database is wrong"),
    ],
)
async def test_what_cannot_be_opened_is_told_without_the_url(url: str, part: str, wrong: str, message: str) -> None:
    if part not in url:
        pytest.skip("the given PostgreSQL is reached in another way")
    with pytest.raises((Unavailable, Unusable), match=message) as caught:
        await PostgresqlStore(url.replace(part, wrong), make_model(), POSTGRESQL_MIGRATIONS).open()
    assert "postgresql://" not in str(caught.value)


@pytest.mark.parametrize(("version", "encoding"), [(14, "UTF8"), (15, "LATIN1"), (16, "SQL_ASCII")])
def test_a_server_that_lacks_what_is_needed_is_refused(version: int, encoding: str) -> None:
    with pytest.raises(Unusable, match=r"too old|this program needs UTF8"):
        check_server(version, encoding)


async def test_many_at_once_migrate_once(url: str) -> None:
    await make_schema(url)
    stores = await asyncio.gather(*(open_on_postgresql(url, make_model()) for _ in range(6)))
    async with connected(url) as connection:
        assert await connection.fetch('SELECT number FROM "schema"') == [(1,)]
        assert len(await connection.fetch("SELECT number FROM sequence")) == 1
    for store in stores:
        await store.close()


def run_python(script: str) -> str:
    """Run a script in a Python of its own and return what it prints."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


def test_nothing_of_it_is_imported_before_a_url_asks_for_it() -> None:
    found = run_python("import sys, jmap_oauth.app, jmap_oauth.cli; print('asyncpg' in sys.modules)")
    assert found == "False\n"


def test_without_its_driver_a_sentence_says_what_to_install() -> None:
    script = """
import asyncio, sys
sys.modules["asyncpg"] = None
from jmap_oauth.app import Unusable, open_server
from jmap_oauth.config import Settings
async def main():
    async with open_server(Settings(database="postgresql://u:SECRET@db/x")):
        pass
try:
    asyncio.run(main())
except Unusable as error:
    print(error)
"""
    assert run_python(script) == "PostgreSQL needs asyncpg: pip install 'jmap-oauth[postgresql]'\n"


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_postgresql_fails_where_all_must_run(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="not there"):
        missing("not there")
