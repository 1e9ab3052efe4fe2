"""Commands as people run them: in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.cli.forked import run_forked

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-W", "error", "-m", "jmap_oauth")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of this process with these variables in place of all of ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("JMAP_OAUTH_")}
    return {**others, "PYTHONPATH": str(ROOT), **variables}


def run(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder to its end, with no terminal."""
    return run_forked(arguments, folder=folder, variables=environment(variables))


class Serving:
    """A server that runs: `url` is its address; once stopped, `output` and `log` are all that it has written."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self.output = ""
        self.url = self._wait_for(r"Listening on (https?://[0-9.]+:[0-9]+)")[1]

    def _wait_for(self, pattern: str) -> re.Match[str]:
        for line in self._stderr:
            self.log.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"It ended before {pattern!r}: {''.join(self.log)}")

    @property
    def _stderr(self) -> IO[str]:
        assert self.process.stderr is not None
        return self.process.stderr

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code, once everything has been written."""
        self.process.send_signal(number)
        self.log += self._stderr
        self.output += self.process.stdout.read() if self.process.stdout else ""
        return self.process.wait()


@contextmanager
def serve(*flags: str, folder: Path, stdout: int = subprocess.PIPE, **variables: str) -> Iterator[Serving]:
    """Run a server in a folder, on a free port."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *flags],
        cwd=folder,
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Serving(process)
        finally:
            process.kill()


@contextmanager
def kept_port() -> Iterator[str]:
    """A free port: bound, so that nobody else is given it, and not listened on, so that servers can be."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield str(keeper.getsockname()[1])
