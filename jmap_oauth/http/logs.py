"""The log: one line a record, as JSON or as text, in which no client can write lines of its own.

No line holds a token or anything of a body. What clients chose (a path) is bounded, and escaped where not printable.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TextIO

import msgspec

from jmap_oauth.http.exchange import Exchange, request_id

LogFormat = Literal["json", "text"]

MAX_PATH = 200
"""Characters of a path in the log."""

BATCH = 4096
"""Characters written at once, Linux' PIPE_BUF: a pipe keeps apart what several workers write up to that."""

BATCH_SECONDS = 0.1
"""How long a line may wait."""

_encode = msgspec.json.Encoder(enc_hook=str).encode
_access = logging.getLogger(f"{__package__}.access")
_PLAIN = re.compile(r"[!#-<>-~]+")  # printable ASCII, but for blank, quote and equals sign


def log_exchange(exchange: Exchange, method: str, path: str, seconds: float) -> None:
    """Write the line of a request that has ended."""
    if not _access.isEnabledFor(logging.INFO):
        return
    fields = {
        "remote_ip": exchange.remote_ip,
        "method": method,
        "path": printable(path[:MAX_PATH]),
        "status": exchange.status,
        "duration_ms": round(seconds * 1000, 3),
        "bytes": exchange.size,
        "key": exchange.key_id,
        "calls": exchange.calls,
    }
    # Not info(): that would walk up the stack for a file and a line number which nobody prints.
    record = logging.LogRecord(_access.name, logging.INFO, "", 0, "request", None, None)
    record.__dict__["fields"] = fields
    _access.handle(record)


def printable(text: str) -> str:
    """Escape line ends, terminal controls, bidi controls and lone surrogates."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def configure_logging(format: LogFormat, level: str) -> None:
    """Send the records of this program and of uvicorn to standard error.

    Of other libraries only warnings are wanted: at lower levels a database driver logs what it is given.
    """
    handler = BatchHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
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
    """Writes the lines of requests some at a time, off the request: one line a write costs a tenth of a small request.

    Any other line goes out at once, behind those that wait, and so do they when no event loop runs. The lines that wait
    at the end of the process are written by `logging` itself; a process that is killed loses them.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._waiting = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
        except Exception:
            self.handleError(record)
            return
        if len(self._waiting) + len(line) > BATCH:
            self.flush()
        self._waiting += line
        if record.name != _access.name:
            self.flush()
        elif self._loop is None or self._loop.is_closed():
            self._flush_soon()

    def flush(self) -> None:
        self.acquire()
        try:
            text, self._waiting = self._waiting, ""
            if text:
                self._stream.write(text)
                self._stream.flush()
        except OSError:
            pass  # there is no other place to say so
        finally:
            self.release()

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


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        members = _members(record)
        if record.exc_info:
            members["exception"] = "\n".join(_trace(self, record))
        return _encode(members).decode()


class TextFormatter(logging.Formatter):
    """One line: time, level, logger, message, `name=value` …; an exception follows in lines that begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        members = list(_members(record).items())
        head = (str(value) for _, value in members[:_HEAD])
        fields = (f"{name}={_word(value)}" for name, value in members[_HEAD:] if value is not None)
        line = " ".join((*head, *fields))
        return "\n  | ".join((line, *_trace(self, record)))


_HEAD = 4  # members of every line


def _members(record: logging.LogRecord) -> dict[str, object]:
    """Return what a line holds: the head, the id of the request, and what the record has beside its message."""
    members: dict[str, object] = {
        "time": f"{_second(int(record.created))}.{int(record.msecs):03}Z",
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


@lru_cache(maxsize=1)
def _second(time: int) -> str:
    """Write a second since 1970; many lines share one."""
    return datetime.fromtimestamp(time, UTC).isoformat()[:19]


def _word(value: object) -> str:
    """Write a value so that it ends where the next blank is, or its closing quote."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if _PLAIN.fullmatch(text) else msgspec.json.encode(text).decode()


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> Sequence[str]:
    """Return the lines of an exception; its text may be a client's."""
    if not record.exc_info:
        return []
    return [printable(line) for line in formatter.formatException(record.exc_info).split("\n")]
