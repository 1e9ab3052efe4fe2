"""Heads of requests that are none (RFC 9112), and the answer to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
from httptools import parse_url

from jmap_oauth.http.addresses import HOST
from jmap_oauth.http.exchange import join_headers

MAX_HEADERS = 100

Headers = Sequence[tuple[bytes, bytes]]
_TARGET = re.compile(rb"(?:/|https?://([^/?#@]+)/)[^#]*", re.IGNORECASE)


class Head(NamedTuple):
    """What a head says: members of the scope (ASGI), bytes of body by Content-Length, 0 without it, whether the body
    is chunked, and whether the client waits to be told to go on.
    """

    scope: Mapping[str, str | bytes]
    content_length: int
    is_chunked: bool
    expects_100_continue: bool


def read_head(version: str, method: bytes, target: bytes, headers: Headers) -> Head | HTTPStatus:
    """Read a head which llhttp accepted; a status refuses it."""
    if len(headers) > MAX_HEADERS:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    joined = join_headers(headers)  # a field that comes twice matches nothing of what is looked for
    scope = _read(version, method, target, joined.get(b"host"), joined.get(b"transfer-encoding"))
    if scope is None:
        return HTTPStatus.BAD_REQUEST
    # RFC 9110 section 10.1.1
    expects = b"expect" in joined and joined[b"expect"].lower() == b"100-continue" and version == "1.1"
    chunked = b"transfer-encoding" in joined
    return Head(scope, int(joined.get(b"content-length", 0)), chunked, expects)


@lru_cache(maxsize=64)
def _read(
    version: str, method: bytes, target: bytes, host: bytes | None, coding: bytes | None
) -> Mapping[str, str | bytes] | None:
    """Return members of the scope, or None for what is no request (RFC 9112 sections 2.3, 3.2 and 6.1).

    Nearly all requests say the same of this, and no head is so large that those that are kept take much memory.
    """
    parsed = _TARGET.fullmatch(target)
    sound = (
        version in ("1.0", "1.1")
        and parsed is not None
        and method != b"CONNECT"
        and (version == "1.0" if host is None else HOST.fullmatch(host) is not None)
        # The RFC lets the target's authority win over Host; no honest client sends two that differ.
        and (parsed[1] is None or host is None or parsed[1].lower() == host.lower())
        # llhttp takes any coding before chunked, and HTTP/1.0 too, where a proxy may see another end of the body.
        and (coding is None or (coding.strip().lower() == b"chunked" and version == "1.1"))
    )
    return _scope_of(version, method, target) if sound else None


def _scope_of(version: str, method: bytes, target: bytes) -> Mapping[str, str | bytes]:
    url = parse_url(target)
    return {
        "http_version": version,
        "method": method.decode(),
        "path": unquote(url.path.decode("ascii")),
        "raw_path": url.path,
        "query_string": url.query or b"",
    }


def render_refusal(status: HTTPStatus, headers: Headers) -> bytes:
    """Return a whole answer, a problem document (RFC 9457), after which the connection ends."""
    document = msgspec.json.encode({"type": "about:blank", "status": status.value, "title": status.phrase})
    own = ((b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(document)))
    fields = (*headers, *own, (b"cache-control", b"no-store"), (b"connection", b"close"))
    start = b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    return start + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + document
