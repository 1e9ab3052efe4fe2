"""Measuring requests in one database: alone on a connection, on sixteen at once, and beside what limits them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.bench.cases import Case, create, make_cases, prepare
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Result
from tests.bench.processes import Server, Unmeasurable, loading, serve, serve_bare
from tests.bench.recording import Plain, plain_sql
from tests.bench.workload import ask

_CREATES = 1_600
"""Creates of which the plain SQL is timed if each figure has a second, sixteen a commit; a tenth of them with one."""


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
        wanted = [each for each in cases if place.wanted(each)]

        def load(case: Case, connections: int) -> Result:
            return loader.measure(server, case.bodies, case.expected, connections, place.seconds)

        async with plain_sql(place.url) as plain:
            measured: list[tuple[Case, bytes, Figures]] = []
            for each in wanted:  # what creates comes last: it is not to be among the changes that are told before
                try:
                    answer = b"" if each.creates else _ask(server, each)
                    limits = {} if workers > 1 else await _limits(plain, each, place.seconds)
                    measured.append((each, answer, _measure(place, workers, each, load, limits)))
                except Unmeasurable as error:
                    print(f"  {each.row} {each.name} cannot be measured: {error}", file=sys.stderr, flush=True)
    return [*_beside_bare(place, workers, measured)]


Load = Callable[[Case, int], Result]
"""Loads a server with a case on so many connections."""


def _ask(server: Server, case: Case) -> bytes:
    """Return an answer.

    Raises:
        Unmeasurable: it is an error.
    """
    answer = ask(server.url, case.bodies[0])
    if any(name == "error" for name, _, _ in answer["methodResponses"]):
        raise Unmeasurable(f"it is answered {answer}")
    return msgspec.json.encode(answer)


def _measure(place: Place, workers: int, case: Case, load: Load, limits: Mapping[str, float]) -> Figures:
    """Load a server with a case. Of a case with a name, which is one of many, there is no rate."""
    alone, loaded = load(case, 1), None if case.name else load(case, CONNECTIONS)
    figures = Figures(
        place.backend, place.clients, workers, case.row, case.name, case.grows, alone.p50, alone.p99, **limits
    )
    print(f"  {case.row} {case.name}: {alone.p50 * 1e3:.2f} ms", file=sys.stderr, flush=True)
    return msgspec.structs.replace(figures, **_rates(loaded)) if loaded else figures


def _rates(result: Result) -> dict[str, float | None]:
    cpu = None if result.server_cpu is None else result.server_cpu / result.requests
    return {"rate": result.requests / result.seconds, "cpu": cpu, "load": result.load_cpu / result.seconds}


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


def _beside_bare(place: Place, workers: int, measured: Sequence[tuple[Case, bytes, Figures]]) -> Iterator[Figures]:
    """Yield the figures with those of an app that gives the same answer and does nothing else."""
    with loading() as loader:
        for case, answer, figures in measured:
            if figures.rate is None or case.creates:
                yield figures
                continue
            with serve_bare(answer, place.folder, workers) as server:
                result = loader.measure(server, case.bodies, case.expected, CONNECTIONS, place.seconds)
            rates = _rates(result)
            yield msgspec.structs.replace(figures, bare=rates["rate"], bare_cpu=rates["cpu"])
