"""The connections to PostgreSQL: who may use which, and who hears what others have committed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

from jmap_oauth.model.definition import GLOBAL, ObjectType
from jmap_oauth.store.interface import Unavailable
from jmap_oauth.store.postgresql.failures import Lost, answering, connecting, serving
from jmap_oauth.store.states import states_of

Connection: TypeAlias = asyncpg.Connection

CONNECT_SECONDS: Final = 5.0
WAIT_SECONDS: Final = 10.0
"""How long a unit of work waits for a connection that is free."""

LOOK_EVERY: Final = 0.25
"""Seconds after which commits of other processes are looked for, should no notification have come."""

_LOOK_SECONDS: Final = 1.0
"""How long a look may take on a connection that may have fallen silent; a new one has as long as it takes to connect.

So a database that is slow, and not lost, is looked at all the same.
"""

_NUMBERS: Final = "SELECT text, type, number FROM identity LEFT JOIN state ON account = $1"
_NOT_OPEN: Final = "the database is not open"
_WENT_BACK: Final = """\
The database knows less than it did: it was restored, or another server took over without the last commits. States of \
what was lost are refused from now on\
"""

_log = logging.getLogger(__name__)

_EVERYWHERE: Final = {
    "application_name": "jmap-oauth",
    "client_encoding": "UTF8",
    "default_transaction_isolation": "read committed",
    "jit": "off",  # compiling takes longer than what is asked here
    "idle_in_transaction_session_timeout": "60s",  # who holds locks and is silent is gone
    "idle_session_timeout": "0",  # whatever the role says: a connection is kept for what comes next
}


async def connect(url: str, *, seconds: float, **settings: str) -> asyncpg.Connection:
    """Open one connection, on which a command may take so many seconds.

    Raises:
        Unavailable, Unusable: it cannot be opened.
    """
    with connecting():
        return await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=seconds, server_settings=_settings(seconds, settings)
        )


def _settings(seconds: float, others: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings of a connection, on which a statement may take so many seconds whatever the role says."""
    return {**_EVERYWHERE, "statement_timeout": f"{seconds * 1000:.0f}", **others}


async def hang_up(connection: asyncpg.Connection) -> None:
    """Close a connection, if need be without the server's consent."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=1)


class Pool:
    """Connections of which each works for one caller at a time. They are opened when they are needed.

    `seconds` is the time that one statement may take; the client waits a little longer, for a server that fell silent.
    """

    def __init__(self, url: str, size: int, seconds: float, **settings: str) -> None:
        self._url = url
        self._size = size
        self._seconds = seconds
        self._settings = _settings(seconds, settings)
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        with answering():
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                timeout=CONNECT_SECONDS,
                command_timeout=self._seconds + CONNECT_SECONDS,
                server_settings=self._settings,
                reset=_leave_as_it_is,
            )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Give a connection that is free.

        Raises:
            Unavailable: none was for too long, or the database is not open or cannot be reached.
        """
        if self._pool is None:
            raise Unavailable(_NOT_OPEN)
        with connecting():
            connection = await self._pool.acquire(timeout=WAIT_SECONDS)
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()


async def _leave_as_it_is(_: object) -> None:
    """Take nothing back between two callers: they change nothing beyond their transactions."""


class Moment(NamedTuple):
    """What was committed last, as far as is known: the number, in the past of this count."""

    past: int
    number: int


