"""The ways to tell where rows stand: each is right in every order, whichever is quicker."""

from __future__ import annotations

from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.indexes import Indexes
from jmap_oauth.store.interface import Reader, Store
from jmap_oauth.store.snapshot import SnapshotReader
from jmap_oauth.store.sql import TRUE, scope, steps_of
from tests.store.conformance.test_query import fill, random_sort
from tests.support.stores import create, make_team
from tests.support.widget import TEAM, WIDGET


@pytest.mark.parametrize("seed", range(5))
async def test_counting_ranges_and_numbering_rows_agree_in_every_order(store: Store, seed: int) -> None:
    team, random = make_team("Ours"), Random(seed)
    await create(store, team, type=TEAM)
    ids = [record["id"] for record in await fill(store, team["id"], random)]

    async def work(reader: Reader) -> None:
        assert isinstance(reader, SnapshotReader)
        for _ in range(60):
            asked = random.sample(ids, random.choice([1, 2, 10, len(ids)]))
            matching, steps = scope(WIDGET, random.choice([GLOBAL, team["id"]])), steps_of(random_sort(random))
            indexes = Indexes(reader, '"Widget"')
            numbered = await indexes.number(matching, steps, asked)
            assert await indexes.count_before(matching, steps, asked) == numbered
            assert await indexes.find(matching, TRUE, steps, asked) == numbered

    await store.read(work)
