"""The server answers as the naive model does, and mirrors that go by changes alone stay equal to it.

JMAP_OAUTH_TEST_STEPS is how many steps there are at least, in histories that each begin with an empty database.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.stateful import upkeep
from tests.stateful.history import begin

STEPS = int(os.environ.get("JMAP_OAUTH_TEST_STEPS", "300"))
STEPS_OF_ONE = 50

PLACES = st.integers(0, 2)  # of the keys: without a tenant, and of two tenants
TENANTS = st.integers(1, 2)
RANDOMS = st.randoms(use_true_random=False)


class Histories(RuleBasedStateMachine):
    """One history for each run. All its steps go through one event loop, as those of a server do."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._history = self._runner.run(self._open.enter_async_context(begin(Path(self._folder.name), note)))

    def teardown(self) -> None:
        try:
            self._history.choose_by(Random(0))
            self._runner.run(self._history.finish())
        finally:
            self._runner.run(self._open.aclose())
            self._runner.close()
            self._folder.cleanup()

    def _begin_step(self, random: Random) -> None:
        Histories.steps += 1
        self._history.choose_by(random)

    @rule(places=st.lists(PLACES, min_size=1, max_size=4), random=RANDOMS)
    def write(self, places: list[int], random: Random) -> None:
        self._begin_step(random)
        for place in places:
            self._runner.run(self._history.write(self._history.keys[place]))

    @rule(
        way=st.sampled_from(["query", "get", "changes", "follow", "follow_query", "hold"]), place=PLACES, random=RANDOMS
    )
    def read(self, way: str, place: int, random: Random) -> None:
        self._begin_step(random)
        self._runner.run(getattr(self._history, way)(self._history.keys[place]))

    @rule(random=RANDOMS)
    def prune(self, random: Random) -> None:
        self._begin_step(random)
        self._runner.run(upkeep.prune(self._history))

    @rule(place=TENANTS, random=RANDOMS)
    def meet_quota(self, place: int, random: Random) -> None:
        self._begin_step(random)
        self._runner.run(upkeep.meet_quota(self._history, self._history.keys[place]))

    @rule(place=TENANTS, random=RANDOMS)
    def end_tenant(self, place: int, random: Random) -> None:
        self._begin_step(random)
        self._runner.run(upkeep.end_tenant(self._history, place))


@pytest.mark.timeout(600 + STEPS // 5)  # a failure takes minutes to be made small
def test_every_answer_is_what_the_model_expects_and_mirrors_stay_equal(
    record_property: Callable[[str, object], None],
) -> None:
    shape = settings(
        max_examples=1 + STEPS * 5 // STEPS_OF_ONE // 4,  # some histories end early
        stateful_step_count=STEPS_OF_ONE,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=shape)
    record_property("steps", Histories.steps)
    assert Histories.steps >= STEPS
