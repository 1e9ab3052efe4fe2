"""The served types together, and the document that describes them."""

from __future__ import annotations

import pytest

from jmap_oauth.access.policy import permissions_of
from jmap_oauth.model.definition import DeclarationError, Model
from jmap_oauth.objects import MENU, schema_document, served_types
from tests.model.schema_words import unknown_words
from tests.support import write_schema

MODEL = Model(served_types(frozenset()))
DOCUMENT = schema_document(MODEL)


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


def test_every_type_of_the_document_is_in_the_menu() -> None:
    assert {f"x:{name}" for group in MENU.groups for name in group.types} == set(DOCUMENT["objects"])


def test_the_document_has_the_types_that_need_no_further_capability() -> None:
    assert set(DOCUMENT["objects"]) == {f"x:{name}" for name in MODEL.types if name != "OAuthClientSecret"}


@pytest.mark.parametrize("name", list(DOCUMENT["fields"]))
def test_every_field_is_in_the_form_of_its_type_once(name: str) -> None:
    shown = [field["name"] for section in DOCUMENT["forms"][name]["sections"] for field in section["fields"]]
    assert sorted(shown) == sorted(DOCUMENT["fields"][name]["properties"])


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
