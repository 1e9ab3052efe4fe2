"""What changed since a state: exact, in parts as well, and only as far as the account sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.store.interface import CannotCalculateChanges, ChangeLog, Changes, Saved, Store, Writer
from tests.store.conformance.test_history import History, write
from tests.support.stores import OpenStore, all_of, apply, change, create, destroy, get, make_team, make_widget, state
from tests.support.widget import TEAM, WIDGET, make_model


async def log(store: Store, account: str, since: str, limit: int = 1_000) -> ChangeLog:
    return await store.read(lambda reader: reader.changes(WIDGET, account, since, limit))


async def told(store: Store, account: str, since: str) -> tuple[list[str], list[str], list[str]]:
    """Return the three lists of a log that is told to the end, and see that it leads to the present state."""
    found = await log(store, account, since)
    assert (found.more, found.state) == (False, await state(store, account))
    return list(found.created), list(found.updated), list(found.destroyed)


@pytest.fixture
async def third(store: Store) -> str:
    """An account that widgets of ours move to."""
    team = make_team("Third")
    await create(store, team, type=TEAM)
    return str(team["id"])


async def test_nothing_changed_since_the_present_state(store: Store, ours: str) -> None:
    await create(store, make_widget("w", ours))
    for account in (ours, GLOBAL, "nobody"):
        assert await told(store, account, await state(store, account)) == ([], [], [])


async def test_each_kind_of_change_is_told_in_its_order(store: Store, ours: str) -> None:
    old = [make_widget(code, ours) for code in "abcd"]
    await create(store, *old)
    since = await state(store, ours), await state(store, GLOBAL)
    new = make_widget("new", ours)
    for each in (old[3], old[2]):
        await change(store, each, size=8)
    await create(store, new)
    await destroy(store, old[1])
    expected = [new["id"]], [old[3]["id"], old[2]["id"]], [old[1]["id"]]
    assert await told(store, ours, since[0]) == expected
    assert await told(store, GLOBAL, since[1]) == expected


async def test_who_was_created_and_updated_was_created(store: Store, ours: str) -> None:
    since, widget = await state(store, ours), make_widget("w", ours)
    await create(store, widget)
    await change(store, widget, size=8)
    assert await told(store, ours, since) == ([widget["id"]], [], [])


async def test_who_was_updated_and_destroyed_was_destroyed(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    since = await state(store, ours)
    await destroy(store, await change(store, widget, size=8))
    assert await told(store, ours, since) == ([], [], [widget["id"]])


async def test_who_came_and_left_again_is_not_mentioned(store: Store, ours: str, third: str) -> None:
    since, first, second = await state(store, ours), make_widget("a", ours), make_widget("b", None)
    await create(store, first, second)
    await destroy(store, first)
    await change(store, await change(store, second, teamId=ours), teamId=third)
    assert await told(store, ours, since) == ([], [], [])


async def test_a_move_destroys_in_one_account_creates_in_another_and_updates_on_the_server(
    store: Store, ours: str, third: str
) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    since = [await state(store, account) for account in (ours, third, GLOBAL)]
    await change(store, widget, teamId=third)
    assert await told(store, ours, since[0]) == ([], [], [widget["id"]])
    assert await told(store, third, since[1]) == ([widget["id"]], [], [])
    assert await told(store, GLOBAL, since[2]) == ([], [widget["id"]], [])


async def test_who_left_and_came_back_was_updated(store: Store, ours: str, third: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    since = await state(store, ours)
    for target in (third, None, ours, third, ours):
        widget = await change(store, widget, teamId=target)
    assert await told(store, ours, since) == ([], [widget["id"]], [])


async def test_who_left_and_came_back_in_one_write_was_updated_also_when_told_one_by_one(
    store: Store, ours: str, third: str
) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    since, away = await state(store, ours), {**widget, "teamId": third}

    async def there_and_back(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(updated=[(widget, Saved(away))]))
        await writer.apply(WIDGET, Changes(updated=[(away, Saved(widget))]))

    await store.write(there_and_back)
    await create(store, make_widget("next", ours))
    assert (await log(store, ours, since, 1)).updated == [widget["id"]]


async def test_a_team_sees_itself_alone(store: Store, ours: str, third: str) -> None:
    def teams(account: str, since: str) -> Any:
        return store.read(lambda reader: reader.changes(TEAM, account, since, 10))

    since = [await state(store, account, TEAM) for account in (ours, third)]
    [team] = await all_of(store, third, TEAM)
    await change(store, team, type=TEAM, name="Renamed")
    assert (await teams(ours, since[0])).updated == []
    assert (await teams(third, since[1])).updated == [third]


async def test_who_came_and_left_and_came_back_is_updated_only_after_it_was_created(
    store: Store, ours: str, third: str
) -> None:
    since, first, second = await state(store, ours), make_widget("a", ours), make_widget("b", ours)
    await create(store, first)
    await create(store, second)
    await change(store, await change(store, first, teamId=third), teamId=ours)
    one = await log(store, ours, since, 1)
    two = await log(store, ours, one.state, 2)
    assert [(part.created, part.updated, part.destroyed) for part in (one, two)] == [
        ([first["id"]], [], []),
        ([second["id"]], [first["id"]], []),
    ]
    assert await told(store, ours, since) == ([second["id"], first["id"]], [], [])


async def test_who_came_and_left_again_is_told_only_where_a_part_ends_in_between(store: Store, ours: str) -> None:
    since, guest, other = await state(store, ours), make_widget("guest", ours), make_widget("other", ours)
    await create(store, guest)
    await create(store, other)
    await destroy(store, guest)
    await create(store, make_widget("last", ours))
    parts = [await log(store, ours, since, 1)]
    parts += [await log(store, ours, parts[0].state, 2)]
    assert [(part.created, part.destroyed, part.more) for part in parts] == [
        ([guest["id"]], [], True),
        ([other["id"]], [guest["id"]], True),
    ]
    assert (await log(store, ours, since, 2)).destroyed == []


async def test_thousands_that_came_and_left_again_are_gone_through_in_parts(store: Store, ours: str) -> None:
    since = await state(store, ours)
    guests = [make_widget(f"w{number}", ours) for number in range(2_500)]
    await create(store, *guests)
    await destroy(store, *guests)
    kept = [make_widget(code, ours) for code in "abc"]
    await create(store, *kept)
    mirror = Mirror(ours, since)
    while await mirror.follow(store, 700):
        pass
    assert mirror.known == {each["id"] for each in kept}
    assert await told(store, ours, since) == ([each["id"] for each in kept], [], [])


async def test_an_object_counts_once_however_often_it_changed(store: Store, ours: str) -> None:
    since, widgets = await state(store, ours), [make_widget(code, ours) for code in "abc"]
    await create(store, *widgets)
    for each in widgets:
        await change(store, each, size=8)
    assert (await log(store, ours, since, 3)).more is False


async def test_one_write_with_many_changes_is_told_in_parts_of_its_middle(store: Store, ours: str) -> None:
    since = await state(store, ours)
    widgets = [make_widget(f"w{number}", ours) for number in range(7)]
    await create(store, *widgets)
    parts = []
    while True:
        part = await log(store, ours, since, 3)
        parts.append((part.created, part.more))
        since = part.state
        if not part.more:
            break
    ids = [widget["id"] for widget in widgets]
    assert parts == [(ids[:3], True), (ids[3:6], True), (ids[6:], False)]
    assert since == await state(store, ours)


async def test_no_middle_of_a_write_is_taken_that_was_never_given_out(store: Store, ours: str) -> None:
    since, widgets = await state(store, ours), [make_widget(f"w{number}", ours) for number in range(3)]
    await create(store, *widgets)
    number, middle, tag = (await log(store, ours, since, 1)).state.split(".")
    end, end_tag = (await state(store, ours)).split(".")
    assert (number, middle) == (end, widgets[0]["id"])
    for wrong in (f"{number}.{widgets[1]['id']}.{tag}", f"{number}.{middle}.{end_tag}", f"{number}.{tag}"):
        with pytest.raises(CannotCalculateChanges):
            await log(store, ours, wrong)


async def test_no_state_of_another_account_type_or_kind_of_text_is_taken(store: Store, ours: str, theirs: str) -> None:
    await create(store, make_widget("w", ours))
    mine = await state(store, ours)
    number, tag = mine.split(".")
    foreign = [await state(store, theirs), await state(store, GLOBAL), await state(store, ours, TEAM)]
    future = [f"{'f' * 16}.{tag}", f"{number[:-1]}{'1' if number[-1] == '0' else '0'}.{tag}"]
    malformed = [
        "",
        "0",
        number,
        f"{number}.",
        f"0{mine}",
        f"-{mine}",
        f" {mine}",
        f"{mine}\n",
        f"{mine}x",
        "x" * 9_999,
    ]
    malformed += [f"{number}.a b.{tag}", f"{number}..{tag}", f"٣.{tag}", f"{'9' * 400}.{tag}"]
    for wrong in (*foreign, *future, *malformed):
        with pytest.raises(CannotCalculateChanges):
            await log(store, ours, wrong)


# --- random histories ---


class Mirror:
    """What a client knows of an account that it only keeps up with by its changes: whom it was told of, and records."""

    def __init__(self, account: str, state: str, records: dict[str, Record] | None = None) -> None:
        self.account = account
        self.state = state
        self.records = dict(records or {})
        self.known = set(self.records)

    async def follow(self, store: Store, limit: int) -> bool:
        """Take one part of the log, and tell whether there is more."""
        part = await log(store, self.account, self.state, limit)
        assert len({*part.created, *part.updated, *part.destroyed}) == sum(map(len, self._lists(part))) <= limit
        self._learn(part)
        ids = [*part.created, *part.updated]
        for record in await store.read(lambda reader: reader.get(WIDGET, self.account, ids)):
            self.records[record["id"]] = record
        for id in part.destroyed:
            self.records.pop(id, None)
        self.state = part.state
        return part.more

    def _learn(self, part: ChangeLog) -> None:
        """No one is created who is known, and no one else updated or destroyed."""
        created, updated, destroyed = map(set, self._lists(part))
        assert not created & self.known
        assert updated | destroyed <= self.known
        self.known = self.known - destroyed | created

    def _lists(self, part: ChangeLog) -> tuple[Any, Any, Any]:
        return part.created, part.updated, part.destroyed


@pytest.mark.parametrize("seed", range(10))
async def test_who_follows_in_parts_of_any_size_while_writers_go_on_ends_with_what_is_there(
    store: Store, seed: int
) -> None:
    teams, random = [make_team("One"), make_team("Two")], Random(seed)
    await create(store, *teams, type=TEAM)
    history = History(random, [team["id"] for team in teams])
    accounts = [GLOBAL, *history.teams]
    there = {account: {record["id"]: record for record in await all_of(store, account)} for account in accounts}
    mirrors = [Mirror(account, await state(store, account), there[account]) for account in accounts * 2]
    for _ in range(40):
        await write(store, history)
        for mirror in random.sample(mirrors, 3):
            await mirror.follow(store, random.choice([1, 1, 2, 2, 5, 100]))
    for mirror in mirrors:
        while await mirror.follow(store, 3):
            pass
        assert (
            sorted(mirror.known)
            == sorted(mirror.records)
            == [each["id"] for each in await all_of(store, mirror.account)]
        )
        assert [*mirror.records.values()] == await get(store, mirror.account, *mirror.records)


async def test_who_follows_at_the_same_time_as_writers_write_ends_with_what_is_there(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """Two write and two follow, each pair over two stores on the same data."""
    folder = tmp_path / "shared"
    folder.mkdir()
    stores = [await open_store(folder, make_model()) for _ in range(2)]
    teams = [make_team("One"), make_team("Two")]
    await create(stores[0], *teams, type=TEAM)
    history, writers = History(Random(5), [team["id"] for team in teams]), asyncio.Lock()
    mirrors = [Mirror(account, await state(stores[0], account)) for account in (GLOBAL, teams[0]["id"])]

    async def write_on(store: Store) -> None:
        for _ in range(30):
            async with writers:  # the history is one, and says what there is to change
                await write(store, history)

    async def follow(mirror: Mirror, store: Store, limit: int) -> None:
        while await mirror.follow(store, limit) or not writing.done():
            pass

    writing = asyncio.gather(*map(write_on, stores))
    await asyncio.gather(writing, follow(mirrors[0], stores[1], 2), follow(mirrors[1], stores[0], 1))
    for mirror in mirrors:
        while await mirror.follow(stores[0], 1):
            pass
        assert sorted(mirror.known) == [each["id"] for each in await all_of(stores[1], mirror.account)]
    for store in stores:
        await store.close()


@pytest.mark.parametrize("seed", range(10))
async def test_a_whole_log_is_exactly_what_differs(store: Store, seed: int) -> None:
    """Of all states of a random history, to its end: who came, who left, who stayed and was touched."""
    teams = [make_team("One"), make_team("Two")]
    await create(store, *teams, type=TEAM)
    history = History(Random(seed), [team["id"] for team in teams])
    accounts = [GLOBAL, *history.teams]
    seen: list[dict[str, tuple[str, dict[str, Record]]]] = []
    for _ in range(20):
        now = {each: {record["id"]: record for record in await all_of(store, each)} for each in accounts}
        seen.append({each: (await state(store, each), now[each]) for each in accounts})
        await write(store, history)
    for account in accounts:
        now = {record["id"]: record for record in await all_of(store, account)}
        for since, then in (moment[account] for moment in seen):
            created, updated, destroyed = await told(store, account, since)
            assert (set(created), set(destroyed)) == (now.keys() - then.keys(), then.keys() - now.keys())
            assert {id for id in then.keys() & now.keys() if then[id] != now[id]} <= set(updated) <= then.keys()


# --- pruning ---

PAST, FUTURE = "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"


async def prune(store: Store, before: str) -> int:
    """Prune to the end, and return how many writes that took."""
    writes = 1
    while await store.prune(before):
        writes += 1
    return writes


async def test_states_before_what_was_pruned_cannot_be_used_and_later_ones_can(store: Store, ours: str) -> None:
    widgets = [make_widget(code, ours) for code in "abc"]
    await create(store, *widgets)
    before = await state(store, ours)
    await destroy(store, widgets[0])
    since = await state(store, ours)
    await prune(store, FUTURE)
    await destroy(store, widgets[1])
    assert await told(store, ours, since) == ([], [], [widgets[1]["id"]])
    with pytest.raises(CannotCalculateChanges):
        await log(store, ours, before)


async def test_who_left_after_the_date_is_kept(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    since = await state(store, ours)
    await destroy(store, widget)
    assert await store.prune(PAST) is False
    assert await told(store, ours, since) == ([], [], [widget["id"]])


async def test_an_account_that_nobody_left_keeps_its_states(store: Store, ours: str, third: str) -> None:
    kept, lost = make_widget("kept", third), make_widget("lost", ours)
    since = await state(store, third)
    await create(store, kept, lost)
    await destroy(store, lost)
    await prune(store, FUTURE)
    assert await told(store, third, since) == ([kept["id"]], [], [])


async def test_pruning_moves_no_state_and_no_version(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    await destroy(store, widget)
    before = await state(store, ours), await state(store, GLOBAL), await store.version(WIDGET)
    await prune(store, FUTURE)
    assert (await state(store, ours), await state(store, GLOBAL), await store.version(WIDGET)) == before


async def test_thousands_are_pruned_in_several_writes(store: Store, ours: str) -> None:
    widgets = [make_widget(f"w{number}", ours) for number in range(1_200)]
    await create(store, *widgets)
    since = await state(store, ours)
    await apply(store, WIDGET, Changes(destroyed=widgets))
    assert await prune(store, FUTURE) > 1
    with pytest.raises(CannotCalculateChanges):
        await log(store, ours, since)
    assert await told(store, ours, await state(store, ours)) == ([], [], [])
