"""Words for search, keys for sorting, and the characters that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.model.text import has_bidi_controls, has_control_characters, sort_key, words

WORDS = [
    ("", []),
    (" .,-_/%*\"'", []),
    ("Hello, World", ["hello", "world"]),
    ("a-b_c.d", ["a", "b", "c", "d"]),
    ("one two one", ["one", "two"]),
    ("https://app.example/cb?x=1", ["https", "app", "example", "cb", "x", "1"]),
    ("Ops.Team@mail.example", ["ops", "team", "mail", "example"]),
    ("Café CAFÉ cafe\u0301", ["cafe"]),
    ("Ångström", ["angstrom"]),
    ("İstanbul", ["istanbul"]),
    ("STRASSE Straße", ["strasse"]),
    ("ΣΊΣΥΦΟΣ σίσυφος", ["σισυφοσ"]),
    ("ﬁne ﬂow", ["fine", "flow"]),
    ("Ｆｕｌｌ１２", ["full12"]),
    ("①②", ["12"]),
    ("日本語 テスト", ["日本語", "テスト"]),
    ("ﾃｽﾄ", ["テスト"]),
    ("naïve\u00adly", ["naive", "ly"]),
    ("x² ½", ["x2", "1", "2"]),
    ("100% sure", ["100", "sure"]),
    ("a\x00b", ["a", "b"]),
    ("NEAR(a* OR \"b\")", ["near", "a", "or", "b"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), WORDS)
def test_words_are_runs_of_letters_and_digits_without_marks_and_case(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text())
def test_words_of_words_are_the_same_words(text: str) -> None:
    """So what is searched for meets what is kept, however it was written."""
    found = words(text)
    assert words(" ".join(found)) == found


@given(st.text(), st.data())
def test_a_text_is_found_by_the_beginning_of_each_of_its_words(text: str, data: st.DataObject) -> None:
    for word in words(text):
        beginning = word[: data.draw(st.integers(1, len(word)))]
        assert words(beginning) == [beginning]


@given(st.text(alphabet=st.characters(max_codepoint=0x7F)))
def test_ascii_gives_the_same_words_the_short_way(text: str) -> None:
    assert words(text + " ä") == list(dict.fromkeys([*words(text), "a"]))


# The first is the example of RFC 5051 section 2: titlecase, then decomposition as far as it goes.
SORT_KEYS = [
    ("\u01c4", "D\u007a\u030c"),
    ("abc", "ABC"),
    ("ÉCOLE", "E\u0301COLE"),
    ("école", "E\u0301COLE"),
    ("ǆ", "Dz\u030c"),
    ("ß", "ß"),
    ("ﬁ", "fi"),
    ("ａ", "A"),
    ("Σς", "ΣΣ"),
    ("i\u0307", "I\u0307"),
    ("ı", "I"),
    ("ა", "ა"),
]


@pytest.mark.parametrize(("text", "key"), SORT_KEYS)
def test_sort_key_is_that_of_unicode_casemap(text: str, key: str) -> None:
    assert sort_key(text) == key


def test_texts_sort_without_regard_to_case_and_accents_after_their_letters() -> None:
    texts = ["zebra", "Äpfel", "apfel", "Banane", "apfelä", "école", "Ecole"]
    assert sorted(texts, key=sort_key) == ["apfel", "apfelä", "Äpfel", "Banane", "Ecole", "école", "zebra"]


@given(st.text(alphabet=st.characters(max_codepoint=0x7F)))
def test_ascii_gives_the_same_sort_key_the_short_way(text: str) -> None:
    assert sort_key(text + "é") == sort_key(text) + "E\u0301"


@given(st.characters(exclude_categories=["Cs"]))
def test_sort_keys_of_the_cases_of_a_letter_agree_where_the_mapping_is_one_to_one(character: str) -> None:
    lower = character.lower()
    if len(lower) == 1 and lower.title() == character:
        assert sort_key(lower) == sort_key(character)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x9b", "\u2028", "\u2029"])
def test_control_characters_are_found_whether_or_not_layout_is_allowed(character: str) -> None:
    assert has_control_characters(f"a{character}b")
    assert has_control_characters(f"a{character}b", allow_layout=True)


@pytest.mark.parametrize("character", ["\t", "\n", "\r"])
def test_layout_is_a_control_character_unless_it_is_allowed(character: str) -> None:
    assert has_control_characters(character)
    assert not has_control_characters(character, allow_layout=True)


@pytest.mark.parametrize("character", "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_every_bidi_control_of_unicode_is_found(character: str) -> None:
    assert has_bidi_controls(f"a{character}b")
    assert not has_control_characters(character)


def test_right_to_left_letters_are_no_controls() -> None:
    assert not has_bidi_controls("שלום مرحبا")
