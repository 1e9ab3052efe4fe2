"""`POST /api` (RFC 8620 section 3): the path that nearly every request takes.

It speaks ASGI itself, and is asked by the edge past all routes (see `routes`): what Starlette puts between would take a
third of the time of a small request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from jmap_oauth.access.principal import Principal
from jmap_oauth.http.authentication import Gate
from jmap_oauth.http.concurrency import Concurrency
from jmap_oauth.http.exchange import BODY_IS_HERE, Exchange, exchange_of
from jmap_oauth.http.problems import Problem, render, request_problem
from jmap_oauth.http.session import Sessions
from jmap_oauth.protocol.dispatch import Dispatcher
from jmap_oauth.protocol.errors import RequestError, RequestErrorType
from jmap_oauth.protocol.types import Limits

_encoder = msgspec.json.Encoder()
_SIZE = "maxSizeRequest"

PIECE = 64 * 1024
"""Bytes of an answer that are sent at once."""

IN_THREAD = 256 * 1024
"""Bytes of a body from which on it is parsed in a thread, lest all other requests wait for that."""

UNKNOWN_METHOD = "unknown"
"""Stands in log and metrics for method names that clients made up."""


class Api:
    """The endpoint. Requests are counted per key, in this process."""

    def __init__(self, dispatcher: Dispatcher, gate: Gate, sessions: Sessions, limits: Limits) -> None:
        self._dispatcher = dispatcher
        self._gate = gate
        self._sessions = sessions
        self._max_size = limits.max_size_request
        self._running = Concurrency(
            limits.max_concurrent_requests, "maxConcurrentRequests", "requests at once with one key"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Nothing of its body is read before key, headers and concurrency are found good."""
        exchange = exchange_of(scope)
        is_here = BODY_IS_HERE in scope.get("state", ())
        try:
            principal = await self._gate.admit(exchange)
            check_content_type(exchange.headers)
            check_content_length(exchange.headers, self._max_size, _SIZE)
            with self._running.one(principal.id):
                body = await read_body(receive, self._max_size, _SIZE)
                if not is_here:
                    # It took its time, in which a key can be revoked: what acts is the key as it is now.
                    principal = await self._gate.admit(exchange)
                state = self._sessions.find(principal, scope).state
                await _send_json(send, await self._run(exchange, body, principal, state))
        except Problem as problem:
            await render(problem)(scope, receive, send)
        except RequestError as error:
            await render(request_problem(error))(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is left to answer

    async def _run(self, exchange: Exchange, body: bytes, principal: Principal, session_state: str) -> bytes:
        parse = self._dispatcher.parse
        request = parse(body) if len(body) < IN_THREAD else await asyncio.to_thread(parse, body)
        known = self._dispatcher.method_names
        exchange.calls = [name if name in known else UNKNOWN_METHOD for name, _, _ in request.method_calls]
        return _encoder.encode(await self._dispatcher.run(request, principal, session_state))


def check_content_type(headers: Mapping[bytes, bytes]) -> None:
    """Insist on JSON by name: browsers send other types, with stored Basic credentials, for any web site.

    Raises:
        RequestError: notJSON.
    """
    given = headers.get(b"content-type", b"")
    if given != b"application/json" and given.partition(b";")[0].strip().lower() != b"application/json":
        raise RequestError(RequestErrorType.NOT_JSON, "The content type must be application/json.")


def check_content_length(headers: Mapping[bytes, bytes], limit: int, name: str) -> None:
    """Refuse a body that announces itself as larger than `limit` bytes; `name` is that of the limit.

    Raises:
        RequestError: limit.
    """
    length = headers.get(b"content-length", b"0").lstrip(b"0")
    if length.isdigit() and (len(length) > len(str(limit)) or int(length) > limit):
        raise _too_large(limit, name)


async def read_body(receive: Receive, limit: int, name: str) -> bytes:
    """Read a body of at most `limit` bytes; the first one beyond ends it, whatever the headers said.

    Raises:
        RequestError: limit.
        ClientDisconnect: the client went away.
    """
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit, name)
        more = message.get("more_body", False)
    return bytes(body)


def _too_large(limit: int, name: str) -> RequestError:
    # The connection stays open: most clients send the rest before they look for an answer, and closed under them they
    # would find none. The server throws the rest away, for as long as a body may be without progress.
    return RequestError(RequestErrorType.LIMIT, f"The request is larger than {limit} bytes.", limit=name)


async def _send_json(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    # Each piece waits until the client has taken most of those before, so the request counts until it has its answer.
    start = 0
    while len(body) - start > PIECE:
        await send({"type": "http.response.body", "body": body[start : start + PIECE], "more_body": True})
        start += PIECE
    await send({"type": "http.response.body", "body": body[start:]})
