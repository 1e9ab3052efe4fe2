"""The migration that made secrets objects of their own, on a database of the version before with real clients."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jmap_oauth.model.definition import GLOBAL, MASK, Model, ObjectType, Record
from jmap_oauth.objects import served_types
from jmap_oauth.store.interface import Reader, Store
from jmap_oauth.store.migrations import migrate, read_migrations
from jmap_oauth.store.sqlite import open_sqlite
from jmap_oauth.store.sqlite_file import prepare_file
from tests.store.test_schema import SCHEMA
from tests.support.stores import EVERYTHING, look

MODEL = Model(served_types(frozenset()))
CLIENT, SECRET = MODEL["OAuthClient"], MODEL["OAuthClientSecret"]
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA"

BASE = {
    "description": 'it\'s "quoted" é', "contacts": {"b@example.org": True, "a@example.org": True}, "secret": None,
    "createdAt": "2026-01-02T03:04:05Z", "expiresAt": None, "memberTenantId": None, "redirectUris": {}, "logo": None,
}  # fmt: skip

CLIENTS: list[tuple[dict[str, Any], str | None, int, int]] = [
    ({"id": "ia", "clientId": "confidential", "secret": MASK, "memberTenantId": "it"}, HASH, 3, 7),
    ({"id": "ib", "clientId": "public"}, None, 4, 9),
    ({"id": "ic", "clientId": "ours", "secret": MASK}, HASH + "b", 5, 5),
    ({"id": "id", "clientId": "theirs", "memberTenantId": "iu"}, None, 6, 6),
]
"""What is kept of a client, its hash, and the numbers of its creation and its last change."""


def insert_client(connection: sqlite3.Connection, record: Record, hash: str | None, numbers: tuple[int, int]) -> None:
    columns = {
        "id": record["id"], "created": numbers[0], "changed": numbers[1], "joined": numbers[0], "secret": hash,
        "clientId": record["clientId"], "clientId:sort": record["clientId"].upper(), "createdAt": BASE["createdAt"],
        "memberTenantId": record["memberTenantId"], "document": msgspec.json.encode(record).decode(),
    }  # fmt: skip
    names = ", ".join(f'"{name}"' for name in columns)
    connection.execute(
        f'INSERT INTO "OAuthClient" ({names}) VALUES ({", ".join("?" * len(columns))})',
        [*columns.values()],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of the version before, with two tenants and four clients."""
    folder = tmp_path / "schema"
    folder.mkdir()
    for name in ("0001_first.sql", "0002_changes.sql", "0003_blobs.sql"):
        shutil.copy(SCHEMA / name, folder)
    path = tmp_path / "data.db"
    prepare_file(path)
    migrate(path, read_migrations(folder), timeout=30)
    with closing(sqlite3.connect(path)) as connection:
        for tenant in ("it", "iu"):
            document = f'{{"id":"{tenant}","name":"T","description":null,"logo":null,"createdAt":null,"quotas":{{}}}}'
            row = (tenant, 1, 1, 1, "T", document)
            connection.execute(
                'INSERT INTO "Tenant" (id, created, changed, joined, name, document) VALUES (?, ?, ?, ?, ?, ?)', row
            )
        for given, hash, created, changed in CLIENTS:
            order = ["id", "clientId", *BASE]
            record = {name: {**BASE, **given}[name] for name in order}
            insert_client(connection, record, hash, (created, changed))
        states = [(GLOBAL, "OAuthClient", 9), ("it", "OAuthClient", 7), ("iu", "OAuthClient", 6)]
        connection.executemany("INSERT INTO state (account, type, number) VALUES (?, ?, ?)", states)
        connection.execute("UPDATE sequence SET number = 9")
        connection.commit()
    return path


async def all_of(store: Store, type: ObjectType, account: str = GLOBAL) -> list[Record]:
    async def work(reader: Reader) -> list[Record]:
        page = await reader.query(type, account, EVERYTHING)
        return await reader.get(type, account, page.ids)

    return await store.read(work)


