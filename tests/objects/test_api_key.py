"""x:ApiKey: what each property accepts, and what can be done with it."""

from __future__ import annotations

from typing import Any

import pytest

from jmap_oauth.model.definition import MASK, Flaw, Secret
from jmap_oauth.model.kinds import Invalid
from jmap_oauth.model.validate import draft_changed, draft_new
from jmap_oauth.objects.api_key import api_key

KEY = api_key({"sysOAuthClientGet": "Get OAuth clients", "sysMetricsGet": "Get metrics"})
EMPTY: dict[str, Any] = {
    "description": None,
    "permissions": {},
    "memberTenantId": None,
    "allowedIps": {},
    "expiresAt": None,
    "createdAt": None,
    "lastUsedAt": None,
    "secret": None,
    "origin": None,
}

KEPT: list[tuple[str, Any, Any]] = [
    ("description", None, None),
    ("description", "Mail backend", "Mail backend"),
    ("description", "x" * 255, "x" * 255),
    ("permissions", {}, {}),
    ("permissions", {"sysMetricsGet": True, "sysOAuthClientGet": None}, {"sysMetricsGet": True}),
    ("memberTenantId", None, None),
    ("memberTenantId", "i0", "i0"),
    ("allowedIps", {}, {}),
    ("allowedIps", {"192.0.2.1": True, "192.0.2.1/32": True}, {"192.0.2.1/32": True}),
    ("allowedIps", {"2001:DB8::/32": True}, {"2001:db8::/32": True}),
    ("expiresAt", "2027-01-01T00:00:00+02:00", "2026-12-31T22:00:00Z"),
]

REFUSED: list[tuple[str, Any, str]] = [
    ("description", "x" * 256, "must have at most 255 characters"),
    ("description", "a\nb", "must not hold control characters"),
    ("description", "a\u2067b", "must not hold characters that change the direction of text"),
    ("permissions", ["sysMetricsGet"], 'must be an object like {"value": true}'),
    (
        "permissions",
        {"sysRoot": True},
        "has a wrong member, number 1: it must be one of sysOAuthClientGet, sysMetricsGet",
    ),
    ("memberTenantId", "", "must be an id"),
    (
        "allowedIps",
        {"10.1.2.3/8": True},
        "has a wrong member, number 1: it must be an IP address, or a network with no bits set beyond its prefix",
    ),
    ("allowedIps", dict.fromkeys((f"10.0.0.{n}" for n in range(101)), True), "must have at most 100 members"),
]


@pytest.mark.parametrize(("name", "given", "kept"), KEPT)
def test_property_keeps_a_good_value_like_this(name: str, given: Any, kept: Any) -> None:
    assert KEY.by_name[name].parse(given) == kept


@pytest.mark.parametrize(("name", "given", "reason"), REFUSED)
def test_property_refuses_a_bad_value_for_this_reason(name: str, given: Any, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        KEY.by_name[name].parse(given)
    assert str(refused.value) == reason


def test_a_key_needs_nothing_and_may_nothing_then() -> None:
    draft = draft_new(KEY, {}, frozenset())
    assert (draft.record, draft.flaws) == (EMPTY, [])


@pytest.mark.parametrize("name", ["createdAt", "lastUsedAt", "secret"])
def test_nobody_sets_what_is_the_servers(name: str) -> None:
    assert draft_new(KEY, {name: "x"}, frozenset()).flaws == [Flaw(name, "is set by the server")]


def test_the_origin_of_a_key_does_not_exist_for_clients_and_is_set_by_the_server() -> None:
    assert draft_new(KEY, {"origin": "x"}, frozenset()).flaws == [Flaw("origin", "is not a property of this type")]
    assert draft_new(KEY, {"origin": "admin_key"}, frozenset(), by_server=True).record["origin"] == "admin_key"


def test_a_key_stays_with_its_tenant() -> None:
    old = EMPTY | {"id": "i1", "secret": MASK, "memberTenantId": "i2"}
    for tenant in (None, "i3"):
        flaws = draft_changed(KEY, old, {"memberTenantId": tenant}, frozenset()).flaws
        assert flaws == [Flaw("memberTenantId", "cannot be changed after creation")]


def test_the_secret_of_a_key_is_made_by_the_server_and_looked_up_at_once() -> None:
    assert KEY.by_name["secret"].secret is Secret.GENERATED


@pytest.mark.parametrize(
    ("flag", "names"),
    [
        ("required", []),
        ("unique", ["secret", "origin"]),
        ("nullable", ["description", "memberTenantId", "expiresAt", "lastUsedAt", "origin"]),
        ("server_set", ["createdAt", "lastUsedAt", "secret", "origin"]),
        ("filter", ["memberTenantId", "expiresAt"]),
        ("sort", ["description", "expiresAt", "createdAt", "lastUsedAt"]),
        ("searchable", ["description"]),
        ("immutable", ["memberTenantId"]),
        ("hidden", ["origin"]),
    ],
)
def test_exactly_these_properties_have_the_flag(flag: str, names: list[str]) -> None:
    assert [each.name for each in KEY.properties if getattr(each, flag)] == names
