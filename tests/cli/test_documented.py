"""The command lines of the object's documentation work, with this program's name in place of `stalwart-cli`."""

from __future__ import annotations

import shlex

import pytest

from tests.cli.shell import Shell

CREATE = r"""create OAuthClient \
--field clientId=Example \
--field 'contacts={}' \
--field 'redirectUris={}'"""
ON_ONE = [
    "get OAuthClient id1",
    "update OAuthClient id1 --field clientId='updated value'",
    "delete OAuthClient --ids id1",
]


def words(line: str, id: str = "") -> list[str]:
    """Split a line as a shell does."""
    return [id if word == "id1" else word for word in shlex.split(line.replace("\\\n", " "))]


def test_the_documented_commands_work_one_after_another(shell: Shell) -> None:
    (made,) = shell.json(*words(CREATE))
    got, updated, deleted = (shell.done(*words(line, made["id"])) for line in ON_ONE)
    assert got.split()[:4] == ["id", made["id"], "clientId", "Example"]
    assert updated.startswith(f"Updated OAuthClient {made['id']}.")
    assert deleted == f"Deleted OAuthClient {made['id']}.\n"


@pytest.mark.parametrize("line", ["query OAuthClient", "query OAuthClient --where text=example"])
def test_the_documented_queries_find_it(shell: Shell, line: str) -> None:
    (made,) = shell.json("create", "OAuthClient", "--field", f"clientId=Example-{len(line)}")
    assert made["id"] in shell.done(*words(line))
