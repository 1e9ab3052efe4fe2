"""The log: one line a record, as JSON or as text, in which no client can write lines of its own.

No line holds a token or anything of a body. What clients chose (a path) is bounded, and escaped where not printable.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec

from jmap_oauth.http.exchange import Exchange, request_id

LogFormat = Literal["json", "text"]

MAX_PATH = 200
"""Characters of a path in the log."""

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
    record = _access.makeRecord(_access.name, logging.INFO, "", 0, "request", (), None, extra={"fields": fields})
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
    handler = logging.StreamHandler(sys.stderr)
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


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {**_head(record), **_fields(record)}
        if trace := _trace(self, record):
            entry["exception"] = "\n".join(trace)
        return _encode(entry).decode()


class TextFormatter(logging.Formatter):
    """One line: time, level, logger, message, `name=value` …; an exception follows in lines that begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        fields = (f"{name}={_word(value)}" for name, value in _fields(record).items() if value is not None)
        line = " ".join((*_head(record).values(), *fields))
        return "\n  | ".join((line, *_trace(self, record)))


def _head(record: logging.LogRecord) -> Mapping[str, str]:
    return {
        "time": f"{_second(int(record.created))}.{int(record.msecs):03}Z",
        "level": record.levelname,
        "logger": record.name,
        "message": printable(record.getMessage()),
    }


@lru_cache(maxsize=1)
def _second(time: int) -> str:
    """Write a second since 1970; many lines share one."""
    return datetime.fromtimestamp(time, UTC).isoformat()[:19]


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what a record holds beside its message, the id of the request first."""
    fields: dict[str, object] = {"request_id": id} if (id := request_id.get()) else {}
    if report := getattr(record, "report", None):
        fields["report"] = report
    return {**fields, **getattr(record, "fields", {})}


def _word(value: object) -> str:
    """Write a value so that it ends where the next blank is, or its closing quote."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if _PLAIN.fullmatch(text) else msgspec.json.encode(text).decode()


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> Sequence[str]:
    """Return the lines of an exception; its text may be a client's."""
    if not record.exc_info:
        return []
    return [printable(line) for line in formatter.formatException(record.exc_info).split("\n")]
