"""What a database holds, in a form that is none of a backend's own, so that it can be checked and carried over.

Carried over are rows with their numbers, hashes, dates and ids, the states, and whom the tombstones are about. What
follows from a document, columns and words, each backend makes anew. The statements here are understood by all backends;
values in them are parameters, written `?`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from msgspec import MsgspecError, Struct

from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.sql import Role, columns_of, quoted
from jmap_oauth.store.states import begin_epoch

VERSION: Final = 1
"""Raised with every migration that changes what rows mean: what was exported before that is refused."""

BATCH: Final = 500
"""Rows that are carried at once; of blobs one."""

Progress = Callable[[int, int | None], None]
"""Told how many rows have been carried, of how many."""

_SHARED: Final[Mapping[str, Sequence[str]]] = {
    "state": ("account", "type", "number", "pruned"),
    "tombstone": ("type", "account", "id", "joined", "left_at", "made_at"),
    "blob": ("account", "uploader", "id", "uploadedAt", "data"),
}
_NUMBERS: Final = ("id", "created", "changed", "joined")


class Row(NamedTuple):
    """A row of a table, with the values of its columns as `Contents.tables` names them."""

    table: str
    values: Sequence[Any]


class Contents(Struct, frozen=True):
    """What comes with the rows: the identity, the last number, the columns of each table and how many rows it has."""

    version: int
    identity: str
    number: int
    tables: dict[str, list[str]]
    counts: dict[str, int]


class Snapshot(Protocol):
    """All of a database as it is at one moment."""

    def rows(self, statement: str, *parameters: Any) -> AsyncIterator[Sequence[Any]]:
        """Yield the rows of a statement, of which few are in memory at any time."""
        ...

    def stored(self, type: ObjectType) -> AsyncIterator[Mapping[str, Any]]:
        """Yield all columns of each row of a type, and what else the backend keeps of it, by name."""
        ...

    def derive(self, type: ObjectType, document: str) -> Mapping[str, Any]:
        """Return what `stored` should yield of a document, but for its numbers and hashes."""
        ...

    def own_flaws(self) -> AsyncIterator[str]:
        """Yield what the engine itself finds to be wrong."""
        ...


class Target(Snapshot, Protocol):
    """An empty database that is filled. Others see nothing of it before all is there."""

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add rows to a table that all types share."""
        ...

    async def put(self, type: ObjectType, hashes: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add objects: each id, the numbers of creation, change and joining, these hashes, the document."""
        ...


async def describe(snapshot: Snapshot, model: Model) -> Contents:
    """Return what there is to export."""
    tables = {name: [*columns] for name, columns in _tables(model).items()}
    counts = {name: int(await _value(snapshot, f"SELECT COUNT(*) FROM {quoted(name)}")) for name in tables}
    identity = str(await _value(snapshot, "SELECT text FROM identity"))
    return Contents(VERSION, identity, int(await _value(snapshot, "SELECT number FROM sequence")), tables, counts)


async def export(snapshot: Snapshot, contents: Contents) -> AsyncIterator[Row]:
    """Yield all rows, those that others refer to first."""
    for table, columns in contents.tables.items():
        order = "account, type" if table == "state" else "number"
        names = ", ".join(map(quoted, columns))
        async for values in snapshot.rows(f"SELECT {names} FROM {quoted(table)} ORDER BY {order}"):
            yield Row(table, values)


async def load(target: Target, model: Model, contents: Contents, rows: AsyncIterator[Row], progress: Progress) -> None:
    """Put rows into an empty database, which goes on from there by itself.

    States up to there stay valid. Those that the other database gives out from then on are none of this one.

    Raises:
        Unusable: they are not for this program, or not as many as they should be.
    """
    if contents.version != VERSION or contents.tables != {name: [*each] for name, each in _tables(model).items()}:
        raise Unusable("it is of another version of this program: bring the database up to date before it is exported")
    counts = dict.fromkeys(contents.tables, 0)
    async for batch in _batches(rows):
        table = batch[0].table
        if table not in counts:
            raise Unusable(f"it holds rows of {table[:100]!r}, which is no table")
        try:
            await _put(target, model, table, contents.tables[table], [row.values for row in batch])
        except (ValueError, TypeError, LookupError, AttributeError, MsgspecError):
            raise Unusable(f"it holds rows of {table!r} that cannot be read") from None
        counts[table] += len(batch)
        progress(sum(counts.values()), sum(contents.counts.values()))
    if counts != contents.counts:
        raise Unusable("it does not hold as many rows as it should")
    await _set(target, "sequence", "number", contents.number)
    await _set(target, "identity", "text", begin_epoch(contents.identity, contents.number))


def addition(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[str, Sequence[Sequence[Any]]]:
    """Return the statement that adds rows to a table that all types share, and those rows; of a blob its size too."""
    if table == "blob":
        columns, rows = [*columns, "size"], [[*row, len(row[-1])] for row in rows]
    names, marks = ", ".join(map(quoted, columns)), ", ".join("?" for _ in columns)
    return f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})", rows


async def is_empty(snapshot: Snapshot, model: Model) -> bool:
    """Tell whether there is nothing in a database that a copy could hide or mix with."""
    contents = await describe(snapshot, model)
    return contents.number == 0 and not any(contents.counts.values())


async def _put(target: Target, model: Model, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if table in _SHARED:
        await target.insert(table, columns, rows)
    else:
        await target.put(model[table], columns[len(_NUMBERS) : -1], rows)


async def _set(target: Target, table: str, column: str, value: Any) -> None:
    """Give the one row of a table a value."""
    async for _ in target.rows(f"UPDATE {table} SET {column} = ? RETURNING {column}", value):
        pass


async def _value(snapshot: Snapshot, statement: str) -> Any:
    async for (value,) in snapshot.rows(statement):
        return value
    raise Unusable("the database lacks a row that it had from its first day")


async def _batches(rows: AsyncIterator[Row]) -> AsyncIterator[Sequence[Row]]:
    """Yield rows of one table together, so many that they are soon carried and take little memory."""
    batch: list[Row] = []
    async for row in rows:
        if batch and (row.table != batch[0].table or row.table == "blob" or len(batch) == BATCH):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _tables(model: Model) -> Mapping[str, Sequence[str]]:
    """Return the columns of all tables that are carried over, those that others refer to first."""
    types = {type.name: (*_NUMBERS, *_hashes(type), "document") for type in _in_order(model)}
    return {"state": _SHARED["state"], "tombstone": _SHARED["tombstone"], **types, "blob": _SHARED["blob"]}


def _hashes(type: ObjectType) -> list[str]:
    return [each.name for each in columns_of(type) if each.role is Role.HASH]


def _in_order(model: Model) -> Sequence[ObjectType]:
    """Return the types so that each comes after those to which it refers."""
    ordered: dict[str, ObjectType] = {}

    def add(type: ObjectType) -> None:
        for _, name in type.references:
            if name != type.name:
                add(model[name])
        ordered[type.name] = type

    for type in model:
        if type.name not in ordered:
            add(type)
    return [*ordered.values()]
