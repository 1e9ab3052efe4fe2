"""The plot: how the time of each request grows with the number of clients, both on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, log10

from tests.bench.figures import Figures, Results
from tests.bench.report import NAMES, rows_of

_WIDTH, _HEIGHT, _LEFT, _TOP, _LEGEND = 330, 320, 50, 30, 18
_COLOURS = (
    "#1f77b4",
    "#ff7f0e",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)


def plot(results: Results) -> str:
    """Return an SVG with a part for each database, and a legend below."""
    figures = [each for each in rows_of(results.figures) if each.workers == 1]
    rows, backends = [*dict.fromkeys(each.row for each in figures)], [*dict.fromkeys(each.backend for each in figures)]
    scale = _Scale(figures)
    parts = [
        line
        for place, backend in enumerate(backends)
        for line in _part(scale, NAMES[backend], [each for each in figures if each.backend == backend], rows, place)
    ]
    width, below = len(backends) * (_WIDTH + _LEFT) + 20, _TOP + _HEIGHT + 40
    height = below + len(rows) * _LEGEND
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
            ' font-family="sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *parts,
            *(line for place, row in enumerate(rows) for line in _legend(row, place, below + place * _LEGEND)),
            "</svg>\n",
        ]
    )


class _Scale:
    """Where a number of clients and a time are in a part."""

    def __init__(self, figures: Sequence[Figures]) -> None:
        clients, times = [each.clients for each in figures] or [1], [each.p50 * 1e3 for each in figures] or [1.0]
        self.decades_x = range(floor(log10(min(clients))), ceil(log10(max(clients))) + 1)
        self.decades_y = range(floor(log10(min(times))), ceil(log10(max(times))) + 1)

    def x(self, clients: float) -> float:
        return _place(log10(clients), self.decades_x) * _WIDTH

    def y(self, milliseconds: float) -> float:
        return _TOP + (1 - _place(log10(milliseconds), self.decades_y)) * _HEIGHT


def _place(value: float, decades: range) -> float:
    return (value - decades[0]) / ((len(decades) - 1) or 1)


def _part(scale: _Scale, name: str, figures: Sequence[Figures], rows: Sequence[str], place: int) -> Iterator[str]:
    left = _LEFT + place * (_WIDTH + _LEFT)
    yield f'<g transform="translate({left} 0)">'
    yield f'<text x="{_WIDTH / 2}" y="16" text-anchor="middle" font-size="13">{name}: p50 in ms by clients</text>'
    for decade in scale.decades_x:
        at = scale.x(10**decade)
        yield f'<path d="M{at:.1f} {_TOP}V{_TOP + _HEIGHT}" stroke="#ddd"/>'
        yield f'<text x="{at:.1f}" y="{_TOP + _HEIGHT + 15}" text-anchor="middle">{10**decade:,}</text>'
    for decade in scale.decades_y:
        at = scale.y(10.0**decade)
        yield f'<path d="M0 {at:.1f}H{_WIDTH}" stroke="#ddd"/>'
        yield f'<text x="-5" y="{at + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>'
    for number, row in enumerate(rows):
        points = [f"{scale.x(each.clients):.1f},{scale.y(each.p50 * 1e3):.1f}" for each in figures if each.row == row]
        yield f'<polyline points="{" ".join(points)}" {_stroke(number)}/>'
    yield "</g>"


def _legend(row: str, place: int, y: int) -> Iterator[str]:
    yield f'<path d="M{_LEFT} {y}h30" {_stroke(place)}/>'
    yield f'<text x="{_LEFT + 38}" y="{y + 4}">{escape(row)}</text>'


def _stroke(place: int) -> str:
    """Return how a line is drawn: there are more than there are colours, so the others are dashed."""
    dashes = ' stroke-dasharray="5 3"' if place >= len(_COLOURS) else ""
    return f'fill="none" stroke="{_COLOURS[place % len(_COLOURS)]}" stroke-width="2"{dashes}'
