"""The command `import` against a server: a plan, what is done, and what is done the second time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.support.served import QUICK_FLAGS, serve_process

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A server that has nothing yet, and the samples."""
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    with serve_process(tmp_path, *QUICK_FLAGS) as server:
        yield Shell(tmp_path, server.url, server)


def got(shell: Shell, client_id: str) -> dict[str, Any]:
    return dict(shell.json("get", "OAuthClient", f"clientId={client_id}")[0])


def import_skipping(shell: Shell, *arguments: str) -> list[str]:
    """Import a file of which clients are skipped, and return what is shown."""
    done = shell.run("import", *arguments)
    assert (done.returncode, done.stderr.splitlines()[-1].partition(" ")[0]) == (1, "Error:")
    return done.stdout.splitlines()


def is_authentic(shell: Shell, client_id: str, secret: str) -> bool:
    return shell.run("authenticate", client_id, "--secret-env", "SECRET", SECRET=secret).returncode == 0


def test_a_dry_run_shows_the_plan_and_changes_nothing(shell: Shell) -> None:
    shown = import_skipping(shell, "hydra", "hydra.json", "--dry-run")
    assert shown[:5] == [
        "! skip hydra-tls (item 3): it authenticates by tls_client_auth, which there is not here",
        "! skip item 4: it has no client_id",
        "! skip hydra-web (item 5): hydra-web is in the file before, at item 1",
        "+ create OAuthClient hydra-web",
        "    gets a new secret",
    ]
    assert shown[-3:] == [
        "+ create OAuthClient hydra-dump",
        "    brings its secret",
        "Plan: 2 to create, 0 to update, 0 to delete; 0 as they should be.",
    ]
    assert shell.json("query", "OAuthClient") == []


@pytest.mark.parametrize(
    ("format", "file", "made", "skipped"),
    [
        ("stalwart", "stalwart-snapshot.ndjson", 3, "1 of 6"),
        ("stalwart", "stalwart-principals.json", 3, ""),
        ("hydra", "hydra.json", 2, "3 of 5"),
        ("keycloak", "keycloak-realm.json", 4, "1 of 8"),
    ],
)
def test_the_second_import_of_a_file_finds_nothing_to_do(
    shell: Shell, format: str, file: str, made: int, skipped: str
) -> None:
    """What is skipped is told each time, and by the exit code; what is no client is not."""
    lost = f"Error: skipped {skipped}: the report says why\n" if skipped else ""
    first = shell.run("import", format, file, "--secrets-out", "secrets")
    assert (first.returncode, first.stderr) == (bool(skipped), f"Done: {made} of {made}.\n{lost}")
    again = shell.run("import", format, file)
    assert (again.returncode, again.stderr) == (bool(skipped), lost)
    assert again.stdout.splitlines()[-1] == f"Plan: 0 to create, 0 to update, 0 to delete; {made} as they should be."
    assert "MARKER" not in first.stdout + again.stdout


def test_what_is_no_client_is_told_and_no_error(shell: Shell) -> None:
    realm = {"clients": [{"clientId": "account"}, {"clientId": "saml", "protocol": "saml"}]}
    shown = shell.done("import", "keycloak", shell.write("realm", realm), "--dry-run").splitlines()
    assert shown[:2] == [
        ". ignore account (client 1): it is Keycloak's own",
        ". ignore saml (client 2): its protocol is saml",
    ]


def test_members_that_are_left_out_are_told_and_no_error(shell: Shell) -> None:
    entry = {"client_id": "leftovers", "software_id": "4NRB1", "token_endpoint_auth_method": "none"}
    shown = shell.done("import", "registration", shell.write("file", entry), "--dry-run").splitlines()
    assert shown[:2] == [
        "+ create OAuthClient leftovers",
        "    left out: software_id: there is no property for it",
    ]


def test_secrets_and_hashes_are_good_after_the_import_and_nobody_else_has_one(shell: Shell) -> None:
    for format, file in [("hydra", "hydra.json"), ("keycloak", "keycloak-realm.json")]:
        import_skipping(shell, format, file, "--secrets-out", f"{format}-secrets")
    assert is_authentic(shell, "hydra-dump", "secret-MARKER-pbkdf2")
    assert is_authentic(shell, "kc-web", "secret-MARKER-keycloak")
    new = [json.loads(line) for line in (shell.folder / "hydra-secrets").read_text().splitlines()]
    assert [each["label"] for each in new] == ["hydra-web"]
    assert is_authentic(shell, "hydra-web", new[0]["secret"])
    assert len(shell.json("query", "OAuthClientSecret")) == 4


