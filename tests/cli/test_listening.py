"""The socket on which the server listens."""

from __future__ import annotations

import socket
import sys

import pytest

from jmap_oauth.cli.server import PROBE_SECONDS, listen
from jmap_oauth.config import Settings


def test_silent_connections_are_probed() -> None:
    """So an event stream ends whose client vanished without a word."""
    with listen(Settings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have times of their own")
def test_a_client_that_vanished_is_given_up_after_minutes_and_not_hours() -> None:
    with listen(Settings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            times = [connection.getsockopt(socket.IPPROTO_TCP, name) for name in names]

    assert times == [PROBE_SECONDS, PROBE_SECONDS // 4, 4]
