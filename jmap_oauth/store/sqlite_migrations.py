"""Running the files of `schema/sqlite`, and finding out what tables a SQLite database has."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from jmap_oauth.model.definition import ObjectType
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.migrations import Found, Migration
from jmap_oauth.store.sqlite_file import connect, failure, make_private_file, opening

APPLICATION_ID: Final = int.from_bytes(b"jmoa")
"""Written into the header of our files, so that the database of another program is not taken for one."""


def migrate(path: Path, migrations: Sequence[Migration], timeout: float) -> None:
    """Bring a SQLite database up to the last migration; at most `timeout` seconds of waiting for others.

    All steps that are missing are one transaction. A database that was in use before is copied first.

    Raises:
        Unavailable: others keep it locked, or there is no room.
        Unusable: it is not ours, damaged, newer, cannot be written, or a migration fails.
    """
    newest = migrations[-1].number
    with opening(path), closing(connect(path, timeout, writing=True)) as connection:
        connection.execute("BEGIN")  # another process may be making it, so that what is read must be of one moment
        check_identity(connection, path, newest)
        connection.execute("ROLLBACK")
        if _use_wal(connection, time.monotonic() + timeout) != "wal":
            raise Unusable(f"{path}: its file system cannot hold a database with a write-ahead log")
        connection.execute("PRAGMA foreign_keys = OFF")  # or a table could not be rebuilt; they are checked at the end
        connection.execute("BEGIN EXCLUSIVE")
        try:
            # Again, and for good: another process may have been first.
            version = check_identity(connection, path, newest)
            # Even if that says nothing new: a file that cannot be written is refused here, and not at BEGIN.
            connection.execute(f"PRAGMA user_version = {newest}")
            if version < newest:
                _keep_copy(path, version, timeout)
                _run(connection, migrations[version:])
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def check_identity(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    """Return the number of the last migration that a database went through, 0 for an empty one."""
    version = int(_scalar(connection, "PRAGMA user_version"))
    mark = _scalar(connection, "PRAGMA application_id")
    if mark != APPLICATION_ID and (mark or version or _scalar(connection, "SELECT COUNT(*) FROM sqlite_schema")):
        raise Unusable(f"{path}: this is not a database of this program")
    if version > newest:
        raise Unusable(f"{path}: the database is at schema {version}, but this program knows only up to {newest}")
    return version


def _scalar(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _use_wal(connection: sqlite3.Connection, deadline: float) -> str:
    """Switch to write-ahead logging, which lasts. SQLite itself does not wait here for others who do the same."""
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _keep_copy(path: Path, version: int, timeout: float) -> None:
    """Copy a database in use to `<name>.before-<number of the first migration to come>`.

    It goes by another connection: the one that holds the lock could not be read from as others see it.
    """
    if version == 0:
        return
    copy = path.with_name(f"{path.name}.before-{version + 1}")
    part = path.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    make_private_file(part)
    with closing(connect(path, timeout)) as source, closing(connect(part, timeout, writing=True)) as target:
        source.backup(target)
    part.replace(copy)


def _run(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    for migration in migrations:
        try:
            for statement in split(migration.path.read_text("utf-8")):
                connection.execute(statement)
        except sqlite3.Error as error:
            if failure(error):
                raise
            raise Unusable(f"the migration {migration.path.name} fails: {error}") from error
    if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
        raise Unusable(f"the migrations leave references of {broken[0][0]} to {broken[0][2]} that lead nowhere")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def split(script: str) -> Iterator[str]:
    """Yield the statements of a script. `executescript` would do, but for committing whatever is under way."""
    statement = ""
    for piece in re.split(r"(?<=;)", script):
        statement += piece
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():  # a last comment, or what lacks its semicolon
        yield statement


# --- what is there? ---


def find_table(connection: sqlite3.Connection, type: ObjectType) -> Found:
    """Return what a database has of the table of a type."""
    columns = connection.execute("SELECT name, type FROM pragma_table_info(?)", [type.name])
    unique = connection.execute(_UNIQUE, [type.name])
    references = connection.execute('SELECT "from", "table" FROM pragma_foreign_key_list(?)', [type.name])
    words = connection.execute("SELECT 1 FROM pragma_table_info(?)", [f"{type.name}:words"])
    return Found(dict(columns), {name for (name,) in unique}, dict(references), has_words=bool(words.fetchall()))


def find_objects(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Return what else there is, tables included: see `deviations`. What SQLite makes itself is left out."""
    return dict(connection.execute(_OBJECTS))


def made_objects(migrations: Sequence[Migration]) -> Mapping[str, str]:
    """Return what `find_objects` finds after these migrations."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _run(connection, migrations)
        return find_objects(connection)


_OBJECTS: Final = """
    SELECT type || ' ' || CASE name WHEN tbl_name THEN name ELSE tbl_name || '.' || name END, sql FROM sqlite_schema
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite^_%' ESCAPE '^'
      AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')"""

# The columns that have a unique index to themselves.
_UNIQUE: Final = """
    SELECT MIN(info.name) FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info
    WHERE list."unique" AND NOT list.partial GROUP BY list.name HAVING COUNT(*) = 1"""
