"""What people see on a terminal, and programs do not."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.process import COMMAND, environment, run, serve

END = "<end>"


class Terminal:
    """A terminal to write to, and what was written."""

    def __init__(self) -> None:
        self._screen, self.device = pty.openpty()

    def read(self) -> str:
        """Return what has been written, all of it: the system passes it on some time after, but in order.

        A terminal puts a carriage return before each line feed.
        """
        os.write(self.device, END.encode())
        shown = b""
        while not shown.endswith(END.encode()):
            shown += os.read(self._screen, 65_536)
        return shown.decode().removesuffix(END).replace("\r\n", "\n")

    def close(self) -> None:
        os.close(self.device)
        os.close(self._screen)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def test_the_first_key_is_shown_with_a_request_that_can_be_pasted(tmp_path: Path, terminal: Terminal) -> None:
    with serve(folder=tmp_path, stdout=terminal.device):
        shown = terminal.read()
        _, url, _, authorization, _, content_type, _, body = shlex.split(
            shown.partition("or try it here:")[2].replace("\\\n", "")
        )
        headers = dict(each.split(": ") for each in (authorization, content_type))
        with httpx.Client(trust_env=False, headers=headers, timeout=60) as client:
            answer = client.post(url, content=body).raise_for_status().json()
    assert answer["methodResponses"][0][0] == "x:OAuthClient/query"
    assert shown.count(authorization.removeprefix("Authorization: Bearer ")) == 2
    assert not (tmp_path / "data" / "admin-key").exists()


def test_the_request_to_paste_goes_to_the_public_url(tmp_path: Path, terminal: Terminal) -> None:
    with serve("--public-url", "https://id.example.com", folder=tmp_path, stdout=terminal.device):
        assert "curl https://id.example.com/api " in terminal.read()


def test_a_second_start_shows_nothing(tmp_path: Path, terminal: Terminal) -> None:
    with serve(folder=tmp_path) as first:
        first.stop()
    with serve(folder=tmp_path, stdout=terminal.device) as second:
        second.stop()
    assert terminal.read() == ""


def test_a_list_keeps_ids_whole_and_cuts_nothing(tmp_path: Path, terminal: Terminal) -> None:
    run("api-key", "create", "--all-permissions", "--description", "d" * 200, folder=tmp_path)
    listed = json.loads(run("api-key", "list", "--json", folder=tmp_path).stdout)
    variables = environment({"COLUMNS": "80", "TERM": "dumb"})
    subprocess.run([*COMMAND, "api-key", "list"], cwd=tmp_path, env=variables, stdout=terminal.device, check=True)
    shown = terminal.read()
    assert (listed["id"] in shown, shown.count("d") >= 200) == (True, True)
    assert max(map(len, shown.splitlines())) <= 80


def test_a_made_key_is_explained(tmp_path: Path, terminal: Terminal) -> None:
    command = [*COMMAND, "api-key", "create", "--all-permissions"]
    subprocess.run(command, cwd=tmp_path, env=environment({}), stdout=terminal.device, check=True)
    explanation, empty, secret, end = terminal.read().split("\n")
    assert (explanation.startswith("The API key "), empty, len(secret.split()), end) == (True, "", 1, "")
