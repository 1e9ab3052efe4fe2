"""Ids of objects."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jmap_oauth.model.ids import is_id, new_id


def test_an_id_is_a_letter_and_25_characters_of_lower_case_base32() -> None:
    assert re.fullmatch("i[0-9a-v]{25}", new_id())


def test_ids_ascend_in_the_order_they_are_made() -> None:
    made = [new_id() for _ in range(5_000)]
    assert sorted(set(made)) == made


def test_ids_made_by_many_threads_are_all_different_and_ascend_in_each() -> None:
    def make(_: int) -> list[str]:
        return [new_id() for _ in range(1_000)]

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(make, range(16)))
    assert len({each for batch in made for each in batch}) == 16_000
    assert all(sorted(batch) == batch for batch in made)


def test_ids_ascend_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    assert before < new_id() < new_id()


def test_ids_begin_with_the_millisecond_so_that_those_of_several_processes_sort_by_time() -> None:
    before = time.time_ns() // 1_000_000
    milliseconds = int(new_id()[1:], 32) >> 77
    assert before <= milliseconds <= time.time_ns() // 1_000_000 + 1


def test_ids_are_ids_of_the_rfc() -> None:
    assert is_id(new_id())


@pytest.mark.parametrize("text", ["a", "A0", "-", "_", "i-_Z9", "1", "a" * 255])
def test_text_that_could_be_an_id(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "a" * 256, "a b", "#a", "a/b", "a.b", "é", "٣", "²", "a\n", "\x00", "a'--"])
def test_text_that_can_be_no_id(text: str) -> None:
    assert not is_id(text)
