"""The command `snapshot`: everything that `apply` can bring back, and no secret."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.completion import behind_commas, known_types
from jmap_oauth.cli.connected import connected
from jmap_oauth.cli.terminal import Failure, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client
    from jmap_oauth.cli.schema import Type

_ATTEMPTS = 3
_IN_MEMORY = 4_000_000

# Without their secrets they are nothing; their clients are given new ones.
_NOT_RESTORABLE = frozenset({"x:OAuthClientSecret"})


def _complete(incomplete: str) -> list[str]:
    return behind_commas(incomplete, (each.short for each in known_types() if _is_restorable(each)))


def snapshot(
    client: Any,
    *,
    types: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPES", help="Types with commas between them; default: all.", autocompletion=_complete),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write, once all is there; - or none is standard output."),
    ] = None,
) -> None:
    """Write objects for `apply`, one a line, always in the same order. A secret is only told to be there: as ****.

    What changes is read again, so that all is of one moment. Audit events are not written, nor the secrets of clients
    as objects of their own: they cannot be brought back.
    """
    chosen = _chosen(client, types)
    if file is None or str(file) == "-":
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8") as spool:
            _write(client, chosen, spool)
            spool.seek(0)
            shutil.copyfileobj(spool, sys.stdout)
        return
    from jmap_oauth.cli.secret_input import open_private

    file = _replaceable(file)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    with _terminable():
        try:
            with open_private(unfinished) as opened:
                _write(client, chosen, opened)
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the program as an exception does, so that nothing unfinished stays behind."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _replaceable(file: Path) -> Path:
    """Return the file that a path leads to. A device or a pipe would be gone once a file had taken its place."""
    target = file.resolve()
    if target.exists() and not target.is_file():
        raise Failure(f"{file} is no file that could be replaced; without --file it goes to standard output")
    return target


def _write(client: Client, types: list[Type], file: IO[str]) -> None:
    """Write all lines. Pages are read one after the other: if anything changed meanwhile, they are read anew."""
    before = _states(client, types)
    for _ in range(_ATTEMPTS):
        file.seek(0)
        file.truncate()
        file.writelines(_lines(client, types))
        after = _states(client, types)
        if after == before:
            return
        changed = ", ".join(each.short for each in types if after[each.name] != before[each.name])
        before = after
    print(printable(f"Warning: {changed} changed while they were read: not all is of one moment"), file=sys.stderr)


def _states(client: Client, types: list[Type]) -> dict[str, str]:
    return {each.name: str(client.call(f"{each.name}/get", ids=[])["state"]) for each in types}


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
    targets = _targets(chosen)
    return sorted(chosen, key=lambda each: (each.name not in targets, every.index(each)))


def _targets(types: Iterable[Type]) -> set[str | None]:
    """Return the names of the types to which others refer."""
    return {field.refers_to for each in types for field in each.fields.values()}


def _is_restorable(type: Type) -> bool:
    return type.label is not None and not type.is_read_only and type.name not in _NOT_RESTORABLE


def _lines(client: Client, types: list[Type]) -> Iterator[str]:
    from jmap_oauth.cli.paging import Pages
    from jmap_oauth.cli.plan_file import write_line
    from jmap_oauth.cli.progress import progress

    written = {each.name for each in types}
    targets = _targets(types)
    for type in types:
        sort = [{"property": each} for each in (type.label, "id") if each in type.sorts]
        pages, done = Pages(client, type, sort=sort), 0
        with progress(type.short) as advance:
            for page in pages:
                _check_complete(type, page)
                for each in page:
                    ref = _ref(type.name, each["id"]) if type.name in targets else None
                    yield write_line(type, each["id"], ref, _properties(type, each, written))
                done += len(page)
                advance(done, pages.total)


def _check_complete(type: Type, objects: Iterable[Mapping[str, Any]]) -> None:
    """Hold that the server describes every field that it has: what it does not could not be brought back."""
    unknown = sorted({name for each in objects for name in each} - {"id", *type.fields})
    if unknown:
        raise Failure(f"the server does not describe these fields of {type.short}: {', '.join(unknown)}")


def _properties(type: Type, found: dict[str, Any], written: set[str]) -> dict[str, Any]:
    properties = {}
    for field in type.fields.values():
        value = found.get(field.name)
        if (
            field.is_server_set
            or field.is_write_only
            or (field.is_secret and (field.name != "secret" or value is None))
        ):
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
