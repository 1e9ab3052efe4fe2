"""Blobs belong to their uploader, end by their date, and make room for one another within an account."""

from __future__ import annotations

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import LEAST_BLOB, Store, Uploader, Writer
from tests.support.stores import create, destroy, make_team, state
from tests.support.widget import TEAM

QUOTA = 100_000
DAYS = [f"2026-01-{day:02}T12:00:00Z" for day in range(1, 10)]
BYTES = bytes(range(256))


@pytest.fixture
def ann(ours: str) -> Uploader:
    return Uploader(ours, "ann")


@pytest.fixture(autouse=True)
async def tom(store: Store, theirs: str) -> Uploader:
    """Somebody of another account, who has the blob "x" from the first day on."""
    tom = Uploader(theirs, "tom")
    await put(store, tom, "x", b"theirs")
    return tom


async def put(
    store: Store, uploader: Uploader, id: str, data: bytes = BYTES, now: str = DAYS[0], *, quota: int = QUOTA
) -> None:
    await store.write(lambda writer: writer.put_blob(uploader, id, data, now, quota))


async def blob(store: Store, uploader: Uploader, id: str, since: str = DAYS[0]) -> bytes | None:
    return await store.read(lambda reader: reader.blob(uploader, id, since))


async def there(store: Store, uploader: Uploader, *ids: str, since: str = DAYS[0]) -> list[str]:
    return [id for id in ids if await blob(store, uploader, id, since) is not None]


async def renew(store: Store, uploader: Uploader, *ids: str, since: str = DAYS[0], now: str = DAYS[8]) -> set[str]:
    return set(await store.write(lambda writer: writer.renew_blobs(uploader, ids, since, now)))


async def drop(store: Store, before: str, limit: int = 100) -> int:
    return await store.write(lambda writer: writer.drop_blobs(before, limit))


@pytest.mark.parametrize("data", [b"", b"\0", BYTES, b"x" * 90_000])
async def test_bytes_come_back_as_they_were(store: Store, ann: Uploader, data: bytes) -> None:
    await put(store, ann, "b", data)
    assert await blob(store, ann, "b") == data


async def test_only_the_uploader_finds_a_blob(store: Store, ann: Uploader, tom: Uploader) -> None:
    await put(store, ann, "b")
    others = [Uploader(ann.account, "bob"), Uploader(GLOBAL, "ann"), Uploader(tom.account, "ann"), tom]
    assert [await blob(store, other, "b") for other in others] == [None] * 4
    assert await blob(store, ann, "x") is None


@pytest.mark.parametrize("id", ["", "B", "b ", "b\0", "\0", "' OR 1=1 --", "x" * 10_000])
async def test_other_ids_find_nothing(store: Store, ann: Uploader, id: str) -> None:
    await put(store, ann, "b")
    assert await blob(store, ann, id) is None
    assert await renew(store, ann, id) == set()


async def test_the_same_id_is_another_blob_for_each_uploader(store: Store, ann: Uploader, tom: Uploader) -> None:
    bob = Uploader(ann.account, "bob")
    await put(store, ann, "x", b"ann's")
    await put(store, bob, "x", b"bob's")
    assert [await blob(store, each, "x") for each in (ann, bob, tom)] == [b"ann's", b"bob's", b"theirs"]


async def test_a_blob_is_there_from_the_date_of_its_upload_on(store: Store, ann: Uploader) -> None:
    await put(store, ann, "b", now=DAYS[3])
    assert await blob(store, ann, "b", since=DAYS[3]) == BYTES
    assert await blob(store, ann, "b", since=DAYS[4]) is None


async def test_what_is_uploaded_again_has_the_new_date(store: Store, ann: Uploader) -> None:
    await put(store, ann, "b", now=DAYS[1])
    await put(store, ann, "b", now=DAYS[5])
    assert await blob(store, ann, "b", since=DAYS[5]) == BYTES


async def test_what_was_over_may_be_uploaded_again(store: Store, ann: Uploader) -> None:
    await put(store, ann, "b", now=DAYS[1])
    assert await blob(store, ann, "b", since=DAYS[4]) is None
    await put(store, ann, "b", now=DAYS[5])
    assert await blob(store, ann, "b", since=DAYS[4]) == BYTES


async def test_the_oldest_of_an_account_make_room(store: Store, ann: Uploader, tom: Uploader) -> None:
    for number, id in enumerate("abcd"):
        await put(store, ann, id, b"x" * 30_000, DAYS[number])
    assert await there(store, ann, *"abcd") == ["b", "c", "d"]
    assert await blob(store, tom, "x") == b"theirs"


async def test_the_first_of_one_second_make_room(store: Store, ann: Uploader) -> None:
    for id in "abcd":
        await put(store, ann, id, b"x" * 50_000)
    assert await there(store, ann, *"abcd") == ["c", "d"]


