"""What a connection sends: how much of it may wait for the client."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

# Bytes of answers kept for a client before the application has to wait until it reads.
MAX_UNSENT = 64 * 1024
NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS have it


def limit_unsent(transport: asyncio.Transport) -> None:
    """Let the application wait as soon as the client has not read MAX_UNSENT bytes."""
    transport.set_write_buffer_limits(MAX_UNSENT)
    connection = transport.get_extra_info("socket")
    if NOTSENT_LOWAT is not None and connection is not None and connection.family != socket.AF_UNIX:
        # Else the kernel takes megabytes at once, and does not say that a slow client reads until it has read those.
        with suppress(OSError):  # the client has left already
            connection.setsockopt(socket.IPPROTO_TCP, NOTSENT_LOWAT, MAX_UNSENT)
