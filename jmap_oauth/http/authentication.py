"""Authentication as far as it is HTTP: an Authorization header in, a Principal or a problem out."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Protocol

from jmap_oauth.access.keys import Refusal
from jmap_oauth.access.principal import Principal
from jmap_oauth.http.exchange import Exchange
from jmap_oauth.http.metrics import Metrics
from jmap_oauth.http.problems import Problem, make_problem
from jmap_oauth.store.interface import Unavailable

MAX_AUTHORIZATION = 4096
"""Bytes of an Authorization header; a longer one holds no key of ours."""

RETRY_SECONDS = 1
"""When to ask again if the keys cannot be looked up."""

# Both are offered always: which scheme was tried, and why it failed, is nobody's business.
_CHALLENGES = (("www-authenticate", 'Bearer realm="jmap"'), ("www-authenticate", 'Basic realm="jmap", charset="UTF-8"'))


class Keys(Protocol):
    """Whatever recognises API keys: None stands for no credentials, "" for some that are malformed."""

    async def admit(self, token: str | None, remote_ip: str, request_id: str) -> Principal | Refusal: ...


class Gate:
    """Lets requests with a good key in."""

    def __init__(self, keys: Keys, metrics: Metrics) -> None:
        self._keys = keys
        self._metrics = metrics

    async def admit(self, exchange: Exchange) -> Principal:
        """Return who is asking.

        Raises:
            Problem: 401, 429 or 503.
        """
        token = read_token(exchange.headers.get(b"authorization"))
        try:
            admitted = await self._keys.admit(token, exchange.remote_ip, exchange.request_id)
        except Unavailable:
            raise _unavailable() from None
        if isinstance(admitted, Principal):
            exchange.key_id = admitted.id
            return admitted
        self._metrics.refused += token is not None
        raise _unauthorized() if admitted.retry_after is None else _too_many_failures(admitted.retry_after)


def read_token(header: bytes | None) -> str | None:
    """Return the API key in an Authorization header: `Bearer <key>` (RFC 6750) or `Basic <user:key>` (RFC 7617).

    None stands for no header, "" for one that is malformed. Basic takes any user name; a key in the place of the user
    name is not taken, because programs show and log user names.
    """
    if header is None:
        return None
    if len(header) > MAX_AUTHORIZATION:
        return ""
    scheme, _, credentials = header.strip().partition(b" ")
    match scheme.lower():
        case b"bearer":
            return _text(credentials.strip())
        case b"basic":
            return _text(_password(credentials.strip()))
    return ""


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""


def _text(credentials: bytes) -> str:
    try:
        token = credentials.decode()
    except UnicodeDecodeError:
        return ""
    return token if token.isprintable() else ""


def _unauthorized() -> Problem:
    detail = "A valid API key is needed, as Bearer token or as password of Basic authentication."
    return make_problem(HTTPStatus.UNAUTHORIZED, detail, _CHALLENGES)


def _too_many_failures(retry_after: int) -> Problem:
    detail = "Authentication failed too often from this address."
    return make_problem(HTTPStatus.TOO_MANY_REQUESTS, detail, [("retry-after", str(retry_after))])


def _unavailable() -> Problem:
    detail = "API keys cannot be looked up at the moment."
    return make_problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, [("retry-after", str(RETRY_SECONDS))])
