"""The commands `db`: what is done to a database as a whole, straight on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jmap_oauth.cli.at_database import Config, Database, read_settings
from jmap_oauth.cli.progress import progress
from jmap_oauth.cli.terminal import Failure, printable
from jmap_oauth.config import Settings, load_settings

commands = typer.Typer(help="Keep a database: check it, back it up, move it.", no_args_is_help=True)

_MOST_FLAWS = 100


@commands.command("migrate")
def migrate(config: Config = None, database: Database = None) -> None:
    """Bring the database up to date, as the start of the server does."""
    settings = read_settings(config, database)
    import asyncio

    from jmap_oauth.keeping import migrate_database

    asyncio.run(migrate_database(settings))
    print("The database is up to date.")


@commands.command("check")
def check(config: Config = None, database: Database = None) -> None:
    """Look whether everything in the database fits together. It changes nothing; the server may go on.

    What is wrong is printed, one a line, and the exit code is 1 then.
    """
    import asyncio

    settings = read_settings(config, database)
    flaws = asyncio.run(_print_flaws(settings))
    if flaws:
        raise Failure(f"the database is not sound: {flaws} flaws" + (" at least" if flaws == _MOST_FLAWS else ""))
    print("The database is sound.")


async def _print_flaws(settings: Settings) -> int:
    from jmap_oauth.keeping import check_database

    flaws = 0
    async for flaw in check_database(settings):
        print(printable(flaw))
        flaws += 1
        if flaws == _MOST_FLAWS:
            break
    return flaws


@commands.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; nothing may be there.")],
    *,
    portable: Annotated[
        bool, typer.Option("--portable", help="Write what either backend can be filled from; PostgreSQL always does.")
    ] = False,
    config: Config = None,
    database: Database = None,
) -> None:
    """Copy the database as it is at this moment, while the server goes on. The copy is for its owner alone."""
    settings = read_settings(config, database)
    import asyncio

    from jmap_oauth.keeping import back_up

    with progress("Backing up") as tell:
        asyncio.run(back_up(settings, file, tell, portable=portable))
    print(f"The backup is {printable(str(file))}.")


@commands.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup, of either form.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Take the place of a database that is there; its file is kept beside.")
    ] = False,
    config: Config = None,
    database: Database = None,
) -> None:
    """Make the database what a backup holds. No server may be running on it."""
    settings = read_settings(config, database)
    import asyncio

    from jmap_oauth.keeping import restore

    with progress("Restoring") as tell:
        asyncio.run(restore(settings, file, tell, force=force))
    print("The database is restored.")


@commands.command("copy")
def copy(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A database, as the setting names it.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="An empty database, or a file that is not there.")],
) -> None:
    """Carry a database over into another one, of whichever kind, and check it there."""
    import asyncio

    from jmap_oauth.keeping import copy

    old, new = (load_settings({"database": each}, {}, None) for each in (source, target))
    with progress("Copying") as tell:
        asyncio.run(copy(old, new, tell))
    print("The copy is complete and sound.")
