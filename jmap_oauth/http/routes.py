"""Every route of the server, and what the edge needs of the rest of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from jmap_oauth.access.policy import Policy
from jmap_oauth.http.addresses import BaseUrl
from jmap_oauth.http.api import Api
from jmap_oauth.http.authentication import Gate, Keys
from jmap_oauth.http.blobs import Blobs, DownloadEndpoint, UploadEndpoint
from jmap_oauth.http.documents import AccountEndpoint, SchemaEndpoint
from jmap_oauth.http.edge import Edge
from jmap_oauth.http.eventsource import EventSource
from jmap_oauth.http.health import MetricsEndpoint, ReadyEndpoint, live
from jmap_oauth.http.metrics import Metrics
from jmap_oauth.http.pages import Pages
from jmap_oauth.http.problems import Problem, answer_error, make_problem, render
from jmap_oauth.http.push import Streams
from jmap_oauth.http.session import SessionEndpoint, Sessions
from jmap_oauth.protocol.dispatch import Dispatcher
from jmap_oauth.protocol.types import Limits

_API = ("/api", "/api/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the edge needs.

    `capabilities` maps each capability but core to its object in the Session; `schema` is the JSON of /api/schema;
    `web` the folder of the static files; `ready` raises Unavailable when the store does not answer;
    `client_refusals` tells how often clients were refused until now, by error.
    """

    dispatcher: Dispatcher
    keys: Keys
    policy: Policy
    blobs: Blobs
    streams: Streams
    limits: Limits
    capabilities: Mapping[str, object]
    schema: bytes
    web: Path
    ready: Callable[[], Awaitable[None]]
    client_refusals: Callable[[], Mapping[str, int]] = dict
    public_url: str | None = None
    cors_origins: Sequence[str] = ()
    access_log: bool = True
    max_event_streams: int = 100


def create_http(services: Services) -> ASGIApp:
    """Build the ASGI application. Nothing is shared between two of them."""
    metrics = Metrics(services.client_refusals)
    return Edge(_allow(services.cors_origins, _Endpoints(*_routes(services, metrics))), metrics, services.access_log)


class _Endpoints(Starlette):
    """Every endpoint. `POST /api` goes straight to its own, since what Starlette does on the way costs an eighth of it.

    The layer in which Starlette answers unexpected faults is left out, as the edge does.
    """

    def __init__(self, api: Api, routes: Sequence[Route]) -> None:
        super().__init__(routes=routes)
        self._api = api
        self.router.redirect_slashes = False  # it would repeat the Host header, whatever it holds

    def build_middleware_stack(self) -> ASGIApp:
        return ExceptionMiddleware(self.router, {Problem: answer_error, HTTPException: answer_error})

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if scope["type"] == "http" and scope["method"] == "POST" and _path(scope) in _API:
            return self._api(scope, receive, send)
        return super().__call__(scope, receive, send)


def _path(scope: Scope) -> str:
    """Return the path below that of an application in which this one is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _routes(services: Services, metrics: Metrics) -> tuple[Api, Sequence[Route]]:
    """Return the endpoint of the API, and the routes, among which it is for whatever comes by another method."""
    gate = Gate(services.keys, metrics)
    base_url = BaseUrl(services.public_url)
    sessions = Sessions(services.limits, services.capabilities, services.policy, base_url)
    api = Api(services.dispatcher, gate, sessions, services.limits)
    session = SessionEndpoint(gate, sessions)
    upload = UploadEndpoint(gate, services.blobs, services.policy, services.limits)
    download = DownloadEndpoint(gate, services.blobs, services.limits)
    schema = SchemaEndpoint(gate, services.schema, base_url)
    pages = Pages(services.web)
    push = Route("/jmap/eventsource", EventSource(gate, services.streams, metrics, services.max_event_streams))
    push.methods = {"GET"}  # Route itself would add HEAD, whose answer would never end
    return api, [
        *(Route(path, api, methods=["POST"]) for path in _API),
        Route("/jmap/session", session.get),
        Route("/.well-known/jmap", session.get),
        Route("/jmap/upload/{accountId}", upload, methods=["POST"]),
        Route("/jmap/upload/{accountId}/", upload, methods=["POST"]),
        Route("/jmap/download/{accountId}/{blobId}/{name:path}", download, methods=["GET"]),
        push,
        Route("/api/schema", schema.get),
        Route("/api/schema/{hash}", schema.get),
        Route("/api/account", AccountEndpoint(gate).get),
        Route("/healthz/live", live),
        Route("/healthz/ready", ReadyEndpoint(services.ready).get),
        Route("/metrics", MetricsEndpoint(gate, metrics).get),
        Route("/", pages.index),
        Route("/static/{path:path}", pages.get),
    ]


class _Cors(CORSMiddleware):
    """Refuses a preflight with a problem document too; Starlette alone sends plain text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code == HTTPStatus.OK:
            return response
        headers = [each for each in response.headers.items() if not each[0].startswith("content-")]
        return render(make_problem(HTTPStatus.BAD_REQUEST, "Scripts of this origin may not ask this.", headers))


def _allow(origins: Sequence[str], app: ASGIApp) -> ASGIApp:
    """Allow scripts of these origins to ask with a key of their own; never with what the browser has stored."""
    if not origins:
        return app
    return _Cors(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        expose_headers=["X-Request-Id", "Retry-After"],
    )
