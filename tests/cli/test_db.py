"""`jmap-oauth db`: what is kept can be checked, backed up, put back and moved, and nothing half done is left."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest

from tests.cli.process import run
from tests.process.database import check_database
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, USING, request_of, serve_process

FILE = "test.db"
METADATA = [*USING, "urn:jmap-oauth:metadata"]

Db = Callable[..., CompletedProcess[str]]


def ask(url: str, name: str, **arguments: Any) -> Any:
    request = request_of((name, arguments), using=METADATA)
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    response = httpx.post(f"{url}/api", json=request, headers=headers, trust_env=False, timeout=60)
    return response.raise_for_status().json()["methodResponses"][0][1]


def fill(url: str) -> None:
    """Make tenants and clients that come, change, move and go, and a blob."""
    tenants = ask(url, "x:Tenant/set", create={"a": {"name": "A"}, "b": {"name": "Bé"}})["created"]
    create = {
        f"c{number}": {"clientId": f"c{number}", "memberTenantId": tenants["a"]["id"], "description": "Näive ﬁle"}
        for number in range(4)
    }
    create["c0"]["secret"] = "the secret"
    ids = [made["id"] for made in ask(url, "x:OAuthClient/set", create=create)["created"].values()]
    ask(url, "x:OAuthClient/set", update={ids[1]: {"memberTenantId": tenants["b"]["id"]}})
    ask(url, "x:OAuthClient/set", destroy=[ids[2]])
    headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "text/plain"}
    httpx.post(f"{url}/jmap/upload/global", content=b"blob \0 \xff", headers=headers, trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database in which something has happened, as bytes."""
    folder = tmp_path_factory.mktemp("filled")
    with serve_process(folder, *QUICK_FLAGS) as server:
        fill(server.url)
        assert server.stop() == 0
    return (folder / FILE).read_bytes()


@pytest.fixture
def database(tmp_path: Path, filled: bytes) -> Path:
    (tmp_path / FILE).write_bytes(filled)
    return tmp_path / FILE


@pytest.fixture
def db(tmp_path: Path) -> Db:
    """Run a command on the database of the folder."""

    def run_db(command: str, *arguments: str, on: str = FILE) -> CompletedProcess[str]:
        return run("db", command, *arguments, "--database", on, folder=tmp_path)

    return run_db


