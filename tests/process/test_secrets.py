"""Secrets stay where they were sent: a marker in all of them is searched for everywhere else."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
from argon2 import PasswordHasher

from jmap_oauth.access.hashing import digest
from jmap_oauth.objects.oauth_client_metadata import METADATA
from tests.cli.process import run
from tests.http.listening import Listener as Stream
from tests.http.listening import listen
from tests.http.serving import bearer
from tests.process.database import copy_of
from tests.process.misplaced import bodies, headers
from tests.process.writers import make_tenant
from tests.support.served import QUICK_FLAGS, USING, ServerProcess, call, request_of, serve_process

PROVISIONED = """
[[client]]
clientId = "backend"
secret = {env = "BACKEND_SECRET"}

[[client]]
clientId = "mobile"
secret = {file = "secret"}
"""
"""Clients whose secrets come from elsewhere."""

MEMORY = 300_000
"""KiB that the server may use: it needs 100,000, a thousand hashes at once would need 7,000,000."""


@pytest.fixture
def marker() -> str:
    """A text that is nowhere else. It could be a word, an id or an API key."""
    return f"mk{secrets.token_hex(16)}"


class Listener:
    """A client that remembers every answer with its headers."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.heard: list[str] = []

    async def send(self, body: bytes, headers: dict[str, str] | None = None, path: str = "/api") -> httpx.Response:
        given = {"Content-Type": "application/json", **(headers or {})}
        response = await self.client.post(path, content=body, headers=given)
        self.heard.append(f"{response.headers.multi_items()}{response.text}")
        return response

    async def look(self, *paths: str) -> None:
        for path in paths:
            response = await self.client.get(path, follow_redirects=True)
            self.heard.append(f"{response.headers.multi_items()}{response.text}")

    async def hear(self, stream: Stream) -> None:
        """Listen until the newest state of the secrets is pushed."""
        answer = await self.client.post(
            "/api", json=request_of(("x:OAuthClientSecret/get", {}), using=[*USING, METADATA])
        )
        state = answer.json()["methodResponses"][0][1]["state"]
        while not self.heard[-1].count(f'"x:OAuthClientSecret":"{state}"'):
            self.heard.append(await stream.event())

    async def send_broken_head(self, marker: str) -> None:
        reader, writer = await asyncio.open_connection(self.client.base_url.host, self.client.base_url.port)
        writer.write(f"GET / HTTP/1.1\r\nAuthorization: Bearer {marker}\r\nno header {marker}\r\n\r\n".encode())
        self.heard.append((await reader.read()).decode())
        writer.close()


async def tell_secrets(listener: Listener, marker: str) -> None:
    """Send the marker in all right and wrong places."""
    request = request_of(("x:OAuthClient/set", {"create": {"a": {"clientId": "taken", "secret": marker}}}))
    answer = await listener.send(json.dumps(request).encode())
    id = answer.json()["methodResponses"][0][1]["created"]["a"]["id"]
    await tell_secrets_of_clients(listener, marker, id)
    for secret in (f"{marker}-new", f"{marker}-new", "****", marker):
        update = request_of(("x:OAuthClient/set", {"update": {id: {"secret": secret}}}))
        await listener.send(json.dumps(update).encode())
    for body in bodies(marker, id):
        await listener.send(body)
    for wrong in headers(marker):
        await listener.send(json.dumps(request_of(("Core/echo", {}))).encode(), wrong)
    await listener.send(b"{}", path=f"/api?access_token={marker}")
    await listener.send_broken_head(marker)


async def tell_secrets_of_clients(listener: Listener, marker: str, client: str) -> None:
    """Send the marker as secret and within hashes of one, ask whether it is right, and look at all that is told."""
    hash = bcrypt.hashpw(f"{marker}-there".encode(), bcrypt.gensalt(8)).decode()
    made: list[dict[str, Any]] = [
        {"secret": f"{marker}-second"}, {"secretHash": hash}, {"secret": marker, "secretHash": hash},
        {"secretHash": marker}, {"secretHash": f"$2b$08${marker}"}, {"secret": [marker]},
        {"label": marker[:1], "hint": marker},
    ]  # fmt: skip
    create = {f"s{number}": {"oauthClientId": client, **each} for number, each in enumerate(made)}
    asked: list[dict[str, Any]] = [
        {"clientId": "taken", "secret": marker}, {"clientId": "taken", "secret": f"{marker}-second"},
        {"clientId": "taken", "secret": f"{marker}-there"}, {"clientId": "taken", "secret": f"{marker}-wrong"},
        {"clientId": "nobody", "secret": marker}, {"clientId": "taken", "secret": [marker]}, {"clientId": marker},
        {"clientId": "taken", "origin": marker}, {"clientId": "taken", "clientSecret": marker},
    ]  # fmt: skip
    calls: list[tuple[str, dict[str, Any]]] = [
        ("x:OAuthClientSecret/set", {"create": create}),
        *(("x:OAuthClient/authenticate", each) for each in asked),
        *((f"x:{name}/get", {}) for name in ("OAuthClient", "OAuthClientSecret", "AuditEvent")),
    ]
    for each in calls:
        await listener.send(json.dumps(request_of(each, using=[*USING, METADATA])).encode())


