"""Schemas of PostgreSQL that tests have in turn: to empty one takes a tenth of the time of making its tables.

A test that changes tables, or wants none to be there, has a schema of its own (`schema_url`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import asyncpg

from tests.support.postgresql import GIVEN, database_url

TURNS = 25
"""How many tests have a schema one after the other: nobody vacuums it, so what was deleted stays in its files."""

_free: dict[str, list[list[str]]] = {}
"""For each name of tables the schemas that have them, each as often as it may be lent again."""

_lent: dict[tuple[str, Path], list[str]] = {}


async def lend(tables: str, folder: Path) -> str:
    """Return the URL of the schema that a folder has until the end of the test, which is empty at first.

    `tables` says which ones somebody makes in there: only for these it is lent again.
    """
    if (tables, folder) not in _lent:
        free = _free.setdefault(tables, [])
        turns = free.pop() if free else []
        if not turns or not await _empty(turns[0]):
            turns = [await _make()] * TURNS
        _lent[tables, folder] = turns
    return _url_of(_lent[tables, folder][0])


def take_back(folder: Path) -> None:
    """End a test: others may have the schemas of its folder. Whoever was connected has closed.

    To empty one needs a superuser, who has the database of the run, but perhaps not one that was given.
    """
    for tables, place in [each for each in _lent if each[1].is_relative_to(folder)]:
        _, *left = _lent.pop((tables, place))
        if left and GIVEN not in os.environ:
            _free[tables].append(left)


def _url_of(name: str) -> str:
    url = database_url()
    return f"{url}{'&' if '?' in url else '?'}search_path={name}"


async def _make() -> str:
    connection = await asyncpg.connect(database_url())
    name = f"lent_{secrets.token_hex(12)}"
    await connection.execute(f"CREATE SCHEMA {name}")
    await connection.close()
    return name


async def _empty(name: str) -> bool:
    """Leave what there is in a schema as after migrations that ran just now, or tell that this cannot be."""
    connection = await asyncpg.connect(_url_of(name))
    is_as_made = await connection.fetchval(_IS_AS_MADE)
    if is_as_made:
        await connection.execute(_EMPTY)
    await connection.close()
    return bool(is_as_made)


# Migrations are one transaction. What a test changed about tables or columns is of another one.
_IS_AS_MADE = """
    SELECT count(DISTINCT "by") = 1 FROM (
      SELECT xmin::text AS "by" FROM pg_class WHERE relnamespace = current_schema()::regnamespace
      UNION ALL
      SELECT pg_attribute.xmin::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
      WHERE relnamespace = current_schema()::regnamespace) AS "rows"
"""

_EMPTY = """
    DO $$ DECLARE "each" regclass; BEGIN
      SET LOCAL session_replication_role = replica;  -- no reference is looked at and no trigger runs
      FOR "each" IN SELECT oid FROM pg_class
          WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'schema' LOOP
        EXECUTE format('DELETE FROM %s', "each");
      END LOOP;
      PERFORM setval(oid, 1, false) FROM pg_class
          WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S';
      INSERT INTO "sequence" ("number") VALUES (0);
      INSERT INTO "identity" ("text") VALUES (replace(gen_random_uuid()::text, '-', ''));
    END $$"""
