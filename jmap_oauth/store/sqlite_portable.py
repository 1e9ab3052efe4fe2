"""SQLite's part in carrying over, checking, backing up and putting back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final

from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.model.kinds import now
from jmap_oauth.store import sql
from jmap_oauth.store.interface import Unavailable
from jmap_oauth.store.migrations import Migration, check_current, deviations, differences, read_migrations
from jmap_oauth.store.new_file import new_file
from jmap_oauth.store.portable import Progress, addition
from jmap_oauth.store.sql import quoted
from jmap_oauth.store.sqlite_file import connect, opening
from jmap_oauth.store.sqlite_migrations import check_identity, find_objects, find_table, made_objects, migrate
from jmap_oauth.store.sqlite_snapshot import SqliteTable
from jmap_oauth.store.states import begin_epoch

HEADER: Final = b"SQLite format 3\0"
_SECONDS: Final = 30.0
_PAGES: Final = 1_000


class SqliteContents:
    """A `portable.Target` on a connection in a transaction. It does nothing else meanwhile, so it needs no thread.

    `checking` is a connection on which FTS5 can compare its index with its rows: it does so as part of a write.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        checking: sqlite3.Connection,
        model: Model,
        migrations: Sequence[Migration],
    ) -> None:
        self._connection = connection
        self._checking = checking
        self._migrations = migrations
        self._tables = {type.name: SqliteTable(type) for type in model}

    async def rows(self, statement: str, *parameters: Any) -> AsyncIterator[Sequence[Any]]:
        for row in self._connection.execute(statement, parameters):
            yield row

    async def stored(self, type: ObjectType) -> AsyncIterator[Mapping[str, Any]]:
        table = self._tables[type.name]
        names = ["id", *(each.name for each in table.columns), "document"]
        columns = ", ".join(f"object.{quoted(name)}" for name in names)
        words, join = ("NULL", "")
        if type.searchable:
            words, join = "kept.words", f"LEFT JOIN {table.words_name} AS kept ON kept.rowid = object.number"
        for row in self._connection.execute(f"SELECT {columns}, {words} FROM {table.name} AS object {join}"):
            yield dict(zip([*names, ":words"], row, strict=True))

    def derive(self, type: ObjectType, document: str) -> Mapping[str, Any]:
        table = self._tables[type.name]
        record = table.record(document)
        return {**table.row(record, {}), ":words": sql.words_of(type, record) if type.searchable else None}

    async def own_flaws(self) -> AsyncIterator[str]:
        searchable = [table for table in self._tables.values() if table.type.searchable]
        for table in searchable:
            if not self._is_index_sound(table):
                yield f"{table.type.name}: the index of words does not hold the words that were put into it"
        for table in self._tables.values():
            for difference in differences(table.type, find_table(self._connection, table.type)):
                yield difference
        for deviation in deviations(made_objects(self._migrations), find_objects(self._connection)):
            yield deviation
        for (finding,) in self._connection.execute("PRAGMA integrity_check(20)"):
            if finding != "ok":
                yield f"the file is damaged: {finding}"
        for table in searchable:
            orphans = f"SELECT rowid FROM {table.words_name} WHERE rowid NOT IN (SELECT number FROM {table.name})"
            for (row,) in self._connection.execute(orphans):
                yield f"{table.type.name}: there are words of row {row}, which is not there"

    def _is_index_sound(self, table: SqliteTable) -> bool:
        try:
            self._checking.execute(f"INSERT INTO {table.words_name} ({table.words_name}) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            return False
        return True

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(*addition(table, columns, rows))

    async def put(self, type: ObjectType, hashes: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        table = self._tables[type.name]
        for id, created, changed, joined, *kept, document in rows:
            record = table.record(document)
            given = dict(zip(hashes, kept, strict=True))
            row = table.new_row((created, changed, joined), record, given, document) | {"id": id}
            self._connection.execute(table.insert(row), [*row.values()])
            if table.words:
                self._connection.execute(table.words.insert, (sql.words_of(type, record), id))


@asynccontextmanager
async def reading(path: Path, model: Model, migrations: Path) -> AsyncIterator[SqliteContents]:
    """Give a database as it is at this moment, while others go on with it.

    Raises:
        Unavailable, Unusable: it cannot be read, or is not up to date.
    """
    steps = read_migrations(migrations)
    with ExitStack() as stack:
        stack.enter_context(opening(path))
        # Closed last: one that may write takes the files beside away, if nobody else has it open.
        checking = stack.enter_context(closing(connect(path, _SECONDS, writing=True)))
        connection = stack.enter_context(closing(connect(path, _SECONDS)))
        check_current(check_identity(connection, path, len(steps)), len(steps))
        connection.execute("BEGIN")  # it begins with the first statement: until then `checking` may write
        yield SqliteContents(connection, checking, model, steps)


@asynccontextmanager
async def filling(path: Path, model: Model, migrations: Path, *, force: bool) -> AsyncIterator[SqliteContents]:
    """Give an empty database that takes this place when the block ends well, and else is as if it had never been."""
    steps = read_migrations(migrations)
    with new_file(path, _set_aside if force else None) as part:
        migrate(part, steps, _SECONDS)
        with opening(path), closing(connect(part, _SECONDS, writing=True)) as connection:
            connection.execute("BEGIN")
            yield SqliteContents(connection, connection, model, steps)
            connection.execute("COMMIT")


def back_up(source: Path, target: Path, migrations: Path, progress: Progress) -> None:
    """Copy a database that may be in use into a file that is not there yet."""
    with new_file(target) as part:
        _copy(source, part, len(read_migrations(migrations)), progress)


def put_back(backup: Path, path: Path, model: Model, migrations: Path, progress: Progress, *, force: bool) -> None:
    """Put a copy in the place of a database, which goes on from there by itself: see `States`."""
    steps = read_migrations(migrations)
    with new_file(path, _set_aside if force else None) as part:
        _copy(backup, part, len(steps), progress)
        migrate(part, steps, _SECONDS)
        with opening(path), closing(connect(part, _SECONDS, writing=True)) as connection:
            [(identity, last)] = connection.execute("SELECT text, number FROM identity, sequence").fetchall()
            connection.execute("UPDATE identity SET text = ?", [begin_epoch(identity, last)])


def _copy(source: Path, target: Path, newest: int, progress: Progress) -> None:
    """Copy a database of ours, as it is at this moment, into an empty file."""

    def tell(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    with ExitStack() as stack:
        stack.enter_context(opening(source))
        old = stack.enter_context(closing(connect(source, _SECONDS, writing=True)))
        new = stack.enter_context(closing(connect(target, _SECONDS, writing=True)))
        old.execute("BEGIN")  # else the copy begins anew with every commit of others
        check_identity(old, source, newest)
        old.backup(new, pages=_PAGES, progress=tell)
        new.execute("PRAGMA journal_mode = DELETE")  # so that it can be read where nothing can be written beside it


def _set_aside(path: Path) -> None:
    """Give what is in the way a second name, beside.

    Raises:
        Unavailable: somebody has it open, who would go on with it.
    """
    with suppress(sqlite3.DatabaseError), closing(connect(path, 1.0, writing=True)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if path.with_name(f"{path.name}-wal").exists() and _is_sound(path):  # the last that closes it takes that away
        raise Unavailable(f"{path}: another program uses it: stop the server first")
    aside = path.with_name(f"{path.name}.replaced-{now().replace(':', '')}")
    os.link(path, aside)
    for end in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{end}").replace(aside.with_name(f"{aside.name}{end}"))


def _is_sound(path: Path) -> bool:
    with suppress(sqlite3.DatabaseError), closing(connect(path, 1.0)) as connection:
        return bool(connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone())
    return False


def is_sqlite(path: Path) -> bool:
    """Tell whether a file is a database of SQLite."""
    with opening(path), path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER
