"""What was measured, kept as JSON, a line for each request, so that a run can be made in pieces."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.support.postgresql import installation


class Figures(Struct, frozen=True, omit_defaults=True):
    """What one request cost in one place; times in seconds, None for what was not measured.

    `p50` and `p99` are those on one connection, `rate` is answers a second on sixteen, `cpu` the time of the server's
    processes for each. `bare` is the rate of the bare app, `bare_cpu` its time; `plain` is the time of the plain SQL,
    `encoding` that of encoding the answer, `plain_rate` how many a second plain SQL does with sixteen a commit.
    """

    backend: str
    clients: int
    workers: int
    row: str
    name: str
    grows: bool
    p50: float
    p99: float
    rate: float | None = None
    cpu: float | None = None
    load: float | None = None
    bare: float | None = None
    bare_cpu: float | None = None
    plain: float | None = None
    encoding: float | None = None
    plain_rate: float | None = None

    @property
    def key(self) -> tuple[str, int, int, str, str]:
        return self.backend, self.clients, self.workers, self.row, self.name

    @property
    def limit(self) -> float | None:
        """The seconds that it can take at the least."""
        return None if self.plain is None else self.plain + (self.encoding or 0)


class Results(Struct, frozen=True):
    """The machine, and what was measured on it, in the order in which it is shown."""

    machine: str
    figures: list[Figures]


def add(path: Path, new: Sequence[Figures], order: Sequence[str]) -> Results:
    """Put figures among those in a file, in the place of older ones; those of another machine are forgotten."""
    machine = describe_machine()
    old = msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results(machine, [])
    by_key = {each.key: each for each in [*(old.figures if old.machine == machine else ()), *new]}
    places = {row: place for place, row in enumerate(order)}
    figures = sorted(
        (each for each in by_key.values() if each.row in places),
        key=lambda each: (each.backend != "sqlite", each.clients, each.workers, places[each.row], each.name),
    )
    results = Results(machine, figures)
    path.write_bytes(b"".join(_lines(results)))
    return results


def _lines(results: Results) -> Iterable[bytes]:
    yield b'{"machine":' + msgspec.json.encode(results.machine) + b',"figures":[\n'
    yield b",\n".join(map(msgspec.json.encode, results.figures))
    yield b"\n]}\n"


def describe_machine() -> str:
    """Say on what is measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_cpu()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {_system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, PostgreSQL {_postgresql()}"
    )


def _cpu() -> str:
    """Return the name of the CPU."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _system() -> str:
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return release.get("PRETTY_NAME", platform.system())


def _postgresql() -> str:
    folder = installation()
    if folder is None:
        return "none"
    said = subprocess.run([folder / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[-1]
