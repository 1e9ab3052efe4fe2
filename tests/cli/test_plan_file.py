"""Lines of a file that `apply` does not take, each refused with its number before anything is done."""

from __future__ import annotations

import io
import json
import tracemalloc
from tempfile import TemporaryFile

import pytest

from jmap_oauth.cli.plan_file import MAX_LINE, Entry, read_plan
from jmap_oauth.cli.schema import Schema, read_schema
from jmap_oauth.cli.terminal import Failure
from tests.cli.process import ROOT
from tests.cli.shell import Shell, client_entry

SCHEMA = read_schema(json.loads((ROOT / "schema" / "objects.json").read_text()))


def read(*lines: str | bytes, schema: Schema = SCHEMA) -> list[Entry]:
    encoded = (line.encode() if isinstance(line, str) else line for line in lines)
    return list(read_plan(io.BytesIO(b"\n".join(encoded)), schema))


def client(properties: str = '"clientId": "a"', more: str = "") -> str:
    return f'{{"type": "OAuthClient", "properties": {{{properties}}}{more}}}'


def test_a_line_is_read_as_the_server_would_keep_it() -> None:
    properties = '"clientId": " a ", "expiresAt": "2030-01-01T02:00:00.9+02:00", "contacts": {"b": true, "c": false}'
    (entry,) = read("", client(properties), " ")
    assert entry.properties == {"clientId": "a", "expiresAt": "2030-01-01T00:00:00Z", "contacts": {"b": True}}
    assert (entry.line, entry.type.short, entry.id, entry.ref) == (2, "OAuthClient", None, None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is not JSON"),
        (client('"clientId": "a\\ud83d"'), "has half of a character"),
        ("[]", "is no JSON object"),
        (b'{"type": "\xff"}', "is not UTF-8 text"),
        ("[" * 100_000, "is not JSON"),
        (client('"clientId": "a", "clientId": "b"'), "names clientId twice"),
        ('{"type": "Tenant", "type": "OAuthClient"}', "names type twice"),
        (client('"clientId": "a", "logo": NaN'), "has NaN at properties/logo, which is not JSON"),
        (client('"clientId": "a", "jwks": {"a": 1e999}'), "has a number that is too large at properties/jwks/a"),
        (client('"clientId": "a", "clientid": "b"'), "clientid is not a field of OAuthClient; did you mean clientId?"),
        (client('"clientId": "a", "createdAt": "2020"'), "createdAt is set by the server"),
        (client('"clientId": 5'), "clientId must be a text"),
        (client('"description": "a"'), "needs clientId, by which the object is known"),
        (client('"clientId": "a", "memberTenantId": "#acme"'), "memberTenantId refers to #acme, which no earlier line"),
        (client(more=', "ref": "../a"'), "ref a letter with letters"),
        (client(more=', "id": 5'), "id must be a text"),
        (client(more=', "prune": true'), "prune is none of type, id, ref, properties"),
        ('{"type": "OAuthCleint", "properties": {}}', "is not a type of this server; did you mean OAuthClient?"),
        ('{"type": ["OAuthClient"], "properties": {}}', "needs a type and properties"),
        ('{"properties": {}}', "needs a type and properties"),
        (b" " * (MAX_LINE + 1), "is longer than 1,300,000 bytes"),
    ],
)  # fmt: skip
def test_a_line_of_no_use_is_refused_with_its_number(line: str | bytes, said: str) -> None:
    with pytest.raises(Failure) as error:
        read(client(), line)
    assert str(error.value).startswith("line 2: ")
    assert said in str(error.value)


@pytest.mark.parametrize("value", ['"plain-secret"', "null", '"$argon2id$v=19"', '{"file": "/etc/passwd"}'])
def test_a_secret_in_a_file_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(Failure) as error:
        read(client(f'"clientId": "a", "secret": {value}'))
    assert value.strip('"') not in str(error.value)
    assert 'secret may be "****"' in str(error.value)


def test_a_ref_is_taken_once_and_of_the_type_that_is_referred_to() -> None:
    tenant = '{"type": "Tenant", "ref": "t", "properties": {"name": "T"}}'
    assert len(read(tenant, client('"clientId": "a", "memberTenantId": "#t"'))) == 2
    with pytest.raises(Failure, match="line 2: the ref t is taken by an earlier line"):
        read(tenant, tenant)
    with pytest.raises(
        Failure, match="line 2: memberTenantId refers to #c, which no earlier line of its type is named"
    ):
        read(client(more=', "ref": "c"'), client('"clientId": "b", "memberTenantId": "#c"'))


def test_lines_are_read_one_at_a_time_however_many_there_are() -> None:
    lines = (client(f'"clientId": "{number}"').encode() + b"\n" for number in range(20_000))
    with TemporaryFile() as file:
        file.writelines(lines)
        file.seek(0)
        tracemalloc.start()
        count = sum(1 for _ in read_plan(file, SCHEMA))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (count, peak < 500_000) == (20_000, True)


def test_two_lines_for_one_object_are_an_error_before_anything_is_done(shell: Shell) -> None:
    file = shell.write("plan", client_entry("double"), client_entry("other"), client_entry(" double"))
    assert shell.error("apply", "--file", file) == "Error: line 3: is the same OAuthClient as line 1"
    assert shell.json("query", "OAuthClient", "--where", "clientId=double") == []


def test_no_file_steers_the_terminal(shell: Shell) -> None:
    hostile = client_entry("steer", description="\x1b[2J\u202e", logo="\x9b31m")
    shown = shell.done("apply", "--file", shell.write("plan", hostile), "--dry-run")
    assert all(character.isprintable() for character in shown.replace("\n", ""))
    error = shell.error("apply", "--file", shell.write("bad", {"type": "a\x1b[2J", "properties": {}}))
    assert error == r"Error: line 1: a\x1b[2J is not a type of this server"


def test_a_file_that_is_not_there_is_named(shell: Shell) -> None:
    assert shell.error("apply", "--file", "nowhere") == "Error: nowhere cannot be read: No such file or directory"
