"""The outermost layer: every request gets an id, every answer its headers, a figure and a line in the log."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Sequence
from http import HTTPStatus
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jmap_oauth.http.authentication import RETRY_SECONDS
from jmap_oauth.http.exchange import CLIENT_CLOSED, IS_LOST, Exchange, begin_exchange
from jmap_oauth.http.logs import log_exchange
from jmap_oauth.http.metrics import Metrics
from jmap_oauth.http.problems import Problem, make_problem, render

_log = logging.getLogger(__name__)

# For whatever does not say otherwise: nothing is kept, nothing is run, and no other site gets at it, not even by
# embedding what it cannot read.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_HEADERS_OVER_TLS = (*_HEADERS, (b"strict-transport-security", b"max-age=31536000"))
_NAMES = frozenset(name for name, _ in _HEADERS_OVER_TLS)


class Edge:
    """The outermost ASGI application: it begins each exchange, passes it on, and ends it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, access_log: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = begin_exchange(scope)
        complete = _completing(exchange, _HEADERS_OVER_TLS if scope["scheme"] == "https" else _HEADERS, send)
        self._metrics.in_flight += 1
        try:
            await self._app(scope, receive, complete)
        except asyncio.CancelledError:  # the server stops, and has waited for this one as long as it may
            if not exchange.has_begun:
                await render(_stopping())(scope, receive, complete)
            raise
        except Exception:
            problem = _report()
            if not exchange.has_begun:  # else the server notices that the end is missing, and closes the connection
                await render(problem)(scope, receive, complete)
        finally:
            self._end(exchange, scope)

    def _end(self, exchange: Exchange, scope: Scope) -> None:
        self._metrics.in_flight -= 1
        if IS_LOST in scope.get("state", ()) and not exchange.is_stream:  # a stream ends in no other way
            exchange.status = CLIENT_CLOSED
        seconds = perf_counter() - exchange.started
        self._metrics.observe(exchange, seconds)
        if self._access_log:
            log_exchange(exchange, scope["method"], scope["path"], seconds)


def _completing(exchange: Exchange, headers: Sequence[tuple[bytes, bytes]], send: Send) -> Send:
    """Return what sends an answer on with these headers, unless it has others, and notes how it went."""

    def send_complete(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            exchange.has_begun = True
            exchange.status = message["status"]
            given = dict(message["headers"])
            added = headers if _NAMES.isdisjoint(given) else [each for each in headers if each[0] not in given]
            own = (b"x-request-id", exchange.request_id.encode())
            message = {**message, "headers": [*message["headers"], *added, own]}
        else:
            exchange.size += len(message.get("body", b""))
        return send(message)

    return send_complete


def _report() -> Problem:
    report = secrets.token_hex(8)
    _log.exception("Request failed, report %s", report, extra={"report": report})
    return make_problem(HTTPStatus.INTERNAL_SERVER_ERROR, f"Something went wrong here; report {report}.")


def _stopping() -> Problem:
    detail = "The server stopped before this was answered; whether it was done is not known."
    return make_problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, [("retry-after", str(RETRY_SECONDS))])
