"""States across epochs: what a database that was put back or copied takes, and what it refuses."""

from __future__ import annotations

import pytest

from jmap_oauth.store.interface import CannotCalculateChanges
from jmap_oauth.store.states import Cursor, States, begin_epoch
from tests.support.widget import WIDGET

IDENTITY = "0123456789abcdef0123456789abcdef"


def write(identity: str, number: int, id: str = "~") -> str:
    return States(identity).write(WIDGET, "global", Cursor(number, id))


def read(identity: str, state: str) -> Cursor:
    return States(identity).read(WIDGET, "global", state, timed=False)[0]


def takes(identity: str, state: str) -> bool:
    try:
        read(identity, state)
    except CannotCalculateChanges:
        return False
    return True


@pytest.mark.parametrize("number", [0, 1, 7])
def test_states_up_to_the_last_common_write_are_the_same(number: int) -> None:
    later = begin_epoch(IDENTITY, 7)
    assert write(later, number) == write(IDENTITY, number)
    assert write(later, number, "i1") == write(IDENTITY, number, "i1")
    assert States(later).read(WIDGET, "global", write(IDENTITY, number, "i1"), timed=False) == (
        Cursor(number, "i1"),
        None,
    )


@pytest.mark.parametrize("number", [8, 9])
def test_states_of_what_was_lost_are_refused_and_not_given_out_again(number: int) -> None:
    later = begin_epoch(IDENTITY, 7)
    assert not takes(later, write(IDENTITY, number))
    assert not takes(later, write(IDENTITY, number, "i1"))
    assert write(later, number) != write(IDENTITY, number)
    assert read(later, write(later, number)) == Cursor(number)


def test_two_copies_know_their_own_states_only() -> None:
    one, other = begin_epoch(IDENTITY, 7), begin_epoch(IDENTITY, 7)
    assert [takes(one, write(other, number)) for number in (7, 8)] == [True, False]


def test_each_epoch_takes_the_states_of_its_own_numbers() -> None:
    second = begin_epoch(IDENTITY, 7)
    third = begin_epoch(second, 20)
    assert [takes(third, write(second, number)) for number in (7, 8, 20, 21)] == [True, True, True, False]
    assert [takes(third, write(IDENTITY, number)) for number in (7, 8, 20)] == [True, False, False]


def test_an_epoch_in_which_nothing_was_written_leaves_nothing() -> None:
    again = begin_epoch(begin_epoch(IDENTITY, 7), 7)
    assert len(again.split()) == 2
    assert takes(again, write(IDENTITY, 7))


def test_put_back_before_an_epoch_it_is_as_if_that_had_never_been() -> None:
    second = begin_epoch(IDENTITY, 7)
    back = begin_epoch(second, 3)
    assert [takes(back, write(IDENTITY, number)) for number in (3, 4, 7)] == [True, False, False]
    assert not takes(back, write(second, 8))


def test_an_identity_does_not_grow_without_end() -> None:
    identity = IDENTITY
    for number in range(100):
        identity, before = begin_epoch(identity, number), identity
    assert len(identity) < 1_000
    assert takes(identity, write(before, 99))


def test_the_second_of_a_state_is_bound_to_its_epoch_too() -> None:
    second = "2026-01-01T00:00:00Z"
    later = begin_epoch(IDENTITY, 7)
    for number in (7, 8):
        timed = States(later).write(WIDGET, "global", Cursor(number), second)
        assert States(later).read(WIDGET, "global", timed, timed=True) == (Cursor(number), second)
        assert not takes(later, timed)
        assert takes(later, write(IDENTITY, number)) == (number == 7)
