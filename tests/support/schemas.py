"""Schemas of PostgreSQL that tests have in turn: to empty one takes a tenth of the time of making its tables."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import asyncpg

from tests.support.postgresql import GIVEN, database_url

_free: dict[str, list[str]] = {}
_lent: dict[tuple[str, Path], str] = {}


async def lend(tables: str, folder: Path) -> str:
    """Return the URL of the schema that a folder has until the end of the test, at first an empty one.

    `tables` says which ones somebody makes in there: only for these it is lent again.
    """
    if (tables, folder) not in _lent:
        free = _free.setdefault(tables, [])
        name = free.pop() if free else f"lent_{secrets.token_hex(12)}"
        await _empty(name)
        _lent[tables, folder] = name
    return _url_of(_lent[tables, folder])


def take_back() -> None:
    """End a test: others may have the schemas that it had. Whoever was connected has closed.

    To empty one needs a superuser, who has the database of the run, but perhaps not one that was given.
    """
    for (tables, _), name in _lent.items():
        if GIVEN not in os.environ:
            _free[tables].append(name)
    _lent.clear()


def _url_of(name: str) -> str:
    url = database_url()
    return f"{url}{'&' if '?' in url else '?'}search_path={name}"


async def _empty(name: str) -> None:
    """Make a schema, or leave what there is as migrations do that ran just now."""
    connection = await asyncpg.connect(_url_of(name))
    try:
        if await connection.fetchval("SELECT to_regclass('schema')") is None:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
        else:
            await connection.execute(_EMPTY)
    finally:
        await connection.close()


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
