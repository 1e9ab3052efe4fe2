"""What a connection may do, on real sockets: each test is one fact about bytes in and bytes out."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from jmap_oauth.http import server as edge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

pytestmark = pytest.mark.asyncio(loop_scope="module")

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
        await asyncio.sleep(0.7)
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
    http = edge.bounded_protocol(LIMIT, header_timeout, body_timeout)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=http, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await asyncio.wait_for(serving, 10)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def patient() -> AsyncIterator[int]:
    """The port of a server with the usual times."""
    async with running(10, 30) as (_, port):
        yield port


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hasty() -> AsyncIterator[int]:
    """The port of a server that waits 0.3 s for a head and for progress of a body."""
    async with running(0.3, 0.3) as (_, port):
        yield port


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


# Size


@pytest.mark.parametrize("size", [5000, LIMIT * 2])
async def test_head_above_the_limit(patient: int, size: int) -> None:
    """One byte above the limit is 431, a problem document that ends the connection, in however many parts it comes."""
    head = sized(LIMIT + 1)

    answer = await talk(patient, *(head[i : i + size] for i in range(0, len(head), size)))

    assert documents(answer) == [{"type": "about:blank", "status": 431, "title": "Request Header Fields Too Large"}]
    assert b"content-type: application/problem+json\r\n" in answer
    assert b"connection: close\r\n" in answer


ENDLESS = (b"GET /" + b"a" * LIMIT * 9, POST + b"X: y\r\n" * 99_000, POST + b"X:" + b" " * LIMIT, b"\r\n" * LIMIT)


@pytest.mark.parametrize("flood", ENDLESS)
async def test_endless_head(patient: int, flood: bytes) -> None:
    """A target, headers, spaces and empty lines are 431 before they end; the answer reaches who goes on sending."""
    assert statuses(await talk(patient, flood)) == [431]


@pytest.mark.parametrize(("number", "status"), [(100, 200), (101, 431)])
async def test_number_of_headers(patient: int, number: int, status: int) -> None:
    """A hundred headers are served, one more is 431."""
    assert statuses(await talk(patient, LAST[:-2] + b"X: y\r\n" * (number - 2) + b"\r\n")) == [status]


LARGE = POST + b"Content-Length: 262144\r\n\r\n" + b"b" * 262_144
SMALL_CHUNKS = CHUNKED + b"1\r\nb\r\n" * 30_000 + b"0\r\n\r\n"


@pytest.mark.parametrize("request_", [LARGE, SMALL_CHUNKS])
async def test_body_does_not_count(patient: int, request_: bytes) -> None:
    """A body is not part of the head, nor is the framing of many small chunks."""
    assert statuses(await talk(patient, request_ + LAST)) == [200, 200]


@pytest.mark.parametrize("flood", [b"0\r\n" + b"X: y\r\n" * 12_000, b"1;" + b"x" * LIMIT * 2, b"0" * LIMIT * 2])
async def test_framing_without_data_counts(patient: int, flood: bytes) -> None:
    """Trailers, a chunk extension and a chunk size without end are 431."""
    assert statuses(await talk(patient, CHUNKED + b"1\r\nb\r\n" + flood)) == [431]


async def test_trailers_are_dropped(patient: int) -> None:
    """Trailers do not become headers, which the application may have checked already."""
    answer = await talk(patient, CHUNKED + b"1\r\nb\r\n0\r\nX-Role: admin\r\n\r\n" + LAST)

    assert documents(answer)[0]["headers"] == [["host", "a"], ["transfer-encoding", "chunked"]]


# One request after the other


async def test_each_request_has_its_own_count(patient: int) -> None:
    """Heads of exactly the limit are served, also when one write brings several."""
    assert statuses(await talk(patient, sized(LIMIT) * 3 + LAST)) == [200, 200, 200, 200]


async def test_large_head_behind_a_good_request(patient: int) -> None:
    """A head that is too large is refused in its turn, after the answers before it."""
    assert statuses(await talk(patient, sized(LIMIT) + sized(LIMIT + 1) + LAST)) == [200, 431]


@pytest.mark.parametrize("cut", [-3, -2, -1, None])
async def test_bad_request_behind_a_slow_one(patient: int, cut: int | None) -> None:
    """A refusal waits until the answer before it is complete, wherever the bytes are cut."""
    slow = GET.replace(b"/", b"/late", 1)

    assert statuses(await talk(patient, slow[:cut], slow[cut or len(slow) :] + b"nonsense", every=0.05)) == [200, 400]


async def test_many_pipelined_requests(patient: int) -> None:
    """A thousand requests in one write get a thousand answers in their order."""
    requests = [b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1000)]

    answers = documents(await talk(patient, b"".join(requests) + LAST))

    assert [answer["path"] for answer in answers] == [f"/{number}" for number in range(1000)] + ["/last"]


async def test_long_pipeline(patient: int) -> None:
    """A client may send more than is kept: it is held up until its turn comes."""
    unread = POST.replace(b"/", b"/early", 1) + b"Content-Length: 65536\r\n\r\n" + b"b" * 65536

    assert len(statuses(await talk(patient, GET.replace(b"/", b"/late", 1) + unread * 50 + LAST))) == 52


async def test_too_much_pipelined(patient: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """When more comes than is kept all the same, the connection ends after the answer under way."""
    monkeypatch.setattr(edge, "MAX_HELD", 1000)

    assert statuses(await talk(patient, GET.replace(b"/", b"/late", 1) + LAST * 30)) == [200]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 50])
async def test_any_segmentation(patient: int, size: int) -> None:
    """However the bytes are cut, each request gets the same answer."""
    plain = POST + b"Content-Length: 5\r\n\r\n\r\n\r\nx"
    chunked = CHUNKED + b"6\r\n\r\n\r\n\r\n\r\n0\r\nX: y\r\n\r\n"
    sent = plain + chunked + b"\r\n" + CHUNKED + b"1\r\nb\r\n0\r\n\r\n" + LAST

    answer = await talk(patient, *(sent[i : i + size] for i in range(0, len(sent), size)))

    assert [seen["body"] for seen in documents(answer)] == ["\r\n\r\nx", "\r\n\r\n\r\n", "b", ""]


async def test_nothing_counts_behind_the_last_request(patient: int) -> None:
    """What follows a request with Connection: close is neither served nor refused."""
    assert statuses(await talk(patient, LAST + LAST + b"nonsense")) == [200]


# Time


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(b"", []), (POST, [408]), (b"\r\n", [408]), (GET + POST, [200, 408]), (GET + b"\r\n", [200, 408])],
)
async def test_unfinished_head(hasty: int, sent: bytes, answered: list[int]) -> None:
    """Each head has its time, from its first byte; who never sends one is left without a word."""
    assert statuses(await talk(hasty, sent)) == answered


async def test_slow_head(hasty: int) -> None:
    """Going on to send does not prolong the time for a head."""
    assert statuses(await talk_on(hasty, FINAL, *[b"X: y\r\n"] * 20, b"\r\n", every=0.05)) == [408]


async def test_idle_connection(hasty: int) -> None:
    """Between requests uvicorn's keep-alive time holds, not the time for a head."""
    assert statuses(await talk(hasty, GET, LAST, every=0.6)) == [200, 200]


