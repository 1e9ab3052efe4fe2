"""Binary data inside one transaction of PostgreSQL: the part of a snapshot that is about blobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jmap_oauth.store.interface import LEAST_BLOB, Uploader
from jmap_oauth.store.postgresql.statements import PostgresqlStatements

_PUT: Final = """
    INSERT INTO blob (account, uploader, id, "uploadedAt", size, data) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (account, uploader, id) DO UPDATE SET "uploadedAt" = excluded."uploadedAt" RETURNING number"""
# The sum at a blob is what it and all that were uploaded after it take. The one just put comes first, even if a clock
# that was wrong has dated others to the future.
_MAKE_ROOM: Final = f"""
    DELETE FROM blob WHERE number IN (
      SELECT number FROM (
        SELECT number, SUM(GREATEST(size, {LEAST_BLOB})) OVER newest_first AS taken
        FROM blob WHERE account = ?
        WINDOW newest_first AS (ORDER BY number = ? DESC, "uploadedAt" DESC, number DESC)
      ) AS each WHERE taken > ?)"""
_RENEW: Final = """
    UPDATE blob SET "uploadedAt" = ?
    WHERE account = ? AND uploader = ? AND "uploadedAt" >= ? AND id = ANY(?) RETURNING id"""
_DROP: Final = """
    DELETE FROM blob WHERE number IN (SELECT number FROM blob WHERE "uploadedAt" < ? ORDER BY "uploadedAt" LIMIT ?)
    RETURNING number"""


class BlobReader(PostgresqlStatements):
    """The blobs of a snapshot."""

    async def blob(self, uploader: Uploader, id: str, since: str) -> bytes | None:
        statement = 'SELECT data FROM blob WHERE account = ? AND uploader = ? AND id = ? AND "uploadedAt" >= ?'
        rows = await self.rows(statement, uploader.account, uploader.id, id, since)
        return bytes(rows[0][0]) if rows else None


class BlobWriter(BlobReader):
    """The blobs of a snapshot that can be changed."""

    async def put_blob(self, uploader: Uploader, id: str, data: bytes, now: str, quota: int) -> None:
        [(number,)] = await self.rows(_PUT, uploader.account, uploader.id, id, now, len(data), data)
        await self.rows(_MAKE_ROOM, uploader.account, number, quota)

    async def renew_blobs(self, uploader: Uploader, ids: Sequence[str], since: str, now: str) -> list[str]:
        rows = await self.rows(_RENEW, now, uploader.account, uploader.id, since, list(ids))
        return [id for (id,) in rows]

    async def drop_blobs(self, before: str, limit: int) -> int:
        return len(await self.rows(_DROP, before, limit))
