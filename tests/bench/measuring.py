"""Measuring requests in one database: alone on a connection, on sixteen at once, and beside what limits them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from tests.bench.cases import Case, create, make_cases, prepare
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Result
from tests.bench.processes import Loader, Server, Unmeasurable, loading, serve, serve_bare
from tests.bench.recording import Plain, plain_sql
from tests.bench.workload import ask

_CREATES = 1_600
"""Creates of which the plain SQL is timed if each figure has a second, sixteen a commit; a tenth of them with one."""

_ROUNDS = 3
"""How often a server and its limit are loaded in turn."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where is measured: a database with so many clients, a folder for logs, how many seconds each, which cases."""

    backend: str
    clients: int
    url: str
    folder: Path
    seconds: float
    wanted: Callable[[Case], bool]


async def measure(place: Place, workers: int) -> Sequence[Figures]:
    """Return the figures of all cases on a server with so many workers."""
    with serve(place.url, place.folder / "server.log", workers=workers) as server, loading() as loader:
        cases = make_cases(prepare(server.url, place.clients, f"asked-{workers}"))
        async with plain_sql(place.url) as plain:
            run = _Run(place, workers, server, loader, plain)
            measured: list[Figures] = []
            for each in filter(place.wanted, cases):  # what creates comes last: /changes before it is not to tell that
                try:
                    measured.append(await run.measure(each))
                except Unmeasurable as error:
                    print(f"  {each.row} {each.name} cannot be measured: {error}", file=sys.stderr, flush=True)
    return measured


@dataclass(frozen=True, slots=True)
class _Run:
    """A server with so many workers that is measured, the process that loads it, and its database by the driver."""

    place: Place
    workers: int
    server: Server
    loader: Loader
    plain: Plain

    async def measure(self, case: Case) -> Figures:
        """Load the server with a case, on one connection and on many, beside what limits it.

        Raises:
            Unmeasurable: it is not answered as it should be.
        """
        place = self.place
        answer = b"" if case.creates else _ask(self.server, case)
        limits = {} if self.workers > 1 else await _limits(self.plain, case, place.seconds)
        alone = self._load(case, 1, self.server)
        print(f"  {case.row} {case.name}: {alone.p50 * 1e3:.2f} ms", file=sys.stderr, flush=True)
        rates = {} if case.name else self._rates(case, answer)  # of one of many there is none
        return Figures(
            place.backend, place.clients, self.workers, case.row, case.name, case.grows, alone.p50, alone.p99,
            **limits, **rates,
        )  # fmt: skip

    def _rates(self, case: Case, answer: bytes) -> Mapping[str, Any]:
        """Load the server, and in turn with it an app that gives the same answer, if there is one, and no more.

        A machine is quicker and slower from one minute to the next, which is to meet both alike: of each the median
        counts.
        """
        if not answer:
            return _rate([self._load(case, CONNECTIONS, self.server)])
        with serve_bare(answer, self.place.folder, self.workers) as bare:
            rounds = [[self._load(case, CONNECTIONS, each) for each in (self.server, bare)] for _ in range(_ROUNDS)]
        ours, beside = (_rate(results) for results in zip(*rounds, strict=True))
        return {**ours, "bare": beside["rate"], "bare_cpu": beside["cpu"]}

    def _load(self, case: Case, connections: int, server: Server) -> Result:
        return self.loader.measure(server, case.bodies, case.expected, connections, self.place.seconds)


def _ask(server: Server, case: Case) -> bytes:
    """Return an answer.

    Raises:
        Unmeasurable: it is an error.
    """
    answer = ask(server.url, case.bodies[0])
    if any(name == "error" for name, _, _ in answer["methodResponses"]):
        raise Unmeasurable(f"it is answered {answer}")
    return msgspec.json.encode(answer)


def _rate(results: Sequence[Result]) -> dict[str, float | None]:
    cpu = [each.server_cpu / each.requests for each in results if each.server_cpu is not None]
    return {
        "rate": median(each.requests / each.seconds for each in results),
        "cpu": median(cpu) if cpu else None,
        "load": median(each.load_cpu / each.seconds for each in results),
    }


async def _limits(plain: Plain, case: Case, seconds: float) -> Mapping[str, float]:
    """Return what the plain SQL of a case takes."""
    if case.creates:
        return await _limits_of_creates(plain, case.creates, int(_CREATES * min(1, seconds)))
    if case.group == "authenticate":  # a matter of memory, or of hashing
        return {}
    taken, encoding = await plain.time_reads(case.bodies[0])
    return {"plain": taken, "encoding": encoding}


async def _limits_of_creates(plain: Plain, objects: int, creates: int) -> Mapping[str, float]:
    def bodies(what: str, count: int) -> Sequence[bytes]:
        return [create(f"{what}-{objects}-{each}-", objects) for each in range(count)]

    alone = {"plain": 1 / await plain.time_writes(bodies("alone", max(3, creates // 10 // objects)), 1)}
    if objects > 1:
        return alone
    return {**alone, "plain_rate": await plain.time_writes(bodies("plain", creates), CONNECTIONS)}
