"""The search for words: whatever is written, it means only words."""

from __future__ import annotations

import pytest

from jmap_oauth.model.query import Comparator, NoneOf, Window, Words
from jmap_oauth.model.text import words
from jmap_oauth.store.interface import Page, Store
from tests.support.stores import change, create, destroy, make_widget, query
from tests.support.widget import WIDGET

NOTE = 'The quick-brown fox, Straße ﬁne ｆｕｌｌ Ünïcode "quoted" İstanbul 100% x_y NEAR OR a*b'

BY_CODE = [Comparator(WIDGET.by_name["code"], ascending=True)]


async def finds(store: Store, account: str, text: str) -> bool:
    """Tell whether a text, as /query takes it, finds anything."""
    return bool((await query(store, account, Words(words(text)))).ids)


@pytest.fixture(autouse=True)
async def widget(store: Store, ours: str) -> dict[str, object]:
    made = make_widget("code-1", ours, note=NOTE, tags={"Ångström": True, "日本語": True}, extra="unsearchable")
    await create(store, made)
    return made


@pytest.mark.parametrize(
    "text",
    [
        "quick", "QUI", "brown quick", "strasse", "STRASSE", "fine", "ﬁne", "full", "ｆｕ", "unicode", "ünï", "istan",
        "quoted", '"quoted"', "100%", "x y", "x_y", "near", "NEAR(quick brown)", "OR", "a*", "*", "%", "_", "",
        "b", "code-1", "1", "angstrom", "Å", "日本", "fox NEAR quick", "the\tquick", "-fox", "^the",
    ],
)  # fmt: skip
async def test_every_word_is_the_beginning_of_a_word(store: Store, ours: str, text: str) -> None:
    assert await finds(store, ours, text)


@pytest.mark.parametrize(
    "text",
    [
        "uick", "quickbrown", "fox cat", "words:quick", "NOT fox", "本", "unsearchable", "theirs", "quick OR cat",
        '" OR "7', "fox*cat", "x*z", "zinc", "A note",
    ],
)  # fmt: skip
async def test_nothing_else_is_found_and_no_character_is_an_operator(store: Store, ours: str, text: str) -> None:
    assert not await finds(store, ours, text)


async def test_a_changed_record_is_found_by_its_new_words_only(
    store: Store, ours: str, widget: dict[str, object]
) -> None:
    await change(store, widget, note=None, tags={"fresh": True})
    found = [await finds(store, ours, text) for text in ("fresh", "code", "quick", "日本")]
    assert found == [True, True, False, False]


async def test_a_destroyed_record_is_not_found_and_leaves_its_words_to_no_other(
    store: Store, ours: str, widget: dict[str, object]
) -> None:
    await destroy(store, widget)
    await create(store, make_widget("next", ours, note="other", tags={}))
    assert [await finds(store, ours, text) for text in ("quick", "other")] == [False, True]


async def test_a_moved_record_is_found_where_it_went(store: Store, ours: str, widget: dict[str, object]) -> None:
    await change(store, widget, teamId=None)
    assert not await finds(store, ours, "quick")
    assert await finds(store, "global", "quick")


async def test_a_thousand_words_are_asked_for_at_once(store: Store, ours: str) -> None:
    note = " ".join(f"w{number}" for number in range(1_000))
    await create(store, make_widget("long", ours, note=note))
    assert await finds(store, ours, note)
    assert not await finds(store, ours, f"{note} missing")


async def test_not_turns_a_search_round(store: Store, ours: str, widget: dict[str, object]) -> None:
    other = make_widget("other", ours, note=None, tags={})
    await create(store, other)
    assert (await query(store, ours, NoneOf([Words(["quick"])]))).ids == [other["id"]]


async def test_a_window_of_what_is_found_is_one_of_all_that_is_found_however_many(store: Store, ours: str) -> None:
    words_of = {"every": 1, "seventh": 7, "rare": 150}
    notes = [" ".join(word for word, step in words_of.items() if number % step == 0) for number in range(400)]
    widgets = [make_widget(f"n{number:03}", ours, note=note) for number, note in enumerate(notes)]
    await create(store, *widgets)
    for word, step in words_of.items():
        found = [widget["id"] for widget in widgets[::step]]
        for position in (0, 1, 30, 250):
            page = await query(store, ours, Words([word]), BY_CODE, Window(position=position, limit=5))
            expected = found[position : position + 5]
            assert page == Page(expected, position, more=len(found) > position + 5)
