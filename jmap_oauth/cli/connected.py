"""What every command that speaks to a server has in common: the options that say to which one."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from jmap_oauth.cli.connection import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE, find_connection
from jmap_oauth.cli.input_file import STANDARD_INPUT
from jmap_oauth.cli.terminal import printable

_FILE_HELP = (
    "A TOML file with url and key or key_file; default: jmap-oauth/client.toml in XDG_CONFIG_HOME or ~/.config."
)

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "url": (
        Annotated[
            str | None, typer.Option(metavar="URL", help=f"The server; also {URL_VARIABLE}; default: {DEFAULT_URL}.")
        ],
        None,
    ),
    "key_file": (
        Annotated[
            str | None,
            typer.Option(metavar="FILE", help=f"A file with the API key, - for standard input; also {KEY_VARIABLE}."),
        ],
        None,
    ),
    "config": (Annotated[Path | None, typer.Option(metavar="FILE", help=_FILE_HELP)], None),
    "allow_plain_http": (
        Annotated[
            bool, typer.Option("--allow-plain-http", help="Send the key without TLS to an address not loopback.")
        ],
        False,
    ),
}

_FROM_STANDARD_INPUT = ("key_file", "file", "secret_file", "ids")
"""The arguments for which - is standard input; that of snapshot, which is standard output, is a Path."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a connection, and a Client as its first argument in their place."""

    def run(
        *, url: str | None, key_file: str | None, config: Path | None, allow_plain_http: bool, **arguments: Any
    ) -> None:
        from jmap_oauth.cli.client import Client

        _check_text(arguments)
        _check_standard_input({"key_file": key_file, **arguments})
        with Client(find_connection(url, key_file, config, allow_plain_http, os.environ)) as client:
            _reporting_names(command, client, arguments)

    _, *own = inspect.signature(command).parameters.values()
    hints = get_type_hints(command, include_extras=True)
    parameters = [each.replace(annotation=hints[each.name], kind=Parameter.KEYWORD_ONLY) for each in own]
    parameters += [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # of any callable, says inspect
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _check_text(arguments: Mapping[str, Any]) -> None:
    """Hold that arguments are UTF-8; Python takes other bytes of them for halves of characters, which JSON has not."""
    for name, given in arguments.items():
        for each in given if isinstance(given, list) else [given]:
            if isinstance(each, str) and any("\ud800" <= character <= "\udfff" for character in each):
                raise misuse(f"{name} is not UTF-8 text: {each}")


def _check_standard_input(arguments: Mapping[str, Any]) -> None:
    """Hold that only one argument takes standard input; the others would find it empty."""
    given = {name: each if isinstance(each, list) else [each] for name, each in arguments.items()}
    takers = [name.replace("_", "-") for name in _FROM_STANDARD_INPUT if STANDARD_INPUT in given.get(name, ())]
    if len(takers) > 1:
        raise misuse(f"standard input can hold one thing only, not what {' and '.join(takers)} are to be")


def _reporting_names(command: Callable[..., None], client: Any, arguments: dict[str, Any]) -> None:
    """Run a command, for which a name that the server does not have is wrong usage."""
    from jmap_oauth.cli.schema import UnknownName

    try:
        command(client, **arguments)
    except UnknownName as error:
        raise misuse(str(error)) from None


def misuse(message: str) -> typer.BadParameter:
    """Return the error of a command that is used wrongly."""
    return typer.BadParameter(printable(message))
