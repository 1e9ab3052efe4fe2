"""A server of the bounded protocol under an application that says what it saw, and bytes to and from it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn

from jmap_oauth.http import server as edge
from tests.http.patience import count_only_idle_time

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LIMIT = 64 * 1024
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
FINAL = POST + b"Connection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def read_body(receive: Receive) -> bytes | None:
    """Return the whole body, or None when the client left before its end."""
    body = b""
    more = True
    while more and (message := await receive())["type"] == "http.request":
        body, more = body + message["body"], message["more_body"]
    return None if more else body


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer with what arrived; the path says when the body is read and when the answer begins."""
    path = scope["path"]
    if path == "/begin":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    if path.startswith("/late"):
        await asyncio.sleep(1)
    body = b"" if path.endswith("/early") else await read_body(receive)
    if body is None:
        return
    if path == "/stream":
        await receive()
    headers = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    seen = {"path": path, "version": scope["http_version"], "headers": headers, "body": body.decode()}
    document = json.dumps(seen).encode()
    if path != "/begin":
        length = (b"content-length", b"%d" % len(document))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": document})


@asynccontextmanager
async def running(header_timeout: float, body_timeout: float) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """Run uvicorn in this loop on a free port; leave when it has stopped."""
    count_only_idle_time()
    http = edge.bounded_protocol(LIMIT, header_timeout, body_timeout)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=http, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await asyncio.wait_for(serving, 60)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def feed(writer: asyncio.StreamWriter, *parts: bytes, every: float = 0) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(every)


async def talk(port: int, *parts: bytes, every: float = 0) -> bytes:
    """Send the parts, `every` seconds apart, and return all that comes until the server ends the connection."""
    async with connected(port) as (reader, writer):
        await feed(writer, *parts, every=every)
        return await reader.read()


async def talk_on(port: int, *parts: bytes, every: float) -> bytes:
    """Send the parts until the server ends the connection, and return all that comes."""
    async with connected(port) as (reader, writer):
        feeding = asyncio.create_task(feed(writer, *parts, every=every))
        answer = b""
        with suppress(ConnectionError):
            while data := await reader.read(LIMIT):
                answer += data
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    return answer


def statuses(answers: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def documents(answers: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in re.findall(rb"^\{.*?\}(?=HTTP|$)", answers, re.MULTILINE)]


def sized(size: int) -> bytes:
    """Return a head of exactly `size` bytes."""
    return GET[:-2] + b"X: ".ljust(size - len(GET) - 2, b"x") + b"\r\n\r\n"
