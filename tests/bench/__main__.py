"""`make bench`, or `python -m tests.bench`: measure a few requests, and print four tables.

A database on disk is filled with clients by /set calls. Then, round by round, each request is measured on a server of
its own that was just started over a copy of it, with the access log on, as JSON to a file. 16 connections are kept
alive; each sends its next request when the last one was answered. The server has one CPU to itself and the load
generator another one, as far as the system lets them. Of the rounds, the best one of each request is shown.

How to read it: `requests/s` is what one server process does; `of bare` what part that is of what an app does that only
reads and writes the same JSON under the same uvicorn. `CPU us/request` is the time that the server's process was
running, threads and kernel included, in microseconds, and `of bare` beside it the same comparison by that time: where
other programs have the machine as well, believe this one. `p50` and `p99` are latencies with all connections busy.
`load CPU` is how busy the load generator was: near 100% it is what was measured, and the bare app could do more.

The second table is about writers: creates with 16 connections, beside the SQL that they come to, sixteen a commit.

The third table is about many clients, and one request at a time inside this process, without HTTP. `p50` and `p99` are
from the bytes of a request to those of its answer; `plain SQL` is the median of the same statements alone, sent by
sqlite3; `wanted` is what the median shall stay below on an ordinary machine.

The fourth table is about listeners: event streams to one server process, which are idle at first. `KiB/stream` is the
memory that the process took more when they were open, `idle CPU` how busy it then is. After that one client is created:
`first`, `p50` and `last` are from that request to when a stream told of it.

The fourth table is about asking whether a client and its secret are good, of the registry inside this process: first
with a right secret that is remembered, then with wrong ones, each of which costs a hash. All refusals are to take the
same time: `of the first` compares their medians.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import uvloop

from tests.bench.commits import measure_commits, record_creates, render_commits
from tests.bench.inside import RUNS, measure_inside, render_inside
from tests.bench.listeners import measure_listeners, render_listeners
from tests.bench.load import CONNECTIONS, Result
from tests.bench.processes import Server, cpus, measure, serve, serve_bare
from tests.bench.registry import measure_registry, render_registry
from tests.bench.table import best_of, render
from tests.bench.workload import Variant, ask, fill, make_variants

_FILLED, _ANSWER = "filled", "answer.json"
_ON_DISK = Path("/var/tmp")  # /tmp may be memory, where a commit waits for nothing


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _read_options(arguments)
    print("\n".join(_describe(options)), flush=True)
    with tempfile.TemporaryDirectory(prefix="jmap-oauth-bench-", dir=options.folder) as name:
        folder = Path(name)
        variants = _prepare(folder, options.clients)
        rounds = [[_measure(folder, each, options.seconds) for each in variants] for _ in range(options.rounds)]
        results = zip(*rounds, strict=True)
        best = {each.name: best_of(of_it) for each, of_it in zip(variants, results, strict=True)}
        print("\n".join(render(best)), flush=True)
        creates = uvloop.run(record_creates(folder / _FILLED, options.creates))
        print(f"\n{options.creates:,} creates in SQL, synchronous=FULL, best of {options.rounds} rounds")
        commits = [
            measure_commits(folder / _FILLED, creates, variants[-1], options.seconds) for _ in range(options.rounds)
        ]
        print("\n".join(render_commits(commits)), flush=True)
        print(f"\n{options.clients_large:,} clients, inside one process, {RUNS} runs each, one after the other")
        print("\n".join(render_inside(uvloop.run(measure_inside(folder, options.clients_large)))), flush=True)
        print(f"\n{options.listeners:,} event streams, idle for {options.seconds:g} s, then one change")
        costs = uvloop.run(measure_listeners(folder, options.listeners, options.seconds))
        print("\n".join(render_listeners(costs)), flush=True)
        print(f"\n{options.refusals:,} refusals for each reason, one after the other")
        print("\n".join(render_registry(uvloop.run(measure_registry(folder, options.refusals)))))


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure requests per second.")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each request and round, beside the warm-up")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=10_000, help="in the database")
    parser.add_argument("--creates", type=int, default=1_600, help="in SQL, for the second table")
    parser.add_argument("--clients-large", type=int, default=100_000, help="in that of the third table, at least 1")
    parser.add_argument(
        "--listeners", type=int, default=2_000, help="event streams, for the fourth table, at most 10,000"
    )
    parser.add_argument("--refusals", type=int, default=1_000, help="for each reason, for the fourth table")
    parser.add_argument("--folder", type=Path, default=_ON_DISK if _ON_DISK.is_dir() else None, help="on a disk")
    return parser.parse_args(arguments)


def _describe(options: argparse.Namespace) -> Iterator[str]:
    chosen = cpus()
    yield (
        f"{CONNECTIONS} connections, {options.seconds:g} s each after {options.seconds / 5:g} s of warm-up, "
        f"best of {options.rounds} rounds, {options.clients:,} clients, JSON access log to a file"
    )
    yield (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + (f"server on CPU {chosen[0]}, load on CPU {chosen[1]}" if chosen else "no CPU of their own")
    )  # fmt: skip


def _prepare(folder: Path, clients: int) -> Sequence[Variant]:
    """Fill a database, and keep what the bare app will answer."""
    filled = folder / _FILLED
    filled.mkdir()
    with serve(filled) as server:
        fill(server.url, clients)
        variants = make_variants(server.url)
        (folder / _ANSWER).write_text(json.dumps(ask(server.url, variants[0].body)))
    return variants


def _measure(folder: Path, variant: Variant, seconds: float) -> Result:
    with _fresh(folder, variant) as server:
        return measure(server, variant, seconds)


def _fresh(folder: Path, variant: Variant) -> AbstractContextManager[Server]:
    """Start what a request goes to; the database is as it was filled."""
    if variant.bare:
        return serve_bare(folder / _ANSWER)
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / _FILLED, copy)
    return serve(copy)


if __name__ == "__main__":
    main()
