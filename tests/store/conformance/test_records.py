"""What is kept comes back, to whom it belongs and to nobody else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Changes, Reader, Saved, Store, Unavailable, Writer
from tests.support.stores import (
    BROKEN_CONSTRAINT,
    OpenStore,
    all_of,
    apply,
    change,
    create,
    destroy,
    get,
    make_team,
    make_widget,
)
from tests.support.widget import TEAM, WIDGET, make_model

HOSTILE = '\'; DROP TABLE "Widget" --\t%_*?\\\n' + "ﬁ é ｆ 𝔽 😀 \U0010ffff"


async def test_a_record_comes_back_as_it_was(store: Store, ours: str) -> None:
    widget = make_widget("w", ours, note=HOSTILE, tags={HOSTILE: True}, size=None, isHeavy=False)
    await create(store, widget)
    assert await get(store, ours, widget["id"]) == [widget]
    assert await get(store, GLOBAL, widget["id"]) == [widget]


async def test_members_of_a_set_keep_their_order(store: Store, ours: str) -> None:
    widget = make_widget("w", ours, tags={"z": True, "a": True, "m": True})
    await create(store, widget)
    [found] = await get(store, ours, widget["id"])
    assert list(found["tags"]) == ["z", "a", "m"]


async def test_records_come_in_the_order_of_ids_each_once_without_those_that_are_not_there(
    store: Store, ours: str
) -> None:
    first, second, third = widgets = [make_widget(f"w{number}", ours) for number in range(3)]
    await create(store, *widgets)
    ids = [third["id"], "unknown", first["id"], third["id"], "", "a\0b", first["id"] + "\0x", second["id"]]
    assert await get(store, ours, *ids) == [third, first, second]


async def test_a_thousand_records_are_read_at_once(store: Store, ours: str) -> None:
    widgets = [make_widget(f"w{number}", ours) for number in range(1_000)]
    await create(store, *widgets)
    assert await get(store, ours, *(widget["id"] for widget in reversed(widgets))) == widgets[::-1]


async def test_another_account_does_not_see_a_record(store: Store, ours: str, theirs: str) -> None:
    widget = make_widget("w", ours)
    nobodys = make_widget("n", None)
    await create(store, widget, nobodys)
    assert await get(store, theirs, widget["id"], nobodys["id"]) == []
    assert await get(store, GLOBAL, nobodys["id"], widget["id"]) == [nobodys, widget]
    assert await all_of(store, ours) == [widget]


async def test_the_account_of_an_account_is_itself(store: Store, ours: str, theirs: str) -> None:
    assert [team["id"] for team in await all_of(store, ours, TEAM)] == [ours]
    assert await get(store, ours, theirs, type=TEAM) == []
    assert {team["id"] for team in await all_of(store, GLOBAL, TEAM)} == {ours, theirs}


async def test_a_change_replaces_the_record(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    changed = await change(store, widget, note=None, size=8, tags={}, extra=HOSTILE[:50], endsAt=None)
    assert await all_of(store, ours) == [changed]


async def test_a_destroyed_record_is_gone(store: Store, ours: str) -> None:
    widget, other = make_widget("w", ours), make_widget("o", ours)
    await create(store, widget, other)
    await destroy(store, widget)
    assert await all_of(store, ours) == [other]


async def count(reader: Reader, account: str) -> int:
    return await reader.count(WIDGET, account)


async def test_count_counts_what_an_account_sees(store: Store, ours: str, theirs: str) -> None:
    await create(store, make_widget("a", ours), make_widget("b", ours), make_widget("c", None))
    counts = [await store.read(partial(count, account=account)) for account in (ours, theirs, GLOBAL)]
    assert counts == [2, 1, 4]


async def test_a_write_returns_what_its_work_returns_and_sees_its_own_changes(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)

    async def work(writer: Writer) -> object:
        await writer.apply(WIDGET, Changes(created=[Saved(widget)]))
        return await writer.get(WIDGET, ours, [widget["id"]])

    assert await store.write(work) == [widget]


async def test_a_write_that_raises_leaves_nothing(store: Store, ours: str) -> None:
    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("w", ours))]))
        await writer.apply(TEAM, Changes(created=[Saved(make_team("More"))]))
        raise ZeroDivisionError

    before = await store.version(WIDGET)
    with pytest.raises(ZeroDivisionError):
        await store.write(work)
    assert await all_of(store, ours) == []
    assert await store.version(WIDGET) == before


async def test_changing_what_is_not_there_is_a_fault(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    with pytest.raises(LookupError):
        await destroy(store, widget)
    with pytest.raises(LookupError):
        await change(store, widget, size=1)


async def test_records_are_there_after_closing_and_opening_again(open_store: OpenStore, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    folder.mkdir()
    first = await open_store(folder, make_model())
    widget = make_widget("w", None)
    await create(first, widget)
    version = await first.version(WIDGET)
    await first.close()
    second = await open_store(folder, make_model())
    assert await all_of(second, GLOBAL) == [widget]
    assert await second.version(WIDGET) == version
    await second.close()


async def test_a_closed_store_is_unavailable(open_store: OpenStore, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    store = await open_store(folder, make_model())
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await all_of(store, GLOBAL)
    with pytest.raises(Unavailable):
        await create(store, make_widget("w", None))
    with pytest.raises(Unavailable):
        await store.version(WIDGET)


async def test_an_empty_change_moves_nothing(store: Store, ours: str) -> None:
    before = await store.version(WIDGET), await store.version(TEAM)
    await apply(store, WIDGET, Changes())
    assert (await store.version(WIDGET), await store.version(TEAM)) == before


async def test_a_reference_that_leads_nowhere_is_a_fault_and_nothing_is_done(store: Store, ours: str) -> None:
    [team] = await all_of(store, ours, TEAM)
    await create(store, make_widget("w", ours))
    before = await all_of(store, GLOBAL, TEAM), await all_of(store, GLOBAL)
    with pytest.raises(BROKEN_CONSTRAINT):
        await destroy(store, team, type=TEAM)
    with pytest.raises(BROKEN_CONSTRAINT):
        await create(store, make_widget("x", "nobody"))
    assert (await all_of(store, GLOBAL, TEAM), await all_of(store, GLOBAL)) == before
