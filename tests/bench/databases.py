"""The databases of a run: filled once and kept, and copied for whoever measures, so that each finds them as filled."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvloop

from jmap_oauth.cli.progress import progress
from jmap_oauth.config import Settings
from jmap_oauth.database import schema_folder
from jmap_oauth.store.portable import Progress
from tests.bench import filling, filling_postgresql, filling_sqlite
from tests.bench.filling_postgresql import PostgresqlFiller
from tests.bench.filling_sqlite import SqliteFiller
from tests.support.postgresql import Cluster, installation

SQLITE, POSTGRESQL = "sqlite", "postgresql"
BACKENDS = (SQLITE, POSTGRESQL) if installation() else (SQLITE,)
FILE = "bench.db"

_ROOM = {"shared_buffers": "1GB", "max_wal_size": "1GB"}
_MEASURED = {**_ROOM, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""As on a machine that keeps data; but that nothing is vacuumed while it is measured."""
_FILLED = {**_ROOM, "shared_buffers": "4GB", "wal_level": "minimal", "max_wal_senders": "0"}
"""With room for a large table in it, which is read for each index; and without a log of what goes into a new file."""


@contextmanager
def filled(backend: str, clients: int, kept: Path, place: Path) -> Iterator[str]:
    """Give the URL of a database with so many clients, in a folder in `place`; `kept` is where they are kept."""
    source = _fill_once(backend, clients, kept, place)
    if backend == SQLITE:
        with _folder(place) as folder:
            shutil.copy(source / FILE, folder)
            yield str(folder / FILE)
    else:
        with _cluster(place, _MEASURED, source / "data") as cluster:
            yield cluster.url


def _fill_once(backend: str, clients: int, kept: Path, place: Path) -> Path:
    """Return the folder with what was filled, which is done if it was not, or by another version."""
    wanted = kept / f"{backend}-{clients}-{_version(backend)}"
    if not wanted.exists():
        for old in kept.glob(f"{backend}-{clients}-*"):
            shutil.rmtree(old)
        part = kept / f"{backend}-{clients}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        with progress(f"Filling {backend}") as tell:
            fill(backend, clients, part, place, tell)
        part.rename(wanted)
    return wanted


def fill(backend: str, clients: int, folder: Path, place: Path, tell: Progress) -> None:
    """Fill a database in a folder."""
    if backend == SQLITE:
        uvloop.run(fill_url(str(folder / FILE), clients, tell))
    else:
        with _cluster(place, _FILLED) as cluster:
            uvloop.run(fill_url(cluster.url, clients, tell))
            cluster.stop()
            shutil.move(cluster.folder / "data", folder)


async def fill_url(url: str, clients: int, tell: Progress) -> None:
    """Fill an empty database that nobody else uses."""
    settings = Settings(database=url)
    samples = await filling.create_samples(settings)
    path = settings.database_path
    filler = await PostgresqlFiller.open(url) if path is None else SqliteFiller(path)
    await filling.multiply(filler, samples, clients, tell)


def _version(backend: str) -> str:
    """Return a text that is another one whenever what is filled may be."""
    sources = [Path(module.__file__ or "") for module in (filling, filling_sqlite, filling_postgresql)]
    schema = [*(schema_folder() / backend).iterdir(), schema_folder() / "objects.json"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted([*sources, *schema]))).hexdigest()[:12]


@contextmanager
def _cluster(place: Path, settings: Mapping[str, str], data: Path | None = None) -> Iterator[Cluster]:
    cluster = Cluster(str(place), settings, data)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@contextmanager
def _folder(place: Path) -> Iterator[Path]:
    folder = place / f"bench-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
