"""What a connection sends: how much of it may wait for the client, and what goes out together."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

# Bytes of answers kept for a client before the application has to wait until it reads.
MAX_UNSENT = 64 * 1024
NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS have it


class Joining(asyncio.Transport):
    """The transport of one answer: its head waits for what follows in the same turn of the loop, to go out with it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._joined = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._joined:
            self._transport.write(data)
        elif self._head is None:
            self._head = bytes(data)
            self._loop.call_soon(self._join)
        else:
            self._join(data)

    def _join(self, data: bytes | bytearray | memoryview = b"") -> None:
        if self._head is not None and not self._joined:
            self._joined = True
            if not self._transport.is_closing():
                self._transport.write(self._head + data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._join()
        self._transport.close()


def limit_unsent(transport: asyncio.Transport) -> None:
    """Let the application wait as soon as the client has not read MAX_UNSENT bytes."""
    transport.set_write_buffer_limits(MAX_UNSENT)
    connection = transport.get_extra_info("socket")
    if NOTSENT_LOWAT is not None and connection is not None and connection.family != socket.AF_UNIX:
        # Else the kernel takes megabytes at once, and does not say that a slow client reads until it has read those.
        with suppress(OSError):  # the client has left already
            connection.setsockopt(socket.IPPROTO_TCP, NOTSENT_LOWAT, MAX_UNSENT)
