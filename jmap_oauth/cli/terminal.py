"""What goes to people's terminals: nothing that came as data may steer them."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class Failure(Exception):
    """A command cannot do its work, for a reason outside of this program. The text is one sentence."""


def printable(text: str) -> str:
    r"""Escape control, formatting and unassigned characters: "\x1b" shows as those four characters.

    A terminal obeys some of them, and right-to-left overrides make one text look like another (Unicode TR 36).
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def near(name: str, names: Iterable[str]) -> str:
    """Return a question to add to an error, if one of `names` may have been meant; cases do not matter."""
    by_lower = {each.lower(): each for each in names}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[found[0]]}?" if found else ""


def print_json(objects: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON object a line, in ASCII: other characters are escaped as JSON does."""
    for each in objects:
        print(json.dumps(each).replace("\x7f", "\\u007f"))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, widths: Sequence[int] | None = None, header: bool = True
) -> None:
    """Print a table, whose first column holds ids.

    On a terminal it is as wide as that, and what is too long for another column goes on below. For a program each row
    is one line. `widths` are those of the columns, so that tables printed one after another look like one.
    """
    shown = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_folded(columns, shown, widths, header)
        return
    widths = widths or column_widths([columns, *shown])
    if header:
        _print_lines([columns, ["\N{BOX DRAWINGS LIGHT HORIZONTAL}" * width for width in widths]], widths)
    _print_lines(shown, widths)


def column_widths(rows: Iterable[Sequence[str]]) -> list[int]:
    """Return the columns of a terminal that the widest cell of each column takes."""
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _print_lines(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> None:
    from rich.cells import cell_len

    for row in rows:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        print(f" {'   '.join(padded)}".rstrip())


def _print_folded(
    columns: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int] | None, header: bool
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, show_header=header)
    for index, column in enumerate(columns):
        width = widths[index] if widths else None
        table.add_column(column, overflow="fold", no_wrap=index == 0, width=width)
    for row in rows:
        # As Text: a string would be searched for rich's own markup.
        table.add_row(*map(Text, row))
    Console().print(table)
