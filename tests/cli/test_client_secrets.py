"""Secrets come from files, standard input and variables, never from arguments, and are never shown but once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jmap_oauth.cli.secret_input import open_private, read_secret
from jmap_oauth.cli.terminal import Failure
from tests.cli.shell import Shell

SECRET = "secret-of-the-tests-and-of-nobody-else"


def secret_of(shell: Shell, client_id: str) -> object:
    (got,) = shell.json("get", "OAuthClient", f"clientId={client_id}", "--fields", "secret")
    return got["secret"]


def test_a_secret_comes_from_standard_input_a_file_or_a_variable(shell: Shell) -> None:
    (shell.folder / "secret").write_text(f"{SECRET}\n")
    sources = [("--secret-file", "-"), ("--secret-file", "secret"), ("--secret-env", "THE_SECRET")]
    for number, source in enumerate(sources):
        fields = ("--field", f"clientId=secret-{number}")
        done = shell.run("create", "OAuthClient", *fields, *source, input=SECRET, THE_SECRET=SECRET)
        assert (done.returncode, SECRET in done.stdout + done.stderr) == (0, False)
        assert secret_of(shell, f"secret-{number}") == "****"


def test_a_secret_can_be_replaced_and_taken_away(shell: Shell) -> None:
    shell.done("create", "OAuthClient", "--field", "clientId=taken-away")
    shell.done("update", "OAuthClient", "clientId=taken-away", "--secret-file", "-", input=SECRET)
    assert secret_of(shell, "taken-away") == "****"
    shell.done("update", "OAuthClient", "clientId=taken-away", "--field", "secret=null")
    assert secret_of(shell, "taken-away") is None


def test_a_member_of_a_secret_is_refused_as_an_argument_too(shell: Shell) -> None:
    error = shell.error("update", "OAuthClient", "x", "--field", f"secret/a={SECRET}", code=2)
    assert error.startswith("Error: Invalid value: secret is a secret, and others can see arguments")


def test_a_secret_is_refused_as_an_argument_and_not_repeated(shell: Shell) -> None:
    error = shell.error("create", "OAuthClient", "--field", "clientId=argument", "--field", f"secret={SECRET}", code=2)
    assert "secret is a secret, and others can see arguments" in error
    assert SECRET not in error


def test_a_secret_typed_at_a_terminal_is_not_shown(shell: Shell) -> None:
    command = ["create", "OAuthClient", "--field", "clientId=typed", "--secret-file", "-"]
    code, shown = shell.on_terminal(command, typed=f"{SECRET}\n", wait_for="secret: ")
    assert (code, SECRET in shown, secret_of(shell, "typed")) == (0, False, "****")


def test_a_secret_that_the_server_makes_is_shown(shell: Shell) -> None:
    command = ("create", "ApiKey", "--field", "description=made", "--field", "permissions=sysTenantQuery")
    (line,) = (line for line in shell.done(*command).splitlines() if line.startswith("secret"))
    made = line.split()[1]
    assert (
        shell.run("query", "Tenant", JMAP_OAUTH_KEY=made).stderr
        == "Error: forbidden: This needs the permission sysTenantGet.\n"
    )
    assert made not in shell.done("get", "ApiKey", "--json", *(each["id"] for each in shell.json("query", "ApiKey")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--secret-file", "nowhere"), "nowhere cannot be read: No such file or directory"),
        (("--secret-file", "-"), "the secret is empty"),
        (("--secret-env", "NOT_SET"), "the variable NOT_SET is not set"),
        (
            ("--secret-env", "A", "--secret-file", "-"),
            "the secret can come from a file or from a variable, not from both",
        ),
    ],
)
def test_a_secret_that_is_not_there_is_an_error(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    assert shell.error("create", "OAuthClient", "--field", "clientId=a", *arguments) == f"Error: {said}"


def test_a_file_of_a_secret_is_bounded_and_text(tmp_path: Path) -> None:
    for content, said in ((b"a" * 70_000, "longer than"), (b"\xff", "not UTF-8")):
        (tmp_path / "secret").write_bytes(content)
        with pytest.raises(Failure, match=said):
            read_secret(str(tmp_path / "secret"), "secret")


def test_a_private_file_is_its_owners_and_replaces_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        open_private(tmp_path / "new").close()
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("new", "link"):
        with pytest.raises(Failure, match="cannot be made: File exists"):
            open_private(tmp_path / name)
