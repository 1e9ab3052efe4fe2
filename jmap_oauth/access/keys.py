"""API keys: whose a token is, or that it is refused. Why it is refused is nobody's business."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from jmap_oauth.access.addresses import Network, parse_address, parse_network
from jmap_oauth.access.hashing import digest
from jmap_oauth.access.principal import Principal
from jmap_oauth.access.throttle import Throttle
from jmap_oauth.access.usage import Usage
from jmap_oauth.model.definition import GLOBAL, ObjectType, Record, Secret
from jmap_oauth.model.kinds import now
from jmap_oauth.store.interface import Reader, Store

MAX_TOKEN: Final = 1024
"""Characters; a longer token is refused unread."""

_NOBODY: Final = "-"
"""An id that no object has: asked for where there is none to ask for, so that all refusals ask for as much."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A token is not admitted. `retry_after` is set, in seconds, if too many from its address were not."""

    retry_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What is needed of a key to admit it again without asking the store."""

    id: str
    name: str
    account: str
    account_name: str
    permissions: frozenset[str]
    networks: Sequence[Network]
    expires_at: str | None
    last_used_at: str | None

    def admits(self, remote_ip: str, now: str) -> bool:
        """Tell whether the key is good now and from there. Dates as they are kept sort as texts."""
        if self.expires_at is not None and self.expires_at <= now:
            return False
        if not self.networks:
            return True
        address = parse_address(remote_ip)
        return address is not None and any(address in network for network in self.networks)

    def principal(self, remote_ip: str, request_id: str) -> Principal:
        # By place: names would take longer than all the rest of it, of every request.
        facts = self.id, self.name, self.account, self.account_name, self.permissions, self.expires_at, self.networks
        return Principal(*facts, remote_ip, request_id)


class KeyRing:
    """Recognises API keys by the SHA-256 of their token.

    A key that was found is remembered with the version of the two types it was read from, and good for as long as
    the store still has that: nothing has to be told to forget it. The version is read before the key, so a change
    in between makes what is remembered old, never new.

    All refusals look alike. Each has asked the store the same three things, whatever was remembered, and is answered
    `refusal_seconds` after it was asked for, which hides what is left of a difference (a row that is there must be
    read) unless the store takes longer than that.

    Failures are throttled by address, but a good key passes from everywhere, so even a throttled address is looked
    up. It cannot wear out the store by that: all throttled addresses together do one look-up at a time.
    """

    def __init__(
        self,
        store: Store,
        key_type: ObjectType,
        account_type: ObjectType,
        throttle: Throttle,
        usage: Usage,
        *,
        capacity: int = 10_000,
        refusal_seconds: float = 0.02,
        clock: Callable[[], str] = now,
    ) -> None:
        self._store = store
        self._key_type = key_type
        self._account_type = account_type
        self._secret = next(each for each in key_type.secrets if each.secret is Secret.GENERATED)
        self._throttle = throttle
        self._usage = usage
        self._capacity = capacity
        self._refusal_seconds = refusal_seconds
        self._clock = clock
        self._known: OrderedDict[str, tuple[str, _Key]] = OrderedDict()
        self._throttled_turn = asyncio.Lock()

    async def admit(self, token: str | None, remote_ip: str, request_id: str) -> Principal | Refusal:
        """Return the principal of a token; None stands for no credentials at all, "" for some that are malformed.

        Raises:
            Unavailable: the store cannot tell now.
        """
        if token is None:
            return Refusal()
        answer_at = time.monotonic() + self._refusal_seconds
        now = self._clock()
        key = await self._find(digest(token), remote_ip, now) if 0 < len(token) <= MAX_TOKEN else None
        if key is None:
            refusal = Refusal(self._throttle.fail(remote_ip))
            await asyncio.sleep(answer_at - time.monotonic())
            return refusal
        self._usage.note(key.id, key.last_used_at, now)
        return key.principal(remote_ip, request_id)

    async def _find(self, wanted: str, remote_ip: str, now: str) -> _Key | None:
        """Return the key with a digest, if it is good now and from there."""
        version = await self._store.version(self._key_type, self._account_type, fresh=True)
        known_version, key = self._known.get(wanted, (None, None))
        if key is not None and known_version == version and key.admits(remote_ip, now):
            self._known.move_to_end(wanted)
            return key
        key = await self._look_up(wanted, remote_ip)
        if key is None or not key.admits(remote_ip, now):
            return None
        self._remember(wanted, version, key)
        return key

    async def _look_up(self, wanted: str, remote_ip: str) -> _Key | None:
        async with nullcontext() if self._throttle.retry_after(remote_ip) is None else self._throttled_turn:
            return await self._store.read(lambda reader: self._read(reader, wanted), brief=True)

    async def _read(self, reader: Reader, wanted: str) -> _Key | None:
        """Read a key, its digest and its tenant."""
        found = await reader.find(self._key_type, self._secret, [wanted])
        key: Record = found[0] if found else {"id": _NOBODY, self._key_type.account_property: None}
        hashes = await reader.hashes(self._key_type, self._secret, [key["id"]])
        account = self._key_type.account_of(key)
        accounts = await reader.get(self._account_type, GLOBAL, [account or _NOBODY])
        if not hmac.compare_digest(hashes.get(key["id"], ""), wanted):
            return None
        return _make_key(key, account or GLOBAL, self._label_of(accounts[0]) if account else GLOBAL)

    def _label_of(self, account: Record) -> str:
        label: str = account[self._account_type.label_property or "id"]
        return label

    def _remember(self, wanted: str, version: str, key: _Key) -> None:
        self._known[wanted] = (version, key)
        self._known.move_to_end(wanted)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)


def _make_key(record: Record, account: str, account_name: str) -> _Key:
    return _Key(
        id=record["id"],
        name=record["description"] or record["id"],
        account=account,
        account_name=account_name,
        permissions=frozenset(record["permissions"]),
        networks=tuple(parse_network(text) for text in record["allowedIps"]),
        expires_at=record["expiresAt"],
        last_used_at=record["lastUsedAt"],
    )
