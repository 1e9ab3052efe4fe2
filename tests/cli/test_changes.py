"""`changes`: what was created, updated and destroyed, since a state and as it happens."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.process import COMMAND, kept_port
from tests.cli.shell import Shell
from tests.support.served import serve_process


@contextmanager
def watching(shell: Shell, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `changes --watch` and end it as Ctrl-C does."""
    command = [*COMMAND, "changes", "--watch", "--json", *arguments]
    with subprocess.Popen(command, env=shell.variables(), stdout=-1, stderr=-1, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def next_change(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def test_changes_since_a_state_are_told_with_the_state_to_go_on_from(shell: Shell) -> None:
    (start,) = shell.json("changes", "Tenant")
    (created,) = shell.json("create", "Tenant", "--field", "name=Told")
    change, end = shell.json("changes", "Tenant", "--since", start["state"])
    assert change == {"type": "Tenant", "change": "created", "id": created["id"], "name": "Told", **end}
    assert shell.done("changes", "Tenant", "--since", end["state"]) == f"State: {end['state']}\n"


def test_an_unknown_state_is_an_error(shell: Shell) -> None:
    assert shell.error("changes", "Tenant", "--since", "x").startswith("Error: cannotCalculateChanges: ")


def test_changes_are_told_as_they_happen_until_stopped(shell: Shell) -> None:
    with watching(shell, "OAuthClient") as process:
        assert set(next_change(process)) == {"state"}
        shell.done("create", "OAuthClient", "--field", "clientId=watched")
        change = next_change(process)
        assert (change["change"], change["clientId"]) == ("created", "watched")
        shell.done("delete", "OAuthClient", "--ids", change["id"])
        assert next_change(process) | {"state": ""} == {**change, "change": "destroyed", "clientId": "", "state": ""}
        process.send_signal(signal.SIGINT)
        assert (process.wait(), process.communicate()[1]) == (0, "")


def test_a_watch_goes_on_when_the_server_comes_back_and_misses_nothing(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    with kept_port() as port, serve_process(tmp_path / "own", "--port", port) as server:
        own = Shell(tmp_path, server.url)
        with watching(own, "Tenant") as process:
            assert set(next_change(process)) == {"state"}
            server.kill()
            assert process.stderr is not None
            assert "trying again" in process.stderr.readline()
            with serve_process(tmp_path / "own", "--port", port):
                own.done("create", "Tenant", "--field", "name=after")
                assert next_change(process)["name"] == "after"


def test_a_watch_without_the_permission_ends_at_once(shell: Shell) -> None:
    command = ("create", "ApiKey", "--field", "permissions=sysTenantGet")
    key = shell.json(*command)[0]["secret"]
    assert "forbidden" in shell.error("changes", "OAuthClient", "--watch", JMAP_OAUTH_KEY=key)
