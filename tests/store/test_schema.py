"""The tables of the served types."""

from __future__ import annotations

from pathlib import Path

import pytest

from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.objects import served_types
from jmap_oauth.store.sql import columns_of
from jmap_oauth.store.sqlite import open_sqlite
from tests.support.stores import SQLITE_MIGRATIONS

SCHEMA = Path(__file__).parents[2] / "schema" / "sqlite"


def columns(type: ObjectType) -> list[str]:
    return [each.name for each in columns_of(type)]


async def test_the_migrations_make_the_tables_that_the_served_types_declare(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "served.db", Model(served_types(frozenset())), SCHEMA)
    await store.close()


def test_columns_are_there_for_what_is_looked_for_or_sorted_by() -> None:
    client = Model(served_types(frozenset()))["OAuthClient"]
    assert columns(client) == [
        "clientId", "clientId:sort", "description:sort", "secret", "createdAt", "expiresAt", "memberTenantId",
    ]  # fmt: skip


@pytest.mark.parametrize("table", ["sequence", "state", "tombstone"])
def test_the_pretend_types_have_the_same_shared_tables(table: str) -> None:
    scripts = [next(each.glob("0001_*.sql")).read_text("utf-8") for each in (SCHEMA, SQLITE_MIGRATIONS)]
    first, second = (script.split(f'CREATE TABLE "{table}"')[1].split(";")[0] for script in scripts)
    assert first == second


def test_the_pretend_types_have_the_same_table_of_blobs() -> None:
    scripts = [next(each.glob(name)) for each, name in ((SCHEMA, "0003_*.sql"), (SQLITE_MIGRATIONS, "0001_*.sql"))]
    first, second = (script.read_text("utf-8").split('CREATE TABLE "blob"')[1] for script in scripts)
    assert first.split("CREATE TRIGGER")[0].split("--")[0].strip() == second.split("CREATE TRIGGER")[0].strip()
