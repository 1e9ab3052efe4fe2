"""The ways of SQLite to tell where rows stand: each is right in every order, whichever is quicker."""

from __future__ import annotations

from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Reader
from jmap_oauth.store.sql import TRUE, scope, steps_of
from jmap_oauth.store.sqlite import SqliteStore
from jmap_oauth.store.sqlite_indexes import Rows
from jmap_oauth.store.sqlite_snapshot import SqliteReader
from tests.store.conformance.test_query import fill, random_sort
from tests.support.stores import create, make_team
from tests.support.widget import TEAM, WIDGET


@pytest.mark.parametrize("seed", range(5))
async def test_counting_ranges_and_numbering_rows_agree_in_every_order(sqlite: SqliteStore, seed: int) -> None:
    team, random = make_team("Ours"), Random(seed)
    await create(sqlite, team, type=TEAM)
    ids = [record["id"] for record in await fill(sqlite, team["id"], random)]

    async def work(reader: Reader) -> None:
        assert isinstance(reader, SqliteReader)
        for _ in range(60):
            asked = random.sample(ids, random.choice([1, 2, 10, len(ids)]))
            matching, steps = scope(WIDGET, random.choice([GLOBAL, team["id"]])), steps_of(random_sort(random))
            rows = Rows(reader.connection, '"Widget"')
            numbered = rows.number(matching, steps, asked)
            assert rows.count_before(matching, steps, asked) == rows.find(matching, TRUE, steps, asked) == numbered

    await sqlite.read(work)
