"""Result references (RFC 8620 section 3.7): `#name` arguments whose value stands in an earlier answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.protocol.pointer import split_pointer

Answer = tuple[str, Raw, str]
"""(method name, arguments as JSON, method call id)"""


class ResultReference(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where the value of an argument stands."""

    result_of: str
    name: str
    path: str


MAX_VISITS = 100_000
"""Values that the `*` in the paths of one request may lead to: a path can visit much and find little."""


class Answers:
    """The answers of one request so far, and what later calls take from them.

    `limit` bounds bytes of JSON: of all answers together (`room` is what is left), of the values that one call takes
    over, each counted every time (calls that refer to one another would otherwise double an answer with every call),
    and of what all references read.
    """

    def __init__(self, limit: int) -> None:
        self.given: list[Answer] = []
        self.room = limit
        self._readable = limit
        self._visits = MAX_VISITS

    def add(self, name: str, result: Raw, call_id: str) -> None:
        self.room -= len(result)
        self.given.append((name, result, call_id))

    def resolve(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments with each `#name` replaced by `name` and the value it points to.

        Raises:
            MethodError: invalidArguments, invalidResultReference or requestTooLarge.
        """
        references = [name for name in arguments if name.startswith("#")]
        if not references:
            return arguments
        resolved = {name: value for name, value in arguments.items() if not name.startswith("#")}
        room = self.room
        for name in references:
            if name[1:] in resolved:
                raise MethodError(MethodErrorType.INVALID_ARGUMENTS, f"{name} is given as a value as well.")
            value = resolved[name[1:]] = self._look_up(name, arguments[name])
            room -= len(msgspec.json.encode(value))
            if room < 0:
                raise _too_large(name)
        return resolved

    def _look_up(self, name: str, given: Any) -> Any:
        try:
            reference = msgspec.convert(given, ResultReference)
        except msgspec.ValidationError as error:
            raise MethodError(MethodErrorType.INVALID_ARGUMENTS, f"{name} is no ResultReference: {error}") from None
        result = self._result(name, reference)
        self._readable -= len(result)
        if self._readable < 0:
            raise _too_large(name)
        try:
            return self._walk(name, msgspec.json.decode(result), _split(reference.path), 0)
        except ValueError:
            raise _failed(name, "path is no JSON Pointer (RFC 6901)") from None
        except LookupError:
            raise _failed(name, "path leads nowhere") from None

    def _result(self, name: str, reference: ResultReference) -> Raw:
        """Return the first answer to the call that is meant; another one under the same id does not count."""
        for method, result, call_id in self.given:
            if call_id == reference.result_of:
                if method == reference.name:
                    return result
                break
        raise _failed(name, "no answer of that name with that method call id comes before")

    def _walk(self, name: str, value: Any, tokens: Sequence[str], start: int) -> Any:
        """Follow a JSON Pointer; `*` maps the rest over an array and flattens arrays that come back, one level deep."""
        for position in range(start, len(tokens)):
            token = tokens[position]
            if isinstance(value, dict):
                value = value[token]
            elif not isinstance(value, list):
                raise LookupError
            elif token == "*":  # noqa: S105 - a pointer token, no password
                self._visits -= len(value)
                if self._visits < 0:
                    raise _too_large(name)
                return _flatten([self._walk(name, item, tokens, position + 1) for item in value])
            elif _INDEX.fullmatch(token):
                value = value[int(token)]
            else:
                raise LookupError
        return value


_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


def _split(path: str) -> Sequence[str]:
    if path and not path.startswith("/"):
        raise ValueError
    return split_pointer(path[1:]) if path else ()


def _flatten(values: list[Any]) -> list[Any]:
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def _failed(name: str, reason: str) -> MethodError:
    return MethodError(MethodErrorType.INVALID_RESULT_REFERENCE, f"{name} cannot be resolved: {reason}.")


def _too_large(name: str) -> MethodError:
    return MethodError(MethodErrorType.REQUEST_TOO_LARGE, f"What {name} refers to is too large to take over.")
