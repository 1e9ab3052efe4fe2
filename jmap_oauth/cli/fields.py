"""What is written on the command line, read as the schema says: values of fields, conditions, sorts, lists of names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jmap_oauth.cli.input_file import read_input
from jmap_oauth.cli.schema import Field, Type, UnknownName
from jmap_oauth.cli.strict_json import NotJson, read_json
from jmap_oauth.cli.terminal import Failure, near

MAX_FILE = 16_000_000
"""Bytes of a file with an object; far more than the server takes."""

_OPERATORS = {
    ">=": "IsGreaterThanOrEqual",
    "<=": "IsLessThanOrEqual",
    ">": "IsGreaterThan",
    "<": "IsLessThan",
    "=": "",
}
_CONDITION = re.compile(r"([^<>=]+)(>=|<=|>|<|=)(.*)", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EQUAL_ONLY = frozenset({"text", "enum", "objectId"})
_STRUCTURED = frozenset({"set", "map", "object", "objectList"})
_PLAIN = frozenset({"string", "enum", "objectId", "blobId", "utcDateTime"})


class WrongValue(UnknownName):
    """A value cannot be what its field needs; the text names the field."""


def read_assignments(type: Type, assignments: Iterable[str], is_update: bool) -> dict[str, Any]:
    """Read `name=value` pairs: properties of a new object, or a patch, where a name may be a JSON Pointer.

    Several values for one set are its members.

    Raises:
        UnknownName: a field is unknown, cannot be set, or has a value of the wrong kind.
    """
    read: dict[str, Any] = {}
    for text in assignments:
        name, value = _read_assignment(type, text, is_update)
        if name in read and not _are_members(read[name], value):
            raise WrongValue(f"{name} is given twice")
        read[name] = {**read[name], **value} if name in read else value
    return read


def _are_members(one: Any, other: Any) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)


def _read_assignment(type: Type, text: str, is_update: bool) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    is_pointer = "/" in name
    if is_pointer:  # a member's name may hold =, its value cannot
        name, equals, value = text.rpartition("=")
    if not equals:
        raise WrongValue("a field is written as name=value")
    field = settable(type, name.partition("/")[0])
    if not is_pointer:
        return name, read_value(field, value)
    if field.is_secret:
        raise _secret_argument(field)
    if not is_update:
        raise WrongValue(f"{field.name} is a new object's: it has no members to patch")
    return name, _json_or_text(name, value)


def settable(type: Type, name: str) -> Field:
    """Return a field that commands may set.

    Raises:
        UnknownName: there is none, or the server sets it.
    """
    field = type.field(name)
    if field.is_server_set:
        raise WrongValue(f"{name} is set by the server")
    return field


def read_value(field: Field, text: str) -> Any:
    """Read the value of a field.

    Raises:
        WrongValue: it is of the wrong kind, or a secret, which others could see among the arguments.
    """
    if text == "null" and field.is_nullable:
        return None
    if field.is_secret:
        raise _secret_argument(field)
    if field.type == "set" and text[:1] not in ("{", "["):
        return {text: True}
    if field.type in _STRUCTURED:
        return _structured(field, text)
    if field.type == "boolean":
        return _boolean(field, text)
    if field.type == "number":
        return _number(field.name, text)
    return text if field.type in _PLAIN else _json_or_text(field.name, text)


def _secret_argument(field: Field) -> WrongValue:
    return WrongValue(f"{field.name} is a secret, and others can see arguments: use --secret-file or --secret-env")


def _structured(field: Field, text: str) -> Any:
    try:
        value = read_json(text)
    except Failure as error:
        raise WrongValue(f"{field.name} {error}") from None
    if field.type == "set" and isinstance(value, list):
        return {str(member): True for member in value}
    return value


def _boolean(field: Field, text: str) -> bool:
    if text not in ("true", "false"):
        raise WrongValue(f"{field.name} must be true or false")
    return text == "true"


def _number(name: str, text: str) -> int | float:
    try:
        number = read_json(text)
    except Failure:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise WrongValue(f"{name} must be a number")
    return number


def _json_or_text(name: str, text: str) -> Any:
    try:
        return read_json(text)
    except NotJson:
        return text
    except Failure as error:
        raise WrongValue(f"{name} {error}") from None


def read_object(path: str) -> dict[str, Any]:
    """Read a JSON object from a file, `-` for standard input, as the properties of an object.

    Raises:
        Failure: it cannot be read, is too long, or is no JSON object.
    """
    content = read_input(path, MAX_FILE)
    try:
        value = read_json(content)
    except Failure as error:
        raise Failure(f"{path} {error}") from None
    if not isinstance(value, dict):
        raise Failure(f"{path} holds no JSON object")
    return value


def with_secret(type: Type, properties: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """Return properties with a secret added.

    Raises:
        UnknownName: the type has none that can be set.
    """
    return dict(properties) if secret is None else {**properties, settable(type, "secret").name: secret}


def read_filter(type: Type, conditions: Sequence[str]) -> dict[str, Any] | None:
    """Read conditions such as `text=mail` and `createdAt>=2026-01-31`; all of them must hold.

    Raises:
        UnknownName: a condition is not known or has a value of the wrong kind.
    """
    read = [_read_condition(type, each) for each in conditions]
    if len(read) <= 1:
        return read[0] if read else None
    return {"operator": "AND", "conditions": read}


def _read_condition(type: Type, text: str) -> dict[str, Any]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise WrongValue("a condition is written as name=value, or with >=, <=, > or <")
    name, operator, value = found[1].strip(), found[2], found[3]
    known = {each.lower(): each for each in [*type.fields, *type.filters]}
    if name.lower() not in known:
        raise UnknownName(f"{name} is no condition of {type.short}{near(name, type.filters)}")
    name = known[name.lower()]
    kind = type.filters[name]["type"] if name in type.filters else _kind_of(type.fields[name])
    if operator != "=" and kind in _EQUAL_ONLY:
        raise WrongValue(f"{name} is no date and no number: ask for it with =")
    return {name + _OPERATORS[operator]: _condition_value(name, kind, value)}


def _kind_of(field: Field) -> str:
    return {"utcDateTime": "date", "number": "integer"}.get(field.type, field.type)


def _condition_value(name: str, kind: str, text: str) -> Any:
    if text == "null" and kind != "text":
        return None
    if kind == "date" and _DAY.fullmatch(text):
        return f"{text}T00:00:00Z"
    if kind == "integer":
        return _number(name, text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def read_sort(type: Type, sorts: Iterable[str]) -> list[dict[str, Any]]:
    """Read names of properties to sort by; one with `-` in front descends.

    Raises:
        UnknownName: the type cannot be sorted by it.
    """
    read = []
    for each in split_names(sorts):
        name = each.removeprefix("-")
        if name not in type.sorts:
            raise UnknownName(f"{type.short} cannot be sorted by {name}{near(name, type.sorts)}")
        read.append({"property": name, "isAscending": not each.startswith("-")})
    return read


def read_names(type: Type, names: Iterable[str]) -> list[str]:
    """Read names of fields, which may stand in one text with commas between them; no name at all stands for all.

    Raises:
        UnknownName: a field is unknown, or nobody can read it.
    """
    return [name if name == "id" else _readable(type, name).name for name in split_names(names)]


def _readable(type: Type, name: str) -> Field:
    field = type.field(name)
    if field.is_write_only:
        raise WrongValue(f"{name} can be set, and nobody can read it")
    return field


def split_names(texts: Iterable[str]) -> list[str]:
    """Return the words between commas, each once."""
    return list(dict.fromkeys(word for text in texts for word in map(str.strip, text.split(",")) if word))
