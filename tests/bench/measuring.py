"""Measuring requests in one database: alone on a connection, on sixteen at once, and beside what limits them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from tests.bench.cases import Case, create, make_cases, prepare
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Result
from tests.bench.processes import Server, Unmeasurable, loading, serve, serve_bare
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
        wanted = [each for each in cases if place.wanted(each)]

        def load(case: Case, connections: int, server: Server) -> Result:
            return loader.measure(server, case.bodies, case.expected, connections, place.seconds)

        async with plain_sql(place.url) as plain:
            measured: list[Figures] = []
            for each in wanted:  # what creates comes last: it is not to be among the changes that are told before
                try:
                    answer = b"" if each.creates else _ask(server, each)
                    limits = {} if workers > 1 else await _limits(plain, each, place.seconds)
                    alone = load(each, 1, server)
                    figures = Figures(
                        place.backend, place.clients, workers, each.row, each.name, each.grows, alone.p50, alone.p99,
                        **limits,
                    )  # fmt: skip
                    print(f"  {each.row} {each.name}: {alone.p50 * 1e3:.2f} ms", file=sys.stderr, flush=True)
                    # Of a case with a name, which is one of many, there is no rate.
                    rates = (
                        {} if each.name else _rates(place, workers, server, partial(load, each, CONNECTIONS), answer)
                    )
                    measured.append(msgspec.structs.replace(figures, **rates))
                except Unmeasurable as error:
                    print(f"  {each.row} {each.name} cannot be measured: {error}", file=sys.stderr, flush=True)
    return measured


def _ask(server: Server, case: Case) -> bytes:
    """Return an answer.

    Raises:
        Unmeasurable: it is an error.
    """
    answer = ask(server.url, case.bodies[0])
    if any(name == "error" for name, _, _ in answer["methodResponses"]):
        raise Unmeasurable(f"it is answered {answer}")
    return msgspec.json.encode(answer)


def _rates(
    place: Place, workers: int, server: Server, load: Callable[[Server], Result], answer: bytes
) -> Mapping[str, Any]:
    """Load a server, and in turn with it an app that gives the same answer, if there is one, and does nothing else.

    A machine is quicker and slower from one minute to the next, which is to meet both alike: of each the median counts.
    """
    if not answer:
        return _rate([load(server)])
    with serve_bare(answer, place.folder, workers) as bare:
        rounds = [[load(each) for each in (server, bare)] for _ in range(_ROUNDS)]
    ours, beside = (_rate(results) for results in zip(*rounds, strict=True))
    return {**ours, "bare": beside["rate"], "bare_cpu": beside["cpu"]}


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
