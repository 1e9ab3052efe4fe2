"""Binary data, as long as it lasts, and Blob/copy (RFC 8620 sections 6 and 6.3)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from msgspec import Struct

from jmap_oauth.access.policy import Policy
from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.call import AccountArguments, principal_of, read_arguments, too_large
from jmap_oauth.model.kinds import format_date
from jmap_oauth.protocol.dispatch import Call, Method
from jmap_oauth.protocol.errors import MethodError, MethodErrorType, SetError, SetErrorType
from jmap_oauth.protocol.types import Limits
from jmap_oauth.store.interface import LEAST_BLOB, Store, Unavailable, Uploader

_log = logging.getLogger(__name__)

BATCH = 20
"""Blobs dropped in one write: others have their turn between two of them."""


def _now() -> datetime:
    return datetime.now(UTC)


class Blobs:
    """The blobs of all keys. One is its uploader's alone, and is there for `hours` after it was last uploaded.

    Nothing that is served refers to a blob, so all are what the RFC calls unreferenced. `quota` is in bytes an account;
    what was uploaded the longest ago makes room for what is new.
    """

    def __init__(
        self, store: Store, hours: int, quota: int, *, clock: Callable[[], datetime] = _now, seconds: float = 60.0
    ) -> None:
        self._store = store
        self._lifetime = timedelta(hours=hours)
        self._quota = max(quota, LEAST_BLOB)
        self._clock = clock
        self._seconds = seconds
        self._closing = asyncio.Event()

    async def put(self, principal: Principal, data: bytes) -> str:
        """Keep bytes and return their id; the same bytes have the same id, and last as long as if they were new.

        Raises:
            Unavailable: they were not kept.
        """
        id = await asyncio.to_thread(blob_id, data)
        uploader, now = _uploader(principal), format_date(self._clock())
        await self._store.write(lambda writer: writer.put_blob(uploader, id, data, now, self._quota))
        return id

    async def get(self, principal: Principal, id: str) -> bytes | None:
        """Return the bytes that this principal uploaded under an id, or None.

        Raises:
            Unavailable: they cannot be read.
        """
        uploader, since = _uploader(principal), self._since()
        return await self._store.read(lambda reader: reader.blob(uploader, id, since))

    async def renew(self, principal: Principal, ids: Sequence[str]) -> Collection[str]:
        """Take blobs of a principal for uploaded now, and return the ids of those that are there.

        Raises:
            Unavailable: none was.
        """
        uploader, since, now = _uploader(principal), self._since(), format_date(self._clock())
        return await self._store.write(lambda writer: writer.renew_blobs(uploader, ids, since, now))

    async def run(self) -> None:
        """Drop what is over every so many seconds until it is closed."""
        while not self._closing.is_set():
            await self._drop()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._seconds)

    def close(self) -> None:
        """End `run`."""
        self._closing.set()

    async def _drop(self) -> None:
        """Drop what is over in small writes, unless another process does. What goes wrong is logged."""
        dropped = BATCH
        try:
            if not await self._store.leads():
                return
            while dropped == BATCH and not self._closing.is_set():
                before = self._since()
                dropped = await self._store.write(lambda writer: writer.drop_blobs(before, BATCH))  # noqa: B023
        except Unavailable as reason:
            _log.warning("Blobs that are over wait for the store: %s", reason)
        except Exception:  # nothing else depends on it
            _log.exception("Blobs that are over could not be dropped")

    def _since(self) -> str:
        """Return the date of the oldest blobs that are still there."""
        return format_date(self._clock() - self._lifetime)


def _uploader(principal: Principal) -> Uploader:
    return Uploader(principal.account, principal.id)


def blob_id(data: bytes) -> str:
    """Return the id of bytes: the letter "b" and their SHA-256 in base32hex, lower case."""
    digest = base64.b32hexencode(hashlib.sha256(data).digest())
    return "b" + digest.rstrip(b"=").decode().lower()


# --- Blob/copy ---


class CopyArguments(AccountArguments, frozen=True, kw_only=True):
    """RFC 8620 section 6.3."""

    from_account_id: str
    blob_ids: list[str]


class CopyResponse(Struct, frozen=True, rename="camel"):
    """RFC 8620 section 6.3; null where nothing is to be said."""

    from_account_id: str
    account_id: str
    copied: Mapping[str, str] | None
    not_copied: Mapping[str, SetError] | None


def blob_methods(blobs: Blobs, policy: Policy, limits: Limits) -> Mapping[str, Method]:
    """Return the methods on blobs, by name."""
    return {"Blob/copy": Method(partial(handle_copy, blobs, policy, limits), writes=True)}


async def handle_copy(blobs: Blobs, policy: Policy, limits: Limits, call: Call) -> CopyResponse:
    """Copy blobs between accounts. A key has one account, so it is as if each were uploaded again where it is.

    Raises:
        MethodError: accountReadOnly, invalidArguments, requestTooLarge, accountNotFound, fromAccountNotFound,
            serverUnavailable.
    """
    principal = principal_of(call)
    arguments = read_arguments(call, CopyArguments)
    if arguments.from_account_id != principal.account:
        raise MethodError(MethodErrorType.FROM_ACCOUNT_NOT_FOUND, "This key has no account with the id fromAccountId.")
    if policy.is_read_only(principal):
        raise MethodError(MethodErrorType.ACCOUNT_READ_ONLY, "This key has no permission to change anything.")
    if len(arguments.blob_ids) > limits.max_objects_in_set:
        raise too_large(f"{len(arguments.blob_ids)} blobs", limits.max_objects_in_set)
    ids = [*dict.fromkeys(arguments.blob_ids)]
    try:
        found = set(await blobs.renew(principal, ids))
    except Unavailable as error:
        raise MethodError(MethodErrorType.SERVER_UNAVAILABLE, f"Nothing was done: {error}") from None
    missing = SetError(SetErrorType.NOT_FOUND, "There is no such blob.")
    return CopyResponse(
        principal.account,
        principal.account,
        {id: id for id in ids if id in found} or None,
        {id: missing for id in ids if id not in found} or None,
    )
