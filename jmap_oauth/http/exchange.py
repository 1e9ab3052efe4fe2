"""What the edge knows of one request and its answer, from the first header to the line in the log."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from time import perf_counter

from msgspec import Struct, field
from starlette.types import Scope

from jmap_oauth.http.addresses import remote_ip

CLIENT_CLOSED = 499
"""The status in log and metrics of a request whose client did not get its whole answer (as nginx writes it)."""

BODY_IS_HERE = "body_is_here"
"""True in the state of a scope (ASGI) once the server has the whole body."""

IS_LOST = "is_lost"
"""True in the state of a scope (ASGI) if the connection ended before the answer was complete."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, for log lines of whatever layer."""

_SCOPE_KEY = "exchange"
# Nothing that could break a line of the log, or fill it.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")


class Exchange(Struct, eq=False):
    """One request and its answer. `calls` are names of methods, `size` counts the bytes of the answer's body.

    `has_begun` tells that the head of the answer is on its way, `is_stream` that the answer goes on for as long as the
    client listens.
    """

    request_id: str
    remote_ip: str
    headers: Mapping[bytes, bytes]
    key_id: str | None = None
    calls: Sequence[str] = ()
    status: int = CLIENT_CLOSED
    size: int = 0
    has_begun: bool = False
    is_stream: bool = False
    started: float = field(default_factory=perf_counter)


def begin_exchange(scope: Scope) -> Exchange:
    """Take down a request and leave the result in its scope."""
    headers = join_headers(scope["headers"])
    exchange = Exchange(_choose_id(headers), remote_ip(scope), headers)
    scope[_SCOPE_KEY] = exchange
    request_id.set(exchange.request_id)
    return exchange


def exchange_of(scope: Scope) -> Exchange:
    exchange: Exchange = scope[_SCOPE_KEY]
    return exchange


def join_headers(given: Sequence[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Join what is given more than once (RFC 9110 section 5.3); no value made so is a good key, host or type."""
    headers = dict(given)
    if len(headers) < len(given):
        headers = {name: b", ".join(value for other, value in given if other == name) for name in headers}
    return headers


def _choose_id(headers: Mapping[bytes, bytes]) -> str:
    """Take the client's id if it is harmless, so that it can be followed through proxies; else make one."""
    offered = headers.get(b"x-request-id")
    if offered and _REQUEST_ID.fullmatch(offered):
        return offered.decode()
    return random.randbytes(12).hex()  # noqa: S311  # a name and no secret, so it need not cost a system call