def files_of(database: Path) -> bytes:
    """Return the bytes of a database and of whatever lies beside it."""
    return b"".join(file.read_bytes() for file in sorted(database.parent.glob(f"{database.name}*")))


def cells(database: sqlite3.Connection) -> Iterator[str]:
    for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for row in database.execute(f'SELECT * FROM "{table}"'):
            yield from (cell.decode("latin-1") if isinstance(cell, bytes) else str(cell) for cell in row)


def assert_unseen(marker: str, text: str) -> None:
    """Check that a text holds neither the marker, in whatever case, nor what Basic authentication makes of it."""
    for wanted in (marker, base64.b64encode(f"x:{marker}".encode()).decode()):
        place = text.lower().find(wanted.lower())
        assert place < 0, text[max(0, place - 200) : place + 200]


@pytest.mark.parametrize("format", ["json", "text"])
async def test_a_secret_is_in_no_answer_log_line_or_file(tmp_path: Path, marker: str, format: str) -> None:
    """The key of the administrator holds the marker as well."""
    (tmp_path / "clients.toml").write_text(PROVISIONED)
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_text(f"{marker}-of-a-file")
    flags = ("--log-level", "debug", "--log-format", format, "--provision", "clients.toml", *QUICK_FLAGS)
    variables = {"JMAP_OAUTH_ADMIN_KEY": f"key-{marker}", "BACKEND_SECRET": f"{marker}-of-the-environment"}
    with serve_process(tmp_path, *flags, variables=variables) as server:
        async with server.client(f"key-{marker}") as client, listen(server.url, bearer(f"key-{marker}")) as stream:
            listener = Listener(client)
            await tell_secrets(listener, marker)
            await listener.hear(stream)
            await listener.look("/metrics", "/api/schema", "/jmap/session", "/api/account")
        alive = files_of(server.database)
        with copy_of(server.database) as database:
            content = "\n".join(cells(database))
        assert server.stop() == 0

    assert_unseen(marker, "\n".join(listener.heard))
    assert_unseen(marker, server.log + server.output)
    told = "\n".join([*listener.heard, server.log, server.output])
    assert "$argon2id$" in content
    assert [begin for begin in ("$2b$", "$argon2id$") if begin in told] == []
    assert_unseen(marker, content + alive.decode("latin-1") + files_of(server.database).decode("latin-1"))
    assert digest(f"key-{marker}") in content
    assert "Traceback" not in server.log
    assert not [heard for heard in listener.heard if "serverFail" in heard]


async def test_of_a_secret_only_its_hash_is_kept_and_not_that_once_it_is_removed(tmp_path: Path, marker: str) -> None:
    with serve_process(tmp_path, *QUICK_FLAGS) as server:
        async with server.client() as client:
            answer = await call(client, "x:OAuthClient/set", create={"a": {"clientId": "a", "secret": marker}})
            kept = hashes_in(server)
            id = answer["created"]["a"]["id"]
            await call(client, "x:OAuthClient/set", update={id: {"secret": None}})

    (hash,) = kept
    assert PasswordHasher().verify(hash or "", marker)
    assert hashes_in(server) == []


def hashes_in(server: ServerProcess) -> list[str | None]:
    with copy_of(server.database) as database:
        return [row["secret"] for row in database.execute('SELECT secret FROM "OAuthClientSecret"')]


@pytest.mark.parametrize(
    "settings",
    ["admin_key = '{}\u0007'", "admin_key = ['{}']", "admin_key = '{}", "admin_key = '{}'\nadmin_key = '{}'"],
    ids=["control character", "list", "no end", "twice"],
)
def test_a_wrong_admin_key_is_not_repeated(tmp_path: Path, marker: str, settings: str) -> None:
    file = tmp_path / "settings.toml"
    file.touch(mode=0o600)
    file.write_text(settings.format(marker, marker), "utf-8")
    done = run("serve", "--port", "0", "--config", file.name, folder=tmp_path)
    assert done.returncode == 1
    assert_unseen(marker, done.stdout + done.stderr)


def memory_of(server: ServerProcess) -> int:
    """Return the most memory that a process ever had, in KiB."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("this system does not tell the memory of processes")
    return int(status.read_text().partition("VmHWM:")[2].split()[0])


async def test_a_thousand_secrets_in_one_call_hold_nobody_up_and_take_little_memory(tmp_path: Path) -> None:
    create = {f"c{number}": {"clientId": f"c{number}", "secret": f"s{number}"} for number in range(1_000)}
    with serve_process(tmp_path, "--no-access-log", *QUICK_FLAGS) as server:
        tenant, key = await make_tenant(server)
        async with server.client() as writer, server.client(key) as reader:
            writing = asyncio.create_task(call(writer, "x:OAuthClient/set", create=create))
            states = []
            while not writing.done():
                answer = await call(reader, "x:OAuthClient/get", ids=["nobody"])
                states.append((answer["accountId"], answer["state"], *answer["notFound"]))
                await asyncio.sleep(0.01)
        memory = memory_of(server)

    assert len((await writing)["created"]) == 1_000
    assert len(states) > 20
    assert set(states) == {(tenant, states[0][1], "nobody")}
    assert memory < MEMORY
