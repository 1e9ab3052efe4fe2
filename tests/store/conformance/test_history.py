"""Random histories: after every write the store answers what a dictionary of records answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from jmap_oauth.model.definition import GLOBAL, MASK, Record
from jmap_oauth.model.query import Comparator, Query, Window, Words
from jmap_oauth.store.interface import Changes, Saved, Store, Writer
from tests.store import naive
from tests.support.stores import all_of, create, hashes, make_team, make_widget, query, state
from tests.support.widget import TEAM, WIDGET

CODE, SECRET, TOKEN = (WIDGET.by_name[name] for name in ("code", "secret", "token"))
SEARCHES = [
    Query(Words([word]), [Comparator(CODE, ascending=True)], Window(limit=100)) for word in ("red", "green", "5")
]


@dataclass
class History:
    """The records as they should be, with their hashes, and the accounts that the last write concerned."""

    random: Random
    teams: list[str]
    records: dict[str, Record] = field(default_factory=dict)
    hashes: dict[str, dict[str, str | None]] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    made: int = 0

    def next_changes(self) -> Changes:
        """Make up one change and carry it out."""
        chosen = self.random.sample([*self.records], min(len(self.records), self.random.randrange(7)))
        gone = [self.records[id] for id in chosen[: self.random.randrange(3)]]
        updated = [(self.records[id], self._changed(self.records[id])) for id in chosen[len(gone) :]]
        self._swap_codes(updated)
        created = [self._created() for _ in range(self.random.randrange(3))]
        changes = Changes(created, updated, gone)
        self._carry_out(changes)
        return changes

    def _created(self) -> Saved:
        self.made += 1
        widget = make_widget(f"c{self.made}", None, **self._values())
        return Saved(widget, {"token": f"t{self.made}", "secret": "first" if widget["secret"] else None})

    def _changed(self, old: Record) -> Saved:
        new = {**old, **self._values()}
        return Saved(new, {"secret": f"later {self.random.random()}" if new["secret"] else None})

    def _values(self) -> Record:
        """Return some values of each kind; null at times."""
        choose = self.random.choice
        return {
            "note": choose([None, "red", "Green", "blue green"]),
            "tags": choose([{}, {"red": True}, {"x": True, "5": True}]),
            "secret": choose([None, MASK]),
            "teamId": choose([None, *self.teams]),
            "size": choose([None, 1, 5]),
            "isHeavy": choose([True, False]),
            "endsAt": choose([None, "2026-01-01T00:00:00Z"]),
        }

    def _swap_codes(self, updated: list[tuple[Record, Saved]]) -> None:
        codes = [old["code"] for old, _ in updated]
        self.random.shuffle(codes)
        for (_, saved), code in zip(updated, codes, strict=True):
            saved.record["code"] = code

    def _carry_out(self, changes: Changes) -> None:
        for record in changes.destroyed:
            self._touch(self.records.pop(record["id"]))
            del self.hashes[record["id"]]
        for old, saved in changes.updated:
            self._touch(old)
            self._keep(saved)
        for saved in changes.created:
            self._keep(saved)

    def _keep(self, saved: Saved) -> None:
        id = saved.record["id"]
        self._touch(saved.record)
        self.records[id] = saved.record
        self.hashes[id] = {**self.hashes.get(id, {}), **saved.hashes}

    def _touch(self, record: Record) -> None:
        self.touched |= {GLOBAL, record["teamId"]} - {None}


async def check(store: Store, history: History, account: str) -> None:
    """Compare all that an account sees."""
    seen = [each for each in history.records.values() if account in (GLOBAL, each["teamId"])]
    assert await all_of(store, account) == sorted(seen, key=lambda record: str(record["id"]))
    assert await store.read(lambda reader: reader.count(WIDGET, account)) == len(seen)
    for search in SEARCHES:
        found = await query(store, account, search.filter, search.sort, search.window)
        assert found == naive.page(WIDGET, seen, account, search)


async def check_hashes(store: Store, history: History) -> None:
    for each in (SECRET, TOKEN):
        expected = {id: kept[each.name] for id, kept in history.hashes.items() if kept[each.name]}
        assert await hashes(store, each, [*history.records]) == expected


async def check_unique(store: Store, history: History) -> None:
    by_code = {record["code"]: record for record in history.records.values()}
    found = await store.read(lambda reader: reader.find(WIDGET, CODE, [*by_code]))
    assert by_code == {record["code"]: record for record in found}


async def write(store: Store, history: History) -> None:
    """Make one write of one or two changes."""
    changes = [history.next_changes() for _ in range(history.random.choice([1, 1, 2]))]

    async def work(writer: Writer) -> None:
        for each in changes:
            await writer.apply(WIDGET, each)

    await store.write(work)


@pytest.mark.parametrize("seed", range(25))
async def test_a_random_history_leaves_what_a_dictionary_would_hold(store: Store, theirs: str, seed: int) -> None:
    teams = [make_team("One"), make_team("Two")]
    await create(store, *teams, type=TEAM)
    others = {record["id"]: record for record in await all_of(store, theirs)}
    history = History(Random(seed), [team["id"] for team in teams])
    accounts = [GLOBAL, *history.teams]
    for _ in range(25):
        before = {account: await state(store, account) for account in accounts}
        await write(store, history)
        after = {account: await state(store, account) for account in accounts}
        assert history.touched == {account for account in accounts if before[account] != after[account]}
        history.touched.clear()
        for account in history.teams:
            await check(store, history, account)
        await check_hashes(store, history)
        await check_unique(store, history)
    everything = {**history.records, **others}
    assert {record["id"]: record for record in await all_of(store, GLOBAL)} == everything
