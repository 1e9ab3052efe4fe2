"""How objects, tables of any length and the server's refusals are shown to people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jmap_oauth.cli.schema import Type
from jmap_oauth.cli.terminal import column_widths, print_json, print_table, printable

_MIN_WIDTH = 8


def cell(value: Any) -> str:
    """Write a value on one line: nothing for null, the members of a set with commas between them."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and all(each is True for each in value.values()):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def show_object(type: Type, properties: Mapping[str, Any]) -> None:
    """Print the properties of one object, in the order of the schema."""
    names = [name for name in ["id", *type.fields] if name in properties]
    names += [name for name in properties if name not in names]
    width = max(map(len, names), default=0)
    for name in names:
        print(f"{printable(name):<{width}}  {printable(cell(properties[name]))}".rstrip())


def show_refusal(what: str, error: Mapping[str, Any]) -> None:
    """Print to standard error why the server refuses to do something with an object."""
    print(f"Error: {printable(what)}: {printable(refusal(error))}", file=sys.stderr)


def refusal(error: Mapping[str, Any]) -> str:
    """Write a SetError on one line: its name, the reason, and what it speaks of."""
    flaws = [each for each in error.get("validationErrors") or () if isinstance(each, Mapping)]
    reason = str(error.get("description") or "; ".join(map(_flaw, flaws)))
    fields = ", ".join(map(str, error.get("properties") or ()))
    linked = ", ".join(f"{each.get('object')} {each.get('id')}" for each in error.get("linkedObjects") or ())
    parts = [str(error.get("type")), reason, fields and f"fields: {fields}", linked and f"linked from {linked}"]
    return "; ".join(filter(None, parts)).replace("; ", ": ", 1)


def _flaw(error: Mapping[str, Any]) -> str:
    """Say what is wrong in the words of Stalwart's validation errors: a value, or a bound."""
    told = error.get("value") or error.get("required")
    return f"{error.get('property')} {error.get('type')}{'' if told is None else f' {told}'}"


class PagedTable:
    """A table that is printed page by page; the first one decides how wide the columns are."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._widths: list[int] | None = None

    def print(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Print a page."""
        rows = [[printable(cell(each.get(name))) for name in self._columns] for each in objects]
        is_first = self._widths is None
        self._widths = self._widths or _fitting(column_widths([self._columns, *rows]))
        print_table(self._columns, rows, widths=self._widths, header=is_first)


def _fitting(widths: list[int]) -> list[int]:
    """Return widths with which a row fits the terminal, if there is one; the first column keeps its own."""
    from shutil import get_terminal_size

    if not sys.stdout.isatty():
        return widths
    fitting, room = list(widths), get_terminal_size().columns - 3 * len(widths)
    while sum(fitting) > room and max(fitting[1:], default=0) > _MIN_WIDTH:
        widest = max(range(1, len(fitting)), key=fitting.__getitem__)
        fitting[widest] -= 1
    return fitting


def show_all(columns: Sequence[str], objects: Iterable[Mapping[str, Any]], as_json: bool) -> None:
    """Print objects as a table, or one JSON object a line."""
    rows = list(objects)
    if as_json:
        print_json(rows)
    else:
        PagedTable(columns).print(rows)
