"""The bounds of a connection: how large and how slow a request may be.

Owns what uvicorn with httptools leaves open; knows no route. It relies on names of uvicorn that are not public;
tests/http/test_server.py and test_heads.py notice when they change.
"""

import asyncio
import secrets
import sys
from http import HTTPStatus
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jmap_oauth.http.cycle import Cycle
from jmap_oauth.http.exchange import BODY_IS_HERE, IS_LOST
from jmap_oauth.http.heads import Head, Headers, read_head, render_refusal
from jmap_oauth.http.transport import GatheringTransport, limit_unsent

if sys.platform != "win32":
    import resource

# A chunked body is parsed in pieces of this many bytes, so its trailers are counted with at most this error.
CHUNKED_PIECE = 1024
# The timer of a body starts anew only for this much: for any byte, one every 29 s would hold a connection for years.
# A body below 1 KiB, or the last bytes of one, has one period to be complete; no link in use is slower.
MIN_PROGRESS = 1024
# Later requests kept while one is answered. Reading is paused then, but waiting for a disconnect resumes it.
MAX_HELD = 1024 * 1024
# Bytes of the longest head that is known again; all connections together may keep ten thousand of them.
MAX_KNOWN = 4096
# Closed while the client still sends, its kernel would discard the answer: read on for a moment (RFC 9112 9.6).
LINGER_SECONDS = 2.0
# Descriptors kept back from connections, for the database and whatever else the process opens.
SPARE_DESCRIPTORS = 64
WARNING_SECONDS = 60.0

ON_STOP = "on_stop"
"""The function in the state of the lifespan (ASGI) that is called, maybe often, once the server is told to stop."""


