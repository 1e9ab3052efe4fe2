"""What the server should answer, in plain Python: dictionaries, lists and loops.

It shares no code with the server; filters and sorts are read as they are sent (RFC 8620 section 5.5).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

GLOBAL = "global"
SEARCHED = ("clientId", "description", "contacts", "redirectUris")
TEXTS = ("clientId", "description")

Object = dict[str, Any]


class AnchorNotFound(Exception):
    """The anchor is not among the results."""


class World:
    """All objects of a server, and how often each was changed."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self._versions: dict[str, int] = {}

    def keep(self, id: str, **values: Any) -> None:
        """Create an object, or change some of its values; the same values again are no change."""
        new = {**self.objects.get(id, {"id": id}), **values}
        if new != self.objects.get(id):
            self.objects[id] = new
            self._versions[id] = self._versions.get(id, 0) + 1

    def destroy(self, id: str) -> None:
        del self.objects[id]

    def seen(self, account: str) -> dict[str, Object]:
        """Return what an account sees."""
        every = self.objects.items()
        return {id: each for id, each in every if account in (GLOBAL, each["memberTenantId"])}

    def view(self, account: str) -> dict[str, int]:
        """Return what an account sees, as numbers that grow with every change."""
        return {id: self._versions[id] for id in self.seen(account)}

    def results(self, account: str, filter: Any, sort: list[Any]) -> list[str]:
        """Return the ids of all objects that match, in order."""
        found = [each for each in self.seen(account).values() if filter is None or matches(filter, each)]
        return [each["id"] for each in ordered(found, sort)]


def fold(old: dict[str, int], new: dict[str, int]) -> dict[str, list[str]]:
    """Return what /changes should tell between two views, each list in the order of ids (RFC 8620 section 5.2)."""
    return {
        "created": sorted(new.keys() - old.keys()),
        "updated": sorted(id for id in new.keys() & old.keys() if new[id] != old[id]),
        "destroyed": sorted(old.keys() - new.keys()),
    }


def window(ids: list[str], asked: dict[str, Any], maximum: int) -> dict[str, Any]:
    """Return `position`, `ids`, `total` and `limit` as /query should (RFC 8620 section 5.5)."""
    start = _start(ids, asked)
    limit = asked.get("limit")
    length = maximum if limit is None else min(limit, maximum)
    answer: dict[str, Any] = {"position": start, "ids": ids[start : start + length]}
    if asked.get("calculateTotal"):
        answer["total"] = len(ids)
    if length != limit and start + length < len(ids):
        answer["limit"] = maximum
    return answer


def _start(ids: list[str], asked: dict[str, Any]) -> int:
    anchor: str | None = asked.get("anchor")
    position: int = asked.get("position", 0)
    if anchor is None:
        return position if position >= 0 else max(len(ids) + position, 0)
    if anchor not in ids:
        raise AnchorNotFound(anchor)
    return max(ids.index(anchor) + int(asked.get("anchorOffset", 0)), 0)


# --- filters ---


def matches(filter: Any, object: Object) -> bool:
    if "operator" not in filter:
        return all(_holds(name, wanted, object) for name, wanted in filter.items())
    each = [matches(part, object) for part in filter["conditions"]]
    return {"AND": all(each), "OR": any(each), "NOT": not any(each)}[filter["operator"]]


def _holds(name: str, wanted: Any, object: Object) -> bool:
    if name == "text":
        there = [word for property in SEARCHED for text in _texts(object[property]) for word in words(text)]
        return all(any(word.startswith(prefix) for word in there) for prefix in words(wanted))
    property, _, test = name.partition("Is")
    value = object[property]
    if not test:
        return bool(value == wanted)
    return value is not None and _compares(value, test, wanted)


def _compares(value: str, test: str, wanted: str) -> bool:
    return {
        "GreaterThan": value > wanted,
        "GreaterThanOrEqual": value >= wanted,
        "LessThan": value < wanted,
        "LessThanOrEqual": value <= wanted,
    }[test]


def _texts(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else value or ()


def words(text: str) -> list[str]:
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return re.findall(r"[^\W_]+", plain.casefold())


# --- sorts ---


def ordered(objects: list[Object], sort: list[Any]) -> list[Object]:
    """Sort stably from the last comparator to the first: nulls last, ties by ascending id."""
    found = sorted(objects, key=lambda each: str(each["id"]))
    for comparator in reversed(sort or [{"property": "id", "isAscending": False}]):
        name, ascending = comparator["property"], comparator.get("isAscending", True)
        there = [each for each in found if each[name] is not None]
        there.sort(key=lambda each: _sort_key(name, each[name]), reverse=not ascending)
        found = there + [each for each in found if each[name] is None]
    return found


def _sort_key(name: str, value: str) -> str:
    return unicodedata.normalize("NFKD", value.upper()) if name in TEXTS else value
