"""Objects of one name, or of none: a file finds again what it has made on a server with ids of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.cli.client import Client
from jmap_oauth.cli.connection import Connection
from tests.cli.planning import steps
from tests.cli.shell import Shell, client_entry
from tests.cli.test_apply import NO_DRIFT, check, empty_server, got, tenant
from tests.support.served import ADMIN_KEY


def entry(name: str, id: str, **properties: Any) -> dict[str, Any]:
    """Return the line of a tenant, whose id may be another server's."""
    return {"type": "Tenant", "id": id, "properties": {"name": name, **properties}}


def actions(shell: Shell, *entries: Any) -> list[tuple[str, str | None]]:
    return [(each.action, each.id) for each in steps(shell, *entries)]


def test_a_snapshot_that_was_restored_is_no_drift_whatever_has_the_same_name(shell: Shell, tmp_path: Path) -> None:
    tenants = {each: {"name": "Restored", "description": each[0]} for each in ("a", "b", "b2")}
    keys = {f"key-{each}": {"memberTenantId": f"#{each}", "permissions": {"sysTenantGet": True}} for each in tenants}
    clients = {f"client-{each}": {"memberTenantId": f"#{each}", "clientId": f"of-{each}"} for each in tenants}
    made = {"x:Tenant/set": tenants, "x:ApiKey/set": keys, "x:OAuthClient/set": clients}
    with Client(Connection(shell.url, ADMIN_KEY)) as client:
        client.calls([(name, {"create": create}) for name, create in made.items()])
    lines = shell.done("snapshot").splitlines()
    with empty_server(tmp_path / "own") as empty:
        file = empty.write("file", *lines)
        assert empty.run("apply", "--file", file, "--secrets-out", "new").returncode == 0
        assert empty.done("apply", "--file", file).endswith(f"0 to delete; {len(lines)} as they should be.\n")
        owners = {got(empty, f"of-{each}")["memberTenantId"] for each in tenants}
        assert (len(owners), empty.done("snapshot").count("\n")) == (3, len(lines))


def test_what_a_cut_connection_left_of_several_of_one_name_is_made(shell: Shell) -> None:
    there = tenant(shell, "Cut", "b")
    planned = actions(shell, entry("Cut", "one", description="a"), entry("Cut", "other", description="b"))
    assert planned == [("create", None), ("keep", there)]


def test_the_one_that_is_not_equal_to_any_is_the_one_that_is_left(shell: Shell) -> None:
    changed, kept = tenant(shell, "Left", "c"), tenant(shell, "Left", "b")
    planned = actions(shell, entry("Left", "one", description="a"), entry("Left", "other", description="b"))
    assert planned == [("update", changed), ("keep", kept)]


def test_what_an_id_names_is_not_taken_by_an_earlier_line_of_its_name(shell: Shell) -> None:
    first, second = tenant(shell, "Taken"), tenant(shell, "Taken")
    planned = actions(shell, entry("Taken", "elsewhere"), entry("Taken", first, description="new"))
    assert planned == [("keep", second), ("update", first)]


@pytest.mark.parametrize(("descriptions", "said"), [
    ("a", "stands for 2 objects: name one by its id"),
    ("ab", "stands for 2 objects and 2 lines that differ: name one by its id"),
])  # fmt: skip
def test_what_could_be_taken_for_another_is_an_error(shell: Shell, descriptions: str, said: str) -> None:
    name = f"Either {descriptions}"
    for other in ("c", "d"):
        tenant(shell, name, other)
    lines = [entry(name, f"id-{each}", description=each) for each in descriptions]
    assert shell.error("apply", "--file", shell.write("plan", *lines)) == f"Error: line 1: {name} {said}"


def test_of_more_objects_than_lines_the_equal_one_is_kept_and_the_others_left_alone(shell: Shell) -> None:
    tenant(shell, "More", "c")
    first = tenant(shell, "More", "a")
    tenant(shell, "More", "a")
    assert actions(shell, entry("More", "elsewhere", description="a")) == [("keep", first)]


def test_a_key_without_a_description_is_known_by_all_that_its_line_says(shell: Shell) -> None:
    permissions = {"sysTenantQuery": True, "sysTenantGet": True}
    key = shell.json("create", "ApiKey", *(f"--field=permissions={each}" for each in permissions))[0]["id"]
    line = {"type": "ApiKey", "id": "elsewhere", "properties": {"description": None, "permissions": permissions}}
    other = {**line, "properties": {"description": None, "permissions": {"sysTenantCreate": True}}}
    assert actions(shell, line, {**other, "id": "b"}, {**line, "id": "c"}) == [
        ("keep", key),
        ("create", None),
        ("create", None),
    ]


def test_new_secrets_of_keys_of_one_name_are_told_apart(shell: Shell) -> None:
    line = {"type": "ApiKey", "properties": {"description": "secret namesake", "permissions": {"sysTenantGet": True}}}
    file = shell.write("plan", {**line, "id": "one"}, {**line, "id": "other"})
    assert shell.run("apply", "--file", file, "--secrets-out", "new").returncode == 0
    told = map(json.loads, (shell.folder / "new").read_text().splitlines())
    keys = shell.json("query", "ApiKey", "--where", "text=namesake", "--sort", "id")
    assert [each["id"] for each in told if each.keys() == {"type", "id", "label", "secret"}] == [
        each["id"] for each in keys if each["description"] == "secret namesake"
    ]


def test_of_one_name_what_is_equal_is_found_however_many_there_are(tmp_path: Path) -> None:
    with empty_server(tmp_path / "own") as shell:
        lines = [entry("Many", f"id-{number}", description=str(number)) for number in range(250)]
        file = shell.write("plan", *lines[1:], client_entry("between"), *lines[:1])
        assert shell.run("apply", "--file", file).returncode == 0
        assert check(shell, file) == NO_DRIFT
        planned = steps(shell, entry("Many", "id-0", description="new"), *lines[1:])
        assert [(each.action, each.line) for each in planned if each.action != "keep"] == [("update", 1)]


def test_what_is_owned_goes_before_others_of_its_name(shell: Shell) -> None:
    mine, others = tenant(shell, "Mine"), tenant(shell, "Others")
    for owner in (others, mine, others):
        command = ("create", "ApiKey", "--field", "description=namesake", "--field", f"memberTenantId={owner}")
        shell.done(*command, "--field", "permissions=sysTenantGet")
    line = {"type": "ApiKey", "properties": {"description": "namesake", "permissions": {"sysTenantGet": True}}}
    assert check(shell, shell.write("plan", line), "--prune", f"memberTenantId={mine}") == NO_DRIFT
