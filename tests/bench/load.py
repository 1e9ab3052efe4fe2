"""The load generator: `python -m tests.bench.load`, Jobs as JSON on standard input, a Result each on standard output.

It is a process of its own and as little as can be: on each of a few connections the next request goes out when the
answer to the last one is complete and was found to be what it should.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import sys
import time
from array import array
from itertools import cycle
from pathlib import Path

import msgspec
import uvloop
from msgspec import Struct

from tests.bench.workload import NUMBER

CONNECTIONS = 16
_LEAST_REQUESTS = 5
_MOST_REQUESTS = 2_000_000
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class Job(Struct, frozen=True):
    """What to send where in turn, on how many connections, and what all answers hold.

    `first` is the number of the first request, `seconds` how long it lasts after a fifth as long of warming up.
    """

    port: int
    server_pid: int
    requests: list[bytes]
    expected: list[bytes]
    connections: int
    seconds: float
    first: int = 0


class Result(Struct, frozen=True, tag=True):
    """What was measured after the warm-up: times in seconds, None for what this system does not tell.

    `sent` is how many requests there were, the warm-up included.
    """

    requests: int
    sent: int
    seconds: float
    p50: float
    p99: float
    server_cpu: float | None
    load_cpu: float


class Failure(Struct, frozen=True, tag=True):
    """Why there is no result."""

    reason: str


class BadAnswer(Exception):
    """An answer that is not what it should be."""


class Load:
    """The figures of one job. `over` is done when its time is, or with the first bad answer."""

    def __init__(self, job: Job, over: asyncio.Future[Result]) -> None:
        self._job = job
        self._over = over
        self._number = NUMBER.encode()
        self._are_numbered = self._number in job.requests[0]
        self._next = cycle(job.requests)
        self._sent = job.first
        self.begin()

    @property
    def is_over(self) -> bool:
        return self._over.done()

    def begin(self) -> None:
        """Start measuring, and forget what was before."""
        self._latencies = array("d")
        self._server_cpu = cpu_seconds(self._job.server_pid)
        self._load_cpu = time.process_time()
        self._started = time.perf_counter()

    def end(self) -> None:
        seconds, cpu = time.perf_counter() - self._started, cpu_seconds(self._job.server_pid)
        if self._over.done():
            return
        if len(self._latencies) < _LEAST_REQUESTS:
            asyncio.get_running_loop().call_later(0.1, self.end)
            return
        percentiles = statistics.quantiles(self._latencies, n=100, method="inclusive")
        result = Result(
            requests=len(self._latencies),
            sent=self._sent - self._job.first,
            seconds=seconds,
            p50=percentiles[49],
            p99=percentiles[98],
            server_cpu=None if cpu is None or self._server_cpu is None else cpu - self._server_cpu,
            load_cpu=time.process_time() - self._load_cpu,
        )
        self._over.set_result(result)

    def next_request(self) -> bytes:
        self._sent += 1
        request = next(self._next)
        return request.replace(self._number, b"%010d" % self._sent) if self._are_numbered else request

    def take(self, answer: bytes, latency: float) -> None:
        """Count a complete answer."""
        if not answer.startswith(b"HTTP/1.1 200 ") or not all(each in answer for each in self._job.expected):
            self.fail(f"This was not to be answered: {answer[:2000]!r}")
        self._latencies.append(latency)
        if len(self._latencies) == _MOST_REQUESTS:
            self.end()

    def fail(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_exception(BadAnswer(reason))


class Connection(asyncio.Protocol):
    """One connection, on which one request is under way at any time, until the last one has `ended`."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no subclass
        self._transport = transport
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.fail(f"The server closed a connection: {exc}")
        self._end()

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if is_complete(self._received):
            self._load.take(self._received, time.perf_counter() - self._sent)
            self._received = b""
            if self._load.is_over:
                self._end()
            else:
                self._send()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._load.next_request())


def is_complete(answer: bytes) -> bool:
    """Tell whether an answer has all of its body; each of ours says how long that is."""
    body = answer.find(b"\r\n\r\n") + 4
    length = _CONTENT_LENGTH.search(answer, 0, body) if body > 3 else None
    return length is not None and len(answer) >= body + int(length[1])


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time that a process and its children have used with all their threads, where /proc tells it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return None
    used = 0
    for each in (str(pid), *children.read_text().split()):
        user, system = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:13]
        used += int(user) + int(system)
    return used / os.sysconf("SC_CLK_TCK")


async def run(job: Job) -> Result:
    """Do a job.

    Raises:
        BadAnswer: the server did not answer as it should.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[Result] = loop.create_future()
    load = Load(job, over)
    made = [
        await loop.create_connection(lambda: Connection(load), "127.0.0.1", job.port) for _ in range(job.connections)
    ]
    loop.call_later(job.seconds / 5, load.begin)
    loop.call_later(job.seconds / 5 + job.seconds, load.end)
    try:
        result = await over
        for _, connection in made:  # a request that is still under way would slow down whatever is measured next
            await connection.ended
        return result
    finally:
        for _, connection in made:
            connection.close()


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        answer: Result | Failure
        try:
            answer = uvloop.run(run(msgspec.json.decode(line, type=Job)))
        except BadAnswer as error:
            answer = Failure(str(error))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
