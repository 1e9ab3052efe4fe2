"""Whether a client, its secret and what it asks for are good: what a mail server's backend has to know.

Asked by `x:OAuthClient/authenticate`, and in Python by `jmap_oauth.open_registry`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from jmap_oauth.access.hashing import SlowHasher
from jmap_oauth.access.policy import has_permission
from jmap_oauth.access.proven import Proven
from jmap_oauth.access.usage import Usage
from jmap_oauth.methods.call import AccountArguments, principal_of, read_arguments, require
from jmap_oauth.model.definition import GLOBAL, Model, Record
from jmap_oauth.model.ids import NOBODY
from jmap_oauth.model.kinds import now
from jmap_oauth.objects.oauth_client import AUTHENTICATE
from jmap_oauth.objects.oauth_client import STATUS as CLIENT_STATUS
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.objects.oauth_client_rules import WITH_SECRET
from jmap_oauth.objects.oauth_client_secret import STATUS, secrets_of
from jmap_oauth.objects.redirects import is_registered
from jmap_oauth.protocol.dispatch import Call, Method
from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.store.interface import Changes, Reader, Saved, Store, Unavailable, Writer

_log = logging.getLogger(__name__)

METHOD: Final = "x:OAuthClient/authenticate"

_PRIVATE = frozenset({"secret", "metadata", "owner", "createdBy", "updatedBy"})
"""Properties that are between a client's administrators, and not told to those who only ask whether it is good."""

Value = Annotated[str, Meta(max_length=2_048)]


class AuthenticateArguments(AccountArguments, frozen=True, kw_only=True):
    """What a backend asks: about whom, and whichever of the others it has to decide about."""

    client_id: Value
    secret: Annotated[str, Meta(max_length=1_024)] | None = None
    redirect_uri: Value | None = None
    grant_type: Value | None = None
    scopes: dict[str, bool | None] | list[str] | None = None
    origin: Value | None = None

    def __repr__(self) -> str:
        """Leave the secret out: representations get into logs and tracebacks."""
        return f"AuthenticateArguments(client_id={self.client_id!r})"


