"""The command `apply`: makes the server have what a file says."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.connected import Json, connected
from jmap_oauth.cli.planned import SIGNS, DryRun, Plan, SecretsOut, Yes, as_object, print_step
from jmap_oauth.cli.terminal import print_json

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client

DRIFT = 3
"""The exit code of --check where the server is not as the file says."""


def apply(
    client: Any,
    *,
    file: Annotated[str, typer.Option(metavar="FILE", help="Lines such as snapshot writes, - for standard input.")],
    prune: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Delete what has this owner, or NAME=VALUE, and is not in the file."),
    ] = None,
    dry_run: DryRun = False,
    check: Annotated[
        bool, typer.Option("--check", help="The same, and end with 3 if there is something to do.")
    ] = False,
    yes: Yes = False,
    secrets_out: SecretsOut = None,
    json: Json = False,
) -> None:
    """Show what has to be done so that the server has what a file says, and do it.

    Objects are known by clientId, name or id. Fields that the file does not name stay as they are. A client keeps the
    secret that it has; one that had none and should gets a new one.
    """
    with closing(Plan()) as plan:
        _compare(client, file, prune, plan, json)
        if not json:
            plan.print_summary()
        if check and plan.length:
            raise typer.Exit(DRIFT)
        if not (check or dry_run):
            plan.carry_out(client, yes, secrets_out)


def _compare(client: Client, file: str, prune: str | None, plan: Plan, as_json: bool) -> None:
    """Compare a file with the server, and show each step."""
    from jmap_oauth.cli.input_file import open_input
    from jmap_oauth.cli.plan import Planner, read_mark
    from jmap_oauth.cli.plan_file import read_plan
    from jmap_oauth.cli.progress import progress

    mark = None if prune is None else read_mark(client, prune)
    with open_input(file) as opened, progress("Comparing", wanted=not sys.stdout.isatty()) as advance:
        for step in Planner(client, mark).steps(read_plan(opened, client.schema)):
            plan.add(step, step.new_secret)
            advance(plan.counts.total(), None)
            if step.action not in SIGNS:
                continue
            if as_json:
                print_json([as_object(step)])
            else:
                print_step(step)


def add_to(commands: typer.Typer) -> None:
    """Add this command."""
    commands.command("apply")(connected(apply))
