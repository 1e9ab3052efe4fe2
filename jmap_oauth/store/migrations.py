"""Running the numbered files of `schema/`, and telling whether a database fits this program.

A folder holds `NNNN_name.sql` from 0001 on. A database knows the number of the last one it went through.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jmap_oauth.model.definition import ObjectType
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.sql import Column, Role, columns_of
from jmap_oauth.store.sqlite_file import connect, failure, make_private_file, opening

APPLICATION_ID: Final = int.from_bytes(b"jmoa")
"""Written into the header of our files, so that the database of another program is not taken for one."""

_NAME = re.compile(r"(\d{4})_\w+\.sql", re.ASCII)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; its number counts from 1."""

    number: int
    path: Path


def read_migrations(folder: Path) -> Sequence[Migration]:
    """Return the migrations of a folder in order.

    Raises:
        Unusable: there are none, or their numbers have gaps or repeat.
    """
    found = sorted(
        (Migration(int(match[1]), path) for path in folder.glob("*.sql") if (match := _NAME.fullmatch(path.name))),
        key=lambda migration: migration.number,
    )
    if not found:
        raise Unusable(f"{folder}: there are no migrations")
    if [migration.number for migration in found] != [*range(1, len(found) + 1)]:
        raise Unusable(f"{folder}: the numbers of the migrations have gaps or repeat")
    return found


def migrate(path: Path, migrations: Sequence[Migration], timeout: float) -> None:
    """Bring a SQLite database up to the last migration; at most `timeout` seconds of waiting for others.

    All steps that are missing are one transaction. A database that was in use before is copied first.

    Raises:
        Unavailable: others keep it locked, or there is no room.
        Unusable: it is not ours, damaged, newer, cannot be written, or a migration fails.
    """
    newest = migrations[-1].number
    with opening(path), closing(connect(path, timeout, writing=True)) as connection:
        _check_identity(connection, path, newest)
        if _use_wal(connection, time.monotonic() + timeout) != "wal":
            raise Unusable(f"{path}: its file system cannot hold a database with a write-ahead log")
        connection.execute("PRAGMA foreign_keys = OFF")  # or a table could not be rebuilt; they are checked at the end
        connection.execute("BEGIN EXCLUSIVE")
        try:
            # Again, and for good: another process may have been first.
            version = _check_identity(connection, path, newest)
            # Even if that says nothing new: a file that cannot be written is refused here, and not at BEGIN.
            connection.execute(f"PRAGMA user_version = {newest}")
            if version < newest:
                _keep_copy(path, version, timeout)
                _run(connection, migrations[version:])
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _check_identity(connection: sqlite3.Connection, path: Path, newest: int) -> int:
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


# --- does it fit the declarations? ---


def check_tables(connection: sqlite3.Connection, types: Iterable[ObjectType]) -> None:
    """See that every type has the table that its declaration asks for, no less and no more.

    Raises:
        Unusable: a migration is missing; names type and column.
    """
    for type in types:
        for column, reason in _differences(connection, type):
            raise Unusable(f"{type.name}.{column} {reason}: a migration is missing")


_COMMON = {"number": "INTEGER", "id": "TEXT", "created": "INTEGER", "changed": "INTEGER", "joined": "INTEGER"}


def _differences(connection: sqlite3.Connection, type: ObjectType) -> Iterator[tuple[str, str]]:
    """Yield (column, what is wrong with it)."""
    columns = columns_of(type)
    wanted = _COMMON | {each.name: _type_of(each) for each in columns} | {"document": "TEXT"}
    found = dict(connection.execute("SELECT name, type FROM pragma_table_info(?)", [type.name]))
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield name, f"is {found.get(name, 'nowhere')} in the database and {wanted.get(name, 'nowhere')} declared"
    unique, references = _unique_columns(connection, type), _references(connection, type)
    for each in columns:
        if each.unique != (each.name in unique):
            yield each.name, f"is {'unique' if each.unique else 'not unique'} as declared, but not in the database"
        target = references.get(each.name)
        if each.role is Role.VALUE and target != dict(_targets(type)).get(each.name):
            yield each.name, f"refers to {target or 'nothing'} in the database, but not as declared"
    has_words = bool(connection.execute("SELECT 1 FROM pragma_table_info(?)", [f"{type.name}:words"]).fetchall())
    if has_words != bool(type.searchable):
        yield "words", f"is {'there' if has_words else 'missing'}, unlike declared"


def _type_of(column: Column) -> str:
    return "INTEGER" if column.is_integer else "TEXT"


def _targets(type: ObjectType) -> Iterator[tuple[str, str]]:
    for each, name in type.references:
        yield each.name, name


def _unique_columns(connection: sqlite3.Connection, type: ObjectType) -> set[str]:
    """Return the columns that have a unique index to themselves."""
    sql = """SELECT MIN(info.name) FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info
             WHERE list."unique" AND NOT list.partial GROUP BY list.name HAVING COUNT(*) = 1"""
    return {name for (name,) in connection.execute(sql, [type.name])}


def _references(connection: sqlite3.Connection, type: ObjectType) -> dict[str, str]:
    return dict(connection.execute('SELECT "from", "table" FROM pragma_foreign_key_list(?)', [type.name]))
