"""The file of a SQLite database: making it, opening it, and saying in a sentence what is wrong with it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jmap_oauth.store.interface import Unavailable, Unusable

NEEDED_VERSION: Final = (3, 38, 0)
"""The first SQLite that has all we use: STRICT tables (3.37), RETURNING (3.35), JSON without asking for it (3.38)."""

_FAILURES: Final[Mapping[int, tuple[type[Unavailable | Unusable], str]]] = {
    sqlite3.SQLITE_BUSY: (Unavailable, "the database is locked by another program"),
    sqlite3.SQLITE_LOCKED: (Unavailable, "the database is locked by another program"),
    sqlite3.SQLITE_PROTOCOL: (Unavailable, "the database is locked by another program"),
    sqlite3.SQLITE_FULL: (Unavailable, "there is no room left for the database"),
    sqlite3.SQLITE_IOERR: (Unavailable, "reading or writing the database failed in the file system"),
    sqlite3.SQLITE_NOMEM: (Unavailable, "there is not enough memory for the database"),
    sqlite3.SQLITE_READONLY: (Unavailable, "the database cannot be written"),
    sqlite3.SQLITE_CANTOPEN: (Unavailable, "the database, or a file beside it, cannot be opened or made"),
    sqlite3.SQLITE_CORRUPT: (Unusable, "the database is damaged"),
    sqlite3.SQLITE_NOTADB: (Unusable, "the file is not a database"),
}
_LASTING: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
"""What passes by itself when it happens in the middle of work, but not at the start."""


def failure(error: sqlite3.Error) -> Unavailable | Unusable | None:
    """Return what an error of SQLite means to callers of the store, or None if it is a fault of the program."""
    kind, sentence = _FAILURES.get(_code(error), (None, ""))
    return kind(sentence) if kind else None


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turn what the system and SQLite say about a file into a sentence with its name.

    Raises:
        Unavailable: trying again may help.
        Unusable: someone has to look.
    """
    try:
        yield
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        known = failure(error)
        kind = Unavailable if isinstance(known, Unavailable) and _code(error) not in _LASTING else Unusable
        raise kind(f"{path}: {known or error}") from error


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code: the lowest byte, the rest is detail."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def check_library(version: tuple[int, int, int]) -> None:
    """Refuse a SQLite that lacks what we use.

    Raises:
        Unusable: it is too old.
    """
    if version < NEEDED_VERSION:
        found, needed = (".".join(map(str, each)) for each in (version, NEEDED_VERSION))
        raise Unusable(f"SQLite {found} is too old: this program needs {needed} or newer")


def prepare_file(path: Path) -> None:
    """Make an empty file unless there is one, and see to it that nobody else can read it or what lies beside it.

    Raises:
        Unusable: it cannot be made, or is not a file.
    """
    if not path.parent.is_dir():
        raise Unusable(f"{path}: there is no folder {path.parent}")
    with opening(path):
        if not path.exists():
            make_private_file(path)
        if not path.is_file():
            raise Unusable(f"{path}: this is not a file")
        for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            if each.exists() and stat.S_IMODE(each.stat().st_mode) & 0o077:
                each.chmod(0o600)


def make_private_file(path: Path) -> None:
    """Make an empty file of mode 0600 whatever the umask; SQLite gives the files beside it the same mode."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def connect(path: Path, timeout: float, *, writing: bool = False, any_thread: bool = False) -> sqlite3.Connection:
    """Open a file that is there, as all connections of the store are; `timeout` is in seconds.

    Transactions begin and end only where the store says so.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",  # never makes a file: that would have the umask's mode
        uri=True,
        timeout=timeout,
        isolation_level=None,
        cached_statements=256,
        check_same_thread=not any_thread,
    )
    for name, value in {
        "foreign_keys": "ON",
        "synchronous": "FULL",  # a commit that was answered survives the loss of power
        "temp_store": "MEMORY",  # nothing of the data in files elsewhere
        "trusted_schema": "OFF",
        "cache_size": "-16000",  # KiB
        "journal_size_limit": "67108864",  # bytes that the WAL keeps after it has grown
        "query_only": "OFF" if writing else "ON",
    }.items():
        connection.execute(f"PRAGMA {name} = {value}")
    return connection


class Lead:
    """A lock beside the database that one open store has. The system takes it away from a process that is gone.

    It is on a file of its own: whoever closes a file of the database loses the locks that SQLite has there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-lead")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock unless another store has it, and tell whether it is ours.

        Raises:
            Unavailable: the file cannot be made or locked.
        """
        if self._descriptor is None:
            try:
                self._descriptor = _locked(self._path)
            except OSError as error:
                raise Unavailable(f"{self._path}: {error.strerror}") from error
        return self._descriptor is not None

    def close(self) -> None:
        """Let go of the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _locked(path: Path) -> int | None:
    """Return a descriptor with the lock of a file, which is made if it is not there, or None."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class Identity:
    """Which file a path meant when it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = self._look()

    def check(self) -> None:
        """Refuse to go on with a file that is no longer there.

        A process keeps a deleted or replaced file open: it would go on answering, and all it writes would be lost.

        Raises:
            Unavailable: the path now means another file, or none.
        """
        try:
            found = self._look()
        except OSError:
            raise Unavailable("the file of the database is gone") from None
        if found != self._identity:
            raise Unavailable("the file of the database was replaced; a restart opens the new one")

    def _look(self) -> tuple[int, int]:
        status = os.stat(self._path)
        return status.st_dev, status.st_ino
