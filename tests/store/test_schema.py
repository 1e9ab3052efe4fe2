"""The tables of the served types."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from jmap_oauth.model.definition import GLOBAL, Model, ObjectType
from jmap_oauth.model.filters import between, parse_filter
from jmap_oauth.model.query import DEFAULT_SORT, AllOf, Comparator, FilterNode, Query, Window
from jmap_oauth.objects import served_types
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.store.log import log_statement
from jmap_oauth.store.migrations import read_migrations
from jmap_oauth.store.sql import columns_of, order_by
from jmap_oauth.store.sqlite import open_sqlite
from jmap_oauth.store.sqlite_file import prepare_file
from jmap_oauth.store.sqlite_migrations import migrate
from jmap_oauth.store.sqlite_snapshot import SqliteTable
from tests.support.stores import SQLITE_MIGRATIONS, look

SCHEMA = Path(__file__).parents[2] / "schema" / "sqlite"


def columns(type: ObjectType) -> list[str]:
    return [each.name for each in columns_of(type)]


async def test_the_migrations_make_the_tables_that_the_served_types_declare(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "served.db", Model(served_types(frozenset())), SCHEMA)
    await store.close()


def test_both_databases_have_the_same_migrations() -> None:
    of_sqlite, of_postgresql = (
        [each.path.name for each in read_migrations(SCHEMA.parent / name)] for name in ("sqlite", "postgresql")
    )
    assert of_sqlite == of_postgresql


def test_columns_are_there_for_what_is_looked_for_or_sorted_by() -> None:
    client = Model(served_types(frozenset()))["OAuthClient"]
    assert columns(client) == [
        "clientId", "clientId:sort", "description:sort", "createdAt", "expiresAt", "memberTenantId", "clientName:sort",
        "owner", "grantTypes", "isEnabled", "updatedAt", "lastUsedAt",
    ]  # fmt: skip


@pytest.mark.parametrize("table", ["sequence", "state", "tombstone", "identity"])
def test_the_pretend_types_have_the_same_shared_tables(tmp_path: Path, table: str) -> None:
    for number, folder in enumerate((SCHEMA, SQLITE_MIGRATIONS)):
        prepare_file(tmp_path / f"{number}.db")
        migrate(tmp_path / f"{number}.db", read_migrations(folder), timeout=30)
    shape = f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{table}')"
    first, second = (look(tmp_path / f"{number}.db", shape) for number in range(2))
    assert first
    assert first == second


def test_the_pretend_types_have_the_same_table_of_blobs() -> None:
    scripts = [next(each.glob(name)) for each, name in ((SCHEMA, "0003_*.sql"), (SQLITE_MIGRATIONS, "0001_*.sql"))]
    first, second = (script.read_text("utf-8").split('CREATE TABLE "blob"')[1] for script in scripts)
    assert first.split("CREATE TRIGGER")[0].split("--")[0].strip() == second.split("CREATE TRIGGER")[0].strip()


@pytest.mark.parametrize("account_property", [None, "memberTenantId"])
async def test_changes_are_read_from_indexes_alone(tmp_path: Path, account_property: str | None) -> None:
    type = Model(served_types(frozenset()))["OAuthClient"]
    prepare_file(tmp_path / "served.db")
    migrate(tmp_path / "served.db", read_migrations(SCHEMA), timeout=30)
    statement = log_statement(type.name, account_property)
    values = {"type": "", "account": "", "number": 1, "id": "~", "limit": 10}
    with closing(sqlite3.connect(tmp_path / "served.db")) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    steps = [step for step in plan if "tombstone" in step or type.name in step]
    assert len(steps) == 3
    assert all(step.startswith("SEARCH") and " USING COVERING INDEX " in step for step in steps), steps


@pytest.mark.parametrize("account", [GLOBAL, "a tenant"])
@pytest.mark.parametrize("name", ["OAuthClient", "OAuthClientSecret"])
def test_whom_the_clock_passed_is_read_from_an_index_of_each_date(tmp_path: Path, name: str, account: str) -> None:
    type = Model(served_types(frozenset()))[name]
    assert type.status is not None
    for date in (type.by_name[each] for each in type.status.dates):
        filter = between(date, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
        [step] = plan_of(tmp_path, type, account, filter, [Comparator(date, ascending=True)])
        assert step.startswith("SEARCH")
        assert " USING COVERING INDEX " in step


@pytest.mark.parametrize("asked", [{"status": "disabled"}, {"status": "active"}, {"grantType": "password"}])
def test_clients_are_found_by_status_and_grant_without_reading_rows(tmp_path: Path, asked: dict[str, str]) -> None:
    type = Model(served_types(frozenset()))["OAuthClient"]
    filter = parse_filter(type, asked, frozenset({METADATA}), str, "2026-01-01T00:00:00Z")
    [step] = plan_of(tmp_path, type, GLOBAL, filter, DEFAULT_SORT)
    assert step == "SCAN OAuthClient USING COVERING INDEX OAuthClient:status"


@pytest.mark.parametrize("name", ["clientName", "lastUsedAt"])
def test_a_sort_by_what_most_clients_lack_begins_at_an_index_whichever_way_it_goes(tmp_path: Path, name: str) -> None:
    type = Model(served_types(frozenset()))["OAuthClient"]
    for ascending in (True, False):
        [step] = plan_of(tmp_path, type, GLOBAL, AllOf(()), [Comparator(type.by_name[name], ascending)])
        assert step.startswith(f"SCAN OAuthClient USING COVERING INDEX OAuthClient:{name}")


def plan_of(folder: Path, type: ObjectType, account: str, filter: FilterNode, sort: Sequence[Comparator]) -> list[str]:
    """Return how SQLite reads the ids of what matches, in order."""
    prepare_file(folder / "served.db")
    migrate(folder / "served.db", read_migrations(SCHEMA), timeout=30)
    matches = SqliteTable(type).matches(account, Query(filter, sort, Window()))
    matching, order = matches.condition, order_by(matches.steps)
    statement = f'EXPLAIN QUERY PLAN SELECT id FROM "{type.name}" WHERE {matching.text} ORDER BY {order} LIMIT 10'
    with closing(sqlite3.connect(folder / "served.db")) as connection:
        return [row[3] for row in connection.execute(statement, matching.parameters)]
