"""Ids of objects: opaque, URL-safe, never reused, and ascending in the order they were made."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Final

NOBODY: Final = "-"
"""An id that no object has: asked for where there is none to ask for, so that all refusals ask for as much."""

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"  # base32hex: its order is the order of the numbers
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_RANDOM_BITS = 77  # with 48 bits of milliseconds: 125 bits, 25 characters of base32


class _Last:
    """The last number given out; a lock keeps ids of the same millisecond in order across threads."""

    lock = threading.Lock()
    number = 0


def new_id() -> str:
    """Return a new id: the letter "i" and 25 characters, milliseconds first, then chance."""
    number = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    with _Last.lock:
        if number <= _Last.number:  # the same millisecond, or a clock that was set back
            number = _Last.number + 1 + secrets.randbits(_RANDOM_BITS // 2)
        _Last.number = number
    return "i" + "".join([_PAIRS[number >> shift & 1023] for shift in range(115, 0, -10)]) + _ALPHABET[number & 31]


def is_id(text: str) -> bool:
    """Tell whether a text could be an Id at all (RFC 8620 section 1.2)."""
    return 0 < len(text) <= 255 and text.isascii() and text.replace("-", "a").replace("_", "a").isalnum()
