"""Upload and download of binary data (RFC 8620 sections 6.1 and 6.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jmap_oauth.access.policy import Policy
from jmap_oauth.access.principal import Principal
from jmap_oauth.http.api import check_content_length, read_body
from jmap_oauth.http.authentication import RETRY_SECONDS, Gate
from jmap_oauth.http.concurrency import Concurrency
from jmap_oauth.http.exchange import exchange_of
from jmap_oauth.http.problems import Problem, make_problem, request_problem
from jmap_oauth.protocol.errors import RequestError
from jmap_oauth.protocol.types import Limits
from jmap_oauth.store.interface import Unavailable

UNKNOWN_TYPE = "application/octet-stream"
MAX_TYPE = 255
MAX_NAME = 255
PIECE = 65_536
"""Bytes of a download that are handed over at once: the next ones wait until the client has read on."""

_SIZE = "maxSizeUpload"
_TCHARS = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
# RFC 9110 section 8.3.1. No blank can be read in two ways, so that none makes the search try again.
_MEDIA_TYPE = re.compile(rf"{_TCHARS}/{_TCHARS}(?:[ \t]*;(?:[ \t]*{_TCHARS}=(?:{_TCHARS}|{_QUOTED}))?)*[ \t]*")
# What a browser would run, or take for a page or the style of one, if it were told so.
_ACTIVE = re.compile("html|xml|script|css|^multipart/", re.IGNORECASE)
_ATTRIBUTE = "!#$&+-.^_`|~"  # what RFC 8187 leaves as it is, beside letters and digits
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()+-]")


class Blobs(Protocol):
    """Wherever blobs are kept; one belongs to the principal that uploaded it. Both raise Unavailable."""

    async def put(self, principal: Principal, data: bytes) -> str: ...

    async def get(self, principal: Principal, id: str) -> bytes | None: ...


class Upload(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to an upload (RFC 8620 section 6.1); `size` is in bytes."""

    account_id: str
    blob_id: str
    type: str
    size: int


class UploadEndpoint:
    """`POST /jmap/upload/{accountId}`. Uploads are counted per account, in this process."""

    def __init__(self, gate: Gate, blobs: Blobs, policy: Policy, limits: Limits) -> None:
        self._gate = gate
        self._blobs = blobs
        self._policy = policy
        self._max_size = limits.max_size_upload
        self._running = Concurrency(
            limits.max_concurrent_upload, "maxConcurrentUpload", "uploads at once to one account"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep a body. Nothing of it is read before everything else is found good."""
        headers = exchange_of(scope).headers
        principal = await self._admit(scope)
        try:
            check_content_length(headers, self._max_size, _SIZE)
            with self._running.one(principal.account):
                data = await read_body(receive, self._max_size, _SIZE)
                # A body may take its time, in which a key can be revoked: what acts is the key as it is now.
                principal = await self._admit(scope)
                id = await self._blobs.put(principal, data)
        except RequestError as error:
            raise request_problem(error) from None
        except Unavailable:
            raise _unavailable("The upload cannot be kept at the moment.") from None
        except ClientDisconnect:
            return  # nobody is left to answer
        type = read_media_type(headers.get(b"content-type", b"").decode("latin-1"))
        answer = msgspec.json.encode(Upload(principal.account, id, type, len(data)))
        await Response(answer, HTTPStatus.CREATED, media_type="application/json")(scope, receive, send)

    async def _admit(self, scope: Scope) -> Principal:
        """Return who uploads.

        Raises:
            Problem: 401, 403, 404, 429 or 503.
        """
        exchange = exchange_of(scope)
        principal = await self._gate.admit(exchange)
        _check_account(principal, scope)
        _check_site(exchange.headers)
        if self._policy.is_read_only(principal):
            raise make_problem(HTTPStatus.FORBIDDEN, "A key that may change nothing may not upload.")
        return principal


class DownloadEndpoint:
    """`GET /jmap/download/{accountId}/{blobId}/{name}?type=`, whose answers no browser runs or shows.

    They are not to be cached, other than RFC 8620 section 6.2 recommends: nothing about data is, here.
    """

    def __init__(self, gate: Gate, blobs: Blobs, limits: Limits) -> None:
        self._gate = gate
        self._blobs = blobs
        self._running = Concurrency(
            limits.max_concurrent_requests, "maxConcurrentRequests", "downloads at once with one key"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a blob. Whatever the reason why it is not there, the answer is the same."""
        principal = await self._gate.admit(exchange_of(scope))
        _check_account(principal, scope)
        try:
            with self._running.one(principal.id):
                data = await self._blobs.get(principal, scope["path_params"]["blobId"])
                if data is None:
                    raise _not_found()
                await _send(send, data, _headers(scope, len(data)))
        except RequestError as error:
            raise request_problem(error) from None
        except Unavailable:
            raise _unavailable("Blobs cannot be read at the moment.") from None


def read_media_type(text: str) -> str:
    """Return a media type (RFC 9110 section 8.3.1) as it is, and for anything else the type of plain bytes."""
    return text if len(text) <= MAX_TYPE and _MEDIA_TYPE.fullmatch(text) else UNKNOWN_TYPE


def harmless_type(text: str) -> str:
    """Return a media type that a browser neither runs nor takes for a page, whatever the bytes; others as plain bytes.

    Every answer is for saving only, but `<script src>` looks at the type alone.
    """
    type = read_media_type(text)
    return UNKNOWN_TYPE if _ACTIVE.search(type) else type


def disposition_of(name: str) -> str:
    """Return the Content-Disposition for saving under a name (RFC 6266), in plain ASCII and in full (RFC 8187).

    "_" stands for what no file name has: separators of paths, controls, and what turns the direction of writing.
    """
    safe = "".join(each if each.isprintable() and each not in "/\\" else "_" for each in name[:MAX_NAME])
    if not safe:
        return "attachment"
    return f"attachment; filename=\"{_NOT_PLAIN.sub('_', safe)}\"; filename*=UTF-8''{quote(safe, safe=_ATTRIBUTE)}"


def _check_account(principal: Principal, scope: Scope) -> None:
    if scope["path_params"]["accountId"] != principal.account:
        raise _not_found()


def _check_site(headers: Mapping[bytes, bytes]) -> None:
    """Refuse what a browser may have sent for any web site: it adds stored Basic credentials, but never a token."""
    if b"origin" in headers and headers.get(b"authorization", b"").lstrip()[:5].lower() == b"basic":
        raise make_problem(HTTPStatus.FORBIDDEN, "To upload from a web page, send the key as Bearer token.")


def _not_found() -> Problem:
    return make_problem(HTTPStatus.NOT_FOUND, "There is no such account or blob.")


def _unavailable(detail: str) -> Problem:
    return make_problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, [("retry-after", str(RETRY_SECONDS))])


def _headers(scope: Scope, size: int) -> Mapping[str, str]:
    return {
        "content-type": harmless_type(QueryParams(scope["query_string"]).get("type", "")),
        "content-length": str(size),
        "content-disposition": disposition_of(scope["path_params"]["name"]),
        "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    }


async def _send(send: Send, data: bytes, headers: Mapping[str, str]) -> None:
    raw = [(name.encode(), value.encode("ascii")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": raw})
    for start in range(0, len(data), PIECE):
        await send({"type": "http.response.body", "body": data[start : start + PIECE], "more_body": True})
    await send({"type": "http.response.body", "body": b""})