def test_without_a_file_for_new_secrets_nothing_is_done(shell: Shell) -> None:
    error = shell.error("import", "hydra", "hydra.json")
    assert error == "Error: 1 new secrets have to go somewhere: give --secrets-out FILE"
    assert shell.json("query", "OAuthClient") == []


def test_what_the_server_refuses_is_told_by_client_and_field_and_the_others_are_made(shell: Shell) -> None:
    done = shell.run("import", "registration", "registration.ndjson", "--secrets-out", "secrets")
    assert done.returncode == 1
    refused, total = done.stderr.splitlines()
    assert refused.startswith("Error: could not create OAuthClient reg-bad: invalidProperties: redirectUris ")
    assert total == "Done: 4 of 5."


def test_a_secret_keeps_the_end_that_it_has(shell: Shell) -> None:
    shell.run("import", "registration", "registration.ndjson", "--secrets-out", "secrets")
    owner = got(shell, "reg-web")["id"]
    (secret,) = shell.json("query", "OAuthClientSecret", "--where", f"oauthClientId={owner}")
    assert secret["expiresAt"] == "2100-01-01T00:00:00Z"
    assert is_authentic(shell, "reg-web", "secret-MARKER-registration")


def test_a_client_that_is_there_becomes_as_the_file_says_and_keeps_its_secret(shell: Shell) -> None:
    entry = {"client_id": "there", "client_name": "New", "client_secret": "another-secret-of-the-file"}
    shell.done("create", "OAuthClient", "--field", "clientId=there", "--secret-file", "-", input="the-secret-it-has\n")
    shown = shell.done("import", "registration", shell.write("file", entry))
    assert shown.splitlines()[:2] == ["~ update OAuthClient there", '    clientName: null -> "New"']
    assert got(shell, "there")["clientName"] == "New"
    assert is_authentic(shell, "there", "the-secret-it-has")
    assert not is_authentic(shell, "there", "another-secret-of-the-file")


def test_a_client_gets_its_own_secret_and_not_that_of_one_that_is_skipped(shell: Shell) -> None:
    first = {"client_id": " twice "}
    spaced = {"client_id": " spaced ", "client_secret": "secret-MARKER-spaced"}
    file = shell.write("file", first, {"client_id": "twice", "client_secret": "secret-MARKER-second"}, spaced)
    shown = import_skipping(shell, "registration", file, "--secrets-out", "new")
    assert shown[0] == "! skip twice (line 2): twice is in the file before, at line 1"
    assert json.loads((shell.folder / "new").read_text())["label"] == "twice"
    assert not is_authentic(shell, "twice", "secret-MARKER-second")
    assert is_authentic(shell, "spaced", "secret-MARKER-spaced")


def test_a_hash_that_the_server_refuses_leaves_a_client_that_nobody_can_be(shell: Shell) -> None:
    dear = "$2b$31$" + "a" * 53
    entry = {"client_id": "dear", "client_secret": dear, "grant_types": ["client_credentials"]}
    done = shell.run("import", "hydra", shell.write("file", entry))
    assert done.returncode == 1
    assert "dear: it is there, but with a secret that nobody knows, for its own was refused" in done.stderr
    assert dear not in done.stdout + done.stderr
    assert got(shell, "dear")["secret"] == "****"


def test_the_report_for_programs_has_a_line_for_each_object(shell: Shell) -> None:
    shown = import_skipping(shell, "stalwart", "stalwart-snapshot.ndjson", "--dry-run", "--json")
    lines = [json.loads(line) for line in shown]
    assert [(each["action"], each["label"], each["place"]) for each in lines] == [
        ("ignore", "line 1", "line 1"),
        ("skip", "stalwart-lost", "line 4, oauthclient-f"),
        ("ignore", "line 5", "line 5"),
        ("create", "Snapshot Tenant", "line 2, tenant-c"),
        ("create", "stalwart-webmail", "line 3, oauthclient-d"),
        ("create", "stalwart-public", "line 3, oauthclient-e"),
    ]
    assert lines[4]["secret"] == "new"
    assert lines[4]["leftOut"] == [
        {"member": "redirectUris", "reason": "https://*.example.com/cb has a wildcard"},
        {"member": "secret", "reason": "it is not in the file"},
    ]


def test_a_file_may_steer_no_terminal(shell: Shell) -> None:
    file = shell.write("file", {"client_id": "a\u001b[2J", "x\u001b]0;": 1, "token_endpoint_auth_method": "none"})
    assert "\x1b" not in shell.done("import", "registration", file, "--dry-run")


def test_a_format_that_is_not_known_is_wrong_usage(shell: Shell) -> None:
    assert "'auth0' is not one of" in shell.error("import", "auth0", "file", code=2)
