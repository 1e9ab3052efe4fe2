"""Where ids stand in the results of a query, against a naive reading."""

from __future__ import annotations

from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.model.query import AllOf, Comparator, Query, Window
from jmap_oauth.store.interface import Store
from tests.store import naive
from tests.store.conformance.test_query import SORTABLE, fill, random_filter, random_sort
from tests.support.stores import all_of
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


async def test_no_ids_have_no_indexes(store: Store, ours: str, theirs: str) -> None:
    foreign = [record["id"] for record in await all_of(store, theirs)]
    for ids in ([], ["unknown"], foreign):
        await check(store, [], ours, Query(AllOf(()), [Comparator(None, ascending=True)], Window()), ids)