async def test_others_of_the_account_make_room_too(store: Store, ann: Uploader) -> None:
    bob = Uploader(ann.account, "bob")
    await put(store, bob, "b", b"x" * 60_000, DAYS[0])
    await put(store, ann, "a", b"x" * 60_000, DAYS[1])
    assert (await there(store, bob, "b"), await there(store, ann, "a")) == ([], ["a"])


async def test_what_is_renewed_is_not_the_oldest(store: Store, ann: Uploader) -> None:
    for number, id in enumerate("abab"):
        await put(store, ann, id, b"x" * 40_000, DAYS[number])
    await put(store, ann, "a", b"x" * 40_000, DAYS[5])
    await put(store, ann, "c", b"x" * 40_000, DAYS[6])
    assert await there(store, ann, *"abc") == ["a", "c"]


async def test_a_blob_may_take_all_there_is(store: Store, ann: Uploader) -> None:
    await put(store, ann, "a")
    await put(store, ann, "b", b"x" * QUOTA, DAYS[1])
    assert await there(store, ann, *"ab") == ["b"]


async def test_what_is_put_stays_even_if_others_have_later_dates(store: Store, ann: Uploader) -> None:
    for id, day in zip("abc", [DAYS[5], DAYS[6], DAYS[1]], strict=True):
        await put(store, ann, id, b"x" * 50_000, day)
    assert await there(store, ann, *"abc") == ["b", "c"]


async def test_one_blob_may_push_out_many_and_leaves_as_many_as_there_is_room_for(store: Store, ann: Uploader) -> None:
    for number, id in enumerate("abcdefg"):
        await put(store, ann, id, b"x" * 14_000, DAYS[number])
    await put(store, ann, "h", b"x" * 50_000, DAYS[7])
    assert await there(store, ann, *"abcdefgh") == ["e", "f", "g", "h"]


async def test_small_blobs_count_for_what_they_cost(store: Store, ann: Uploader) -> None:
    for id in "abcd":
        await put(store, ann, id, b"", quota=3 * LEAST_BLOB)
    assert await there(store, ann, *"abcd") == ["b", "c", "d"]


async def test_renewing_dates_those_that_are_there_and_no_others(store: Store, ann: Uploader, tom: Uploader) -> None:
    for number, id in enumerate("abc"):
        await put(store, ann, id, now=DAYS[number])
    assert await renew(store, ann, "a", "b", "b", "x", "other", since=DAYS[1], now=DAYS[8]) == {"b"}
    assert await there(store, ann, *"abc", since=DAYS[2]) == ["b", "c"]
    assert await blob(store, tom, "x", since=DAYS[1]) is None


async def test_renewing_nothing_is_nothing(store: Store, ann: Uploader) -> None:
    assert await renew(store, ann) == set()


async def test_what_is_over_is_dropped_the_oldest_first(store: Store, ann: Uploader) -> None:
    for id, day in zip("abcd", [DAYS[2], DAYS[1], DAYS[3], DAYS[4]], strict=True):
        await put(store, ann, id, now=day)
    assert await drop(store, DAYS[4], limit=3) == 3  # the other account's blob is older still
    assert await there(store, ann, *"abcd") == ["c", "d"]
    assert [await drop(store, DAYS[4]), await drop(store, DAYS[4])] == [1, 0]
    assert await there(store, ann, *"abcd") == ["d"]


async def test_blobs_go_with_their_account(store: Store, tom: Uploader) -> None:
    team = make_team("Third")
    await create(store, team, type=TEAM)
    gone, root = Uploader(team["id"], "ann"), Uploader(GLOBAL, "ann")
    for each in (gone, root):
        await put(store, each, "b")
    await destroy(store, team, type=TEAM)
    assert [await blob(store, each, "b") for each in (gone, root)] == [None, BYTES]
    assert await blob(store, tom, "x") == b"theirs"


async def test_an_upload_may_end_after_its_account_did(store: Store) -> None:
    await put(store, Uploader("gone", "ann"), "b")
    assert await drop(store, DAYS[1]) == 2


async def test_what_fails_keeps_nothing(store: Store, ann: Uploader) -> None:
    async def work(writer: Writer) -> None:
        await writer.put_blob(ann, "b", BYTES, DAYS[0], QUOTA)
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(work)
    assert await blob(store, ann, "b") is None


async def test_blobs_move_no_state(store: Store, ann: Uploader) -> None:
    async def seen() -> list[str]:
        return [await store.version(TEAM), *[await state(store, account, TEAM) for account in (ann.account, GLOBAL)]]

    before = await seen()
    await put(store, ann, "b")
    await renew(store, ann, "b")
    await drop(store, DAYS[8])
    assert await seen() == before
