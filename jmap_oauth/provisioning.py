"""Provisioning: tenants and clients that a file says shall be there, made or changed at every start.

A tenant is known by its `name`, a client by its `clientId`. What the file does not name is left as it is, and what is
as it says already is not touched. It goes by the same /set as everyone's changes, so all rules hold.

Owns: what the file may say, where its secrets come from.
Does not own: what makes a client valid, how it is kept.
May import: protocol, model, store.interface, methods, objects, config; msgspec.
"""

from __future__ import annotations

import difflib
import logging
import os
import stat
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from jmap_oauth.config import SettingsError, read_toml
from jmap_oauth.methods.set import SetObjects, SetResponse
from jmap_oauth.model.definition import GLOBAL, MASK, Model, ObjectType, Property, Record
from jmap_oauth.model.kinds import Invalid, SetOf, now
from jmap_oauth.model.query import AnyOf, Comparator, Condition, Query, Test, Window
from jmap_oauth.objects.oauth_client_rules import WITH_SECRET
from jmap_oauth.objects.oauth_client_secret import EXPIRED, STATUS, secrets_of
from jmap_oauth.protocol.errors import MethodError, MethodErrorType, SetErrorType
from jmap_oauth.store.interface import Reader, Store

ACTOR = "provisioning"

_TABLES = {"tenant": ("Tenant", "name"), "client": ("OAuthClient", "clientId")}
_ATTEMPTS = 5
_MAX_SECRET = 4_096

logger = logging.getLogger(__name__)

Matching = Callable[[str, Collection[str]], Awaitable[Collection[str]]]
"""Returns those of some hashes that are the hash of a text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object that shall be there: `key` is what it is known by, `place` where the file speaks of it, for errors."""

    key: str
    place: str
    values: dict[str, Any] = field(repr=False)

    def mistake(self, what: str) -> SettingsError:
        return SettingsError(f"{self.place}: {what}")


class Provisioning:
    """A file, and the store that it is for, which is changed through `set_objects`."""

    def __init__(self, file: Path, model: Model, store: Store, set_objects: SetObjects, matching: Matching) -> None:
        self._file = file
        self._model = model
        self._store = store
        self._set_objects = set_objects
        self._matching = matching

    async def apply(self) -> None:
        """Make tenants and clients be what the file says; on a mistake in one of them, others may be there already.

        Raises:
            SettingsError: the file cannot be used, or says what is refused; names file, object and property.
            Unavailable: the database cannot answer now.
        """
        tables, _ = read_toml(self._file)
        if strange := sorted(tables.keys() - _TABLES.keys()):
            raise self._mistake(f"{strange[0][:255]!r} is neither [[tenant]] nor [[client]]")
        tenants, clients = ([*self._entries(name, tables.get(name, []))] for name in _TABLES)
        await self._apply("Tenant", "name", tenants)
        _require_secrets(clients)
        await self._name_tenants(clients)
        await self._apply("OAuthClient", "clientId", clients)

    def _mistake(self, what: str) -> SettingsError:
        return SettingsError(f"{self._file}: {what}")

    def _entries(self, table: str, given: object) -> Iterator[Entry]:
        """Yield what the tables of one name say, each with the values that /set takes."""
        type, key = self._model[_TABLES[table][0]], _TABLES[table][1]
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise self._mistake(f"write [[{table}]], once for each {table}")
        seen = set()
        for number, each in enumerate(given, 1):
            try:
                name = type.by_name[key].parse(each.get(key))
            except Invalid as invalid:
                raise self._mistake(f"{table} number {number}: {key} {invalid}") from None
            entry = Entry(name, f"{self._file}: {table} {name!r}", {})
            if name in seen:
                raise entry.mistake(f"it is there twice, the second time as number {number}")
            seen.add(name)
            entry.values.update(_values(type, entry, each, self._file.parent))
            yield entry

    async def _name_tenants(self, clients: Sequence[Entry]) -> None:
        """Replace the names of tenants, by which the file knows them, by their ids."""
        named = [entry for entry in clients if "tenant" in entry.values]
        _, found = await self._find("Tenant", "name", {entry.values["tenant"] for entry in named})
        for entry in named:
            if "memberTenantId" in entry.values:
                raise entry.mistake("name either tenant or memberTenantId")
            if entry.values["tenant"] not in found:
                raise entry.mistake("tenant: there is none of that name")
            entry.values["memberTenantId"] = found[entry.values.pop("tenant")]["id"]

    async def _apply(self, type_name: str, key: str, entries: Sequence[Entry]) -> None:
        """Create what is not there and patch the rest, again if another process was quicker to create it."""
        for _ in range(_ATTEMPTS if entries else 0):
            state, found = await self._find(type_name, key, {entry.key for entry in entries})
            create = {f"n{number}": entry for number, entry in enumerate(entries) if entry.key not in found}
            update = {found[entry.key]["id"]: entry for entry in entries if entry.key in found}
            arguments: dict[str, Any] = {
                "create": {id: entry.values for id, entry in create.items()},
                "update": {id: await self._patch(entry, found[entry.key]) for id, entry in update.items()},
            }
            if create and not self._model[type_name].by_name[key].unique:
                arguments["ifInState"] = state
            try:
                answer = await self._set_objects(ACTOR, type_name, arguments)
            except MethodError as error:
                if error.type is MethodErrorType.STATE_MISMATCH:
                    continue
                raise self._mistake(error.description) from None
            if not _is_to_be_repeated(answer, create, update):
                return
        if entries:
            raise self._mistake("other processes change the same objects all the time")

    async def _patch(self, entry: Entry, there: Record) -> dict[str, Any]:
        """Return what an object that is there shall get: not the secret of the file, if it has one already.

        That one may be newer: to give back what was replaced since would revive a secret that perhaps leaked.
        """
        plain = entry.values.get("secret")
        if plain is None or there["secret"] is None:
            return entry.values
        if not await self._is_secret(there["id"], plain):
            logger.warning("%s: it has another secret than the file says, and keeps it", entry.place)
        return {**entry.values, "secret": MASK}

    async def _is_secret(self, client_id: str, plain: str) -> bool:
        """Tell whether a text is one of the secrets of a client that have not ended."""
        type, at = self._model["OAuthClientSecret"], now()

        async def work(reader: Reader) -> Collection[str]:
            secrets = await secrets_of(reader, type, client_id)
            return [hash for secret, hash in secrets if STATUS.of(secret, at) != EXPIRED]

        return bool(await self._matching(plain, [*await self._store.read(work)]))

    async def _find(self, type_name: str, key: str, keys: set[str]) -> tuple[str, Mapping[str, Record]]:
        """Return the state of a type, and the objects that are known by these keys.

        Raises:
            SettingsError: two objects have one key.
        """
        type = self._model[type_name]
        conditions = [Condition(type.by_name[key], Test.EQUAL, each) for each in sorted(keys)]
        # With one more than there are keys, what is there twice shows.
        query = Query(AnyOf(conditions), [Comparator(None, ascending=True)], Window(limit=len(keys) + 1))

        async def work(reader: Reader) -> tuple[str, list[Record]]:
            page = await reader.query(type, GLOBAL, query)
            return await reader.state(type, GLOBAL), await reader.get(type, GLOBAL, page.ids)

        state, records = await self._store.read(work)
        found: dict[str, Record] = {}
        for record in records:
            if found.setdefault(record[key], record) is not record:
                raise self._mistake(f"there are several {type.plural} with the {key} {record[key]!r}")
        return state, found


