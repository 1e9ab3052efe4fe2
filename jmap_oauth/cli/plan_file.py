"""Files of `snapshot` and `apply`: one object a line, as JSON, read line by line however many there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from jmap_oauth.cli.fields import settable
from jmap_oauth.cli.schema import MASK, Schema, Type, UnknownName
from jmap_oauth.cli.strict_json import read_json
from jmap_oauth.cli.terminal import Failure, near

MAX_LINE = 1_300_000
"""Bytes of a line: an object of the largest size that the server takes, with every character escaped."""

_MEMBERS = ("type", "id", "ref", "properties")
_REF = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,199}")


@dataclass(frozen=True)
class Entry:
    """A line: an object as it should be. `ref` is the name by which later lines refer to it, as `#ref`.

    `size` is that of the line in bytes.
    """

    line: int
    type: Type
    id: str | None
    ref: str | None
    properties: Mapping[str, Any]
    size: int

    @property
    def label(self) -> str | None:
        return self.properties.get(self.type.label) if self.type.label else None

    def wrong(self, what: str) -> Failure:
        return wrong_line(self.line, what)


def wrong_line(line: int, what: str) -> Failure:
    """Return the error of a line."""
    return Failure(f"line {line}: {what}")


def write_line(type: Type, id: str, ref: str | None, properties: Mapping[str, Any]) -> str:
    """Return the line of an object, in ASCII."""
    entry = {"type": type.short, "id": id, **({"ref": ref} if ref else {}), "properties": properties}
    return json.dumps(entry).replace("\x7f", "\\u007f") + "\n"


def read_plan(file: IO[bytes], schema: Schema) -> Iterator[Entry]:
    """Read the lines of a file as they are wanted; empty ones are passed over.

    Raises:
        Failure: a line is too long, no JSON object of this form, or names what the server does not have.
    """
    refs: dict[str, str] = {}
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), 1):
        if len(line) > MAX_LINE:
            raise wrong_line(number, f"is longer than {MAX_LINE:,} bytes")
        if not line.strip():
            continue
        try:
            entry = _read_entry(number, line, schema)
        except (Failure, ValueError) as error:
            raise wrong_line(number, str(error)) from None
        _check_refs(entry, refs)
        yield entry


def _parse(line: bytes) -> dict[str, Any]:
    value = read_json(line)
    if not isinstance(value, dict):
        raise Failure("is no JSON object")
    return value


def _read_entry(number: int, line: bytes, schema: Schema) -> Entry:
    value = _parse(line)
    for name in value:
        if name not in _MEMBERS:
            raise Failure(f"{name} is none of {', '.join(_MEMBERS)}{near(name, _MEMBERS)}")
    type_name, id, ref, properties = (value.get(name) for name in _MEMBERS)
    if not isinstance(type_name, str) or not isinstance(properties, dict):
        raise Failure("needs a type and properties")
    if not (id is None or isinstance(id, str)) or not (ref is None or (isinstance(ref, str) and _REF.fullmatch(ref))):
        raise Failure("id must be a text, ref a letter with letters, digits, - and _ behind it")
    type = schema.type(type_name)
    read = {name: _value(type, name, each) for name, each in properties.items()}
    entry = Entry(number, type, id, ref, read, len(line))
    if not (entry.label or id):
        raise Failure(f"needs {type.label or 'id'}, by which the object is known")
    return entry


def _value(type: Type, name: str, value: Any) -> Any:
    """Return a value as the server would keep it, so that it can be compared with what the server has."""
    field = settable(type, name)
    if field.is_write_only:
        raise UnknownName(f"{name} cannot be read, so nobody can tell whether it is as it should be")
    if field.is_secret and value != MASK:
        raise UnknownName(f'{name} may be "{MASK}", for one that stays as it is or is made anew, and nothing else')
    if name == type.label and not (value is None and field.is_nullable):
        if not isinstance(value, str):
            raise UnknownName(f"{name} must be a text")
        return value.strip()
    if field.type == "set" and (value is None or isinstance(value, dict)):
        kept = _network if field.kind.get("class", {}).get("format") == "ipNetwork" else str
        return {kept(member): True for member, is_there in (value or {}).items() if is_there is True}
    if field.type == "map" and isinstance(value, dict):
        return {name: each for name, each in value.items() if each is not None}
    return _date(value) if field.type == "utcDateTime" and isinstance(value, str) else value


def _network(text: str) -> str:
    from ipaddress import ip_network

    try:
        return str(ip_network(text))
    except ValueError:
        return text  # the server says what is wrong with it


def _date(text: str) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return text  # the server says what is wrong with it


def _check_refs(entry: Entry, refs: dict[str, str]) -> None:
    """Hold that each reference is to an earlier line of the right type, and no two lines have the same name."""
    for name, target in references(entry.type, entry.properties):
        if refs.get(target) != entry.type.fields[name].refers_to:
            raise entry.wrong(f"{name} refers to #{target}, which no earlier line of its type is named")
    if entry.ref in refs:
        raise entry.wrong(f"the ref {entry.ref} is taken by an earlier line")
    if entry.ref is not None:
        refs[entry.ref] = entry.type.name


def references(type: Type, properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the properties that refer to lines of the file, each with the name it refers to."""
    for name, value in properties.items():
        if type.fields[name].refers_to and isinstance(value, str) and value.startswith("#"):
            yield name, value[1:]
