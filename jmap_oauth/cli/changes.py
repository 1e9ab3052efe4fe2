"""The command `changes`: what was created, updated and destroyed, since a state or from now on."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.connected import Json, connected
from jmap_oauth.cli.objects import TypeName
from jmap_oauth.cli.terminal import print_json, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client
    from jmap_oauth.cli.schema import Type

_LONGEST_PAUSE = 30
_KINDS = ("created", "updated", "destroyed")


def changes(
    client: Any,
    type_name: TypeName,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="STATE", help="The state to start from; default: the present one.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on telling changes as they happen, until stopped.")
    ] = False,
    json: Json = False,
) -> None:
    """Tell what has changed since a state. The last line has the state to ask with the next time.

    A watch without --since begins with a line that has the state from which on all is told.
    """
    type = client.schema.type(type_name)
    if not watch:
        state = _current(client, type) if since is None else _tell(client, type, since, json)
        _tell_state(state, json)
        return
    with contextlib.suppress(KeyboardInterrupt):  # how a watch is meant to end
        _watch(client, type, since, json)


def _tell_state(state: str, as_json: bool) -> None:
    if as_json:
        print_json([{"state": state}])
    else:
        print(f"State: {printable(state)}")
    sys.stdout.flush()


def _watch(client: Client, type: Type, state: str | None, as_json: bool) -> None:
    """Follow push for ever; a cut connection is made anew, and nothing between is missed."""
    from jmap_oauth.cli.client import Disconnected

    pause = 1
    while True:
        try:
            for new in client.events(type):
                # Read only when the server listens: what changes from here on is pushed.
                if state is None:
                    state = _current(client, type)
                    _tell_state(state, as_json)
                if new != state:
                    state = _tell(client, type, state, as_json)
                pause = 1
        except Disconnected as error:
            if state is None:
                raise
            print(printable(f"{error}; trying again in {pause} s"), file=sys.stderr, flush=True)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _current(client: Client, type: Type) -> str:
    return str(client.call(f"{type.name}/get", ids=[])["state"])


def _tell(client: Client, type: Type, state: str, as_json: bool) -> str:
    """Print all changes since a state and return the newest."""
    for answer in _answers(client, type, state):
        state = answer["newState"]
        told = [{"type": type.short, "change": kind, "id": id} for kind in _KINDS for id in answer[kind]]
        names = _labels(client, type, [*answer["created"], *answer["updated"]])
        for each in told:
            each[type.label or "label"] = names.get(each["id"], "")
        if as_json:
            print_json([{**each, "state": state} for each in told])
        else:
            for each in told:
                print(printable(f"{each['change']:<9}  {each['id']}  {names.get(each['id'], '')}").rstrip())
    sys.stdout.flush()
    return state


def _answers(client: Client, type: Type, state: str) -> Iterator[dict[str, Any]]:
    while True:
        answer = client.call(f"{type.name}/changes", sinceState=state)
        yield answer
        if not answer["hasMoreChanges"]:
            return
        state = answer["newState"]


def _labels(client: Client, type: Type, ids: list[str]) -> dict[str, str]:
    from jmap_oauth.cli.paging import get_all
    from jmap_oauth.cli.show import cell

    if type.label is None or not ids:
        return {}
    return {each["id"]: cell(each[type.label]) for each in get_all(client, type, ids, [type.label])}


def add_to(commands: typer.Typer) -> None:
    """Add this command."""
    commands.command("changes")(connected(changes))
