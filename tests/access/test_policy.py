"""What a principal may do, and why not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from jmap_oauth.access.policy import METRICS, Policy, permissions_of
from jmap_oauth.access.principal import Principal, server_principal
from jmap_oauth.model.definition import Action, ObjectType, Record
from tests.support.keys import KEY, TENANT, make_key, make_model

OURS, THEIRS = "itenant1", "itenant2"
ALL = frozenset(permissions_of([KEY, TENANT]))

policy = Policy(make_model(), KEY)


def make_principal(
    permissions: frozenset[str] = ALL, account: str = "global", expires_at: str | None = None
) -> Principal:
    return Principal(id="ikey", name="a key", account=account, permissions=permissions, expires_at=expires_at)


def test_there_is_a_permission_for_each_action_and_type_and_one_for_metrics() -> None:
    assert permissions_of([KEY]) == {
        "sysApiKeyGet": f"Get {KEY.plural}",
        "sysApiKeyQuery": f"Query {KEY.plural}",
        "sysApiKeyCreate": f"Create {KEY.plural}",
        "sysApiKeyUpdate": f"Update {KEY.plural}",
        "sysApiKeyDestroy": f"Destroy {KEY.plural}",
        METRICS: "Get metrics",
    }


def test_of_a_type_that_is_read_only_there_are_permissions_to_read() -> None:
    assert [*permissions_of([replace(KEY, read_only=True)])] == ["sysApiKeyGet", "sysApiKeyQuery", METRICS]


@pytest.mark.parametrize("type", [KEY, TENANT], ids=lambda type: type.name)
@pytest.mark.parametrize("action", Action)
def test_an_action_needs_its_permission_and_its_lack_is_named(type: ObjectType, action: Action) -> None:
    permission = f"sys{type.name}{action.value}"

    assert policy.may(make_principal(), type, action)
    assert policy.may(make_principal(frozenset({permission})), type, action)
    assert (
        policy.may(make_principal(ALL - {permission}), type, action).reason
        == f"This needs the permission {permission}."
    )


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.DESTROY])
def test_a_key_of_a_tenant_cannot_change_tenants(action: Action) -> None:
    decision = policy.may(make_principal(account=OURS), TENANT, action)

    assert decision.reason == f"Only a key without a tenant can use the permission sysTenant{action.value}."


@pytest.mark.parametrize("action", [Action.GET, Action.QUERY])
def test_a_key_of_a_tenant_can_read_tenants(action: Action) -> None:
    assert policy.may(make_principal(account=OURS), TENANT, action)


@pytest.mark.parametrize(
    ("permissions", "account", "expected"),
    [
        (ALL, "global", False),
        (frozenset({"sysTenantUpdate"}), "global", False),
        (frozenset({"sysTenantUpdate"}), OURS, True),
        (frozenset({"sysApiKeyDestroy"}), OURS, False),
        (frozenset({"sysTenantGet", "sysTenantQuery", METRICS}), "global", True),
        (frozenset({"sysFutureCreate"}), "global", True),
        (frozenset(), "global", True),
    ],
)
def test_read_only_is_whoever_may_write_no_type(permissions: frozenset[str], account: str, expected: bool) -> None:
    assert policy.is_read_only(make_principal(permissions, account)) is expected


PERMISSION = make_key(permissions={"sysTenantGet": True, "sysFutureGet": True})
GLOBAL_KEY = make_key(memberTenantId=None)
OUR_KEY = make_key(memberTenantId=OURS)
THEIR_KEY = make_key(memberTenantId=THEIRS)
ENDLESS = make_key(expiresAt=None)
LATER = make_key(expiresAt="2027-01-01T00:00:01Z")
AS_LONG = make_key(expiresAt="2027-01-01T00:00:00Z")
FROM_ANYWHERE = make_key(allowedIps={})
FROM_INSIDE = make_key(allowedIps={"192.0.2.7": True, "2001:db8::/48": True})
FROM_OUTSIDE = make_key(allowedIps={"192.0.2.7": True, "192.0.0.0/16": True})

ANYBODY = make_principal()
TENANT_KEY = make_principal(account=OURS)
ENDS = make_principal(expires_at="2027-01-01T00:00:00Z")
BOUND = ANYBODY._replace(networks=[ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")])

LACKS = "has the permission sysFutureGet, which this key lacks"
FOREIGN = "has a tenant that is not this key's"
WIDER = "may be used from where this key may not"
LONGER = "is valid for longer than this key, which ends at 2027-01-01T00:00:00Z"

BEYOND: list[tuple[Principal, Record, str | None]] = [
    (ANYBODY, PERMISSION, LACKS),
    (ANYBODY, GLOBAL_KEY, None),
    (ANYBODY, THEIR_KEY, None),
    (ANYBODY, ENDLESS, None),
    (TENANT_KEY, OUR_KEY, None),
    (TENANT_KEY, THEIR_KEY, FOREIGN),
    (TENANT_KEY, GLOBAL_KEY, FOREIGN),
    (ENDS, ENDLESS, LONGER),
    (ENDS, LATER, LONGER),
    (ENDS, AS_LONG, None),
    (ANYBODY, FROM_ANYWHERE, None),
    (BOUND, FROM_ANYWHERE, WIDER),
    (BOUND, FROM_INSIDE, None),
    (BOUND, FROM_OUTSIDE, WIDER),
]


@pytest.mark.parametrize(("principal", "key", "beyond"), BEYOND)
def test_a_key_is_not_given_more_than_the_giver_has(principal: Principal, key: Record, beyond: str | None) -> None:
    decision = policy.may_change(principal, KEY, None, key)

    assert decision.reason == (beyond and f"The new key {beyond}.")


@pytest.mark.parametrize(("principal", "key", "beyond"), BEYOND)
def test_a_key_that_is_more_cannot_be_changed_nor_destroyed(
    principal: Principal, key: Record, beyond: str | None
) -> None:
    bounds = {"expiresAt": "2026-06-01T00:00:00Z", "allowedIps": {"192.0.2.7": True}}
    less = make_key(permissions={}, memberTenantId=OURS, **bounds)
    expected = beyond and f"The key {beyond}, so it cannot be changed by this one."

    assert policy.may_change(principal, KEY, key, less).reason == expected
    assert policy.may_change(principal, KEY, key, None).reason == expected


def test_a_key_that_is_less_cannot_be_made_more() -> None:
    decision = policy.may_change(ANYBODY, KEY, make_key(), PERMISSION)

    assert decision.reason == f"The new key {LACKS}."


def test_objects_of_other_types_are_not_compared() -> None:
    tenant = {"id": THEIRS, "name": "Theirs"}

    assert policy.may_change(make_principal(frozenset()), TENANT, tenant, None)


@pytest.mark.parametrize("key", [PERMISSION, THEIR_KEY, ENDLESS])
def test_the_server_itself_may_give_what_it_does_not_have(key: Record) -> None:
    server = server_principal("cli", frozenset({"sysApiKeyCreate"}))

    assert policy.may(server, KEY, Action.CREATE)
    assert policy.may_change(server, KEY, None, key)
    assert policy.may_change(server, KEY, key, None)


def test_the_server_itself_needs_the_permission_for_an_action_too() -> None:
    assert not policy.may(server_principal("provisioning", frozenset()), KEY, Action.DESTROY)
