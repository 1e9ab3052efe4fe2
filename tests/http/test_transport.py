"""What a connection is given goes out at the end of the turn of the event loop, whole and in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from jmap_oauth.http.transport import MAX_UNSENT, GatheringTransport


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[GatheringTransport, socket.socket]]:
    """Give a transport and its client, a socket that does not wait."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs:
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        yield GatheringTransport(transport, loop), theirs
        transport.abort()
        await asyncio.sleep(0)


async def test_nothing_is_sent_before_the_turn_ends() -> None:
    async with connected() as (transport, client):
        transport.write(b"one ")
        transport.write(b"two")
        with pytest.raises(BlockingIOError):
            client.recv(100)

        await asyncio.sleep(0)

        assert client.recv(100) == b"one two"


async def test_each_turn_sends_its_own() -> None:
    async with connected() as (transport, client):
        for each in (b"one", b"two"):
            transport.write(each)
            await asyncio.sleep(0)

            assert client.recv(100) == each


async def test_what_others_began_in_the_same_turn_goes_first() -> None:
    """It is what gathering is for: all requests of a turn are worked on, then all are answered."""
    seen: list[str] = []

    async def answer(transport: GatheringTransport, client: socket.socket) -> None:
        transport.write(b"answer")
        with pytest.raises(BlockingIOError):
            client.recv(100)
        seen.append("worked on")

    async with connected() as one, connected() as other:
        await asyncio.gather(answer(*one), answer(*other))
        await asyncio.sleep(0)

        assert [client.recv(100) for _, client in (one, other)] == [b"answer", b"answer"]
        assert seen == ["worked on", "worked on"]


async def test_a_large_answer_does_not_wait_so_that_the_client_is_waited_for() -> None:
    async with connected() as (transport, client):
        transport.write(b"x" * MAX_UNSENT)

        assert client.recv(1) == b"x"


@pytest.mark.parametrize("end", [GatheringTransport.close, GatheringTransport.write_eof])
async def test_what_was_given_before_the_end_is_sent(end: Callable[[GatheringTransport], None]) -> None:
    async with connected() as (transport, client):
        transport.write(b"last words")
        end(transport)
        await asyncio.sleep(0)

        assert client.recv(100) == b"last words"
        assert client.recv(100) == b""


async def test_nothing_is_sent_on_a_connection_that_was_given_up() -> None:
    async with connected() as (transport, client):
        transport.write(b"too late")
        transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)

        assert client.recv(100) == b""
