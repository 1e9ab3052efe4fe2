"""Slow hashes, digests and new secrets."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import zlib
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from jmap_oauth.access.hashing import Cost, SlowHasher, digest, is_made, new_secret

CHEAP = Cost(memory=8, time=1)
MARKER = "marker-7f3a-of-a-secret"


@pytest.fixture
def hasher() -> Iterator[SlowHasher]:
    hasher = SlowHasher(CHEAP, concurrency=2)
    yield hasher
    hasher.close()


async def test_a_hash_is_argon2id_with_the_cost_that_was_asked_for(hasher: SlowHasher) -> None:
    assert re.fullmatch(
        r"\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", await hasher.hash(MARKER)
    )


async def test_the_cost_is_19_mib_and_two_passes_by_default() -> None:
    hasher = SlowHasher()

    assert (await hasher.hash("a")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    hasher.close()


async def test_a_secret_is_verified_by_its_hash_and_no_other_is(hasher: SlowHasher) -> None:
    made = await hasher.hash("right")

    assert await hasher.verify(made, "right")
    assert not await hasher.verify(made, "Right")
    assert not await hasher.verify(made, "")


async def test_two_hashes_of_one_secret_differ(hasher: SlowHasher) -> None:
    assert await hasher.hash("same") != await hasher.hash("same")


async def test_a_hash_is_the_one_that_others_make_with_its_salt(hasher: SlowHasher) -> None:
    made = await hasher.hash("same")

    assert PasswordHasher().verify(made, "same")


async def test_hashes_with_one_salt_are_compared_in_one_run(hasher: SlowHasher) -> None:
    first = await hasher.hash("first")
    salt = hasher.salt(["no hash", first])
    made = await hasher.hash_all([("second", salt), ("first", salt)])

    assert made[1] == first != made[0]
    assert await hasher.matching("second", [first, made[0]]) == {made[0]}


async def test_a_hash_of_another_cost_lends_its_salt_to_none(hasher: SlowHasher) -> None:
    theirs = PasswordHasher(memory_cost=16, time_cost=1, parallelism=1).hash("theirs")

    assert hasher.salt([theirs]).startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert hasher.salt() != hasher.salt()


async def test_hashes_of_several_salts_and_costs_are_all_compared(hasher: SlowHasher) -> None:
    theirs = PasswordHasher(memory_cost=16, time_cost=1, parallelism=1).hash("same")
    ours = [await hasher.hash("same"), await hasher.hash("other")]

    assert await hasher.matching("same", [*ours, theirs, "malformed"]) == {ours[0], theirs}


async def test_hashes_that_others_verify_are_compared_as_well() -> None:
    hasher = SlowHasher(CHEAP, verifier=lambda hash: b"theirs".__eq__ if hash == "known" else None)
    ours = await hasher.hash("ours")

    assert await hasher.matching("theirs", [ours, "known", "unknown"]) == {"known"}
    assert await hasher.matching("ours", [ours, "known", "unknown"]) == {ours}
    hasher.close()


@pytest.mark.parametrize(
    ("secret", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("\ufb01", "fi"),
        ("a\0b", "a"),
        ("a\0b", "a\0c"),
        ("a ", "a"),
        ("\U0001f511", "?"),
        ("\ud800", "?"),
        ("x" * 100_000, "x" * 99_999),
    ],
)
async def test_a_secret_is_taken_as_it_is(hasher: SlowHasher, secret: str, other: str) -> None:
    made = await hasher.hash(secret)

    assert (await hasher.verify(made, secret), await hasher.verify(made, other)) == (True, False)


async def test_a_hash_that_another_program_made_is_verified(hasher: SlowHasher) -> None:
    made = PasswordHasher(memory_cost=65536, time_cost=3, parallelism=4).hash("theirs")

    assert await hasher.verify(made, "theirs")


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "x",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1$",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=8,t=1,p=1$!!!!!!!!!!!$!!!!!!!!!!!!!!!!!!!!!!",
        "$argon2id$v=19$m=8,t=0,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=0,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=99999999999,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=99$m=8,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2x$v=19$m=8,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=８,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
        "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcdefgh",
        "caf\u00e9",
        "\ud800",
        "$" * 100_000,
    ],
)
async def test_what_is_no_argon2_hash_verifies_nothing(hasher: SlowHasher, malformed: str) -> None:
    assert not await hasher.verify(malformed, MARKER)
    assert not await hasher.verify(malformed, "")


@pytest.mark.parametrize(
    ("cost", "allowed"),
    [(Cost(32, 2, 2), True), (Cost(33, 2, 2), False), (Cost(32, 3, 2), False), (Cost(32, 2, 3), False)],
)
async def test_a_hash_dearer_than_allowed_verifies_nothing(cost: Cost, allowed: bool) -> None:
    hasher = SlowHasher(CHEAP, most=Cost(memory=32, time=2, parallelism=2))
    made = PasswordHasher(memory_cost=cost.memory, time_cost=cost.time, parallelism=cost.parallelism).hash("a")

    assert await hasher.verify(made, "a") is allowed
    hasher.close()


def test_a_hasher_that_would_not_verify_its_own_hashes_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond what would be verified"):
        SlowHasher(Cost(memory=33), most=Cost(memory=32))


@pytest.mark.parametrize(("memory", "time", "parallelism"), [(7, 1, 1), (8, 0, 1), (8, 1, 0), (15, 1, 2)])
def test_a_cost_that_argon2_does_not_know_is_refused(memory: int, time: int, parallelism: int) -> None:
    with pytest.raises(ValueError, match="Argon2 needs"):
        Cost(memory, time, parallelism)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 50])
async def test_many_hashes_come_in_the_order_of_their_secrets(hasher: SlowHasher, number: int) -> None:
    plains = [f"secret {index}" for index in range(number)]
    made = await hasher.hash_all([(plain, hasher.salt()) for plain in plains])

    assert await hasher.matching_all([(plain, made) for plain in plains]) == [{hash} for hash in made]


async def test_one_secret_does_not_wait_behind_a_thousand_of_another_caller(hasher: SlowHasher) -> None:
    many = asyncio.create_task(hasher.hash_all([("one of many", hasher.salt())] * 1000))
    for _ in range(5):
        await hasher.hash("the only one")

    assert not many.done()
    assert len(await many) == 1000


async def test_two_callers_with_many_secrets_take_turns() -> None:
    hasher = SlowHasher(CHEAP, concurrency=1)
    long = asyncio.create_task(hasher.hash_all([("long", hasher.salt())] * 200))
    await hasher.hash_all([("short", hasher.salt())] * 20)

    assert not long.done()
    await long
    hasher.close()


async def test_no_more_threads_are_at_work_than_allowed() -> None:
    before = threading.active_count()
    hasher = SlowHasher(CHEAP, concurrency=2)
    await asyncio.gather(*(hasher.hash_all([("x", hasher.salt())] * 20) for _ in range(5)))

    assert threading.active_count() - before <= 2
    hasher.close()


async def test_a_caller_that_gives_up_leaves_its_turn_to_the_others(hasher: SlowHasher) -> None:
    many = asyncio.create_task(hasher.hash_all([("x", hasher.salt())] * 1000))
    await asyncio.sleep(0)
    many.cancel()
    with pytest.raises(asyncio.CancelledError):
        await many

    assert await hasher.verify(await hasher.hash("y"), "y")


async def test_nothing_is_hashed_after_the_close_and_the_error_does_not_name_the_secret(hasher: SlowHasher) -> None:
    hasher.close()

    with pytest.raises(RuntimeError) as caught:
        await hasher.hash(MARKER)
    assert MARKER not in repr(caught.value)


async def test_no_secret_is_in_what_asyncio_says_when_it_is_slow(
    hasher: SlowHasher, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    await hasher.hash_all([(MARKER, hasher.salt())] * 2)
    await hasher.verify(await hasher.hash(MARKER), MARKER)

    assert caplog.records
    assert MARKER not in caplog.text
    assert MARKER not in repr(hasher)


def test_a_digest_is_sha_256_of_utf_8_in_hexadecimal() -> None:
    assert digest("caf\u00e9") == hashlib.sha256(b"caf\xc3\xa9").hexdigest()


def test_a_text_that_is_no_unicode_has_a_digest_too() -> None:
    assert digest("\ud800") == hashlib.sha256(b"\xed\xa0\x80").hexdigest()


def test_a_new_secret_is_its_prefix_and_49_letters_and_digits() -> None:
    assert re.fullmatch(r"jmo_[0-9A-Za-z]{49}", new_secret("jmo_"))


def test_new_secrets_differ() -> None:
    assert len({new_secret("jmo_") for _ in range(1000)}) == 1000


def test_a_new_secret_is_known_by_its_prefix_and_checksum() -> None:
    secret = new_secret("jmo_")
    other = "0" if secret[-1] != "0" else "1"

    assert is_made(secret, "jmo_")
    assert not any(is_made(text, "jmo_") for text in ("", secret[:-1], secret[:-1] + other, secret[1:], "jmo_\ud800"))
    assert not is_made(secret, "jmo_secret_")


def test_a_secret_ends_in_the_crc_32_of_the_rest() -> None:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    secret = new_secret("jmo_")
    number = 0
    for character in secret[-6:]:
        number = number * 62 + digits.index(character)

    assert number == zlib.crc32(secret[:-6].encode())
