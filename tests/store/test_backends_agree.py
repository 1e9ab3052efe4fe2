"""Both databases give the very same answers to searches and sorts, over one corpus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.model.query import AllOf, Comparator, NoneOf, Query, Window, Words
from jmap_oauth.model.text import words
from jmap_oauth.store.interface import Page, Store
from tests.support.stores import BACKENDS, create, make_widget
from tests.support.widget import WIDGET, make_model

LONG = "x" * 499
TEXTS: Sequence[str | None] = [
    None,
    "",
    "a",
    "A",
    "á",
    "Á",
    "a\u0301",
    "à la carte",
    "Ångström",
    "ångstrom",
    "Zoë",
    "zoe",
    "ZOE",
    "naïve café",
    "ﬁne ﬂow",
    "fine flow",
    "ﬃx",
    "ǆ",
    "Ǆ",
    "ß",
    "ss",
    "SS",
    "ẞ",
    "Straße",
    "STRASSE",
    "İstanbul",
    "istanbul",
    "ıi",
    "ｆｕｌｌ ｗｉｄｔｈ",
    "full width",
    "Ｆｕｌｌ１２３",
    "½ price",
    "x²",
    "x2",
    "№ 5",
    "ﷺ",
    "㌖",
    "日本語",
    "日本",
    "語",
    "한국어",
    "ελληνικά",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "Привет",
    "привет",
    "עברית",
    "عربى",
    "हिन्दी",
    "ไทย",
    "😀",
    "😀 smile",
    "𝔽raktur",
    "\U0010ffff",
    "https://app.example.com/cb?x=1&y=%20#f",
    "http://127.0.0.1:8080/callback",
    "com.example.app:/cb",
    "a.b-c_d/e",
    "it's",
    "O'Brien \\ 'quoted' \"double\"",
    "a & b | !c <-> d:*",
    "100%",
    "_",
    "\ue000",
    "\uffee",
    "~",
    "zz 9",
    "zz 10",
    LONG,
    LONG + "y",
    LONG + "yz",
    LONG + "yzé" * 60,
    LONG * 3,
    LONG * 3 + "b",
    LONG * 3 + "a",
    LONG + "\U0001d53d" * 200,
    "é" * 900,
    "é" * 900 + "a",
    "é" * 900 + "b",
    "é" * 599,
    "é" * 300,
    "é" * 300 + "a",
    "x" * 600,
    "x" * 601,
    "x" * 600 + "!",
]
SEARCHES = [
    *(text for text in TEXTS if text),
    "an",
    "strass",
    "fi",
    "ful",
    "example",
    "127 0",
    "o brien",
    "smile 😀",
    "d:*",
    "'",
    "\\",
    LONG[:-1],
    LONG + "yze\u0301",
    "x" * 501,
    LONG * 3 + "c",
    LONG * 2 + "x",
    "é" * 899,
    "é" * 901,
    "e" * 500,
    "e" * 1001,
    *"0123456789abcdef",
]
SORTED = [WIDGET.by_name[name] for name in ("note", "extra", "size")]


def corpus() -> list[Record]:
    """Return widgets with each text, twice each, so that there are ties."""
    numbered = enumerate(product(TEXTS, (1, None)))
    return [make_widget(f"w{number}", None, note=text, extra=text, size=size) for number, (text, size) in numbered]


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[list[Store]]:
    """The same corpus in a store of each kind."""
    records = corpus()
    stores = [await open_store(tmp_path, make_model()) for open_store in BACKENDS.values()]
    for store in stores:
        await create(store, *records)
    yield stores
    for store in stores:
        await store.close()


async def answers(stores: Sequence[Store], queries: Sequence[Query]) -> list[list[Page]]:
    async def ask(reader: Any) -> list[Page]:
        return [await reader.query(WIDGET, GLOBAL, query) for query in queries]

    return [await store.read(ask) for store in stores]


async def test_every_search_finds_the_same(both: list[Store]) -> None:
    window = Window(limit=1_000)
    nodes = [Words(words(text)) for text in SEARCHES]
    queries = [
        Query(each, [Comparator(None, ascending=True)], window) for node in nodes for each in (node, NoneOf([node]))
    ]
    first, second = await answers(both, queries)
    assert first == second
    assert len({tuple(page.ids) for page in first}) > 40


@pytest.mark.parametrize("window", [Window(limit=1_000), Window(position=100, limit=7), Window(position=-9, limit=5)])
async def test_every_sort_gives_the_same_order(both: list[Store], window: Window) -> None:
    ways = [Comparator(each, ascending) for each in SORTED for ascending in (True, False)]
    last = Comparator(None, ascending=False)
    queries = [
        Query(AllOf(()), list(sort), window) for sort in [*product(ways), *product(ways, ways), *product(ways, [last])]
    ]
    first, second = await answers(both, queries)
    assert first == second


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("each", SORTED, ids=lambda each: each.name)
async def test_every_record_has_the_same_index(both: list[Store], each: Any, ascending: bool) -> None:
    query = Query(AllOf(()), [Comparator(each, ascending)], Window(limit=1_000))
    [page, _] = [pages[0] for pages in await answers(both, [query])]
    for ids in (page.ids, page.ids[::7], page.ids[-1:]):
        expected = {id: page.ids.index(id) for id in ids}
        for store in both:
            assert await store.read(lambda reader: reader.indexes(WIDGET, GLOBAL, query, ids)) == expected  # noqa: B023
