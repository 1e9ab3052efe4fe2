"""Where the database is that the settings name, and opening it with the backend that its URL asks for.

Owns: which backend it is, the folder `schema/`, whether a file may be made.
Does not own: what is in it.
May import: config, model, store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jmap_oauth.config import Settings
from jmap_oauth.model.definition import Model
from jmap_oauth.store.interface import Store, Unusable
from jmap_oauth.store.sqlite import open_sqlite

_PACKAGE = Path(__file__).parent


def schema_folder() -> Path:
    """Return the folder `schema/`: in the package when installed, beside it in a checkout."""
    installed = _PACKAGE / "schema"
    return installed if installed.is_dir() else _PACKAGE.parent / "schema"


async def open_store(settings: Settings, model: Model) -> Store:
    """Open the database with the backend for its URL. What that needs beside SQLite is imported only then.

    Raises:
        Unusable, Unavailable: it cannot be opened.
    """
    if settings.database_path is not None:
        return await open_sqlite(settings.database_path, model, schema_folder() / "sqlite")
    with needing_postgresql():
        from jmap_oauth.store.postgresql.store import open_postgresql
    return await open_postgresql(settings.database, model, schema_folder() / "postgresql")


@contextmanager
def needing_postgresql() -> Iterator[None]:
    """Import what only PostgreSQL needs.

    Raises:
        Unusable: its driver is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise Unusable(f"PostgreSQL needs {error.name}: pip install 'jmap-oauth[postgresql]'") from None


def require_database(settings: Settings) -> None:
    """Refuse a database that is not there: a slip of its path would make another one, empty and apart."""
    if settings.database_path is None:  # which nothing makes
        return
    path = settings.database_path.absolute()
    if path.parent.is_dir() and not path.exists():  # a missing folder is what opening names
        raise Unusable(f"{path}: there is no such database; jmap-oauth serve would make it")


def prepare_folder(settings: Settings) -> None:
    """Make the folder of the default database; any other has to be there, lest a slip makes a second database."""
    default = Settings()
    if settings.database == default.database and default.database_path is not None:
        with suppress(FileExistsError):
            default.database_path.parent.mkdir(mode=0o700)
