"""What RFC 8620 section 5.2 asks of changes that are told in parts."""

from __future__ import annotations

import re
from collections import defaultdict
from random import Random

import pytest

from jmap_oauth.config import Settings
from tests.support.widgets import Client

LETTERS = {"created": "c", "updated": "u", "destroyed": "d"}


async def write(root: Client, random: Random, ids: list[str]) -> None:
    """Create, update or destroy some object."""
    what = random.choice("cuud")
    if what == "c" or not ids:
        ids.append(await root.create(f"w{random.getrandbits(40)}"))
    elif what == "u":
        await root.set(update={random.choice(ids): {"size": random.randrange(100)}})
    else:
        await root.set(destroy=[ids.pop(random.randrange(len(ids)))])


@pytest.mark.parametrize("seed", range(5))
async def test_an_object_is_created_first_and_destroyed_last_over_all_parts(root: Client, seed: int) -> None:
    random, ids, told = Random(seed), list[str](), defaultdict[str, str](str)
    state, more, writes = (await root.get())["state"], True, 60
    while more or writes:
        for _ in range(min(writes, random.randrange(4))):
            await write(root, random, ids)
            writes -= 1
        _, part = await root.call("x:Widget/changes", sinceState=state, maxChanges=random.choice([1, 2]))
        for name, letter in LETTERS.items():
            for id in part[name]:
                told[id] += letter
        state, more = part["newState"], part["hasMoreChanges"]

    assert all(re.fullmatch("c?u*d?", kinds) for kinds in told.values())
    assert {id for id, kinds in told.items() if kinds[-1] != "d"} == set(ids)


def test_what_was_destroyed_is_remembered_for_30_days() -> None:
    assert Settings().keep_changes_days >= 30
