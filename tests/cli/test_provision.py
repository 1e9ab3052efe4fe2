"""`serve --provision`: a file that cannot be applied ends the command with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.process import run, serve

KEY = "a-key-of-the-tests-and-of-nobody-else"
SECRET = "s3cret-MARKER"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f'[[client]]\nclientId = "a"\nsecret = "{SECRET}"\n', "client 'a': secret must be"),
        ('[[client]]\nclientId = "a"\nredirectUris = ["http://a.example"]\n', "client 'a': redirectUris has a wrong"),
    ],
)
def test_a_mistake_ends_it_and_is_named_without_the_secret(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "clients.toml").write_text(text)
    (tmp_path / "data").mkdir()
    done = run("serve", "--port", "0", "--provision", "clients.toml", folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"Error: clients.toml: {sentence}")
    assert SECRET not in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--provision", "no.toml", folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY)
    assert (done.returncode, done.stderr) == (1, "Error: no.toml cannot be read: No such file or directory\n")


def test_several_workers_apply_one_file(tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text('[[client]]\nclientId = "a"\nsecret = {env = "A_SECRET"}\n')
    flags = ("--provision", "clients.toml", "--workers", "2", "--argon2-memory", "7168", "--argon2-time", "1")
    with serve(*flags, folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY, A_SECRET=SECRET) as server:
        assert server.stop() == 0
    assert SECRET not in "".join(server.log) + server.output
