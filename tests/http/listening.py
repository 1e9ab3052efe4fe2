"""Listening to an event source: what comes, event by event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.http.serving import KEY, World, bearer, serve
from tests.support.served import TRUST_NOBODY

PATIENCE = 60.0
"""Seconds after which a test gives up on an event."""


class Listener:
    """A stream that is open. Events are given as texts, as they came, without the empty line that ends each."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._pieces = response.aiter_text()
        self._text = ""

    async def event(self) -> str:
        """Wait for the next event and return it."""
        looked = 0
        async with asyncio.timeout(PATIENCE):
            while (end := self._text.find("\n\n", looked)) < 0:
                looked = max(len(self._text) - 1, 0)
                self._text += await anext(self._pieces)
        event, self._text = self._text[:end], self._text[end + 2 :]
        return event

    async def changed(self) -> Any:
        """Wait for the next event, a StateChange, and return what it says has changed."""
        data = (await self.event()).partition("\nevent: state\ndata: ")[2]
        return json.loads(data)["changed"]

    async def rest(self) -> str:
        """Wait for the end and return what came until then. An end that is not clean is an error."""
        async with asyncio.timeout(PATIENCE):
            return self._text + "".join([piece async for piece in self._pieces])


@asynccontextmanager
async def listen(
    url: str, headers: Mapping[str, str] = bearer(KEY), **parameters: str | int
) -> AsyncIterator[Listener]:
    """Open a stream, which is left at the end of the block. Characters of headers stand for bytes."""
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, verify=TRUST_NOBODY, timeout=PATIENCE) as client,
        client.stream("GET", "/jmap/eventsource", params=parameters, headers=encoded) as response,
    ):
        yield Listener(response)


@asynccontextmanager
async def pushing(world: World, **settings: Any) -> AsyncIterator[str]:
    """Serve an edge that pushes what `world.states` says, and return its URL."""
    running = asyncio.create_task(world.streams.run())
    try:
        async with serve(world.app(**settings)) as (host, port):
            yield f"http://{host}:{port}"
    finally:
        world.streams.close()
        await running