class Watch:
    """Knows the last number of each type: from our own commits at once, from those of others by notifications.

    One can be lost on the way, or where something stands between that passes none on. So what is known counts only for
    a while after a look, which is taken when somebody asks, and not at all without a connection to hear on. Should a
    look find a number to be less than it was, or the last one that was found to be of another epoch now (see `States`),
    there is another past, as there may be behind a new connection.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._channel = ""
        self._lock = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._numbers: dict[str, int] = {}
        self._found = (0, "")  # the last number, and the identity
        self._past = 0
        self._locked_by = 0
        self._looked_at = self._failed_at = float("-inf")
        self._is_lost = False

    async def open(self, channel: str) -> None:
        """Look for the first time; `channel` is where commits are notified."""
        self._lock = asyncio.Lock()  # it belongs to the event loop in which it was first waited for
        self._channel, self._past, self._locked_by, self._numbers, self._found = channel, 0, 0, {}, (0, "")
        await self._look_now()

    async def version(self, types: Iterable[ObjectType]) -> str:
        """Return the numbers of the last changes to these types, and of which past they are.

        Raises:
            Unavailable: the database cannot be reached or is not open.
        """
        await self._look()
        return ".".join([str(self._past), *(str(self._numbers.get(type.name, 0)) for type in types)])

    async def moment(self) -> Moment:
        """Return what was committed last.

        Raises:
            Unavailable: see `version`.
        """
        await self._look()
        return Moment(self._past, max(self._numbers.values(), default=0))

    def note(self, types: Iterable[str], number: int) -> None:
        """Take over what was committed. It may come late, so numbers only rise."""
        for type in types:
            self._numbers[type] = max(number, self._numbers.get(type, 0))

    async def lock(self, key: int) -> bool:
        """Take a lock unless another connection has it, and tell whether this one does. It is lost with it.

        Raises:
            Unavailable: see `version`.
        """
        await self._look()
        async with self._lock:
            if self._connection is not None and self._locked_by != self._past:
                with answering():
                    if await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                        self._locked_by = self._past
            return self._locked_by == self._past

    async def close(self) -> None:
        self._channel = ""
        self._looked_at = float("-inf")
        connection, self._connection = self._connection, None
        if connection is not None:
            await hang_up(connection)

    async def _look(self) -> None:
        """Look if the last look is a while ago, but once for all who wait, and not at once again after it failed."""
        asked_at = time.monotonic()
        if asked_at - self._looked_at < LOOK_EVERY:
            return
        async with self._lock:
            if not self._channel:
                raise Unavailable(_NOT_OPEN)
            if self._looked_at >= asked_at:
                return
            if asked_at - self._failed_at < LOOK_EVERY:
                raise Unavailable("the database cannot be reached")
            try:
                with serving():
                    await self._look_now()
                self._tell(None)
            except BaseException as error:
                if isinstance(error, Exception):  # and not that whoever asked has gone away
                    self._failed_at = time.monotonic()
                    self._tell(error)
                self._let_go()
                raise

    def _tell(self, reason: Exception | None) -> None:
        """Log when the database is lost, and when it is back."""
        if reason is not None and not self._is_lost:
            _log.warning("The database does not answer: %s", reason)
        if reason is None and self._is_lost:
            _log.info("The database answers again")
        self._is_lost = reason is not None

    async def _look_now(self) -> None:
        """Look, on a new connection if the one that is there has ended or is silent."""
        if self._connection is not None:
            with suppress(Lost):
                await self._read(self._connection, _LOOK_SECONDS)
                return
            self._let_go()
        await self._read(await self._connect(), CONNECT_SECONDS)

    async def _connect(self) -> asyncpg.Connection:
        connection = await connect(self._url, seconds=CONNECT_SECONDS, application_name="jmap-oauth watch")
        self._connection = connection
        self._past += 1  # behind it may be another server, which knows less
        connection.add_termination_listener(self._end)
        with answering():
            await connection.add_listener(self._channel, self._hear)
        return connection

    async def _read(self, connection: asyncpg.Connection, seconds: float) -> None:
        began_at, known, (last, before) = time.monotonic(), [*self._numbers.items()], self._found
        with answering():
            rows = await connection.fetch(_NUMBERS, GLOBAL, timeout=seconds)
        found = {type: number for _, type, number in rows if type is not None}
        identity = rows[0][0] if rows else ""
        if any(number > found.get(type, 0) for type, number in known):
            _log.error(_WENT_BACK)
            self._past += 1
            self._numbers = {}
        elif states_of(identity).key_of(last) != states_of(before).key_of(last):
            self._past += 1
        for type, number in found.items():
            self.note([type], number)
        self._found = (max(found.values(), default=0), identity)
        self._looked_at = began_at

    def _hear(self, connection: object, _process: int, _channel: str, payload: Any) -> None:
        if connection is self._connection:
            number, *types = payload.split()
            self.note(types, int(number))

    def _end(self, connection: object) -> None:
        """Know nothing any more: nothing is heard."""
        if connection is self._connection:
            self._looked_at = float("-inf")

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        self._looked_at = float("-inf")
        if connection is not None:
            connection.terminate()
