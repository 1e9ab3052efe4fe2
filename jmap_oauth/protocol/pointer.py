"""JSON Pointer (RFC 6901), as far as result references and patches have it in common."""

from __future__ import annotations

import re
from collections.abc import Iterable

_BAD_ESCAPE = re.compile("~(?![01])")


def split_pointer(pointer: str) -> tuple[str, ...]:
    """Return the names that a pointer without its first slash is made of.

    Raises:
        ValueError: a "~" begins no escape.
    """
    if _BAD_ESCAPE.search(pointer):
        raise ValueError("'~' must be written '~0', and '/' in a name '~1' (RFC 6901)")
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/"))


def join_pointer(names: Iterable[str]) -> str:
    """Return the pointer, without its first slash, that `split_pointer` splits into these names."""
    return "/".join(name.replace("~", "~0").replace("/", "~1") for name in names)
