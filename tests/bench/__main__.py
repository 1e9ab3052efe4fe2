"""`make bench`, or `python -m tests.bench`: measure requests among many clients, and what they could cost at the least.

Databases are filled with clients, once, and kept in `build/bench` for the next run. Over a copy of each, servers are
started with the access log on, as JSON to a file. Then each request is measured: on one connection, which gives `p50`
and `p99`, and on 16, each of which sends its next request when the last one was answered, which gives the answers a
second. The server has a CPU for each worker and the load generator another one, as far as the system has them: on two,
two workers share theirs with the load. PostgreSQL runs wherever there is room.

`plain SQL` are the same statements, sent by the driver alone in one transaction, and the time of encoding the answer;
of a /set, the statements that change something. `bare` is an app that reads and writes the same JSON under the same
uvicorn and does nothing else. A row that stands for several requests, such as all sorts, shows the slowest of them.

What is measured goes into `tests/bench/results`: `figures.json`, in which a later run replaces what it measures again,
and made from it `tables.md`, `growth.svg`, and the tables in `README.md`. So a run can be made in pieces:

    python -m tests.bench --backend sqlite --clients 10000 --only get,changes

Two tables more are only printed. `--only listeners`: event streams to one server process, which are idle at first.
`KiB/stream` is the memory that the process took more when they were open, `idle CPU` how busy it then is. After that
one client is created: `first`, `p50` and `last` are from that request to when a stream told of it.

`--only refusals`: asking the registry inside this process whether a client and its secret are good, first with a right
secret that is remembered, then with wrong ones, each of which costs a hash. All refusals are to take the same time: `of
the first` compares their medians.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop

from tests.bench.cases import Known, make_cases
from tests.bench.databases import BACKENDS, filled
from tests.bench.figures import Figures, add
from tests.bench.listeners import measure_listeners, render_listeners
from tests.bench.measuring import Place, measure
from tests.bench.plot import plot
from tests.bench.registry import measure_registry, render_registry
from tests.bench.report import render, show_in

_ROOT = Path(__file__).parents[2]
_RESULTS = _ROOT / "tests" / "bench" / "results"
_ON_DISK = Path("/var/tmp" if Path("/var/tmp").is_dir() else tempfile.gettempdir())
"""/tmp may be memory, where a commit waits for nothing."""

_ALL = make_cases(Known(1_000, "", "", "", ""))
_GROUPS = [*dict.fromkeys(each.group for each in _ALL)]
_OTHERS = ["listeners", "refusals"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write down."""
    options = _read_options(arguments)
    with tempfile.TemporaryDirectory(prefix="jmap-oauth-bench-", dir=options.folder) as name:
        folder = Path(name)
        if wanted := [each for each in _GROUPS if each in options.only]:
            for figures in _measure(options, folder, wanted):
                _write(options.results, figures)
            print((options.results / "tables.md").read_text("utf-8"))
        if "listeners" in options.only:
            print(f"\n{options.listeners:,} event streams, idle for {options.idle:g} s, then one change")
            costs = uvloop.run(measure_listeners(folder, options.listeners, options.idle))
            print("\n".join(render_listeners(costs)), flush=True)
        if "refusals" in options.only:
            print(f"\n{options.refusals:,} refusals for each reason, one after the other")
            print("\n".join(render_registry(uvloop.run(measure_registry(folder, options.refusals)))))


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    def listed(text: str) -> list[str]:
        return text.split(",")

    def numbers(text: str) -> list[int]:
        return [int(each) for each in text.split(",")]

    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure requests among many clients.")
    parser.add_argument("--backend", type=listed, default=BACKENDS, help=f"of {', '.join(BACKENDS)}")
    parser.add_argument("--clients", type=numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--workers", type=numbers, default=[1, 2])
    parser.add_argument(
        "--only", type=listed, default=[*_GROUPS, *_OTHERS], help=f"of {', '.join([*_GROUPS, *_OTHERS])}"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure, beside the warm-up")
    parser.add_argument("--listeners", type=int, default=2_000, help="event streams, at most 10,000")
    parser.add_argument("--idle", type=float, default=5.0, help="seconds in which event streams are idle")
    parser.add_argument("--refusals", type=int, default=1_000, help="for each reason")
    parser.add_argument("--kept", type=Path, default=_ROOT / "build" / "bench", help="where databases are kept")
    parser.add_argument(
        "--folder", type=Path, default=_ON_DISK, help="on a disk; not below one that others may not enter"
    )
    parser.add_argument("--results", type=Path, default=_RESULTS)
    return parser.parse_args(arguments)


def _measure(options: argparse.Namespace, folder: Path, groups: Sequence[str]) -> Iterator[Sequence[Figures]]:
    for backend in options.backend:
        for clients in options.clients:
            with filled(backend, clients, options.kept, options.folder) as url:
                place = Place(backend, clients, url, folder, options.seconds, lambda case: case.group in groups)
                for workers in options.workers:
                    print(f"{backend}, {clients:,} clients, {workers} workers", file=sys.stderr, flush=True)
                    yield uvloop.run(measure(place, workers))


def _write(folder: Path, figures: Sequence[Figures]) -> None:
    """Put figures among the others, and write the tables and the plot anew."""
    folder.mkdir(exist_ok=True)
    results = add(folder / "figures.json", figures, [*dict.fromkeys(each.row for each in _ALL)])
    (folder / "tables.md").write_text(render(results), "utf-8")
    (folder / "growth.svg").write_text(plot(results), "utf-8")
    if folder == _RESULTS:
        show_in(_ROOT / "README.md", results)


if __name__ == "__main__":
    main()
