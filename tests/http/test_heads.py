"""What is a request and what is none, on real sockets: each test is one fact about bytes in and bytes out."""

from __future__ import annotations

import logging
import re

import pytest

from jmap_oauth.http import server as edge
from tests.http.talking import CHUNKED, FINAL, LAST, LIMIT, POST, connected, documents, feed, sized, statuses, talk

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What is no request

TARGETS = (b"*", b"x", b"/#x", b"http://b/", b"http://u@a/", b"http://a", b"/\xff")
VERSIONS = (b"", b" HTTP/0.9", b" HTTP/1.2", b" HTTP/2.0", b" HTTP/1.1\nX: y")
HOSTS = (
    b"X: y",
    b"Host:",
    b"Host: a\r\nHost: a",
    b"Host: a/b",
    b"Host: u@a",
    b"Host: a b",
    b"Host: a:b",
    b"Host: " + b"a" * 254,
)
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
