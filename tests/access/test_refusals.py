"""What admitting and refusing costs, and who has to wait."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jmap_oauth.access.keys import MAX_TOKEN, KeyRing, Refusal
from jmap_oauth.access.principal import Principal
from tests.access.watched import WatchedRing, WatchedStore, do_nothing, open_keys
from tests.support.keys import KEY, TENANT, make_key, make_tenant

TOKEN = "jmo_good"
BAD = "jmo_bad"


async def exhaust(ring: WatchedRing, remote_ip: str = "192.0.2.1") -> None:
    """Fail until the address is throttled."""
    for _ in range(3):
        assert await ring.admit(BAD, remote_ip) == Refusal()


async def test_a_good_key_costs_one_read_however_often_it_is_used(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key())
    outcomes = [await ring.admits(TOKEN) for _ in range(10)]

    assert (outcomes, ring.store.reads) == ([True] * 10, 1)


async def test_a_key_is_read_again_after_a_change_of_any_key_or_tenant(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key())
    await ring.admit(TOKEN)
    await ring.store.add_key("jmo_other", make_key())
    await ring.admit(TOKEN)
    await ring.store.add_tenant(make_tenant("Example Ltd"))
    await ring.admit(TOKEN)

    assert ring.store.reads == 3


async def test_the_key_that_was_used_longest_ago_makes_room(store: WatchedStore) -> None:
    ring = WatchedRing(store, capacity=2)
    for token in "abc":
        await store.add_key(token, make_key())
    costs = []
    for token in "abacab":
        before = store.reads
        assert await ring.admits(token)
        costs.append(store.reads - before)

    assert costs == [1, 1, 0, 1, 0, 1]


async def test_every_refusal_costs_one_read_every_time(ring: WatchedRing) -> None:
    """Unknown, expired, revoked, from a wrong address: once remembered or not."""
    await ring.store.add_key("expired", make_key(expiresAt="2026-03-01T11:00:00Z"))
    await ring.store.add_key("elsewhere", make_key(allowedIps={"10.0.0.0/8": True}))
    await ring.store.destroy(KEY, await ring.store.add_key("revoked", make_key()))
    assert await ring.admits("elsewhere", "10.0.0.1")
    costs = []
    for token in ("unknown", "expired", "elsewhere", "revoked") * 2:
        before = ring.store.reads
        assert not await ring.admits(token)
        costs.append(ring.store.reads - before)

    assert costs == [1] * 8


async def test_a_key_that_ends_while_it_is_remembered_is_asked_for_again(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key(expiresAt="2026-03-01T12:30:00Z"))
    await ring.admit(TOKEN)
    ring.now = "2026-03-01T13:00:00Z"

    assert (await ring.admits(TOKEN), ring.store.reads) == (False, 2)


async def test_a_key_that_was_revoked_while_it_was_read_is_not_remembered(ring: WatchedRing) -> None:
    key = await ring.store.add_key(TOKEN, make_key())

    async def revoke() -> None:
        ring.store.after_read = do_nothing
        await ring.store.destroy(KEY, key)

    ring.store.after_read = revoke
    outcomes = [await ring.admits(TOKEN), await ring.admits(TOKEN)]

    assert outcomes == [True, False]


async def test_a_key_that_another_process_revoked_is_refused_soon(ring: WatchedRing, tmp_path: Path) -> None:
    key = await ring.store.add_key(TOKEN, make_key())
    other = await open_keys(tmp_path)
    assert await ring.admits(TOKEN)
    await other.destroy(KEY, key)
    await other.close()

    while await ring.admits(TOKEN):
        await asyncio.sleep(0.01)


async def test_too_many_failures_are_told_how_long_to_wait(ring: WatchedRing) -> None:
    await exhaust(ring)

    assert await ring.admit(BAD) == Refusal(retry_after=6)
    assert await ring.admit(BAD, "192.0.2.2") == Refusal()


async def test_a_good_key_passes_from_a_throttled_address_at_its_first_use_too(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key())
    await exhaust(ring)

    assert [await ring.admits(TOKEN), await ring.admits(TOKEN)] == [True, True]


async def test_a_good_key_does_not_make_bad_ones_good(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key())
    await exhaust(ring)
    await ring.admit(TOKEN)

    assert await ring.admit(BAD) == Refusal(retry_after=6)


async def test_no_credentials_are_no_failure(ring: WatchedRing) -> None:
    for _ in range(5):
        await ring.admit(None)

    assert await ring.admit(BAD) == Refusal()


@pytest.mark.parametrize("token", ["", "x" * (MAX_TOKEN + 1)])
async def test_malformed_credentials_are_a_failure(ring: WatchedRing, token: str) -> None:
    outcomes = [await ring.admit(token) for _ in range(4)]

    assert outcomes == [Refusal(), Refusal(), Refusal(), Refusal(retry_after=6)]


async def test_throttled_addresses_together_do_one_look_up_at_a_time(ring: WatchedRing) -> None:
    for remote_ip in ("192.0.2.1", "192.0.2.2"):
        await exhaust(ring, remote_ip)
    ring.store.most_at_once = 0
    ring.store.after_read = lambda: asyncio.sleep(0)
    await asyncio.gather(*(ring.admit(BAD, f"192.0.2.{1 + number % 2}") for number in range(20)))

    assert (ring.store.most_at_once, ring.store.reads) == (1, 26)


async def test_many_first_uses_of_a_key_at_once_are_all_admitted(ring: WatchedRing) -> None:
    await ring.store.add_key(TOKEN, make_key())

    assert await asyncio.gather(*(ring.admits(TOKEN) for _ in range(20))) == [True] * 20


async def test_a_refusal_is_not_answered_before_its_time(ring: WatchedRing) -> None:
    """However quickly it was found out; a good key does not wait."""
    slow = KeyRing(ring.store, KEY, TENANT, ring.throttle, ring.usage, refusal_seconds=3600, clock=lambda: ring.now)
    await ring.store.add_key(TOKEN, make_key())
    refusals = [asyncio.create_task(slow.admit(token, "192.0.2.1", "r")) for token in ("", BAD, BAD)]

    assert isinstance(await slow.admit(TOKEN, "192.0.2.1", "r"), Principal)
    done, waiting = await asyncio.wait(refusals, timeout=0.05)
    assert (len(done), len(waiting)) == (0, 3)
    for each in waiting:
        each.cancel()
