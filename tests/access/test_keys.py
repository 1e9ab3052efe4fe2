"""Which tokens are admitted, and as whom."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from jmap_oauth.access.hashing import digest
from jmap_oauth.access.keys import MAX_TOKEN, Refusal
from jmap_oauth.access.principal import Principal
from jmap_oauth.store.interface import Unavailable
from tests.access.watched import WatchedRing
from tests.support.keys import KEY, TENANT, make_key, make_tenant

TOKEN = "jmo_marker-of-a-token"


async def test_a_key_without_a_tenant_is_admitted_to_everything(ring: WatchedRing) -> None:
    key = await ring.store.add_key(TOKEN, make_key(expiresAt="2027-01-01T00:00:00Z"))

    assert await ring.admit(TOKEN, "192.0.2.7") == Principal(
        id=key["id"],
        name="Backup job",
        account="global",
        account_name="global",
        permissions=frozenset({"sysApiKeyGet", "sysTenantGet"}),
        expires_at="2027-01-01T00:00:00Z",
        remote_ip="192.0.2.7",
        request_id="request-1",
        is_server=False,
    )


async def test_a_key_of_a_tenant_is_admitted_to_that_account(ring: WatchedRing) -> None:
    await ring.store.add_tenant(make_tenant("Another"))
    tenant = await ring.store.add_tenant(make_tenant("Example Ltd"))
    await ring.store.add_key(TOKEN, make_key(memberTenantId=tenant["id"]))
    principal = await ring.admit(TOKEN)

    assert isinstance(principal, Principal)
    assert (principal.account, principal.account_name) == (tenant["id"], "Example Ltd")


async def test_a_key_without_a_description_is_named_by_its_id(ring: WatchedRing) -> None:
    key = await ring.store.add_key(TOKEN, make_key(description=None))
    principal = await ring.admit(TOKEN)

    assert isinstance(principal, Principal)
    assert principal.name == key["id"]


async def test_a_permission_that_this_version_does_not_know_is_kept(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key(permissions={"sysFutureGet": True}))
    principal = await ring.admit(TOKEN)

    assert isinstance(principal, Principal)
    assert principal.permissions == {"sysFutureGet"}


@pytest.mark.parametrize(
    "token", ["unknown", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), " " + TOKEN, "caf\u00e9", "\ud800", "\0"]
)
async def test_a_token_that_is_no_key_is_refused(ring: WatchedRing, token: str) -> None:
    await ring.store.add_key(TOKEN, make_key())

    assert await ring.admit(token) == Refusal()


async def test_a_digest_is_no_token(ring: WatchedRing) -> None:
    """Whoever reads the database has no key by that."""

    await ring.store.add_key(TOKEN, make_key())

    assert await ring.admit(digest(TOKEN)) == Refusal()


@pytest.mark.parametrize(
    ("expires_at", "admitted"),
    [
        ("2026-03-01T11:59:59Z", False),
        ("2026-03-01T12:00:00Z", False),
        ("2026-03-01T12:00:01Z", True),
        ("9999-12-31T23:59:59Z", True),
        (None, True),
    ],
)
async def test_a_key_ends_at_its_second(ring: WatchedRing, expires_at: str | None, admitted: bool) -> None:
    await ring.store.add_key(TOKEN, make_key(expiresAt=expires_at))

    assert await ring.admits(TOKEN) is admitted


async def test_a_key_that_was_admitted_before_ends_at_its_second_too(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key(expiresAt="2026-03-01T12:00:01Z"))
    before = await ring.admits(TOKEN)
    ring.now = "2026-03-01T12:00:01Z"

    assert (before, await ring.admits(TOKEN)) == (True, False)


@pytest.mark.parametrize(
    ("networks", "remote_ip", "admitted"),
    [
        ([], "203.0.113.9", True),
        ([], "", True),
        (["192.0.2.0/24"], "192.0.2.255", True),
        (["192.0.2.0/24"], "192.0.3.0", False),
        (["192.0.2.0/24"], "::ffff:192.0.2.9", True),
        (["192.0.2.0/24"], "::192.0.2.9", False),
        (["::ffff:192.0.2.0/120"], "192.0.2.9", True),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        (["2001:db8::/32"], "2001:db8:1::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["::/0"], "192.0.2.7", False),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
        (["0.0.0.0/0", "::/0"], "unix:", False),
        (["0.0.0.0/0", "::/0"], "", False),
    ],
)
async def test_a_key_is_admitted_from_its_networks_only(
    ring: WatchedRing, networks: list[str], remote_ip: str, admitted: bool
) -> None:
    await ring.store.add_key(TOKEN, make_key(allowedIps=dict.fromkeys(networks, True)))

    assert await ring.admits(TOKEN, remote_ip) is admitted


async def test_a_key_that_was_admitted_before_is_refused_from_elsewhere_too(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key(allowedIps={"192.0.2.0/24": True}))

    assert [await ring.admits(TOKEN, ip) for ip in ("192.0.2.1", "203.0.113.1", "192.0.2.1")] == [True, False, True]


@pytest.mark.parametrize("token", [None, "", "x" * (MAX_TOKEN + 1)])
async def test_what_cannot_be_a_token_is_refused_without_asking_the_store(ring: WatchedRing, token: str | None) -> None:
    assert await ring.admit(token) == Refusal()
    assert ring.store.reads == 0


async def test_the_longest_token_is_still_looked_up(ring: WatchedRing) -> None:
    await ring.store.add_key("x" * MAX_TOKEN, make_key())

    assert await ring.admits("x" * MAX_TOKEN)


async def test_a_revoked_key_is_refused_at_once(ring: WatchedRing) -> None:
    key = await ring.store.add_key(TOKEN, make_key())
    before = await ring.admits(TOKEN)
    await ring.store.destroy(KEY, key)

    assert (before, await ring.admits(TOKEN)) == (True, False)


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({"description": "Renamed"}, {"name": "Renamed"}),
        ({"permissions": {"sysTenantGet": True}}, {"permissions": frozenset({"sysTenantGet"})}),
        ({"expiresAt": "2026-04-01T00:00:00Z"}, {"expires_at": "2026-04-01T00:00:00Z"}),
    ],
)
async def test_a_change_of_a_key_shows_at_once(
    ring: WatchedRing, changed: dict[str, Any], seen: dict[str, Any]
) -> None:
    key = await ring.store.add_key(TOKEN, make_key())
    await ring.admit(TOKEN)
    await ring.store.change(KEY, key, **changed)
    principal = await ring.admit(TOKEN)

    assert {name: getattr(principal, name) for name in seen} == seen


async def test_the_new_name_of_a_tenant_shows_at_once(ring: WatchedRing) -> None:
    tenant = await ring.store.add_tenant(make_tenant("Example Ltd"))
    await ring.store.add_key(TOKEN, make_key(memberTenantId=tenant["id"]))
    await ring.admit(TOKEN)
    await ring.store.change(TENANT, tenant, name="Example Inc")
    principal = await ring.admit(TOKEN)

    assert isinstance(principal, Principal)
    assert principal.account_name == "Example Inc"


async def test_the_use_of_a_key_is_noted_and_a_refusal_is_not(ring: WatchedRing) -> None:
    key = await ring.store.add_key(TOKEN, make_key(lastUsedAt="2026-02-28T00:00:00Z"))
    await ring.store.add_key("jmo_ended", make_key(expiresAt="2026-02-28T00:00:00Z"))
    for token in (TOKEN, TOKEN, "jmo_ended", "unknown"):
        await ring.admit(token)
    await ring.usage.flush()

    assert ring.written == [{key["id"]: "2026-03-01T00:00:00Z"}]


async def test_a_store_that_cannot_answer_is_the_callers_to_explain(ring: WatchedRing) -> None:
    async def fail() -> None:
        raise Unavailable("busy")

    await ring.store.add_key(TOKEN, make_key())
    ring.store.after_read = fail

    with pytest.raises(Unavailable):
        await ring.admit(TOKEN)


async def test_no_token_is_logged_or_shown(ring: WatchedRing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await ring.store.add_key(TOKEN, make_key())
    outcomes = [await ring.admit(TOKEN), await ring.admit(TOKEN + "x"), ring.key_ring]

    assert "marker" not in caplog.text + repr(outcomes)
