"""The command `apply`: makes the server have what a file says."""

from __future__ import annotations

import json as json_module
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.connected import Json, connected, misuse
from jmap_oauth.cli.terminal import Failure, print_json, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client
    from jmap_oauth.cli.plan import Step

DRIFT = 3
"""The exit code of --check where the server is not as the file says."""

_LONGEST = 200
_IN_MEMORY = 4_000_000
_SIGNS = {"create": "+", "update": "~", "delete": "-"}


def apply(
    client: Any,
    *,
    file: Annotated[str, typer.Option(metavar="FILE", help="Lines such as snapshot writes, - for standard input.")],
    prune: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Delete what has this owner, or NAME=VALUE, and is not in the file."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="The same, and end with 3 if there is something to do.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before acting.")] = False,
    secrets_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file to make, for its owner alone, for new secrets.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what has to be done so that the server has what a file says, and do it.

    Objects are known by clientId, name or id. Fields that the file does not name stay as they are. A client keeps the
    secret that it has; one that had none and should gets a new one.
    """
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        counts, secrets = _make_plan(client, file, prune, spool, json)
        _print_summary(counts, json)
        todo = sum(counts[action] for action in _SIGNS)
        if check and todo:
            raise typer.Exit(DRIFT)
        if check or dry_run or not todo:
            return
        if secrets and secrets_out is None:
            raise Failure(f"{secrets} new secrets have to go somewhere: give --secrets-out FILE")
        _ask(yes, counts["delete"])
        spool.seek(0)
        _carry_out(client, _steps(spool), todo, secrets_out)


def _make_plan(
    client: Client, file: str, prune: str | None, spool: IO[bytes], as_json: bool
) -> tuple[Counter[str], int]:
    """Show the plan and write it to a file: a plan of any size takes little memory, and what is shown is done.

    Returns how many steps of each action there are, and how many new secrets.
    """
    from jmap_oauth.cli.plan import KEEP, Planner, read_mark
    from jmap_oauth.cli.plan_file import open_plan, read_plan
    from jmap_oauth.cli.progress import progress

    mark = None if prune is None else read_mark(client, prune)
    counts: Counter[str] = Counter()
    secrets = 0
    with open_plan(file) as opened, progress("Comparing", wanted=not sys.stdout.isatty()) as advance:
        for step in Planner(client, mark).steps(read_plan(opened, client.schema)):
            counts[step.action] += 1
            secrets += step.new_secret
            advance(counts.total(), None)
            if step.action != KEEP:
                _print_step(step, as_json)
                spool.write(step.written())
    return counts, secrets


def _print_step(step: Step, as_json: bool) -> None:
    type = step.type.removeprefix("x:")
    if as_json:
        shown = {"action": step.action, "type": type, "label": step.label, "id": step.id, "newSecret": step.new_secret}
        changes = {name: {"from": step.before.get(name), "to": value} for name, value in step.properties.items()}
        print_json([{**shown, "changes": changes}])
        return
    print(printable(f"{_SIGNS[step.action]} {step.action} {type} {step.label}"))
    if step.action == "update":
        for name, value in step.properties.items():
            print(printable(f"    {name}: {_difference(step.before[name], value)}"))
    if step.new_secret:
        print("    gets a new secret")


def _difference(old: Any, new: Any) -> str:
    """Write what changes: of sets the members that come and go, of other values both."""
    if (
        isinstance(old, Mapping)
        and isinstance(new, Mapping)
        and all(each is True for each in (*old.values(), *new.values()))
    ):
        signed = [f"-{_short(each)}" for each in old if each not in new]
        return ", ".join(signed + [f"+{_short(each)}" for each in new if each not in old])
    return f"{_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = json_module.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _print_summary(counts: Counter[str], as_json: bool) -> None:
    if not as_json:
        numbers = ", ".join(f"{counts[action]} to {action}" for action in _SIGNS)
        print(f"Plan: {numbers}; {counts['keep']} as they should be.", flush=True)


def _ask(is_allowed: bool, deletions: int) -> None:
    """Ask the person at the terminal. Without one, only what deletes something has to be allowed beforehand."""
    if is_allowed:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        typer.confirm("Do it?", abort=True)
    elif deletions:
        raise misuse(f"{deletions} objects would be deleted, and nobody can be asked: give --yes")


def _steps(spool: Iterable[bytes]) -> Iterator[Step]:
    from jmap_oauth.cli.plan import Step

    for line in spool:
        yield Step(**json_module.loads(line))


def _carry_out(client: Client, steps: Iterable[Step], todo: int, secrets_out: Path | None) -> None:
    from jmap_oauth.cli.client import Disconnected
    from jmap_oauth.cli.secret_input import open_private

    outcomes: Counter[bool] = Counter()
    with open_private(secrets_out) if secrets_out else nullcontext() as file:
        try:
            _run(client, steps, todo, file, outcomes)
        except Disconnected as error:
            raise Failure(
                f"{error}. Of {todo} steps {outcomes[True]} are known to be done. Run the same again"
            ) from None
    print(f"Done: {outcomes[True]} of {todo}.", file=sys.stderr)
    if outcomes[False]:
        raise typer.Exit(1)


def _run(client: Client, steps: Iterable[Step], todo: int, file: IO[str] | None, outcomes: Counter[bool]) -> None:
    """Carry out steps, count how many are done and not, and say why not."""
    from jmap_oauth.cli.carry_out import CarryingOut
    from jmap_oauth.cli.progress import progress

    with progress("Applying") as advance:
        for step, refused in CarryingOut(client, file).run(steps):
            outcomes[refused is None] += 1
            advance(outcomes.total(), todo)
            if refused is not None:
                what = f"could not {step.action} {step.type.removeprefix('x:')} {step.label}"
                print(f"Error: {printable(f'{what}: {refused}')}", file=sys.stderr)


def add_to(commands: typer.Typer) -> None:
    """Add this command."""
    commands.command("apply")(connected(apply))