@pytest.mark.parametrize("body", [b"1", b"800\r\n" + b"b" * 2047, b"1\r\nb\r\n0\r\nX: "])
async def test_stalled_body(hasty: int, body: bytes) -> None:
    """A body that stops, its trailers too, is 408."""
    answer = await talk(hasty, CHUNKED + body)

    assert documents(answer) == [{"type": "about:blank", "status": 408, "title": "Request Timeout"}]


async def test_trickling_body(hasty: int) -> None:
    """A byte now and then is no progress."""
    assert statuses(await talk_on(hasty, FINAL + b"Content-Length: 20\r\n\r\n", *[b"b"] * 20, every=0.05)) == [408]


async def test_steady_body(hasty: int) -> None:
    """A body that keeps the least pace may take many times the limit."""
    parts = [b"b" * 2048] * 16

    assert statuses(await talk(hasty, FINAL + b"Content-Length: 32768\r\n\r\n", *parts, every=0.05)) == [200]


async def test_application_that_reads_late(hasty: int) -> None:
    """A client that is kept from sending is not blamed."""
    head = FINAL.replace(b"/", b"/late", 1) + b"Content-Length: 16000000\r\n\r\n"

    assert statuses(await talk(hasty, head, b"b" * 16_000_000)) == [200]


async def test_stall_after_the_answer_began(hasty: int) -> None:
    """When an answer has begun, a stalled body ends the connection without a second one."""
    answer = await talk(hasty, CHUNKED.replace(b"/", b"/begin", 1))

    assert (statuses(answer), answer.endswith(b"begun\r\n")) == ([200], True)


async def test_endless_body_after_the_answer(hasty: int) -> None:
    """A body that goes on after its answer is read for one period more, whatever its pace."""
    chunks = [b"800\r\n" + b"b" * 2048 + b"\r\n"] * 400

    assert statuses(await talk_on(hasty, CHUNKED.replace(b"/", b"/early", 1), *chunks, every=0.05)) == [200]


