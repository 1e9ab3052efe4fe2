"""Push by servers in processes of their own: several on one database, and how they stop."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.http.listening import listen
from tests.http.serving import bearer
from tests.support.served import ADMIN_KEY, call, serve_process

KEY = bearer(ADMIN_KEY)


async def test_a_change_by_one_server_is_told_by_another(tmp_path: Path) -> None:
    with serve_process(tmp_path) as one, serve_process(tmp_path) as other:
        async with listen(one.url, KEY, types="x:OAuthClient") as stream, other.client() as client:
            answer = await call(client, "x:OAuthClient/set", create={"new": {"clientId": "one"}})

            assert await stream.changed() == {"global": {"x:OAuthClient": answer["newState"]}}


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_stop_ends_open_streams_cleanly_and_before_its_time_is_up(tmp_path: Path, workers: str) -> None:
    """The rest of a chunked answer that is cut off would be an error; so would be a log that speaks of a timeout."""
    flags = ("--workers", workers, "--max-event-streams", "100", "--stop-timeout", "60")
    with serve_process(tmp_path, *flags) as server:
        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(listen(server.url, KEY)) for _ in range(100)]
            stopped = asyncio.get_running_loop().run_in_executor(None, server.stop)
            rests = await asyncio.gather(*(stream.rest() for stream in streams))
        assert (await stopped, [rest for rest in rests if "event: ping" in rest]) == (0, [])

    assert "timeout" not in server.log
    assert server.log.count('"path":"/jmap/eventsource","status":200') == 100
