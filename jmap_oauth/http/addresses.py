"""Where a request came from, and the URL under which it reached this server."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import Scope

from jmap_oauth.access.addresses import parse_address

UNKNOWN_ADDRESS = "unknown"
"""Stands for the address of a client that has none (a unix socket); it is in no network."""

_LONGEST_ADDRESS = 64
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")
"""A Host header (RFC 9110 section 7.2); what is accepted comes back in the Session."""


def remote_ip(scope: Scope) -> str:
    """Return the address of the client: without zone, and IPv4 as such even if it came over an IPv6 socket."""
    client = scope.get("client")
    host = client[0] if client else ""
    return _normal_address(host) if len(host) <= _LONGEST_ADDRESS else UNKNOWN_ADDRESS


@lru_cache(maxsize=4096)
def _normal_address(host: str) -> str:
    address = parse_address(host.partition("%")[0])
    return UNKNOWN_ADDRESS if address is None else str(address)


class BaseUrl:
    """The URL that all paths of this server follow, without a slash at its end.

    It is the configured one, else the one the client used. A Host that is none is never repeated: the server's own
    address takes its place.
    """

    def __init__(self, public_url: str | None) -> None:
        self._public = public_url.rstrip("/") if public_url else None

    def of(self, scope: Scope, host: bytes | None) -> str:
        """Return the base URL for a request with this Host header."""
        if self._public is not None:
            return self._public
        return _base_url(scope["scheme"], host, tuple(scope.get("server") or _NO_SERVER), scope.get("root_path", ""))

    def path_of(self, scope: Scope) -> str:
        """Return the path of the base URL: empty, or one that begins with a slash."""
        path: str = scope.get("root_path", "") if self._public is None else urlsplit(self._public).path
        return path


_Server = tuple[str, int | None]
_NO_SERVER: _Server = ("localhost", None)


@lru_cache(maxsize=64)
def _base_url(scheme: str, host: bytes | None, server: _Server, root_path: str) -> str:
    """Make a URL; nearly all requests use the same."""
    name = host.decode() if host and HOST.fullmatch(host) else _own_address(*server)
    secure = scheme == "https"  # a trusted proxy may have said ws or wss
    return f"{'https' if secure else 'http'}://{name}{root_path}"


def _own_address(host: str, port: int | None) -> str:
    if port is None:  # a unix socket: `host` is its path
        return "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
