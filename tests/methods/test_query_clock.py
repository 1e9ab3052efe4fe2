"""Filters that read the clock: what time alone changes is told by Foo/queryChanges like any other change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jmap_oauth.model.kinds import format_date
from jmap_oauth.protocol.types import Limits
from tests.methods.test_query_changes import Mirror, query_changes
from tests.support.stores import OpenStore
from tests.support.widgets import Client, Widgets, open_widgets

STATUSES = ("active", "heavy", "ended", "planned")
ENDED, ACTIVE = {"status": "ended"}, {"status": "active"}
BY_CODE = [{"property": "code"}]
LIMITS = Limits(max_query_results=30)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 6, 1)

    def __call__(self) -> str:
        return format_date(self.time)

    def at(self, seconds: int) -> str:
        """Return the second that is so far away."""
        return format_date(self.time + timedelta(seconds=seconds))

    def move(self, seconds: int) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def widgets(tmp_path: Path, clock: Clock, open_store: OpenStore) -> AsyncIterator[Widgets]:
    async with open_widgets(tmp_path, LIMITS, clock=clock, open_store=open_store) as opened:
        yield opened


async def followed(client: Client, filter: Any) -> Mirror:
    found = await client.query(filter=filter, sort=BY_CODE)
    return Mirror(client, {"filter": filter, "sort": BY_CODE}, found["ids"], found["queryState"])


async def test_what_ends_is_moved_by_the_second_in_which_it_does(root: Client, clock: Clock) -> None:
    id = await root.create("a", endsAt=clock.at(2))
    await root.create("b", endsAt=clock.at(9))
    old = (await root.query(filter=ENDED))["queryState"]
    answers = []
    for _ in range(2):
        clock.move(1)
        answer = await query_changes(root, old, filter=ENDED)
        answers.append((answer["removed"], answer["added"]))
    assert answers == [([], []), ([id], [{"id": id, "index": 0}])]


async def test_the_second_is_in_the_state_of_a_query_that_reads_the_clock_and_of_no_other(
    root: Client, clock: Clock
) -> None:
    states = []
    for _ in range(2):
        clock.move(1)
        states.append(
            [(await root.query(filter=filter))["queryState"] for filter in (ENDED, {"status": "heavy"}, None)]
        )
    (ended, heavy, plain), (later, *same) = states
    assert ended != later
    assert [heavy, plain] == same
    assert heavy == plain == (await root.get())["state"]


async def test_a_state_with_a_second_is_none_of_a_query_without_a_clock_nor_the_other_way_round(root: Client) -> None:
    timed, plain = [(await root.query(filter=filter))["queryState"] for filter in (ENDED, None)]
    assert (await query_changes(root, timed))["type"] == "cannotCalculateChanges"
    assert (await query_changes(root, plain, filter=ENDED))["type"] == "cannotCalculateChanges"
    assert (await root.call("x:Widget/changes", sinceState=timed))[1]["type"] == "cannotCalculateChanges"
    assert (await root.call("x:Widget/set", ifInState=timed))[1]["type"] == "stateMismatch"


async def test_what_was_changed_as_well_as_ended_is_told_once(root: Client, clock: Clock) -> None:
    changed = await root.create("a", endsAt=clock.at(1))
    old = (await root.query(filter=ENDED))["queryState"]
    await root.set(update={changed: {"size": 1}})
    created = await root.create("b", endsAt=clock.at(1))
    clock.move(1)
    answer = await query_changes(root, old, filter=ENDED, sort=BY_CODE, maxChanges=3)
    assert answer["removed"] == [changed]
    assert answer["added"] == [{"id": changed, "index": 0}, {"id": created, "index": 1}]


async def test_more_endings_than_the_server_looks_at_are_too_many(root: Client, clock: Clock) -> None:
    most = LIMITS.max_query_results
    await root.set(create={f"n{each}": {"code": f"n{each}", "endsAt": clock.at(1)} for each in range(most)})
    mirror = await followed(root, ACTIVE)
    clock.move(1)
    await root.create("one more")
    assert (await query_changes(root, mirror.state, **mirror.arguments))["type"] == "tooManyChanges"
    await root.create("at the same second", endsAt=clock())
    assert (await query_changes(root, mirror.state, **mirror.arguments))["type"] == "tooManyChanges"


async def test_as_many_endings_as_the_server_looks_at_are_told(root: Client, clock: Clock) -> None:
    most = LIMITS.max_query_results
    await root.set(create={f"n{each}": {"code": f"n{each}", "endsAt": clock.at(1)} for each in range(most)})
    old = (await root.query(filter=ACTIVE))["queryState"]
    clock.move(1)
    answer = await query_changes(root, old, filter=ACTIVE)
    assert (len(answer["removed"]), answer["added"]) == (most, [])
    assert (await query_changes(root, old, filter=ACTIVE, maxChanges=most - 1))["type"] == "tooManyChanges"


async def test_a_clock_that_is_set_back_brings_back_what_had_ended(root: Client, clock: Clock) -> None:
    await root.create("a", endsAt=clock())
    mirrors = [await followed(root, filter) for filter in (ENDED, ACTIVE)]
    clock.move(-1)
    for each in mirrors:
        await each.follow()
    assert [len(each.ids) for each in mirrors] == [0, 0]  # it is planned now: its creation is ahead


async def test_the_endings_of_another_tenant_are_not_told(red: Client, blue: Client, clock: Clock) -> None:
    await blue.create("a", endsAt=clock.at(1))
    old = (await red.query(filter=ENDED))["queryState"]
    clock.move(1)
    answer = await query_changes(red, old, filter=ENDED)
    assert (answer["removed"], answer["added"]) == ([], [])


def values(random: Random, clock: Clock) -> dict[str, Any]:
    return {
        "isHeavy": random.random() < 0.2,
        "endsAt": random.choice([None, clock(), *(clock.at(random.randrange(-5, 20)) for _ in range(4))]),
        "tags": random.choice([{}, {"red": True}, {"bare": True}]),
    }


async def write(client: Client, random: Random, clock: Clock, name: str) -> None:
    ids = (await client.query())["ids"]
    chosen = random.sample(ids, min(len(ids), random.randrange(3)))
    await client.set(
        create={f"n{each}": {"code": f"{name}-{each}", **values(random, clock)} for each in range(random.randrange(3))},
        update={id: values(random, clock) for id in chosen[1:]},
        destroy=chosen[:1],
    )


def random_filter(random: Random) -> dict[str, Any]:
    condition = random.choice([{"status": random.choice(STATUSES)}, {"status": "ended", "tag": "bare"}])
    beside = random.choice([{}, {"isHeavy": True}, {"status": random.choice(STATUSES)}])
    return {"operator": random.choice(["AND", "OR", "NOT"]), "conditions": [condition, beside]}


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_applies_the_changes_has_what_a_fresh_query_finds_at_any_second(
    widgets: Widgets, clock: Clock, seed: int
) -> None:
    random, clients = Random(seed), [await widgets.team(name, quotas={"maxWidgets": 1_000}) for name in ("one", "two")]
    clients.append(widgets.client())
    mirrors = [await followed(client, random_filter(random)) for client in clients for _ in range(6)]
    for number in range(25):
        clock.move(random.choice([0, 0, 1, 1, 3, 8, -1, -4]))
        await write(random.choice(clients), random, clock, f"{number}")
        for each in random.sample(mirrors, 6):
            await each.follow()
