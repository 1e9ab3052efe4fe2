"""What is sent: the clients that a database is filled with, and Requests over the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

KEY = "benchmark-administrator-key-0123456789"
NUMBER = "N" * 10
"""Stands in a request for a number of ten digits that no other request of the same load has."""

TEAMS = 100
"""Of how many teams each has a hundredth of the clients; one more has a few, see `RARE`."""

FEW, RARE = 1_000, 100
"""Clients of a tenant and of a team that do not grow with the number of clients."""

_USING = ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"]
_METADATA = "urn:jmap-oauth:metadata"
_HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

Call = tuple[str, Mapping[str, Any], str]


def make_client(name: str, team: str = "nobody") -> Mapping[str, Any]:
    """Return a client as one would be registered."""
    return {
        "clientId": f"app-{name}",
        "description": f"The application {name} of team{team}",
        "contacts": {f"team{team}@example.com": True},
        "redirectUris": {f"https://app-{name}.example.com/callback": True},
    }


def encode(*calls: Call, metadata: bool = False) -> bytes:
    """Return the body of a Request."""
    return json.dumps({"using": [*_USING, _METADATA] if metadata else _USING, "methodCalls": calls}).encode()


def over_the_wire(body: bytes) -> bytes:
    """Return the bytes of an HTTP request with this body."""
    fields = {"host": "127.0.0.1", **_HEADERS, "content-length": len(body)}
    head = "\r\n".join(["POST /api HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())])
    return f"{head}\r\n\r\n".encode() + body


def ask(url: str, body: bytes) -> Any:
    """Send a Request once, and return its Response."""
    answer = httpx.post(f"{url}/api", content=body, headers=_HEADERS, timeout=60, trust_env=False)
    return answer.raise_for_status().json()
