"""API keys that nobody who has one asked for: by the command line, at the first start, by the setting `admin_key`.

Owns: when the server makes a key, or takes one away, by itself.
Does not own: what a key may be, and how it is kept.
May import: protocol, model, store.interface, access, methods.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jmap_oauth.access.hashing import digest
from jmap_oauth.methods.set import SetObjects
from jmap_oauth.model.definition import GLOBAL, ObjectType, Record
from jmap_oauth.protocol.errors import MethodError, MethodErrorType, SetError
from jmap_oauth.store.interface import Reader, Store

_ADMIN_KEY = "admin_key"
_ATTEMPTS = 10

logger = logging.getLogger(__name__)


class CommandError(Exception):
    """A command was refused; the sentence says why."""


@dataclass(frozen=True, slots=True)
class FirstKey:
    """An API key that was made just now, with its secret, which cannot be seen again."""

    id: str
    secret: str


class Bootstrap:
    """Makes keys in a store, which is changed through `set_objects`; an administrator's has all `permissions`."""

    def __init__(
        self, store: Store, key_type: ObjectType, permissions: Collection[str], set_objects: SetObjects
    ) -> None:
        self._store = store
        self._key_type = key_type
        self._all_permissions = dict.fromkeys(sorted(permissions), True)
        self._set_objects = set_objects

    async def create_key(self, actor: str, given: Mapping[str, Any], state: str | None = None) -> FirstKey:
        """Create an API key, given a `state` only if that of all keys is still the same.

        Raises:
            CommandError: it was refused.
            MethodError: the state is another one.
        """
        answer = await self._set_objects(actor, self._key_type.name, {"create": {"key": given}, "ifInState": state})
        _raise_refusal(answer.not_created)
        created = (answer.created or {})["key"]
        return FirstKey(created["id"], created.get("secret", ""))

    async def create_first_key(self) -> FirstKey | None:
        """Create an administrator's key, unless there ever was any key: of processes that start at once, one does.

        Raises:
            CommandError: it was refused.
        """

        async def work(reader: Reader) -> tuple[str, Mapping[str, str]]:
            return await reader.state(self._key_type, GLOBAL), (await reader.states([GLOBAL]))[GLOBAL]

        state, ever_changed = await self._store.read(work)
        if self._key_type.name in ever_changed:
            return None
        given = {"description": "Administrator", "permissions": self._all_permissions}
        return await self._create_key_in(state, given)

    async def warn_without_keys(self) -> None:
        """Say so in the log when there is no API key at all: nobody could get in."""
        if not await self._store.read(lambda reader: reader.count(self._key_type, GLOBAL)):
            logger.warning("There is no API key, so nobody can get in; jmap-oauth api-key create makes one")

    async def apply_admin_key(self, secret: str | None) -> None:
        """Make the key of the setting `admin_key` be what the setting says: there, replaced, or gone.

        Other processes may do the same at once, so it is done again while keys change meanwhile.

        Raises:
            CommandError: another key has this secret, or keys change all the time.
        """
        for _ in range(_ATTEMPTS):
            if await self._set_admin_key(secret):
                return
        raise CommandError("admin_key: other processes change API keys all the time.")

    async def _set_admin_key(self, secret: str | None) -> bool:
        state, ours, holders = await self._find_admin_keys([] if secret is None else [digest(secret)])
        if secret is None:
            if ours:
                await self._set_objects("system", self._key_type.name, {"destroy": [key["id"] for key in ours]})
            return True
        if any(key["origin"] != _ADMIN_KEY for key in holders):
            raise CommandError("admin_key: another API key has this secret already; choose another text.")
        values = {
            "secret": secret, "permissions": self._all_permissions,
            "allowedIps": {}, "expiresAt": None, "origin": _ADMIN_KEY,
        }  # fmt: skip
        if ours:
            await self._set_objects("system", self._key_type.name, {"update": {ours[0]["id"]: values}})
            return True
        made = await self._create_key_in(state, {"description": "Administrator (setting admin_key)", **values})
        return made is not None

    async def _find_admin_keys(self, digests: Sequence[str]) -> tuple[str, Sequence[Record], Sequence[Record]]:
        """Return the state of all keys, those of the setting, and those of whose secrets these are the digests."""
        origin, secret = self._key_type.by_name["origin"], self._key_type.by_name["secret"]

        async def work(reader: Reader) -> tuple[str, Sequence[Record], Sequence[Record]]:
            ours = await reader.find(self._key_type, origin, [_ADMIN_KEY])
            holders = await reader.find(self._key_type, secret, digests)
            return await reader.state(self._key_type, GLOBAL), ours, holders

        return await self._store.read(work)

    async def _create_key_in(self, state: str, given: Mapping[str, Any]) -> FirstKey | None:
        """Create a key if the state of all keys is still this one."""
        try:
            return await self.create_key("system", given, state)
        except MethodError as error:
            if error.type is not MethodErrorType.STATE_MISMATCH:
                raise
            return None


def _raise_refusal(refused: Mapping[str, SetError] | None) -> None:
    for error in (refused or {}).values():
        raise CommandError(error.description or error.type.value)
