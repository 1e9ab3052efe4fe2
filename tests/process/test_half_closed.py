"""A client that closes its side after its last request, as `nc -N` does, reads the answer from the other."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.served import serve_process

REQUEST = b"GET /healthz/live HTTP/1.1\r\nHost: a\r\n\r\n"


def ask(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address, timeout=60) as client:
        client.sendall(REQUEST)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_what_is_answered_at_once_arrives(tmp_path: Path) -> None:
    with serve_process(tmp_path) as server:
        url = urlsplit(server.url)
        answers = [ask((str(url.hostname), int(url.port or 0))) for _ in range(100)]

    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
