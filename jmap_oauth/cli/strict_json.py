"""JSON as people write it for a server: I-JSON (RFC 7493), where no name stands twice and every number is one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from jmap_oauth.cli.terminal import Failure


def read_json(content: bytes | str) -> Any:
    """Read a JSON text.

    Raises:
        Failure: it is none; the text goes behind the name of what was read, such as `is not JSON`.
    """
    try:
        text = content if isinstance(content, str) else content.decode()
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError:
        raise Failure("is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise Failure("is not JSON") from None


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise Failure(f"names {name} twice")
        read[name] = value
    return read


def _no_number(name: str) -> None:
    raise Failure(f"has {name}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Failure("has a number that is too large")
    return number
