"""What needs the capability for metadata: described, set, asked for, written down and brought back as the rest is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell, client_entry
from tests.cli.test_apply import NO_DRIFT, check, empty_server, got

SECRET = "secret-of-the-tests-and-of-nobody-else"
MANY: dict[str, Any] = {
    "clientName": "Backup",
    "owner": "team-storage",
    "grantTypes": {"client_credentials": True},
    "scopes": {"files.read": True, "files.write": True},
    "audience": {"https://files.example": True},
    "tokenEndpointAuthMethod": "client_secret_post",
    "clientCredentialsGrantAccessTokenLifespan": 60_000,
    "requirePkce": False,
    "isProtected": True,
    "metadata": {"ticket": 4711, "nested": {"a": [1, None, "b"]}},
}


def create(shell: Shell, client_id: str, *fields: str, secret: str = "") -> str:
    given = (text for field in (f"clientId={client_id}", *fields) for text in ("--field", field))
    source = ("--secret-file", "-") if secret else ()
    return str(shell.json("create", "OAuthClient", *given, *source, input=secret)[0]["id"])


def found(shell: Shell, *conditions: str) -> list[str]:
    where = (text for condition in conditions for text in ("--where", condition))
    asked = shell.json("query", "OAuthClient", *where, "--fields", "clientId", "--sort", "clientId")
    return [each["clientId"] for each in asked]


def test_describe_tells_of_metadata_and_of_secrets(shell: Shell) -> None:
    rows = {each["field"]: (each["kind"], each["set by"]) for each in shell.json("describe", "OAuthClient")}
    assert rows["scopes"] == ("set of string", "create, update")
    assert rows["updatedAt"] == ("utcDateTime", "server")
    assert "OAuthClientSecret" in {each["type"] for each in shell.json("describe")}
    kinds = {each["field"]: each["kind"] for each in shell.json("describe", "OAuthClientSecret")}
    assert (kinds["secret"], kinds["secretHash"]) == ("secret or null", "secret or null (write only)")


@pytest.mark.parametrize("command", [("query", "OAuthClientSecret"), ("get", "OAuthClientSecret", "a")])
def test_what_nobody_can_read_is_not_asked_for(shell: Shell, command: tuple[str, ...]) -> None:
    said = shell.error(*command, "--fields", "hint,secretHash", code=2)
    assert said == "Error: Invalid value: secretHash can be set, and nobody can read it"


def test_what_nobody_can_read_is_in_no_plan(shell: Shell) -> None:
    properties = {"oauthClientId": "a", "label": "hashed", "secretHash": "****"}
    file = shell.write("plan", {"type": "OAuthClientSecret", "properties": properties})
    said = shell.error("apply", "--file", file)
    assert said == "Error: line 1: secretHash cannot be read, so nobody can tell whether it is as it should be"


def test_metadata_is_set_shown_and_changed_as_the_rest_is(shell: Shell) -> None:
    id = create(shell, "meta", "owner=team-a", "scopes=mail", "isEnabled=false", 'metadata={"a": 1}')
    shell.done("update", "OAuthClient", id, "--field", "metadata/b~1c=[2]", "--field", "owner=null")
    names = "owner,scopes,isEnabled,metadata"
    (shown,) = shell.json("get", "OAuthClient", id, "--fields", names)
    expected = {"owner": None, "scopes": {"mail": True}, "isEnabled": False}
    assert shown == {"id": id, **expected, "metadata": {"a": 1, "b/c": [2]}}


def test_clients_can_be_asked_for_by_status_owner_and_grant(shell: Shell) -> None:
    create(shell, "status-active", "owner=team-b", "grantTypes=client_credentials", secret=SECRET)
    create(shell, "status-disabled", "owner=team-b", "isEnabled=false")
    create(shell, "status-expired", "owner=team-b", "expiresAt=2020-01-01T00:00:00Z")
    for status in ("active", "disabled", "expired"):
        assert found(shell, "owner=team-b", f"status={status}") == [f"status-{status}"]
    assert found(shell, "owner=team-b", "grantType=client_credentials") == ["status-active"]
    assert found(shell, "owner=team-c") == []


def test_a_status_that_there_is_not_is_an_error(shell: Shell) -> None:
    assert "status" in shell.error("query", "OAuthClient", "--where", "status=gone")


def test_a_snapshot_brings_back_all_that_was_said_of_a_client(tmp_path: Path) -> None:
    with empty_server(tmp_path / "one") as one, empty_server(tmp_path / "two") as two:
        create(one, "whole", *(f"{name}={as_field(value)}" for name, value in MANY.items()), secret=SECRET)
        (line,) = one.done("snapshot", "--types", "OAuthClient").splitlines()
        assert {name: json.loads(line)["properties"][name] for name in MANY} == MANY
        file = two.write("file", line)
        assert two.run("apply", "--file", file, "--secrets-out", "new").returncode == 0
        server_set = {"id", "createdAt", "updatedAt", "lastUsedAt", "createdBy", "updatedBy"}
        first, second = ({k: v for k, v in got(each, "whole").items() if k not in server_set} for each in (one, two))
        assert (first == second, check(two, file)) == (True, NO_DRIFT)


def as_field(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_a_plan_changes_metadata_and_is_then_no_drift(shell: Shell) -> None:
    create(shell, "planned", "scopes=a", "scopes=b")
    file = shell.write(
        "plan", client_entry("planned", scopes={"b": True, "c": True}, clientName=" Spaced ", contacts=None)
    )
    shown = shell.run("apply", "--file", file).stdout
    assert '    scopes: -"a", +"c"\n' in shown
    assert (got(shell, "planned")["clientName"], check(shell, file)) == ("Spaced", NO_DRIFT)


def test_a_label_without_property_is_an_owner(shell: Shell) -> None:
    create(shell, "owned-gone", "owner=team-d")
    create(shell, "owned-other", "owner=team-e")
    file = shell.write("plan", client_entry("owned-new"))
    done = shell.run("apply", "--file", file, "--prune", "team-d", "--yes")
    assert (done.returncode, "- delete OAuthClient owned-gone\n" in done.stdout) == (0, True)
    assert (found(shell, "owner=team-d"), found(shell, "owner=team-e")) == (["owned-new"], ["owned-other"])
    assert check(shell, file, "--prune", "team-d") == NO_DRIFT


def test_a_method_that_needs_a_secret_makes_a_client_without_one_get_it(shell: Shell) -> None:
    create(shell, "public")
    file = shell.write("plan", client_entry("public", tokenEndpointAuthMethod="client_secret_post"))
    assert "--secrets-out" in shell.error("apply", "--file", file)
    shell.run("apply", "--file", file, "--secrets-out", "new")
    secret = json.loads((shell.folder / "new").read_text())["secret"]
    asked = ("authenticate", "public", "--secret-file", "-")
    assert shell.done(*asked, input=secret).startswith("public is authenticated.\n")
    assert check(shell, file) == NO_DRIFT


def test_the_secrets_of_a_client_are_objects_and_no_secret_of_them_is_lost(shell: Shell) -> None:
    id = create(shell, "several", secret=SECRET)
    entry = {"type": "OAuthClientSecret", "properties": {"oauthClientId": id, "label": "second of several"}}
    file = shell.write("plan", entry)
    assert shell.run("apply", "--file", file, "--secrets-out", "new").stderr == "Done: 1 of 1.\n"
    secret = json.loads((shell.folder / "new").read_text())["secret"]
    assert shell.done("authenticate", "several", "--secret-file", "-", input=secret).startswith("several is auth")
    assert check(shell, file) == NO_DRIFT
    assert len(shell.json("query", "OAuthClientSecret", "--where", f"oauthClientId={id}")) == 2
