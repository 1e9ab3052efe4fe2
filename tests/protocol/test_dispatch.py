"""The loop over the method calls of a request, from bytes to bytes."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import msgspec
import pytest

from jmap_oauth.protocol.dispatch import Call, Dispatcher, Method
from jmap_oauth.protocol.errors import MethodError, MethodErrorType, RequestError, RequestErrorType
from jmap_oauth.protocol.types import CORE, Limits

EXTRA = "urn:example:extra"
TOLERATED = "urn:example:tolerated"


async def fail(call: Call) -> object:
    raise KeyError("hunter2")


async def refuse(call: Call) -> object:
    raise MethodError(MethodErrorType.FORBIDDEN, "Not you.")


async def unwritable(call: Call) -> object:
    return {"hunter2": object()}


async def stop(call: Call) -> object:
    raise asyncio.CancelledError


async def create(call: Call) -> object:
    """Note the creation ids seen so far, and add those of the arguments."""
    before = dict(call.created_ids)
    call.created_ids.update(call.arguments)
    return before


async def caller(call: Call) -> object:
    return {"caller": call.caller, "using": sorted(call.using)}


async def large(call: Call) -> object:
    return {"text": "x" * 200}


METHODS = {
    "Foo/fail": Method(fail),
    "Foo/refuse": Method(refuse),
    "Foo/unwritable": Method(unwritable),
    "Foo/stop": Method(stop),
    "Foo/create": Method(create),
    "Foo/extra": Method(caller, frozenset({CORE, EXTRA})),
    "Foo/large": Method(large),
    "Foo/set": Method(large, writes=True),
}


def dispatcher(limits: Limits | None = None) -> Dispatcher:
    return Dispatcher(METHODS, frozenset({CORE, EXTRA, TOLERATED}), limits or Limits())


async def answer(request: dict[str, Any], limits: Limits | None = None) -> Any:
    served = dispatcher(limits)
    response = await served.run(served.parse(json.dumps(request).encode()), "me", "s1")
    return json.loads(msgspec.json.encode(response))


async def answers(*calls: list[Any], using: tuple[str, ...] = (CORE,), limits: Limits | None = None) -> list[Any]:
    response = await answer({"using": using, "methodCalls": calls}, limits)
    return [*response["methodResponses"]]


def error_types(given: list[Any]) -> list[str]:
    return [arguments.get("type", "") if name == "error" else "" for name, arguments, _ in given]


async def test_echo_gives_its_arguments_back() -> None:
    arguments = {"hello": True, "high": 5, "": [None, 1.5, {"a": "\u00e9\U0001f600"}], "far": 10**300}

    assert await answer({"using": [CORE], "methodCalls": [["Core/echo", arguments, "c"]]}) == {
        "methodResponses": [["Core/echo", arguments, "c"]],
        "sessionState": "s1",
    }


async def test_a_request_without_calls_has_an_answer_without_any() -> None:
    assert await answer({"using": [], "methodCalls": []}) == {"methodResponses": [], "sessionState": "s1"}


async def test_calls_are_answered_in_order_under_their_ids_repeated_or_not() -> None:
    calls = [["Core/echo", {"n": number}, call_id] for number, call_id in enumerate(["b", "a", "b", ""])]

    assert await answers(*calls) == calls


async def test_a_reference_reads_the_first_of_answers_with_the_same_id() -> None:
    pointer = {"resultOf": "a", "name": "Core/echo", "path": "/n"}
    given = await answers(
        ["Core/echo", {"n": 1}, "a"], ["Core/echo", {"n": 2}, "a"], ["Core/echo", {"#n": pointer}, "a"]
    )

    assert given[2] == ["Core/echo", {"n": 1}, "a"]


async def test_a_failing_reference_fails_its_own_call_only() -> None:
    pointer = {"resultOf": "z", "name": "Core/echo", "path": ""}
    given = await answers(["Core/echo", {"#n": pointer}, "a"], ["Core/echo", {}, "b"])

    assert error_types(given) == ["invalidResultReference", ""]


# using


async def test_a_method_that_is_not_there_is_an_unknown_method() -> None:
    assert await answers(["Foo/other", {}, "a"], ["Core/echo", {}, "b"]) == [
        ["error", {"type": "unknownMethod", "description": "There is no method 'Foo/other' with this `using`."}, "a"],
        ["Core/echo", {}, "b"],
    ]


@pytest.mark.parametrize("using", [(CORE,), (EXTRA,), (), (TOLERATED,)])
async def test_a_method_is_not_there_without_all_its_capabilities(using: tuple[str, ...]) -> None:
    assert error_types(await answers(["Foo/extra", {}, "a"], using=using)) == ["unknownMethod"]


async def test_echo_needs_core() -> None:
    assert error_types(await answers(["Core/echo", {}, "a"], using=(EXTRA,))) == ["unknownMethod"]


async def test_a_method_sees_who_is_asking_and_each_capability_once() -> None:
    assert await answers(["Foo/extra", {}, "a"], using=(CORE, EXTRA, CORE)) == [
        ["Foo/extra", {"caller": "me", "using": [EXTRA, CORE]}, "a"]
    ]


@pytest.mark.parametrize("name", ["error", "", "core/echo", "Core/Echo", "__class__"])
async def test_method_names_are_exact(name: str) -> None:
    assert error_types(await answers([name, {}, "a"])) == ["unknownMethod"]


async def test_a_long_method_name_comes_back_cut() -> None:
    [[_, arguments, _]] = await answers(["x" * 100_000, {}, "a"])

    assert arguments["description"] == f"There is no method '{'x' * 255}' with this `using`."


async def test_an_unknown_capability_refuses_the_request_before_any_call() -> None:
    with pytest.raises(RequestError) as raised:
        await answers(["Foo/stop", {}, "a"], using=(CORE, "urn:hunter2"))

    assert (raised.value.type, raised.value.detail, raised.value.limit) == (
        RequestErrorType.UNKNOWN_CAPABILITY,
        "using[1] is no capability of this server.",
        None,
    )


# Creation ids


async def test_creation_ids_go_from_call_to_call_and_back_to_the_client() -> None:
    request = {
        "using": [CORE],
        "methodCalls": [["Foo/create", {"k1": "i1"}, "a"], ["Foo/create", {"k2": "i2"}, "b"]],
        "createdIds": {"k0": "i0"},
    }

    assert await answer(request) == {
        "methodResponses": [
            ["Foo/create", {"k0": "i0"}, "a"],
            ["Foo/create", {"k0": "i0", "k1": "i1"}, "b"],
        ],
        "sessionState": "s1",
        "createdIds": {"k0": "i0", "k1": "i1", "k2": "i2"},
    }


async def test_empty_creation_ids_come_back_empty() -> None:
    response = await answer({"using": [CORE], "methodCalls": [], "createdIds": {}})

    assert response == {"methodResponses": [], "sessionState": "s1", "createdIds": {}}


@pytest.mark.parametrize("more", [{}, {"createdIds": None}], ids=["left out", "null"])
async def test_creation_ids_come_back_only_where_they_were_sent(more: dict[str, Any]) -> None:
    response = await answer({"using": [CORE], "methodCalls": [["Foo/create", {"k1": "i1"}, "a"]], **more})

    assert "createdIds" not in response


async def test_the_request_is_left_as_it_was() -> None:
    served = dispatcher()
    request = served.parse(
        b'{"using":["%s"],"methodCalls":[["Foo/create",{"k":"i"},"a"]],"createdIds":{"j":"h"}}' % CORE.encode()
    )

    await served.run(request, None, "s1")

    assert request.created_ids == {"j": "h"}


# Errors


async def test_a_refused_call_leaves_the_others_answered() -> None:
    assert await answers(["Foo/refuse", {}, "a"], ["Core/echo", {"n": 1}, "b"]) == [
        ["error", {"type": "forbidden", "description": "Not you."}, "a"],
        ["Core/echo", {"n": 1}, "b"],
    ]


@pytest.mark.parametrize("name", ["Foo/fail", "Foo/unwritable"])
async def test_an_unexpected_fault_shows_a_report_id_and_nothing_else(name: str) -> None:
    given = await answers([name, {}, "a"], ["Core/echo", {"n": 1}, "b"])
    description = given[0][1].pop("description")

    assert given == [["error", {"type": "serverFail"}, "a"], ["Core/echo", {"n": 1}, "b"]]
    assert re.fullmatch("Something went wrong here; report [0-9a-f]{16}.", description)


async def test_the_log_has_the_traceback_of_a_fault_under_its_report_id(caplog: pytest.LogCaptureFixture) -> None:
    [[_, arguments, _]] = await answers(["Foo/fail", {}, "a"])
    report = arguments["description"][-17:-1]
    [record] = caplog.records

    assert (record.levelno, record.getMessage()) == (logging.ERROR, f"Method Foo/fail failed, report {report}")
    assert record.__dict__["report"] == report
    assert "KeyError: 'hunter2'" in caplog.text


async def test_each_fault_has_a_report_id_of_its_own() -> None:
    first, second = await answers(["Foo/fail", {}, "a"], ["Foo/fail", {}, "b"])

    assert first[1]["description"] != second[1]["description"]


async def test_what_is_expected_is_not_logged_as_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    await answers(["Foo/refuse", {}, "a"], ["Foo/other", {}, "b"], ["Core/echo", {"#n": 1}, "c"])

    assert caplog.records == []


async def test_a_call_that_is_cancelled_is_no_fault() -> None:
    """Whoever stops the server or leaves it ends the request, not one call."""
    with pytest.raises(asyncio.CancelledError):
        await answers(["Foo/stop", {}, "a"])


# Sizes


def doubling(count: int) -> list[list[Any]]:
    """Return echoes of which each holds the answer before it twice."""
    first = ["Core/echo", {"text": "x" * 100}, "0"]
    return [
        first,
        *(["Core/echo", {"#a": pointer(number), "#b": pointer(number)}, str(number + 1)] for number in range(count)),
    ]


def pointer(number: int) -> dict[str, str]:
    return {"resultOf": str(number), "name": "Core/echo", "path": ""}


async def test_echoes_that_double_one_another_stay_under_the_limit() -> None:
    given = await answers(*doubling(31), limits=Limits(max_size_response=100_000))
    sizes = [len(json.dumps(arguments)) for _, arguments, _ in given]

    assert sum(sizes) < 100_000
    assert [each for each in error_types(given) if each][:2] == ["requestTooLarge", "invalidResultReference"]


async def test_echoes_that_double_one_another_pass_where_there_is_room() -> None:
    assert error_types(await answers(*doubling(8), limits=Limits(max_size_response=100_000))) == [""] * 9


async def test_an_answer_beyond_the_room_is_too_large_and_the_next_one_that_fits_is_given() -> None:
    given = await answers(["Foo/large", {}, "a"], ["Core/echo", {}, "b"], limits=Limits(max_size_response=150))

    assert given == [
        [
            "error",
            {"type": "requestTooLarge", "description": "The answers would be larger than this server sends."},
            "a",
        ],
        ["Core/echo", {}, "b"],
    ]


async def test_all_answers_together_are_counted() -> None:
    calls = [["Foo/large", {}, str(number)] for number in range(4)]
    size = len(msgspec.json.encode({"text": "x" * 200}))

    assert error_types(await answers(*calls, limits=Limits(max_size_response=3 * size))) == [
        "",
        "",
        "",
        "requestTooLarge",
    ]


async def test_what_was_changed_is_answered_whatever_the_size() -> None:
    calls = [["Foo/set", {}, "a"], ["Foo/set", {}, "b"], ["Core/echo", {}, "c"]]

    assert await answers(*calls, limits=Limits(max_size_response=10)) == [
        ["Foo/set", {"text": "x" * 200}, "a"],
        ["Foo/set", {"text": "x" * 200}, "b"],
        [
            "error",
            {"type": "requestTooLarge", "description": "The answers would be larger than this server sends."},
            "c",
        ],
    ]


async def test_a_change_whose_reference_is_too_large_is_not_made() -> None:
    calls = [["Core/echo", {"a": "x" * 60}, "0"], ["Foo/set", {"#a": pointer(0)}, "b"]]

    assert error_types(await answers(*calls, limits=Limits(max_size_response=100))) == ["", "requestTooLarge"]


# Members of the same name


def with_duplicate(method: str) -> bytes:
    return f'{{"using":[],"methodCalls":[["Core/echo",{{"a":1,"a":2}},"a"],["{method}",{{}},"b"]]}}'.encode()


def test_a_request_that_changes_something_names_no_member_twice() -> None:
    with pytest.raises(RequestError) as raised:
        dispatcher().parse(with_duplicate("Foo/set"))

    assert raised.value.type is RequestErrorType.NOT_JSON


def test_a_request_that_only_reads_is_not_searched_for_members_of_the_same_name() -> None:
    assert dispatcher().parse(with_duplicate("Foo/large")).method_calls[0] == ("Core/echo", {"a": 2}, "a")


def test_a_change_in_a_hidden_second_list_of_calls_is_no_call() -> None:
    body = b'{"using":[],"methodCalls":[["Foo/set",{},"a"]],"methodCalls":[["Core/echo",{},"b"]]}'

    assert dispatcher().parse(body).method_calls == [("Core/echo", {}, "b")]


def test_the_limits_of_the_server_hold() -> None:
    with pytest.raises(RequestError) as raised:
        dispatcher(Limits(max_depth=4)).parse(b'{"using":[],"methodCalls":[["Core/echo",{"a":[]},"a"]]}')

    assert (raised.value.type, raised.value.limit) == (RequestErrorType.LIMIT, "maxDepth")
