"""The server answers as the naive model does, and mirrors that go by changes alone stay equal to it.

JMAP_OAUTH_TEST_STEPS is how many steps there are, JMAP_OAUTH_TEST_SEED which history it is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.stateful.history import History, begin

STEPS = int(os.environ.get("JMAP_OAUTH_TEST_STEPS", "300"))
SEED = int(os.environ.get("JMAP_OAUTH_TEST_SEED", "8620"))
SHOWN = 30


async def run(history: History, steps: int) -> None:
    """Take so many steps. Raises: AssertionError with the last steps, if there is a difference."""
    try:
        for _ in range(steps):
            await history.step()
        await history.finish()
    except Exception as difference:
        last = "\n".join(history.steps[-SHOWN:])
        difference.add_note(f"seed {SEED}, step {len(history.steps)}; the last steps were:\n{last}")
        raise


@pytest.mark.timeout(120 + STEPS // 10)
async def test_every_answer_is_what_the_model_expects_and_mirrors_stay_equal(tmp_path: Path) -> None:
    async with begin(tmp_path, SEED) as history:
        await run(history, STEPS)
