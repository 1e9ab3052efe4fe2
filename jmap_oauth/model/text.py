"""What text means: its words for search, its key for sorting, and which characters it may hold.

Every backend stores and compares what these functions return, so all of them agree.
"""

from __future__ import annotations

import re
import unicodedata

COLLATION = "i;unicode-casemap"

_WORD = re.compile(r"[^\W_]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def words(text: str) -> list[str]:
    """Return the distinct words of a text, in order: runs of letters and digits without marks and case."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.category(character).startswith("M"))
    return list(dict.fromkeys(_WORD.findall(text.casefold())))


def sort_key(text: str) -> str:
    """Return the key by which `i;unicode-casemap` (RFC 5051) compares texts: code point by code point."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", "".join(_titlecase(character) for character in text))


def _titlecase(character: str) -> str:
    """Return the simple titlecase mapping; where Python's full one is longer, there is no simple one."""
    title = character.title()
    return title if len(title) == 1 else character


def has_control_characters(text: str, *, allow_layout: bool = False) -> bool:
    """Tell whether a text holds control characters; `allow_layout` lets tab, newline and carriage return pass."""
    return bool((_CONTROL_BUT_LAYOUT if allow_layout else _CONTROL).search(text))


def has_bidi_controls(text: str) -> bool:
    """Tell whether a text holds characters that turn its direction round, and with it what a reader sees."""
    return bool(_BIDI.search(text))
