"""Reading the files: one JSON document, or one a line, in bounds."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Any

from jmap_oauth.cli.input_file import read_input
from jmap_oauth.cli.strict_json import NotJson, read_json
from jmap_oauth.cli.terminal import Failure

MAX_FILE = 200_000_000
"""Bytes. A realm of Keycloak is one document, which has to be read whole."""

Place = str
"""Where in the file something is: `line 3`, `item 3`, or nothing where there is one object only."""


def read_values(path: str) -> list[tuple[Place, Any]]:
    """Return the JSON document of a file, or those of its lines; `-` stands for standard input.

    Raises:
        Failure: it cannot be read, is too large, or is not JSON, of which the line or the member is told.
    """
    content = read_input(path, MAX_FILE).removeprefix(codecs.BOM_UTF8)
    try:
        return [("", read_json(content))]
    except Failure as error:
        return list(_lines(content, path, error))


def _lines(content: bytes, path: str, error: Failure) -> Iterator[tuple[Place, Any]]:
    """Read one document a line; `error` is what is wrong with the whole as one document."""
    is_first = True
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", read_json(line)
            except Failure as reason:
                # Where the first line is nothing by itself, the file is one document over many lines.
                is_whole = is_first and isinstance(reason, NotJson) and not isinstance(error, NotJson)
                raise Failure(f"{path} {error}" if is_whole else f"line {number}: {reason}") from None
            is_first = False


def items(values: Iterable[tuple[Place, Any]]) -> Iterator[tuple[Place, Any]]:
    """Yield the objects of lists, and of what holds a list as `items`, perhaps in `data`; others as they are."""
    for place, value in values:
        inner = value
        for name in ("data", "items"):
            if isinstance(inner, dict) and isinstance(inner.get(name), dict | list):
                inner = inner[name]
        if isinstance(inner, list):
            start = f"{place}, " if place else ""
            yield from ((f"{start}item {number}", each) for number, each in enumerate(inner, 1))
        else:
            yield place or "the file", inner
