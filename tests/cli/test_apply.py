"""`snapshot` and `apply`: files that say what a server should have."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.cli.process import COMMAND
from tests.cli.shell import Shell, client_entry
from tests.support.served import QUICK_FLAGS, serve_process

SECRET = "secret-of-the-tests-and-of-nobody-else"
NO_DRIFT, DRIFT = 0, 3


@contextmanager
def empty_server(folder: Path, *flags: str) -> Iterator[Shell]:
    """Run a server that has nothing yet."""
    folder.mkdir()
    with serve_process(folder, *QUICK_FLAGS, *flags) as server:
        yield Shell(folder, server.url, server)


def tenant(shell: Shell, name: str, description: str = "null") -> str:
    fields = ("--field", f"name={name}", "--field", f"description={description}")
    return str(shell.json("create", "Tenant", *fields)[0]["id"])


def got(shell: Shell, client_id: str) -> dict[str, Any]:
    return dict(shell.json("get", "OAuthClient", f"clientId={client_id}")[0])


def check(shell: Shell, file: str, *flags: str) -> int:
    return shell.run("apply", "--file", file, "--check", *flags).returncode


def test_a_plan_is_shown_then_done_then_there_is_nothing_to_do(shell: Shell) -> None:
    shell.done("create", "OAuthClient", "--field", "clientId=plan-old", "--field", "redirectUris=https://a.example/")
    changed = client_entry("plan-old", description="new", redirectUris={"https://b.example/": True})
    file = shell.write("plan", client_entry("plan-new", contacts={"a@b.example": True}), changed)
    done = shell.run("apply", "--file", file)
    assert done.stdout == (
        "+ create OAuthClient plan-new\n"
        "~ update OAuthClient plan-old\n"
        '    description: null -> "new"\n'
        '    redirectUris: -"https://a.example/", +"https://b.example/"\n'
        "Plan: 1 to create, 1 to update, 0 to delete; 0 as they should be.\n"
    )
    assert (done.returncode, done.stderr) == (0, "Done: 2 of 2.\n")
    assert check(shell, file) == NO_DRIFT
    assert shell.done("apply", "--file", file) == "Plan: 0 to create, 0 to update, 0 to delete; 2 as they should be.\n"


def test_check_and_dry_run_change_nothing_and_check_tells_drift(shell: Shell) -> None:
    file = shell.write("plan", client_entry("dry"))
    assert check(shell, file) == DRIFT
    assert shell.run("apply", "--file", file, "--dry-run").returncode == 0
    assert shell.json("query", "OAuthClient", "--where", "clientId=dry") == []


def test_what_is_applied_again_moves_no_state(shell: Shell) -> None:
    entry = client_entry(" again ", expiresAt="2030-01-01T02:00:00.5+02:00", contacts={"a@b.example": True, "c": False})
    file = shell.write("plan", entry)
    shell.run("apply", "--file", file)
    state = shell.json("changes", "OAuthClient")
    assert (check(shell, file), shell.run("apply", "--file", file).returncode) == (NO_DRIFT, 0)
    assert shell.json("changes", "OAuthClient") == state


def test_what_the_server_writes_in_one_form_is_no_drift(shell: Shell) -> None:
    addresses = {"192.0.2.1": True, "2001:DB8::/32": True}
    key = {"description": "form", "permissions": {"sysTenantGet": True}, "allowedIps": addresses}
    quotas = {"name": "form", "quotas": {"maxOauthClients": None}}
    file = shell.write("plan", {"type": "ApiKey", "properties": key}, {"type": "Tenant", "properties": quotas})
    assert shell.run("apply", "--file", file, "--secrets-out", "new").returncode == 0
    assert check(shell, file) == NO_DRIFT


def test_true_is_not_1(shell: Shell) -> None:
    for metadata in ({"a": [1]}, {"a": [True]}, {"a": [1, 1]}):
        file = shell.write("plan", client_entry("true-is-not-1", metadata=metadata))
        assert check(shell, file) == DRIFT
        shell.run("apply", "--file", file)
        assert (got(shell, "true-is-not-1")["metadata"], check(shell, file)) == (metadata, NO_DRIFT)


def test_no_file_is_made_for_secrets_that_there_are_not(shell: Shell) -> None:
    (shell.folder / "new").write_text("of the time before")
    file = shell.write("plan", client_entry("without-secret"))
    assert shell.run("apply", "--file", file, "--secrets-out", "new").stderr == "Done: 1 of 1.\n"
    assert (shell.folder / "new").read_text() == "of the time before"


def test_fields_that_a_file_does_not_name_stay_as_they_are(shell: Shell) -> None:
    shell.done("create", "OAuthClient", "--field", "clientId=partial", "--field", "description=kept")
    shell.run("apply", "--file", shell.write("plan", client_entry("partial", logo="https://a.example/a.png")))
    assert (got(shell, "partial")["description"], got(shell, "partial")["logo"]) == ("kept", "https://a.example/a.png")


def test_a_plan_that_fits_is_carried_out_in_one_request(tmp_path: Path) -> None:
    with empty_server(tmp_path / "own") as shell:
        entries = [{"type": "Tenant", "ref": "acme", "properties": {"name": "Acme"}}]
        entries += [client_entry(f"of-acme-{number}", memberTenantId="#acme") for number in range(20)]
        file = shell.write("plan", *entries)
        assert check(shell, file) == DRIFT
        asked = requests(shell)
        assert shell.run("apply", "--file", file).stderr == "Done: 21 of 21.\n"
        assert requests(shell) - asked == asked + 1  # what it took to compare, and one
        (found,) = shell.json("query", "Tenant")
        assert (got(shell, "of-acme-19")["memberTenantId"], check(shell, file)) == (found["id"], NO_DRIFT)


def requests(shell: Shell) -> int:
    """Return how many API requests are in the log of an own server, which writes some at a time, in their order."""
    path = f"/{uuid4()}"
    httpx.get(f"{shell.url}{path}", trust_env=False, timeout=60)
    while path not in (log := (shell.folder / "stderr").read_text()):
        time.sleep(0.01)
    return log.count('"method":"POST"')


def test_a_plan_that_does_not_fit_is_cut_by_the_limits_of_the_session(tmp_path: Path) -> None:
    flags = ("--max-objects-in-set", "7", "--max-calls-in-request", "2", "--max-objects-in-get", "9")
    with empty_server(tmp_path / "own", *flags, "--max-size-request", "30000") as shell:
        entries: list[Any] = []
        for number in range(12):
            entries.append({"type": "Tenant", "ref": f"t{number}", "properties": {"name": f"T{number}"}})
            entries += [
                client_entry(f"c{number}-{each}", memberTenantId=f"#t{number}", description="d" * 2_000)
                for each in "abc"
            ]
        file = shell.write("plan", *entries)
        assert shell.run("apply", "--file", file).stderr == "Done: 48 of 48.\n"
        assert (check(shell, file), len(shell.json("query", "OAuthClient"))) == (NO_DRIFT, 36)


def test_a_snapshot_is_the_same_each_time_holds_no_secret_and_is_no_drift(tmp_path: Path) -> None:
    with empty_server(tmp_path / "own") as shell:
        id = tenant(shell, "Acme")
        more = ("--field", f"memberTenantId={id}", "--secret-file", "-")
        shell.done("create", "OAuthClient", "--field", "clientId=b", *more, input=SECRET)
        shell.done("create", "OAuthClient", "--field", "clientId=a")
        first, again = shell.started("snapshot"), shell.started("snapshot")
        lines = [json.loads(line) for line in first.splitlines()]
        assert (first == again, SECRET in first, "argon2" in first) == (True, False, False)
        assert [each["type"] for each in lines] == ["Tenant", "OAuthClient", "OAuthClient", "ApiKey"]
        assert ["secret" in each["properties"] for each in lines] == [False, False, True, False]
        assert lines[2]["properties"]["memberTenantId"] == f"#{lines[0]['ref']}"
        assert check(shell, shell.write("file", *lines)) == NO_DRIFT


def test_types_of_a_snapshot_can_be_chosen(shell: Shell) -> None:
    id = tenant(shell, "Chosen")
    shell.done("create", "OAuthClient", "--field", "clientId=chosen", "--field", f"memberTenantId={id}")
    lines = [json.loads(line) for line in shell.done("snapshot", "--types", "oauthclient").splitlines()]
    assert {each["type"] for each in lines} == {"OAuthClient"}
    assert id in {each["properties"]["memberTenantId"] for each in lines}


def test_a_snapshot_takes_the_place_of_a_file_only_when_it_is_whole(shell: Shell) -> None:
    (shell.folder / "file").write_text("old")
    assert shell.error("snapshot", "--file", "file", "--types", "Tenant", "--url", "http://127.0.0.1:1")
    assert (shell.folder / "file").read_text() == "old"
    shell.done("snapshot", "--file", "file", "--types", "Tenant")
    assert (shell.folder / "file").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in shell.folder.iterdir()) == ["file"]


def test_a_restored_client_gets_a_new_secret_that_is_shown_nowhere_but_in_a_private_file(
    shell: Shell, tmp_path: Path
) -> None:
    shell.done("create", "OAuthClient", "--field", "clientId=restored", "--secret-file", "-", input=SECRET)
    lines = [line for line in shell.done("snapshot", "--types", "OAuthClient").splitlines() if '"restored"' in line]
    with empty_server(tmp_path / "own") as empty:
        file = empty.write("file", *lines)
        assert "--secrets-out" in empty.error("apply", "--file", file)
        assert empty.json("query", "OAuthClient") == []
        done = empty.run("apply", "--file", file, "--secrets-out", "new")
        new = json.loads((empty.folder / "new").read_text())
        assert (new["type"], new["label"], (empty.folder / "new").stat().st_mode & 0o777) == (
            "OAuthClient",
            "restored",
            0o600,
        )
        assert ("gets a new secret" in done.stdout, new["secret"] in done.stdout + done.stderr) == (True, False)
        assert (got(empty, "restored")["secret"], check(empty, file)) == ("****", NO_DRIFT)


def test_a_client_keeps_its_secret_whatever_the_file_says(shell: Shell) -> None:
    for name in ("keeps-a", "keeps-b"):
        shell.done("create", "OAuthClient", "--field", f"clientId={name}", "--secret-file", "-", input=SECRET)
    file = shell.write("plan", client_entry("keeps-a", description="x"), client_entry("keeps-b", secret="****"))
    shell.run("apply", "--file", file)
    assert [got(shell, name)["secret"] for name in ("keeps-a", "keeps-b")] == ["****", "****"]


def test_the_secret_that_the_server_makes_for_a_restored_key_is_kept(shell: Shell) -> None:
    entry = {"type": "ApiKey", "properties": {"description": "restored key", "permissions": {"sysTenantGet": True}}}
    file = shell.write("plan", entry)
    shell.run("apply", "--file", file, "--secrets-out", "new")
    key = json.loads((shell.folder / "new").read_text())["secret"]
    assert shell.run("get", "Tenant", "a", JMAP_OAUTH_KEY=key).stderr == "Error: Tenant a not found\n"
    assert check(shell, file) == NO_DRIFT


def test_pruning_deletes_what_has_the_label_and_is_not_in_the_file_and_nothing_else(shell: Shell) -> None:
    inside, outside = tenant(shell, "Inside"), tenant(shell, "Outside")
    for name, owner in (("prune-gone", inside), ("prune-kept", inside), ("prune-other", outside)):
        shell.done("create", "OAuthClient", "--field", f"clientId={name}", "--field", f"memberTenantId={owner}")
    shell.done("create", "OAuthClient", "--field", "clientId=prune-none")
    file = shell.write("plan", client_entry("prune-kept"), client_entry("prune-new"))
    label = ("--prune", f"memberTenantId={inside}")
    assert "give --yes" in shell.error("apply", "--file", file, *label, code=2)
    done = shell.run("apply", "--file", file, *label, "--yes")
    assert (done.returncode, re.findall("^- .*", done.stdout, re.MULTILINE)) == (0, ["- delete OAuthClient prune-gone"])
    left = {each["clientId"] for each in shell.json("query", "OAuthClient", "--where", "text=prune")}
    assert left == {"prune-kept", "prune-new", "prune-other", "prune-none"}
    assert (got(shell, "prune-new")["memberTenantId"], check(shell, file, *label)) == (inside, NO_DRIFT)


def test_what_has_another_label_is_left_to_its_owner(shell: Shell) -> None:
    mine, other = tenant(shell, "Mine"), tenant(shell, "Other")
    shell.done("create", "OAuthClient", "--field", "clientId=others", "--field", f"memberTenantId={other}")
    file = shell.write("plan", client_entry("others"))
    error = shell.error("apply", "--file", file, "--prune", f"memberTenantId={mine}", "--yes")
    assert error == f"Error: line 1: memberTenantId of others is {other}, not {mine}"


def test_types_that_are_not_in_the_file_are_not_pruned(shell: Shell) -> None:
    owner = tenant(shell, "Unpruned")
    shell.done("create", "ApiKey", "--field", "permissions=sysTenantGet", "--field", f"memberTenantId={owner}")
    label = ("--prune", f"memberTenantId={owner}")
    assert check(shell, shell.write("plan", client_entry("unpruned")), *label) == DRIFT
    assert check(shell, shell.write("empty"), *label) == NO_DRIFT


@pytest.mark.parametrize("label", ["nothing=x", "clientID=x", "text=x", "createdAt=2020-01-01T00:00:00Z"])
def test_a_label_that_nothing_can_be_asked_for_by_is_wrong_usage(shell: Shell, label: str) -> None:
    file = shell.write("plan", client_entry("label"))
    assert "objects cannot be told apart by" in shell.error("apply", "--file", file, "--prune", label, code=2)


@pytest.mark.parametrize("label", ["", "owner="])
def test_a_label_that_is_empty_is_wrong_usage(shell: Shell, label: str) -> None:
    said = shell.error("apply", "--file", "none", "--prune", label, code=2)
    assert said == "Error: Invalid value: the label to prune by is empty"


def test_on_a_terminal_it_asks_before_it_acts(shell: Shell) -> None:
    file = shell.write("plan", client_entry("asked"))
    for answer, code, there in (("n", 1, 0), ("y", 0, 1)):
        done, shown = shell.on_terminal(["apply", "--file", file], typed=f"{answer}\n", wait_for="Do it?")
        found = shell.json("query", "OAuthClient", "--where", "clientId=asked")
        assert (done, "+ create OAuthClient asked" in shown, len(found)) == (code, True, there)


def test_what_is_refused_stops_none_of_the_others_and_running_again_completes_it(shell: Shell) -> None:
    bad = client_entry("refused-b", redirectUris={"javascript:x": True})
    done = shell.run("apply", "--file", shell.write("plan", client_entry("refused-a"), bad, client_entry("refused-c")))
    assert (done.returncode, "could not create OAuthClient refused-b: invalidProperties" in done.stderr) == (1, True)
    assert "redirectUris" in done.stderr
    mended = shell.write("plan", *(client_entry(f"refused-{each}") for each in "abc"))
    assert shell.run("apply", "--file", mended).stderr == "Done: 1 of 1.\n"


def test_what_a_cut_connection_left_is_completed_by_running_again_and_no_secret_is_lost(tmp_path: Path) -> None:
    names = [f"cut-{number:03}" for number in range(120)]
    with empty_server(tmp_path / "own", "--max-objects-in-set", "2") as shell:
        file = shell.write("plan", *(client_entry(name, secret="****") for name in names))
        command = [*COMMAND, "apply", "--file", file, "--secrets-out", "first"]
        with subprocess.Popen(command, cwd=shell.folder, env=shell.variables(), stdout=-3, stderr=-1) as process:
            while len(secrets(shell, "first")) < 20:
                time.sleep(0.01)
            assert shell.server is not None
            shell.server.kill()
            assert process.stderr is not None
            assert b"Run the same again, with another file than first, to be kept" in process.stderr.read()
        assert process.returncode == 1
    with serve_process(tmp_path / "own", *QUICK_FLAGS) as server:
        again = Shell(shell.folder, server.url)
        assert again.run("apply", "--file", file, "--secrets-out", "second").returncode == 0
        assert (check(again, file), len(again.json("query", "OAuthClient"))) == (NO_DRIFT, len(names))
        assert_each_secret_is_known(again, names)


def secrets(shell: Shell, file: str) -> dict[str, str]:
    path = shell.folder / file
    lines = path.read_text().splitlines() if path.exists() else []
    return {each["label"]: each["secret"] for each in map(json.loads, lines)}


def assert_each_secret_is_known(shell: Shell, names: list[str]) -> None:
    """A secret that is set to what it is already moves no state."""
    known = secrets(shell, "first") | secrets(shell, "second")
    state = shell.json("changes", "OAuthClient")
    assert sorted(known) == names
    for name in (names[0], min(secrets(shell, "second")), max(secrets(shell, "first"))):
        shell.done("update", "OAuthClient", f"clientId={name}", "--secret-file", "-", input=known[name])
    assert shell.json("changes", "OAuthClient") == state


def test_progress_is_shown_on_a_terminal(shell: Shell) -> None:
    tenant(shell, "Shown")
    command = ["snapshot", "--file", "file", "--types", "Tenant"]
    code, shown = shell.on_terminal(command, TERM="xterm")
    assert (code, re.search("Tenant .*[0-9]+/[0-9]+", shown) is not None) == (0, True)


def test_a_tenant_is_known_by_its_id_where_others_have_its_name(shell: Shell) -> None:
    ids = [tenant(shell, "Namesake") for _ in range(2)]
    entry = {"type": "Tenant", "properties": {"name": "Namesake", "description": "new"}}
    assert "name one by its id" in shell.error("apply", "--file", shell.write("plan", entry))
    shell.run("apply", "--file", shell.write("plan", {**entry, "id": ids[1]}))
    descriptions = [shell.json("get", "Tenant", id, "--fields", "description")[0]["description"] for id in ids]
    assert descriptions == [None, "new"]


def test_an_id_renames_a_client_which_keeps_its_secret(shell: Shell) -> None:
    created = shell.json("create", "OAuthClient", "--field", "clientId=renamed", "--secret-file", "-", input=SECRET)
    shell.run("apply", "--file", shell.write("plan", {**client_entry("renamed-anew"), "id": created[0]["id"]}))
    assert (got(shell, "renamed-anew")["id"], got(shell, "renamed-anew")["secret"]) == (created[0]["id"], "****")


def test_what_cannot_change_any_more_is_an_error_before_anything_is_done(shell: Shell) -> None:
    owner = tenant(shell, "Immutable")
    shell.done("create", "ApiKey", "--field", "description=immutable", "--field", "permissions={}")
    entry = {"type": "ApiKey", "properties": {"description": "immutable", "memberTenantId": owner}}
    error = shell.error("apply", "--file", shell.write("plan", client_entry("immutable"), entry))
    assert error == "Error: line 2: memberTenantId of ApiKey immutable cannot be changed any more"
    assert shell.json("query", "OAuthClient", "--where", "clientId=immutable") == []


def test_a_plan_can_be_read_by_programs(shell: Shell) -> None:
    (step,) = shell.json("apply", "--file", shell.write("plan", client_entry("json")), "--dry-run")
    changes = {"clientId": {"from": None, "to": "json"}}
    expected = {"action": "create", "type": "OAuthClient", "label": "json", "id": None, "newSecret": False}
    assert step == {**expected, "changes": changes}
