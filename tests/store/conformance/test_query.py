"""Filters, sorts and windows, against a naive reading of them."""

from __future__ import annotations

from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.model.filters import between, parse_filter
from jmap_oauth.model.query import AllOf, AnyOf, Comparator, Condition, FilterNode, NoneOf, Query, Window, Words
from jmap_oauth.model.query import Test as Comparison  # pytest would take it for a class of tests
from jmap_oauth.store.interface import AnchorNotFound, Page, Store
from tests.store import naive
from tests.support.stores import all_of, create, make_team, make_widget, query
from tests.support.widget import TEAM, WIDGET

DATES = ["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z", "2027-01-01T00:00:00Z"]
TEXTS = [
    "alpha beta",
    "Alpha",
    "álpha",
    "ﬁne",
    "FINE",
    "Straße",
    "strasse",
    "zz 10",
    "zz 9",
    "",
    "日本 語",
    "Ünder_score",
]
PREFIXES = ["a", "al", "alpha", "be", "fi", "stras", "1", "z", "日", "under", "score", "none"]
COMPARISONS = [each for each in Comparison if each is not Comparison.HAS]
Operator = type[AllOf] | type[AnyOf] | type[NoneOf]
OPERATORS: list[Operator] = [AllOf, AnyOf, NoneOf]
SORTABLE = [None, *(each for each in WIDGET.properties if each.sort)]


async def fill(store: Store, ours: str, random: Random) -> list[Record]:
    """Create widgets in our account, in another one and in none, and return all there are on the server."""
    other = make_team("Other")
    await create(store, other, type=TEAM)
    widgets = [
        make_widget(
            f"{random.choice(['w', 'W', 'é'])}{number}",
            random.choice([ours, ours, other["id"], None]),
            note=random.choice([None, *TEXTS]),
            tags=dict.fromkeys(random.sample(TEXTS[:-3], random.randrange(3)), True),
            createdAt=random.choice(DATES),
            endsAt=random.choice([None, *DATES]),
            size=random.choice([None, 0, 1, 10, 1000]),
            isHeavy=random.choice([True, False]),
            extra=random.choice([None, *TEXTS]),
        )
        for number in range(60)
    ]
    random.shuffle(widgets)
    await create(store, *widgets)
    return await all_of(store, GLOBAL)


def random_filter(random: Random, records: list[Record], depth: int = 3) -> FilterNode:
    if depth and random.random() < 0.6:
        operator: Operator = random.choice(OPERATORS)
        return operator([random_filter(random, records, depth - 1) for _ in range(random.randrange(4))])
    if random.random() < 0.25:
        return Words(random.sample(PREFIXES, random.randrange(3)))
    if random.random() < 0.25:
        return has_tag(random.choice([*TEXTS, "bare"]))
    name = random.choice(["code", "endsAt", "teamId", "isHeavy", "extra"])
    test = random.choice(COMPARISONS) if name == "endsAt" else Comparison.EQUAL
    nullable = name not in ("code", "isHeavy") and test is Comparison.EQUAL
    values = [record[name] for record in records if nullable or record[name] is not None]
    return Condition(WIDGET.by_name[name], test, random.choice(values))


def has_tag(tag: str) -> FilterNode:
    return Condition(WIDGET.by_name["tags"], Comparison.HAS, tag)


def has_status(name: str, now: str) -> FilterNode:
    return parse_filter(WIDGET, {"status": name}, frozenset(), str, now)


def random_sort(random: Random) -> list[Comparator]:
    return [Comparator(random.choice(SORTABLE), random.random() < 0.5) for _ in range(random.randrange(1, 4))]


def random_window(random: Random, records: list[Record]) -> Window:
    limit = random.choice([0, 1, 7, 100])
    if random.random() < 0.5:
        return Window(position=random.choice([0, 1, 5, 59, 500, -1, -5, -500]), limit=limit)
    return Window(anchor=random.choice(records)["id"], anchor_offset=random.choice([0, 1, -1, -7, 9]), limit=limit)


async def ask(store: Store, account: str, asked: Query) -> Page | None:
    """Return the answer of a query; None stands for an anchor that is not found."""
    try:
        return await store.read(lambda reader: reader.query(WIDGET, account, asked))
    except AnchorNotFound:
        return None


def expect(records: list[Record], account: str, asked: Query) -> Page | None:
    try:
        return naive.page(WIDGET, records, account, asked)
    except AnchorNotFound:
        return None


@pytest.mark.parametrize("seed", range(10))
async def test_random_queries_find_what_a_naive_reading_finds(store: Store, ours: str, seed: int) -> None:
    random = Random(seed)
    records = await fill(store, ours, random)
    for _ in range(60):
        sort, window = random_sort(random), random_window(random, records)
        asked = Query(random_filter(random, records), sort, window, random.random() < 0.5)
        for account in (ours, GLOBAL):
            assert await ask(store, account, asked) == expect(records, account, asked), asked


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("each", SORTABLE, ids=lambda each: each.name if each else "id")
async def test_every_sort_puts_nulls_last_and_breaks_ties_by_ascending_id(
    store: Store, ours: str, each: None, ascending: bool
) -> None:
    records = await fill(store, ours, Random(1))
    sort = [Comparator(each, ascending)]
    mine = [record for record in records if record["teamId"] == ours]
    found = await query(store, ours, sort=sort)
    assert [record["id"] for record in naive.ordered(mine, sort)] == found.ids


