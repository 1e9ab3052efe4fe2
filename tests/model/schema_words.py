"""The vocabulary of Stalwart's schema documents: one word beyond it, and their CLI refuses the whole document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

STRING_FORMATS = {
    *("string", "ipAddress", "ipNetwork", "socketAddress", "emailAddress"),
    *("secret", "secretText", "uri", "color", "text", "html"),
}
FIELD_KEYS: Mapping[str, set[str]] = {
    "string": {"format"},
    "number": {"format"},
    "utcDateTime": set(),
    "boolean": set(),
    "enum": {"enumName"},
    "objectId": {"objectName"},
    "set": {"class"},
    "map": {"keyClass", "valueClass"},
}
FILTER_KEYS: Mapping[str, set[str]] = {
    "text": set(),
    "date": set(),
    "integer": set(),
    "enum": {"enumName"},
    "objectId": {"objectName"},
}
FORMATS = {"string": STRING_FORMATS, "number": {"integer", "unsignedInteger", "float", "size", "duration"}}
LIST_KEYS = {"title", "subtitle", "singularName", "pluralName", "columns"}
MORE_LIST_KEYS = {"labelProperty", "filters", "sort"}


def unknown_words(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every place of a schema document where the clients would stumble, as a sentence."""
    for name, each in document["objects"].items():
        if each.keys() != {"type", "description", "permissionPrefix"} or each["type"] != "object":
            yield f"objects/{name} is wrong: {each}"
    for name, each in document["fields"].items():
        for field, described in each["properties"].items():
            yield from _unknown_in_field(document, f"fields/{name}/{field}", described)
    for name, each in document["forms"].items():
        fields = document["fields"][name]["properties"]
        for section in each["sections"]:
            yield from (f"forms/{name} shows {it}" for it in section["fields"] if not _labels(it, fields))
    for name, each in document["lists"].items():
        yield from _unknown_in_list(document, f"lists/{name}", each, document["fields"][name]["properties"])
    for layout in document["layouts"]:
        yield from _unknown_in_layout(document, layout)


def _unknown_in_field(document: Mapping[str, Any], place: str, field: Mapping[str, Any]) -> Iterator[str]:
    if field.keys() != {"description", "type", "update"}:
        yield f"{place} has the keys {list(field)}"
    if field["update"] not in {"mutable", "immutable", "serverSet"}:
        yield f"{place} is {field['update']}"
    yield from _unknown_in_type(document, place, field["type"])


def _unknown_in_type(document: Mapping[str, Any], place: str, type: Mapping[str, Any]) -> Iterator[str]:
    name = type["type"]
    if type.keys() - {"nullable"} != {"type"} | FIELD_KEYS.get(name, {"?"}) or type.get("nullable", True) is not True:
        yield f"{place} has the type {type}"
    if name in FORMATS and type["format"] not in FORMATS[name]:
        yield f"{place} has the format {type['format']}"
    yield from _dangling(document, place, type)
    for inner in ("class", "keyClass", "valueClass"):
        if inner in type:
            yield from _unknown_in_type(document, f"{place}/{inner}", type[inner])


def _dangling(document: Mapping[str, Any], place: str, type: Mapping[str, Any]) -> Iterator[str]:
    if type.get("enumName", "") not in {"", *document["enums"]}:
        yield f"{place} names the enum {type['enumName']}"
    if type.get("objectName", "") not in {"", *document["objects"]}:
        yield f"{place} names the object {type['objectName']}"


def _unknown_in_list(
    document: Mapping[str, Any], place: str, each: Mapping[str, Any], fields: Mapping[str, Any]
) -> Iterator[str]:
    if not each.keys() >= LIST_KEYS or not each.keys() <= LIST_KEYS | MORE_LIST_KEYS:
        yield f"{place} has the keys {list(each)}"
    if {*each["sort"], each.get("labelProperty", each["sort"][0])} - fields.keys():
        yield f"{place} sorts or labels by what is no field"
    yield from (f"{place} shows {it}" for it in each["columns"] if not _labels(it, fields))
    for it in each["filters"]:
        if it.keys() != {"type", "field", "label"} | FILTER_KEYS.get(it["type"], {"?"}):
            yield f"{place} has the filter {it}"
        yield from _dangling(document, place, it)


def _labels(item: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return item.keys() == {"name", "label"} and item["name"] in fields and bool(item["label"])


def _unknown_in_layout(document: Mapping[str, Any], layout: Mapping[str, Any]) -> Iterator[str]:
    for item in layout["items"]:
        for link in item["container"]["items"]:
            if link.keys() != {"type", "name", "viewName"} or link["viewName"] not in document["lists"]:
                yield f"layouts/{layout['name']} has the item {link}"
