"""`GET /jmap/eventsource` (RFC 8620 section 7.3): changes of state as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from jmap_oauth.http.authentication import RETRY_SECONDS, Gate, read_token
from jmap_oauth.http.concurrency import Concurrency
from jmap_oauth.http.exchange import exchange_of
from jmap_oauth.http.metrics import Metrics
from jmap_oauth.http.problems import Problem, make_problem
from jmap_oauth.http.push import States, Stream, Streams
from jmap_oauth.protocol.errors import RequestError

# The RFC wants no minimum above 30 and no maximum below 300.
MIN_PING = 5
MAX_PING = 3600

MAX_EVENT_ID = 4096
"""Bytes of a Last-Event-ID; ours have a few hundred."""

_MAX_PARAMETERS = 20
_ALL_TYPES = "*"
_CLOSE_AFTER = {"state": True, "no": False}
_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would collect events until they fill a buffer
)
_RETRY = (("retry-after", str(RETRY_SECONDS)),)
_encode = msgspec.json.Encoder(order="sorted").encode
_event_id = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks for. `types` are names, None for all there are; `ping` is in seconds, 0 for none."""

    types: frozenset[str] | None = None
    close_after_state: bool = False
    ping: int = 0


class EventSource:
    """The endpoint. It speaks ASGI itself, as its answer begins when there are states, and ends when they say so.

    The `id` of an event holds all states that the client has been told, so with `Last-Event-ID` it gets at once what
    it has missed, whatever that was. Without one it is told what changes from the begin of the answer on. A first
    `id` without an event would be better still, but widely used clients take it for a broken event.
    """

    def __init__(self, gate: Gate, streams: Streams, metrics: Metrics, max_streams: int) -> None:
        self._gate = gate
        self._streams = streams
        self._metrics = metrics
        self._open = Concurrency(max_streams, "maxEventStreams", "event streams at once with one key")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, for as long as the client listens and its key is good."""
        exchange = exchange_of(scope)
        principal = await self._gate.admit(exchange)
        wanted = read_query(scope["query_string"])
        stream = Stream(
            principal=principal,
            token=read_token(exchange.headers.get(b"authorization")) or "",
            remote_ip=exchange.remote_ip,
            types=_types_of(wanted, self._streams.readable(principal)),
            pings=wanted.ping,
            known=read_event_id(exchange.headers.get(b"last-event-id")),
        )
        try:
            with self._open.one(principal.id), self._metrics.streaming(exchange), self._streams.listening(stream):
                await _answer(stream, wanted, receive, send)
        except RequestError as error:
            raise make_problem(HTTPStatus.TOO_MANY_REQUESTS, error.detail, _RETRY) from None


def read_query(query: bytes) -> Wanted:
    """Read what a client asks for. What it leaves out is `types=*`, `closeafter=no` and `ping=0`.

    Raises:
        Problem: 400.
    """
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise _bad_request(f"More than {_MAX_PARAMETERS} parameters.") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise _bad_request("A parameter is given twice.")
    return Wanted(
        types=_read_types(given.get("types", _ALL_TYPES)),
        close_after_state=_read_close_after(given.get("closeafter", "no")),
        ping=_read_ping(given.get("ping", "0")),
    )


def _read_types(text: str) -> frozenset[str] | None:
    """Return names; those of no type are never sent."""
    if not text:
        raise _bad_request("types must be * or names of types with commas between them.")
    return None if text == _ALL_TYPES else frozenset(text.split(","))


def _read_close_after(text: str) -> bool:
    if text not in _CLOSE_AFTER:
        raise _bad_request("closeafter must be state or no.")
    return _CLOSE_AFTER[text]


def _read_ping(text: str) -> int:
    """Return seconds within the bounds, as the RFC lets a server choose; each ping tells how many they are."""
    if not (text.isascii() and text.isdigit()):
        raise _bad_request("ping must be a whole number of seconds, 0 for none.")
    digits = text.lstrip("0")
    if not digits:
        return 0
    return MAX_PING if len(digits) > len(str(MAX_PING)) else min(max(int(digits), MIN_PING), MAX_PING)


def read_event_id(header: bytes | None) -> States | None:
    """Return the states in a Last-Event-ID, or None without one.

    One that is not ours knows nothing: its client may have missed anything, and is told all there is.
    """
    if not header:
        return None
    try:
        return _event_id.decode(header[:MAX_EVENT_ID])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def state_event(account: str, changed: States, known: States) -> bytes:
    """Return a StateChange (RFC 8620 section 7.1) as an event; `known` are all states that the client has then."""
    change = {"@type": "StateChange", "changed": {account: changed}}
    return b"id: %b\nevent: state\ndata: %b\n\n" % (_encode(known), _encode(change))


def ping_event(seconds: int) -> bytes:
    """Return a ping; it has no id, so that the client keeps the one it has."""
    return b"event: ping\ndata: %b\n\n" % _encode({"interval": seconds})


async def _answer(stream: Stream, wanted: Wanted, receive: Receive, send: Send) -> None:
    """Send the answer. It begins when the first states are there: what changes from then on is sent."""
    leaving = asyncio.create_task(_until_left(receive))
    leaving.add_done_callback(lambda _: stream.end())
    try:
        await stream.wait()
        if stream.newest is not None:
            await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": _HEADERS})
            await send({"type": "http.response.body", "more_body": True})  # a head waits for what follows, says ASGI
            await _send_events(stream, wanted, send)
            await send({"type": "http.response.body"})
        elif not leaving.done():
            raise make_problem(HTTPStatus.SERVICE_UNAVAILABLE, "Changes cannot be told at the moment.", _RETRY)
    finally:
        leaving.cancel()


async def _send_events(stream: Stream, wanted: Wanted, send: Send) -> None:
    """Send what there is until the stream ends. A client that does not read holds up nothing but this."""
    loop = asyncio.get_running_loop()
    stream.note_event(loop.time())
    while not stream.ended:
        if changed := stream.take_changed():
            event = state_event(stream.principal.account, changed, stream.told())
        elif loop.time() >= stream.ping_at:
            event = ping_event(stream.pings)
        else:
            await stream.wait()
            continue
        await send({"type": "http.response.body", "body": event, "more_body": True})
        stream.note_event(loop.time())
        if changed and wanted.close_after_state:
            return


async def _until_left(receive: Receive) -> None:
    """Wait until the client is gone, or the answer complete. What it sends meanwhile is of no use."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _types_of(wanted: Wanted, readable: Sequence[str]) -> Sequence[str]:
    return readable if wanted.types is None else [type for type in readable if type in wanted.types]


def _bad_request(detail: str) -> Problem:
    return make_problem(HTTPStatus.BAD_REQUEST, detail)
