"""The schema document: types in the words that Stalwart's CLI and web interface are built from.

They know a fixed vocabulary of types and formats, and the CLI reads none of a document that holds another word. All
eight sections must be there, empty or not. Neither looks at further members beside them: so what those clients cannot
know has its place there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from jmap_oauth.model.definition import Filter, ObjectType, Property, Section
from jmap_oauth.model.kinds import Boolean, Choice, Date, Document, Kind, MapOf, Number, Reference, SetOf, Text


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


@dataclass(frozen=True, slots=True)
class _Part:
    """What is told of a type in one place: `beside` what another place has, and in words `beyond` those of the clients
    or not."""

    type: ObjectType
    properties: Mapping[str, Property]
    filters: Sequence[Mapping[str, str]]
    status: Choice | None = None
    beside: bool = False
    beyond: bool = False


def describe(types: Iterable[ObjectType], menus: Sequence[Menu]) -> dict[str, Any]:
    """Return the schema document of types that every client sees.

    It holds no hidden property, none that needs a capability, and no Document: the clients have a word only for objects
    whose members are known. What of the menus is not among the types is left out.
    """
    return _sections([_part(each) for each in types], menus)


def describe_rest(types: Iterable[ObjectType], menus: Sequence[Menu], capability: str) -> dict[str, Any]:
    """Return, in the same eight sections, what `describe` has no place for and requests of a capability see.

    That is the types of the capability whole, and of others the properties that need it, Documents, and the filters
    that are flags or `status`. The words go beyond those of the clients: types `object` and filters `boolean`; and a
    field may tell that it is `required` or `writeOnly`, and the bounds of its values: `maxLength` in characters (of
    each member, for sets), `maxMembers`, `minimum`, `maximum`, `maxSize` in bytes of JSON.
    """
    parts = [_rest_of(each, capability) for each in types]
    return _sections([each for each in parts if each.properties or each.filters], menus)


def _sections(parts: Sequence[_Part], menus: Sequence[Menu]) -> dict[str, Any]:
    named = {_wire_name(each.type): each for each in parts}
    links = {each.type.name: _link(each.type) for each in parts if not each.beside}
    return {
        "objects": {name: _object(each.type) for name, each in named.items()},
        "schemas": {name: {"type": "single", "schemaName": name} for name in named},
        "fields": {name: _fields(each) for name, each in named.items()},
        "forms": {name: _form(each) for name, each in named.items()},
        "lists": {name: _list(each) for name, each in named.items()},
        "enums": {each.enum_name: _enum(each) for each in _choices(parts)},
        "dashboards": [],
        "layouts": [_layout(links, each) for each in menus if any(links.keys() & group.types for group in each.groups)],
    }


def _part(type: ObjectType) -> _Part:
    shown = _shown(type)
    return _Part(type, shown, [*_text_filter(type), *_filters(each for each in shown.values() if not _is_flag(each))])


def _rest_of(type: ObjectType, capability: str) -> _Part:
    told = {} if type.capability == capability else _shown(type)
    properties = {name: each for name, each in type.visible(frozenset({capability})).items() if name not in told}
    status = Choice(f"{type.name}Status", type.status.labels) if type.status else None
    filters = [
        *(() if told else _text_filter(type)),
        *([status.describe() | {"field": "status", "label": "Status"}] if status else []),
        *_filters([*(each for each in told.values() if _is_flag(each)), *properties.values()]),
    ]
    return _Part(type, properties, filters, status, beside=bool(told), beyond=True)


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


def _is_flag(each: Property) -> bool:
    """Tell whether the clients have no filter for it."""
    return isinstance(each.kind, Boolean)


def _fields(part: _Part) -> dict[str, Any]:
    defaults = {name: each.initial for name, each in part.properties.items() if each.has_default and each.initial}
    described = {name: _field(each) | (_facts(each) if part.beyond else {}) for name, each in part.properties.items()}
    return {"properties": described, **({"defaults": defaults} if defaults else {})}


def _field(each: Property) -> dict[str, Any]:
    kind = each.kind.describe() | ({"format": "secret"} if each.secret else {})
    update = "serverSet" if each.server_set else "immutable" if each.immutable else "mutable"
    return {
        "description": each.description,
        "type": kind | ({"nullable": True} if each.nullable else {}),
        "update": update,
    }


def _facts(each: Property) -> dict[str, Any]:
    """Return what a form can tell its user beforehand."""
    flags = {"required": each.required, "writeOnly": not each.is_readable}
    return {**{name: True for name, holds in flags.items() if holds}, **({} if each.server_set else _bounds(each.kind))}


def _bounds(kind: Kind) -> dict[str, int]:
    match kind:
        case Text():
            return {"maxLength": kind.max_length}
        case Number():
            return {"minimum": kind.minimum, "maximum": kind.maximum}
        case SetOf():
            return {"maxMembers": kind.max_members, **_bounds(kind.member)}
        case Document():
            return {"maxSize": kind.max_size}
    return {}


def _form(part: _Part) -> dict[str, Any]:
    sections = part.type.form or [Section(_title(part.type.singular), list(part.properties))]
    described = [{"title": each.title, "fields": _labelled(part, each.properties)} for each in sections]
    return {"sections": [each for each in described if each["fields"]]}


def _list(part: _Part) -> dict[str, Any]:
    type = part.type
    described = {
        "title": _title(type.plural),
        "subtitle": type.description,
        "singularName": type.singular,
        "pluralName": type.plural,
        "columns": _labelled(part, type.list_columns),
        "filters": part.filters,
        "sort": [name for name, each in part.properties.items() if each.sort],
    }
    return described | ({"labelProperty": type.label_property} if type.label_property and not part.beside else {})


def _text_filter(type: ObjectType) -> list[dict[str, str]]:
    return [{"type": "text", "field": "text", "label": "Text"}] if type.searchable else []


def _filters(properties: Iterable[Property]) -> Iterator[dict[str, str]]:
    for each in properties:
        if described := _filter(each.filter, each.kind):
            yield described | {"field": each.name_in_filters, "label": each.label}


def _filter(filter: Filter | None, kind: Kind) -> dict[str, str] | None:
    match filter, kind:
        case Filter.EXACT, Text():
            return {"type": "text"}
        case Filter.EXACT, Choice() | Reference() | Boolean():
            return kind.describe()
        case Filter.MEMBER, SetOf():
            return _filter(Filter.EXACT, kind.member)
        case Filter.RANGE, Date():
            return {"type": "date"}
        case Filter.RANGE, Number():
            return {"type": "integer"}
    return None


def _choices(parts: Iterable[_Part]) -> Iterator[Choice]:
    for part in parts:
        yield from [part.status] if part.status else []
        for kind in (each.kind for each in part.properties.values()):
            match kind:
                case (Choice() as choice) | SetOf(member=Choice() as choice) | MapOf(key=choice):
                    yield choice


def _enum(choice: Choice) -> list[dict[str, str]]:
    return [{"name": name, "label": label} for name, label in choice.labels.items()]


def _layout(links: Mapping[str, Mapping[str, str]], menu: Menu) -> dict[str, Any]:
    containers = [
        {"name": each.name, "icon": each.icon, "items": [links[name] for name in each.types if name in links]}
        for each in menu.groups
    ]
    return {
        "name": menu.name,
        "icon": menu.icon,
        "items": [{"container": each} for each in containers if each["items"]],
    }


def _link(type: ObjectType) -> dict[str, str]:
    return {"type": "link", "name": _title(type.plural), "viewName": _wire_name(type)}


def _labelled(part: _Part, names: Iterable[str]) -> list[dict[str, str]]:
    """Name those of some properties that are in a part, with labels."""
    shown = [part.properties[name] for name in names if name in part.properties]
    return [{"name": each.name, "label": each.label} for each in shown]


def _title(words: str) -> str:
    """Write each word with a capital; str.title would spoil those that have more than one."""
    return " ".join(word[0].upper() + word[1:] for word in words.split())
