"""What errors of PostgreSQL and of the way to it mean to callers of the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg

from jmap_oauth.store.interface import Unavailable, Unusable


class Lost(Unavailable):
    """The connection ended in the middle, so that what was under way may have been done or not."""


class Conflict(Unavailable):
    """Another transaction was in the way; the same once more may do."""


# By SQLSTATE, or the first two characters of it, its class; the longer one counts.
_FAILURES: Final[Mapping[str, tuple[type[Unavailable | Unusable], str]]] = {
    "08": (Lost, "the connection to the database was lost"),
    "25006": (Unavailable, "the database cannot be written"),
    "28": (Unusable, "the database refuses the user or the password"),
    "3D000": (Unusable, "there is no such database"),
    "40": (Conflict, "others are changing the same all the time"),
    "42501": (Unusable, "the user of the database may not do this"),
    "53": (Unavailable, "the database lacks room, memory or connections"),
    "54": (Unavailable, "the database takes no statement as large as this"),
    "55P03": (Unavailable, "the database is locked by another program"),
    "57": (Lost, "the database is stopping or starting"),
    "57014": (Unavailable, "the database was given no more time for it"),
    "58": (Unavailable, "reading or writing the database failed in the file system"),
    "XX001": (Unusable, "the database is damaged"),
    "XX002": (Unusable, "the database is damaged"),
}


def failure(error: Exception) -> Unavailable | Unusable | None:
    """Return what an error means to callers of the store, or None if it is a fault of the program."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        kind, sentence = _FAILURES.get(state) or _FAILURES.get(state[:2]) or (None, "")
        return kind(sentence) if kind else None
    if isinstance(error, ValueError):  # a value that does not fit its column
        return None
    return Lost("the database cannot be reached")


@contextmanager
def answering() -> Iterator[None]:
    """Turn what PostgreSQL and the way to it say into errors of the store.

    A connection that the server has just ended may not know that yet: asked again, it is in no state to answer, which
    asyncpg calls a fault of its own. Faults of the program pass, but without the values that PostgreSQL tells with
    them: they would end in a log.

    Raises:
        Unavailable, Unusable: see the interface.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        if known := failure(error):
            raise known from error
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
        raise
