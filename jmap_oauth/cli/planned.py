"""What `apply` and `import` have in common: a plan that is shown, asked about, and then carried out."""

from __future__ import annotations

import json as json_module
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.connected import misuse
from jmap_oauth.cli.terminal import Failure, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.brought import Brought
    from jmap_oauth.cli.carry_out import Outcome
    from jmap_oauth.cli.client import Client
    from jmap_oauth.cli.plan import Step

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before acting.")]
SecretsOut = Annotated[
    Path | None,
    typer.Option("--secrets-out", metavar="FILE", help="A file to make, for its owner alone, for new secrets."),
]

SIGNS = {"create": "+", "update": "~", "delete": "-"}
"""How a plan marks what it does."""

_LONGEST = 200
_IN_MEMORY = 4_000_000
"""Bytes of a plan that are not yet written to a file."""


class Plan:
    """Steps that are shown and not yet done. They are in a file: a plan of any size takes little memory.

    `new_secrets` is how many secrets have to be made and go somewhere.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.new_secrets = 0
        self._spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close

    @property
    def length(self) -> int:
        """How many steps there are to be done."""
        return sum(self.counts[action] for action in SIGNS)

    def add(self, step: Step, needs_new_secret: bool) -> None:
        """Take a step, or count an object that is as it should be."""
        self.counts[step.action] += 1
        self.new_secrets += needs_new_secret
        if step.action in SIGNS:
            self._spool.write(step.written())

    def print_summary(self) -> None:
        """Print for people how much there is to do."""
        numbers = ", ".join(f"{self.counts[action]} to {action}" for action in SIGNS)
        print(f"Plan: {numbers}; {self.counts['keep']} as they should be.", flush=True)

    def carry_out(
        self, client: Client, yes: bool, secrets_out: Path | None, brought: Mapping[str, Brought] = MappingProxyType({})
    ) -> None:
        """Ask where somebody can be asked, do all steps, and say what became of them.

        Raises:
            Failure: there is no place for new secrets, or the server cannot be asked any more.
            Exit: a step was refused.
        """
        if not self.length:
            return
        if self.new_secrets and secrets_out is None:
            raise Failure(f"{self.new_secrets} new secrets have to go somewhere: give --secrets-out FILE")
        _ask(yes, self.counts["delete"])
        _do(client, self._steps(), self.length, secrets_out if self.new_secrets else None, brought)

    def close(self) -> None:
        self._spool.close()

    def _steps(self) -> Iterator[Step]:
        from jmap_oauth.cli.plan import Step

        self._spool.seek(0)
        for line in self._spool:
            yield Step(**json_module.loads(line))


def as_object(step: Step) -> dict[str, Any]:
    """Return a step as --json tells it."""
    type = step.type.removeprefix("x:")
    shown = {"action": step.action, "type": type, "label": step.label, "id": step.id, "newSecret": step.new_secret}
    changes = {name: {"from": step.before.get(name), "to": value} for name, value in step.properties.items()}
    return {**shown, "changes": changes}


def print_step(step: Step) -> None:
    """Print a step for people."""
    print(printable(f"{SIGNS.get(step.action, '=')} {step.action} {step.type.removeprefix('x:')} {step.label}"))
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


def _ask(is_allowed: bool, deletions: int) -> None:
    """Ask the person at the terminal. Without one, only what deletes something has to be allowed beforehand."""
    if is_allowed:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        typer.confirm("Do it?", abort=True)
    elif deletions:
        raise misuse(f"{deletions} objects would be deleted, and nobody can be asked: give --yes")


def _do(
    client: Client, steps: Iterable[Step], length: int, secrets_out: Path | None, brought: Mapping[str, Brought]
) -> None:
    from jmap_oauth.cli.carry_out import CarryingOut
    from jmap_oauth.cli.client import Disconnected
    from jmap_oauth.cli.secret_input import open_private

    outcomes: Counter[bool] = Counter()
    with open_private(secrets_out) if secrets_out else nullcontext() as file:
        try:
            _run(CarryingOut(client, file, brought).run(steps), length, outcomes)
        except Disconnected as error:
            done = f"Of {length} steps {outcomes[True]} are known to be done"
            # What the file has may be the secrets of clients that are there.
            another = f", with another file than {secrets_out}, to be kept" if secrets_out else ""
            raise Failure(f"{error}. {done}. Run the same again{another}") from None
    print(f"Done: {outcomes[True]} of {length}.", file=sys.stderr)
    if outcomes[False]:
        raise typer.Exit(1)


def _run(steps: Iterable[Outcome], length: int, outcomes: Counter[bool]) -> None:
    """Count how many steps are done and not, and say why not."""
    from jmap_oauth.cli.progress import progress

    with progress("Applying") as advance:
        for step, refused in steps:
            outcomes[refused is None] += 1
            advance(outcomes.total(), length)
            if refused is not None:
                what = f"could not {step.action} {step.type.removeprefix('x:')} {step.label}"
                print(f"Error: {printable(f'{what}: {refused}')}", file=sys.stderr)
