"""Provisioning: what a file says is there after the start, and nothing is touched that is so already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from jmap_oauth.app import create_app
from jmap_oauth.config import MAX_FILE, Settings, SettingsError
from tests.support.served import ADMIN_KEY, QUICK, call, serve_in_process

SECRET = "s3cret-MARKER-of-the-file"

TWO = """
[[tenant]]
name = "Acme"
quotas = {maxOauthClients = 5}

[[client]]
clientId = "mobile"
description = "Mobile App"
redirectUris = ["https://a.example/cb", "https://b.example/cb"]
expiresAt = 2100-01-01T02:00:00+02:00
tenant = "Acme"

[[client]]
clientId = "backend"
secret = {env = "BACKEND_SECRET"}
"""


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_SECRET", SECRET)


@asynccontextmanager
async def provisioned(folder: Path, text: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve from the database of a folder, with a file that says this."""
    file = folder / "clients.toml"
    file.write_text(text)
    async with serve_in_process(folder, provision=str(file)) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        yield client


async def mistake(folder: Path, text: str) -> str:
    """Return why a server does not start with a file, without the path of the file."""
    with pytest.raises(SettingsError) as caught:
        async with provisioned(folder, text):
            pass
    return str(caught.value).removeprefix(f"{folder / 'clients.toml'}: ")


async def objects(client: httpx.AsyncClient, name: str, key: str) -> dict[str, Any]:
    return {each[key]: each for each in (await call(client, f"{name}/get"))["list"]}


async def events(client: httpx.AsyncClient) -> list[Any]:
    """Return what provisioning has done: action, type, and the properties that changed."""
    found = await call(client, "x:AuditEvent/query", filter={"actorId": "provisioning"}, sort=[{"property": "id"}])
    told = (await call(client, "x:AuditEvent/get", ids=found["ids"]))["list"]
    return [(each["action"], each["objectType"], set(each["changes"])) for each in told]


async def test_tenants_and_clients_are_there_as_the_file_says(tmp_path: Path) -> None:
    async with provisioned(tmp_path, TWO) as client:
        tenants, clients = await objects(client, "x:Tenant", "name"), await objects(client, "x:OAuthClient", "clientId")
    assert tenants["Acme"]["quotas"] == {"maxOauthClients": 5}
    mobile = {name: clients["mobile"][name] for name in ("description", "redirectUris", "expiresAt", "memberTenantId")}
    assert mobile == {
        "description": "Mobile App",
        "redirectUris": {"https://a.example/cb": True, "https://b.example/cb": True},
        "expiresAt": "2100-01-01T00:00:00Z",
        "memberTenantId": tenants["Acme"]["id"],
    }
    assert [clients[name]["secret"] for name in ("mobile", "backend")] == [None, "****"]


async def test_a_second_start_changes_nothing_and_writes_nothing_down(tmp_path: Path) -> None:
    states, told = [], []
    for _ in range(2):
        async with provisioned(tmp_path, TWO) as client:
            states.append(
                [(await call(client, f"{name}/get", ids=[]))["state"] for name in ("x:Tenant", "x:OAuthClient")]
            )
            told.append(await events(client))
    assert states[0] == states[1]
    assert told[0] == told[1]
    assert [type for action, type, _ in told[0] if action == "create"][:3] == [
        "x:Tenant", "x:OAuthClient", "x:OAuthClient",
    ]  # fmt: skip


async def test_what_the_file_says_anew_is_changed_and_what_it_does_not_name_stays(tmp_path: Path) -> None:
    async with provisioned(tmp_path, TWO) as client:
        ids = await objects(client, "x:OAuthClient", "clientId")
        patch = {"description": "changed", "contacts": {"a@example.com": True}}
        await call(client, "x:OAuthClient/set", update={ids["mobile"]["id"]: patch})
    async with provisioned(tmp_path, TWO) as client:
        mobile = (await objects(client, "x:OAuthClient", "clientId"))["mobile"]
        told = await events(client)
    assert (mobile["id"], mobile["description"]) == (ids["mobile"]["id"], "Mobile App")
    assert mobile["contacts"] == {"a@example.com": True}
    assert told[-1] == ("update", "x:OAuthClient", {"description"})


