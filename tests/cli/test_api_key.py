"""`api-key`: keys made, listed and revoked straight on the database, while a server runs on it or none does."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from tests.cli.process import Serving, run, serve

KEY = "a-key-of-the-tests-and-of-nobody-else"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A file that is empty: the first command makes a database of it."""
    path = tmp_path / "clients.db"
    path.touch()
    return str(path)


def status(server: Serving, key: str) -> int:
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        return client.get(f"{server.url}/jmap/session").status_code


def test_a_key_is_printed_alone_and_listed_without_its_secret(tmp_path: Path, database: str) -> None:
    flags = ("--description", "backend", "--permission", "sysTenantGet", "--permission", "sysTenantQuery")
    limits = ("--expires-at", "2100-01-31T00:00:00Z", "--allowed-ip", "127.0.0.0/8")
    created = run("api-key", "create", *flags, *limits, "--database", database, folder=tmp_path)
    listed = run("api-key", "list", "--json", "--database", database, folder=tmp_path)
    assert (created.returncode, created.stderr, len(created.stdout.split())) == (0, "", 1)
    assert created.stdout.strip() not in listed.stdout
    key = json.loads(listed.stdout)
    assert {name: key[name] for name in ("description", "permissions", "expiresAt", "allowedIps")} == {
        "description": "backend",
        "permissions": {"sysTenantGet": True, "sysTenantQuery": True},
        "expiresAt": "2100-01-31T00:00:00Z",
        "allowedIps": {"127.0.0.0/8": True},
    }


def test_a_running_server_takes_a_new_key_and_drops_a_revoked_one(tmp_path: Path, database: str) -> None:
    where = ("--database", database)
    with serve(*where, folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY) as server:
        key = run("api-key", "create", "--all-permissions", "--description", "new", *where, folder=tmp_path)
        assert status(server, key.stdout.strip()) == 200
        rows = run("api-key", "list", "--json", *where, folder=tmp_path).stdout.splitlines()
        id = next(row["id"] for row in map(json.loads, rows) if row["description"] == "new")
        revoked = run("api-key", "revoke", id, *where, folder=tmp_path)
        assert (revoked.returncode, revoked.stdout) == (0, f"The API key {id} is revoked.\n")
        while status(server, key.stdout.strip()) != 401:
            time.sleep(0.05)
        assert status(server, KEY) == 200


def test_the_list_is_a_table_for_people(tmp_path: Path, database: str) -> None:
    run("api-key", "create", "--all-permissions", "--description", "[red]x[/red]", "--database", database,
        folder=tmp_path)  # fmt: skip
    listed = run("api-key", "list", "--database", database, folder=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.split("\n")[0].split("  ")[0].strip() == "Id"
    assert "[red]x[/red]" in listed.stdout
    assert "of them" in listed.stdout


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--permission", "sysNothing"), "permissions"),
        (("--all-permissions", "--tenant", "none"), "memberTenantId"),
        (("--all-permissions", "--expires-at", "tomorrow"), "expiresAt"),
        (("--all-permissions", "--allowed-ip", "everywhere"), "allowedIps"),
        (("--all-permissions", "--description", "a\x1bb"), "description"),
    ],
)
def test_a_refused_key_is_an_error_that_names_the_property(
    tmp_path: Path, database: str, flags: tuple[str, ...], named: str
) -> None:
    done = run("api-key", "create", *flags, "--database", database, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert named in done.stderr


def test_a_key_is_allowed_more_and_keeps_what_it_has(tmp_path: Path, database: str) -> None:
    where = ("--database", database)
    run("api-key", "create", "--permission", "sysTenantGet", *where, folder=tmp_path)
    before = json.loads(run("api-key", "list", "--json", *where, folder=tmp_path).stdout)
    done = run("api-key", "allow", before["id"], "--permission", "sysAuditEventGet", *where, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"The API key {before['id']} has them.\n")
    after = json.loads(run("api-key", "list", "--json", *where, folder=tmp_path).stdout)
    assert after == {**before, "permissions": {"sysTenantGet": True, "sysAuditEventGet": True}}


def test_what_cannot_be_allowed_is_an_error(tmp_path: Path, database: str) -> None:
    where = ("--database", database)
    unknown = run("api-key", "allow", "nobody", "--all-permissions", *where, folder=tmp_path)
    wrong = run("api-key", "allow", "nobody", "--permission", "sysAuditEventDestroy", *where, folder=tmp_path)
    assert (unknown.returncode, unknown.stderr) == (1, "Error: There is no API key with this id.\n")
    assert (wrong.returncode, wrong.stderr) == (1, "Error: There is no permission 'sysAuditEventDestroy'.\n")


def test_an_unknown_id_is_an_error(tmp_path: Path, database: str) -> None:
    done = run("api-key", "revoke", "nobody", "--database", database, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize(
    "command", [("create", "--all-permissions"), ("list",), ("revoke", "a"), ("allow", "a", "--all-permissions")]
)
def test_a_missing_folder_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run("api-key", *command, "--database", "nowhere/clients.db", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n"), "nowhere" in done.stderr) == (1, "", 1, True)


@pytest.mark.parametrize(
    "command", [("create", "--all-permissions"), ("list",), ("revoke", "a"), ("allow", "a", "--all-permissions")]
)
def test_a_missing_database_is_named_and_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A slip of the path would show an empty list, or give a key to a server that does not exist."""
    done = run("api-key", *command, "--database", "typo.db", folder=tmp_path)
    sentence = f"Error: {tmp_path / 'typo.db'}: there is no such database; jmap-oauth serve would make it\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("list",), ("revoke", "a"), ("allow", "a", "--all-permissions")])
def test_the_default_database_is_made_by_create_alone(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "data").mkdir()
    refused = run("api-key", *command, folder=tmp_path)
    assert (refused.returncode, list((tmp_path / "data").iterdir())) == (1, [])
    created = run("api-key", "create", "--all-permissions", folder=tmp_path)
    assert (created.returncode, (tmp_path / "data" / "jmap-oauth.db").exists()) == (0, True)


@pytest.mark.parametrize("date", ["2020-01-31T00:00:00Z", "1970-01-01T00:00:00+00:00"])
def test_a_key_that_would_never_work_is_refused(tmp_path: Path, database: str, date: str) -> None:
    flags = ("--all-permissions", "--expires-at", date, "--database", database)
    done = run("api-key", "create", *flags, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: expiresAt is not in the future: the key would never work.\n"
    assert run("api-key", "list", "--json", "--database", database, folder=tmp_path).stdout == ""


def test_the_database_may_come_from_the_file_of_settings(tmp_path: Path, database: str) -> None:
    (tmp_path / "settings.toml").write_text(f'database = "{database}"\n')
    done = run("api-key", "create", "--all-permissions", "--config", "settings.toml", folder=tmp_path)
    assert (done.returncode, Path(database).stat().st_size > 0) == (0, True)
