"""The tables that are only printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence


def align(columns: Sequence[str], rows: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield a line with the names of columns, and one for each row: its name and its cells."""
    width = max(map(len, rows))
    yield "  ".join((" " * width, *columns))
    for name, row in rows.items():
        cells = zip(row, columns, strict=True)
        yield "  ".join((name.ljust(width), *(cell.rjust(len(column)) for cell, column in cells)))
