"""What push is told of, over a store of widgets."""

from __future__ import annotations

import pytest

from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.watch import ChangeWatch
from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Store
from tests.support.stores import create, make_team, make_widget, state
from tests.support.widget import TEAM
from tests.support.widgets import Widgets


@pytest.fixture
def store(widgets: Widgets) -> Store:
    return widgets.backing.store


@pytest.fixture
def watch(widgets: Widgets) -> ChangeWatch:
    return ChangeWatch(widgets.backing.model, widgets.backing.store, widgets.backing.policy)


async def test_states_are_those_of_get_under_the_names_of_the_wire(store: Store, watch: ChangeWatch) -> None:
    ours, theirs = make_team("Ours"), make_team("Theirs")
    await create(store, ours, theirs, type=TEAM)
    await create(store, make_widget("one", ours["id"]))

    assert await watch.states([GLOBAL, ours["id"], theirs["id"], "i0123456789abcdefghijklmno"]) == {
        GLOBAL: {"x:Team": await state(store, GLOBAL, TEAM), "x:Widget": await state(store, GLOBAL)},
        ours["id"]: {"x:Team": await state(store, ours["id"], TEAM), "x:Widget": await state(store, ours["id"])},
        theirs["id"]: {"x:Team": await state(store, theirs["id"], TEAM)},
        "i0123456789abcdefghijklmno": {},
    }


async def test_the_version_moves_with_any_type_and_not_without(store: Store, watch: ChangeWatch) -> None:
    versions = [await watch.version(), await watch.version()]
    await create(store, make_team("Ours"), type=TEAM)
    versions.append(await watch.version())
    await create(store, make_widget("one", None))
    versions.append(await watch.version())

    assert [each == versions[1] for each in versions] == [True, True, False, False]
    assert versions[2] != versions[3]


@pytest.mark.parametrize(
    ("permissions", "types"),
    [
        ({"sysWidgetGet", "sysTeamGet"}, ["x:Team", "x:Widget"]),
        ({"sysTeamGet", "sysWidgetQuery", "sysWidgetUpdate"}, ["x:Team"]),
        (set(), []),
    ],
)
async def test_only_types_that_a_principal_may_get_are_readable(
    watch: ChangeWatch, permissions: set[str], types: list[str]
) -> None:
    assert watch.readable(Principal(id="k", name="Ada", permissions=frozenset(permissions))) == types
