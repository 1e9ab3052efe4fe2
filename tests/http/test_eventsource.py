"""`GET /jmap/eventsource` at the edge: over a table of states, with keys that stand in another."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from jmap_oauth.http import eventsource, push
from jmap_oauth.http.eventsource import Wanted, read_query
from jmap_oauth.http.problems import Problem
from jmap_oauth.http.push import Stream
from tests.http.listening import listen, pushing
from tests.http.serving import ECHO, KEY, PRINCIPALS, READER, World, bearer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for changes more often than is worth it outside of tests."""
    monkeypatch.setattr(push, "LOOK_EVERY", 0.005)


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    """The URL of an edge that pushes, at first these states."""
    world.states.table = {"global": {"Team": "t1", "Widget": "w1"}, "t1": {"Widget": "a1"}}
    async with pushing(world) as url:
        yield url


async def test_an_answer_is_a_stream_that_nobody_keeps_or_collects(url: str) -> None:
    async with listen(url) as stream:
        headers = stream.response.headers

    names = ("content-type", "cache-control", "x-accel-buffering", "transfer-encoding")
    assert stream.response.status_code == 200
    assert [headers[name] for name in names] == ["text/event-stream", "no-store", "no", "chunked"]


async def test_a_change_is_a_state_event_with_what_has_changed(world: World, url: str) -> None:
    async with listen(url) as stream:
        world.states.table["global"]["Widget"] = "w2"
        first = await stream.event()
        world.states.table["global"].update(Team="t2", Widget="w3")
        second = await stream.event()

    assert first == (
        'id: {"Team":"t1","Widget":"w2"}\n'
        "event: state\n"
        'data: {"@type":"StateChange","changed":{"global":{"Widget":"w2"}}}'
    )
    assert second == (
        'id: {"Team":"t2","Widget":"w3"}\n'
        "event: state\n"
        'data: {"@type":"StateChange","changed":{"global":{"Team":"t2","Widget":"w3"}}}'
    )


async def test_a_type_that_never_changed_before_is_new(world: World, url: str) -> None:
    world.states.table["global"] = {"Team": "t1"}
    async with listen(url) as stream:
        world.states.table["global"]["Widget"] = "w1"

        assert await stream.changed() == {"global": {"Widget": "w1"}}


@pytest.mark.parametrize("types", ["Widget", "Widget,Nothing", "Nothing,Widget,Widget", "*,Widget"])
async def test_only_types_that_are_asked_for_are_told(world: World, url: str, types: str) -> None:
    async with listen(url, types=types) as stream:
        world.states.table["global"]["Team"] = "t2"
        await asyncio.sleep(0.05)
        world.states.table["global"]["Widget"] = "w2"

        assert await stream.changed() == {"global": {"Widget": "w2"}}


async def test_only_types_that_the_key_may_read_are_told(world: World, url: str) -> None:
    async with listen(url, bearer(READER), types="*") as stream:
        world.states.table["t1"] = {"Team": "b2", "Widget": "a2"}

        assert await stream.event() == (
            'id: {"Widget":"a2"}\nevent: state\ndata: {"@type":"StateChange","changed":{"t1":{"Widget":"a2"}}}'
        )


async def test_a_change_in_another_account_wakes_nobody(world: World, url: str) -> None:
    async with listen(url, bearer(READER)) as stream:
        before = len(world.keys.asked)
        async with listen(url, closeafter="state") as other:
            world.states.table["global"]["Widget"] = "w2"
            await other.rest()
        assert [token for token, _, _ in world.keys.asked[before:]] == [KEY, KEY]
        world.states.table["t1"]["Widget"] = "a2"

        assert await stream.changed() == {"t1": {"Widget": "a2"}}


async def test_states_are_read_once_for_all_streams_and_only_when_something_moved(world: World, url: str) -> None:
    async with listen(url), listen(url), listen(url, bearer(READER)) as stream:
        before = len(world.states.reads)
        await asyncio.sleep(0.05)
        world.states.table["t1"]["Widget"] = "a2"
        await stream.event()

    assert world.states.reads[before:] == [["global", "t1"]]


