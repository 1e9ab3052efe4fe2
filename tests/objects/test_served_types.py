"""The served types together, and the document that describes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jmap_oauth.access.policy import permissions_of
from jmap_oauth.model.definition import DeclarationError, Model
from jmap_oauth.objects import schema_document, served_types
from tests.model.schema_words import unknown_words
from tests.support import write_schema

MODEL = Model(served_types(frozenset()))
DOCUMENT = schema_document(MODEL)
METADATA = DOCUMENT["metadata"]


def test_the_types_do_not_contradict_each_other() -> None:
    assert [each.name for each in MODEL] == ["OAuthClient", "OAuthClientSecret", "Tenant", "ApiKey", "AuditEvent"]
    assert MODEL.account_type is MODEL["Tenant"]


def test_clients_and_keys_belong_to_tenants() -> None:
    referring = [(type.name, each.name) for type, each in MODEL.referring_to(MODEL["Tenant"])]
    assert referring == [("OAuthClient", "memberTenantId"), ("ApiKey", "memberTenantId")]


def test_all_types_are_of_the_capability_that_their_documentation_names() -> None:
    others = {each.name: each.capability for each in MODEL if each.capability != "urn:stalwart:jmap"}
    assert others == {"OAuthClientSecret": "urn:jmap-oauth:metadata"}


def test_a_key_can_be_allowed_every_action_on_every_type_and_the_metrics() -> None:
    choices = MODEL["ApiKey"].by_name["permissions"].kind.describe()["class"]
    listed = {each["name"]: each["label"] for each in DOCUMENT["enums"][choices["enumName"]]}
    assert listed == permissions_of(MODEL)
    assert len(listed) == sum(len(each.actions) for each in MODEL) + 1
    assert listed["sysApiKeyDestroy"] == "Destroy API keys"


def test_a_scheme_that_can_never_be_allowed_stops_the_start() -> None:
    with pytest.raises(DeclarationError, match=r"^OAuthClient\.redirectUris cannot allow the scheme 'javascript'\.$"):
        served_types(frozenset({"javascript"}))


def test_every_word_of_the_document_is_one_that_the_clients_know() -> None:
    assert list(unknown_words(DOCUMENT)) == []


def test_every_type_is_in_the_menu_of_its_part_of_the_document() -> None:
    for part in (DOCUMENT, METADATA):
        links = [
            link["viewName"]
            for menu in part["layouts"]
            for item in menu["items"]
            for link in item["container"]["items"]
        ]
        assert set(links) == set(part["objects"]) - ({*DOCUMENT["objects"]} if part is METADATA else set())


def test_the_document_has_the_types_that_need_no_further_capability() -> None:
    assert set(DOCUMENT["objects"]) == {f"x:{name}" for name in MODEL.types if name != "OAuthClientSecret"}


def test_every_property_on_the_wire_is_described_once() -> None:
    for type in MODEL:
        parts = [
            part["fields"].get(f"x:{type.name}", {"properties": {}})["properties"] for part in (DOCUMENT, METADATA)
        ]
        assert sorted([*parts[0], *parts[1]]) == sorted(type.visible(frozenset({"urn:jmap-oauth:metadata"})))


def test_what_needs_the_metadata_capability_is_under_metadata() -> None:
    assert list(METADATA) == [name for name in DOCUMENT if name != "metadata"]
    assert list(METADATA["objects"]) == ["x:OAuthClient", "x:OAuthClientSecret", "x:AuditEvent"]
    assert list(METADATA["fields"]["x:AuditEvent"]["properties"]) == ["changes"]
    assert METADATA["fields"]["x:OAuthClientSecret"]["properties"]["secretHash"]["writeOnly"] is True


def test_clients_can_be_filtered_by_what_the_metadata_capability_adds() -> None:
    filters = {each["field"]: each["type"] for each in METADATA["lists"]["x:OAuthClient"]["filters"]}
    assert filters == {"status": "enum", "owner": "text", "grantType": "text"}
    assert [each["name"] for each in METADATA["enums"]["OAuthClientStatus"]] == ["active", "disabled", "expired"]


def test_every_enum_that_metadata_names_is_there() -> None:
    assert {*_enums_named(METADATA["fields"])} <= METADATA["enums"].keys()
    assert {*_enums_named(METADATA["lists"])} <= METADATA["enums"].keys()


def _enums_named(value: Any) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if name == "enumName":
            yield inner
        elif isinstance(inner, dict | list):
            yield from _enums_named(inner)


@pytest.mark.parametrize("part", [DOCUMENT, METADATA], ids=["everyones", "metadata"])
def test_every_field_is_in_the_form_of_its_type_once(part: dict[str, Any]) -> None:
    for name, form in part["forms"].items():
        shown = [field["name"] for section in form["sections"] for field in section["fields"]]
        assert sorted(shown) == sorted(part["fields"][name]["properties"])


def test_the_form_of_a_client_has_the_order_and_labels_that_people_know() -> None:
    [first, second] = DOCUMENT["forms"]["x:OAuthClient"]["sections"]
    assert [first["title"], second["title"]] == ["OAuth Client", "Expiration"]
    assert {field["name"]: field["label"] for field in first["fields"] + second["fields"]} == {
        "clientId": "Client ID",
        "createdAt": "Created At",
        "memberTenantId": "Tenant",
        "description": "Description",
        "contacts": "Contact Emails",
        "secret": "Client Secret",
        "redirectUris": "Redirect URIs",
        "logo": "Logo",
        "expiresAt": "Expiration Date",
    }


def test_the_setting_for_redirect_uris_does_not_change_the_document() -> None:
    """So that the file describes every server."""
    assert schema_document(Model(served_types(frozenset({"stalwart"})))) == DOCUMENT


def test_the_schema_file_is_what_the_declarations_say() -> None:
    """If not: python -m tests.support.write_schema"""
    assert write_schema.PATH.read_bytes() == write_schema.generate()
