"""What the commands straight on the database have in common: the options that say which one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from jmap_oauth.cli.serve import CONFIG_HELP
from jmap_oauth.config import SETTINGS, Settings, load_settings

Config = Annotated[Path | None, typer.Option(metavar="FILE", help=CONFIG_HELP)]
Database = Annotated[str | None, typer.Option(metavar="TEXT", help=SETTINGS["database"].description)]


def read_settings(config: Path | None, database: str | None) -> Settings:
    """Return the settings, with a database that was named on the command line.

    Raises:
        SettingsError: one of them is wrong.
    """
    return load_settings({"database": database}, os.environ, config)
