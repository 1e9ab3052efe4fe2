"""Which of the server's objects the lines of a file are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import groupby
from typing import Any

from jmap_oauth.cli.paging import Object
from jmap_oauth.cli.plan_file import Entry
from jmap_oauth.cli.schema import Type
from jmap_oauth.protocol.types import is_same_json

SECRET = "secret"  # noqa: S105  # the name of the property


class Found:
    """Objects of the server by what an entry may know them by. Those that have `owned` go before others."""

    def __init__(self, type: Type, owned: Mapping[str, Any]) -> None:
        self._type = type
        self._owned = owned
        self._by_id: dict[str, Object] = {}
        self._by_label: dict[str, dict[str, Object]] = {}

    def add(self, objects: Iterable[Object]) -> None:
        for each in objects:
            self._by_id[each["id"]] = each
            self._by_label.setdefault(self._label(each), {})[each["id"]] = each

    def match(self, batch: Sequence[Entry], taken: Set[str]) -> dict[int, Object]:
        """Return the objects that entries are, by their lines: that of the id, else one of the label; see `_pair`.

        `taken` are the ids of what earlier entries are, as far as it has to be noted; see `namesakes`.

        Raises:
            Failure: the id is of another object than the label, or it cannot be told which object an entry is.
        """
        matched = {entry.line: self._by_id[entry.id] for entry in batch if entry.id in self._by_id}
        gone = taken | {each["id"] for each in matched.values()}
        self._check_labels([entry for entry in batch if entry.line in matched], gone)
        others = sorted((entry for entry in batch if entry.line not in matched), key=_label)  # in order in each label
        for label, entries in groupby(others, key=_label):
            matched |= _pair(list(entries), self._free(label, gone))
        return matched

    def namesakes(self, objects: Iterable[Object]) -> set[str]:
        """Return the ids of those that are not told from others by a label: they share it, or have none."""
        labels = ((each["id"], self._label(each)) for each in objects)
        return {id for id, label in labels if not label or len(self._by_label[label]) > 1}

    def _check_labels(self, entries: Iterable[Entry], gone: Set[str]) -> None:
        for entry in entries:
            same = self._by_label.get(_label(entry), {}) if entry.label else {}
            if entry.id not in same and same.keys() - gone:
                raise entry.wrong(f"{entry.id} and {entry.label} are two of the server's objects")

    def _free(self, label: str, gone: Set[str]) -> list[Object]:
        free = [each for id, each in self._by_label.get(label, {}).items() if id not in gone]
        return sorted(free, key=lambda each: (not is_as(self._owned, each), each["id"]))

    def _label(self, object: Object) -> str:
        return object.get(self._type.label or "") or ""


def _label(entry: Entry) -> str:
    return entry.label or ""


def _pair(entries: Sequence[Entry], free: list[Object]) -> dict[int, Object]:
    """Pair entries of one label with objects of it. What stays alone is new, or no concern of the file.

    Names need not be unique, and ids are not those of the server that a file comes from. So what is equal is one, in
    the order of lines and ids, which is that in which a file was applied: it finds again what it has made. Then one
    entry and one object that are left are one. More could be taken for each other, and the holder of one key get the
    permissions of another, so somebody has to say which is which. What has no label is only known by being equal.

    Raises:
        Failure: an entry may be several objects, or several entries one.
    """
    pairs: dict[int, Object] = {}
    for entry in entries:
        equal = next((number for number, each in enumerate(free) if is_as(entry.properties, each)), None)
        if equal is not None:
            pairs[entry.line] = free.pop(equal)
    left = [entry for entry in entries if entry.line not in pairs and entry.label]
    if left and free:
        if len(left) > 1 or len(free) > 1:
            what = f"{len(free)} objects and {len(left)} lines that differ" if len(left) > 1 else f"{len(free)} objects"
            raise left[0].wrong(f"{left[0].label} stands for {what}: name one by its id")
        pairs[left[0].line] = free[0]
    return pairs


def is_as(properties: Mapping[str, Any], object: Object) -> bool:
    """Tell whether an object has these values. Nobody can tell that of a secret."""
    return all(is_kept_as(value, object[name]) for name, value in properties.items() if name != SECRET)


def is_kept_as(value: Any, kept: Any) -> bool:
    """Tell whether a value is what the server has, which drops white space at both ends of some texts."""
    if isinstance(value, str):
        return kept in (value, value.strip())
    return is_same_json(value, kept)
