"""What is forked is as what is started; most tests of commands rest on that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.forked import Forked, run_forked
from tests.cli.process import COMMAND, environment
from tests.cli.shell import Shell


def serving(folder: Path) -> Forked:
    """Start a server in a folder, which holds its log."""
    arguments = ("serve", "--port", "0", "--database", "test.db")
    with (folder / "log").open("wb") as log, Path(os.devnull).open() as nothing:
        return Forked(arguments, folder=folder, variables=environment({}), streams=(nothing, log, log))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("query", "--help"),
        ("sreve",),
        ("query", "Tenant", "--json"),
        ("query", "OAuthClient", "--where", "clientId=ö\udc80"),
        ("get", "Tenant", "none"),
        ("create", "Tenant", "--file", "-"),
        ("api-key", "list", "--database", "nowhere.db"),
    ],
    ids=" ".join,
)
def test_a_fork_answers_and_ends_as_a_process_that_was_started(shell: Shell, arguments: tuple[str, ...]) -> None:
    variables, input = shell.variables(COLUMNS="60"), '{"nome": "ö"}'
    forked = run_forked(arguments, folder=shell.folder, variables=variables, input=input)
    started = subprocess.run(
        [*COMMAND, *arguments],
        cwd=shell.folder,
        env=variables,
        input=input,
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = [(each.returncode, each.stdout, each.stderr) for each in (forked, started)]
    assert outcome[0] == outcome[1]


def test_a_fork_has_the_folder_umask_and_streams_that_it_is_given(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not tell what a process has")
    before = os.umask(0o027)
    with serving(tmp_path) as server:
        process = Path(f"/proc/{server.pid}")
        while not (tmp_path / "test.db").exists():
            assert server.poll() is None
        assert ((process / "cwd").readlink(), "Umask:\t0027" in (process / "status").read_text()) == (tmp_path, True)
        assert [(process / "fd" / each).readlink() for each in "012"] == [Path(os.devnull), *[tmp_path / "log"] * 2]
        server.kill()
    assert os.umask(before) == 0o027


def test_a_signal_ends_a_fork_as_it_ends_a_process(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0)
        server.send_signal(signal.SIGKILL)
        assert (server.wait(), server.poll(), server.returncode) == (-9, -9, -9)
        server.kill()  # of one that has ended, nothing


def test_forks_share_no_chance(shell: Shell) -> None:
    made = [json.loads(shell.done("create", "Tenant", "--field", "name=chance", "--json")) for _ in range(2)]
    assert made[0]["id"] != made[1]["id"]
