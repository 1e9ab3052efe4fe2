"""What the shell completes: types and their fields, by the schema that came with this version, so without a server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from jmap_oauth.cli.schema import Schema, Type

_PACKAGE = Path(__file__).parent.parent
_DOCUMENTS = (_PACKAGE / "schema" / "objects.json", _PACKAGE.parent / "schema" / "objects.json")
"""Where the document is in an installed package, and in a checkout."""


def complete_type(incomplete: str) -> list[str]:
    return [each.short for each in known_types() if each.short.startswith(incomplete)]


def complete_fields(ctx: typer.Context, incomplete: str) -> list[str]:
    return behind_commas(incomplete, ["id", *(name for type in _type_of(ctx) for name in type.fields)])


def complete_sort(ctx: typer.Context, incomplete: str) -> list[str]:
    return behind_commas(incomplete, (name for type in _type_of(ctx) for name in type.sorts))


def complete_field(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name in `name=value`: those of fields that can be set, without secrets, which are no arguments."""
    fields = [each for type in _type_of(ctx) for each in type.fields.values()]
    names = [each.name for each in fields if not (each.is_server_set or each.is_secret)]
    return [f"{name}=" for name in names if name.startswith(incomplete)]


def complete_condition(ctx: typer.Context, incomplete: str) -> list[str]:
    names = [name for type in _type_of(ctx) for name in type.filters]
    return [f"{name}=" for name in names if name.startswith(incomplete)]


def behind_commas(incomplete: str, names: Iterable[str]) -> list[str]:
    """Complete the last of several names, and offer none of them twice."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(last) and name not in before.split(",")]


def known_types() -> Iterable[Type]:
    return _schema().types.values()


def _type_of(ctx: typer.Context) -> Iterator[Type]:
    """Yield the type that the command line names so far, if this version knows it.

    Behind an option that has no value yet, words are left in `args` instead of being taken for parameters.
    """
    from jmap_oauth.cli.schema import UnknownName

    for word in (ctx.params.get("type_name"), *ctx.args):
        with suppress(UnknownName):
            yield _schema().type(str(word))
            return


def _schema() -> Schema:
    from jmap_oauth.cli.schema import read_schema

    document = next(each for each in _DOCUMENTS if each.is_file())
    return read_schema(json.loads(document.read_text("utf-8")))
