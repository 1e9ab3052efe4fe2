"""The bounds of a connection, on real sockets: each test is one fact about bytes in and bytes out."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn

from jmap_oauth.http import server as edge
from tests.http.talking import (
    CHUNKED,
    FINAL,
    GET,
    LAST,
    LIMIT,
    POST,
    connected,
    documents,
    feed,
    running,
    sized,
    statuses,
    talk,
    talk_on,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

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


@pytest.mark.parametrize("size", [1, 9, 45, 62, 1000])
@pytest.mark.parametrize("head", [POST, POST + b"Upgrade: h2c\r\nConnection: Upgrade\r\n"])
async def test_same_head_again(patient: int, head: bytes, size: int) -> None:
    """A head that comes again is as good as new, with a body of its own, in however many parts it comes."""
    sent = b"".join(head + b"Content-Length: 5\r\n\r\n" + body for body in (b"first", b"\r\n\r\nx", b"third")) + LAST

    answers = documents(await talk(patient, *(sent[i : i + size] for i in range(0, len(sent), size))))

    assert [seen["body"] for seen in answers] == ["first", "\r\n\r\nx", "third", ""]
    assert all(seen["headers"] == answers[0]["headers"] for seen in answers[:3])


async def test_same_head_again_is_bounded_alike(patient: int) -> None:
    """What follows a request whose head came again is read as if it had not: a bad one is refused."""
    plain = POST + b"Content-Length: 1\r\n\r\nb"

    assert statuses(await talk(patient, plain * 3 + sized(LIMIT + 1))) == [200, 200, 200, 431]
    assert statuses(await talk(patient, plain * 3 + b"b" + LAST)) == [200, 200, 200, 400]


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
    assert statuses(await talk(hasty, GET, LAST, every=1)) == [200, 200]


async def test_silent_connection() -> None:
    """A connection is closed when the keep-alive time has passed since its last answer, not an earlier one."""
    async with running(10, 30) as (server, port):
        server.config.timeout_keep_alive = 0.3  # type: ignore[assignment]  # whole seconds, says uvicorn
        assert statuses(await talk(port, GET, GET, GET, every=0.2)) == [200] * 3


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
    parts = [b"b" * 2048] * 32

    assert statuses(await talk(hasty, FINAL + b"Content-Length: 65536\r\n\r\n", *parts, every=0.05)) == [200]


async def test_application_that_reads_late(hasty: int) -> None:
    """A client that is kept from sending is not blamed."""
    head = FINAL.replace(b"/", b"/late", 1) + b"Content-Length: 16000000\r\n\r\n"

    assert statuses(await talk(hasty, head, b"b" * 16_000_000)) == [200]


async def test_stall_after_the_answer_began(hasty: int) -> None:
    """When an answer has begun, a stalled body ends the connection without a second one."""
    answer = await talk(hasty, CHUNKED.replace(b"/", b"/begin", 1))

    assert (statuses(answer), answer.endswith(b"begun\r\n")) == ([200], True)


async def test_a_body_that_is_refused_is_not_asked_for(hasty: int, caplog: pytest.LogCaptureFixture) -> None:
    bad = POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"
    assert statuses(await talk(hasty, bad)) == [400]
    assert "Exception" not in caplog.text


async def test_endless_body_after_the_answer(hasty: int) -> None:
    """A body that goes on after its answer is read for one period more, whatever its pace."""
    chunks = [b"800\r\n" + b"b" * 2048 + b"\r\n"] * 400

    assert statuses(await talk_on(hasty, CHUNKED.replace(b"/", b"/early", 1), *chunks, every=0.05)) == [200]


async def test_body_that_ends_after_the_answer(hasty: int) -> None:
    """A connection whose body was complete only after the answer serves on, and is not open for ever."""
    head = b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"

    assert statuses(await talk(hasty, head, b"b" + GET, b"", head, b"b", every=0.05)) == [200, 200, 200]


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
