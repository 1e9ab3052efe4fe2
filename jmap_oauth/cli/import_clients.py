"""The command `import`: clients of other servers."""

from __future__ import annotations

import io
import json as json_module
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.apply import (
    IN_MEMORY,
    SIGNS,
    as_object,
    ask,
    do_steps,
    print_step,
    print_summary,
    read_steps,
)
from jmap_oauth.cli.connected import Json, connected
from jmap_oauth.cli.terminal import Failure, print_json, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client
    from jmap_oauth.cli.importers.imported import Imported
    from jmap_oauth.cli.plan import Step


class Format(Enum):
    """Whose clients are in a file; each is a module of importers."""

    STALWART = "stalwart"
    HYDRA = "hydra"
    KEYCLOAK = "keycloak"
    REGISTRATION = "registration"


def import_clients(
    client: Any,
    format: Annotated[Format, typer.Argument(help="Where the file comes from; registration is RFC 7591.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON, or JSON objects in lines; - for standard input.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before acting.")] = False,
    secrets_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file to make, for its owner alone, for new secrets.")
    ] = None,
    json: Json = False,
) -> None:
    """Bring clients of another server over, and tell of each what cannot be carried.

    Clients are known by their clientId. One that is there already becomes as the file says, but keeps the secret that
    it has. Secrets and hashes of secrets go along where the file has them; a client that needs one and brings none gets
    a new one.
    """
    if not client.has_metadata:
        raise Failure("the server knows too little of clients to take those of others; a newer version does")
    imported = _read(format, file)
    brought = {each.label: each.secret for each in imported if each.secret}
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        counts, new_secrets = _make_plan(client, imported, brought, spool, json)
        print_summary(counts, json)
        todo = sum(counts[action] for action in SIGNS)
        if dry_run or not todo:
            return
        if new_secrets and secrets_out is None:
            raise Failure(f"{new_secrets} new secrets have to go somewhere: give --secrets-out FILE")
        ask(yes, deletions=0)
        spool.seek(0)
        do_steps(client, read_steps(spool), todo, secrets_out, brought)


def _read(format: Format, file: str) -> list[Imported]:
    """Read a file. Of two clients of one name only the first is taken."""
    from importlib import import_module

    from jmap_oauth.cli.importers.source import read_values

    module = import_module(f"jmap_oauth.cli.importers.{format.value}")
    imported: list[Imported] = list(module.clients(read_values(file)))
    taken: dict[tuple[str, str], str] = {}
    for each in imported:
        if not each.skipped:
            first = taken.setdefault((each.type, each.label), each.place)
            if first != each.place:
                each.skip(f"{each.label} is in the file before, at {first}")
    return imported


def _make_plan(
    client: Client, imported: Sequence[Imported], brought: Mapping[str, Any], spool: IO[bytes], as_json: bool
) -> tuple[Counter[str], int]:
    """Show the plan and write it to a file.

    Returns how many steps of each action there are, and for how many clients a new secret has to be made.
    """
    from jmap_oauth.cli.progress import progress

    counts: Counter[str] = Counter()
    new_secrets = 0
    for each in imported:
        if each.skipped:
            _print_skipped(each, as_json)
    with progress("Comparing", wanted=not sys.stdout.isatty()) as advance:
        for step, each in _steps(client, [each for each in imported if not each.skipped]):
            is_brought = step.new_secret and step.label in brought
            counts[step.action] += 1
            new_secrets += step.new_secret and not is_brought
            advance(counts.total(), len(imported))
            _print_planned(step, each, is_brought, as_json)
            if step.action in SIGNS:
                spool.write(step.written())
    return counts, new_secrets


def _steps(client: Client, imported: Sequence[Imported]) -> Iterator[tuple[Step, Imported]]:
    """Compare with the server, in the way of `apply`: a line for each object."""
    from jmap_oauth.cli.plan import Planner
    from jmap_oauth.cli.plan_file import read_plan

    lines = b"".join(
        json_module.dumps(
            {"type": each.type, **({"ref": each.ref} if each.ref else {}), "properties": each.properties}
        ).encode()
        + b"\n"
        for each in imported
    )
    for step in Planner(client, None).steps(read_plan(io.BytesIO(lines), client.schema)):
        yield step, imported[step.line - 1]


def _print_skipped(each: Imported, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"action": "skip", "type": each.type, "label": each.label, "place": each.place}
                | {"reason": each.skipped, "leftOut": _left_out(each)}
            ]
        )
        return
    print(printable(f"! skip {each.label}{'' if each.label == each.place else f' ({each.place})'}: {each.skipped}"))


def _print_planned(step: Step, each: Imported, is_brought: bool, as_json: bool) -> None:
    if as_json:
        secret = "brought" if is_brought else "new" if step.new_secret else None
        print_json([{**as_object(step), "place": each.place, "secret": secret, "leftOut": _left_out(each)}])
        return
    if step.action not in SIGNS and not each.left_out:
        return
    print_step(replace(step, new_secret=step.new_secret and not is_brought))
    if is_brought:
        print("    brings its secret")
    for member, reason in each.left_out:
        print(printable(f"    left out: {member}: {reason}"))


def _left_out(each: Imported) -> list[dict[str, str]]:
    return [left._asdict() for left in each.left_out]


def add_to(commands: typer.Typer) -> None:
    """Add this command."""
    commands.command("import")(connected(import_clients))
