"""JSON as people write it for a server: I-JSON (RFC 7493), where no name stands twice and every number is one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from jmap_oauth.cli.terminal import Failure

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(Failure):
    """A text is no JSON at all."""


class _NoNumber(Exception):
    """There is a number that JSON has not, or that no double holds; what is said of it before and after its place."""


def read_json(content: bytes | str) -> Any:
    """Read a JSON text.

    Raises:
        NotJson: it is none.
        Failure: a name stands twice in an object, a number is none, or half a character; as with NotJson the text goes
            behind the name of what was read, such as `has NaN at limits/0, which is not JSON`.
    """
    try:
        text = content if isinstance(content, str) else content.decode()
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError:
        raise NotJson("is not UTF-8 text") from None
    except _NoNumber as error:
        before, after = error.args
        raise Failure(f"{before}{_place(text)}{after}") from None
    except (ValueError, RecursionError):
        raise NotJson("is not JSON") from None
    if _SURROGATE.search(text):
        _check_characters(value)
    return value


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Failure("has half of a character (a surrogate without the other)") from None


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise Failure(f"names {name} twice")
        read[name] = value
    return read


def _refuse(name: str) -> None:
    raise _NoNumber(f"has {name}", ", which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _NoNumber("has a number that is too large", "")
    return number


def _place(text: str) -> str:
    """Say where the first number is that is none, as far as the text can be read."""
    try:
        path = next(_wrong_numbers(json.loads(text), ()), ())
    except (ValueError, RecursionError):
        return ""
    return f" at {'/'.join(path)}" if path else ""


def _wrong_numbers(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the names and indices that lead to numbers that are none."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _wrong_numbers(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _wrong_numbers(each, (*path, str(index)))
    elif isinstance(value, float) and not math.isfinite(value):
        yield path
