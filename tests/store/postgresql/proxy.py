"""What stands between a store and its database, and loses connections at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Proxy:
    """Stands between a store and its database. Cuts the connection on which COMMIT is sent, before or after that.

    What is to happen `meanwhile` has happened when the store learns of it. It can also end those that are there, or
    pass nothing on any more.
    """

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.cut: str | None = None
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.port = 0
        self._there: set[asyncio.StreamWriter] = set()
        self._silent: set[asyncio.StreamWriter] = set()

    def end_all(self) -> None:
        for each in self._there:
            each.close()

    def silence(self) -> None:
        self._silent |= self._there

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self.socket)
        answers = asyncio.create_task(self._pass(from_server, writer))
        self._there.add(writer)
        try:
            while data := await reader.read(65_536):
                if writer in self._silent:
                    continue
                if self.cut and b"COMMIT" in data:
                    answers.cancel()
                    await asyncio.wait([answers])  # or it would still be reading
                    if self.cut == "after":
                        to_server.write(data)
                        await from_server.read(65_536)  # what says that it is done
                    self.cut = None
                    if self.meanwhile:
                        await self.meanwhile()
                    return
                to_server.write(data)
        finally:
            self._there.discard(writer)
            answers.cancel()
            to_server.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()