class Known(NamedTuple):
    """A head that was found good, as it came and as it was read."""

    raw: bytes
    head: Head
    headers: Headers


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection with bounds: bytes of a head, seconds for it, seconds without progress of a body.

    It parses one request at a time. uvicorn alone parses all that one read brings, thousands of them, and answers a bad
    one in the midst of the answer to an earlier one.
    """

    max_header_bytes: int
    header_timeout: float
    body_timeout: float
    max_connections: int
    _warn_at = 0.0  # of the class: when the next warning is due

    _timer: asyncio.TimerHandle | None = None
    _received = b""  # not parsed yet
    _tail = b""  # the last three bytes cut: an empty line may begin in them
    _begun = b""  # the first piece of the head that is being read
    _known: Known | None = None  # the last head, if it may come again
    _in_head = True
    _counted = 0  # bytes of this head, or of framing and trailers since the last byte of a chunked body
    _body_left = 0  # by Content-Length; 0 within a body: chunked
    _progress = 0  # bytes of body since the timer was set
    _excused = False  # the client could not go on when the timer was set
    _answering = False  # the request has been read, its answer is not complete
    _ended = False  # nothing that arrives from now on counts
    _fault: HTTPStatus | None = None
    _delivery_timer: asyncio.TimerHandle | None = None
    _idle_timer: asyncio.TimerHandle | None = None
    _idle_since = 0.0  # by the clock of the loop
    _unsent: tuple[object, int, int] | None = None  # see _check_delivery
    _drained = 0  # times that the client has read on after it let us wait

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it
        self._gathering = GatheringTransport(transport, self.loop)
        super().connection_made(cast(asyncio.Transport, self._gathering))
        if len(self.connections) > self.max_connections:
            self._turn_away()
            return
        limit_unsent(transport)
        self._scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
        }
        self._watch()
        self._watch_delivery(self.body_timeout)

    def _turn_away(self) -> None:
        self._ended = True
        self.transport.abort()
        if self.loop.time() >= self._warn_at:
            type(self)._warn_at = self.loop.time() + WARNING_SECONDS
            self.logger.warning("Turned a connection away: %d are open, as many as may be", self.max_connections)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._set_timer(None)
        for timer in (self._delivery_timer, self._idle_timer):
            if timer:
                timer.cancel()
        if self._answering or not self._in_head:
            self.cycle.scope["state"][IS_LOST] = True
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Send what is gathered to a client that says no more: the transport closes itself next."""
        self._gathering.flush()

    def resume_writing(self) -> None:
        self._drained += 1
        super().resume_writing()

    def shutdown(self) -> None:
        """Ask the application to end what would not end by itself; the lifespan is told only after that."""
        super().shutdown()
        self._watch_delivery(LINGER_SECONDS)
        if on_stop := self.app_state.get(ON_STOP):
            on_stop()

    def _watch_delivery(self, seconds: float) -> None:
        """Look every `seconds` whether the client takes what it is sent, even where the connection is being closed."""
        if self._delivery_timer:
            self._delivery_timer.cancel()
        self._delivery_timer = self.loop.call_later(seconds, self._check_delivery, seconds)
        self._unsent = (self.cycle, self._drained, self.transport.get_write_buffer_size())

    def _check_delivery(self, seconds: float) -> None:
        cycle, drained, size = self._unsent or (None, 0, 0)
        left = self.transport.get_write_buffer_size()
        # Another request has come, or the buffer has been emptied once or by some part: the client reads.
        reads = self.cycle is not cycle or self._drained > drained or left <= max(size - MIN_PROGRESS, 0)
        if reads or not size:
            self._watch_delivery(seconds)
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._ended:
            self._received = self._received + data if self._received else data
            self._advance()

    def _advance(self) -> None:
        data, self._received, start = self._received, b"", 0
        while start < len(data) and not self._ended and not self._answering:
            start += self._repeat(data, start) or self._read(data, start)
        self._received = data[start:]
        self._watch()

    def _repeat(self, data: bytes, start: int) -> int:
        """Take a whole request that has the head of the one before, byte for byte: there is nothing to parse.

        Return how many bytes it has, or 0 if this is none. Clients send the same head again and again.
        """
        known = self._known
        if known is None or not self._in_head or self._counted or not data.startswith(known.raw, start):
            return 0
        begin = start + len(known.raw)
        end = begin + known.head.content_length
        if end > len(data):
            return 0
        self._start(known.head, known.headers, keep_alive=True)
        self.cycle.body += data[begin:end]
        self._end_message()
        return end - start

    def _read(self, data: bytes, start: int) -> int:
        """Parse the next piece, and return how many bytes it has."""
        piece = self._cut(data, start)
        if self._in_head:
            self._begun = b"" if self._counted else piece
        self._counted += len(piece)
        self._parse(piece)
        if self._counted >= self.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return len(piece)

    def _parse(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except HttpParserUpgrade:
            self._parse_without_upgrade()
        except HttpParserError:
            self._refuse(self._fault or HTTPStatus.BAD_REQUEST)

    def _cut(self, data: bytes, start: int) -> bytes:
        """Return the next piece, which reaches beyond no head and no message, so that the bytes of each can be counted.

        As llhttp insists on CRLF, heads and chunked messages end at an empty line; one inside a body does no harm.
        """
        if self._body_left:
            return data[start : start + self._body_left]
        room = self.max_header_bytes - self._counted if self._in_head else CHUNKED_PIECE
        piece = data[start : start + room]
        end = (self._tail + piece).find(b"\r\n\r\n")
        if end >= 0:
            piece = piece[: end + 4 - len(self._tail)]
        self._tail = (self._tail + piece)[-3:]
        return piece

    def on_message_begin(self) -> None:
        self.url, self.headers = b"", []

    def on_headers_complete(self) -> None:
        parser, headers = self.parser, self.headers
        version, method = parser.get_http_version(), parser.get_method()
        head = read_head(version, method, self.url, headers)
        if isinstance(head, HTTPStatus):
            self._fault = head
            raise ValueError(head.phrase)  # stops the parser, see _parse
        if parser.should_upgrade():
            return  # comes again, see _parse_without_upgrade
        keep_alive = version == "1.1" and parser.should_keep_alive()
        may_repeat = keep_alive and not head.is_chunked and 0 < len(self._begun) <= MAX_KNOWN
        self._known = Known(self._begun, head, headers) if may_repeat else None
        self.headers = []  # trailers would be added to those that the application has checked already
        self._start(head, headers, keep_alive=keep_alive)
        self._body_left = head.content_length
        self._begin(in_head=False)

    def _start(self, head: Head, headers: Headers, *, keep_alive: bool) -> None:
        self.scope = {**self._scope, **head.scope, "headers": [*headers], "state": self.app_state.copy()}  # type: ignore[typeddict-item]
        self.cycle = Cycle(self, head.expects_100_continue, keep_alive)
        self._start_asgi_task(self.cycle, self.app)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._counted = 0
        self._progress += len(body)
        if self._body_left:
            self._body_left -= len(body)
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        if not self._in_head:
            self._end_message()
            self.cycle.message_event.set()

    def _end_message(self) -> None:
        if not self.cycle.response_complete:
            self._answering = True
            self.cycle.more_body = False
        self.scope["state"][BODY_IS_HERE] = True
        self._begin(in_head=True)

    def _begin(self, *, in_head: bool) -> None:
        self._in_head, self._counted, self._excused = in_head, 0, False
        if self._timer:
            self._set_timer(None)

    def on_response_complete(self) -> None:
        self._answering = False
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._check_idle)
        if self._received:
            self._advance()

    def _check_idle(self) -> None:
        """Close a connection that was silent for long enough; one timer serves many requests on it."""
        self._idle_timer = None
        if self._answering or not self._in_head or self._timer:
            return  # the next answer begins anew
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._check_idle)
        else:
            self.transport.close()

    def _parse_without_upgrade(self) -> None:
        """Parse the head again without Upgrade, which a server may ignore (RFC 9110 7.8); llhttp cannot.

        It would skip the body and read it as the next request. Java and curl offer h2c with any plain POST.
        """
        start = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        self.parser = type(self.parser)(self)
        self._parse(b"".join((start, *fields, b"\r\n")))

    def _watch(self) -> None:
        """Keep a timer while it is the client's turn to send; between requests that is the one of `_check_idle`."""
        if self._ended:
            return
        if self._answering:
            if self._received:
                self._hold()
        elif self._in_head:
            if self._timer is None:
                self._set_timer(self.header_timeout)
        elif self._timer is None or self._may_extend():
            self._progress = 0
            self._excused = self.flow.read_paused or self.cycle.waiting_for_100_continue
            self._set_timer(self.body_timeout)

    def _may_extend(self) -> bool:
        # Once it is answered, what is left of a body has one period: an endless one is not read forever.
        return not self.cycle.response_complete and (self._progress >= MIN_PROGRESS or self.flow.read_paused)

    def _hold(self) -> None:
        self.flow.pause_reading()
        if len(self._received) > MAX_HELD:
            self._ended, self.cycle.keep_alive = True, False

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._timer = None
        if self._ended:
            self.transport.abort()
        elif self._excused:
            self._watch()
        elif self._in_head and not self._counted:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer, unless an answer has begun, and end the connection."""
        if self._ended or self.transport.is_closing():
            return
        self._ended = True
        if not self._in_head:
            # The application may neither wait for the rest, nor ask for it, nor answer after us.
            self.cycle.waiting_for_100_continue = False
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not self._in_head and self.cycle.response_started:
            self.transport.close()
        else:
            self._answer(status)

    def _answer(self, status: HTTPStatus) -> None:
        request_id = secrets.token_hex(16)
        self.logger.info("Refused a request from %s: %d %s, id %s", self.client, status, status.phrase, request_id)
        headers = [*self.server_state.default_headers, (b"x-request-id", request_id.encode())]
        self.transport.write(render_refusal(status, headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._set_timer(LINGER_SECONDS)


def bounded_protocol(
    max_header_bytes: int, header_timeout: float, body_timeout: float, max_connections: int = 10_000
) -> type[HttpToolsProtocol]:
    """Return the class for `uvicorn.Config(http=...)`.

    Bytes of a head, seconds for it, seconds without progress of a body or of an answer, connections at once.
    """
    bounds = {
        "max_header_bytes": max_header_bytes,
        "header_timeout": header_timeout,
        "body_timeout": body_timeout,
        "max_connections": min(max_connections, _most_descriptors()),
    }
    return type("BoundedProtocol", (BoundedProtocol,), bounds)


def _most_descriptors() -> int:
    """Return how many connections the process could open before it runs out of descriptors for anything else."""
    if sys.platform == "win32":
        return sys.maxsize
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(soft - SPARE_DESCRIPTORS, 1)