async def test_closeafter_state_ends_the_answer_after_the_first_state_event(world: World, url: str) -> None:
    async with listen(url, closeafter="state") as stream:
        world.states.table["global"]["Widget"] = "w2"

        assert await stream.rest() == (
            'id: {"Team":"t1","Widget":"w2"}\nevent: state\n'
            'data: {"@type":"StateChange","changed":{"global":{"Widget":"w2"}}}\n\n'
        )


async def test_who_comes_back_is_told_at_once_what_it_missed(world: World, url: str) -> None:
    """The id of the last event says what the client knows."""
    headers = {**bearer(), "last-event-id": '{"Team":"t1","Widget":"w0"}'}
    async with listen(url, headers) as stream:
        assert await stream.changed() == {"global": {"Widget": "w1"}}


async def test_who_comes_back_in_time_is_told_nothing(world: World, url: str) -> None:
    headers = {**bearer(), "last-event-id": '{"Team":"t1","Widget":"w1"}'}
    async with listen(url, headers) as stream:
        await asyncio.sleep(0.05)
        world.states.table["global"]["Widget"] = "w2"

        assert await stream.changed() == {"global": {"Widget": "w2"}}


@pytest.mark.parametrize("id", ["{", "7", '{"Widget":1}', "[" * 4096, '{"a":"' + "x" * 5000 + '"}', "\x80"])
async def test_an_event_id_that_is_not_ours_gets_all_states(world: World, url: str, id: str) -> None:
    async with listen(url, {**bearer(), "last-event-id": id}) as stream:
        assert await stream.changed() == {"global": {"Team": "t1", "Widget": "w1"}}


async def test_pings_come_when_nothing_else_does_and_have_no_id(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventsource, "MIN_PING", 1)
    async with listen(url, ping=1) as stream:
        assert [await stream.event(), await stream.event()] == ['event: ping\ndata: {"interval":1}'] * 2
        world.states.table["global"]["Widget"] = "w2"
        assert await stream.changed() == {"global": {"Widget": "w2"}}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", Wanted(None, False, 0)),
        ("types=*&closeafter=no&ping=0", Wanted(None, False, 0)),
        ("types=x%3AFoo,Bar&closeafter=state&ping=300", Wanted(frozenset({"x:Foo", "Bar"}), True, 300)),
        ("types=,", Wanted(frozenset({""}), False, 0)),
        ("ping=00", Wanted()),
        ("ping=1", Wanted(ping=5)),
        ("ping=0030", Wanted(ping=30)),
        ("ping=3601", Wanted(ping=3600)),
        ("ping=" + "9" * 5000, Wanted(ping=3600)),
        ("other=1&types=*", Wanted()),
    ],
)
def test_what_is_asked_for_is_read_within_bounds(query: str, wanted: Wanted) -> None:
    """The RFC wants the least ping to be at most 30 seconds, and the longest at least 300."""
    assert read_query(query.encode()) == wanted


TYPES = "types must be * or names of types with commas between them."
CLOSE = "closeafter must be state or no."
PING = "ping must be a whole number of seconds, 0 for none."


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("types=", TYPES),
        ("closeafter=", CLOSE),
        ("closeafter=State", CLOSE),
        ("closeafter=yes", CLOSE),
        ("ping=", PING),
        ("ping=-1", PING),
        ("ping=1.5", PING),
        ("ping=1e3", PING),
        ("ping=+5", PING),
        ("ping=NaN", PING),
        ("ping=%D9%A3", PING),
        ("ping=%C2%B2", PING),
        ("types=*&types=*", "A parameter is given twice."),
        ("&".join(f"a{number}=" for number in range(21)), "More than 20 parameters."),
    ],
)
def test_what_cannot_be_asked_for_is_refused(query: str, detail: str) -> None:
    with pytest.raises(Problem) as raised:
        read_query(query.encode())

    assert (raised.value.document.status, raised.value.document.detail) == (400, detail)


