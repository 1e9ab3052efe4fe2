"""The composition root: builds store, objects, access, methods and http from the settings, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import msgspec
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from jmap_oauth.access.hashing import Cost, SlowHasher
from jmap_oauth.access.imported import verifier
from jmap_oauth.access.keys import KeyRing
from jmap_oauth.access.policy import Policy, permissions_of
from jmap_oauth.access.principal import server_principal
from jmap_oauth.access.throttle import Throttle
from jmap_oauth.access.usage import DAY, HOUR, Usage
from jmap_oauth.bootstrap import Bootstrap, CommandError, FirstKey
from jmap_oauth.config import Settings
from jmap_oauth.database import open_store
from jmap_oauth.http.logs import configure_logging as configure_logs
from jmap_oauth.http.push import Streams
from jmap_oauth.http.routes import Services, create_http
from jmap_oauth.http.server import ON_STOP, bounded_protocol
from jmap_oauth.methods.blob import Blobs, blob_methods
from jmap_oauth.methods.call import Backing
from jmap_oauth.methods.pruning import Drop, Kept, Pruning, dropping_objects
from jmap_oauth.methods.register import standard_methods
from jmap_oauth.methods.set import SetResponse, handle_set
from jmap_oauth.methods.watch import ChangeWatch
from jmap_oauth.model.definition import GLOBAL, Action, Model
from jmap_oauth.objects import schema_document, served_types
from jmap_oauth.objects.audit_event import audit_events
from jmap_oauth.objects.registry import Registry, authenticate_method
from jmap_oauth.protocol.dispatch import Call, Dispatcher
from jmap_oauth.protocol.types import CORE, Limits
from jmap_oauth.provisioning import Provisioning
from jmap_oauth.store.interface import Store, Unavailable, Unusable

__all__ = [
    "Application",
    "CommandError",
    "FirstKey",
    "Server",
    "Unavailable",
    "Unusable",
    "configure_logging",
    "create_app",
    "protocol_class",
]

# What Stalwart's own clients always send beside the two that count; they add nothing here.
_TOLERATED = frozenset(
    f"urn:ietf:params:jmap:{name}"
    for name in ("blob", "mail", "calendars", "contacts", "principals", "sieve", "vacationresponse")
)
_PACKAGE = Path(__file__).parent


class Server:
    """Everything, built and wired over an open database."""

    def __init__(self, settings: Settings, model: Model, store: Store, hasher: SlowHasher) -> None:
        self.settings = settings
        self.model = model
        self.store = store
        self.key_type = model["ApiKey"]
        self.permissions = frozenset(permissions_of(model))
        self.capabilities = frozenset(
            name for type in model for name in (type.capability, *(each.capability for each in type.properties)) if name
        )
        self.limits = Limits(**{name: getattr(settings, name) for name in Limits.__struct_fields__})
        self.policy = Policy(model, self.key_type)
        self.backing = Backing(model, store, self.policy, hasher, self.limits, audit_events)
        self.blobs = Blobs(store, settings.blob_lifetime, max(settings.max_blob_bytes, settings.max_size_upload))
        self.usages = keys, clients, secrets = (
            self._usage_of("ApiKey"), self._usage_of("OAuthClient"), self._usage_of("OAuthClientSecret", HOUR),
        )  # fmt: skip
        self.registry = Registry(store, model, hasher, clients, secrets)
        methods = {
            **standard_methods(self.backing),
            **blob_methods(self.blobs, self.policy, self.limits),
            **authenticate_method(self.registry),
        }
        self.dispatcher = Dispatcher(methods, frozenset({CORE, *self.capabilities, *_TOLERATED}), self.limits)
        self.pruning = Pruning(
            store,
            [
                Kept("changes", settings.keep_changes_days, store.prune),
                Kept("audit events", settings.keep_audit_days, self._dropping("AuditEvent", "at")),
                Kept("secrets", settings.keep_expired_secrets_days, self._dropping("OAuthClientSecret", "expiresAt")),
            ],
        )
        throttle = Throttle(burst=settings.max_failed_logins, seconds=60 / settings.max_failed_logins_per_minute)
        self.keys = KeyRing(store, self.key_type, model["Tenant"], throttle, keys)
        self.streams = Streams(ChangeWatch(model, store, self.policy), self.keys)
        self.bootstrap = Bootstrap(store, self.key_type, self.permissions, self.set_objects)

    @asynccontextmanager
    async def serving(self, *, applied: bool = False) -> AsyncIterator[None]:
        """Apply `admin_key` and `provision`, unless they were `applied`, and work in the background until the end.

        Raises:
            Unavailable, CommandError, SettingsError: one cannot be applied.
        """
        if not applied:
            await self.bootstrap.apply_admin_key(self.settings.admin_key)
            if self.settings.provision:
                file, matching = Path(self.settings.provision), self.backing.hasher.matching
                await Provisioning(file, self.model, self.store, self.set_objects, matching).apply()
        background = [asyncio.create_task(each.run()) for each in (self.blobs, self.pruning, self.streams)]
        try:
            async with self.noting():
                yield
        finally:
            self.streams.close()
            self.blobs.close()
            self.pruning.close()
            await asyncio.gather(*background)

    @asynccontextmanager
    async def noting(self) -> AsyncIterator[None]:
        """Keep in the background what is noted of the use of keys, clients and secrets."""
        background = [asyncio.create_task(each.run()) for each in self.usages]
        try:
            yield
        finally:
            await self.registry.close()
            await asyncio.gather(*(each.close() for each in self.usages))
            await asyncio.gather(*background)

    def http(self) -> ASGIApp:
        """Build the edge."""
        return create_http(
            Services(
                dispatcher=self.dispatcher,
                keys=self.keys,
                policy=self.policy,
                blobs=self.blobs,
                streams=self.streams,
                limits=self.limits,
                capabilities={name: {} for name in sorted(self.capabilities)},
                schema=msgspec.json.encode(schema_document(self.model)),
                web=_PACKAGE / "web",
                ready=self.ready,
                client_refusals=lambda: self.registry.refusals,
                public_url=self.settings.public_url,
                cors_origins=self.settings.cors_origins,
                access_log=self.settings.access_log,
                max_event_streams=self.settings.max_event_streams,
            )
        )

    async def set_objects(self, actor: str, type_name: str, arguments: Mapping[str, Any]) -> SetResponse:
        """Change objects as the server itself, under the name of an actor, by the same /set as everyone."""
        every_action = frozenset(type.permission_for(action) for type in self.model for action in Action)
        principal = server_principal(actor, every_action)
        return await handle_set(
            self.backing, self.model[type_name], Call(dict(arguments), self.capabilities, principal, {})
        )

    def _dropping(self, type_name: str, date: str) -> Drop:
        """Return what destroys objects as the server itself, some time after one of their dates."""
        batch = self._at_once(100)

        async def destroy(ids: Sequence[str]) -> int:
            answer = await self.set_objects("system", type_name, {"destroy": ids})
            return len(answer.destroyed or ())

        return dropping_objects(self.store, self.model[type_name], date, destroy, batch)

    def _at_once(self, most: int) -> int:
        return min(most, self.limits.max_objects_in_set)

    async def ready(self) -> None:
        """Ask the database for something small.

        Raises:
            Unavailable: it does not answer.
        """
        await self.store.version(self.key_type)  # reads alone would go on for a while from a file that is gone
        await self.store.read(lambda reader: reader.states([GLOBAL]), brief=True)  # never remembered

    def _usage_of(self, type_name: str, precision: str = DAY) -> Usage:
        """Return what collects the dates of last use of a type, to be kept as a change by the server."""

        async def write(dates: Mapping[str, str]) -> None:
            update = {id: {"lastUsedAt": date} for id, date in dates.items()}
            await self.set_objects("system", type_name, {"update": update})

        return Usage(write, batch=self._at_once(500), precision=precision)


@asynccontextmanager
async def open_server(settings: Settings) -> AsyncIterator[Server]:
    """Open the database and build everything over it.

    Raises:
        DeclarationError: a declared type contradicts itself.
        Unusable, Unavailable: the database cannot be opened.
    """
    model = Model(served_types(frozenset(settings.redirect_uri_schemes)))
    cost = Cost(settings.argon2_memory, settings.argon2_time, settings.argon2_parallelism)
    store = await open_store(settings, model)
    with closing(SlowHasher(cost, concurrency=settings.hash_concurrency, verifier=verifier)) as hasher:
        try:
            yield Server(settings, model, store, hasher)
        finally:
            await store.close()


TRY_AGAIN = "try_again"
"""In the state of the lifespan, where the start failed for what may be over soon."""


class Application:
    """The server as an ASGI application. It serves while `running` is entered, which its lifespan does.

    `applied` says that `first_key` has applied the settings `admin_key` and `provision`: processes that serve together,
    and those that take the place of one that died, do not undo what was changed since.

    Where it is mounted in another application, nobody runs its lifespan, so that one's enters `running` itself.
    """

    def __init__(self, settings: Settings, *, applied: bool = False) -> None:
        self._settings = settings
        self._applied = applied
        self._http: ASGIApp | None = None
        self._streams: Streams | None = None
        self._lifespan = Router(lifespan=lambda _: self.running()).lifespan

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the end.

        Raises:
            DeclarationError, Unusable, Unavailable, CommandError, SettingsError: it cannot start.
        """
        async with open_server(self._settings) as server, server.serving(applied=self._applied):
            await server.bootstrap.warn_without_keys()
            self._http = server.http()
            self._streams = server.streams
            yield

    def end_streams(self) -> None:
        """End all event streams, for good: a server that stops waits for them, and leaves `running` only then."""
        if self._streams is not None:
            self._streams.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            state = scope.setdefault("state", {})
            state[ON_STOP] = self.end_streams
            try:
                await self._lifespan(scope, receive, send)
            except Unavailable:
                state[TRY_AGAIN] = True
                raise
        elif self._http is None:
            raise RuntimeError("The server was not started: enter `running`, or let the lifespan run.")
        else:
            await self._http(scope, receive, send)


def create_app(settings: Settings, *, applied: bool = False) -> Application:
    """Return the server as an ASGI application; `applied` as there."""
    return Application(settings, applied=applied)


def configure_logging(settings: Settings) -> None:
    """Send the logs of the process to standard error, in the form that the settings name."""
    configure_logs(settings.log_format, settings.log_level)


def protocol_class(settings: Settings) -> type[asyncio.Protocol]:
    """Return the HTTP protocol for uvicorn that keeps the limits of connections, headers and bodies."""
    return bounded_protocol(
        settings.max_header_bytes, settings.header_timeout, settings.body_timeout, settings.max_connections
    )
