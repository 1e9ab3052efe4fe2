"""What an answer of the API may be, whatever was asked (RFC 8620 sections 3.4, 3.6 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from jmap_oauth.protocol.errors import MethodErrorType, RequestErrorType, SetErrorType

# A request may do all kinds of wrong, but it can never be the cause of these.
FAULTS = {MethodErrorType.SERVER_FAIL, MethodErrorType.SERVER_UNAVAILABLE}
METHOD_ERRORS = frozenset(MethodErrorType) - FAULTS

PROBLEM = {"type", "status", "title", "detail"}
SHAPES: Mapping[str, tuple[set[str], set[str]]] = {
    "get": ({"accountId", "state", "list", "notFound"}, set()),
    "query": ({"accountId", "queryState", "canCalculateChanges", "position", "ids"}, {"total", "limit"}),
    "set": (
        {"accountId", "oldState", "newState", "created", "updated", "destroyed",
         "notCreated", "notUpdated", "notDestroyed"},
        set(),
    ),
}  # fmt: skip
"""The members that the answer to a method has, and those that it may have."""


def check(response: httpx.Response) -> list[Any]:
    """Check an answer of POST /api, and return its method responses: none if the request was refused as a whole."""
    content = response.json()
    if response.status_code == 400:
        assert content["type"] in frozenset(RequestErrorType)
        assert content.keys() - {"limit"} == PROBLEM
        assert ("limit" in content) == (content["type"] == RequestErrorType.LIMIT)
        return []
    assert response.status_code == 200, content
    assert content.keys() - {"createdIds"} == {"methodResponses", "sessionState"}
    for name, arguments, _ in content["methodResponses"]:
        _check_method(name, arguments)
    responses: list[Any] = content["methodResponses"]
    return responses


def _check_method(name: str, arguments: dict[str, Any]) -> None:
    if name == "error":
        assert arguments.keys() == {"type", "description"}
        assert arguments["type"] in METHOD_ERRORS, arguments
        assert len(arguments["description"]) <= 1_000
    elif name != "Core/echo":
        method = name.partition("/")[2]
        always, sometimes = SHAPES[method]
        assert always <= arguments.keys() <= always | sometimes
        if method == "set":
            _check_set(arguments)


def _check_set(arguments: Mapping[str, Any]) -> None:
    for part in ("notCreated", "notUpdated", "notDestroyed"):
        for error in (arguments[part] or {}).values():
            assert error["type"] in frozenset(SetErrorType)
            assert error["type"] != SetErrorType.INVALID_PROPERTIES or error["properties"]
    assert all("id" in created for created in (arguments["created"] or {}).values())


def check_calls(request: Mapping[str, Any], responses: list[Any]) -> None:
    """Check that each call of a well-shaped Request has its answer, in order."""
    assert len(responses) == len(request["methodCalls"])
    for (name, _, id), (answered, _, answered_id) in zip(request["methodCalls"], responses, strict=True):
        assert (answered, answered_id) in {(name, id), ("error", id)}
