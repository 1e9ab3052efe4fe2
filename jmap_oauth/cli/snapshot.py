"""The command `snapshot`: everything that `apply` can bring back, and no secret."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.connected import connected
from jmap_oauth.cli.terminal import Failure, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client
    from jmap_oauth.cli.schema import Type

# Without their secrets they are nothing; their clients are given new ones.
_NOT_RESTORABLE = frozenset({"x:OAuthClientSecret"})


def snapshot(
    client: Any,
    *,
    types: Annotated[
        list[str] | None, typer.Option(metavar="TYPES", help="Types with commas between them; default: all.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write, once all is there; default: standard output.")
    ] = None,
) -> None:
    """Write objects for `apply`, one a line, always in the same order. A secret is only told to be there: as ****."""
    chosen = _chosen(client, types)
    if file is None:
        for line in _lines(client, chosen, has_progress=not sys.stdout.isatty()):
            sys.stdout.write(line)
        return
    from jmap_oauth.cli.secret_input import open_private

    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open_private(unfinished) as opened:
            opened.writelines(_lines(client, chosen, has_progress=True))
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _chosen(client: Client, names: list[str] | None) -> list[Type]:
    """Return the types to write, those that others refer to first.

    Raises:
        Failure: one cannot be brought back.
    """
    from jmap_oauth.cli.fields import split_names

    every = [each for each in client.schema.types.values() if _is_restorable(each)]
    chosen = [client.schema.type(name) for name in split_names(names)] if names else every
    for each in chosen:
        if each not in every:
            raise Failure(f"{each.short} cannot be brought back, so it is not written")
    targets = {field.refers_to for each in chosen for field in each.fields.values()}
    return sorted(chosen, key=lambda each: (each.name not in targets, every.index(each)))


def _is_restorable(type: Type) -> bool:
    return type.label is not None and not type.is_read_only and type.name not in _NOT_RESTORABLE


def _lines(client: Client, types: list[Type], *, has_progress: bool) -> Iterator[str]:
    from jmap_oauth.cli.paging import Pages
    from jmap_oauth.cli.plan_file import write_line
    from jmap_oauth.cli.progress import progress

    written = {each.name for each in types}
    targets = {field.refers_to for each in types for field in each.fields.values()}
    for type in types:
        sort = [{"property": each} for each in (type.label, "id") if each in type.sorts]
        pages, done = Pages(client, type, sort=sort), 0
        with progress(type.short, wanted=has_progress) as advance:
            for page in pages:
                _warn_of_unknown(type, page if done == 0 else ())
                for each in page:
                    ref = _ref(type.name, each["id"]) if type.name in targets else None
                    yield write_line(type, each["id"], ref, _properties(type, each, written))
                done += len(page)
                advance(done, pages.total)


def _warn_of_unknown(type: Type, objects: Iterable[Mapping[str, Any]]) -> None:
    """Say on standard error that the server has fields that it does not describe: they cannot be brought back."""
    unknown = sorted({name for each in objects for name in each} - {"id", *type.fields})
    if unknown:
        names = printable(", ".join(unknown))
        print(f"Warning: fields of {type.short} that the schema does not have are left out: {names}", file=sys.stderr)


def _properties(type: Type, found: dict[str, Any], written: set[str]) -> dict[str, Any]:
    properties = {}
    for field in type.fields.values():
        value = found.get(field.name)
        if field.is_server_set or (field.is_secret and (field.name != "secret" or value is None)):
            continue
        if field.refers_to in written and value is not None:
            value = f"#{_ref(field.refers_to, value)}"
        properties[field.name] = value
    return properties


def _ref(type_name: str | None, id: str) -> str:
    return f"{str(type_name).removeprefix('x:').lower()}-{id}"


def add_to(commands: typer.Typer) -> None:
    """Add this command."""
    commands.command("snapshot")(connected(snapshot))