def _require_secrets(clients: Sequence[Entry]) -> None:
    """Refuse what would have the server make a secret: it shows it to whoever asks, and here nobody does."""
    for entry in clients:
        if entry.values.get("tokenEndpointAuthMethod") in WITH_SECRET and "secret" not in entry.values:
            raise entry.mistake("secret is missing, which its tokenEndpointAuthMethod needs")


def _is_to_be_repeated(answer: SetResponse, create: Mapping[str, Entry], update: Mapping[str, Entry]) -> bool:
    """Tell whether others have made in the meantime what was to be created.

    Raises:
        SettingsError: something was refused.
    """
    again = False
    for id, error in {**(answer.not_created or {}), **(answer.not_updated or {})}.items():
        entry = create.get(id) or update[id]
        if error.type is SetErrorType.PRIMARY_KEY_VIOLATION or error.type is SetErrorType.NOT_FOUND:
            again = True
        else:
            raise entry.mistake(error.description or error.type.value)
    return again


def _values(type: ObjectType, entry: Entry, given: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield the properties that a table names, as /set takes them."""
    known = {each.name: each for each in type.properties if not (each.hidden or each.server_set)}
    if "isProtected" in known:
        yield "isProtected", True
    for name, value in given.items():
        if name == "tenant" and isinstance(value, str) and "memberTenantId" in known:
            yield name, value
        elif name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise entry.mistake(f"{name[:255]!r} is no property that can be given{hint}")
        elif known[name].secret:
            yield name, _secret(entry, name, value, folder)
        else:
            yield name, _as_json(known[name], value)


def _as_json(each: Property, value: Any) -> Any:
    """Return what a request would hold: dates as texts, and for a set, which TOML has as an array, an object."""
    plain = msgspec.json.decode(msgspec.json.encode(value))
    if isinstance(each.kind, SetOf) and isinstance(plain, list) and all(isinstance(member, str) for member in plain):
        return dict.fromkeys(plain, True)
    return plain


def _secret(entry: Entry, name: str, given: Any, folder: Path) -> str:
    """Return a secret from where the file says that it is; the file itself would be read by too many."""
    match given:
        case {"env": str() as variable, **rest} if not rest:
            origin, text = f"the variable {variable[:255]!r}", os.environ.get(variable, "")
        case {"file": str() as path, **rest} if not rest:
            origin, text = f"the file {path[:255]!r}", _read_secret(entry, name, folder / path)
        case _:
            raise entry.mistake(f'{name} must be {{env = "NAME"}} or {{file = "path"}}, never the secret itself')
    if not text:
        raise entry.mistake(f"{name}: {origin} is empty or not there")
    if text == MASK:
        raise entry.mistake(f"{name}: {origin} holds {MASK}, which is no secret, but stands for one")
    return text


def _read_secret(entry: Entry, name: str, path: Path) -> str:
    """Read a file that holds a secret and perhaps an end of line. One that is open to all users is worth a warning.

    Not more than that: secrets that Docker and Kubernetes mount are so.
    """
    try:
        with path.open("rb") as opened:
            mode, content = os.fstat(opened.fileno()).st_mode, opened.read(_MAX_SECRET + 1)
        text = content.decode()
    except OSError as error:
        raise entry.mistake(f"{name}: {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise entry.mistake(f"{name}: {path} is no text in UTF-8, or its path is none") from None
    if len(content) > _MAX_SECRET:
        raise entry.mistake(f"{name}: {path} is larger than {_MAX_SECRET} bytes")
    if mode & stat.S_IRWXO and os.name == "posix":
        logger.warning("%s: %s: %s is open to all users: chmod o= would keep it", entry.place, name, path)
    return text.removesuffix("\n").removesuffix("\r")
