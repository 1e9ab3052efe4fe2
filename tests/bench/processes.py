"""The processes: a server that is measured, a load generator that measures, and the CPU that each has to itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from tests.bench.load import Job, Result
from tests.bench.workload import KEY, Variant
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


def cpus() -> tuple[int, int] | None:
    """Return one CPU for the server and another one for the load, or None where there are not two to choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[-1]) if len(usable) > 1 else None


@contextmanager
def serve(folder: Path, *flags: str) -> Iterator[Server]:
    """Run the server over the database in a folder, made if there is none, with its JSON log in a file beside it."""
    command = ["jmap_oauth", "serve", "--port", "0", "--database", str(folder / "bench.db"), *flags]
    with _listening(command, folder / "server.log") as server:
        yield server


@contextmanager
def serve_bare(answer: Path) -> Iterator[Server]:
    """Run the bare app, whose answer is in a file."""
    with _listening(["tests.bench.bare", str(answer)], answer.with_suffix(".log")) as server:
        yield server


@contextmanager
def _listening(arguments: Sequence[str], log: Path) -> Iterator[Server]:
    with log.open("wb") as output, _start(arguments, subprocess.DEVNULL, output, output) as process:
        _pin(process.pid, 0)
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


def measure(server: Server, variant: Variant, seconds: float) -> Result:
    """Load a server for some seconds, after a fifth of them as warm-up.

    Raises:
        RuntimeError: it did not answer as it should, or the load generator failed.
    """
    job = Job(server.port, server.pid, variant.request, [*variant.expected], seconds, seconds / 5)
    with _start(["tests.bench.load"], subprocess.PIPE, subprocess.PIPE) as process:
        _pin(process.pid, 1)
        try:
            output, _ = process.communicate(msgspec.json.encode(job), job.warm_up + job.seconds + _PATIENCE)
        finally:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"{variant.name} could not be measured.")
    return msgspec.json.decode(output, type=Result)


def _pin(pid: int, place: int) -> None:
    if chosen := cpus():
        os.sched_setaffinity(pid, {chosen[place]})
