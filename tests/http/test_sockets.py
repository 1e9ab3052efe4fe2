"""What shows only with a server and a connection."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tests.http.serving import ECHO, JSON, KEY, World, bearer, request_of, serve

POST = b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n" % KEY.encode()


async def test_requests_are_answered_under_the_address_that_was_used(world: World) -> None:
    async with (
        serve(world.app()) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        answer = await client.post("/api", json=ECHO, headers=bearer())
        session = await client.get("/jmap/session", headers=bearer())

    assert answer.json()["sessionState"] == session.json()["state"]
    assert session.json()["apiUrl"] == f"http://{host}:{port}/api"


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 1001\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"190\r\n" + b" " * 0x190 + b"\r\n" + b"400\r\n" + b" " * 0x400,
    ],
    ids=["announced", "chunked"],
)
async def test_a_body_too_large_is_refused_before_its_end(world: World, body: bytes) -> None:
    async with serve(world.app()) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(POST + body)
        answer = await reader.readuntil(b"}")
        writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"limit":"maxSizeRequest"' in answer


async def spaces() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" " * 50_000


@pytest.mark.parametrize("key", [KEY, "unknown"])
@pytest.mark.parametrize("content", [b" " * 5_000_000, spaces], ids=["announced", "chunked"])
async def test_a_client_that_sends_all_before_it_reads_finds_the_answer(
    world: World, content: bytes | Callable[[], AsyncIterator[bytes]], key: str
) -> None:
    body = content if isinstance(content, bytes) else content()
    async with (
        serve(world.app()) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        refused = await client.post("/api", content=body, headers={**bearer(key), **JSON})
        answered = await client.post("/api", json=ECHO, headers=bearer())

    assert (refused.status_code, answered.status_code) == (400 if key == KEY else 401, 200)


async def test_a_client_that_leaves_amid_its_body_is_no_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serve(world.app()) as address:
        _, writer = await asyncio.open_connection(*address)
        writer.write(POST + b"Content-Length: 900\r\n\r\n{")
        await writer.drain()
        while not world.keys.asked:
            await asyncio.sleep(0.005)
        writer.close()
        await writer.wait_closed()

    (line,) = [record for record in caplog.records if record.name == "jmap_oauth.http.access"]
    assert (line.__dict__["fields"]["status"], line.__dict__["fields"]["key"]) == (499, "k1")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def message_of(body: bytes) -> tuple[bytes, bytes]:
    """Return a request in two parts, head and body."""
    return POST + b"Content-Length: %d\r\n\r\n" % len(body), body


WHO = json.dumps(request_of(("Test/who", {}, "0"))).encode()


async def test_a_key_is_looked_at_once_if_the_body_comes_with_the_head(world: World) -> None:
    async with serve(world.app()) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"".join(message_of(WHO)))
        answer = await reader.readuntil(b"}")
        writer.close()

    assert (answer[:13], len(world.keys.asked), len(world.callers)) == (b"HTTP/1.1 200 ", 1, 1)


async def test_a_key_is_looked_at_again_if_the_body_comes_later_even_in_one_piece(world: World) -> None:
    head, body = message_of(WHO)
    async with serve(world.app()) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(head)
        while not world.keys.asked:
            await asyncio.sleep(0.005)
        world.keys.revoked.add(KEY)
        writer.write(body)
        answer = await reader.readuntil(b"}")
        writer.close()

    assert (answer[:13], len(world.keys.asked), world.callers) == (b"HTTP/1.1 401 ", 2, [])


async def test_the_log_tells_of_an_answer_that_its_client_did_not_wait_for(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serve(world.app()) as address:
        _, writer = await asyncio.open_connection(*address)
        writer.write(b"".join(message_of(json.dumps(request_of(("Test/wait", {}, "0"))).encode())))
        await world.started.acquire()
        writer.transport.abort()
        await asyncio.sleep(0.1)
        world.release.set()

    (line,) = [record for record in caplog.records if record.name == "jmap_oauth.http.access"]
    assert line.__dict__["fields"]["status"] == 499


async def test_head_is_get_without_the_body(world: World) -> None:
    async with (
        serve(world.app()) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        response = await client.head("/jmap/session", headers=bearer())

    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0
