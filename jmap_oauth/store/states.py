"""State strings: places in the order of all changes, each bound to one database, type and account."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, NamedTuple

from jmap_oauth.model.definition import ObjectType
from jmap_oauth.store.interface import CannotCalculateChanges

END: Final = "~"
"""Comes after every id (RFC 8620 section 1.2)."""


class Cursor(NamedTuple):
    """A place in the order of all changes: after this id of the write with this number; with END, after all of them."""

    number: int
    id: str = END


_TEXT = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([A-Za-z0-9_-]{1,255}))?\.([0-9a-f]{8})")


class States:
    """Writes and reads the state strings of a database that has this identity, a text of its own.

    `<number>.<tag>`, or `<number>.<id>.<tag>` in the middle of a write. The tag tells a state of another database, type
    or account from one of ours. It is no protection, and need be none: a state lets nobody see more than they may.
    """

    def __init__(self, identity: str) -> None:
        self._key = identity.encode()

    def write(self, type: ObjectType, account: str, cursor: Cursor) -> str:
        place = str(cursor.number) if cursor.id == END else f"{cursor.number}.{cursor.id}"
        return f"{place}.{self._tag(type, account)}"

    def read(self, type: ObjectType, account: str, text: str) -> Cursor:
        """Return the place that a state stands for.

        Raises:
            CannotCalculateChanges: it is none of this database, type and account.
        """
        match = _TEXT.fullmatch(text)
        if match is None or match[3] != self._tag(type, account):
            raise CannotCalculateChanges
        return Cursor(int(match[1]), match[2] or END)

    def _tag(self, type: ObjectType, account: str) -> str:
        return blake2b(f"{type.name} {account}".encode(), digest_size=4, key=self._key).hexdigest()
