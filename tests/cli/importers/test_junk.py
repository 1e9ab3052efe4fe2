"""Files in which anything may stand where something else is expected: nothing but a report or an error comes of it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from jmap_oauth.cli.importers.source import read_values
from tests.cli.importers.test_mapping import FORMATS, SAMPLES

JUNK: list[Any] = [
    *(None, True, 0, -1, 10**12, 10**30, 1.5, "", " ", "x", "##", "*", "http://[", "1e999999999", "9999999999999"),
    *([], [None], [[]], [{}], ["http://[x"], {}, {"a": {}}, {"": None}),
]


def spoiled(random: Random, value: Any) -> Any:
    """Return a value in which some parts are replaced."""
    if random.random() < 0.12:
        return random.choice(JUNK)
    if isinstance(value, dict):
        return {name: spoiled(random, each) for name, each in value.items()}
    return [spoiled(random, each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("clients", "name"), FORMATS, ids=[name for _, name in FORMATS])
def test_whatever_stands_in_a_file_each_object_is_read_or_skipped(clients: Any, name: str) -> None:
    values, random = read_values(str(SAMPLES / name)), Random(name)
    for _ in range(150):
        for each in clients([(place, spoiled(random, value)) for place, value in values]):
            assert each.skipped or each.label
            json.dumps([each.label, each.properties, each.secret, each.left_out])
