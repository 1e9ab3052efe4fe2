"""The examples of RFC 8620, types renamed: whole requests, whole answers, and what the methods got to see.

The methods answer as in the example. That one call has several answers (section 3.4.1) is left out: no method of this
server does that.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jmap_oauth.protocol.dispatch import Call, Dispatcher, Method
from jmap_oauth.protocol.types import CORE, Limits

EXAMPLES = sorted((Path(__file__).parent / "fixtures").glob("*.json"))
CAPABILITIES = frozenset({CORE, "urn:ietf:params:jmap:mail"})


def scripted(results: list[Any], received: list[Any]) -> Callable[[Call], Awaitable[object]]:
    """Return a method that gives the results one after the other, and notes its arguments and what was created."""

    async def run(call: Call) -> object:
        received.append(call.arguments)
        result = results.pop(0)
        if "create" in call.arguments:
            call.created_ids.update({key: item["id"] for key, item in result["created"].items()})
        return result

    return run


def scripted_methods(response: dict[str, Any], received: list[Any]) -> dict[str, Method]:
    results: dict[str, list[Any]] = {}
    for name, result, _ in response["methodResponses"]:
        if name not in {"error", "Core/echo"}:
            results.setdefault(name, []).append(result)
    return {name: Method(scripted(each, received)) for name, each in results.items()}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_example(path: Path) -> None:
    example = json.loads(path.read_text())
    received: list[Any] = []
    dispatcher = Dispatcher(scripted_methods(example["response"], received), CAPABILITIES, Limits())

    request = dispatcher.parse(json.dumps(example["request"]).encode())
    response = await dispatcher.run(request, None, "75128aab4b1b")

    assert (json.loads(msgspec.json.encode(response)), received) == (example["response"], example["received"])
