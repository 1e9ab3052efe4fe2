"""The schema document of the server (`/api/schema`), as the commands read it: types, their fields, filters and sorts.

What this version does not know in it is left alone: a kind of value is only asked for its name, so that a newer
server can still be worked with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jmap_oauth.cli.terminal import Failure, near

MASK = "****"
"""What a secret reads as."""

_METADATA = "metadata"
_SECTIONS = ("objects", "fields", "lists")


class UnknownName(Failure):
    """A type, field, filter or sort is asked for that the server does not have; the text suggests the nearest."""


@dataclass(frozen=True)
class Field:
    """A property. `kind` is its type as the document describes it."""

    name: str
    description: str
    kind: Mapping[str, Any]
    update: str
    is_write_only: bool = False

    @property
    def type(self) -> str:
        return str(self.kind.get("type"))

    @property
    def is_nullable(self) -> bool:
        return bool(self.kind.get("nullable"))

    @property
    def is_secret(self) -> bool:
        return self.kind.get("format") in {"secret", "secretText"}

    @property
    def is_server_set(self) -> bool:
        return self.update == "serverSet"

    @property
    def refers_to(self) -> str | None:
        """Return the name of the type to which it refers."""
        return self.kind.get("objectName") if self.type == "objectId" else None


@dataclass(frozen=True)
class Type:
    """A served type. `name` begins with `x:`; `label` is the property that people know an object by."""

    name: str
    description: str
    fields: Mapping[str, Field]
    columns: Sequence[str]
    filters: Mapping[str, Mapping[str, Any]]
    sorts: Sequence[str]
    label: str | None

    @property
    def short(self) -> str:
        return self.name.removeprefix("x:")

    @property
    def is_read_only(self) -> bool:
        return all(each.is_server_set for each in self.fields.values())

    def field(self, name: str) -> Field:
        """Return a field.

        Raises:
            UnknownName: there is none of that name.
        """
        if name not in self.fields:
            raise UnknownName(f"{name} is not a field of {self.short}{near(name, [*self.fields, 'id'])}")
        return self.fields[name]

    @property
    def has_exact_label(self) -> bool:
        """Tell whether objects can be asked for by their label."""
        return self.label is not None and self.filters.get(self.label, {}).get("type") == "text"


@dataclass(frozen=True)
class Schema:
    """All served types, under their names."""

    types: Mapping[str, Type]

    def type(self, name: str) -> Type:
        """Return a type; case does not matter, nor whether `x:` is in front.

        Raises:
            UnknownName: there is none of that name.
        """
        wanted = name.lower().removeprefix("x:")
        if wanted not in self._by_lower:
            shorts = [each.short for each in self.types.values()]
            raise UnknownName(f"{name} is not a type of this server{near(wanted, shorts)}")
        return self._by_lower[wanted]

    @cached_property
    def _by_lower(self) -> Mapping[str, Type]:
        return {each.short.lower(): each for each in self.types.values()}


def read_schema(document: Any) -> Schema:
    """Read a schema document; what needs the metadata capability stands beside the rest in it, in the same shape.

    Raises:
        Failure: it has another shape than this version knows.
    """
    try:
        metadata = document.get(_METADATA) or {}
        objects, fields, lists = (document[each] for each in _SECTIONS)
        more_objects, more_fields, more_lists = (metadata.get(each) or {} for each in _SECTIONS)
        types = {
            name: _type(
                name,
                described["description"],
                _properties(fields, name) | _properties(more_fields, name),
                _list(lists, name),
                _list(more_lists, name),
            )
            for name, described in {**more_objects, **objects}.items()
        }
        return Schema({name: types[name] for name in [*objects, *more_objects]})
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Failure("the schema of the server cannot be read; it may be of a newer version") from None


def _properties(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(fields[name]["properties"]) if name in fields else {}


def _list(lists: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = lists.get(name) or {}
    return {**found, **{each: found.get(each) or [] for each in ("columns", "filters", "sort")}}


def _type(
    name: str, description: str, properties: Mapping[str, Any], shown: Mapping[str, Any], more: Mapping[str, Any]
) -> Type:
    return Type(
        name=name,
        description=description,
        fields={
            field: Field(
                field,
                str(each["description"]),
                dict(each["type"]),
                str(each["update"]),
                is_write_only=each.get("writeOnly") is True,
            )
            for field, each in properties.items()
        },
        columns=[str(each["name"]) for each in shown["columns"] or more["columns"]],
        filters={str(each["field"]): dict(each) for each in [*shown["filters"], *more["filters"]]},
        sorts=list(dict.fromkeys([*map(str, shown["sort"]), *map(str, more["sort"]), "id"])),
        label=shown.get("labelProperty") or more.get("labelProperty"),
    )