class AuthenticateResponse(Struct, frozen=True, rename="camel", kw_only=True):
    """`error` is null if all is good, else the name of an error of RFC 6749 sections 4.1.2.1 and 5.2.

    `authenticated` is true only if a secret was given and is the client's: without one, anybody may have asked.
    """

    account_id: str
    error: str | None = None
    description: str | None = None
    authenticated: bool = False
    client: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A client with its secrets, each with its hash, as they were when the store had this version."""

    version: str
    client: Record
    public: Mapping[str, Any]
    secrets: Sequence[tuple[Record, str]]

    def is_same(self, other: _Known) -> bool:
        return (self.client, self.secrets) == (other.client, other.secrets)


class _Refused(Exception):
    """The question is answered with an error."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class Registry:
    """Answers about clients.

    All refusals of a client or a secret are one answer, and cost one Argon2id run if a secret was given, however many
    the client has, and if there is no such client: they share a salt. Only imported hashes cost a run each, until
    their first use, and so do hashes from before a change of the settings.

    Clients that were read are remembered until the store tells that anything of these types changed; which secret is
    the one behind a hash is a fact that stays true, and `proven` knows it for a while. Refusals are not remembered.
    """

    def __init__(
        self,
        store: Store,
        model: Model,
        hasher: SlowHasher,
        clients: Usage,
        secrets: Usage,
        *,
        capacity: int = 10_000,
        clock: Callable[[], str] = now,
    ) -> None:
        self._store = store
        self._client_type, self._secret_type = model["OAuthClient"], model["OAuthClientSecret"]
        self._watched = (self._client_type, self._secret_type, model["Tenant"])
        self._by_client_id = self._client_type.by_name["clientId"]
        self._hashed = self._secret_type.by_name["secret"]
        self._public = ["id", *(self._client_type.visible(frozenset({METADATA})).keys() - _PRIVATE)]
        self._hasher = hasher
        self._used = {self._client_type.name: clients, self._secret_type.name: secrets}
        self._capacity = capacity
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._proven = Proven()
        self._rehashing: set[asyncio.Task[None]] = set()
        self.refusals: Counter[str] = Counter()
        """How often something was refused, by the name of the error."""

    async def authenticate(self, account: str, asked: AuthenticateArguments) -> AuthenticateResponse:
        """Say whether a client of an account is good for what is asked, in the order client, secret, grant, redirect,
        scopes, origin.

        Raises:
            Unavailable: the store cannot tell now.
        """
        try:
            return await self._decide(account, asked)
        except _Refused as refused:
            self.refusals[refused.error] += 1
            return AuthenticateResponse(account_id=account, error=refused.error, description=refused.description)

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._rehashing)

    async def _decide(self, account: str, asked: AuthenticateArguments) -> AuthenticateResponse:
        """Decide by what is remembered; where that may be late, refuse only by what the store says itself.

        Else a secret that another process made a moment ago would not be good yet, and to rotate would be an outage.
        """
        at = self._clock()
        remembered = await self._remembered(asked.client_id)
        known = remembered or await self._look_up(asked.client_id)
        try:
            return await self._check(known, account, asked, at)
        except _Refused:
            latest = await self._look_up(asked.client_id) if remembered and self._store.lag else known
            if latest is None or known is None or latest.is_same(known):
                raise
        return await self._check(latest, account, asked, at)

    async def _check(
        self, known: _Known | None, account: str, asked: AuthenticateArguments, at: str
    ) -> AuthenticateResponse:
        if known and account not in (GLOBAL, self._client_type.account_of(known.client)):
            known = None
        secret = await self._check_secret(known, asked.secret, at)
        good = self._check_client(known, at)
        for refusal in _refusals(good.client, asked):
            raise refusal
        self._note(good.client, secret, at)
        return AuthenticateResponse(account_id=account, authenticated=secret is not None, client=good.public)

    def _check_client(self, known: _Known | None, at: str) -> _Known:
        if known is None or not CLIENT_STATUS.is_good(known.client, at):
            raise _unknown()
        return known

    async def _check_secret(self, known: _Known | None, plain: str | None, at: str) -> Record | None:
        """Return the secret that was given; None if none was.

        Raises:
            _Refused: it is none of the client's that are valid now.
        """
        if plain is None:
            return None
        valid = dict(self._valid_secrets(known, at))
        proven = self._proven.find(plain, valid)
        matching = {proven} if proven else await self._hasher.matching(plain, [*valid] or [self._hasher.nobodys])
        found = next((hash for hash in valid if hash in matching), None)
        if known is None or found is None:
            raise _unknown()
        self._proven.add(plain, found)
        salt = self._hasher.salt([hash for _, hash in known.secrets])
        if not self._hasher.is_like(found, salt):
            self._rehash(valid[found], found, plain, salt)
        return valid[found]

    def _valid_secrets(self, known: _Known | None, at: str) -> Iterator[tuple[str, Record]]:
        """Yield the secrets that are valid now, by their hashes; none of a client that may not use one."""
        if known is None or not CLIENT_STATUS.is_good(known.client, at):
            return
        if known.client["tokenEndpointAuthMethod"] in WITH_SECRET:
            for secret, hash in known.secrets:
                if STATUS.is_good(secret, at):
                    yield hash, secret

    async def _version(self) -> str:
        return await self._store.version(*self._watched, fresh=True)

    async def _remembered(self, client_id: str) -> _Known | None:
        """Return a client that was read before, if nothing has changed since."""
        known = self._known.get(client_id)
        return known if known is not None and known.version == await self._version() else None

    async def _look_up(self, client_id: str) -> _Known | None:
        """Return a client as it is now, and remember it."""
        version = await self._version()
        known = await self._store.read(lambda reader: self._read(reader, version, client_id), brief=True)
        self._known.pop(client_id, None)
        if known is not None:
            self._known[client_id] = known
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        return known

    async def _read(self, reader: Reader, version: str, client_id: str) -> _Known | None:
        found = await reader.find(self._client_type, self._by_client_id, [client_id])
        secrets = await secrets_of(reader, self._secret_type, found[0]["id"] if found else NOBODY)
        if not found:
            return None
        return _Known(version, found[0], {name: found[0][name] for name in self._public}, secrets)

    def _note(self, client: Record, secret: Record | None, at: str) -> None:
        """Note a use. A client that has to authenticate was not used by who only asks about it."""
        if secret is not None or client["tokenEndpointAuthMethod"] not in WITH_SECRET:
            self._used[self._client_type.name].note(client["id"], client["lastUsedAt"], at)
        if secret is not None:
            self._used[self._secret_type.name].note(secret["id"], secret["lastUsedAt"], at)

    def _rehash(self, secret: Record, hash: str, plain: str, salt: str) -> None:
        """Make a hash anew with the salt of the others, without keeping whoever asked waiting."""
        task = asyncio.create_task(self._replace_hash(secret["id"], hash, plain, salt))
        self._rehashing.add(task)
        task.add_done_callback(self._rehashing.discard)

    async def _replace_hash(self, id: str, hash: str, plain: str, salt: str) -> None:
        new = await self._hasher.hash(plain, salt)

        async def work(writer: Writer) -> None:
            present = await writer.hashes(self._secret_type, self._hashed, [id])
            if present.get(id) == hash:
                [record] = await writer.get(self._secret_type, GLOBAL, [id])
                saved = Saved(record, {self._hashed.name: new})
                await writer.apply(self._secret_type, Changes(updated=[(record, saved)]))

        try:
            await self._store.write(work)
        except Unavailable as reason:  # the next use tries again
            _log.warning("A hash waits for the store to be made anew: %s", reason)


def authenticate_method(registry: Registry) -> Mapping[str, Method]:
    """Return the method by its name, for the dispatcher."""

    async def run(call: Call) -> AuthenticateResponse:
        arguments = read_arguments(call, AuthenticateArguments)
        principal = principal_of(call)
        require(has_permission(principal, AUTHENTICATE))
        try:
            return await registry.authenticate(principal.account, arguments)
        except Unavailable as error:
            raise MethodError(MethodErrorType.SERVER_UNAVAILABLE, str(error)) from None

    # It writes dates of use, and it decides: a second secret that is hidden behind the first must not.
    return {METHOD: Method(run, frozenset({"urn:stalwart:jmap", METADATA}), writes=True)}


def _unknown() -> _Refused:
    """Return the one refusal for a client or a secret that is not good, whatever is wrong with it."""
    return _Refused("invalid_client", "The client is not known, or not valid, or its secret is wrong.")


def _refusals(client: Record, asked: AuthenticateArguments) -> Iterator[_Refused]:
    """Yield what a client that is good may not do of what is asked. Nothing said is read as RFC 7591 section 2 does."""
    if asked.grant_type is not None and asked.grant_type not in (client["grantTypes"] or ["authorization_code"]):
        yield _Refused("unauthorized_client", "The client may not use this grant.")
    if asked.redirect_uri is not None and not is_registered(asked.redirect_uri, client["redirectUris"]):
        yield _Refused("invalid_request", "The redirect URI is none of those registered for the client.")
    if any(scope not in client["scopes"] for scope in _present(asked.scopes)):
        yield _Refused("invalid_scope", "The client may not ask for one of these scopes.")
    if asked.origin is not None and asked.origin not in client["allowedCorsOrigins"]:
        yield _Refused("invalid_request", "The origin is none of those registered for the client.")


def _present(scopes: Mapping[str, bool | None] | Collection[str] | None) -> Collection[str]:
    """Return the scopes asked for, whether as the set that properties are, or as a list."""
    if isinstance(scopes, Mapping):
        return [scope for scope, is_present in scopes.items() if is_present]
    return scopes or ()
