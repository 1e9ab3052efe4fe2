"""Where ids stand in the results of a query, against a naive reading."""

from __future__ import annotations

from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.model.query import AllOf, Comparator, Condition, NoneOf, Query, Window
from jmap_oauth.model.query import Test as Comparison  # pytest would take it for a class of tests
from jmap_oauth.store.interface import Store
from tests.store import naive
from tests.store.conformance.test_query import DATES, SORTABLE, fill, random_filter, random_sort
from tests.support.stores import all_of, create, make_widget
from tests.support.widget import WIDGET


def expect(records: list[Record], account: str, asked: Query, ids: list[str]) -> dict[str, int]:
    whole = Query(asked.filter, asked.sort, Window(limit=len(records)))
    found = naive.page(WIDGET, records, account, whole).ids
    return {id: found.index(id) for id in ids if id in found}


async def check(store: Store, records: list[Record], account: str, asked: Query, ids: list[str]) -> None:
    indexes = await store.read(lambda reader: reader.indexes(WIDGET, account, asked, ids))
    assert indexes == expect(records, account, asked, ids), asked


@pytest.mark.parametrize("seed", range(10))
async def test_random_ids_stand_where_a_naive_reading_puts_them(store: Store, ours: str, seed: int) -> None:
    random = Random(seed)
    records = await fill(store, ours, random)
    for _ in range(40):
        asked = Query(random_filter(random, records), random_sort(random), Window())
        ids = [each["id"] for each in random.sample(records, random.choice([1, 2, 9, len(records)]))]
        for account in (ours, GLOBAL):
            await check(store, records, account, asked, [*ids, "unknown"])


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("property", SORTABLE)
async def test_without_a_filter_ids_are_counted_in_every_order(
    store: Store, ours: str, property: object, ascending: bool
) -> None:
    records = await fill(store, ours, Random(7))
    each = next(one for one in SORTABLE if one is property)
    for sort in ([Comparator(each, ascending)], [Comparator(each, ascending), Comparator(None, not ascending)]):
        for count in (1, 5, len(records)):
            ids = [record["id"] for record in Random(count).sample(records, count)]
            for account in (ours, GLOBAL):
                await check(store, records, account, Query(AllOf(()), sort, Window()), ids)


@pytest.mark.parametrize("common", [None, "2026-06-01T00:00:00Z"])
async def test_where_most_are_alike_or_match_ids_are_counted_too(store: Store, ours: str, common: str | None) -> None:
    random, ends = Random(3), WIDGET.by_name["endsAt"]
    dates = [common] * 8 + [None, *DATES]
    widgets = [make_widget(f"w{number}", ours, endsAt=random.choice(dates), size=number % 7) for number in range(60)]
    await create(store, *random.sample(widgets, len(widgets)))
    records = await all_of(store, GLOBAL)
    for filter in (AllOf(()), NoneOf([Condition(WIDGET.by_name["code"], Comparison.EQUAL, "w5")])):
        for way in (True, False):
            sort = [Comparator(ends, way), Comparator(WIDGET.by_name["size"], not way), Comparator(None, way)]
            for some in (random.sample(widgets, 9), widgets):
                for account in (ours, GLOBAL):
                    ids = [each["id"] for each in some]
                    await check(store, records, account, Query(filter, sort, Window()), ids)


async def test_no_ids_have_no_indexes(store: Store, ours: str, theirs: str) -> None:
    foreign = [record["id"] for record in await all_of(store, theirs)]
    for ids in ([], ["unknown"], foreign):
        await check(store, [], ours, Query(AllOf(()), [Comparator(None, ascending=True)], Window()), ids)