async def test_a_bad_question_is_a_problem_that_does_not_repeat_it(client: httpx.AsyncClient) -> None:
    response = await client.get("/jmap/eventsource?types=*&closeafter=MARKER&ping=0", headers=bearer())

    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {"type": "about:blank", "status": 400, "title": "Bad Request", "detail": CLOSE}


async def test_without_a_good_key_nothing_is_told(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/jmap/eventsource?ping=bad", headers=bearer("unknown")) for _ in range(2)]

    assert [(answer.status_code, "www-authenticate" in answer.headers) for answer in answers] == [(401, True)] * 2


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
async def test_only_get_opens_a_stream(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/jmap/eventsource", headers=bearer())

    assert (response.status_code, response.headers["allow"]) == (405, "GET")


async def test_one_key_has_so_many_streams_and_no_more(world: World) -> None:
    async with pushing(world, max_event_streams=2) as url, listen(url), listen(url), listen(url) as refused:
        problem = json.loads(await refused.rest())
        async with listen(url, bearer(READER)) as other:
            assert other.response.status_code == 200

    assert refused.response.headers["retry-after"] == "1"
    assert problem == {
        "type": "about:blank",
        "status": 429,
        "title": "Too Many Requests",
        "detail": "More than 2 event streams at once with one key.",
    }


async def test_a_client_that_leaves_makes_room(world: World) -> None:
    async with pushing(world, max_event_streams=1) as url:
        async with listen(url):
            pass
        async with httpx.AsyncClient(base_url=url, headers=bearer(), timeout=60) as client:
            while (await figures(client))["jmap_event_streams"]:
                await asyncio.sleep(0.005)

        async with listen(url) as stream:
            assert stream.response.status_code == 200


async def test_streams_are_no_concurrent_requests(world: World, url: str) -> None:
    """The limit of this edge is two requests at once."""
    async with listen(url), listen(url), listen(url), httpx.AsyncClient(base_url=url, timeout=60) as client:
        response = await client.post("/api", json=ECHO, headers=bearer())

    assert response.status_code == 200


@pytest.mark.parametrize(
    "now",
    [
        None,
        PRINCIPALS[KEY]._replace(permissions=frozenset({"sysWidgetGet"})),
        PRINCIPALS[KEY]._replace(account="t1"),
    ],
    ids=["revoked", "with other permissions", "of another tenant"],
)
async def test_a_key_that_is_not_what_it_was_ends_its_streams_before_they_tell_more(
    world: World, url: str, now: Any
) -> None:
    async with listen(url) as stream, listen(url) as other:
        world.keys.principals = {KEY: now} if now else {}
        world.states.table["global"]["Widget"] = "w2"

        assert [await stream.rest(), await other.rest()] == ["", ""]


async def test_a_key_is_checked_again_when_nothing_changes(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "CHECK_EVERY", 0.05)
    async with listen(url) as stream:
        world.keys.principals.clear()

        assert await stream.rest() == ""


async def test_a_key_is_asked_for_once_for_all_its_streams(world: World, url: str) -> None:
    async with listen(url), listen(url), listen(url) as stream:
        before = len(world.keys.asked)
        world.states.table["global"]["Widget"] = "w2"
        await stream.event()

    assert world.keys.asked[before:] == [(KEY, "127.0.0.1", "push")]


async def test_while_keys_cannot_be_looked_up_streams_wait(world: World, url: str) -> None:
    async with listen(url) as stream:
        world.keys.out_of_order, asked = True, len(world.keys.asked)
        world.states.table["global"]["Widget"] = "w2"
        while len(world.keys.asked) < asked + 3:
            await asyncio.sleep(0.005)
        world.keys.out_of_order = False

        assert await stream.changed() == {"global": {"Widget": "w2"}}


async def test_while_states_cannot_be_read_streams_wait_and_new_ones_are_refused(world: World, url: str) -> None:
    async with listen(url) as stream:
        world.states.out_of_order = True
        async with listen(url) as refused:
            problem = json.loads(await refused.rest())
        world.states.table["global"]["Widget"] = "w2"
        world.states.out_of_order = False

        assert await stream.changed() == {"global": {"Widget": "w2"}}
    assert (problem["status"], refused.response.headers["retry-after"]) == (503, "1")
    assert problem["detail"] == "Changes cannot be told at the moment."


async def test_a_fault_ends_the_streams_and_later_ones_are_served(
    world: World, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with listen(url) as stream:
        world.states.table = None  # type: ignore[assignment]
        assert await stream.rest() == ""
    world.states.table = {"global": {}}
    async with listen(url) as stream:
        world.states.table["global"]["Widget"] = "w2"
        assert await stream.changed() == {"global": {"Widget": "w2"}}
    assert "Changes cannot be looked for" in caplog.text


async def test_closed_streams_end_and_new_ones_are_refused(world: World, url: str) -> None:
    async with listen(url) as stream:
        world.streams.close()
        assert await stream.rest() == ""
    async with listen(url) as refused:
        assert refused.response.status_code == 503


async def test_a_client_that_does_not_read_holds_up_nobody_and_then_sees_the_newest(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event waits to be sent; of what changes after that nothing is kept but the last."""
    monkeypatch.setattr(push, "LOOK_EVERY", 0.0)
    async with listen(url) as slow, listen(url) as quick:
        world.states.table["global"]["Widget"] = "x" * 6_000_000  # more than all buffers on the way take
        await quick.event()
        for number in range(300):
            world.states.table["global"]["Widget"] = f"w{number}"
            await seen(world)
        while (await quick.changed())["global"] != {"Widget": "w299"}:
            pass

        assert len(await slow.event()) > 12_000_000
        assert await slow.changed() == {"global": {"Widget": "w0"}}
        assert await slow.changed() == {"global": {"Widget": "w299"}}


async def seen(world: World) -> None:
    """Wait until changes were looked for."""
    before = len(world.states.reads)
    while len(world.states.reads) == before:
        await asyncio.sleep(0)


async def test_the_end_of_a_stream_is_a_line_in_the_log(
    world: World, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with listen(url, ping=30, closeafter="state") as stream:
        assert not [record for record in caplog.records if record.name == "jmap_oauth.http.access"]
        world.states.table["global"]["Widget"] = "w2"
        size = len(await stream.rest())

    (record,) = [record for record in caplog.records if record.name == "jmap_oauth.http.access"]
    line = record.__dict__["fields"]
    assert line.pop("request_id")
    assert line.pop("duration_ms") > 0
    assert line == {
        "remote_ip": "127.0.0.1",
        "method": "GET",
        "path": "/jmap/eventsource",
        "status": 200,
        "bytes": size,
        "key": "k1",
        "calls": (),
    }


async def test_streams_are_counted_apart_from_requests(world: World, url: str) -> None:
    """How long a client listens says nothing of how fast the server answers."""
    async with listen(url), httpx.AsyncClient(base_url=url, headers=bearer(), timeout=60) as client:
        during = await figures(client)
        world.streams.close()
        while (after := await figures(client))["jmap_event_streams"]:
            await asyncio.sleep(0.005)

    assert (during["jmap_event_streams"], during["jmap_http_requests_in_flight"]) == (1, 1)
    counted = after['jmap_http_requests_total{status="200"}'] - after["jmap_http_request_duration_seconds_count"]
    assert counted == 1


async def figures(client: httpx.AsyncClient) -> dict[str, float]:
    lines = (await client.get("/metrics")).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


async def test_scripts_of_a_named_origin_may_listen_with_a_key_of_their_own(world: World) -> None:
    """EventSource itself sends no Authorization, so they read the answer of a fetch."""
    origin = {"origin": "https://ui.example"}
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "authorization,last-event-id"}
    async with (
        pushing(world, cors_origins=["https://ui.example"]) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        preflight = await client.options("/jmap/eventsource", headers={**origin, **asked})
        async with listen(url, {**bearer(), **origin}) as stream:
            headers = stream.response.headers

    assert (preflight.status_code, headers["access-control-allow-origin"]) == (200, "https://ui.example")


def test_a_stream_shows_no_token() -> None:
    stream = Stream(principal=PRINCIPALS[KEY], token=KEY, remote_ip="192.0.2.7", types=["Widget"])

    assert "MARKER" not in repr(stream)
