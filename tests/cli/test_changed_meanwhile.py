"""What others change between a plan and the doing is not overwritten, and stops nothing else."""

from __future__ import annotations

from tests.cli.planning import carried_out, steps
from tests.cli.shell import Shell, client_entry
from tests.cli.test_apply import SECRET, got, tenant

CHANGED = "it is not as it was when it was compared: run the same again"


def created(shell: Shell, *names: str, **fields: str) -> None:
    for name in names:
        given = [f"--field={field}={value}" for field, value in {"clientId": name, **fields}.items()]
        shell.done("create", "OAuthClient", *given)


def changed(shell: Shell, name: str, field: str) -> None:
    shell.done("update", "OAuthClient", f"clientId={name}", "--field", field)


def test_a_value_that_changed_is_left_alone(shell: Shell) -> None:
    created(shell, "value-a", "value-b")
    planned = steps(shell, *(client_entry(f"value-{each}", description="planned") for each in "abc"))
    changed(shell, "value-a", "description=meanwhile")
    assert carried_out(shell, planned) == [("value-a", CHANGED), ("value-b", None), ("value-c", None)]
    descriptions = [got(shell, f"value-{each}")["description"] for each in "abc"]
    assert descriptions == ["meanwhile", "planned", "planned"]


def test_another_value_that_changed_is_no_matter(shell: Shell) -> None:
    created(shell, "no-matter", "neighbour")
    planned = steps(shell, client_entry("no-matter", description="planned"))
    changed(shell, "no-matter", "logo=https://a.example/a.png")
    changed(shell, "neighbour", "description=meanwhile")
    assert carried_out(shell, planned) == [("no-matter", None)]
    found = got(shell, "no-matter")
    assert (found["description"], found["logo"]) == ("planned", "https://a.example/a.png")


def test_what_got_another_owner_is_not_deleted(shell: Shell) -> None:
    created(shell, "lent", "spare", owner="me")
    planned = steps(shell, client_entry("kept"), label="me")
    changed(shell, "lent", "owner=you")
    assert sorted(carried_out(shell, planned)) == [("kept", None), ("lent", CHANGED), ("spare", None)]
    assert got(shell, "lent")["owner"] == "you"
    assert shell.json("query", "OAuthClient", "--where", "clientId=spare") == []


def test_what_got_another_owner_is_not_changed(shell: Shell) -> None:
    created(shell, "ours", owner="us")
    planned = steps(shell, client_entry("ours", description="planned"), label="us")
    changed(shell, "ours", "owner=them")
    assert carried_out(shell, planned) == [("ours", CHANGED)]


def test_a_secret_that_somebody_set_is_not_replaced(shell: Shell) -> None:
    created(shell, "secretive")
    planned = steps(shell, client_entry("secretive", secret="****"))
    shell.done("update", "OAuthClient", "clientId=secretive", "--secret-file", "-", input=SECRET)
    assert carried_out(shell, planned) == [("secretive", CHANGED)]
    done = shell.run("authenticate", "secretive", "--secret-file", "-", input=SECRET)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_gone_is_told(shell: Shell) -> None:
    id = tenant(shell, "Gone")
    planned = steps(shell, {"type": "Tenant", "properties": {"name": "Gone", "description": "planned"}})
    shell.done("delete", "Tenant", "--ids", id)
    assert carried_out(shell, planned) == [("Gone", CHANGED)]
