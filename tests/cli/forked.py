"""Commands in processes that are forked from one which has loaded all that a command may need.

To start Python and load what a command needs takes 0.2 s, a server 0.4 s, and tests start a thousand. A fork has the
arguments, environment, folder, umask and streams it is given and ends as any process does; but what depends on the
start itself is not seen there: what is imported when, variables that Python reads at first, seeds of hashes, memory.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import jmap_oauth

ROOT = Path(__file__).parents[2]
_LARGEST = 1 << 20
_LATE = ("encodings.idna", "http.cookiejar", "httpcore", "httpx", "uvicorn.lifespan.on", "uvicorn.loops.uvloop")
"""What libraries import when they are used."""

_WIDTH = 10
"""Bytes of a number that is told of a process."""


class Forked:
    """A command that runs, with as much of `subprocess.Popen` as is asked of it."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str],
        streams: Sequence[IO[Any]],
    ) -> None:
        self.args = [*arguments]
        self.returncode: int | None = None
        umask = os.umask(0)
        os.umask(umask)
        request = {"arguments": self.args, "folder": str(folder), "variables": dict(variables), "umask": umask}
        self._report, report = os.pipe()
        socket.send_fds(_origin(), [json.dumps(request).encode()], [*(each.fileno() for each in streams), report])
        os.close(report)
        self.pid = self._read()

    def __enter__(self) -> Forked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.wait()

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended; one that takes longer than these seconds is an error."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._read()
            os.close(self._report)
        return self.returncode

    def _read(self) -> int:
        return int(os.read(self._report, _WIDTH))

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, which we are told of next
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_forked(
    arguments: Sequence[str], *, folder: Path, variables: Mapping[str, str], input: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with no terminal."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        given.write(input.encode())
        given.seek(0)
        with Forked(arguments, folder=folder, variables=variables, streams=(given, output, errors)) as process:
            code = process.wait()
        return subprocess.CompletedProcess([*arguments], code, _text_of(output), _text_of(errors))


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


# --- the process that they are forked from ---


@cache
def _origin() -> socket.socket:
    """Start it, once for each worker of a run; it ends when nobody has the other end of this socket any more."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-W", "error", "-m", "tests.cli.forked", str(its.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, stdin=-3, stdout=-3, pass_fds=[its.fileno()])
    its.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _fork(control: socket.socket) -> None:
    """Fork for each command that is asked for, and return in its process alone."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 4)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            *streams, report = descriptors
            command = os.fork()
            if command == 0:
                os.close(report)
                _become(json.loads(request), streams)
                return
            _tell_the_end(command, streams, report)
        for each in descriptors:
            os.close(each)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def _become(command: dict[str, Any], streams: Sequence[int]) -> None:
    """Take over what a process has that was started with this command."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(command["folder"])
    os.umask(command["umask"])
    os.environ.clear()
    os.environ.update(command["variables"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["", *command["arguments"]]


def _tell_the_end(command: int, streams: Sequence[int], report: int) -> None:
    """Wait for a command, in a process that does nothing else."""
    for each in streams:
        os.close(each)
    os.write(report, b"%*d" % (_WIDTH, command))
    _, status = os.waitpid(command, 0)
    os.write(report, b"%*d" % (_WIDTH, os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _load() -> None:
    """Import what commands import, sooner or later."""
    ours = [each.name for each in pkgutil.walk_packages(jmap_oauth.__path__, f"{jmap_oauth.__name__}.")]
    for name in (*ours, *_LATE):
        if not name.endswith("__main__"):
            importlib.import_module(name)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _load()
    gc.freeze()
    _fork(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("jmap_oauth", run_name="__main__", alter_sys=True)
