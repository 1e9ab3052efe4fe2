"""Running the files of `schema/postgresql`, and finding out what tables a database has."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from jmap_oauth.model.definition import ObjectType
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.migrations import Found, Migration
from jmap_oauth.store.postgresql.failures import failure

NEEDED_VERSION: Final = 15
LOCK: Final = int.from_bytes(b"jmoa")
"""The advisory lock of whoever migrates; locks count within a database."""


def check_server(version: int, encoding: str) -> None:
    """Refuse a PostgreSQL that lacks what we use.

    Raises:
        Unusable: it is too old, or the database is not in UTF-8, in which alone texts have the order of SQLite's.
    """
    if version < NEEDED_VERSION:
        raise Unusable(f"PostgreSQL {version} is too old: this program needs {NEEDED_VERSION} or newer")
    if encoding != "UTF8":
        raise Unusable(f"the encoding of the database is {encoding}, but this program needs UTF8")


async def migrate(connection: asyncpg.Connection, migrations: Sequence[Migration], seconds: float) -> None:
    """Bring a database up to the last migration; waits so many seconds for others who use it.

    All steps that are missing are one transaction, under a lock that one process at a time has.

    Raises:
        Unusable: the database is not ours or newer, or a migration fails.
        asyncpg.PostgresError: whatever else goes wrong.
    """
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = {seconds * 1000:.0f}")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await _run_missing(connection, migrations)


async def _run_missing(connection: asyncpg.Connection, migrations: Sequence[Migration]) -> None:
    version, newest = await _version(connection), migrations[-1].number
    if version > newest:
        raise Unusable(f"the database is at schema {version}, but this program knows only up to {newest}")
    if version < newest:
        for migration in migrations[version:]:
            await _run(connection, migration)
        await connection.execute('UPDATE "schema" SET "number" = $1', newest)


async def _version(connection: asyncpg.Connection) -> int:
    """Return the number of the last migration that a database went through, 0 for an empty one."""
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    if not tables:
        await connection.execute(_MARK)
    elif not {"schema", "identity", "sequence", "state"} <= {name for (name,) in tables}:
        raise Unusable("this is not a database of this program: it has other tables")
    return int(await connection.fetchval('SELECT "number" FROM "schema"'))


_MARK: Final = """
    CREATE TABLE "schema" ("number" BIGINT NOT NULL);
    COMMENT ON TABLE "schema" IS 'The last migration of schema/postgresql that this database went through.';
    INSERT INTO "schema" ("number") VALUES (0);"""


async def _run(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.path.read_text("utf-8"))
    except asyncpg.PostgresError as error:
        if failure(error):
            raise
        raise Unusable(f"the migration {migration.path.name} fails: {error.args[0]}") from None


async def find_table(connection: asyncpg.Connection, type: ObjectType) -> Found:
    """Return what a database has of the table of a type."""
    columns = dict(await connection.fetch(_COLUMNS, type.name))
    unique = await connection.fetch(_UNIQUE, type.name)
    references = await connection.fetch(_REFERENCES, type.name)
    has_words = columns.pop(":words", None) is not None
    return Found(columns, {name for (name,) in unique}, dict(references), has_words=has_words)


async def find_objects(connection: asyncpg.Connection) -> Mapping[str, str]:
    """Return what else there is, tables and columns included: see `deviations`."""
    return dict(await connection.fetch(_OBJECTS))


async def made_objects(connection: asyncpg.Connection, migrations: Sequence[Migration]) -> Mapping[str, str]:
    """Return what `find_objects` finds after these migrations. They are run within a transaction, and undone.

    That is in a schema of its own, so it waits for nobody who migrates.

    Raises:
        asyncpg.PostgresError: they cannot be run, as a rule because the user may not make a schema.
    """
    transaction = connection.transaction()
    await transaction.start()
    try:
        name = f"check_{secrets.token_hex(8)}"
        await connection.execute(f"CREATE SCHEMA {name}; SET LOCAL search_path = {name}")
        await _run_missing(connection, migrations)
        return await find_objects(connection)
    finally:
        await transaction.rollback()


# A definition names the schema wherever it need not. How an index is stored (` WITH (fillfactor=…)`) is not our affair.
_OBJECTS: Final = """
    WITH here AS (SELECT oid, quote_ident(nspname) || '.' AS prefix FROM pg_namespace WHERE nspname = current_schema()),
    relation AS (
      SELECT pg_class.oid, relname || '.' AS owner, relname, relkind, relrowsecurity
      FROM pg_class JOIN here ON relnamespace = here.oid)
    SELECT name, replace(definition, ' ' || prefix, ' ') FROM here, (
      SELECT CASE relkind WHEN 'r' THEN 'table ' ELSE 'relation ' END || relname AS name,
             concat_ws(' ', relkind, relrowsecurity) AS definition
      FROM relation WHERE relkind IN ('r', 'v', 'S')
      UNION ALL
      SELECT 'column ' || owner || attname, concat_ws(
        ' ', format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attidentity, attgenerated,
        pg_get_expr(adbin, adrelid))
      FROM relation JOIN pg_attribute ON attrelid = relation.oid
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
      UNION ALL
      SELECT 'index ' || relation.owner || index.relname,
             concat_ws(' ', regexp_replace(pg_get_indexdef(index.oid), ' WITH \\([^)]*\\)', ''), indisvalid)
      FROM relation JOIN pg_index ON indrelid = relation.oid JOIN pg_class AS index ON index.oid = indexrelid
      UNION ALL
      SELECT 'constraint ' || owner || conname, concat_ws(' ', pg_get_constraintdef(pg_constraint.oid), convalidated)
      FROM relation JOIN pg_constraint ON conrelid = relation.oid
      UNION ALL
      SELECT 'trigger ' || owner || tgname, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled)
      FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal
      UNION ALL
      SELECT 'rule ' || owner || rulename, pg_get_ruledef(pg_rewrite.oid)
      FROM relation JOIN pg_rewrite ON ev_class = relation.oid WHERE relkind = 'r'
      UNION ALL
      SELECT 'function ' || proname, prosrc FROM pg_proc JOIN here ON pronamespace = here.oid
    ) AS object"""

_TABLE: Final = """(
    SELECT pg_class.oid FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relname = $1 AND nspname = current_schema())"""

# Texts count as such only if they are compared byte by byte. What is generated is a matter of the schema alone.
_COLUMNS: Final = f"""
    SELECT attname, CASE WHEN atttypid = 'bigint'::regtype THEN 'INTEGER'
                         WHEN atttypid = 'text'::regtype AND collname = 'C' THEN 'TEXT'
                         WHEN atttypid = 'text'::regtype AND attname = 'document' THEN 'TEXT'
                         ELSE concat_ws(' COLLATE ', format_type(atttypid, atttypmod), collname) END
    FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE attrelid = {_TABLE} AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""

# The columns that have a unique index to themselves.
_UNIQUE: Final = f"""
    SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = {_TABLE} AND indisunique AND indnatts = 1 AND indpred IS NULL"""

_REFERENCES: Final = f"""
    SELECT attname, relname FROM pg_constraint
    JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] JOIN pg_class ON pg_class.oid = confrelid
    WHERE conrelid = {_TABLE} AND contype = 'f'"""
