"""The log: one line a record, as JSON or as text, in which no client can write lines of its own.

No line holds a token or anything of a body. What clients chose (a path) is bounded, and escaped where not printable.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Literal, TextIO

import msgspec
from msgspec import Struct

from jmap_oauth.http.exchange import Exchange, request_id

LogFormat = Literal["json", "text"]

MAX_PATH = 200
"""Characters of a path in the log."""

BATCH = 4096
"""Characters written at once, Linux' PIPE_BUF: a pipe keeps apart what several workers write up to that."""

MOST_WAITING = 64
"""Lines that wait; one more has them written."""

BATCH_SECONDS = 0.1
"""How long a line may wait."""

_encode = msgspec.json.Encoder(enc_hook=str).encode
_access = logging.getLogger(f"{__package__}.access")
_LEVEL, _REQUEST = "INFO", "request"
_PLAIN = re.compile(r"[!#-<>-~]+")  # printable ASCII, but for blank, quote and equals sign


class _Ended(Struct, frozen=True):
    """A request that has ended, with the time in seconds since 1970."""

    at: float
    exchange: Exchange
    method: str
    path: str
    seconds: float

    def members(self) -> dict[str, object]:
        """Return what its line holds."""
        exchange = self.exchange
        return {
            "time": _time(self.at),
            "level": _LEVEL,
            "logger": _access.name,
            "message": _REQUEST,
            "request_id": exchange.request_id,
            "remote_ip": exchange.remote_ip,
            "method": self.method,
            "path": printable(self.path[:MAX_PATH]),
            "status": exchange.status,
            "duration_ms": round(self.seconds * 1e6) / 1e3,  # round(…, 3) writes and reads a text
            "bytes": exchange.size,
            "key": exchange.key_id,
            "calls": exchange.calls,
        }


def log_exchange(exchange: Exchange, method: str, path: str, seconds: float) -> None:
    """Have the line of a request written that has ended."""
    if not _access.isEnabledFor(logging.INFO):
        return
    ended = _Ended(time(), exchange, method, path, seconds)
    if handler := _find_only_handler():
        handler.put(ended)
        return
    # Not info(): that would walk up the stack for a file and a line number which nobody prints.
    record = logging.LogRecord(_access.name, logging.INFO, "", 0, _REQUEST, None, None)
    record.__dict__["fields"] = dict([*ended.members().items()][_HEAD:])
    _access.handle(record)


def _find_only_handler() -> BatchHandler | None:
    """Return the handler that writes all there is to write of a request: a record would cost more than its line.

    None if anybody else listens as well, or chooses: an application around this one, or a test.
    """
    logger = _access
    while not logger.handlers and logger.propagate and logger.parent:
        logger = logger.parent
    if logger.parent or len(logger.handlers) != 1 or _access.filters:
        return None
    only = logger.handlers[0]
    return only if isinstance(only, BatchHandler) else None


def printable(text: str) -> str:
    """Escape line ends, terminal controls, bidi controls and lone surrogates."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def configure_logging(format: LogFormat, level: str) -> None:
    """Send the records of this program and of uvicorn to standard error.

    Of other libraries only warnings are wanted: at lower levels a database driver logs what it is given.
    """
    handler = BatchHandler(sys.stderr, JsonFormatter() if format == "json" else TextFormatter())
    handler.addFilter(_is_no_cancellation)
    logging.root.handlers[:] = [handler]
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line names them
    logging.root.setLevel(logging.WARNING)
    for name in (__name__.partition(".")[0], "uvicorn"):
        logging.getLogger(name).setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # the line of a request is ours


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Leave out what uvicorn takes for faults: requests that it cancelled itself, as a stop took too long."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class BatchHandler(logging.Handler):
    """Makes and writes the lines of requests some at a time, off the request, of which each would take a tenth.

    Any other line goes out at once, behind those that wait, and so do they when no event loop runs. The lines that wait
    at the end of the process are written by `logging` itself; a process that is killed loses them.
    """

    def __init__(self, stream: TextIO, formatter: JsonFormatter | TextFormatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._stream = stream
        self._write_line = formatter.line
        self._waiting: deque[_Ended | str] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if record.name == _access.name:
            self.put(line)
        else:
            self._waiting.append(line)
            self.flush()

    def put(self, line: _Ended | str) -> None:
        """Have the line of a request written."""
        self._waiting.append(line)
        if len(self._waiting) >= MOST_WAITING:
            self.flush()
        elif self._loop is None or self._loop.is_closed():
            self._flush_soon()

    def flush(self) -> None:
        self.acquire()
        try:
            for text in _join_lines(self._take_lines()):
                self._stream.write(text)
                self._stream.flush()
        except OSError:
            pass  # there is no other place to say so
        finally:
            self.release()

    def _take_lines(self) -> Iterator[str]:
        while self._waiting:
            each = self._waiting.popleft()
            if isinstance(each, _Ended):
                each = self._write_line(each.members())
            yield each + "\n"

    def _flush_soon(self) -> None:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            self._loop.call_later(BATCH_SECONDS, self._end_wait)

    def _end_wait(self) -> None:
        self._loop = None
        self.flush()


def _join_lines(lines: Iterable[str]) -> Iterator[str]:
    """Join lines as long as they are no longer than what is written at once."""
    text = ""
    for line in lines:
        if text and len(text) + len(line) > BATCH:
            yield text
            text = ""
        text += line
    if text:
        yield text


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        members = _members(record)
        if record.exc_info:
            members["exception"] = "\n".join(_trace(self, record))
        return self.line(members)

    def line(self, members: Mapping[str, object]) -> str:
        return _encode(members).decode()


class TextFormatter(logging.Formatter):
    """One line: time, level, logger, message, `name=value` …; an exception follows in lines that begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n  | ".join((self.line(_members(record)), *_trace(self, record)))

    def line(self, members: Mapping[str, object]) -> str:
        values = list(members.items())
        head = (str(value) for _, value in values[:_HEAD])
        fields = (f"{name}={_word(value)}" for name, value in values[_HEAD:] if value is not None)
        return " ".join((*head, *fields))


_HEAD = 4  # members of every line


def _members(record: logging.LogRecord) -> dict[str, object]:
    """Return what a line holds: the head, the id of the request, and what the record has beside its message."""
    members: dict[str, object] = {
        "time": _time(record.created),
        "level": record.levelname,
        "logger": record.name,
        "message": printable(record.getMessage()),
    }
    if id := request_id.get():
        members["request_id"] = id
    if report := getattr(record, "report", None):
        members["report"] = report
    members.update(getattr(record, "fields", ()))
    return members


def _time(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds * 1000) % 1000:03}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    """Write a second since 1970; many lines share one."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def _word(value: object) -> str:
    """Write a value so that it ends where the next blank is, or its closing quote."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if _PLAIN.fullmatch(text) else msgspec.json.encode(text).decode()


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> Sequence[str]:
    """Return the lines of an exception; its text may be a client's."""
    if not record.exc_info:
        return []
    return [printable(line) for line in formatter.formatException(record.exc_info).split("\n")]
