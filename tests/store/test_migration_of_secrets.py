"""The migration that made secrets objects of their own, on a database of the version before with real clients."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from jmap_oauth.model.definition import GLOBAL, MASK, Model, ObjectType, Record
from jmap_oauth.objects import served_types
from jmap_oauth.store import sqlite_migrations
from jmap_oauth.store.interface import Reader, Store
from jmap_oauth.store.migrations import read_migrations
from jmap_oauth.store.postgresql import schema
from jmap_oauth.store.postgresql.sql import numbered
from jmap_oauth.store.postgresql.store import open_postgresql
from jmap_oauth.store.sqlite import open_sqlite
from jmap_oauth.store.sqlite_file import prepare_file
from tests.support.postgresql import schema_url
from tests.support.stores import EVERYTHING, make_schema

SCHEMA = Path(__file__).parents[2] / "schema"
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


class OnSqlite:
    """A database before and after the migration, and ways to look behind the store."""

    migrations = SCHEMA / "sqlite"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "data.db"

    async def migrate(self, migrations: Path) -> None:
        prepare_file(self._path)
        sqlite_migrations.migrate(self._path, read_migrations(migrations), timeout=30)

    async def run(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    async def open(self) -> Store:
        return await open_sqlite(self._path, MODEL, self.migrations)


class OnPostgresql:
    """The same on PostgreSQL."""

    migrations = SCHEMA / "postgresql"

    def __init__(self, folder: Path) -> None:
        self._url = schema_url(folder)

    async def migrate(self, migrations: Path) -> None:
        await make_schema(self._url)
        connection = await asyncpg.connect(self._url)
        await schema.migrate(connection, read_migrations(migrations), 30)
        await connection.close()

    async def run(self, statement: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self._url)
        try:
            return [tuple(row) for row in await connection.fetch(numbered(statement), *values)]
        finally:
            await connection.close()

    async def open(self) -> Store:
        return await open_postgresql(self._url, MODEL, self.migrations)


Database = OnSqlite | OnPostgresql


async def insert(database: Database, table: str, columns: dict[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    places = ", ".join("?" * len(columns))
    await database.run(f'INSERT INTO "{table}" ({names}) VALUES ({places})', *columns.values())


async def insert_client(database: Database, record: Record, hash: str | None, numbers: Sequence[int]) -> None:
    columns = {
        "id": record["id"], "created": numbers[0], "changed": numbers[1], "joined": numbers[0], "secret": hash,
        "clientId": record["clientId"], "clientId:sort": record["clientId"].upper(), "createdAt": BASE["createdAt"],
        "memberTenantId": record["memberTenantId"], "document": msgspec.json.encode(record).decode(),
    }  # fmt: skip
    words = {":words": ""} if isinstance(database, OnPostgresql) else {}
    await insert(database, "OAuthClient", columns | words)


async def insert_tenant(database: Database, id: str) -> None:
    document = f'{{"id":"{id}","name":"T","description":null,"logo":null,"createdAt":null,"quotas":{{}}}}'
    words = {":words": ""} if isinstance(database, OnPostgresql) else {}
    numbers = dict.fromkeys(("created", "changed", "joined"), 1)
    await insert(database, "Tenant", {"id": id, **numbers, "name": "T", "document": document, **words})


@pytest.fixture(params=[OnSqlite, OnPostgresql])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    database: Database = request.param(tmp_path)
    return database


@pytest.fixture
async def database(empty: Database, tmp_path: Path) -> Database:
    """A database of the version before, with two tenants and four clients."""
    before = tmp_path / "schema"
    before.mkdir()
    for name in ("0001_first.sql", "0002_changes.sql", "0003_blobs.sql"):
        shutil.copy(empty.migrations / name, before)
    await empty.migrate(before)
    for tenant in ("it", "iu"):
        await insert_tenant(empty, tenant)
    for given, hash, *numbers in CLIENTS:
        record = {name: {**BASE, **given}[name] for name in ["id", "clientId", *BASE]}
        await insert_client(empty, record, hash, numbers)
    for account, number in ((GLOBAL, 9), ("it", 7), ("iu", 6)):
        await insert(empty, "state", {"account": account, "type": "OAuthClient", "number": number})
    await empty.run("UPDATE sequence SET number = 9")
    return empty


async def all_of(store: Store, type: ObjectType, account: str = GLOBAL) -> list[Record]:
    async def work(reader: Reader) -> list[Record]:
        page = await reader.query(type, account, EVERYTHING)
        return await reader.get(type, account, page.ids)

    return await store.read(work)


async def test_each_hash_becomes_an_object_and_only_those(database: Database) -> None:
    store = await database.open()
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


async def test_clients_keep_what_they_had_and_say_how_they_authenticate(database: Database) -> None:
    store = await database.open()
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


async def test_the_columns_hold_what_the_records_say(database: Database) -> None:
    await database.migrate(database.migrations)
    columns = '"updatedAt", "isEnabled", "grantTypes", "owner", "clientName:sort", "lastUsedAt"'
    kept = await database.run(f'SELECT DISTINCT {columns} FROM "OAuthClient"')
    assert kept == [(BASE["createdAt"], 1, "\nauthorization_code\n", None, None, None)]
    assert await database.run('SELECT DISTINCT "createdAt" FROM "OAuthClientSecret"') == [(BASE["createdAt"],)]


@pytest.mark.parametrize(("account", "secrets"), [(GLOBAL, ["ia", "ic"]), ("it", ["ia"]), ("iu", [])])
async def test_an_account_sees_its_secrets(database: Database, account: str, secrets: list[str]) -> None:
    store = await database.open()
    assert [each["id"] for each in await all_of(store, SECRET, account)] == secrets
    await store.close()


async def test_states_are_those_of_the_last_change_that_an_account_saw(database: Database) -> None:
    await database.migrate(database.migrations)
    states = await database.run("SELECT account, number FROM state WHERE type = 'OAuthClientSecret' ORDER BY account")
    assert states == [(GLOBAL, 7), ("it", 7)]
    rows = await database.run('SELECT id, created, changed, joined FROM "OAuthClientSecret" ORDER BY id')
    assert rows == [("ia", 3, 7, 3), ("ic", 5, 5, 5)]


async def test_nothing_is_left_of_the_column(database: Database) -> None:
    await database.migrate(database.migrations)
    with pytest.raises((sqlite3.OperationalError, asyncpg.UndefinedColumnError)):
        await database.run('SELECT secret FROM "OAuthClient"')


async def test_a_database_without_clients_has_no_state_of_secrets(empty: Database) -> None:
    await empty.migrate(empty.migrations)
    assert await empty.run("SELECT * FROM state") == []
