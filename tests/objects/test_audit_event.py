"""x:AuditEvent: what is told of a change, and to which account."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.audit import Audited
from jmap_oauth.model.definition import MASK, Model, Record
from jmap_oauth.model.ids import is_id
from jmap_oauth.objects import served_types
from jmap_oauth.objects.audit_event import MAX_VALUE, audit_events

MODEL = Model(served_types(frozenset()))
CLIENT, KEY = MODEL["OAuthClient"], MODEL["ApiKey"]
NOW = "2026-11-21T12:00:00Z"
ADA = Principal(id="ikey", name="Ada", remote_ip="192.0.2.7", request_id="r1")


def client(**values: Any) -> Record:
    initial = {each.name: each.initial if each.has_default else None for each in CLIENT.properties}
    return {"id": "iclient", **initial, "clientId": "a", "createdAt": NOW, **values}


def events(old: Record | None, new: Record | None, *secrets: str, type: Any = CLIENT) -> list[Record]:
    [made] = audit_events(ADA, NOW, [Audited(type, old, new, frozenset(secrets))]).values()
    return list(made)


def changes(old: Record | None, new: Record | None, *secrets: str) -> Mapping[str, Any]:
    [event] = events(old, new, *secrets)
    diff: Mapping[str, Any] = event["changes"]
    return diff


def test_an_event_has_every_property_of_its_type() -> None:
    [event] = events(None, client(memberTenantId="itenant"))
    assert is_id(event.pop("id"))
    assert event == {
        "at": NOW,
        "actorId": "ikey",
        "actorName": "Ada",
        "remoteIp": "192.0.2.7",
        "requestId": "r1",
        "action": "create",
        "objectType": "x:OAuthClient",
        "objectId": "iclient",
        "memberTenantId": "itenant",
        "changes": {"clientId": {"from": None, "to": "a"}, "memberTenantId": {"from": None, "to": "itenant"}},
    }
    assert event.keys() == MODEL["AuditEvent"].by_name.keys()


def test_an_update_tells_what_changed_and_nothing_else() -> None:
    old, new = client(description="old"), client(description="new", contacts={"a@example.com": True})
    assert changes(old, new) == {
        "description": {"from": "old", "to": "new"},
        "contacts": {"from": None, "to": {"a@example.com": True}},
    }


def test_a_destroyed_object_is_told_as_it_was() -> None:
    [event] = events(client(description="old"), None)
    assert (event["action"], event["objectId"]) == ("destroy", "iclient")
    assert event["changes"] == {"clientId": {"from": "a", "to": None}, "description": {"from": "old", "to": None}}


@pytest.mark.parametrize(("old", "new"), [(None, MASK), (MASK, None), (MASK, MASK)])
def test_a_secret_is_told_as_given_replaced_or_removed(old: str | None, new: str | None) -> None:
    assert changes(client(secret=old), client(secret=new), "secret") == {"secret": {"from": old, "to": new}}


def test_of_a_new_or_destroyed_object_defaults_go_without_saying() -> None:
    unusual = client(isEnabled=False, isProtected=False)
    assert changes(None, unusual)["isEnabled"] == {"from": None, "to": False}
    assert changes(unusual, None)["isEnabled"] == {"from": False, "to": None}
    assert set(changes(None, unusual)) == set(changes(unusual, None)) == {"clientId", "isEnabled"}


def test_a_secret_is_shown_as_a_mask_whatever_a_record_holds() -> None:
    assert changes(None, client(secret="plain"), "secret")["secret"] == {"from": None, "to": MASK}


def test_a_large_value_is_told_as_its_hash_and_size() -> None:
    fits, large = "x" * (MAX_VALUE - 2), "x" * (MAX_VALUE - 1)
    digest = hashlib.sha256(msgspec.json.encode(large)).hexdigest()
    assert changes(client(description=fits), client(description=large)) == {
        "description": {"from": fits, "to": {"sha256": digest, "size": MAX_VALUE + 1}}
    }


def test_stamps_and_what_is_hidden_are_left_out() -> None:
    key = dict.fromkeys(KEY.by_name) | {"id": "ikey", "createdAt": NOW, "origin": "admin_key", "description": "mine"}
    [event] = events(None, key, type=KEY)
    assert event["changes"] == {"description": {"from": None, "to": "mine"}}


def test_what_the_server_notes_by_itself_is_no_event() -> None:
    key = dict.fromkeys(KEY.by_name) | {"id": "ikey"}
    assert events(key, {**key, "lastUsedAt": NOW}, type=KEY) == []
    assert len(events(key, {**key, "lastUsedAt": NOW, "description": "mine"}, type=KEY)) == 1


def test_a_replaced_key_is_an_event_though_only_the_server_can_set_it() -> None:
    key = dict.fromkeys(KEY.by_name) | {"id": "ikey", "secret": MASK}
    [event] = events(key, key, "secret", type=KEY)
    assert event["changes"] == {"secret": {"from": MASK, "to": MASK}}


def test_of_a_move_each_tenant_sees_its_own_side() -> None:
    old = client(memberTenantId="ione", description="of one")
    left, joined = events(old, client(memberTenantId="itwo", description="of two"))
    assert (left["memberTenantId"], left["action"], left["changes"]) == (
        "ione",
        "update",
        {"description": {"from": "of one", "to": None}, "memberTenantId": {"from": "ione", "to": None}},
    )
    assert (joined["memberTenantId"], joined["action"], joined["changes"]) == (
        "itwo",
        "update",
        {"description": {"from": None, "to": "of two"}, "memberTenantId": {"from": None, "to": "itwo"}},
    )


def test_of_a_move_from_no_tenant_those_without_one_see_both_sides() -> None:
    left, joined = events(client(description="ours"), client(memberTenantId="itwo", description="theirs"))
    both = {"description": {"from": "ours", "to": "theirs"}, "memberTenantId": {"from": None, "to": "itwo"}}
    assert (left["memberTenantId"], left["changes"]) == (None, both)
    assert joined["memberTenantId"] == "itwo"
    assert "ours" not in str(joined)


def test_a_tenant_has_the_events_about_itself() -> None:
    tenant = dict.fromkeys(MODEL["Tenant"].by_name) | {"id": "itenant", "name": "One"}
    assert [event["memberTenantId"] for event in events(tenant, None, type=MODEL["Tenant"])] == ["itenant"]


def test_events_outlive_their_tenant() -> None:
    assert MODEL["AuditEvent"].references == []
    assert "AuditEvent" not in {type.name for type, _ in MODEL.referring_to(MODEL["Tenant"])}
