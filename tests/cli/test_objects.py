"""get, query, create, update, delete and describe, on every served type alike."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess

import pytest

from tests.cli.process import COMMAND
from tests.cli.shell import Shell, read_until


def create(shell: Shell, client_id: str, *more: str) -> str:
    (created,) = shell.json("create", "OAuthClient", "--field", f"clientId={client_id}", *more)
    return str(created["id"])


def test_the_documented_commands_work(shell: Shell) -> None:
    fields = ("--field", "clientId=Example", "--field", "contacts={}", "--field", "redirectUris={}")
    (created,) = shell.json("create", "OAuthClient", *fields)
    id = created["id"]
    assert re.search("^clientId +Example$", shell.done("get", "OAuthClient", id), re.MULTILINE)
    assert id in shell.done("query", "OAuthClient")
    assert id in shell.done("query", "OAuthClient", "--where", "text=example")
    updated = shell.done("update", "OAuthClient", id, "--field", "clientId=updated value").splitlines()
    assert updated[0] == f"Updated OAuthClient {id}."
    shown = [line.split()[0] for line in updated[1:]]
    assert shown in (["id", "updatedAt"], [])  # which, is chance: within the same second nothing is told
    assert shell.done("delete", "OAuthClient", "--ids", id) == f"Deleted OAuthClient {id}.\n"
    assert shell.error("get", "OAuthClient", id) == f"Error: OAuthClient {id} not found"


def test_an_object_is_shown_field_by_field(shell: Shell) -> None:
    id = create(
        shell, "fields", "--field", "redirectUris=https://a.example/", "--field", "redirectUris=https://b.example/"
    )
    lines = shell.done("get", "oauthclient", id, "--fields", "clientId,redirectUris,secret").splitlines()
    assert lines == [
        f"id            {id}",
        "clientId      fields",
        "secret",
        "redirectUris  https://a.example/, https://b.example/",
    ]


def test_an_object_can_be_named_by_a_value(shell: Shell) -> None:
    id = create(shell, "by-value")
    (got,) = shell.json("get", "OAuthClient", "clientId=by-value", "--fields", "clientId")
    assert got == {"id": id, "clientId": "by-value"}
    assert shell.error("get", "OAuthClient", "clientId=nobody") == "Error: OAuthClient clientId=nobody not found"


def test_a_value_that_several_have_names_none(shell: Shell) -> None:
    for _ in range(2):
        shell.done("create", "Tenant", "--field", "name=Twice")
    assert "stands for several" in shell.error("delete", "Tenant", "--ids", "name=Twice")


@pytest.mark.parametrize("number", ["1_000", "\u0661", "0", "-1", "1.5", "9999999999", ""])
def test_a_limit_is_written_in_plain_digits(shell: Shell, number: str) -> None:
    assert "no whole number from 1" in shell.error("query", "Tenant", f"--limit={number}", code=2)


def test_a_query_filters_sorts_and_limits(shell: Shell) -> None:
    for name in ("pear", "apple", "quince"):
        create(shell, f"fruit-{name}", "--field", "description=a fruit")
    asked = ("--where", "text=fruit", "--where", "createdAt>=2020-01-01", "--fields", "clientId")
    found = [
        each["clientId"] for each in shell.json("query", "OAuthClient", *asked, "--sort=-clientId", "--limit", "2")
    ]
    assert found == ["fruit-quince", "fruit-pear"]
    assert shell.json("query", "OAuthClient", *asked, "--where", "createdAt<2020-01-02") == []


def test_a_null_can_be_asked_for(shell: Shell) -> None:
    (tenant,) = shell.json("create", "Tenant", "--field", "name=Nulls")
    create(shell, "null-in", "--field", f"memberTenantId={tenant['id']}")
    create(shell, "null-out")
    asked = ("query", "OAuthClient", "--where", "text=null", "--where", "memberTenantId=null", "--fields", "clientId")
    assert [each["clientId"] for each in shell.json(*asked)] == ["null-out"]


def test_a_table_for_a_program_has_a_heading_a_line_and_a_line_a_row(shell: Shell) -> None:
    ids = [create(shell, f"row-{number}") for number in range(3)]
    heading, line, *rows = shell.done("query", "OAuthClient", "--where", "text=row", "--sort", "id").splitlines()
    assert heading.split() == ["id", "clientId", "description", "createdAt"]
    assert set(line) == {" ", "─"}
    assert [row.split()[0] for row in rows] == ids


def test_no_name_of_a_field_stands_for_all(shell: Shell) -> None:
    id = create(shell, "all-fields")
    asked = ("query", "OAuthClient", "--where", "clientId=all-fields")
    assert shell.done(*asked, "--fields", "") == shell.done(*asked)
    assert shell.json("get", "OAuthClient", id, "--fields", "") == shell.json("get", "OAuthClient", id)


def test_pages_follow_one_another_without_a_gap(shell: Shell) -> None:
    names = [f"page-{number:04}" for number in range(1_203)]
    shell.done(
        "apply",
        "--file",
        shell.write("f", *({"type": "OAuthClient", "properties": {"clientId": each}} for each in names)),
    )
    asked = ("query", "OAuthClient", "--where", "text=page", "--sort", "clientId", "--fields", "clientId")
    assert [each["clientId"] for each in shell.json(*asked)] == names
    assert [each["clientId"] for each in shell.json(*asked, "--limit", "1001")] == names[:1001]


def test_fields_are_read_as_their_kinds(shell: Shell) -> None:
    (tenant,) = shell.json("create", "Tenant", "--field", "name=Kinds", "--field", 'quotas={"maxOauthClients": 7}')
    shell.done("update", "Tenant", tenant["id"], "--field", "quotas/maxOauthClients=8", "--field", "description=null")
    (got,) = shell.json("get", "Tenant", tenant["id"], "--fields", "quotas,description")
    assert got == {"id": tenant["id"], "description": None, "quotas": {"maxOauthClients": 8}}


def test_a_member_is_patched_by_a_pointer(shell: Shell) -> None:
    id = create(shell, "pointer", "--field", "redirectUris=https://a.example/")
    patch = (
        "--field",
        "redirectUris/https:~1~1b.example~1?x=1=true",
        "--field",
        "redirectUris/https:~1~1a.example~1=null",
    )
    shell.done("update", "OAuthClient", id, *patch)
    (got,) = shell.json("get", "OAuthClient", id, "--fields", "redirectUris")
    assert got["redirectUris"] == {"https://b.example/?x=1": True}


def test_an_object_comes_from_a_file_or_standard_input(shell: Shell) -> None:
    id = shell.json(
        "create", "OAuthClient", "--file", "-", "--field", "description=said", input='{"clientId": "from-input"}'
    )[0]["id"]
    shell.write("patch.json", {"description": "anew"})
    shell.done("update", "OAuthClient", id, "--file", "patch.json")
    (got,) = shell.json("get", "OAuthClient", id, "--fields", "clientId,description")
    assert got == {"id": id, "clientId": "from-input", "description": "anew"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"clientId": "seen", "clientId": "hidden"}', "names clientId twice"),
        ('{"clientId": "a", "metadata": {"a": NaN}}', "has NaN at metadata/a, which is not JSON"),
        ('{"clientId": "a", "metadata": {"a": 1e999}}', "has a number that is too large at metadata/a"),
        ("{", "is not JSON"),
        ("[]", "holds no JSON object"),
    ],
)
def test_a_file_that_is_no_object_of_json_is_refused(shell: Shell, text: str, said: str) -> None:
    assert shell.error("create", "OAuthClient", "--file", "-", input=text) == f"Error: - {said}"


def test_what_cannot_be_deleted_stops_none_of_the_others(shell: Shell) -> None:
    ids = [create(shell, f"delete-{number}") for number in range(2)]
    done = shell.run("delete", "OAuthClient", "--ids", f"{ids[0]},nobody", "--ids", "-", input=f"{ids[1]}\n")
    assert (done.returncode, done.stdout.count("Deleted")) == (1, 2)
    assert done.stderr == "Error: OAuthClient nobody was not deleted: notFound\n"


def test_describe_names_types_fields_conditions_and_sorts(shell: Shell) -> None:
    assert [each["type"] for each in shell.json("describe")][:3] == ["OAuthClient", "Tenant", "ApiKey"]
    rows = {each["field"]: (each["kind"], each["set by"]) for each in shell.json("describe", "OAuthClient")}
    assert rows["redirectUris"] == ("set of uri", "create, update")
    assert rows["createdAt"] == ("utcDateTime", "server")
    assert rows["memberTenantId"] == ("x:Tenant or null", "create, update")
    shown = shell.done("describe", "OAuthClient")
    assert "Conditions: text, clientId, createdAt (>=, >, <=, <)" in shown
    assert "Sorts: clientId, description, createdAt, expiresAt" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("query", "OAuthClients"), "OAuthClients is not a type of this server; did you mean OAuthClient?"),
        (("create", "OAuthClient", "--field", "clientID=a"),
         "clientID is not a field of OAuthClient; did you mean clientId?"),
        (("create", "OAuthClient", "--field", "clientId"), "a field is written as name=value"),
        (("create", "OAuthClient", "--field", "createdAt=2020-01-01T00:00:00Z"), "createdAt is set by the server"),
        (("create", "OAuthClient", "--field", "contacts={"), "contacts is not JSON"),
        (("create", "OAuthClient", "--field", 'metadata={"a": 1, "a": 2}'), "metadata names a twice"),
        (("create", "OAuthClient", "--field", "implicitGrantIdTokenLifespan=1e999"),
         "implicitGrantIdTokenLifespan must be a number"),
        (("create", "OAuthClient", "--field", 'metadata={"a": [-Infinity]}'),
         "metadata has -Infinity at a/0, which is not JSON"),
        (("update", "OAuthClient", "a", "--field", "metadata/a=NaN"), "metadata/a has NaN, which is not JSON"),
        (("update", "OAuthClient", "a", "--field", "metadata/a=1e999"), "metadata/a has a number that is too large"),
        (("update", "OAuthClient", "a", "--field", 'metadata/a={"b": 1, "b": 2}'), "metadata/a names b twice"),
        (("update", "OAuthClient", "a", "--field", "implicitGrantIdTokenLifespan=1_0"),
         "implicitGrantIdTokenLifespan must be a number"),
        (("create", "OAuthClient", "--field", "description=\udcff"), r"field is not UTF-8 text: description=\udcff"),
        (("query", "OAuthClient", "--where", "text=\udcff"), r"where is not UTF-8 text: text=\udcff"),
        (("create", "OAuthClient", "--field", "clientId=a", "--field", "clientId=b"), "clientId is given twice"),
        (("create", "OAuthClient", "--field", "contacts/a=true"),
         "contacts is a new object's: it has no members to patch"),
        (("update", "OAuthClient", "a"),
         "there is nothing to change: give --field, --file, --secret-file or --secret-env"),
        (("delete", "OAuthClient", "--ids", ""), "--ids names nothing to delete"),
        (("query", "OAuthClient", "--where", "creatdAt>2020"),
         "creatdAt is no condition of OAuthClient; did you mean createdAt?"),
        (("query", "OAuthClient", "--where", "text"), "a condition is written as name=value, or with >=, <=, > or <"),
        (("query", "OAuthClient", "--where", "clientId>a"),
         "clientId is no date and no number: ask for it with ="),
        (("create", "AuditEvent"), "AuditEvent can only be read"),
        (("delete", "AuditEvent", "--ids", "a"), "AuditEvent can only be read"),
        (("query", "OAuthClient", "--sort", "contacts"), "OAuthClient cannot be sorted by contacts"),
        (("query", "OAuthClient", "--fields", "id,clientid"),
         "clientid is not a field of OAuthClient; did you mean clientId?"),
        (("query", "OAuthClient", "--fields", "a\x1b[2J"), r"a\x1b[2J is not a field of OAuthClient"),
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_names_the_field(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    assert shell.error(*arguments, code=2) == f"Error: Invalid value: {said}"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--field", "description=only"), "clientId"),
        (("--field", "clientId=a", "--field", "redirectUris=javascript:x"), "redirectUris"),
        (("--field", "clientId=a", "--field", "memberTenantId=nobody"), "memberTenantId"),
        (("--field", "clientId=a", "--field", "expiresAt=tomorrow"), "expiresAt"),
    ],
)
def test_what_the_server_refuses_ends_with_1_and_names_the_field(
    shell: Shell, arguments: tuple[str, ...], named: str
) -> None:
    error = shell.error("create", "OAuthClient", *arguments)
    assert error.startswith("Error: OAuthClient was not created: ")
    assert named in error


def test_no_data_steers_the_terminal(shell: Shell) -> None:
    id = create(shell, "hostile", "--field", "description=a\u202eb\tc")
    for arguments in (("get", "OAuthClient", id), ("query", "OAuthClient", "--where", "text=hostile")):
        shown = shell.done(*arguments)
        assert r"a\u202eb\tc" in shown
        assert all(character.isprintable() for character in shown.replace("\n", ""))


def test_a_table_on_a_terminal_is_as_wide_as_that(shell: Shell) -> None:
    id = create(shell, "wide", "--field", f"description={'d' * 150}")
    code, shown = shell.on_terminal(["query", "OAuthClient", "--where", "text=wide"], COLUMNS="80")
    assert (code, id in shown, shown.count("d") >= 150) == (0, True, True)
    assert max(map(len, shown.splitlines())) <= 80


def test_on_a_terminal_it_is_said_that_nothing_was_found(shell: Shell) -> None:
    asked = ["query", "OAuthClient", "--where", "clientId=found-nowhere"]
    assert shell.on_terminal(asked) == (0, "Nothing found.\n")
    assert shell.done(*asked) == ""


def test_what_goes_to_a_pipe_goes_there_while_a_terminal_shows_progress(shell: Shell) -> None:
    create(shell, "piped")
    screen, device = pty.openpty()
    command = [*COMMAND, "query", "OAuthClient", "--where", "clientId=piped", "--json"]
    variables = shell.variables(TERM="xterm")
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=device, check=True)
    assert json.loads(done.stdout)["clientId"] == "piped"
    os.close(device)
    assert b"Reading" in read_until(screen, None)
    os.close(screen)


def test_json_lines_are_ascii_whatever_is_in_them(shell: Shell) -> None:
    create(shell, "ascii", "--field", "description=Zoë\u202e")
    printed = shell.done("query", "OAuthClient", "--where", "text=ascii", "--fields", "description", "--json")
    assert json.loads(printed)["description"] == "Zoë\u202e"
    assert all(" " <= character <= "~" for character in printed.replace("\n", ""))
