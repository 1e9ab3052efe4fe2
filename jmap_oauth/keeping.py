"""Keeping a database: bringing it up to date, checking it, backing it up, putting it back, moving it.

Owns: which of these a URL needs, what is done in which order so that nothing half done is left.
Does not own: what rows mean, how each backend does it.
May import: access, config, database, methods, model, objects, store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import ModuleType

from jmap_oauth.access.imported import is_kept_hash
from jmap_oauth.config import Settings
from jmap_oauth.database import needing_postgresql, open_store, require_database, schema_folder
from jmap_oauth.methods.blob import blob_id
from jmap_oauth.model.definition import Model
from jmap_oauth.objects import served_types
from jmap_oauth.store import sqlite_portable
from jmap_oauth.store.check import Forms, find_flaws
from jmap_oauth.store.dump import Dump, write_dump
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.new_file import new_file
from jmap_oauth.store.portable import Progress, Snapshot, Target, describe, export, load

_SQLITE = "sqlite"
_POSTGRESQL = "postgresql"
_FORMS = Forms(is_kept_hash, blob_id)


async def migrate_database(settings: Settings) -> None:
    """Bring a database up to date.

    Raises:
        Unusable, Unavailable: it cannot be.
    """
    require_database(settings)
    store = await open_store(settings, _model(settings))
    await store.close()


async def check_database(settings: Settings) -> AsyncIterator[str]:
    """Yield a sentence for each thing that is wrong in a database.

    Raises:
        Unusable, Unavailable: it cannot be read.
    """
    require_database(settings)
    model = _model(settings)
    async with _reading(settings, model) as snapshot:
        async for flaw in find_flaws(snapshot, model, _FORMS):
            yield flaw


async def back_up(settings: Settings, file: Path, progress: Progress, *, portable: bool) -> None:
    """Copy a database, which may be in use, into a file that is not there yet.

    Raises:
        Unusable, Unavailable: it cannot be; no file is left.
    """
    require_database(settings)
    if settings.database_path is not None and not portable:
        sqlite_portable.back_up(settings.database_path, file, _migrations(_SQLITE), progress)
        return
    model = _model(settings)
    with new_file(file) as part:
        async with _reading(settings, model) as snapshot:
            await _write(snapshot, model, part, progress)


async def _write(snapshot: Snapshot, model: Model, path: Path, progress: Progress) -> None:
    contents = await describe(snapshot, model)
    with path.open("wb") as opened:
        await write_dump(opened, contents, export(snapshot, contents), progress)


async def restore(settings: Settings, file: Path, progress: Progress, *, force: bool) -> None:
    """Put what a backup holds, of whichever form, in the place of a database; `force` keeps a file beside first.

    Raises:
        Unusable, Unavailable: it cannot be; what was there is as it was.
    """
    model = _model(settings)
    if sqlite_portable.is_sqlite(file):
        if settings.database_path is None:
            raise Unusable("a copy of SQLite's file cannot go into PostgreSQL: use jmap-oauth db copy")
        migrations = _migrations(_SQLITE)
        sqlite_portable.put_back(file, settings.database_path, model, migrations, progress, force=force)
        return
    with file.open("rb") as opened:
        dump = Dump(opened, file)
        async with _filling(settings, model, force=force) as target:
            await load(target, model, dump.contents, dump.rows(), progress)
            await _check(target, model)


async def copy(source: Settings, target: Settings, progress: Progress) -> None:
    """Carry a database over into one that is empty, or a file that is not there.

    Raises:
        Unusable, Unavailable: it cannot be; nothing is there then.
    """
    require_database(source)
    model = _model(source)
    async with _reading(source, model) as snapshot, _filling(target, model, force=False) as new:
        contents = await describe(snapshot, model)
        await load(new, model, contents, export(snapshot, contents), progress)
        await _check(new, model)


async def _check(snapshot: Snapshot, model: Model) -> None:
    async for flaw in find_flaws(snapshot, model, _FORMS):
        raise Unusable(f"what was read is not sound, so it is not kept: {flaw}")


def _model(settings: Settings) -> Model:
    return Model(served_types(frozenset(settings.redirect_uri_schemes)))


def _migrations(backend: str) -> Path:
    return schema_folder() / backend


def _reading(settings: Settings, model: Model) -> AbstractAsyncContextManager[Snapshot]:
    if settings.database_path is not None:
        return sqlite_portable.reading(settings.database_path, model, _migrations(_SQLITE))
    opened: AbstractAsyncContextManager[Snapshot] = _postgresql().reading(
        settings.database, model, _migrations(_POSTGRESQL)
    )
    return opened


def _filling(settings: Settings, model: Model, *, force: bool) -> AbstractAsyncContextManager[Target]:
    if settings.database_path is not None:
        return sqlite_portable.filling(settings.database_path, model, _migrations(_SQLITE), force=force)
    opened: AbstractAsyncContextManager[Target] = _postgresql().filling(
        settings.database, model, _migrations(_POSTGRESQL)
    )
    return opened


def _postgresql() -> ModuleType:
    with needing_postgresql():
        from jmap_oauth.store.postgresql import portable
    return portable
