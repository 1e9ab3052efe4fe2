"""Clients that do not take what they are sent, large bodies, and the number of connections."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from contextlib import suppress
from typing import Any

import httpx
import pytest

from jmap_oauth.http import server as edge
from jmap_oauth.protocol.dispatch import Dispatcher
from jmap_oauth.protocol.types import CORE, Limits, Request
from tests.http.serving import ECHO, JSON, KEY, World, bearer, connect, request_of, serve

LARGE = Limits(max_size_request=20_000_000, max_concurrent_requests=1)
ANSWER = 4_000_000
GET = b"GET /healthz/live HTTP/1.1\r\nHost: a\r\n\r\n"


def echo_of(size: int) -> bytes:
    return json.dumps(request_of(("Core/echo", {"text": "x" * size}, "0"))).encode()


async def ask_without_reading(address: tuple[str, int], size: int = ANSWER) -> socket.socket:
    """Ask for an answer that fills every buffer; small ones of the kernel make it certain."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client.setblocking(False)
    await loop.sock_connect(client, address)
    body = echo_of(size)
    head = b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"
    await loop.sock_sendall(client, head % KEY.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await loop.sock_recv(client, 1)
    return client


async def read_slowly(client: socket.socket, pause: float) -> int:
    """Return how many bytes came until the answer was there or the server ended the connection."""
    count = 0
    while count < ANSWER and (data := await asyncio.get_running_loop().sock_recv(client, 500_000)):
        count += len(data)
        await asyncio.sleep(pause)
    return count


@pytest.mark.parametrize("size", [1, 65_000, 65_536 * 2, 300_000])
async def test_an_answer_arrives_whole_in_however_many_pieces(world: World, size: int) -> None:
    world.limits = LARGE
    async with connect(world.app()) as client:
        response = await client.post("/api", content=echo_of(size), headers={**bearer(), **JSON})

    assert response.json()["methodResponses"] == [["Core/echo", {"text": "x" * size}, "0"]]
    assert response.headers["content-length"] == str(len(response.content))


async def test_a_request_counts_until_the_client_has_taken_its_answer(world: World) -> None:
    world.limits = LARGE
    async with (
        serve(world.app()) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        with await ask_without_reading((host, port)):
            refused = await client.post("/api", json=ECHO, headers=bearer())
            assert (refused.status_code, refused.json()["limit"]) == (400, "maxConcurrentRequests")


async def test_a_client_that_does_not_read_is_cut(world: World) -> None:
    """The next request of its key is answered, and what it has not read is gone."""
    world.limits = LARGE
    async with serve(world.app(), body_timeout=0.2) as (host, port):
        with await ask_without_reading((host, port)) as unread:
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client:
                while (await client.post("/api", json=ECHO, headers=bearer())).status_code != 200:
                    await asyncio.sleep(0.02)
            with suppress(ConnectionError):
                assert await read_slowly(unread, pause=0) < ANSWER


async def test_a_client_that_does_not_read_does_not_hold_up_the_stop(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is cut long before the time to stop is over, so no task has to be cancelled."""
    monkeypatch.setattr(edge, "LINGER_SECONDS", 0.2)
    world.limits = LARGE
    async with serve(world.app(), stop_timeout=60) as address:
        unread = await ask_without_reading(address)
    unread.close()

    assert not [record for record in caplog.records if "Cancel" in record.getMessage()]


async def test_a_client_that_reads_slowly_gets_everything(world: World) -> None:
    world.limits = LARGE
    async with serve(world.app(), body_timeout=0.5) as address:
        with await ask_without_reading(address) as client:
            assert await read_slowly(client, pause=0.05) >= ANSWER


class Watched(Dispatcher):
    """Notes in which thread it parses."""

    threads: list[bool]

    def parse(self, body: bytes) -> Request:
        self.threads.append(threading.current_thread() is threading.main_thread())
        return super().parse(body)


@pytest.mark.parametrize(("size", "in_main_thread"), [(1000, True), (300_000, False)])
async def test_large_bodies_are_parsed_beside_the_loop(world: World, size: int, in_main_thread: bool) -> None:
    world.limits = LARGE
    dispatcher = Watched({}, frozenset({CORE}), LARGE)
    dispatcher.threads = []
    async with connect(world.app(dispatcher=dispatcher)) as client:
        answer = await client.post("/api", content=echo_of(size), headers={**bearer(), **JSON})

    assert (answer.status_code, dispatcher.threads) == (200, [in_main_thread])


async def test_a_large_body_that_is_no_request_is_a_problem(world: World) -> None:
    world.limits = LARGE
    async with connect(world.app()) as client:
        response = await client.post("/api", content=b"[" + b" " * 300_000, headers={**bearer(), **JSON})

    assert (response.status_code, response.json()["title"]) == (400, "Not JSON")


async def test_connections_beyond_the_limit_are_closed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Those that are open serve on, and the log says it once a minute."""
    async with serve(world.app(), max_connections=2) as address:
        kept = [await asyncio.open_connection(*address) for _ in range(2)]
        await ask(kept[1])  # both have been accepted
        assert [await outcome(address) for _ in range(3)] == [b""] * 3
        assert await ask(kept[0]) == b"HTTP/1.1 200 OK\r\n"
        for _, writer in kept:
            writer.close()

    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


async def test_a_connection_that_ends_makes_room(world: World) -> None:
    async with serve(world.app(), max_connections=1) as address:
        _, writer = await asyncio.open_connection(*address)
        writer.close()
        await writer.wait_closed()
        while await outcome(address) != b"HTTP/1.1 200 OK\r\n":
            await asyncio.sleep(0.01)


def test_connections_leave_descriptors_to_the_rest() -> None:
    resource = pytest.importorskip("resource")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    bounds: Any = edge.bounded_protocol(65_536, 10, 30, 10**9)

    assert bounds.max_connections == soft - edge.SPARE_DESCRIPTORS


async def ask(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
    """Return the first line of an answer, or nothing when the server has closed."""
    reader, writer = streams
    writer.write(GET)
    return await reader.readline()


async def outcome(address: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        return await ask((reader, writer))
    except ConnectionError:
        return b""
    finally:
        writer.close()
