"""Plans and what becomes of them, without the command around: so that something can happen between the two."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from typing import Any

from jmap_oauth.cli.carry_out import CarryingOut
from jmap_oauth.cli.client import Client
from jmap_oauth.cli.connection import Connection
from jmap_oauth.cli.input_file import open_input
from jmap_oauth.cli.plan import Planner, Step, read_mark
from jmap_oauth.cli.plan_file import read_plan
from tests.cli.shell import Shell
from tests.support.served import ADMIN_KEY


def steps(shell: Shell, *entries: Any, label: str | None = None) -> list[Step]:
    """Return what has to be done."""
    file = str(shell.folder / shell.write("plan", *entries))
    with Client(Connection(shell.url, ADMIN_KEY)) as client, open_input(file) as opened:
        mark = None if label is None else read_mark(client, label)
        return list(Planner(client, mark).steps(read_plan(opened, client.schema)))


def carried_out(shell: Shell, steps: Iterable[Step]) -> list[tuple[str, str | None]]:
    """Do it, and return the label of each object and why it was refused."""
    with Client(Connection(shell.url, ADMIN_KEY)) as client:
        return [(step.label, refused) for step, refused in CarryingOut(client, StringIO()).run(steps)]
