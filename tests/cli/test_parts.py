"""Records on the disk, of which memory holds a part."""

from __future__ import annotations

import tracemalloc
from contextlib import closing

from jmap_oauth.cli.parts import PARTS, Parts


def test_records_of_one_key_are_in_one_part_in_their_order() -> None:
    with closing(Parts()) as records, closing(Parts()) as others:
        for number in range(1_000):
            records.add(f"key {number % 300}", number)
            others.add(f"key {number % 300}", None)
        parts = [list(part) for part in records]
        assert sorted(number for part in parts for _, number in part) == list(range(1_000))
        keys = [{key for key, _ in part} for part in parts]
        assert (len(parts), sum(map(len, keys))) == (PARTS, 300)
        assert keys == [{key for key, _ in part} for part in others]
        assert all(part == sorted(part, key=lambda record: record[1]) for part in parts)


def test_memory_is_the_same_however_many_records_there_are() -> None:
    assert peak(60_000) < 1.5 * peak(30_000)


def peak(number: int) -> int:
    """Return the bytes that adding so many records and reading them again takes at most."""
    tracemalloc.start()
    with closing(Parts()) as records:
        for each in range(number):
            records.add(f"key of the record {each}", each)
        assert sum(1 for part in records for _ in part) == number
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most
