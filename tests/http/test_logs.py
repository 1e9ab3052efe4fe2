from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from jmap_oauth.http.exchange import Exchange
from jmap_oauth.http.logs import BATCH, MOST_WAITING, LogFormat, configure_logging, log_exchange

PACKAGE = "jmap_oauth"
LOGGERS = (PACKAGE, "uvicorn", "uvicorn.error", "uvicorn.access", "aiosqlite")


Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is as it was afterwards."""
    root, handlers = logging.root.level, logging.root.handlers[:]
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [(logger, logger.level, logger.propagate) for logger in loggers]
    yield
    logging.root.setLevel(root)
    logging.root.handlers[:] = handlers
    for logger, level, propagate in levels:
        logger.setLevel(level)
        logger.propagate = propagate


def log_one(format: LogFormat) -> None:
    configure_logging(format, "info")
    log_request()


def log_request() -> None:
    exchange = Exchange("r1", "192.0.2.1", {}, key_id="k1", calls=["Core/echo", "Foo/get"], status=200, size=12)
    log_exchange(exchange, "POST", "/a b", 0.0123456)


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_json_is_one_object_a_line(capsys: Capture) -> None:
    log_one("json")

    entry = json.loads(capsys.readouterr().err)
    assert re.fullmatch(TIME, entry.pop("time"))
    assert entry == {
        "level": "INFO",
        "logger": "jmap_oauth.http.access",
        "message": "request",
        "request_id": "r1",
        "remote_ip": "192.0.2.1",
        "method": "POST",
        "path": "/a b",
        "status": 200,
        "duration_ms": 12.346,
        "bytes": 12,
        "key": "k1",
        "calls": ["Core/echo", "Foo/get"],
    }


def test_text_is_one_line_of_words(capsys: Capture) -> None:
    log_one("text")

    expected = (
        rf"{TIME} INFO jmap_oauth\.http\.access request (request_id=\S+ )?remote_ip=192\.0\.2\.1 method=POST "
        r'path="/a b" status=200 duration_ms=12\.346 bytes=12 key=k1 calls=Core/echo,Foo/get\n'
    )
    assert re.fullmatch(expected, capsys.readouterr().err)


HOSTILE = "a\nINFO forged\r\x1b[2J\u202e\u2028\ud800"
HARMLESS = r"a\nINFO forged\r\x1b[2J\u202e\u2028\ud800"


@pytest.mark.parametrize("format", ["json", "text"])
def test_no_message_makes_a_line_of_its_own(capsys: Capture, format: LogFormat) -> None:
    configure_logging(format, "info")

    logging.getLogger(f"{PACKAGE}.x").warning("%s", HOSTILE)

    (line,) = capsys.readouterr().err.splitlines()
    message = json.loads(line)["message"] if format == "json" else line.split("x ", 1)[1]
    assert message.startswith(HARMLESS)


def fail(capsys: Capture, format: LogFormat) -> Any:
    configure_logging(format, "info")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger(f"{PACKAGE}.x").exception("failed", extra={"report": "r9"})
    return capsys.readouterr().err


def test_json_holds_the_exception_and_its_report_as_members(capsys: Capture) -> None:
    entry = json.loads(fail(capsys, "json"))

    assert entry["report"] == "r9"
    assert entry["exception"].startswith("Traceback (most recent call last):\n")
    assert entry["exception"].endswith("\nValueError: a\nINFO forged\\r\\x1b[2J\\u202e\\u2028\\ud800")


def test_text_sets_the_lines_of_an_exception_apart(capsys: Capture) -> None:
    first, *trace = fail(capsys, "text").split("\n")[:-1]

    assert re.fullmatch(rf"{TIME} ERROR jmap_oauth\.x failed (request_id=\S+ )?report=r9", first)
    assert trace[0] == "  | Traceback (most recent call last):"
    assert all(line.startswith("  | ") and line.isprintable() for line in trace)


def test_uvicorn_speaks_through_the_same_handler_but_not_of_requests(capsys: Capture) -> None:
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(sys.stdout))
    configure_logging("json", "info")

    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.access").info("GET /?token=MARKER")

    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["Started"]


def test_other_libraries_tell_no_more_than_warnings(capsys: Capture) -> None:
    """At lower levels a database driver logs the values it is given."""
    configure_logging("json", "debug")

    logging.getLogger("aiosqlite").debug("executing with MARKER")
    logging.getLogger("aiosqlite").warning("trouble")
    logging.getLogger(PACKAGE).debug("ours")

    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["trouble", "ours"]


def loggers_of(lines: str) -> list[str]:
    return [line.split()[2].rpartition(".")[2] for line in lines.splitlines()]


async def test_lines_of_requests_wait_for_others_but_no_other_line_passes_them(capsys: Capture) -> None:
    configure_logging("text", "info")
    log_request()
    log_request()
    before = capsys.readouterr().err
    logging.getLogger(f"{PACKAGE}.x").info("other")

    assert (before, loggers_of(capsys.readouterr().err)) == ("", ["access", "access", "x"])


async def test_lines_that_wait_are_written_after_a_moment(capsys: Capture) -> None:
    configure_logging("text", "info")
    for _ in range(2):
        log_request()
        written = ""
        while not written:
            await asyncio.sleep(0.01)
            written = capsys.readouterr().err
        assert loggers_of(written) == ["access"]


def test_lines_that_wait_are_written_when_their_loop_is_gone(capsys: Capture) -> None:
    async def log() -> None:
        configure_logging("text", "info")
        log_request()

    asyncio.run(log())
    log_request()
    logging.root.handlers[0].flush()

    assert loggers_of(capsys.readouterr().err) == ["access", "access"]


class Pieces(io.StringIO):
    """A stream that keeps apart what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


async def test_what_is_written_at_once_are_whole_lines_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Pieces())
    configure_logging("text", "info")
    for _ in range(2 * MOST_WAITING):
        log_request()

    assert sum(piece.count("\n") for piece in stream.pieces) == 2 * MOST_WAITING
    assert all(len(piece) <= BATCH and piece.endswith("\n") for piece in stream.pieces)
    assert len(stream.pieces) < 2 * MOST_WAITING / 10


@pytest.mark.parametrize("format", ["json", "text"])
def test_whoever_else_listens_gets_a_record_of_each_request_and_the_line_is_the_same(
    capsys: Capture, caplog: pytest.LogCaptureFixture, format: LogFormat
) -> None:
    log_one(format)
    alone = capsys.readouterr().err
    logging.root.addHandler(caplog.handler)
    log_request()

    assert re.sub(TIME, "", capsys.readouterr().err) == re.sub(TIME, "", alone) != ""
    assert [(each.name, each.levelname, each.getMessage()) for each in caplog.records] == [
        ("jmap_oauth.http.access", "INFO", "request")
    ]


def test_a_level_that_is_not_wanted_costs_and_writes_nothing(capsys: Capture) -> None:
    configure_logging("json", "warning")

    log_exchange(Exchange("r1", "192.0.2.1", {}), "GET", "/", 0.1)

    assert capsys.readouterr().err == ""
