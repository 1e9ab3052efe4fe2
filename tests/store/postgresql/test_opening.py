"""What is told of a PostgreSQL that cannot be opened, and what is done to one that can."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from urllib.parse import quote

import pytest

from jmap_oauth.store.check import Forms, find_flaws
from jmap_oauth.store.interface import Unavailable, Unusable
from jmap_oauth.store.postgresql import portable
from jmap_oauth.store.postgresql.schema import check_server
from jmap_oauth.store.postgresql.store import PostgresqlStore
from tests.store.postgresql.connected import connected
from tests.support.postgresql import missing
from tests.support.stores import POSTGRESQL_MIGRATIONS, create, make_schema, make_team, open_on_postgresql
from tests.support.widget import TEAM, make_model


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


@pytest.mark.parametrize("name", ['"A{}"', '"{} a.b"', '"{}\'s"', '"{}""a"', '"{} of Widget."'])
async def test_a_schema_may_have_any_name(url: str, name: str) -> None:
    given, _, plain = url.rpartition("search_path=")
    odd = f"{given}search_path={quote(name.format(plain), safe='')}"
    store, forms = await open_on_postgresql(odd, make_model()), Forms(lambda *_: True, lambda _: "")
    await create(store, make_team("One"), type=TEAM)
    await store.close()
    async with portable.reading(odd, make_model(), POSTGRESQL_MIGRATIONS) as snapshot:
        assert [flaw async for flaw in find_flaws(snapshot, make_model(), forms)] == []


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
