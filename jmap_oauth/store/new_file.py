"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.sqlite_file import make_private_file, opening


@contextmanager
def new_file(path: Path, set_aside: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Give an empty file, for its owner alone, which takes a place when the block ends well; it is on the disk by then.

    `set_aside` gives what is in that place another name as well.

    Raises:
        Unusable: something is there that is not to be set aside, or the file cannot be made.
    """
    part = path.with_name(f"{path.name}.part")
    _check_place(path, free=set_aside is None)
    try:
        with opening(path):
            _remove(part)
            make_private_file(part)
        yield part
        with opening(path):
            _flush(part, os.O_RDWR)
            _check_place(path, free=set_aside is None)
            if set_aside is not None and path.exists():
                set_aside(path)
            part.replace(path)
            _flush(path.parent, os.O_RDONLY)
    finally:
        with suppress(OSError):
            _remove(part)


def _check_place(path: Path, *, free: bool) -> None:
    if free and path.exists():
        raise Unusable(f"{path}: there is a file already")


def _remove(path: Path) -> None:
    """Remove a file with what SQLite may have beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


def _flush(path: Path, mode: int) -> None:
    """Have the disk keep what was written to a file, or the names in a folder."""
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
