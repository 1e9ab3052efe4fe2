"""What has to be done so that the server has what a file says: nothing, create, update or delete, object by object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from jmap_oauth.cli.client import Client
from jmap_oauth.cli.found import SECRET, Found, is_kept_as
from jmap_oauth.cli.paging import Object, Pages, get_all
from jmap_oauth.cli.parts import Parts
from jmap_oauth.cli.plan_file import Entry, references, wrong_line
from jmap_oauth.cli.schema import MASK, Type, UnknownName
from jmap_oauth.cli.terminal import near

_AT_ONCE = 100
_NAMESAKES_AT_ONCE = 1_000
_BYTES_AT_ONCE = 4_000_000
_EXACT = frozenset({"text", "enum", "objectId"})

_METHODS_WITH_SECRET = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})

CREATE, UPDATE, DELETE, KEEP = "create", "update", "delete", "keep"


@dataclass(frozen=True)
class Step:
    """What is done with one object. `properties` are sent, but for a secret: `new_secret` says that there will be one.

    `before` are the values that it relies on: those that an update replaces, the label that a deletion goes by.
    """

    action: str
    type: str
    label: str
    line: int = 0
    id: str | None = None
    ref: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    new_secret: bool = False

    def written(self) -> bytes:
        """Return the step as a line of JSON."""
        return json.dumps(vars(self)).encode() + b"\n"


@dataclass(frozen=True)
class Mark:
    """The property and value by which objects are known to belong to a file; see `read_mark`."""

    property: str
    value: str


def read_mark(client: Client, text: str) -> Mark:
    """Read a label: `property=value`, or a value of `owner`.

    Raises:
        UnknownName: it is empty, no type has that property, or none can be asked for by it.
    """
    property, equals, value = text.partition("=")
    mark = Mark(property, value) if equals else Mark("owner", text)
    if not mark.value:  # such as an unset variable of the shell
        raise UnknownName("the label to prune by is empty")
    types = client.schema.types.values()
    if not any(_can_have(each, mark) for each in types):
        names = [name for each in types for name in each.fields if _can_have(each, Mark(name, ""))]
        raise UnknownName(f"objects cannot be told apart by {mark.property}{near(mark.property, names)}")
    return mark


def _can_have(type: Type, mark: Mark) -> bool:
    return mark.property in type.fields and type.filters.get(mark.property, {}).get("type") in _EXACT


class Planner:
    """Compares a file with a server.

    Of the file memory keeps the names by which lines refer to others, of the server which of the objects of one name
    are taken, and no more.
    """

    def __init__(self, client: Client, mark: Mark | None) -> None:
        self._client = client
        self._mark = mark
        self._types: list[Type] = []
        self._refs: dict[str, str] = {}
        self._taken: set[str] = set()

    def steps(self, entries: Iterable[Entry]) -> Iterator[Step]:
        """Yield a step for each entry, then the deletions, in an order in which they can be done.

        Raises:
            Failure: two entries are the same object (said when all have been compared), an object is not to be told
                from another, or what cannot change would have to.
        """
        with closing(Parts()) as lines:
            for type, group in groupby(entries, key=lambda entry: entry.type):
                if type not in self._types:
                    self._types.append(type)
                for batch in _batches(group):
                    yield from self._compare(type, batch, lines)
            _check_single(lines)
            for type in reversed(self._types):
                yield from self._deletions(type, lines)

    def _compare(self, type: Type, batch: list[Entry], lines: Parts) -> Iterator[Step]:
        """Compare entries, and note of each by what it is known: what the file has, and the id of what is there."""
        batch = [self._resolved(entry) for entry in batch]
        found = self._find(type, batch)
        objects = found.match(batch, self._taken)
        self._taken |= found.namesakes(objects.values())
        for entry in batch:
            object = objects.get(entry.line)
            lines.add(json.dumps([type.name, entry.label, entry.id]), [entry.line, type.short])
            if object is not None:
                lines.add(object["id"], [entry.line, type.short])
                if entry.ref:
                    self._refs[entry.ref] = object["id"]
            yield self._step(entry, self._desired(entry, object), object)

    def _resolved(self, entry: Entry) -> Entry:
        """Return an entry whose references to what is there are ids."""
        ids = {name: self._refs.get(target, f"#{target}") for name, target in references(entry.type, entry.properties)}
        return replace(entry, properties={**entry.properties, **ids})

    def _find(self, type: Type, batch: list[Entry]) -> Found:
        """Ask for all that the entries may be."""
        mark = self._mark_of(type)
        more = (type.label, mark and mark.property, SECRET if SECRET in type.fields else None)
        properties = list(
            dict.fromkeys(name for each in (*[entry.properties for entry in batch], more) for name in each if name)
        )
        found = Found(type, {mark.property: mark.value} if mark else {})
        conditions = [{type.label: label} for label in sorted({entry.label for entry in batch if entry.label})]
        filter = {"operator": "OR", "conditions": conditions} if type.has_exact_label else None
        if conditions or filter is None:
            for page in Pages(self._client, type, filter=filter, properties=properties):
                found.add(page)
        found.add(get_all(self._client, type, [entry.id for entry in batch if entry.id], properties))
        return found

    def _mark_of(self, type: Type) -> Mark | None:
        return self._mark if self._mark and _can_have(type, self._mark) else None

    def _desired(self, entry: Entry, object: Object | None) -> dict[str, Any]:
        """Return the properties as they should be, with the label put on."""
        desired = dict(entry.properties)
        mark = self._mark_of(entry.type)
        if mark is not None:
            for other in (desired.get(mark.property), object and object[mark.property]):
                if other not in (None, mark.value):
                    raise entry.wrong(f"{mark.property} of {entry.label} is {other}, not {mark.value}")
            desired[mark.property] = mark.value
        return desired

    def _step(self, entry: Entry, desired: dict[str, Any], object: Object | None) -> Step:
        label = str(entry.label or (object or {}).get(entry.type.label or "") or entry.id)
        new_secret = _needs_secret(entry.type, desired) and (object is None or object[SECRET] is None)
        desired.pop(SECRET, None)
        if object is None:
            return Step(
                CREATE, entry.type.name, label, entry.line, ref=entry.ref, properties=desired, new_secret=new_secret
            )
        patch = {name: value for name, value in desired.items() if not is_kept_as(value, object[name])}
        for name in patch:
            if entry.type.fields[name].update == "immutable":
                raise entry.wrong(f"{name} of {entry.type.short} {label} cannot be changed any more")
        mark = self._mark_of(entry.type)
        relied_on = (*patch, *([SECRET] if new_secret else []), *([mark.property] if mark else []))
        before = {name: object[name] for name in relied_on}
        action = UPDATE if patch or new_secret else KEEP
        return Step(
            action, entry.type.name, label, entry.line, object["id"], properties=patch, before=before,
            new_secret=new_secret,
        )  # fmt: skip

    def _deletions(self, type: Type, lines: Parts) -> Iterator[Step]:
        """Yield what carries the label and is not in the file; only types that are in the file are looked at."""
        mark = self._mark_of(type)
        if mark is None:
            return
        properties = [type.label] if type.label else []
        with closing(Parts()) as marked:
            for page in Pages(self._client, type, filter={mark.property: mark.value}, properties=properties):
                for each in page:
                    marked.add(each["id"], str(each.get(type.label or "") or each["id"]))
            for part, known in zip(marked, lines, strict=True):
                ids = {id for id, _ in known}
                for id, label in part:
                    if id not in ids:
                        yield Step(DELETE, type.name, label, id=id, before={mark.property: mark.value})


def _check_single(lines: Parts) -> None:
    """Hold that no two lines are the same object; of those that are, the first is told."""
    same = min(_same(lines), default=None)
    if same is not None:
        line, earlier, type = same
        raise wrong_line(line, f"is the same {type} as line {earlier}")


def _same(lines: Parts) -> Iterator[tuple[int, int, str]]:
    """Yield each line that is the same object as an earlier one, that line, and the type."""
    for part in lines:
        first: dict[str, int] = {}
        for key, (line, type) in part:
            if first.setdefault(key, line) != line:
                yield line, first[key], type


def _needs_secret(type: Type, properties: Mapping[str, Any]) -> bool:
    """Tell whether an object must have a secret: it had one, its method needs one, or its type is nothing without."""
    if SECRET not in type.fields:
        return False
    method = properties.get("tokenEndpointAuthMethod")
    is_made = type.fields[SECRET].update != "mutable"
    return is_made or properties.get(SECRET) == MASK or (isinstance(method, str) and method in _METHODS_WITH_SECRET)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut entries into parts; those of one name that follow each other stay together, for they are told apart so."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        most = _NAMESAKES_AT_ONCE if batch and entry.label == batch[-1].label else _AT_ONCE
        if len(batch) >= most or size > _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch
