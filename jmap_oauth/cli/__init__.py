"""The command line: `serve`, the API keys straight on the database, and a JMAP client.

Owns: commands and their options, what they print and how they end, the server process around the application, plans
of what has to be done so that a server has what a file says.
Does not own: what a command does to the data (functions of app and keeping), settings and their rules (config).
May import: config, protocol.types, protocol.errors, and inside of commands only, so that --help stays quick, app and
keeping; uvicorn, typer, rich, httpx.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from jmap_oauth import __version__
from jmap_oauth.cli import api_key, apply, audit, changes, db, describe, import_clients, oauth, objects, serve, snapshot
from jmap_oauth.cli.terminal import Failure, printable
from jmap_oauth.config import SettingsError


def main() -> None:
    """Run the command line. It exits with 0, with 1 for any error, or with 2 for wrong usage."""
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no fault
    try:
        _commands()()
    except Exception as error:
        if not _is_expected(error):
            raise
        print(f"Error: {printable(str(error))}", file=sys.stderr)
        sys.exit(1)


def _open_closed() -> None:
    """Put nothing in the place of a standard stream that is closed; of two, print would take one for the other."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the process ends


def _is_expected(error: Exception) -> bool:
    if isinstance(error, SettingsError | Failure | OSError):
        return True
    from jmap_oauth.app import CommandError, Unavailable, Unusable

    return isinstance(error, CommandError | Unavailable | Unusable)


def _commands() -> typer.Typer:
    # Without markup, help is plain text and does not load rich; pretty tracebacks would show local variables.
    commands = typer.Typer(
        callback=_root,
        no_args_is_help=True,
        # Typer's own options to install completion; what they need is loaded when they are used.
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    commands.command("serve")(serve.make_command())
    commands.add_typer(api_key.commands, name="api-key")
    commands.add_typer(db.commands, name="db")
    for module in (objects, describe, oauth, audit, changes, snapshot, apply, import_clients):
        module.add_to(commands)
    return commands


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"jmap-oauth {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A JMAP-style admin server for OAuth client registrations."""
