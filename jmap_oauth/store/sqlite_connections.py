"""The connections to a SQLite database: who may use which, and who sees what others have committed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiosqlite

from jmap_oauth.model.definition import GLOBAL, ObjectType
from jmap_oauth.store.interface import Result, Unavailable
from jmap_oauth.store.sqlite_file import Identity, connect, failure

READERS: Final = 3
LOOK_EVERY: Final = 0.25
"""Seconds after which commits of other processes are looked for."""

_NOT_OPEN: Final = "the database is not open"


class _Connection(aiosqlite.Connection):
    """A connection with its thread, to which a whole function is handed over.

    aiosqlite itself sends each statement to the thread and waits for its rows, about 50 us there and back. Its
    `_execute`, on which all its methods stand, takes any function, so a unit of work goes there and back once.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A program that ends without closing the store is not kept from it. No harm is done: an unfinished transaction
        # is as if it had never been.
        self._thread.daemon = True

    async def call(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a function in the thread, after what was handed over before."""
        result: Result = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]
        return result


class Pool:
    """Connections of which each works for one caller at a time. The last one used is taken first: its cache is warm."""

    def __init__(self, path: Path, timeout: float, size: int, *, writing: bool = False) -> None:
        self._connector = partial(connect, path, timeout, writing=writing)
        self._size = size
        self._connections: list[_Connection] = []
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(size)

    async def open(self) -> None:
        self._free = asyncio.Semaphore(self._size)  # it belongs to the event loop in which it was first waited for
        for _ in range(self._size):
            connection = _Connection(self._connector)
            self._connections.append(connection)
            await connection
        self._idle = list(self._connections)

    async def run(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a function on a connection that is free.

        Raises:
            Unavailable: the database is not open.
        """
        async with self._free:
            if not self._idle:
                raise Unavailable(_NOT_OPEN)
            connection = self._idle.pop()
            place = 0
            try:
                result = await connection.call(function)
                place = len(self._idle)
            finally:
                # If the caller was cancelled, the thread goes on: its connection is taken last, and then waits for it.
                self._idle.insert(place, connection)
            return result

    async def close(self) -> None:
        """Let those who wait already have their turn, then close."""
        connections, self._connections = self._connections, []
        for _ in connections:
            await self._free.acquire()
        self._idle.clear()
        for connection in connections:
            self._free.release()
            await connection.close()


class Watch:
    """Knows the last number of each type: from our own commits at once, from those of others by looking.

    `PRAGMA data_version` changes when another connection commits, ours that write included. It takes a few microseconds
    and needs no thread: this connection is used wherever it is asked for, one at a time. It holds no transaction, in
    which the answer would stand still.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._numbers: dict[str, int] = {}
        self._seen: int | None = None
        self._look_at = 0.0
        self._looked = 0
        self._turn: tuple[int, asyncio.AbstractEventLoop] | None = None  # the thread and loop of the last look

    def open(self) -> None:
        """Remember which file it is, and look for the first time."""
        self._identity = Identity(self._path)
        self._connection = connect(self._path, timeout=0.1, any_thread=True)
        self._numbers, self._seen, self._look_at = {}, None, 0.0
        self.version([])

    def version(self, types: Iterable[ObjectType], *, fresh: bool = False) -> str:
        """Return the numbers of the last changes to these types; `fresh` looks for others' commits in any case.

        Raises:
            Unavailable: the database is gone or not open.
        """
        now = time.monotonic()
        if due := now >= self._look_at:
            self.check_file()
        if due or fresh:
            self._look()
        if due:
            self._look_at = now + LOOK_EVERY
        return ".".join([str(self._numbers.get(type.name, 0)) for type in types])

    def commits(self) -> int:
        """Return a number that is another one after every commit, by whatever process.

        One look serves all that the event loop has begun by then. Whatever comes in later, by the network or a thread,
        has its turn behind `_end_turn`: nobody who was told of a commit is answered from before it.

        Raises:
            Unavailable: the database is not open.
        """
        # A thread runs one loop at a time: this tells it without get_running_loop, which asks the system each time.
        turn = self._turn
        if turn is None or turn[0] != threading.get_ident() or not turn[1].is_running():
            [(self._looked,)] = self._execute("PRAGMA data_version")
            loop = asyncio.get_running_loop()
            self._turn = threading.get_ident(), loop
            loop.call_soon(self._end_turn)
        return self._looked

    def _end_turn(self) -> None:
        self._turn = None

    def read(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a function, which must be short: it runs in this thread."""
        with self._lock:
            return function(self._open_connection())

    def note(self, numbers: Iterable[tuple[str, int]]) -> None:
        """Take over what was just committed. A look may be older than that, so numbers only rise."""
        with self._lock:
            for type, number in numbers:
                self._numbers[type] = max(number, self._numbers.get(type, 0))

    def check_file(self) -> None:
        """Raise Unavailable if the path no longer leads to the file that was opened."""
        if self._identity is None:
            raise Unavailable(_NOT_OPEN)
        self._identity.check()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._identity, self._look_at = None, None, 0.0
            self._turn = None

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise Unavailable(_NOT_OPEN)
        return self._connection

    def _execute(self, statement: str, *parameters: str) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._open_connection().execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise failure(error) or error from error

    def _look(self) -> None:
        if (commits := self.commits()) != self._seen:
            self.note(self._execute("SELECT type, number FROM state WHERE account = ?", GLOBAL))
            self._seen = commits
