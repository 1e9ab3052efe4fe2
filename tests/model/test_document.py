"""The schema document of the pretend types, in the words that Stalwart's clients know."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from jmap_oauth.model.definition import Filter, Model, Property, Secret, Section
from jmap_oauth.model.document import Group, Menu, describe, describe_rest, encode
from jmap_oauth.model.kinds import Choice, Document, Kind, Number, SetOf, Text
from jmap_oauth.model.status import Case, Status
from tests.model.schema_words import unknown_words
from tests.support.widget import CAPABILITY, EXTRA, TEAM, WIDGET, make_model

MENU = Menu("Things", "box", [Group("All", "list", ["Team", "Widget"])])
DOCUMENT = describe(make_model(), [MENU])
REST = describe_rest(make_model(), [MENU], EXTRA)


def test_the_eight_sections_are_there() -> None:
    sections = ["objects", "schemas", "fields", "forms", "lists", "enums", "dashboards", "layouts"]
    assert list(DOCUMENT) == sections
    assert DOCUMENT["dashboards"] == []


def test_a_document_without_types_has_all_sections_too() -> None:
    empty = describe(Model([]), [])
    assert list(empty) == list(DOCUMENT)
    assert not any(empty.values())


def test_every_word_is_one_that_the_clients_know() -> None:
    assert list(unknown_words(DOCUMENT)) == []


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (("objects", "x:Team", "type"), "thing"),
        (("fields", "x:Team", "properties", "name", "update"), "never"),
        (("fields", "x:Team", "properties", "name", "type", "format"), "name"),
        (("fields", "x:Team", "properties", "quotas", "type", "keyClass", "enumName"), "Gone"),
        (("fields", "x:Widget", "properties", "tags", "type", "class", "type"), "list"),
        (("fields", "x:Widget", "properties", "teamId", "type", "objectName"), "x:Gone"),
        (("lists", "x:Widget", "labelProperty"), "gone"),
        (("lists", "x:Widget", "filters", 0, "type"), "words"),
        (("forms", "x:Widget", "sections", 0, "fields", 0, "name"), "gone"),
        (("layouts", 0, "items", 0, "container", "items", 0, "viewName"), "x:Gone"),
    ],
)
def test_a_word_that_the_clients_do_not_know_would_be_found(path: tuple[str | int, ...], word: str) -> None:
    spoilt = deepcopy(DOCUMENT)
    inner: Any = spoilt
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = word
    assert list(unknown_words(spoilt))


def test_objects_and_schemas_name_the_types() -> None:
    assert DOCUMENT["objects"] == {
        "x:Widget": {"type": "object", "description": "A thing to test with", "permissionPrefix": "sysWidget"},
        "x:Team": {"type": "object", "description": "Whoever widgets belong to", "permissionPrefix": "sysTeam"},
    }
    assert DOCUMENT["schemas"] == {
        "x:Widget": {"type": "single", "schemaName": "x:Widget"},
        "x:Team": {"type": "single", "schemaName": "x:Team"},
    }


STRING = {"type": "string", "format": "string"}


@pytest.mark.parametrize(
    ("name", "type", "update"),
    [
        ("code", STRING, "mutable"),
        ("note", STRING | {"nullable": True}, "mutable"),
        ("tags", {"type": "set", "class": STRING}, "mutable"),
        ("secret", {"type": "string", "format": "secret", "nullable": True}, "mutable"),
        ("token", {"type": "string", "format": "secret"}, "serverSet"),
        ("createdAt", {"type": "utcDateTime"}, "serverSet"),
        ("endsAt", {"type": "utcDateTime", "nullable": True}, "mutable"),
        ("teamId", {"type": "objectId", "objectName": "x:Team", "nullable": True}, "mutable"),
        ("maker", STRING, "immutable"),
        ("size", {"type": "number", "format": "unsignedInteger", "nullable": True}, "mutable"),
        ("isHeavy", {"type": "boolean"}, "mutable"),
    ],
)
def test_a_field_tells_its_type_and_who_may_change_it(name: str, type: dict[str, Any], update: str) -> None:
    described = WIDGET.by_name[name].description
    assert DOCUMENT["fields"]["x:Widget"]["properties"][name] == {
        "description": described,
        "type": type,
        "update": update,
    }


def test_fields_are_those_that_every_client_sees_in_the_order_of_the_table() -> None:
    assert list(DOCUMENT["fields"]["x:Widget"]["properties"]) == list(WIDGET.visible(frozenset()))


def test_defaults_are_those_that_a_form_would_not_show_by_itself() -> None:
    assert DOCUMENT["fields"]["x:Widget"]["defaults"] == {"maker": "us"}
    assert "defaults" not in DOCUMENT["fields"]["x:Team"]


def test_a_map_names_the_kinds_of_its_keys_and_values() -> None:
    quotas = DOCUMENT["fields"]["x:Team"]["properties"]["quotas"]["type"]
    key, value = {"type": "enum", "enumName": "TeamQuota"}, {"type": "number", "format": "unsignedInteger"}
    assert quotas == {"type": "map", "keyClass": key, "valueClass": value}
    assert DOCUMENT["enums"] == {"TeamQuota": [{"name": "maxWidgets", "label": "Widgets"}]}


def test_a_form_without_sections_shows_all_fields_under_the_name_of_the_type() -> None:
    [section] = DOCUMENT["forms"]["x:Team"]["sections"]
    fields = [{"name": "name", "label": "Name"}, {"name": "quotas", "label": "Quotas"}]
    assert section == {"title": "Team", "fields": fields}


def test_a_form_has_the_sections_that_are_declared() -> None:
    sections = (Section("First", ("quotas",)), Section("Then", ("name",)))
    document = describe(Model([WIDGET, replace(TEAM, form=sections)]), [])
    assert document["forms"]["x:Team"]["sections"] == [
        {"title": "First", "fields": [{"name": "quotas", "label": "Quotas"}]},
        {"title": "Then", "fields": [{"name": "name", "label": "Name"}]},
    ]


def test_a_list_has_columns_filters_and_sorts() -> None:
    assert DOCUMENT["lists"]["x:Widget"] == {
        "title": "Widgets",
        "subtitle": "A thing to test with",
        "singularName": "widget",
        "pluralName": "widgets",
        "columns": [{"name": "code", "label": "Code"}, {"name": "note", "label": "Note"}],
        "filters": [
            {"type": "text", "field": "text", "label": "Text"},
            {"type": "text", "field": "code", "label": "Code"},
            {"type": "date", "field": "endsAt", "label": "Ends at"},
            {"type": "objectId", "objectName": "x:Team", "field": "teamId", "label": "Team"},
        ],
        "sort": ["code", "note", "createdAt", "endsAt", "size"],
        "labelProperty": "code",
    }


def odd(kind: Kind, **flags: Any) -> dict[str, Any]:
    """Describe a Widget with one more property, "odd"."""
    also = Property(name="odd", kind=kind, label="Odd", description="", **flags)
    widget = replace(WIDGET, properties=(*WIDGET.properties, also), label_property=None)
    return describe(Model([widget, TEAM]), [])


def test_numbers_and_choices_have_filters_of_their_own() -> None:
    number = odd(Number(minimum=-1), filter=Filter.RANGE, default=0)
    assert number["lists"]["x:Widget"]["filters"][-1] == {"type": "integer", "field": "odd", "label": "Odd"}
    choice = odd(Choice("Colour", {"red": "Red"}), filter=Filter.EXACT, default="red")
    expected = {"type": "enum", "enumName": "Colour", "field": "odd", "label": "Odd"}
    assert choice["lists"]["x:Widget"]["filters"][-1] == expected


@pytest.mark.parametrize("kind", [Choice("Colour", {"red": "Red"}), SetOf(Choice("Colour", {"red": "Red"}))])
def test_the_names_of_a_choice_are_listed_wherever_it_stands(kind: Kind) -> None:
    assert odd(kind, nullable=True)["enums"]["Colour"] == [{"name": "red", "label": "Red"}]


def test_a_type_without_label_property_names_none() -> None:
    assert "labelProperty" not in odd(Text(max_length=5), nullable=True)["lists"]["x:Widget"]


def test_names_of_more_than_one_word_get_capitals_and_keep_their_own() -> None:
    team = replace(TEAM, singular="red JSON team", plural="red JSON teams")
    document = describe(Model([WIDGET, team]), [MENU])
    assert document["lists"]["x:Team"]["title"] == "Red JSON Teams"
    assert document["forms"]["x:Team"]["sections"][0]["title"] == "Red JSON Team"


def test_a_layout_links_to_its_types() -> None:
    links = [
        {"type": "link", "name": "Teams", "viewName": "x:Team"},
        {"type": "link", "name": "Widgets", "viewName": "x:Widget"},
    ]
    container = {"name": "All", "icon": "list", "items": links}
    assert DOCUMENT["layouts"] == [{"name": "Things", "icon": "box", "items": [{"container": container}]}]


def test_what_is_hidden_or_needs_a_capability_is_nowhere() -> None:
    assert {"origin", "extra", "Origin", "Extra"}.isdisjoint(_texts(DOCUMENT))


def test_an_object_of_any_shape_is_nowhere() -> None:
    assert "odd" not in _texts(odd(Document(100), nullable=True))


def test_the_rest_is_told_in_the_same_sections() -> None:
    assert list(REST) == list(DOCUMENT)
    assert REST["objects"] == {"x:Widget": DOCUMENT["objects"]["x:Widget"]}
    assert REST["schemas"] == {"x:Widget": DOCUMENT["schemas"]["x:Widget"]}


def test_the_rest_has_what_needs_the_capability_with_the_bounds_of_its_values() -> None:
    assert REST["fields"]["x:Widget"]["properties"] == {
        "extra": {
            "description": "There only with the extra capability",
            "type": STRING | {"nullable": True},
            "update": "mutable",
            "maxLength": 50,
        }
    }
    assert REST["forms"]["x:Widget"]["sections"] == [
        {"title": "Widget", "fields": [{"name": "extra", "label": "Extra"}]}
    ]


def test_the_rest_of_a_list_has_the_filters_that_the_clients_cannot_show() -> None:
    assert REST["lists"]["x:Widget"]["filters"] == [
        {"type": "boolean", "field": "isHeavy", "label": "Heavy"},
        {"type": "text", "field": "extra", "label": "Extra"},
    ]
    assert REST["lists"]["x:Widget"]["sort"] == ["extra"]
    assert "labelProperty" not in REST["lists"]["x:Widget"]


def test_columns_and_sections_are_divided_as_their_properties_are() -> None:
    sections = (Section("Both", ("code", "extra")), Section("First", ("note",)), Section("Then", ("extra",)))
    model = Model([replace(WIDGET, list_columns=("extra", "code"), form=sections), TEAM])
    everyones, rest = describe(model, []), describe_rest(model, [], EXTRA)
    code, extra = {"name": "code", "label": "Code"}, {"name": "extra", "label": "Extra"}
    assert [each["lists"]["x:Widget"]["columns"] for each in (everyones, rest)] == [[code], [extra]]
    assert [each["title"] for each in everyones["forms"]["x:Widget"]["sections"]] == ["Both", "First"]
    assert rest["forms"]["x:Widget"]["sections"] == [
        {"title": "Both", "fields": [extra]},
        {"title": "Then", "fields": [extra]},
    ]


def test_a_type_of_the_capability_is_told_whole_and_linked_to() -> None:
    whole = describe_rest(make_model(), [MENU], CAPABILITY)
    assert whole["layouts"] == DOCUMENT["layouts"]
    assert list(whole["fields"]["x:Widget"]["properties"]) == list(DOCUMENT["fields"]["x:Widget"]["properties"])
    assert whole["lists"]["x:Widget"]["labelProperty"] == "code"
    assert whole["lists"]["x:Widget"]["filters"][0] == {"type": "text", "field": "text", "label": "Text"}
    assert whole["fields"]["x:Team"]["properties"]["name"]["required"] is True


def test_types_that_are_told_already_are_not_linked_to_again() -> None:
    assert REST["layouts"] == []


def rest_of(kind: Kind, **flags: Any) -> dict[str, Any]:
    """Describe the rest of a Widget with one more property, "odd", that needs the capability."""
    also = Property(name="odd", kind=kind, label="Odd", description="", capability=EXTRA, **flags)
    widget = replace(WIDGET, properties=(*WIDGET.properties, also))
    return describe_rest(Model([widget, TEAM]), [], EXTRA)


@pytest.mark.parametrize(
    ("kind", "flags", "bounds"),
    [
        (Number(minimum=-1, maximum=5), {}, {"minimum": -1, "maximum": 5}),
        (SetOf(Text(max_length=20), max_members=7), {}, {"maxMembers": 7, "maxLength": 20}),
        (Document(100), {}, {"maxSize": 100}),
        (Text(max_length=9), {"secret": Secret.HASH, "immutable": True}, {"writeOnly": True, "maxLength": 9}),
        (Text(max_length=9), {"server_set": True}, {}),
    ],
)
def test_a_field_of_the_rest_tells_what_a_form_has_to_know(
    kind: Kind, flags: dict[str, Any], bounds: dict[str, Any]
) -> None:
    field = rest_of(kind, nullable=True, **flags)["fields"]["x:Widget"]["properties"]["odd"]
    assert {name: field[name] for name in field if name not in ("description", "type", "update")} == bounds


def test_members_of_a_set_are_filtered_by_under_the_name_of_the_filter() -> None:
    described = rest_of(SetOf(Text(max_length=5)), filter=Filter.MEMBER, filter_name="one")
    assert described["lists"]["x:Widget"]["filters"][-1] == {"type": "text", "field": "one", "label": "Odd"}


def test_an_object_of_any_shape_is_in_the_rest_whoever_sees_it() -> None:
    also = Property(name="odd", kind=Document(100), label="Odd", description="", nullable=True)
    described = describe_rest(Model([WIDGET, replace(TEAM, properties=(*TEAM.properties, also))]), [], EXTRA)
    assert described["fields"]["x:Team"]["properties"]["odd"]["type"] == {"type": "object", "nullable": True}


def test_the_status_is_a_filter_of_the_rest() -> None:
    status = Status((Case("heavy", "Heavy", "isHeavy", holds=True),), otherwise=("light", "Light"))
    described = describe_rest(Model([replace(WIDGET, status=status), TEAM]), [], EXTRA)
    expected = {"type": "enum", "enumName": "WidgetStatus", "field": "status", "label": "Status"}
    assert described["lists"]["x:Widget"]["filters"][0] == expected
    assert described["enums"] == {
        "WidgetStatus": [{"name": "light", "label": "Light"}, {"name": "heavy", "label": "Heavy"}]
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _texts(inner)
    if isinstance(value, str):
        yield value


def test_the_document_is_written_indented_with_a_newline_at_its_end() -> None:
    written = encode(DOCUMENT)
    assert msgspec.json.decode(written) == DOCUMENT
    assert written.startswith(b'{\n  "objects": {\n')
    assert written.endswith(b"\n}\n")
