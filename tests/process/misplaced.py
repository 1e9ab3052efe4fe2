"""Requests that hold a secret where none belongs, or where one belongs but something else is wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from tests.support.served import USING, request_of


def bodies(marker: str, id: str) -> Iterator[bytes]:
    """Yield bodies for POST /api; `id` is of a client that is there."""
    yield from _broken_bodies(marker)
    for name, arguments in _calls(marker, id):
        yield json.dumps(request_of((name, arguments))).encode()


def _broken_bodies(marker: str) -> Iterator[bytes]:
    """Yield what is no JSON, no I-JSON or no Request."""
    start = json.dumps({"using": USING}).encode()[:-1] + b', "methodCalls": [["x:OAuthClient/set", {"create": {"a": '
    value = b'{"clientId": "broken", "secret": "%b"' % marker.encode()
    yield start + value
    yield start + value + b'\xff"}}}, "c0"]]}'
    yield start + value + b', "secret": "%b"}}}, "c0"]]}' % marker.encode()
    yield start + value + b', "size": 1e999}}}, "c0"]]}'
    yield start + value + b', "half": "\\ud800"}}}, "c0"]]}'
    yield json.dumps({"using": marker, "methodCalls": marker}).encode()
    yield json.dumps({"using": [marker], "methodCalls": []}).encode()
    yield json.dumps({"using": USING, "methodCalls": [["x:OAuthClient/set", marker, "c0"]]}).encode()
    yield json.dumps([marker]).encode()
    yield json.dumps(marker).encode()


def _calls(marker: str, id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, given in enumerate(_clients(marker)):
        yield "x:OAuthClient/set", {"create": {"a": {"clientId": f"misplaced {number}", **given}}}
    for patch in _patches(marker):
        yield "x:OAuthClient/set", {"update": {id: patch}}
    for name, value in (("ifInState", marker), ("accountId", marker), ("create", marker), ("destroy", marker)):
        yield "x:OAuthClient/set", {name: value}
    for given in ({"secret": marker}, {"permissions": {marker: True}}, {"allowedIps": {marker: True}}):
        yield "x:ApiKey/set", {"create": {"a": given}}
    for given in ({"name": [marker]}, {"name": "T", "quotas": {marker: 1}}, {"quotas": {"maxOauthClients": marker}}):
        yield "x:Tenant/set", {"create": {"a": given}}
    for name in ("ids", "properties", "accountId"):
        yield "x:OAuthClient/get", {name: marker}
    for name in ("filter", "sort", "anchor", "limit", "position", "anchorOffset", "calculateTotal"):
        yield "x:OAuthClient/query", {name: marker}
    for condition in _conditions(marker):
        yield "x:OAuthClient/query", {"filter": condition}
    yield "x:OAuthClient/query", {"sort": [{"property": "clientId", "collation": marker}]}
    yield "Core/echo", {"#a": marker}
    yield "Core/echo", {"#a": {"resultOf": marker, "name": marker, "path": marker}}


def _clients(marker: str) -> Iterator[Any]:
    """Yield properties for new clients, of which the first can be made."""
    yield {"secret": f"****{marker}"}
    yield {"secret": f"{marker}****"}
    for value in ([marker], {"value": marker}, marker + "\x07", marker * 40):
        yield {"secret": value}
    yield {"secret": marker, "clientId": ""}
    yield {"secret": marker, "clientId": "taken"}
    yield {"secret": marker, "clientId": None, "expiresAt": marker}
    for name in ("clientSecret", "client_secret", "secretHash", "createdAt", "expiresAt", "logo", "contacts", "id"):
        yield {name: marker}
    yield {"clientId": [marker]}
    yield {"memberTenantId": f"{marker}!"}
    yield {"logo": f"data:image/png;base64,{marker}"}
    yield {"contacts": {marker: True}}
    yield {"redirectUris": {f"https://user:{marker}@app.example/": True}}
    yield {"redirectUris": {f"https://app.example/#{marker}": True}}


def _patches(marker: str) -> Iterator[Any]:
    yield marker
    yield [marker]
    yield {"secret": {"value": marker}}
    yield {"secret/value": marker}
    yield {"secret": marker, "secret/value": marker}
    yield {"secret": marker, "nickname": marker}
    yield {"secret": marker, "id": marker}


def _conditions(marker: str) -> Iterator[Any]:
    yield {"text": marker}
    yield {"clientId": marker}
    yield {"clientId": [marker]}
    yield {"secret": marker}
    yield {"memberTenantId": f"{marker}!"}
    yield {"createdAtIsLessThan": marker}
    yield {"operator": marker, "conditions": []}
    yield {"operator": "AND", "conditions": [marker]}


def headers(marker: str) -> Iterator[dict[str, str]]:
    """Yield headers in which a key is wrong or at the wrong place."""
    for credentials in (f"x:{marker}", f"{marker}:x", marker):
        yield {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}
    for value in ("Bearer {}", "Basic {}", "Token {}", "{}", "Bearer {} {}", "bearer:{}"):
        yield {"Authorization": value.format(marker, marker)}
    yield {"Authorization": f"Bearer {marker * 40}"}
    yield {"Authorization": f"Bearer {marker * 300}"}
    yield {"Cookie": f"session={marker}", "X-Api-Key": marker}
    yield {"Content-Type": f"multipart/form-data; boundary={marker}"}
