"""Binary data inside one transaction of SQLite: the part of a snapshot that is about blobs.

As in `sqlite_snapshot`, coroutine functions never suspend.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from jmap_oauth.store.interface import LEAST_BLOB, Uploader

_PUT: Final = """
    INSERT INTO blob (account, uploader, id, uploadedAt, size, data) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (account, uploader, id) DO UPDATE SET uploadedAt = excluded.uploadedAt RETURNING number"""
# The sum at a blob is what it and all that were uploaded after it take. The one just put comes first, even if a clock
# that was wrong has dated others to the future.
_MAKE_ROOM: Final = f"""
    DELETE FROM blob WHERE number IN (
      SELECT number FROM (
        SELECT number, SUM(MAX(size, {LEAST_BLOB})) OVER newest_first AS taken
        FROM blob WHERE account = ?
        WINDOW newest_first AS (ORDER BY number = ? DESC, uploadedAt DESC, number DESC)
      ) WHERE taken > ?)"""
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
        self.connection.execute(_MAKE_ROOM, (uploader.account, number, quota))

    async def renew_blobs(self, uploader: Uploader, ids: Sequence[str], since: str, now: str) -> list[str]:
        named = msgspec.json.encode([id for id in ids if "\0" not in id]).decode()  # at which json_each would cut it
        parameters = (now, uploader.account, uploader.id, since, named)
        return [id for (id,) in self.connection.execute(_RENEW, parameters).fetchall()]

    async def drop_blobs(self, before: str, limit: int) -> int:
        return self.connection.execute(_DROP, (before, limit)).rowcount
