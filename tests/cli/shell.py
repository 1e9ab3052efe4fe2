"""The client commands against a server that runs, as processes of their own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cli.forked import run_forked
from tests.cli.process import COMMAND, environment
from tests.support.served import ADMIN_KEY, ServerProcess


class Shell:
    """A folder in which commands are run, whose environment names the server and the key.

    `server` is the process, where there is one for it alone.
    """

    def __init__(self, folder: Path, url: str, server: ServerProcess | None = None) -> None:
        self.folder = folder
        self.url = url
        self.server = server

    def variables(self, **more: str) -> dict[str, str]:
        given = {"JMAP_OAUTH_URL": self.url, "JMAP_OAUTH_KEY": ADMIN_KEY, "HOME": str(self.folder), **more}
        return environment({name: value for name, value in given.items() if value})

    def run(self, *arguments: str, input: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. A variable that is given as an empty text is not set."""
        return run_forked(arguments, folder=self.folder, variables=self.variables(**variables), input=input)

    def done(self, *arguments: str, input: str = "") -> str:
        """Run a command that has to work and say nothing of errors, and return what it printed."""
        done = self.run(*arguments, input=input)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def started(self, *arguments: str) -> str:
        """Do as `done` in a process that is started: it hashes texts in another way, so sets have another order."""
        command = [*COMMAND, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.variables(), capture_output=True, text=True, check=True
        ).stdout

    def json(self, *arguments: str, input: str = "") -> list[Any]:
        """Run a command with --json and return its lines."""
        return [json.loads(line) for line in self.done(*arguments, "--json", input=input).splitlines()]

    def error(self, *arguments: str, input: str = "", code: int = 1, **variables: str) -> str:
        """Run a command that has to fail, and return the last line of its errors."""
        done = self.run(*arguments, input=input, **variables)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stderr.splitlines()[-1]

    def write(self, name: str, *entries: Any) -> str:
        """Write a file with a line for each entry; one that is text already is written as it is."""
        lines = [each if isinstance(each, str) else json.dumps(each) for each in entries]
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))
        return name

    def on_terminal(
        self, arguments: Sequence[str], typed: str = "", wait_for: str = "", **variables: str
    ) -> tuple[int, str]:
        """Run a command at a terminal, type something once a text is shown, and return its exit code and all shown."""
        screen, device = pty.openpty()
        variables = self.variables(**{"COLUMNS": "100", "TERM": "dumb", **variables})
        with subprocess.Popen(
            [*COMMAND, *arguments], cwd=self.folder, env=variables, stdin=device, stdout=device, stderr=device
        ) as process:
            os.close(device)
            shown = read_until(screen, wait_for)
            os.write(screen, typed.encode())
            shown += read_until(screen, None)
        os.close(screen)
        return process.returncode, shown.decode().replace("\r\n", "\n")


def read_until(screen: int, text: str | None) -> bytes:
    """Return what is shown up to a text, or to the end, as bytes: one reading may end within a character."""
    shown = b""
    while text is None or text.encode() not in shown:
        try:
            shown += os.read(screen, 65_536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            break
    return shown


def client_entry(client_id: str, **properties: Any) -> dict[str, Any]:
    """Return the line of a client."""
    return {"type": "OAuthClient", "properties": {"clientId": client_id, **properties}}
