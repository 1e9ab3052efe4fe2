"""SIGTERM while requests are under way: what was begun is answered, and nobody can hold the server up."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.process.database import check_database, copy_of
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, USING, ServerProcess, serve_process

HEAD = (
    "POST /api HTTP/1.1\r\nHost: server.test\r\nContent-Type: application/json\r\n"
    f"Authorization: Bearer {ADMIN_KEY}\r\nContent-Length: %d\r\n\r\n"
)
ECHO = b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":1},"c0"]]}'
_BEGUN = r"^(?:jmap_http_requests_in_flight|jmap_method_calls_total{.*}) (\S+)"


async def wait_until_begun(client: httpx.AsyncClient, number: int) -> None:
    """Wait until so many API requests were begun: those that are in flight, but for the one that asks, or answered."""
    begun = 0.0
    while begun < number:
        figures = (await client.get("/metrics")).text
        begun = sum(float(each) for each in re.findall(_BEGUN, figures, re.MULTILINE)) - 1


async def create_with_secrets(client: httpx.AsyncClient, name: str) -> Any:
    """Create clients whose secrets take a while to hash, and return the answer."""
    create = {f"{name}{number}": {"clientId": f"{name}{number}", "secret": "s"} for number in range(40)}
    request = {"using": USING, "methodCalls": [["x:OAuthClient/set", {"create": create}, "c0"]]}
    return (await client.post("/api", json=request)).raise_for_status().json()["methodResponses"][0][1]


async def open_half_a_request(server: ServerProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request up to the middle of its body."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write((HEAD % len(ECHO)).encode() + ECHO[:20])
    await writer.drain()
    return reader, writer


async def stop(server: ServerProcess) -> int:
    return await asyncio.to_thread(server.stop)


async def test_requests_that_were_begun_are_finished_and_answered(tmp_path: Path) -> None:
    with serve_process(tmp_path, *QUICK_FLAGS, "--stop-timeout", "60") as server:
        async with server.client() as client:
            begun = [asyncio.create_task(create_with_secrets(client, f"w{number}x")) for number in range(5)]
            await wait_until_begun(client, 5)
            code = await stop(server)
            answers = await asyncio.gather(*begun)
    with copy_of(server.database) as database:
        kept = {row["id"] for row in database.execute('SELECT id FROM "OAuthClient"')}
    check_database(server.database)

    assert code == 0
    assert {created["id"] for answer in answers for created in answer["created"].values()} == kept
    assert len(kept) == 200


async def test_a_body_that_still_comes_is_read_and_answered(tmp_path: Path) -> None:
    with serve_process(tmp_path, "--stop-timeout", "60") as server:
        async with server.client() as client:
            reader, writer = await open_half_a_request(server)
            await wait_until_begun(client, 1)
        server.process.send_signal(signal.SIGTERM)
        while "Shutting down" not in server.log:
            await asyncio.sleep(0.01)
        writer.write(ECHO[20:])
        answer = await reader.read()
        writer.close()
        assert await stop(server) == 0

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"Core/echo",{"a":1}' in answer


async def test_a_slow_body_does_not_hold_it_beyond_stop_timeout(tmp_path: Path) -> None:
    """The body could go on for an hour; the test would end before that as an error."""
    with serve_process(tmp_path, "--stop-timeout", "1", "--body-timeout", "3600") as server:
        async with server.client() as client:
            reader, writer = await open_half_a_request(server)
            await wait_until_begun(client, 1)
        code = await stop(server)
        answer = await reader.read()
        writer.close()

    assert code == 0
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"The server stopped before this was answered" in answer
    assert "Traceback" not in server.log


async def test_idle_connections_do_not_hold_it(tmp_path: Path) -> None:
    flags = ("--stop-timeout", "3600", "--keep-alive-timeout", "3600", "--header-timeout", "3600")
    with serve_process(tmp_path, *flags) as server:
        address = urlsplit(server.url)
        async with server.client() as kept:
            await kept.get("/healthz/live")
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            assert await stop(server) == 0
            assert await reader.read() == b""
            writer.close()
