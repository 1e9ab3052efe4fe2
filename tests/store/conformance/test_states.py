"""States move with what an account sees, and with nothing else."""

from __future__ import annotations

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import CannotCalculateChanges, ChangeLog, Changes, Saved, Store, Writer
from tests.support.stores import change, create, destroy, make_team, make_widget, state
from tests.support.widget import TEAM, WIDGET

FIRST, SECOND = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


async def timed(store: Store, account: str, second: str) -> str:
    return await store.read(lambda reader: reader.state(WIDGET, account, second))


async def changes(store: Store, account: str, since: str, second: str | None) -> ChangeLog:
    return await store.read(lambda reader: reader.changes(WIDGET, account, since, 10, second))


async def states(store: Store, *accounts: str) -> list[str]:
    return [await state(store, account) for account in accounts]


async def moved(store: Store, before: list[str], *accounts: str) -> list[bool]:
    """Tell for each account whether its state is not what it was."""
    return [old != new for old, new in zip(before, await states(store, *accounts), strict=True)]


async def test_every_change_moves_the_state_of_its_account_and_of_the_server(
    store: Store, ours: str, theirs: str
) -> None:
    accounts = (ours, GLOBAL, theirs)
    seen = [await states(store, *accounts)]
    widget = make_widget("w", ours)
    await create(store, widget)
    seen.append(await states(store, *accounts))
    changed = await change(store, widget, size=8)
    seen.append(await states(store, *accounts))
    await destroy(store, changed)
    seen.append(await states(store, *accounts))
    assert [len(set(of_one)) for of_one in zip(*seen, strict=True)] == [4, 4, 1]


async def test_what_belongs_to_no_account_moves_only_the_state_of_the_server(store: Store, ours: str) -> None:
    before = await states(store, ours, GLOBAL)
    await create(store, make_widget("w", None))
    assert await moved(store, before, ours, GLOBAL) == [False, True]


async def test_a_move_moves_the_states_of_the_account_left_and_of_the_one_joined(store: Store, ours: str) -> None:
    team, widget = make_team("Third"), make_widget("w", ours)
    await create(store, team, type=TEAM)
    await create(store, widget)
    for target in (team["id"], None, ours):
        accounts = [GLOBAL, *(each for each in (widget["teamId"], target) if each)]
        before = await states(store, *accounts)
        widget = await change(store, widget, teamId=target)
        assert await moved(store, before, *accounts) == [True] * len(accounts)


async def test_types_have_states_of_their_own(store: Store, ours: str) -> None:
    before = await state(store, ours, TEAM), await state(store, GLOBAL, TEAM)
    await create(store, make_widget("w", ours))
    assert (await state(store, ours, TEAM), await state(store, GLOBAL, TEAM)) == before


async def test_one_write_is_one_state_however_many_changes_it_makes(store: Store, ours: str) -> None:
    first, second = make_widget("a", ours), make_widget("b", ours)

    async def work(writer: Writer) -> list[str]:
        seen = []
        for widget in (first, second):
            await writer.apply(WIDGET, Changes(created=[Saved(widget)]))
            seen.append(await writer.state(WIDGET, ours))
        return seen

    seen = await store.write(work)
    assert {await state(store, ours)} == set(seen)


async def test_the_version_of_a_type_moves_with_every_change_at_once(store: Store, ours: str) -> None:
    seen = [await store.version(WIDGET)]
    for owner in (ours, None):
        await create(store, make_widget(f"w{owner}", owner))
        seen.append(await store.version(WIDGET))
    assert len(set(seen)) == 3


async def test_the_version_of_a_type_stands_still_for_other_types(store: Store, ours: str) -> None:
    before = await store.version(TEAM)
    await create(store, make_widget("w", ours))
    assert await store.version(TEAM) == before


async def test_a_type_that_never_changed_has_a_state_too(store: Store) -> None:
    assert await state(store, "nobody") == await state(store, "nobody") != ""


async def test_no_two_types_and_accounts_have_the_same_state(store: Store) -> None:
    states = [await state(store, account, type) for account in ("nobody", "nobody else") for type in (WIDGET, TEAM)]
    assert len(set(states)) == 4


async def test_the_states_of_many_accounts_are_the_states_of_each(store: Store, ours: str, theirs: str) -> None:
    states = await store.read(lambda reader: reader.states([ours, theirs, GLOBAL, "nobody", ours]))
    assert states == {
        ours: {"Team": await state(store, ours, TEAM)},
        theirs: {"Team": await state(store, theirs, TEAM), "Widget": await state(store, theirs)},
        GLOBAL: {"Team": await state(store, GLOBAL, TEAM), "Widget": await state(store, GLOBAL)},
        "nobody": {},
    }


async def test_a_state_may_carry_a_second_which_the_log_from_it_tells(store: Store, ours: str) -> None:
    since = await timed(store, ours, FIRST)
    widget = make_widget("w", ours)
    await create(store, widget)
    new = await timed(store, ours, SECOND)
    assert await changes(store, ours, since, SECOND) == ChangeLog([widget["id"]], [], [], new, more=False, since=FIRST)
    assert len({since, new, await timed(store, ours, FIRST), await state(store, ours)}) == 4


async def test_a_cut_log_leads_to_a_state_that_carries_the_second(store: Store, ours: str) -> None:
    since = await timed(store, ours, FIRST)
    await create(store, make_widget("a", ours), make_widget("b", ours))
    part = await store.read(lambda reader: reader.changes(WIDGET, ours, since, 1, SECOND))
    rest = await changes(store, ours, part.state, FIRST)
    assert (part.more, len(part.created), rest.since, len(rest.created)) == (True, 1, SECOND, 1)


async def test_a_second_is_not_made_up_nor_taken_away_nor_added(store: Store, ours: str, theirs: str) -> None:
    without, carries = await state(store, ours), await timed(store, ours, FIRST)
    for since, second in (
        (without, SECOND),
        (carries, None),
        (carries.replace(FIRST, SECOND), SECOND),
        (await timed(store, theirs, FIRST), SECOND),
    ):
        with pytest.raises(CannotCalculateChanges):
            await changes(store, ours, since, second)
