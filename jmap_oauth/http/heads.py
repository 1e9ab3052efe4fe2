"""Heads of requests that are none (RFC 9112), and the answer to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from jmap_oauth.http.addresses import HOST
from jmap_oauth.http.exchange import join_headers

MAX_HEADERS = 100

Headers = Sequence[tuple[bytes, bytes]]
_TARGET = re.compile(rb"(?:/|https?://([^/?#@]+)/)[^#]*", re.IGNORECASE)


def find_fault(version: str, method: bytes, target: bytes, headers: Headers) -> HTTPStatus | None:
    """Return the status that refuses a head which llhttp accepted, or None (RFC 9112 sections 2.3, 3.2 and 6.1)."""
    if len(headers) > MAX_HEADERS:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    joined = join_headers(headers)  # a field that comes twice matches nothing below
    host, coding = joined.get(b"host"), joined.get(b"transfer-encoding")
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
    return None if sound else HTTPStatus.BAD_REQUEST


def render_refusal(status: HTTPStatus, headers: Headers) -> bytes:
    """Return a whole answer, a problem document (RFC 9457), after which the connection ends."""
    document = msgspec.json.encode({"type": "about:blank", "status": status.value, "title": status.phrase})
    own = ((b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(document)))
    fields = (*headers, *own, (b"cache-control", b"no-store"), (b"connection", b"close"))
    start = b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    return start + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + document
