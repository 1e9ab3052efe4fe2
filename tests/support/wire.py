"""Wire tests: whole requests and whole answers, in files, for any server.

A file holds `about` (the fact that it shows) and `steps`: `send` is a Request, `expect` its Response. In both, a string
"$name" is a variable: the first answer that has it binds it, from then on it must be the same everywhere. "$*" matches
anything, "$~word" any text in which the word stands. "${run}" inside a string is a text that no other run has. A step
may name the `key` that asks: "admin" if it does not, or one bound by "$name" before.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

Post = Callable[[str | None, Any], Awaitable[Any]]
"""Sends a Request with a key (None for the administrator's) and returns the answer's JSON."""

FOLDER = Path(__file__).parent.parent / "wire"

_VARIABLE = re.compile(r"\$(\w+)")


def rules() -> list[Path]:
    """Return the files of all wire tests."""
    return sorted(FOLDER.glob("*/*/*.json"))


async def play(file: Path, post: Post) -> AsyncIterator[tuple[Any, Any]]:
    """Run the steps of a file and yield pairs (answer, what it should be)."""
    bound: dict[str, Any] = {"run": secrets.token_hex(4)}
    for step in json.loads(file.read_text("utf-8"))["steps"]:
        key = bound[step["key"].removeprefix("$")] if step.get("key", "admin") != "admin" else None
        answer = await post(key, fill(step["send"], bound))
        yield answer, settle(step["expect"], answer, bound)


def fill(value: Any, bound: dict[str, Any]) -> Any:
    """Put the values of variables in, in keys too."""
    if isinstance(value, dict):
        return {fill(name, bound): fill(item, bound) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, bound) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith("$") and value[1:] in bound:
        return bound[value[1:]]
    return re.sub(r"\$\{(\w+)\}", lambda match: str(bound[match[1]]), value)


def settle(expected: Any, answer: Any, bound: dict[str, Any]) -> Any:
    """Return what is expected with variables replaced: by what they are bound to, or by what the answer has there."""
    if isinstance(expected, str):
        return _settle_text(expected, answer, bound)
    if isinstance(expected, dict) and isinstance(answer, dict):
        # Members in the order of the answer bind first what later ones use as keys.
        settled = {name: settle(item, answer.get(name), bound) for name, item in expected.items() if "$" not in name}
        for name, item in expected.items():
            if "$" in name:
                settled[fill(name, bound)] = settle(item, answer.get(fill(name, bound)), bound)
        return settled
    if isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        return [settle(item, other, bound) for item, other in zip(expected, answer, strict=True)]
    return fill(expected, bound)


def _settle_text(expected: str, answer: Any, bound: dict[str, Any]) -> Any:
    if expected == "$*":
        return answer
    if expected.startswith("$~"):
        return answer if isinstance(answer, str) and fill(expected[2:], bound) in answer else expected
    if variable := _VARIABLE.fullmatch(expected):
        return bound.setdefault(variable[1], answer)
    return fill(expected, bound)
