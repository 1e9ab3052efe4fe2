"""Cases 24 to 26: addresses that lead inside. This product fetches nothing, so nothing can be slow, endless or rebound.

Of the list it has no software statements (24), fetches (25) and placeholders (26); what an authorization server would
fetch is still held to public hosts, and what it only shows is kept as it was given.
"""

from __future__ import annotations

import ast
import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jmap_oauth
from tests.abuse.callers import INVALID, Caller, Site

INSIDE = [
    "127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "a.localhost", "[::1]", "[::]", "0.0.0.0", "10.0.0.1",
    "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001::1]", "[fe80::1]", "[fec0::1]", "[fc00::1]",
    "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]", "metadata", "intranet", "a.internal", "metadata.google.internal",
    "printer.local", "db.corp", "nas.lan", "router.home.arpa", "a.intranet", "kubernetes.default.svc",
    "a.svc.cluster.local", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "localhost.",
    "127.0.0.1%00.example", "[::1%25lo]", "[::1%lo]", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021",
]  # fmt: skip
STRANGE = [
    "http://app.example/", "file:///etc/passwd", "ftp://app.example/", "gopher://app.example/",
    "unix:/run/docker.sock", "http+unix://%2Frun%2Fdocker.sock/", "javascript:alert(1)", "data:application/json,{}",
    "jar:https://app.example!/", "https://user@app.example/", "https://app.example\\@127.0.0.1/",
    "https://127.0.0.1#@app.example/", "//127.0.0.1/", "https://app.example:0/", "https://", "https:///", "",
    "https://{host}/", "https://app.example/${jndi:ldap://x}",
]  # fmt: skip

FETCHED: dict[str, dict[str, Any]] = {
    "jwksUri": {"tokenEndpointAuthMethod": "private_key_jwt"},
    "sectorIdentifierUri": {},
    "backchannelLogoutUri": {},
    "requestUris": {},
}


@pytest.mark.parametrize("name", FETCHED)
async def test_case_24_what_would_be_fetched_is_on_a_public_host(admin: Caller, name: str) -> None:
    uris = [*(f"https://{host}/x" for host in INSIDE), *(f"https://{host}:8443/" for host in INSIDE), *STRANGE]
    given = [{uri: True} if name == "requestUris" else uri for uri in uris]
    objects = [{"clientId": f"c{n}", **FETCHED[name], name: value} for n, value in enumerate(given)]
    found = dict(zip(uris, await admin.outcomes(objects), strict=True))

    assert found == dict.fromkeys(uris, (INVALID, name))


@pytest.mark.parametrize("name", ["softwareStatement", "software_statement", "jwks_uri", "requestUri", "issuer"])
async def test_case_24_what_has_no_such_name_is_not_taken(admin: Caller, name: str) -> None:
    assert await admin.outcomes([{"clientId": "web", name: "https://app.example/"}]) == [(INVALID, name)]


async def test_case_25_nothing_is_ever_fetched(site: Site) -> None:
    """The addresses that may be on this machine lead to a listener to which nobody comes."""
    arrived = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        uris = dict.fromkeys(("logo", "clientUri", "policyUri", "tosUri", "frontchannelLogoutUri"), here)
        client = await site.admin.create(clientId="web", redirectUris={here: True}, **uris)
        await site.admin.update(client["id"], logo=f"{here}logo.png")
        answer = await site.admin.authenticate("web", redirectUri=here)

    assert (answer["error"], arrived) == (None, [])


def imports_of_the_server() -> Iterator[str]:
    folder = Path(jmap_oauth.__file__).parent
    for file in folder.rglob("*.py"):
        if "cli" not in file.relative_to(folder).parts:
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_cases_25_26_the_server_has_nothing_to_fetch_with() -> None:
    clients = ("httpx", "urllib.request", "http.client", "aiohttp", "requests", "socket.create_connection", "ftplib")

    assert [name for name in imports_of_the_server() if name.startswith(clients)] == []
    assert socket.getdefaulttimeout() is None


async def test_case_26_no_stored_address_takes_a_value_of_a_request(site: Site) -> None:
    """What looks like a placeholder is refused, or is kept and told as it is, whatever the request says."""
    kept = "https://app.example/$host/%7Bhost%7D"
    await site.admin.create(clientId="web", clientUri=kept, redirectUris={kept: True})
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    request = {"using": site.admin.using, "methodCalls": [["x:OAuthClient/authenticate", {"clientId": "web"}, "c"]]}
    answer = await site.admin.http.post("/api", json=request, headers={**site.admin.headers, **forged})
    client = answer.json()["methodResponses"][0][1]["client"]

    assert (client["clientUri"], client["redirectUris"]) == (kept, {kept: True})
    assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    "uri", ["https://{host}/", "https://app.example/{id}", "https://$[host]/", "https://app.example/<id>"]
)
async def test_case_26_braces_are_no_part_of_an_address(admin: Caller, uri: str) -> None:
    found = await admin.outcomes([{"clientId": "a", "redirectUris": {uri: True}}, {"clientId": "b", "clientUri": uri}])

    assert found == [(INVALID, "redirectUris"), (INVALID, "clientUri")]
