"""Values that are unique on the whole server, hashes of secrets, references."""

from __future__ import annotations

from jmap_oauth.model.definition import MASK, Property, Record
from jmap_oauth.store.interface import Changes, Saved, Store, Writer
from tests.support.stores import all_of, apply, create, hashes, make_widget
from tests.support.widget import TEAM, WIDGET

CODE, TOKEN, SECRET, ORIGIN, TEAM_ID = (
    WIDGET.by_name[name] for name in ("code", "token", "secret", "origin", "teamId")
)


async def find(store: Store, property: Property, *values: str) -> list[Record]:
    return await store.read(lambda reader: reader.find(WIDGET, property, values))


async def test_find_looks_for_unique_values_in_all_accounts(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    found = await find(store, CODE, "w", "theirs", "unknown", "W", "w\0", "w")
    assert sorted(each["code"] for each in found) == ["theirs", "w"]


async def test_find_looks_for_a_unique_secret_by_its_hash(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    await apply(store, WIDGET, Changes(created=[Saved(widget, {"token": "digest"})]))
    assert await find(store, TOKEN, "digest") == [widget]
    assert await find(store, TOKEN, MASK) == []


async def test_find_looks_for_what_is_hidden(store: Store, ours: str) -> None:
    widget = make_widget("w", ours, origin="here")
    await create(store, widget, make_widget("o", ours, origin=None))
    assert await find(store, ORIGIN, "here") == [widget]


async def test_hashes_are_kept_beside_the_records(store: Store, ours: str) -> None:
    with_secret, without = make_widget("a", ours, secret=MASK), make_widget("b", ours)
    saved = [Saved(with_secret, {"secret": "hash", "token": "one"}), Saved(without, {"token": "two"})]
    await apply(store, WIDGET, Changes(created=saved))
    ids = [with_secret["id"], without["id"], "unknown"]
    assert await hashes(store, SECRET, ids) == {with_secret["id"]: "hash"}
    assert await hashes(store, TOKEN, ids) == {with_secret["id"]: "one", without["id"]: "two"}


async def test_a_hash_changes_only_when_it_is_given_and_none_removes_it(store: Store, ours: str) -> None:
    widget = make_widget("w", ours, secret=MASK)
    await apply(store, WIDGET, Changes(created=[Saved(widget, {"secret": "one", "token": "t"})]))
    steps: list[tuple[Saved, dict[str, str]]] = [
        (Saved({**widget, "size": 8}), {widget["id"]: "one"}),
        (Saved({**widget, "size": 9}, {"secret": "two"}), {widget["id"]: "two"}),
        (Saved({**widget, "secret": None}, {"secret": None}), {}),
    ]
    for saved, expected in steps:
        await apply(store, WIDGET, Changes(updated=[(widget, saved)]))
        assert await hashes(store, SECRET, [widget["id"]]) == expected
        assert await hashes(store, TOKEN, [widget["id"]]) == {widget["id"]: "t"}
        widget = saved.record


async def test_three_records_can_swap_their_unique_values(store: Store, ours: str) -> None:
    old = [make_widget(code, ours, origin=f"from {code}") for code in "abc"]
    saved = [Saved(each, {"token": f"digest of {each['code']}"}) for each in old]
    await apply(store, WIDGET, Changes(created=saved))
    new = [
        Saved({**each, "code": code, "origin": f"from {code}"}, {"token": f"digest of {code}"})
        for each, code in zip(old, "bca", strict=True)
    ]
    await apply(store, WIDGET, Changes(updated=list(zip(old, new, strict=True))))
    assert await all_of(store, ours) == [saved.record for saved in new]
    for each in new:
        assert await find(store, CODE, each.record["code"]) == [each.record]
        assert await find(store, TOKEN, f"digest of {each.record['code']}") == [each.record]


async def test_a_value_that_a_change_gives_up_can_be_taken_in_the_same_change(store: Store, ours: str) -> None:
    first, second = make_widget("a", ours), make_widget("b", ours)
    await create(store, first, second)
    heir, new = {**second, "code": "a"}, make_widget("b", ours)
    await apply(store, WIDGET, Changes(created=[Saved(new)], updated=[(second, Saved(heir))], destroyed=[first]))
    assert await all_of(store, ours) == [heir, new]


async def test_referring_tells_who_refers_to_what_in_all_accounts(store: Store, ours: str, theirs: str) -> None:
    widgets = [make_widget(f"w{number}", ours) for number in range(3)]
    await create(store, *widgets, make_widget("n", None))
    ids = [ours, theirs, "unknown", ours]
    found = await store.read(lambda reader: reader.referring(WIDGET, TEAM_ID, ids, 10))
    assert {(ours, widget["id"]) for widget in widgets} == {pair for pair in found if pair[0] == ours}
    assert [sum(referred == id for referred, _ in found) for id in (ours, theirs)] == [3, 1]
    assert len(await store.read(lambda reader: reader.referring(WIDGET, TEAM_ID, ids, 2))) == 2


async def test_one_write_can_destroy_an_object_and_what_refers_to_it(store: Store, ours: str) -> None:
    widget = make_widget("w", ours)
    await create(store, widget)
    [team] = await all_of(store, ours, TEAM)

    async def work(writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(destroyed=[widget]))
        await writer.apply(TEAM, Changes(destroyed=[team]))

    await store.write(work)
    assert await all_of(store, ours, TEAM) == []
