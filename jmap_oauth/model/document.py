"""The schema document: types in the words that Stalwart's CLI and web interface are built from.

They know a fixed vocabulary of types and formats, and the CLI reads none of a document that holds another word. All
eight sections must be there, empty or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from jmap_oauth.model.definition import Filter, ObjectType, Property, Section
from jmap_oauth.model.kinds import Choice, Date, Document, Kind, MapOf, Number, Reference, SetOf, Text


@dataclass(frozen=True, slots=True)
class Group:
    """A heading of a menu, the name of its icon, and the names of the types below it."""

    name: str
    icon: str
    types: Sequence[str]


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu of the web interface. A type that is in none cannot be reached there."""

    name: str
    icon: str
    groups: Sequence[Group]


def describe(types: Iterable[ObjectType], menus: Sequence[Menu]) -> dict[str, Any]:
    """Return the schema document of types that every client sees.

    It holds no hidden property, none that needs a capability, and no Document: the clients have a word only for objects
    whose members are known.
    """
    model = {each.name: each for each in types}
    shown = [*model.values()]
    return {
        "objects": {_wire_name(each): _object(each) for each in shown},
        "schemas": {_wire_name(each): {"type": "single", "schemaName": _wire_name(each)} for each in shown},
        "fields": {_wire_name(each): _fields(_shown(each)) for each in shown},
        "forms": {_wire_name(each): _form(each) for each in shown},
        "lists": {_wire_name(each): _list(each) for each in shown},
        "enums": {each.enum_name: _enum(each) for each in _choices(shown)},
        "dashboards": [],
        "layouts": [_layout(model, each) for each in menus],
    }


def encode(document: Mapping[str, Any]) -> bytes:
    """Write a document as JSON, indented for people, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _wire_name(type: ObjectType) -> str:
    return f"x:{type.name}"


def _shown(type: ObjectType) -> Mapping[str, Property]:
    everywhere = type.visible(frozenset())
    return {name: each for name, each in everywhere.items() if not isinstance(each.kind, Document)}


def _object(type: ObjectType) -> dict[str, Any]:
    return {"type": "object", "description": type.description, "permissionPrefix": type.permission}


def _fields(properties: Mapping[str, Property]) -> dict[str, Any]:
    defaults = {name: each.initial for name, each in properties.items() if each.has_default and each.initial}
    described = {name: _field(each) for name, each in properties.items()}
    return {"properties": described, **({"defaults": defaults} if defaults else {})}


def _field(each: Property) -> dict[str, Any]:
    kind = each.kind.describe() | ({"format": "secret"} if each.secret else {})
    update = "serverSet" if each.server_set else "immutable" if each.immutable else "mutable"
    return {
        "description": each.description,
        "type": kind | ({"nullable": True} if each.nullable else {}),
        "update": update,
    }


def _form(type: ObjectType) -> dict[str, Any]:
    sections = type.form or [Section(_title(type.singular), list(_shown(type)))]
    return {"sections": [{"title": each.title, "fields": _labelled(type, each.properties)} for each in sections]}


def _list(type: ObjectType) -> dict[str, Any]:
    described = {
        "title": _title(type.plural),
        "subtitle": type.description,
        "singularName": type.singular,
        "pluralName": type.plural,
        "columns": _labelled(type, type.list_columns),
        "filters": list(_filters(type)),
        "sort": [name for name, each in _shown(type).items() if each.sort],
    }
    return described | ({"labelProperty": type.label_property} if type.label_property else {})


def _filters(type: ObjectType) -> Iterator[dict[str, Any]]:
    """Yield the filters that both clients can show; booleans, for one, they cannot."""
    if type.searchable:
        yield {"type": "text", "field": "text", "label": "Text"}
    for name, each in _shown(type).items():
        if described := _filter(each.filter, each.kind):
            yield described | {"field": name, "label": each.label}


def _filter(filter: Filter | None, kind: Kind) -> dict[str, Any] | None:
    match filter, kind:
        case Filter.EXACT, Text():
            return {"type": "text"}
        case Filter.EXACT, Choice():
            return {"type": "enum", "enumName": kind.enum_name}
        case Filter.EXACT, Reference():
            return {"type": "objectId", "objectName": f"x:{kind.type_name}"}
        case Filter.RANGE, Date():
            return {"type": "date"}
        case Filter.RANGE, Number():
            return {"type": "integer"}
    return None


def _choices(types: Iterable[ObjectType]) -> Iterator[Choice]:
    for kind in (each.kind for type in types for each in _shown(type).values()):
        match kind:
            case (Choice() as choice) | SetOf(member=Choice() as choice) | MapOf(key=choice):
                yield choice


def _enum(choice: Choice) -> list[dict[str, str]]:
    return [{"name": name, "label": label} for name, label in choice.labels.items()]


def _layout(model: Mapping[str, ObjectType], menu: Menu) -> dict[str, Any]:
    containers = [
        {"container": {"name": each.name, "icon": each.icon, "items": [_link(model[name]) for name in each.types]}}
        for each in menu.groups
    ]
    return {"name": menu.name, "icon": menu.icon, "items": containers}


def _link(type: ObjectType) -> dict[str, str]:
    return {"type": "link", "name": _title(type.plural), "viewName": _wire_name(type)}


def _labelled(type: ObjectType, names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name, "label": type.by_name[name].label} for name in names]


def _title(words: str) -> str:
    """Write each word with a capital; str.title would spoil those that have more than one."""
    return " ".join(word[0].upper() + word[1:] for word in words.split())