async def test_each_hash_becomes_an_object_and_only_those(path: Path) -> None:
    store = await open_sqlite(path, MODEL, SCHEMA)
    secrets = await all_of(store, SECRET)
    hashes = await store.read(lambda reader: reader.hashes(SECRET, SECRET.by_name["secret"], ["ia", "ib", "ic"]))
    await store.close()
    assert hashes == {"ia": HASH, "ic": HASH + "b"}
    assert secrets == [
        {
            "id": id, "oauthClientId": id, "label": None, "secret": MASK, "secretHash": None, "hint": None,
            "notBefore": None, "expiresAt": None, "createdAt": BASE["createdAt"], "lastUsedAt": None,
            "memberTenantId": tenant,
        }
        for id, tenant in (("ia", "it"), ("ic", None))
    ]  # fmt: skip
    assert [list(each) for each in secrets] == [["id", *SECRET.by_name]] * 2


async def test_clients_keep_what_they_had_and_say_how_they_authenticate(path: Path) -> None:
    store = await open_sqlite(path, MODEL, SCHEMA)
    clients = {each["id"]: each for each in await all_of(store, CLIENT)}
    await store.close()
    for given, hash, *_ in CLIENTS:
        client = clients[given["id"]]
        assert client.items() >= {**BASE, **given}.items()
        assert client["tokenEndpointAuthMethod"] == ("client_secret_basic" if hash else "none")
        assert client["requirePkce"] is (hash is None)
        assert (client["updatedAt"], client["isEnabled"], client["grantTypes"]) == (BASE["createdAt"], True, {})
        assert [*client] == ["id", *CLIENT.by_name]
        assert list(client["contacts"]) == ["b@example.org", "a@example.org"]


async def test_the_columns_hold_what_the_records_say(path: Path) -> None:
    store = await open_sqlite(path, MODEL, SCHEMA)
    await store.close()
    columns = '"updatedAt", "isEnabled", "grantTypes", "owner", "clientName:sort", "lastUsedAt"'
    expected = (BASE["createdAt"], 1, "\nauthorization_code\n", None, None, None)
    assert set(look(path, f'SELECT {columns} FROM "OAuthClient"')) == {expected}
    assert look(path, 'SELECT DISTINCT "createdAt" FROM "OAuthClientSecret"') == [(BASE["createdAt"],)]


@pytest.mark.parametrize(("account", "secrets"), [(GLOBAL, ["ia", "ic"]), ("it", ["ia"]), ("iu", [])])
async def test_an_account_sees_its_secrets(path: Path, account: str, secrets: list[str]) -> None:
    store = await open_sqlite(path, MODEL, SCHEMA)
    assert [each["id"] for each in await all_of(store, SECRET, account)] == secrets
    await store.close()


def test_states_are_those_of_the_last_change_that_an_account_saw(path: Path) -> None:
    migrate(path, read_migrations(SCHEMA), timeout=30)
    states = look(path, "SELECT account, number FROM state WHERE type = 'OAuthClientSecret' ORDER BY account")
    assert states == [(GLOBAL, 7), ("it", 7)]
    columns = look(path, 'SELECT id, created, changed, joined FROM "OAuthClientSecret" ORDER BY id')
    assert columns == [("ia", 3, 7, 3), ("ic", 5, 5, 5)]


def test_nothing_is_left_of_the_column(path: Path) -> None:
    migrate(path, read_migrations(SCHEMA), timeout=30)
    assert "secret" not in {name for (name,) in look(path, "SELECT name FROM pragma_table_info('OAuthClient')")}


def test_a_database_without_clients_has_no_state_of_secrets(tmp_path: Path) -> None:
    prepare_file(tmp_path / "empty.db")
    migrate(tmp_path / "empty.db", read_migrations(SCHEMA), timeout=30)
    assert look(tmp_path / "empty.db", "SELECT * FROM state") == []
