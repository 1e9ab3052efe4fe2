"""The processes: a server that is measured, a load generator that measures, and the CPU that each has to itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from tests.bench.load import Failure, Job, Result
from tests.bench.workload import KEY, over_the_wire
from tests.cli.process import environment

_PATIENCE = 60
"""Seconds that a process may take to start or to end."""

_Stream = int | IO[bytes]
_LISTENING = re.compile(r"Listening on http://127\.0\.0\.1:([0-9]+)")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def cpus(workers: int = 1) -> tuple[Collection[int], Collection[int]] | None:
    """Return the CPUs of the server, one for each worker, and that of the load; None where there are not two.

    The load has one to itself where there are enough.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[:workers], usable[-1:]) if len(usable) > 1 else None


@contextmanager
def serve(database: str, log: Path, *flags: str, workers: int = 1) -> Iterator[Server]:
    """Run the server over a database, with its JSON log in a file."""
    command = ["jmap_oauth", "serve", "--port", "0", "--database", database, "--workers", str(workers), *flags]
    with _listening(command, log, workers) as server:
        yield server


@contextmanager
def serve_bare(answer: bytes, folder: Path, workers: int) -> Iterator[Server]:
    """Run the bare app with this answer."""
    file = folder / "answer.json"
    file.write_bytes(answer)
    with _listening(["tests.bench.bare", str(file), str(workers)], folder / "bare.log", workers) as server:
        yield server


@contextmanager
def _listening(arguments: Sequence[str], log: Path, workers: int) -> Iterator[Server]:
    with log.open("wb") as output, _start(arguments, subprocess.DEVNULL, output, output) as process:
        if chosen := cpus(workers):
            os.sched_setaffinity(process.pid, chosen[0])
        try:
            yield Server(process.pid, _wait_for_port(process, log))
        finally:
            process.terminate()


def _start(
    arguments: Sequence[str], stdin: int, stdout: _Stream, stderr: _Stream | None = None
) -> subprocess.Popen[bytes]:
    variables = environment({"JMAP_OAUTH_ADMIN_KEY": KEY})
    command = [sys.executable, "-m", *arguments]
    return subprocess.Popen(command, env=variables, stdin=stdin, stdout=stdout, stderr=stderr)


def _wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _PATIENCE
    while not (found := _LISTENING.search(log.read_text())):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"A server did not start: {log.read_text()}")
        time.sleep(0.02)
    return int(found[1])


class Unmeasurable(Exception):
    """A request was not answered as it should be, and why."""


class Loader:
    """The process of the load generator."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._sent = 0

    def measure(
        self, server: Server, bodies: Sequence[bytes], expected: Sequence[bytes], connections: int, seconds: float
    ) -> Result:
        """Load a server with these in turn.

        Raises:
            Unmeasurable: it did not answer as it should.
        """
        requests = [over_the_wire(body) for body in bodies]
        job = Job(server.port, server.pid, requests, [*expected], connections, seconds, self._sent)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self._process.stdin.flush()
        result = msgspec.json.decode(self._process.stdout.readline(), type=Result | Failure)
        if isinstance(result, Failure):
            raise Unmeasurable(result.reason)
        self._sent += result.sent
        return result


@contextmanager
def loading() -> Iterator[Loader]:
    """Run the load generator."""
    with _start(["tests.bench.load"], subprocess.PIPE, subprocess.PIPE) as process:
        if chosen := cpus():
            os.sched_setaffinity(process.pid, chosen[1])
        try:
            yield Loader(process)
        finally:
            process.kill()
