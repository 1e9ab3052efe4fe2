"""The numbered files of `schema/`, and whether a database fits the declarations; each backend runs them in its way.

A folder holds `NNNN_name.sql` from 0001 on. A database knows the number of the last one it went through.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jmap_oauth.model.definition import ObjectType
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.sql import Role, columns_of

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


def check_current(version: int, newest: int) -> None:
    """Refuse a database that did not go through all migrations.

    Raises:
        Unusable: it did not.
    """
    if version != newest:
        raise Unusable(
            f"the database is at schema {version}, and this program at {newest}: jmap-oauth db migrate brings it there"
        )


def deviations(made: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each object of a database that is not as the migrations make it.

    Given are definitions by name: `table Tenant`, `index Tenant.Tenant:name`. What is of no table of ours is somebody
    else's affair, and so is an index that refuses no row.
    """
    for name in sorted(made.keys() | found.keys()):
        table = f"table {name.partition(' ')[2].partition('.')[0]}"
        if name not in found:
            yield f"{name} is missing"
        elif name in made and made[name] != found[name]:
            yield f"{name} is not as the migrations make it"
        elif name not in made and table in made and not found[name].startswith("CREATE INDEX "):
            yield f"{name} is in the database, but no migration makes it"


# --- does it fit the declarations? ---


@dataclass(frozen=True, slots=True)
class Found:
    """What a database has of the table of a type.

    `columns` are by name TEXT, INTEGER or whatever else the database calls them; `unique` are those with a unique
    index to themselves; `references` lead from a column to a table.
    """

    columns: Mapping[str, str]
    unique: Collection[str]
    references: Mapping[str, str]
    has_words: bool


_COMMON = {"number": "INTEGER", "id": "TEXT", "created": "INTEGER", "changed": "INTEGER", "joined": "INTEGER"}


def check_table(type: ObjectType, found: Found) -> None:
    """See that a type has the table that its declaration asks for, no less and no more.

    Raises:
        Unusable: a migration is missing; names type and column.
    """
    for difference in differences(type, found):
        raise Unusable(f"{difference}: a migration is missing")


def differences(type: ObjectType, found: Found) -> Iterator[str]:
    """Yield a sentence for each column that is not as the declaration of a type asks for."""
    for column, reason in _differences(type, found):
        yield f"{type.name}.{column} {reason}"


def _differences(type: ObjectType, found: Found) -> Iterator[tuple[str, str]]:
    """Yield (column, what is wrong with it)."""
    columns = columns_of(type)
    declared = {each.name: "INTEGER" if each.is_integer else "TEXT" for each in columns}
    wanted, there = _COMMON | declared | {"document": "TEXT"}, found.columns
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            yield name, f"is {there.get(name, 'nowhere')} in the database and {wanted.get(name, 'nowhere')} declared"
    targets = {each.name: name for each, name in type.references}
    for each in columns:
        if each.unique != (each.name in found.unique):
            yield each.name, f"is {'unique' if each.unique else 'not unique'} as declared, but not in the database"
        target = found.references.get(each.name)
        if each.role is Role.VALUE and target != targets.get(each.name):
            yield each.name, f"refers to {target or 'nothing'} in the database, but not as declared"
    if found.has_words != bool(type.searchable):
        yield "words", f"is {'there' if found.has_words else 'missing'}, unlike declared"