async def test_body_that_ends_after_the_answer(hasty: int) -> None:
    """A connection whose body was complete only after the answer serves on, and is not open for ever."""
    head = b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"

    assert statuses(await talk(hasty, head, b"b" + GET, b"", head, b"b", every=0.05)) == [200, 200, 200]


# What is no request

TARGETS = (b"*", b"x", b"/#x", b"http://b/", b"http://u@a/", b"http://a", b"/\xff")
VERSIONS = (b"", b" HTTP/0.9", b" HTTP/1.2", b" HTTP/2.0", b" HTTP/1.1\nX: y")
HOSTS = (b"X: y", b"Host:", b"Host: a\r\nHost: a", b"Host: a/b", b"Host: u@a", b"Host: a b", b"Host: a:b")
HEADERS = (b"X: y\r\n z", b"X: y\rZ: y", b"X: y\nZ: y", b"X : y", b"X: y\0", b" X: y", b": y", b"X")
LENGTHS = (b"1, 1", b"+1", b"-1", b"0x1", b"", b"1 1", b"9" * 20, b"1\r\nContent-Length: 2", b"1\r\nContent-Length: 1")
CODINGS = (b"identity", b"chunked, identity", b"identity, chunked", b"gzip, chunked", b", chunked", b"xchunked", b"")
CHUNKS = (b"0x1\r\nb", b"+1\r\nb", b"1\nb", b"1\r\nbb", b"f" * 17, b"0\r\nContent-Length: 5\r\n", b"0\r\nX: y\r\n z")
REFUSED = (
    *(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n" for method in (b"nonsense", b"get", b"CONNECT", b"\x16\x03\x01")),
    *(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n" for target in TARGETS),
    *(b"GET /" + version + b"\r\nHost: a\r\n\r\n" for version in VERSIONS),
    *(b"GET / HTTP/1.1\r\n" + host + b"\r\n\r\n" for host in HOSTS),
    *(POST + header + b"\r\n\r\n" for header in HEADERS),
    *(POST + b"Content-Length: " + length + b"\r\n\r\nb" for length in LENGTHS),
    *(POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" for coding in CODINGS),
    *(CHUNKED + chunk + b"\r\n0\r\n\r\n" for chunk in CHUNKS),
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
)


@pytest.mark.parametrize("request_", REFUSED)
async def test_refused(patient: int, request_: bytes) -> None:
    """It is 400, as a problem document, and nothing behind it is read."""
    answer = await talk(patient, request_ + LAST)

    assert documents(answer) == [{"type": "about:blank", "status": 400, "title": "Bad Request"}]


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", CHUNKED + b"x", sized(LIMIT * 2)])
async def test_log_of_a_refusal(patient: int, request_: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The log has one line with the request id of the answer, and no traceback."""
    with caplog.at_level(logging.INFO):
        answer = await talk(patient, request_)

    request_id = re.findall(rb"x-request-id: (\w+)", answer)[0].decode()
    assert len([record for record in caplog.records if request_id in record.message]) == 1
    assert not [record for record in caplog.records if record.exc_info]


async def test_bad_chunk_after_the_answer_began(patient: int) -> None:
    """When an answer has begun, a bad chunk ends the connection without a second one."""
    async with connected(patient) as (reader, writer):
        await feed(writer, CHUNKED.replace(b"/", b"/begin", 1))
        await reader.readuntil(b"begun\r\n")
        await feed(writer, b"nonsense")
        assert await reader.read() == b""


async def test_answer_after_a_refusal(patient: int, caplog: pytest.LogCaptureFixture) -> None:
    """An application that answers what has been refused is not heard, and does not fail."""
    async with connected(patient) as (reader, writer):
        await feed(writer, CHUNKED.replace(b"/", b"/late/early", 1) + b"nonsense", every=0.9)
        assert statuses(await reader.read()) == [400]
    assert not [record for record in caplog.records if record.exc_info]


async def test_end_after_a_refusal(patient: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes on after a refusal is not listened to for long."""
    monkeypatch.setattr(edge, "LINGER_SECONDS", 0.1)

    with pytest.raises(ConnectionError):
        await talk(patient, *[b"nonsense\r\n"] * 400, every=0.05)


# What is one


async def test_scope(patient: int) -> None:
    """The application sees what was sent: path, headers in their order, body."""
    answer = await talk(patient, b"POST /a%20b?c HTTP/1.1\r\nHost: A:1\r\nX: y\r\nContent-Length: 1\r\n\r\nb", LAST)

    headers = [["host", "A:1"], ["x", "y"], ["content-length", "1"]]
    assert documents(answer)[0] == {"path": "/a b", "version": "1.1", "headers": headers, "body": "b"}


@pytest.mark.parametrize("host", [b"example.org", b"127.0.0.1:8080", b"[::1]:8080"])
@pytest.mark.parametrize("target", [b"/last", b"http://%b/last?x", b"HTTPS://%b/last"])
async def test_targets_and_hosts(patient: int, host: bytes, target: bytes) -> None:
    """A target is a path, or has the host before it, which proxies send; hosts are names or addresses."""
    answer = await talk(patient, LAST.replace(b"/last", target.replace(b"%b", host)).replace(b": a", b": " + host))

    assert [seen["path"] for seen in documents(answer)] == ["/last"]


async def test_http_1_0(patient: int) -> None:
    """HTTP/1.0 needs no Host, is never told to continue, and ends the connection."""
    answer = await talk(patient, b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nb")

    assert (statuses(answer), documents(answer)[0]["version"]) == ([200], "1.0")


async def test_head(patient: int) -> None:
    """An answer to HEAD has no body, and the connection serves on."""
    answer = await talk(patient, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + LAST)

    assert [seen["path"] for seen in documents(answer)] == ["/last"]


async def test_expect(patient: int) -> None:
    """The client is told to continue as soon as the application reads."""
    async with connected(patient) as (reader, writer):
        await feed(writer, FINAL + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await feed(writer, b"b")
        assert statuses(await reader.read()) == [200]


async def test_expect_waits(hasty: int) -> None:
    """A client that waits to be told is not blamed."""
    async with connected(hasty) as (reader, writer):
        await feed(writer, b"POST /late HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        await reader.readuntil(b"100 Continue\r\n\r\n")
        await feed(writer, b"b" + LAST)
        assert statuses(await reader.read()) == [200, 200]


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
@pytest.mark.parametrize("head", [POST + b"Content-Length: 3\r\n\r\nGET", CHUNKED + b"3\r\nGET\r\n0\r\n\r\n"])
async def test_upgrade(patient: int, protocol: bytes, head: bytes) -> None:
    """An upgrade is not taken up: the body stays a body, what follows is the next request."""
    upgrade = b"Host: a\r\nConnection: Upgrade\r\nUpgrade: " + protocol

    answer = await talk(patient, head.replace(b"Host: a", upgrade) + LAST)

    assert [(seen["path"], seen["body"]) for seen in documents(answer)] == [("/", "GET"), ("/last", "")]


# The stop


async def begin_to_stop(server: uvicorn.Server) -> None:
    """Stop once a request has reached the application."""
    while not server.server_state.tasks:
        await asyncio.sleep(0.01)
    server.should_exit = True


@pytest.mark.parametrize("sent", [b"", GET, POST])
async def test_stop_without_a_request(sent: bytes) -> None:
    """A connection that is silent, idle or in the midst of a head is closed."""
    async with running(10, 30) as (server, port), connected(port) as (reader, writer):
        await feed(writer, sent, every=0.1)
        server.should_exit = True
        assert statuses(await reader.read()) == [200] * (sent == GET)


async def test_stop_with_a_request_in_work() -> None:
    """A request that is being worked on is answered, as the last of its connection."""
    async with running(10, 30) as (server, port), connected(port) as (reader, writer):
        await feed(writer, GET.replace(b"/", b"/late", 1))
        await begin_to_stop(server)
        assert statuses(await reader.read()) == [200]


async def test_stop_with_a_body_under_way() -> None:
    """A body that arrives in time is still answered."""
    async with running(10, 30) as (server, port), connected(port) as (reader, writer):
        await feed(writer, POST + b"Content-Length: 1\r\n\r\n")
        await begin_to_stop(server)
        await feed(writer, b"", b"b", every=0.3)
        assert statuses(await reader.read()) == [200]


@pytest.mark.parametrize("path", [b"/", b"/begin", b"/stream"])
async def test_stop_is_bounded(path: bytes) -> None:
    """Neither a stalled body nor a stream that ignores the stop keeps the server from stopping."""
    head = POST.replace(b"/", path, 1) + (b"\r\n" if path == b"/stream" else b"Content-Length: 9\r\n\r\n")
    async with running(10, 30) as (server, port), connected(port) as (reader, writer):
        await feed(writer, head)
        await begin_to_stop(server)
        assert statuses(await reader.read()) == [200 if path == b"/begin" else 500]
