"""What listeners cost: memory and CPU of a server to which many event streams are open, and how soon they hear.

The streams are opened to a server process by this one, and read by it. They are idle for some seconds; then one client
is created, of which all are told.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.bench.load import cpu_seconds
from tests.bench.processes import Server, serve
from tests.bench.table import align
from tests.bench.workload import KEY, ask, encode, make_client

if sys.platform != "win32":
    import resource

_COLUMNS = ("KiB/stream", "idle CPU", "first ms", "p50 ms", "last ms")
_OPENED_AT_ONCE = 100
_KEYS_AT_ONCE = 500
_PATIENCE = 60
_OTHER_FILES = 200  # that a process has open beside its streams

_CHANGE = encode(("x:OAuthClient/set", {"create": {"new": make_client("told")}}, "c0"))


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes a stream, part of a CPU while nothing happens (None for what this system does not tell), and seconds from
    the request that changes something to the first, the median and the last stream that told of it.
    """

    memory: float | None
    cpu: float | None
    first: float
    p50: float
    last: float


class Listener(asyncio.Protocol):
    """One stream: `begun` is done when its answer begins, `told` when a change is told, with the time of that."""

    def __init__(self, key: str) -> None:
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.told: asyncio.Future[float] = loop.create_future()
        self._key = key
        self._received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no subclass
        self._transport = transport
        path = "/jmap/eventsource?types=x:OAuthClient&closeafter=no&ping=0"
        transport.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self._key}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.startswith(b"HTTP/1.1 200 "):
            self.connection_lost(RuntimeError(f"This was not to be answered: {self._received!r}"))
        elif not self.begun.done() and b"\r\n\r\n" in self._received:
            self.begun.set_result(None)
        elif not self.told.done() and b"event: state\n" in self._received:
            self.told.set_result(perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        for each in (self.begun, self.told):
            if not each.done():
                each.set_exception(exc or RuntimeError("The server closed a stream."))

    def close(self) -> None:
        self._transport.close()


async def measure_listeners(folder: Path, count: int, seconds: float) -> Mapping[str, Cost]:
    """Measure so many streams of one key, and as many that have a key each, on servers with a database of their own.

    Raises:
        RuntimeError: a stream was refused, or ended.
    """
    _allow_files(count)
    costs = {}
    for name, is_one_key in (("of one key", True), ("of a key each", False)):
        place = folder / name.replace(" ", "-")
        place.mkdir()
        with serve(str(place / "bench.db"), place / "server.log", "--max-event-streams", str(count)) as server:
            keys = [KEY] * count if is_one_key else _make_keys(server, count)
            costs[name] = await _measure(server, keys, seconds)
    return costs


def render_listeners(costs: Mapping[str, Cost]) -> Iterator[str]:
    """Yield the lines of the table."""
    return align(_COLUMNS, {name: _cells(cost) for name, cost in costs.items()})


def _cells(cost: Cost) -> Iterator[str]:
    yield "-" if cost.memory is None else f"{cost.memory / 1024:.1f}"
    yield "-" if cost.cpu is None else f"{cost.cpu:.1%}"
    for seconds in (cost.first, cost.p50, cost.last):
        yield f"{seconds * 1e3:.0f}"


def _allow_files(streams: int) -> None:
    """Let this process, and those that it starts, have as many files open, as far as the system lets it."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = streams + _OTHER_FILES
        if soft != resource.RLIM_INFINITY and soft < wanted:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _make_keys(server: Server, count: int) -> Sequence[str]:
    keys: list[str] = []
    given = {"permissions": {"sysOAuthClientGet": True}}
    for start in range(0, count, _KEYS_AT_ONCE):
        create = {f"k{number}": given for number in range(start, min(start + _KEYS_AT_ONCE, count))}
        answer = _ask(server, encode(("x:ApiKey/set", {"create": create}, "c0")))
        keys += [created["secret"] for created in answer["created"].values()]
    return keys


def _ask(server: Server, body: bytes) -> Any:
    """Return the arguments of the answer to one call."""
    return ask(server.url, body)["methodResponses"][0][1]


async def _measure(server: Server, keys: Sequence[str], seconds: float) -> Cost:
    before = _memory(server.pid)
    listeners: list[Listener] = []
    for start in range(0, len(keys), _OPENED_AT_ONCE):
        some = keys[start : start + _OPENED_AT_ONCE]
        listeners += await asyncio.gather(*(_open(server, key) for key in some))
    after = _memory(server.pid)
    cpu = await _idle_cpu(server.pid, seconds)
    sent = perf_counter()
    await asyncio.to_thread(_ask, server, _CHANGE)
    async with asyncio.timeout(_PATIENCE):
        delays = [told - sent for told in await asyncio.gather(*(each.told for each in listeners))]
    for each in listeners:
        each.close()
    memory = None if before is None or after is None else (after - before) / len(keys)
    return Cost(memory, cpu, min(delays), statistics.median(delays), max(delays))


async def _open(server: Server, key: str) -> Listener:
    loop = asyncio.get_running_loop()
    _, listener = await loop.create_connection(lambda: Listener(key), "127.0.0.1", server.port)
    async with asyncio.timeout(_PATIENCE):
        await listener.begun
    return listener


async def _idle_cpu(pid: int, seconds: float) -> float | None:
    """Return the part of a CPU that a process uses in so many seconds, after twice as long.

    The first use of a key on a day is written within 5 seconds, and all keys are looked up again then.
    """
    await asyncio.sleep(2 * seconds)
    before, started = cpu_seconds(pid), perf_counter()
    await asyncio.sleep(seconds)
    after = cpu_seconds(pid)
    return None if before is None or after is None else (after - before) / (perf_counter() - started)


def _memory(pid: int) -> int | None:
    """Return the bytes of memory that a process has in use, where /proc tells it."""
    statm = Path(f"/proc/{pid}/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else None
