"""What errors of PostgreSQL and of the way to it mean to callers of the store."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg

from jmap_oauth.store.interface import Unavailable, Unusable


class Lost(Unavailable):
    """The connection ended in the middle, so that what was under way may have been done or not."""


class Conflict(Unavailable):
    """Another transaction was in the way; the same once more may do."""


class Refused(Unusable):
    """PostgreSQL does not let us in, or not do this. Someone has to look, but while we run it may pass by itself."""


# By SQLSTATE, or the first two characters of it, its class; the longer one counts.
_FAILURES: Final[Mapping[str, tuple[type[Unavailable | Unusable], str]]] = {
    "08": (Lost, "the connection to the database was lost"),
    "25006": (Unavailable, "the database cannot be written"),
    "28": (Refused, "the database refuses the user or the password"),
    "3D000": (Refused, "there is no such database"),
    "3F000": (Refused, "the search_path of the user leads to no schema"),
    "40": (Conflict, "others are changing the same all the time"),
    "42501": (Refused, "the user of the database may not do this"),
    "42703": (Unusable, "a column of the database is missing"),
    "42P01": (Unusable, "a table of the database is missing"),
    "53": (Unavailable, "the database lacks room, memory or connections"),
    "54": (Unavailable, "the database takes no statement as large as this"),
    "55000": (Refused, "the database takes no connections"),
    "55P03": (Unavailable, "the database is locked by another program"),
    "57": (Lost, "the database is stopping or starting"),
    "57014": (Unavailable, "the database was given no more time for it"),
    "58": (Unavailable, "reading or writing the database failed in the file system"),
    "XX001": (Unusable, "the database is damaged"),
    "XX002": (Unusable, "the database is damaged"),
}

_ON_THE_WAY: Final[Mapping[type[Exception], str]] = {
    ssl.SSLError: "no encryption, or a certificate is not right",
    FileNotFoundError: "there is no such socket, or no such file of certificates",
}


def failure(error: Exception) -> Unavailable | Unusable | None:
    """Return what an error means to callers of the store, or None if it is a fault of the program."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        kind, sentence = _FAILURES.get(state) or _FAILURES.get(state[:2]) or (None, "")
        return kind(sentence) if kind else None
    if isinstance(error, ValueError):  # a value that does not fit its column
        return None
    reasons = [f": {reason}" for kind, reason in _ON_THE_WAY.items() if isinstance(error, kind)]
    return Lost("the database cannot be reached" + "".join(reasons))


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


@contextmanager
def connecting() -> Iterator[None]:
    """Do the same where a connection is opened, with what else a URL may lead to.

    Raises:
        Unavailable, Unusable: see the interface.
    """
    with answering():
        try:
            yield
        except ValueError:  # which may repeat the URL
            raise Refused("the URL of the database is wrong, or a certificate is missing that it asks for") from None
        except asyncpg.PostgresError as error:
            if failure(error):
                raise
            raise Refused("the database does not take a parameter of its URL") from None


@contextmanager
def serving() -> Iterator[None]:
    """Turn what is only for the start into something that may pass: a password or a right that was taken away is given
    back, and then the server goes on.

    Raises:
        Unavailable: what was Refused.
    """
    try:
        yield
    except Refused as error:
        raise Unavailable(str(error)) from error
