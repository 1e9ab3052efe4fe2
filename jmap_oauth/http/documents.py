"""What Stalwart's web UI and command line ask for beside the Session: the schema document and the key's permissions."""

from __future__ import annotations

import base64
import gzip
import hashlib
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from jmap_oauth.http.addresses import BaseUrl
from jmap_oauth.http.authentication import Gate
from jmap_oauth.http.exchange import exchange_of

# A key is needed to get it, so no cache that others share may keep it.
_IMMUTABLE = "private, max-age=31536000, immutable"


class SchemaEndpoint:
    """`GET /api/schema` leads to `/api/schema/{hash}`, which never changes: the hash is of the bytes sent.

    They are gzip whatever the client says it accepts; both clients rely on it.
    """

    def __init__(self, gate: Gate, schema: bytes, base_url: BaseUrl) -> None:
        self._gate = gate
        self._base_url = base_url
        self._content = gzip.compress(schema, mtime=0)
        self._hash = base64.urlsafe_b64encode(hashlib.sha256(self._content).digest()).rstrip(b"=").decode()

    async def get(self, request: Request) -> Response:
        await self._gate.admit(exchange_of(request.scope))
        if request.path_params.get("hash") == self._hash:
            headers = {"Content-Encoding": "gzip", "Cache-Control": _IMMUTABLE}
            return Response(self._content, media_type="application/json", headers=headers)
        location = f"{self._base_url.path_of(request.scope)}/api/schema/{self._hash}"
        return Response(status_code=HTTPStatus.FOUND, headers={"Location": location})


class AccountEndpoint:
    """`GET /api/account`. The edition is the one in which the web UI shows tenants; the locale must be a text."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def get(self, request: Request) -> Response:
        principal = await self._gate.admit(exchange_of(request.scope))
        account = {"permissions": sorted(principal.permissions), "edition": "enterprise", "locale": "en_US"}
        return Response(msgspec.json.encode(account), media_type="application/json")
