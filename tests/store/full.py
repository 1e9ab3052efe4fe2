"""Disks that are full, and file systems that fail."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from jmap_oauth.store.interface import Writer
from jmap_oauth.store.sqlite import SqliteStore
from jmap_oauth.store.sqlite_snapshot import SqliteWriter


async def set_room(store: SqliteStore, pages: int) -> None:
    """Let the file have so many pages, or as many as it has already."""

    async def work(writer: Writer) -> None:
        assert isinstance(writer, SqliteWriter)
        writer.connection.execute(f"PRAGMA max_page_count = {pages}")

    await store.write(work)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Make the system refuse to let any file of this process grow beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
