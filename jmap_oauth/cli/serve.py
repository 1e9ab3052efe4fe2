"""The command `serve`, whose options are the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from inspect import Parameter, Signature
from pathlib import Path

import typer

from jmap_oauth.config import CONFIG_VARIABLE, SETTINGS, Setting, load_settings

CONFIG_HELP = f"A TOML file with settings. The variable {CONFIG_VARIABLE} may name it as well."

_HELP = """Run the server.

Every option is a setting. The setting of --max-depth is also the variable JMAP_OAUTH_MAX_DEPTH, and max_depth in the
TOML file. An option goes before a variable, and a variable before the file.

admin_key, the administrator's API key, has no option, since other users could see it: set JMAP_OAUTH_ADMIN_KEY, or
admin_key in a file that is not open to all. Without it, the first start makes a key and shows it once.
"""


def make_command() -> Callable[..., None]:
    """Return the command, with a signature from which typer reads the options."""

    def serve(config: Path | None, **flags: object) -> None:
        settings = load_settings(flags, os.environ, config)
        from jmap_oauth.cli.server import run

        run(settings)

    option = typer.Option(None, "--config", metavar="FILE", help=CONFIG_HELP, show_default=False)
    parameters = [Parameter("config", Parameter.KEYWORD_ONLY, default=option, annotation=Path | None)]
    parameters += [_parameter(setting) for setting in SETTINGS.values() if not setting.is_secret]
    serve.__doc__ = _HELP
    serve.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # of any callable, says inspect
    serve.__annotations__ = {each.name: each.annotation for each in parameters}
    return serve


def _parameter(setting: Setting) -> Parameter:
    """Turn a setting into an option. All but switches stay text, which `load_settings` reads like the environment."""
    annotation: object
    if setting.type is bool:
        annotation, declaration, metavar = bool | None, f"{setting.option}/--no-{setting.option[2:]}", None
    else:
        annotation, declaration, metavar = str | None, setting.option, "TEXT"
    if setting.is_list:
        annotation, metavar = list[str] | None, "LIST"
    option = typer.Option(None, declaration, metavar=metavar, help=_help(setting), show_default=False)
    return Parameter(setting.name, Parameter.KEYWORD_ONLY, default=option, annotation=annotation)


def _help(setting: Setting) -> str:
    accepted = "" if setting.type is bool else setting.form
    if setting.is_list:
        accepted += ", with commas or one an option"
    default = "" if setting.default in (None, ()) else f"default: {str(setting.default).lower()}"
    return f"{setting.description} [{'; '.join(filter(None, (accepted, default)))}]"
