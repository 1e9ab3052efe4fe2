"""A request and its answer as they pass between the connection and the application (ASGI's receive and send)."""

from __future__ import annotations

import asyncio
import re

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

_FIELD = re.compile(rb"[!#-'*+.^-z|~0-9A-Z-]+: [\t -~\x80-\xff]*")  # RFC 9110 sections 5.1 and 5.5
_WITHOUT_BODY = (204, 304)
_MOST_LINES = 1024


class _Lines(dict[tuple[bytes, bytes], bytes]):
    """The lines of headers, of which nearly all are in nearly every answer. It takes half the time of an lru_cache."""

    def __missing__(self, field: tuple[bytes, bytes]) -> bytes:
        line = b"%b: %b" % field
        if not _FIELD.fullmatch(line):
            raise ValueError(f"{line[:200]!r} is no header field.")
        if len(self) >= _MOST_LINES:
            self.clear()
        self[field] = line = line + b"\r\n"
        return line


_LINES = _Lines()


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, but for how an answer is written: its head goes out together with the first part of its body.

    ASGI demands that it waits for that. Names of headers are in lower case, as ASGI has them. What uvicorn's own
    constructor sets, for every request, stands here in the class where it begins the same.
    """

    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0
    _head = b""
    _is_taken = False  # all of the body was received

    def __init__(self, protocol: HttpToolsProtocol, expects_100_continue: bool, keep_alive: bool) -> None:
        self.scope = protocol.scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.default_headers = protocol.server_state.default_headers
        self.on_response = protocol.on_response_complete
        self.message_event = asyncio.Event()
        self.body = bytearray()
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_100_continue

    async def receive(self) -> Message:  # type: ignore[override]  # uvicorn has types of its own
        if self.more_body or self._is_taken or self.disconnected or self.response_complete:
            message: Message = await super().receive()  # type: ignore[assignment]
            self._is_taken = not message.get("more_body")
            return message
        # The rest of the body is here: it is taken without a wait.
        self._is_taken = True
        self.message_event.clear()
        self.flow.resume_reading()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:  # type: ignore[override]  # uvicorn has types of its own
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._begin(message["status"], message["headers"])
        elif not self.response_complete:
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError("The answer is complete already.")

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        given = dict(headers)
        lines = [_LINES[field] for field in self.default_headers + headers]
        length = given.get(b"content-length")
        self.chunked_encoding = length is None and status not in _WITHOUT_BODY and self.scope["method"] != "HEAD"
        self.expected_content_length = int(length or 0)
        if self.chunked_encoding:
            lines.append(b"transfer-encoding: chunked\r\n")
        if given.get(b"connection") == b"close":
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        self._head = b"%b%b\r\n" % (STATUS_LINE[status], b"".join(lines))
        self.response_started = True
        self.waiting_for_100_continue = False

    def _send_body(self, body: bytes, *, more: bool) -> None:
        if self.chunked_encoding:
            part = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            data = self._head + part + (b"" if more else b"0\r\n\r\n")
        elif self.scope["method"] == "HEAD":
            data, self.expected_content_length = self._head, 0
        else:
            data = self._head + body
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                raise RuntimeError("The body is not as long as Content-Length says.")
        self._head = b""
        if data:
            self.transport.write(data)
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
