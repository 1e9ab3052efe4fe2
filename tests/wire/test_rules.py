"""Every rule of the wire contract that has a file: tests/wire/Type/method/rule.json."""

from __future__ import annotations

from pathlib import Path

import pytest

from jmap_oauth.protocol.types import is_same_json
from tests.support.wire import FOLDER, Post, play, rules


@pytest.mark.parametrize("file", rules(), ids=lambda file: str(file.relative_to(FOLDER)))
async def test_rule(file: Path, post: Post) -> None:
    """The server answers as the file says."""
    async for answer, expected in play(file, post):
        assert answer == expected
        assert is_same_json(answer, expected)  # to Python, true is 1