async def test_a_client_is_protected_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    text = f"{TWO}isProtected = false\n"
    async with provisioned(tmp_path, text) as client:
        ids = {name: each["id"] for name, each in (await objects(client, "x:OAuthClient", "clientId")).items()}
        answer = await call(client, "x:OAuthClient/set", destroy=[*ids.values()])
    assert answer["destroyed"] == [ids["backend"]]
    assert answer["notDestroyed"][ids["mobile"]]["type"] == "forbidden"


async def test_a_secret_may_be_in_a_file_beside_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "backend.secret").touch(mode=0o600)
    (tmp_path / "backend.secret").write_text(f"{SECRET}\r\n")
    states = []
    for source in ('{file = "backend.secret"}', '{env = "BACKEND_SECRET"}'):
        async with provisioned(tmp_path, f'[[client]]\nclientId = "backend"\nsecret = {source}\n') as client:
            states.append((await call(client, "x:OAuthClient/get"))["state"])
    assert states[0] == states[1], "the secret is another one"
    assert caplog.messages == []


async def test_a_secret_that_all_users_can_read_is_worth_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "open.secret").write_text(SECRET)
    (tmp_path / "open.secret").chmod(0o644)
    async with provisioned(tmp_path, '[[client]]\nclientId = "a"\nsecret = {file = "open.secret"}'):
        pass
    [message] = caplog.messages
    assert message.endswith(f"client 'a': secret: {tmp_path}/open.secret is open to all users: chmod o= would keep it")


async def test_a_secret_that_was_replaced_since_is_not_brought_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with provisioned(tmp_path, TWO) as client:
        id = (await objects(client, "x:OAuthClient", "clientId"))["backend"]["id"]
        await call(client, "x:OAuthClient/set", update={id: {"secret": "rotated"}})
        state = (await call(client, "x:OAuthClient/get"))["state"]
    async with provisioned(tmp_path, TWO) as client:
        assert (await call(client, "x:OAuthClient/get"))["state"] == state
    [message] = caplog.messages
    assert message.endswith("client 'backend': it has another secret than the file says, and keeps it")


async def test_a_client_that_lost_its_secrets_gets_that_of_the_file(tmp_path: Path) -> None:
    for _ in range(2):
        async with provisioned(tmp_path, TWO) as client:
            backend = (await objects(client, "x:OAuthClient", "clientId"))["backend"]
            assert backend["secret"] == "****"
            await call(client, "x:OAuthClient/set", update={backend["id"]: {"secret": None}})


@pytest.mark.parametrize(("text", "what"), [("****", "holds ****, which is no secret"), ("", "is empty or not there")])
async def test_a_mask_and_nothing_are_no_secrets_of_a_client_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, what: str
) -> None:
    async with provisioned(tmp_path, TWO):
        pass
    monkeypatch.setenv("BACKEND_SECRET", text)
    assert f"client 'backend': secret: the variable 'BACKEND_SECRET' {what}" in await mistake(tmp_path, TWO)


CLIENT = '[[client]]\nclientId = "a"\n'

NO_SECRET = 'client \'a\': secret must be {env = "NAME"} or {file = "path"}, never the secret itself'
SCRIPT = "it must not have a scheme that can run scripts or show local data"

MISTAKES = [
    ("[[clients]]", "'clients' is neither [[tenant]] nor [[client]]"),
    ('[client]\nclientId = "a"', "write [[client]], once for each client"),
    ("client = [1]", "write [[client]], once for each client"),
    ("[[client]]\ndescription = 'x'", "client number 1: clientId must be a string"),
    ("[[client]]\nclientId = ''", "client number 1: clientId must not be empty"),
    (CLIENT + CLIENT, "client 'a': it is there twice, the second time as number 2"),
    (
        CLIENT + 'redirectUri = ["x"]',
        "client 'a': 'redirectUri' is no property that can be given; did you mean redirectUris?",
    ),
    (CLIENT + 'createdAt = "2020-01-01T00:00:00Z"', "client 'a': 'createdAt' is no property that can be given"),
    (CLIENT + 'id = "i0"', "client 'a': 'id' is no property that can be given"),
    (CLIENT + f'secret = "{SECRET}"', NO_SECRET),
    (CLIENT + 'secret = {env = "BACKEND_SECRET", file = "x"}', NO_SECRET),
    (CLIENT + 'secret = {env = "NOT_SET"}', "client 'a': secret: the variable 'NOT_SET' is empty or not there"),
    (CLIENT + 'secret = {file = "empty"}', "client 'a': secret: the file 'empty' is empty or not there"),
    (
        CLIENT + 'tokenEndpointAuthMethod = "client_secret_post"',
        "client 'a': secret is missing, which its tokenEndpointAuthMethod needs",
    ),
    (CLIENT + 'tenant = "Nobody"', "client 'a': tenant: there is none of that name"),
    (
        '[[tenant]]\nname = "T"\n' + CLIENT + 'tenant = "T"\nmemberTenantId = "i0"',
        "client 'a': name either tenant or memberTenantId",
    ),
    (CLIENT + 'memberTenantId = "i0"', "client 'a': memberTenantId: there is no such tenant."),
    (CLIENT + "expiresAt = 2100-01-01", "client 'a': expiresAt must be a date like 2026-01-31T12:00:00Z."),
    (
        CLIENT + 'redirectUris = ["javascript:alert(1)"]',
        f"client 'a': redirectUris has a wrong member, number 1: {SCRIPT}.",
    ),
    (CLIENT + "redirectUris = [1]", "client 'a': redirectUris must be an object like {\"value\": true}."),
]


@pytest.mark.parametrize(("text", "sentence"), MISTAKES)
async def test_a_mistake_stops_the_start_and_is_named_without_any_secret(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "empty").touch(mode=0o600)
    assert await mistake(tmp_path, text) == sentence


async def test_a_secret_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 5_000)
    (tmp_path / "binary").write_bytes(b"\xff")
    reasons = [
        await mistake(tmp_path, f'{CLIENT}secret = {{file = "{name}"}}') for name in ("large", "binary", "missing")
    ]
    place = f"client 'a': secret: {tmp_path}"
    assert reasons == [
        f"{place}/large is larger than 4096 bytes",
        f"{place}/binary is no text in UTF-8, or its path is none",
        f"{place}/missing cannot be read: No such file or directory",
    ]


async def test_a_tenant_whose_name_is_not_the_only_one_is_refused(tmp_path: Path) -> None:
    async with provisioned(tmp_path, "") as client:
        await call(client, "x:Tenant/set", create={"a": {"name": "Acme"}, "b": {"name": "Acme"}})
    assert await mistake(tmp_path, TWO) == "there are several tenants with the name 'Acme'"


async def test_a_file_that_is_no_toml_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clients.toml"
    assert await mistake(tmp_path, "a b") == f"{path} is not TOML (at line 1, column 3)"
    assert await mistake(tmp_path, "#" * (MAX_FILE + 1)) == f"{path} has more than 1,000,000 bytes"
    with pytest.raises(SettingsError, match="cannot be read"):
        async with serve_in_process(tmp_path, provision=str(tmp_path / "nowhere.toml")):
            pass


async def test_more_objects_than_a_set_may_have_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "clients.toml"
    file.write_text('[[client]]\nclientId = "a"\n[[client]]\nclientId = "b"\n')
    with pytest.raises(SettingsError, match=r"clients\.toml: 2 objects: this server allows 1\.$"):
        async with serve_in_process(tmp_path, provision=str(file), max_objects_in_set=1):
            pass


async def test_servers_that_start_at_once_make_everything_once(tmp_path: Path) -> None:
    """Without a database before: the first starts of two machines."""
    file = tmp_path / "clients.toml"
    file.write_text(TWO)
    values: dict[str, Any] = {"database": str(tmp_path / "test.db"), "provision": str(file), **QUICK}
    async with AsyncExitStack() as stack:
        starts = [create_app(Settings(**values)).running() for _ in range(4)]
        await asyncio.gather(*map(stack.enter_async_context, starts))
    async with provisioned(tmp_path, TWO) as client:
        assert len((await call(client, "x:Tenant/get"))["list"]) == 1
        assert len((await call(client, "x:OAuthClient/get"))["list"]) == 2
