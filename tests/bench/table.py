"""The tables that are printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.load import Result

_COLUMNS = ("requests/s", "of bare", "CPU us/request", "of bare", "p50 ms", "p99 ms", "load CPU")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a row shows: `cpu` and latencies in seconds a request, `load_cpu` as a part of one CPU."""

    rate: float
    cpu: float | None
    p50: float
    p99: float
    load_cpu: float


def best_of(rounds: Sequence[Result]) -> Figures:
    """Return each figure as the round had it that was disturbed least."""
    return Figures(
        rate=max(result.requests / result.seconds for result in rounds),
        cpu=min((each.server_cpu / each.requests for each in rounds if each.server_cpu is not None), default=None),
        p50=min(result.p50 for result in rounds),
        p99=min(result.p99 for result in rounds),
        load_cpu=max(result.load_cpu / result.seconds for result in rounds),
    )


def render(rows: Mapping[str, Figures]) -> Iterator[str]:
    """Yield the lines; the first row is what the others are compared to."""
    bare = next(iter(rows.values()))
    return align(_COLUMNS, {name: _cells(figures, bare) for name, figures in rows.items()})


def align(columns: Sequence[str], rows: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield a line with the names of columns, and one for each row: its name and its cells."""
    width = max(map(len, rows))
    yield "  ".join((" " * width, *columns))
    for name, row in rows.items():
        cells = zip(row, columns, strict=True)
        yield "  ".join((name.ljust(width), *(cell.rjust(len(column)) for cell, column in cells)))


def _cells(figures: Figures, bare: Figures) -> Iterator[str]:
    yield f"{figures.rate:,.0f}"
    yield f"{figures.rate / bare.rate:.2f}"
    yield f"{figures.cpu * 1e6:,.0f}" if figures.cpu else "-"
    yield f"{bare.cpu / figures.cpu:.2f}" if figures.cpu and bare.cpu else "-"
    yield f"{figures.p50 * 1e3:.2f}"
    yield f"{figures.p99 * 1e3:.2f}"
    yield f"{figures.load_cpu:.0%}"
