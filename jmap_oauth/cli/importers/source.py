"""Reading the files: one JSON document, or one a line, in bounds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jmap_oauth.cli.terminal import Failure

MAX_FILE = 200_000_000
"""Bytes. A realm of Keycloak is one document, which has to be read whole."""

Place = str
"""Where in the file something is: `line 3`, `item 3`, or nothing where there is one object only."""


def read_values(path: str) -> list[tuple[Place, Any]]:
    """Return the JSON document of a file, or those of its lines; `-` stands for standard input.

    Raises:
        Failure: it cannot be read, is too large, or is not JSON.
    """
    try:
        with open(sys.stdin.fileno() if path == "-" else Path(path), "rb", closefd=path != "-") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE:
        raise Failure(f"{path} is longer than {MAX_FILE:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failure(f"{path} is not UTF-8 text") from None
    try:
        return [("", _parse(text))]
    except (ValueError, RecursionError):
        return list(_lines(text))


def _lines(text: str) -> Iterator[tuple[Place, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", _parse(line)
            except (ValueError, RecursionError) as error:
                reason = error if isinstance(error, _Twice) else "is not JSON"
                raise Failure(f"line {number}: {reason}") from None


class _Twice(ValueError):
    """An object has two members of one name: which of them counts, nobody can tell."""


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise _Twice("an object has two members of one name")
    return read


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
