"""The tables in Markdown: what was measured, and what was wanted of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.bench.figures import Figures, Results
from tests.bench.load import CONNECTIONS

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_BEGIN, _END = "<!-- written by make bench -->", "<!-- until here -->"
_PINNED = (
    "Each worker has a CPU to itself, and so has the load; where there are only two, two workers share theirs with it."
)
_GET, _PAIR, _CREATE = (
    "/get of 3 ids, the same again",
    "/query and /get of 50 by text, which 1 % have",
    "/set that creates 1",
)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, whose first column is text and the others are numbers."""
    yield f"| {' | '.join(columns)} |"
    yield f"|---|{'---:|' * (len(columns) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def rows_of(figures: Sequence[Figures]) -> Sequence[Figures]:
    """Return for each row of a table its slowest case."""
    slowest: dict[tuple[object, ...], Figures] = {}
    for each in figures:
        place = (each.backend, each.clients, each.workers, each.row)
        if place not in slowest or each.p50 > slowest[place].p50:
            slowest[place] = each
    return [*slowest.values()]


# --- how long, how many ---


def latencies(results: Results) -> Iterator[str]:
    """Yield a table: p50 and p99 of each request by the database and the number of clients."""
    alone = {(each.row, each.backend, each.clients): each for each in rows_of(results.figures) if each.workers == 1}
    places = sorted({(backend, clients) for _, backend, clients in alone}, key=lambda each: (each[0] != "sqlite", each))
    columns = ["p50 / p99 in ms", *(f"{NAMES[backend]} {clients:,}" for backend, clients in places)]
    rows = dict.fromkeys(row for row, _, _ in alone)
    return table(columns, ([row, *(_times(alone.get((row, *place))) for place in places)] for row in rows))


def _times(figures: Figures | None) -> str:
    return "" if figures is None else f"{_ms(figures.p50)} / {_ms(figures.p99)}"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.2f}" if seconds < 0.0999 else f"{seconds * 1e3:,.0f}"


def limits(results: Results, backend: str, clients: int) -> Iterator[str]:
    """Yield a table: each request in one database beside its limits."""
    here = [each for each in rows_of(results.figures) if (each.backend, each.clients) == (backend, clients)]
    by_workers = {(each.row, each.workers): each for each in here}
    columns = [
        f"{NAMES[backend]}, {clients:,} clients", "p50 ms", "plain SQL ms", "times that",
        "/s, 1 worker", "of bare", "/s, 2 workers", "of bare",
    ]  # fmt: skip
    rows = dict.fromkeys(each.row for each in here)
    return table(columns, ([row, *_limited(by_workers.get((row, 1)), by_workers.get((row, 2)))] for row in rows))


def _limited(one: Figures | None, two: Figures | None) -> Iterator[str]:
    yield _ms(one.p50) if one else ""
    yield _ms(one.limit) if one else ""
    yield f"{one.p50 / one.limit:.1f}" if one and one.limit else ""
    for each in (one, two):
        yield f"{each.rate:,.0f}" if each and each.rate else ""
        yield f"{each.rate / each.bare:.2f}" if each and each.rate and each.bare else ""


# --- what was wanted ---


def wanted(results: Results) -> Iterator[str]:
    """Yield a table of what was wanted and what was reached, by the database."""
    rows = [
        row for backend in NAMES for row in _wanted_of([each for each in results.figures if each.backend == backend])
    ]
    return table(("figure", "wanted", "reached"), rows)


def _wanted_of(figures: Sequence[Figures]) -> Iterator[Sequence[str]]:
    if not (one := [each for each in figures if each.workers == 1]):
        return
    name, most = NAMES[one[0].backend], max(each.clients for each in one)
    for each in one:
        if each.row == _GET and each.rate and each.bare:
            by_cpu = f" (by CPU time {each.bare_cpu / each.cpu:.2f})" if each.cpu and each.bare_cpu else ""
            yield f"{name}, {each.clients:,}: {_GET}, of bare ASGI", "≥ 0.40", f"{each.rate / each.bare:.2f}{by_cpu}"
    for each in one:
        if each.row == _PAIR and each.clients == most and each.limit:
            yield (
                f"{name}, {most:,}: {_PAIR}, times plain SQL and encoding", "≤ 2", f"{each.p50 / each.limit:.2f}"
            )  # fmt: skip
    for each in one:
        if each.row == _CREATE and each.rate and each.plain_rate:
            beside = f"{CONNECTIONS} connections, of plain SQL with {CONNECTIONS} a commit"
            yield (
                f"{name}, {each.clients:,}: {_CREATE}, {beside}",
                "≥ 0.2" if each.backend == "sqlite" else "",
                f"{each.rate / each.plain_rate:.2f}",
            )
    yield from _growth(name, most, one)


def _growth(name: str, most: int, figures: Sequence[Figures]) -> Iterator[Sequence[str]]:
    """Yield what reads cost more among many clients than among few; of those whose results grow, than the plain SQL."""
    least = min(each.clients for each in figures)
    few = {(each.row, each.name): each.p50 for each in figures if each.clients == least}
    reads = [each for each in figures if each.clients == most and not each.row.startswith("/set")]
    steady = [
        (each.p50 / few[each.row, each.name], each) for each in reads if not each.grows and (each.row, each.name) in few
    ]
    growing = [(each.p50 / each.limit, each) for each in reads if each.grows and each.limit]
    for what, found in (
        (f"reads whose results do not grow, p50 as of {least:,}", steady),
        ("the other reads, p50 as of the plain SQL and encoding", growing),
    ):
        if found:
            ratio, worst = max(found, key=lambda each: each[0])
            yield f"{name}, {most:,}: {what}", "≤ 2", f"{ratio:.2f} ({f'{worst.row} {worst.name}'.strip()})"


# --- files ---


def render(results: Results) -> str:
    """Return all tables."""
    places = dict.fromkeys((each.backend, each.clients) for each in results.figures)
    parts = [
        [results.machine],
        [_PINNED],
        wanted(results),
        latencies(results),
        *(limits(results, *place) for place in places),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def show_in(readme: Path, results: Results) -> None:
    """Put what a reader wants to know at once between two marks."""
    most = max(each.clients for each in results.figures)
    backends = dict.fromkeys(each.backend for each in results.figures if each.clients == most)
    parts = [[f"Measured on: {results.machine}. {_PINNED}"], wanted(results), latencies(results)]
    parts += [limits(results, backend, most) for backend in backends]
    before, _, rest = readme.read_text("utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    shown = "\n\n".join("\n".join(part) for part in parts)
    readme.write_text(f"{before}{_BEGIN}\n\n{shown}\n\n{_END}{after}", "utf-8")