@pytest.mark.parametrize("offset", [-3, 0, 2])
async def test_any_record_can_be_the_anchor_in_any_order(store: Store, ours: str, offset: int) -> None:
    records = await fill(store, ours, Random(2))
    for seed in range(8):
        sort = random_sort(Random(seed))
        for record in records:
            asked = Query(AllOf(()), sort, Window(anchor=record["id"], anchor_offset=offset, limit=3))
            assert await ask(store, ours, asked) == expect(records, ours, asked)


async def test_an_anchor_that_does_not_match_or_is_not_ours_is_not_found(store: Store, ours: str, theirs: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    [foreign] = await all_of(store, theirs)
    for anchor, filter in ((widget["id"], NoneOf([AllOf(())])), (foreign["id"], AllOf(())), ("unknown", AllOf(()))):
        with pytest.raises(AnchorNotFound):
            await query(store, ours, filter, window=Window(anchor=anchor, limit=1))


async def test_an_anchor_on_the_last_record_with_an_offset_of_one_gives_an_empty_page(store: Store, ours: str) -> None:
    widgets = [make_widget(f"w{number}", ours) for number in range(3)]
    await create(store, *widgets)
    window = Window(anchor=widgets[0]["id"], anchor_offset=1, limit=5)
    assert await query(store, ours, window=window) == Page([], 3, False)


async def test_a_filter_cannot_reach_beyond_the_account(store: Store, ours: str, theirs: str) -> None:
    everything: list[FilterNode] = [
        AnyOf([AllOf(()), Condition(WIDGET.by_name["teamId"], Comparison.EQUAL, theirs)]),
        NoneOf(()),
        Condition(WIDGET.by_name["teamId"], Comparison.EQUAL, theirs),
        Condition(WIDGET.by_name["code"], Comparison.EQUAL, "theirs"),
        Words(["theirs"]),
    ]
    for filter in everything:
        assert await query(store, ours, filter, calculate_total=True) == Page([], 0, False, 0)


async def test_the_total_counts_what_matches_whatever_the_window(store: Store, ours: str) -> None:
    widgets = [make_widget(f"w{number}", ours, isHeavy=number % 2 == 0) for number in range(9)]
    await create(store, *widgets)
    heavy = Condition(WIDGET.by_name["isHeavy"], Comparison.EQUAL, True)
    window = Window(position=1, limit=2)
    expected = Page([widgets[6]["id"], widgets[4]["id"]], 1, True, 5)
    assert await query(store, ours, heavy, window=window, calculate_total=True) == expected


async def test_a_set_is_found_by_each_member_as_it_is_written_and_an_empty_one_by_what_it_means(
    store: Store, ours: str
) -> None:
    tags: list[list[str]] = [["a", "ab", "%"], ["A"], [], ["b", "bare"], ["a_"]]
    widgets = [make_widget(f"w{number}", ours, tags=dict.fromkeys(each, True)) for number, each in enumerate(tags)]
    await create(store, *widgets)
    places = {widget["id"]: place for place, widget in enumerate(widgets)}
    found = {
        tag: {places[id] for id in (await query(store, ours, has_tag(tag))).ids} for tag in ("a", "b", "%", "bare")
    }
    assert found == {"a": {0}, "b": {3}, "%": {0}, "bare": {2, 3}}
    assert {places[id] for id in (await query(store, ours, NoneOf([has_tag("bare")]))).ids} == {0, 1, 4}


async def test_at_each_second_every_object_has_one_status_which_the_declaration_tells(store: Store, ours: str) -> None:
    records = [record for record in await fill(store, ours, Random(3)) if record["teamId"] == ours]
    assert WIDGET.status is not None
    for now in ("2025-12-31T23:59:59Z", *DATES):
        for name in WIDGET.status.labels:
            expected = {record["id"] for record in records if WIDGET.status.of(record, now) == name}
            assert set((await query(store, ours, has_status(name, now))).ids) == expected


async def test_the_clock_passes_a_date_when_it_reaches_it(store: Store, ours: str) -> None:
    widgets = [make_widget(f"w{number}", ours, endsAt=date) for number, date in enumerate([None, *DATES])]
    await create(store, *widgets)
    for one, other, passed in ((0, 1, {2}), (1, 0, {2}), (0, 3, {2, 3, 4}), (1, 1, set())):
        filter = between(WIDGET.by_name["endsAt"], DATES[one], DATES[other])
        assert set((await query(store, ours, filter)).ids) == {widgets[each]["id"] for each in passed}


def many(filter: FilterNode, number: int) -> list[FilterNode]:
    return [filter] * number


@pytest.mark.parametrize("operator", OPERATORS)
async def test_a_thousand_conditions_stand_side_by_side(store: Store, ours: str, operator: Operator) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    code = Condition(WIDGET.by_name["code"], Comparison.EQUAL, "w")
    for node in (code, Words(["w"]), NoneOf([Words(["w"])]), has_tag("zinc"), has_status("planned", DATES[0])):
        filter = operator(many(node, 1_000))
        expected = [widget["id"]] if naive.matches(WIDGET, filter, widget) else []
        assert (await query(store, ours, filter)).ids == expected


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("depth", [10, 30, 60])
async def test_a_thousand_conditions_are_nested(store: Store, ours: str, depth: int, timed: bool) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    leaf = has_status("planned", DATES[0]) if timed else Condition(WIDGET.by_name["code"], Comparison.EQUAL, "w")
    filter: FilterNode = leaf
    for level in range(depth):
        filter = OPERATORS[level % 3]([*many(leaf, 500 // depth), filter, *many(NoneOf([leaf]), 500 // depth)])
    expected = [widget["id"]] if naive.matches(WIDGET, filter, widget) else []
    assert (await query(store, ours, filter)).ids == expected
