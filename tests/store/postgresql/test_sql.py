"""The SQL of PostgreSQL, where it is made from values."""

from __future__ import annotations

import pytest

from jmap_oauth.store.postgresql.sql import asked, lexemes, numbered, sendable, with_names


def test_parameters_get_their_places_in_order() -> None:
    assert numbered("a = ? AND b = ANY(?)") == "a = $1 AND b = ANY($2)"


def test_a_name_has_one_place_however_often_it_stands() -> None:
    assert with_names("(a, b) > (:x, :y) OR a = :x") == ("(a, b) > ($1, $2) OR a = $1", ["x", "y"])


def test_what_no_text_can_hold_is_replaced_in_lists_too() -> None:
    assert [sendable(value) for value in ("a\0b", ["c\0", "d"], 7, None)] == ["a\x01b", ["c\x01", "d"], 7, None]


def test_short_words_are_kept_as_they_are_each_once() -> None:
    assert lexemes(["b", "a", "b"]) == ["b", "a"]


@pytest.mark.parametrize("length", [499, 500, 501, 1_000, 1_001, 2_000])
def test_every_beginning_of_a_long_word_is_the_beginning_of_one_piece_of_it(length: int) -> None:
    word = "".join(chr(ord("a") + number % 26) for number in range(length))
    pieces = lexemes([word])
    assert all(len(piece.encode()) < 2_046 for piece in pieces)
    for end in range(1, length + 1):
        beginning = asked([word[:end]]).removeprefix("'").removesuffix("':*")
        assert len([piece for piece in pieces if piece.startswith(beginning)]) == 1


def test_no_word_is_the_beginning_of_a_piece_that_follows_others() -> None:
    later = [piece for length in range(501, 601) for piece in lexemes(["x" * length])[1:]]
    assert {piece[0] for piece in later} == {"."}


def test_nothing_in_a_prefix_is_an_operator() -> None:
    assert asked(["a", "it's", "b\\"]) == "'a':* & 'it''s':* & 'b\\\\':*"


def test_more_words_than_there_is_room_for_are_a_fault() -> None:
    with pytest.raises(ValueError, match="room"):
        lexemes(f"word{number:09}" for number in range(90_000))
