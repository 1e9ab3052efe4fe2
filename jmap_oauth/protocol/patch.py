"""PatchObject (RFC 8620 section 5.3): changes by JSON Pointers that lack their first slash."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from jmap_oauth.protocol.pointer import split_pointer


class PatchError(ValueError):
    """A patch that is none; `pointer` is the offending key."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer
        self.reason = reason


def apply_patch(old: Mapping[str, Any], patch: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that the patch names, with their new values.

    Values are taken over unchecked, but for structure. A property set to null gets its default, if it has one; a
    deeper null removes the member. `old` is not changed.

    Raises:
        PatchError: a pointer is malformed, is a prefix of another, or its parent does not exist or is no object.
    """
    changed: dict[str, Any] = {}
    pointers = {pointer: _split(pointer) for pointer in patch}
    _refuse_prefixes(pointers)
    for pointer, (name, *path) in pointers.items():
        if path:
            if name not in changed:  # copied once, not for each of what may be many members
                changed[name] = copy.deepcopy(old.get(name))
            _set_member(_parent(changed[name], pointer, path), path[-1], patch[pointer])
        else:
            changed[name] = defaults.get(name) if patch[pointer] is None else patch[pointer]
    return changed


def _split(pointer: str) -> tuple[str, ...]:
    try:
        return split_pointer(pointer)
    except ValueError as error:
        raise PatchError(pointer, str(error)) from None


def _refuse_prefixes(pointers: Mapping[str, tuple[str, ...]]) -> None:
    """Sorted, a path stands right before those that it is a prefix of."""
    ordered = sorted(pointers, key=pointers.__getitem__)
    for shorter, longer in pairwise(ordered):
        if pointers[longer][: len(pointers[shorter])] == pointers[shorter]:
            raise PatchError(longer, f"{shorter!r} is patched as well, and holds it")


def _parent(value: Any, pointer: str, path: Sequence[str]) -> dict[str, Any]:
    """Return the object in `value` that holds, or shall hold, the last name of `path`."""
    for name in path[:-1]:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise PatchError(pointer, "there is no object to hold it")
    return value


def _set_member(parent: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        parent.pop(name, None)
    else:
        parent[name] = value
