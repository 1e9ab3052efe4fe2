"""Kinds of property values: what each accepts from JSON, and what it is called in the schema document."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from jmap_oauth.model.ids import is_id
from jmap_oauth.model.text import has_bidi_controls, has_control_characters
from jmap_oauth.protocol.types import MAX_INTEGER


class Invalid(ValueError):
    """A value that is not of its kind. The reason is for people and never repeats the value."""


class Kind(Protocol):
    """A kind of value. `parse` returns the value as it is kept, or raises Invalid."""

    def parse(self, value: Any) -> Any: ...

    def describe(self) -> dict[str, Any]:
        """Return the `type` of a field in the schema document, without `nullable`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string of `min_length` to `max_length` characters, without control characters.

    `layout` lets tab and newline pass, `name` refuses bidi controls, `trim` drops white space at both ends, and
    `syntax` checks the rest: it returns the text as it is kept or raises Invalid.
    """

    max_length: int
    min_length: int = 0
    layout: bool = False
    name: bool = False
    trim: bool = False
    syntax: Callable[[str], str] | None = None
    format: str = "string"

    def parse(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid("must be a string")
        text = value.strip() if self.trim else value
        if len(text) < self.min_length:
            raise Invalid("must not be empty" if self.min_length == 1 else f"needs {self.min_length} characters")
        if len(text) > self.max_length:
            raise Invalid(f"must have at most {self.max_length} characters")
        if has_control_characters(text, allow_layout=self.layout):
            raise Invalid("must not hold control characters")
        if self.name and has_bidi_controls(text):
            raise Invalid("must not hold characters that change the direction of text")
        return self.syntax(text) if self.syntax else text

    def describe(self) -> dict[str, Any]:
        return {"type": "string", "format": self.format}


@dataclass(frozen=True, slots=True)
class Boolean:
    """true or false."""

    def parse(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid("must be true or false")
        return value

    def describe(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """An integer from `minimum` to `maximum`."""

    minimum: int = 0
    maximum: int = MAX_INTEGER

    def parse(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid("must be an integer")
        if not self.minimum <= value <= self.maximum:
            raise Invalid(f"must be from {self.minimum} to {self.maximum}")
        return value

    def describe(self) -> dict[str, Any]:
        return {"type": "number", "format": "unsignedInteger" if self.minimum >= 0 else "integer"}


# fromisoformat alone takes week dates, missing seconds and more, and another choice of them in every Python.
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,32})?(?:Z|[+-]\d\d:[0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Date:
    """A time: RFC 3339 with any offset comes in, `YYYY-MM-DDTHH:MM:SSZ` is kept; fractions are cut.

    "T" and "Z" must be in upper case (RFC 8620 section 1.4).
    """

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise Invalid("must be a date like 2026-01-31T12:00:00Z")
        try:
            moment = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Invalid("must be a date that exists, like 2026-01-31T12:00:00Z") from None
        if moment.year < 1970:
            raise Invalid("must be in the years 1970 to 9999")
        return format_date(moment)

    def describe(self) -> dict[str, Any]:
        return {"type": "utcDateTime"}


def format_date(moment: datetime) -> str:
    """Write a UTC time as `YYYY-MM-DDTHH:MM:SSZ`."""
    return moment.isoformat(timespec="seconds")[:19] + "Z"


def now() -> str:
    """Return the present second as `YYYY-MM-DDTHH:MM:SSZ`."""
    return _second(int(time.time()))


@lru_cache(maxsize=1)
def _second(since_1970: int) -> str:
    """Write a second; the many requests of one share it."""
    return format_date(datetime.fromtimestamp(since_1970, UTC))


@dataclass(frozen=True, slots=True)
class Reference:
    """The id of an object of another type, which cannot be destroyed as long as it is referred to.

    To its `owner` an object belongs: it is destroyed with it, and has its account. What `outlives` the other object
    keeps nobody from destroying that, and still names it then.
    """

    type_name: str
    owner: bool = False
    outlives: bool = False

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or not (is_id(value) or is_id(value.removeprefix("#"))):
            raise Invalid("must be an id")
        return value

    def describe(self) -> dict[str, Any]:
        return {"type": "objectId", "objectName": f"x:{self.type_name}"}


_FEW = 12
"""Names that a sentence may list."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a fixed set of names, each with a label for people."""

    enum_name: str
    labels: Mapping[str, str] = field(hash=False)

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.labels:
            few = len(self.labels) <= _FEW
            raise Invalid(f"must be one of {', '.join(self.labels)}" if few else f"must be a known {self.enum_name}")
        return value

    def describe(self) -> dict[str, Any]:
        return {"type": "enum", "enumName": self.enum_name}


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set of texts. On the wire `{"value": true}`, kept in order of insertion; false and null mean absent."""

    member: Text | Choice
    max_members: int = 100

    def parse(self, value: Any) -> dict[str, bool]:
        if not isinstance(value, dict):
            raise Invalid('must be an object like {"value": true}')
        if any(flag is not None and not isinstance(flag, bool) for flag in value.values()):
            raise Invalid("has a member that is neither true nor false")
        present = [name for name, flag in value.items() if flag]
        if len(present) > self.max_members:
            raise Invalid(f"must have at most {self.max_members} members")
        return {_parse_member(self.member, number, name): True for number, name in enumerate(present, 1)}

    def describe(self) -> dict[str, Any]:
        return {"type": "set", "class": self.member.describe()}


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object of any shape, of at most `max_size` bytes of JSON; `syntax` checks what is in it."""

    max_size: int
    syntax: Callable[[dict[str, Any]], None] | None = None

    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Invalid("must be an object")
        if len(msgspec.json.encode(value)) > self.max_size:
            raise Invalid(f"must have at most {self.max_size} bytes of JSON")
        if self.syntax:
            self.syntax(value)
        return value

    def describe(self) -> dict[str, Any]:
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class MapOf:
    """Values of one kind under names from a fixed set. A member set to null is absent."""

    key: Choice
    value: Number

    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Invalid("must be an object")
        present = [(name, item) for name, item in value.items() if item is not None]
        return {
            _parse_member(self.key, number, name): _parse_member(self.value, number, item)
            for number, (name, item) in enumerate(present, 1)
        }

    def describe(self) -> dict[str, Any]:
        return {"type": "map", "keyClass": self.key.describe(), "valueClass": self.value.describe()}


def _parse_member(kind: Kind, number: int, value: Any) -> Any:
    """Parse one member of a set or map; the reason tells which one it is by its number, so as not to repeat it."""
    try:
        return kind.parse(value)
    except Invalid as invalid:
        raise Invalid(f"has a wrong member, number {number}: it {invalid}") from None
