"""An edge over a dispatcher with methods that need no store, and keys that stand in a table."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from jmap_oauth.access.keys import Refusal
from jmap_oauth.access.policy import METRICS, Policy
from jmap_oauth.access.principal import Principal
from jmap_oauth.http.push import Streams
from jmap_oauth.http.routes import Services, create_http
from jmap_oauth.http.server import bounded_protocol
from jmap_oauth.methods.blob import Blobs
from jmap_oauth.protocol.dispatch import Call, Dispatcher, Method
from jmap_oauth.protocol.types import CORE, Limits
from jmap_oauth.store.interface import Unavailable
from jmap_oauth.store.sqlite import SqliteStore
from tests.http.patience import count_only_idle_time
from tests.support.stores import SQLITE_MIGRATIONS
from tests.support.widget import CAPABILITY, WIDGET, make_model

KEY = "key-MARKER-of-ada"
READER = "key-MARKER-of-rob"
COLLEAGUE = "key-MARKER-of-bob"
TEAM_KEY = "key-MARKER-of-tom"
CLIENT_IP = "192.0.2.7"
BASE = "http://widgets.example"
SCHEMA = b'{"objects":{}}'

PRINCIPALS = {
    KEY: Principal(id="k1", name="Ada", permissions=frozenset({"sysWidgetGet", "sysWidgetCreate", METRICS})),
    READER: Principal(
        id="k2", name="Rob", account="t1", account_name="Team One", permissions=frozenset({"sysWidgetGet"})
    ),
    COLLEAGUE: Principal(id="k3", name="Bob", permissions=frozenset({"sysWidgetCreate"})),
    TEAM_KEY: Principal(
        id="k4", name="Tom", account="t1", account_name="Team One", permissions=frozenset({"sysWidgetUpdate"})
    ),
}

LIMITS = Limits(max_size_request=1000, max_concurrent_requests=2)

JSON = {"content-type": "application/json"}


def bearer(key: str = KEY) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def request_of(*calls: tuple[str, Mapping[str, Any], str]) -> dict[str, Any]:
    return {"using": [CORE], "methodCalls": list(calls)}


ECHO = request_of(("Core/echo", {"hello": True}, "c1"))


@dataclass
class KeyTable:
    """Recognises some keys; `out_of_order` raises Unavailable, `throttled` refuses all others with 429."""

    out_of_order: bool = False
    throttled: bool = False
    revoked: set[str | None] = field(default_factory=set)
    principals: dict[str, Principal] = field(default_factory=lambda: dict(PRINCIPALS))
    asked: list[tuple[str | None, str, str]] = field(default_factory=list)

    async def admit(self, token: str | None, remote_ip: str, request_id: str) -> Principal | Refusal:
        self.asked.append((token, remote_ip, request_id))
        if self.out_of_order:
            raise Unavailable
        known = self.principals.get(token or "")
        if known is None or token in self.revoked:
            return Refusal(retry_after=17 if self.throttled else None)
        return known._replace(remote_ip=remote_ip, request_id=request_id)


@dataclass
class StateTable:
    """Tells of the states that stand in it, by account and type; `out_of_order` raises Unavailable."""

    table: dict[str, dict[str, str]] = field(default_factory=dict)
    out_of_order: bool = False
    reads: list[Sequence[str]] = field(default_factory=list)

    async def version(self) -> object:
        if self.out_of_order:
            raise Unavailable
        return repr(self.table)

    async def states(self, accounts: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        self.reads.append(accounts)
        return {account: dict(self.table.get(account, {})) for account in accounts}

    def readable(self, principal: Principal) -> Sequence[str]:
        return ["Team", "Widget"] if principal.id == "k1" else ["Widget"]


def unopened_blobs() -> Blobs:
    """Return blobs whose store is not open, so that it answers nothing."""
    return Blobs(SqliteStore(Path("unopened.db"), make_model(), SQLITE_MIGRATIONS), hours=24, quota=100_000)


@dataclass
class World:
    """Everything of one edge that a test looks at or turns."""

    keys: KeyTable = field(default_factory=KeyTable)
    states: StateTable = field(default_factory=StateTable)
    blobs: Blobs = field(default_factory=unopened_blobs)
    limits: Limits = LIMITS
    web: Path = Path("no-folder")  # of static files, all of which every edge compresses
    ready_fault: Exception | None = None
    started: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    release: asyncio.Event = field(default_factory=asyncio.Event)
    callers: list[Principal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.streams = Streams(self.states, self.keys)

    def app(self, **settings: Any) -> ASGIApp:
        methods = {"Test/wait": Method(self._wait), "Test/who": Method(self._who)}
        services = Services(
            dispatcher=Dispatcher(methods, frozenset({CORE, CAPABILITY}), self.limits),
            keys=self.keys,
            policy=Policy(make_model(), WIDGET),
            streams=self.streams,
            blobs=self.blobs,
            limits=self.limits,
            capabilities={CAPABILITY: {"size": 3}},
            schema=SCHEMA,
            web=self.web,
            ready=self._ready,
        )
        return create_http(replace(services, **settings))

    async def _wait(self, call: Call) -> object:
        self.started.release()
        await self.release.wait()
        return {}

    async def _who(self, call: Call) -> object:
        self.callers.append(call.caller)
        return {}

    async def _ready(self) -> None:
        if self.ready_fault:
            raise self.ready_fault


def connect(app: ASGIApp, base_url: str = BASE) -> httpx.AsyncClient:
    """Return a client of an application in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, client=(CLIENT_IP, 1)), base_url=base_url)


@asynccontextmanager
async def serve(
    app: ASGIApp, *, body_timeout: float = 30, max_connections: int = 10_000, stop_timeout: int | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Run an application under uvicorn on a free port of the loopback address; gives (host, port)."""
    count_only_idle_time()
    http = bounded_protocol(65_536, 10, body_timeout, max_connections)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, http=http, lifespan="off", timeout_graceful_shutdown=stop_timeout)
        )
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await running
