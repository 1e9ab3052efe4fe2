"""The command `import`: clients of other servers."""

from __future__ import annotations

import io
import json as json_module
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.connected import Json, connected
from jmap_oauth.cli.planned import SIGNS, DryRun, Plan, SecretsOut, Yes, as_object, print_step
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
    dry_run: DryRun = False,
    yes: Yes = False,
    secrets_out: SecretsOut = None,
    json: Json = False,
) -> None:
    """Bring clients of another server over, and tell of each what cannot be carried.

    Clients are known by their clientId. One that is there already becomes as the file says, but keeps the secret that
    it has. Secrets and hashes of secrets go along where the file has them; a client that needs one and brings none gets
    a new one. It ends with 1 if a client of the file is skipped, for it is not there afterwards.
    """
    if not client.has_metadata:
        raise Failure("the server knows too little of clients to take those of others; a newer version does")
    imported = _read(format, file)
    brought = {each.label: each.secret for each in imported if each.secret and not each.skipped}
    with closing(Plan()) as plan:
        _compare(client, imported, brought, plan, json)
        if not json:
            plan.print_summary()
        if not dry_run:
            plan.carry_out(client, yes, secrets_out, brought)
    if skipped := sum(each.is_lost for each in imported):
        raise Failure(f"skipped {skipped} of {len(imported)}: the report says why")


def _read(format: Format, file: str) -> list[Imported]:
    """Read a file. Of two clients of one name only the first is taken."""
    from importlib import import_module

    from jmap_oauth.cli.importers.source import read_values

    module = import_module(f"jmap_oauth.cli.importers.{format.value}")
    imported: list[Imported] = list(module.clients(read_values(file)))
    taken: dict[tuple[str, str], str] = {}
    for each in imported:
        if not each.skipped and each.label == each.place:
            each.skip("its name is empty")
        if not each.skipped:
            first = taken.setdefault((each.type, each.label), each.place)
            if first != each.place:
                each.skip(f"{each.label} is in the file before, at {first}")
    return imported


def _compare(
    client: Client, imported: Sequence[Imported], brought: Mapping[str, Any], plan: Plan, as_json: bool
) -> None:
    """Compare with the server, and show what is skipped and each step."""
    from jmap_oauth.cli.progress import progress

    for each in imported:
        if each.skipped:
            _print_skipped(each, as_json)
    with progress("Comparing", wanted=not sys.stdout.isatty()) as advance:
        for step, each in _steps(client, [each for each in imported if not each.skipped]):
            is_brought = step.new_secret and step.label in brought
            plan.add(step, step.new_secret and not is_brought)
            advance(plan.counts.total(), len(imported))
            _print_planned(step, each, is_brought, as_json)


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
    action = "skip" if each.is_lost else "ignore"
    if as_json:
        shown = {"action": action, "type": each.type, "label": each.label, "place": each.place}
        print_json([{**shown, "reason": each.skipped, "leftOut": _left_out(each)}])
        return
    where = "" if each.label == each.place else f" ({each.place})"
    print(printable(f"{'!' if each.is_lost else '.'} {action} {each.label}{where}: {each.skipped}"))


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
