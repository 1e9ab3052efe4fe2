"""Binary data inside one transaction of SQLite: the part of a snapshot that is about blobs.

As in `sqlite_snapshot`, coroutine functions never suspend.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final

import msgspec

from jmap_oauth.store.interface import LEAST_BLOB, Uploader

_PUT: Final = """
    INSERT INTO blob (account, uploader, id, uploadedAt, size, data) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (account, uploader, id) DO UPDATE SET uploadedAt = excluded.uploadedAt RETURNING number"""
_TAKEN: Final = f"SELECT SUM(MAX(size, {LEAST_BLOB})) FROM blob WHERE account = ?"
# All but the one just put: a clock that was wrong may have dated others to the future.
_OLDEST: Final = f"""
    SELECT number, MAX(size, {LEAST_BLOB}) FROM blob WHERE account = ? AND number <> ? ORDER BY uploadedAt, number"""
_DELETE: Final = "DELETE FROM blob WHERE number = ?"
_RENEW: Final = """
    UPDATE blob SET uploadedAt = ?
    WHERE account = ? AND uploader = ? AND uploadedAt >= ? AND id IN (SELECT value FROM json_each(?)) RETURNING id"""
_DROP: Final = """
    DELETE FROM blob WHERE number IN (SELECT number FROM blob WHERE uploadedAt < ? ORDER BY uploadedAt LIMIT ?)"""


class BlobReader:
    """The blobs of a snapshot."""

    connection: sqlite3.Connection

    async def blob(self, uploader: Uploader, id: str, since: str) -> bytes | None:
        statement = "SELECT data FROM blob WHERE account = ? AND uploader = ? AND id = ? AND uploadedAt >= ?"
        parameters = (uploader.account, uploader.id, id, since)
        for (data,) in self.connection.execute(statement, parameters).fetchall():
            return bytes(data)
        return None


class BlobWriter(BlobReader):
    """The blobs of a snapshot that can be changed."""

    async def put_blob(self, uploader: Uploader, id: str, data: bytes, now: str, quota: int) -> None:
        parameters = (uploader.account, uploader.id, id, now, len(data), data)
        [(number,)] = self.connection.execute(_PUT, parameters).fetchall()
        [(taken,)] = self.connection.execute(_TAKEN, (uploader.account,)).fetchall()
        self._make_room(uploader.account, number, taken - quota)

    def _make_room(self, account: str, number: int, excess: int) -> None:
        """Delete the oldest until so many bytes are free, and read no more than those: others wait to write."""
        gone = []
        with closing(self.connection.execute(_OLDEST, (account, number))) as oldest:
            while excess > 0 and (row := oldest.fetchone()):
                gone.append(row[:1])
                excess -= row[1]
        self.connection.executemany(_DELETE, gone)

    async def renew_blobs(self, uploader: Uploader, ids: Sequence[str], since: str, now: str) -> list[str]:
        named = msgspec.json.encode([id for id in ids if "\0" not in id]).decode()  # at which json_each would cut it
        parameters = (now, uploader.account, uploader.id, since, named)
        return [id for (id,) in self.connection.execute(_RENEW, parameters).fetchall()]

    async def drop_blobs(self, before: str, limit: int) -> int:
        return self.connection.execute(_DROP, (before, limit)).rowcount