def execute(path: Path, *statements: str) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def contents(path: Path) -> list[list[tuple[Any, ...]]]:
    """Return everything that is kept, but for the numbers of rows and the identity."""
    tables = execute(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%:words%'")
    kept = []
    for (table,) in sorted(tables):
        if table != "identity":
            columns = [f'"{name}"' for _, name, *_ in execute(path, f"PRAGMA table_info('{table}')")]
            names = ", ".join(each for each in columns if each != '"number"' or table in ("state", "sequence"))
            kept.append(sorted(execute(path, f'SELECT {names} FROM "{table}"'), key=repr))
    return kept


def test_a_sound_database_is_said_to_be_so(db: Db, database: Path) -> None:
    before = contents(database)
    done = db("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "The database is sound.\n", "")
    assert contents(database) == before


BROKEN = {
    "UPDATE OAuthClient SET clientId = 'other' WHERE clientId = 'c0'": "the column clientId does not follow",
    "UPDATE OAuthClient SET document = '{' WHERE clientId = 'c0'": "its document cannot be read",
    "UPDATE OAuthClient SET id = 'x' WHERE clientId = 'c3'": "its document is that of another object",
    "UPDATE OAuthClient SET memberTenantId = 'nobody'": "memberTenantId refers to what is not there",
    "UPDATE OAuthClient SET changed = 0": "the numbers of its creation, joining and change are out of order",
    "UPDATE sequence SET number = 1": "is beyond the last number that was taken",
    "DELETE FROM sequence": "the database has not one sequence",
    "UPDATE identity SET text = ''": "the database has not one identity",
    "UPDATE state SET number = 1 WHERE account = 'global'": "it was changed after the state of its type",
    "DELETE FROM state WHERE account <> 'global'": "it was changed after the state of its account",
    "UPDATE state SET pruned = 1000": "more was forgotten than ever happened",
    "UPDATE tombstone SET joined = 1000": "left before it came",
    "UPDATE tombstone SET left_at = 1000": "is later than the state there",
    "UPDATE tombstone SET number = -number": "was made before an older one",
    "UPDATE tombstone SET id = (SELECT id FROM OAuthClient)": "it is there, and has a tombstone",
    "INSERT INTO tombstone (type, account, id, joined, left_at, made_at)"
    " SELECT type, account, id, joined, left_at, made_at FROM tombstone": "is not the only one",
    "ALTER TABLE OAuthClient ADD COLUMN extra TEXT": "OAuthClient.extra is TEXT in the database and nowhere declared",
    "UPDATE blob SET size = 1": "has another size than it says",
    "UPDATE OAuthClientSecret SET secret = NULL": "secret has no hash",
    "UPDATE OAuthClientSecret SET secret = replace(secret, 'argon2id', 'argon2di')": "secret has a hash that is none",
    "UPDATE ApiKey SET secret = upper(secret)": "secret has a hash that is none",
    "UPDATE blob SET data = zeroblob(size)": "has not the bytes that it had",
    "UPDATE \"OAuthClient:words\" SET words = 'other'": "its words do not follow from its document",
    'DELETE FROM "OAuthClient:words" WHERE rowid = 1': "its words do not follow from its document",
    "INSERT INTO \"OAuthClient:words\" (rowid, words) VALUES (99, 'x')": "there are words of row 99",
    'DROP INDEX "OAuthClient:createdAt"': "index OAuthClient.OAuthClient:createdAt is missing",
    'DROP TRIGGER "Tenant:blobs"': "trigger Tenant.Tenant:blobs is missing",
    "CREATE UNIQUE INDEX mine ON OAuthClient (id, owner)": "index OAuthClient.mine is in the database, but no",
    "UPDATE \"OAuthClient:words_content\" SET c0 = 'other'": "OAuthClient: the index of words does not hold",
}


@pytest.mark.parametrize("statement", BROKEN)
def test_whatever_does_not_fit_is_named(db: Db, database: Path, statement: str) -> None:
    execute(database, "PRAGMA foreign_keys = OFF", statement)
    before = contents(database)
    done = db("check")
    assert done.returncode == 1
    assert BROKEN[statement] in done.stdout
    assert "Error: the database is not sound" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(database) == before


@pytest.mark.parametrize("portable", [(), ("--portable",)])
def test_a_backup_holds_everything_and_is_for_its_owner_alone(db: Db, database: Path, portable: tuple[str]) -> None:
    assert db("backup", "copy", *portable).returncode == 0
    assert (database.parent / "copy").stat().st_mode & 0o777 == 0o600
    assert db("restore", "copy", on="new.db").returncode == 0
    assert (database.parent / "new.db").stat().st_mode & 0o777 == 0o600
    assert contents(database.parent / "new.db") == contents(database)
    assert db("check", on="new.db").returncode == 0
    assert sorted(path.name for path in database.parent.iterdir()) == ["copy", "new.db", FILE]
    check_database(database.parent / "new.db")


def test_a_backup_overwrites_nothing(db: Db, database: Path) -> None:
    (database.parent / "there").write_text("x")
    for portable in ((), ("--portable",)):
        done = db("backup", "there", *portable)
        assert (done.returncode, done.stderr) == (1, "Error: there: there is a file already\n")
    assert (database.parent / "there").read_text() == "x"


def test_a_restore_overwrites_nothing_but_by_force_and_keeps_what_was_there(db: Db, database: Path) -> None:
    db("backup", "old")
    execute(database, "UPDATE OAuthClient SET created = 1")
    before = contents(database)
    done = db("restore", "old")
    assert (done.returncode, "there is a file already" in done.stderr) == (1, True)
    assert db("restore", "old", "--force").returncode == 0
    (aside,) = database.parent.glob(f"{FILE}.replaced-*")
    assert contents(aside) == before != contents(database)


def test_a_damaged_database_is_replaced_by_force(db: Db, database: Path) -> None:
    db("backup", "old")
    database.write_bytes(b"SQLite format 3\0" + b"damaged" * 1_000)
    assert db("restore", "old", "--force").returncode == 0
    assert db("check").returncode == 0


@pytest.mark.parametrize("end", [2, 80, 500])
def test_a_dump_that_is_cut_off_is_refused(db: Db, database: Path, end: int) -> None:
    db("backup", "dump", "--portable")
    dump = database.parent / "dump"
    dump.write_bytes(dump.read_bytes()[:-end])
    done = db("restore", "dump", on="new.db")
    assert (done.returncode, done.stderr) == (1, "Error: dump: it is damaged or cut off\n")
    assert not (database.parent / "new.db").exists()


@pytest.mark.parametrize(("old", "new"), [(b"c1", b"c9"), (b'"number":', b'"number":1'), (b'["sha256"', b'["x"')])
def test_a_dump_that_was_changed_is_refused(db: Db, database: Path, old: bytes, new: bytes) -> None:
    db("backup", "dump", "--portable")
    dump = database.parent / "dump"
    dump.write_bytes(dump.read_bytes().replace(old, new, 1))
    done = db("restore", "dump", on="new.db")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert [path.name for path in database.parent.glob("new.db*")] == []


@pytest.mark.parametrize(
    "content", [b"", b"text\n", b'["x", {}]\n', b'["jmap-oauth dump", {}]\n', b"SQLite format 3\0x"]
)
def test_what_is_no_backup_is_refused(db: Db, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    done = db("restore", "file")
    assert (done.returncode, done.stderr.count("\n"), "Traceback" in done.stderr) == (1, 1, False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_dump_of_another_version_is_refused(db: Db, database: Path) -> None:
    db("backup", "dump", "--portable")
    dump = database.parent / "dump"
    dump.write_bytes(dump.read_bytes().replace(b'"version":1', b'"version":2', 1))
    done = db("restore", "dump", on="new.db")
    assert (done.returncode, "another version of this program" in done.stderr) == (1, True)


def test_what_is_not_up_to_date_is_refused_until_it_is_migrated(db: Db, tmp_path: Path) -> None:
    execute(tmp_path / FILE, f"PRAGMA application_id = {int.from_bytes(b'jmoa')}", "PRAGMA user_version = 0")
    done = db("check")
    assert (done.returncode, "jmap-oauth db migrate" in done.stderr) == (1, True)
    assert db("migrate").stdout == "The database is up to date.\n"
    assert db("check").returncode == 0


@pytest.mark.parametrize("command", [("check",), ("migrate",), ("backup", "file")])
def test_a_database_that_is_not_there_is_not_made(db: Db, tmp_path: Path, command: tuple[str, ...]) -> None:
    assert db(*command, on="nowhere.db").returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_a_copy_holds_everything_and_needs_an_empty_place(database: Path) -> None:
    folder = database.parent
    done = run("db", "copy", FILE, "sqlite:///new.db", folder=folder)
    assert (done.returncode, done.stdout) == (0, "The copy is complete and sound.\n")
    assert contents(folder / "new.db") == contents(database)
    assert run("db", "copy", FILE, "new.db", folder=folder).returncode == 1


def test_what_is_not_sound_is_not_copied(database: Path) -> None:
    execute(database, "UPDATE tombstone SET joined = 1000")
    done = run("db", "copy", FILE, "new.db", folder=database.parent)
    assert (done.returncode, "left before it came" in done.stderr) == (1, True)
    assert not (database.parent / "new.db").exists()


# --- while a server runs, and afterwards ---


def states(url: str) -> Iterator[str]:
    for type in ("x:OAuthClient", "x:Tenant"):
        yield ask(url, f"{type}/get", ids=[])["state"]


@pytest.mark.parametrize("portable", [(), ("--portable",)])
def test_states_from_before_a_backup_are_good_and_those_of_what_was_lost_are_not(
    db: Db, database: Path, portable: tuple[str]
) -> None:
    with serve_process(database.parent, *QUICK_FLAGS) as server:
        ask(server.url, "x:OAuthClient/set", create={"new": {"clientId": "kept", "secret": "right"}})
        good = [*states(server.url)]
        assert db("backup", "copy", *portable).returncode == 0
        ask(server.url, "x:OAuthClient/set", create={"new": {"clientId": "lost"}})
        lost = ask(server.url, "x:OAuthClient/get", ids=[])["state"]
        busy = db("restore", "copy", "--force")
        assert (busy.returncode, "stop the server first" in busy.stderr) == (1, True)
        assert server.stop() == 0
    assert db("restore", "copy", "--force").returncode == 0
    with serve_process(database.parent, *QUICK_FLAGS) as server:
        assert [*states(server.url)] == good
        asked = {"clientId": "kept", "secret": "right"}
        assert ask(server.url, "x:OAuthClient/authenticate", **asked)["authenticated"]
        other = ask(server.url, "x:OAuthClient/set", create={"new": {"clientId": "other"}})["newState"]
        assert other != lost
        assert ask(server.url, "x:OAuthClient/changes", sinceState=lost)["type"] == "cannotCalculateChanges"
        assert len(ask(server.url, "x:OAuthClient/changes", sinceState=good[0])["created"]) == 1


def test_a_dump_is_lines_of_json_without_a_plain_secret(db: Db, database: Path) -> None:
    db("backup", "dump", "--portable")
    text = (database.parent / "dump").read_text("utf-8")
    assert [json.loads(line)[0] for line in text.splitlines()][:2] == ["jmap-oauth dump", "state"]
    assert "the secret" not in text
    assert ADMIN_KEY not in text
