"""What goes to people's terminals: nothing that came as data may steer them."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ENDLESS = 100_000
"""Characters; more than a row can have."""


class Failure(Exception):
    """A command cannot do its work, for a reason outside of this program. The text is one sentence."""


def printable(text: str) -> str:
    r"""Escape control, formatting and unassigned characters: "\x1b" shows as those four characters.

    A terminal obeys some of them, and right-to-left overrides make one text look like another (Unicode TR 36).
    """
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
    """Print a table, whose first column holds ids. What is too long for another column goes on below.

    It is as wide as the terminal; without one, as wide as it has to be. `widths` are those that the columns have, on
    a terminal whatever is in them, so that tables printed one after another look like one.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    on_terminal = sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD, show_edge=False, show_header=header)
    for index, column in enumerate(columns):
        width = widths[index] if widths else None
        table.add_column(
            column,
            overflow="fold",
            no_wrap=index == 0,
            width=width if on_terminal else None,
            min_width=None if on_terminal else width,
        )
    for row in rows:
        # As Text: a string would be searched for rich's own markup.
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if on_terminal else _ENDLESS).print(table)
