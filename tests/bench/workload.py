"""What is asked for: the clients a database is filled with, and the requests that are measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

KEY = "benchmark-administrator-key-0123456789"
NUMBER = b"N" * 10
"""Stands in a request for a number of ten digits that no other request of the same load has."""

_BATCH = 500
_TEAMS = 100
_USING = ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"]
_HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}

Call = tuple[str, Mapping[str, Any], str]


@dataclass(frozen=True, slots=True)
class Variant:
    """A request that is sent again and again, and what every answer to it holds. `bare`: it goes to the bare app."""

    name: str
    body: bytes
    expected: Sequence[bytes]
    bare: bool = False

    @property
    def request(self) -> bytes:
        """The request as it goes over the wire."""
        fields = {"host": "127.0.0.1", **_HEADERS, "content-length": len(self.body)}
        head = "\r\n".join(["POST /api HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())])
        return f"{head}\r\n\r\n".encode() + self.body


def fill(url: str, clients: int) -> None:
    """Create clients, hundreds a call."""
    for start in range(0, clients, _BATCH):
        create = {f"c{number}": make_client(f"{number:010}") for number in range(start, min(start + _BATCH, clients))}
        [(_, answer, _)] = ask(url, encode(("x:OAuthClient/set", {"create": create}, "c0")))["methodResponses"]
        if len(answer["created"]) != len(create):
            raise RuntimeError(f"Clients were refused: {answer['notCreated']}")


def make_variants(url: str) -> Sequence[Variant]:
    """Return what is measured, the bare app first, for a server with clients in it."""
    newest = encode(("x:OAuthClient/query", {"limit": 3}, "c0"))
    get = encode(("x:OAuthClient/get", {"ids": ask(url, newest)["methodResponses"][0][1]["ids"]}, "c0"))
    found = {"resultOf": "c0", "name": "x:OAuthClient/query", "path": "/ids"}
    query_and_get = encode(
        ("x:OAuthClient/query", {"filter": {"text": "team042"}, "limit": 50}, "c0"),
        ("x:OAuthClient/get", {"#ids": found}, "c1"),
    )
    create = encode(("x:OAuthClient/set", {"create": {"new": make_client(f"new-{NUMBER.decode()}")}}, "c0"))
    got = (b'["x:OAuthClient/get",{', b'"notFound":[]')
    return [
        Variant("bare app, answer to a /get of 3", get, got, bare=True),
        Variant("/get of 3 ids", get, got),
        Variant("/query by text, /get of 50", query_and_get, (b'["x:OAuthClient/query",{', *got)),
        Variant("/set that creates 1", create, (b'["x:OAuthClient/set",{', b'"notCreated":null')),
    ]


def make_client(name: str) -> Mapping[str, Any]:
    """Return a client as one would be registered; a hundredth of those with numbers for names shares a team."""
    team = f"team{int(name) % _TEAMS:03}" if name.isdigit() else "nobody"
    return {
        "clientId": f"app-{name}",
        "description": f"The application {name} of {team}",
        "contacts": {f"{team}@example.com": True},
        "redirectUris": {f"https://app-{name}.example.com/callback": True},
    }


def encode(*calls: Call) -> bytes:
    return json.dumps({"using": _USING, "methodCalls": calls}).encode()


def ask(url: str, body: bytes) -> Any:
    """Send a Request once, and return its Response."""
    return httpx.post(f"{url}/api", content=body, headers=_HEADERS, timeout=60).raise_for_status().json()
