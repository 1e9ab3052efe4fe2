"""What a connection sends: when it goes out, and how much of it may wait for the client."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

# Bytes of answers kept for a client before the application has to wait until it reads.
MAX_UNSENT = 64 * 1024
NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS have it


class GatheringTransport:
    """A transport that sends what it is given at the end of the turn of the event loop.

    So the answers to all requests that came in together go out one after the other. Sent between two requests, each
    drives their code out of the caches of the CPU and wakes the client up anew: a quarter of the time of a small
    request.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._gathered = b""
        # Not by __getattr__, which would make all attributes slow.
        self.abort = transport.abort
        self.can_write_eof = transport.can_write_eof
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.set_write_buffer_limits = transport.set_write_buffer_limits

    def write(self, data: bytes) -> None:
        if not self._gathered:
            self._loop.call_soon(self.flush)
        self._gathered += data
        if len(self._gathered) >= MAX_UNSENT:  # so that the client is waited for
            self.flush()

    def write_eof(self) -> None:
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send now what was gathered."""
        data, self._gathered = self._gathered, b""
        if data and not self.is_closing():
            self._transport.write(data)


def limit_unsent(transport: asyncio.Transport) -> None:
    """Let the application wait as soon as the client has not read MAX_UNSENT bytes."""
    transport.set_write_buffer_limits(MAX_UNSENT)
    connection = transport.get_extra_info("socket")
    if NOTSENT_LOWAT is not None and connection is not None and connection.family != socket.AF_UNIX:
        # Else the kernel takes megabytes at once, and does not say that a slow client reads until it has read those.
        with suppress(OSError):  # the client has left already
            connection.setsockopt(socket.IPPROTO_TCP, NOTSENT_LOWAT, MAX_UNSENT)
