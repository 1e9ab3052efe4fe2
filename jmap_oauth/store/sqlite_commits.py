"""Writes that share a commit: whoever waits when the connection is free goes into one transaction with the others."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, NamedTuple

from jmap_oauth.store.interface import Result, Unavailable
from jmap_oauth.store.sqlite_file import failure

Work = Callable[[sqlite3.Connection], Any]
"""What one caller has to do inside a transaction."""

MOST_MEMBERS: Final = 64
MOST_SECONDS: Final = 0.02
"""What a transaction may have taken when one more member begins. So a slow one is waited for by those who began before
it, and by nobody else any longer than if each had a commit to itself."""


_PAUSE: Final = (0.0002, 0.002)
"""Seconds between two tries to write while another process does, at random."""


class Outcome(NamedTuple):
    """What became of the work of a member: what it returned, or what it raised."""

    result: Any = None
    error: BaseException | None = None


class _Member(NamedTuple):
    work: Work
    done: asyncio.Future[Any]

    def tell(self, outcome: Outcome) -> None:
        if self.done.done():  # nobody waits any more
            return
        if outcome.error is None:
            self.done.set_result(outcome.result)
        else:
            self.done.set_exception(outcome.error)


class SharedCommits:
    """A queue in front of the connection that writes.

    Nobody is kept waiting so that others may join: an idle connection takes a write at once, and what comes meanwhile
    goes together when that one is committed. `transact` does the work of some members as `share`.
    """

    def __init__(self, transact: Callable[[Sequence[Work]], Awaitable[Sequence[Outcome]]]) -> None:
        self._transact = transact
        self._waiting: deque[_Member] = deque()
        self._going: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what a work returns, once it is committed; whoever is cancelled by then may find it done or not."""
        member = _Member(work, asyncio.get_running_loop().create_future())
        self._waiting.append(member)
        if self._going is None:
            # A task of its own: that one who waits is cancelled is nothing to the others.
            self._going = asyncio.create_task(self._go())
        result: Result = await member.done
        return result

    async def close(self) -> None:
        """Let those who wait already have their turn."""
        if self._going is not None:
            await asyncio.wait([self._going])

    async def _go(self) -> None:
        try:
            while members := self._take():
                await self._settle(members)
        finally:
            self._going = None
            while self._waiting:  # the event loop ends
                self._waiting.popleft().done.cancel()

    def _take(self) -> list[_Member]:
        """Return the first of those who wait and were not cancelled meanwhile."""
        members: list[_Member] = []
        while self._waiting and len(members) < MOST_MEMBERS:
            member = self._waiting.popleft()
            if not member.done.done():
                members.append(member)
        return members

    async def _settle(self, members: Sequence[_Member]) -> None:
        """Tell members what became of them; those for whom there was no time are the next."""
        try:
            outcomes = await self._transact([member.work for member in members])
        except Exception as error:
            outcomes = [Outcome(error=error)] * len(members)
        except BaseException:
            for member in members:
                member.done.cancel()
            raise
        for member, outcome in zip(members, outcomes, strict=False):
            member.tell(outcome)
        self._waiting.extendleft(reversed(members[len(outcomes) :]))


# --- in the thread of the connection ---


class _HalfDone(Exception):
    """A work failed after it had written something, which goes only with all that the transaction has written."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def share(works: Sequence[Work], patience: float, connection: sqlite3.Connection) -> list[Outcome]:
    """Do as many works as there is time for, in their order, and commit once for all of them.

    Each is done as a whole or, if it raises, not at all, whatever becomes of the others: one that fails when it has
    written something leaves those before it to be done once more. That is rare, since what is refused is refused
    before; a savepoint for each would cost all of them a tenth of their time. `patience` is how many seconds they wait
    for other processes that write.

    Raises:
        Unavailable, Unusable: nothing was done.
    """
    outcomes: list[Outcome] = []
    try:
        with transaction(connection, partial(_begin, connection, patience)):
            deadline = time.monotonic() + MOST_SECONDS
            for work in works:
                outcomes.append(_do(work, connection))
                if time.monotonic() > deadline:
                    break
    except _HalfDone as half:
        return share(works[: len(outcomes)], patience, connection) if outcomes else [half.outcome]
    return outcomes


def _begin(connection: sqlite3.Connection, patience: float) -> None:
    """Begin to write when other processes let us.

    SQLite would wait as well, but longer and longer between two tries, up to 0.1 s: where others write all the time,
    nearly every try falls into one of their transactions, and one process starves.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(*_PAUSE))  # noqa: S311  # to spread, not to hide


def _do(work: Work, connection: sqlite3.Connection) -> Outcome:
    written = connection.total_changes
    try:
        outcome = Outcome(work(connection))
    except Exception as error:
        if not connection.in_transaction:
            raise
        outcome = Outcome(error=_known(error))
        if connection.total_changes != written:
            raise _HalfDone(outcome) from None
    if not connection.in_transaction:
        # SQLite itself rolls back when it runs out of space or memory: with the work of those before.
        raise Unavailable("the database gave up a transaction")
    return outcome


def _known(error: Exception) -> Exception:
    """Return what an error means to callers of the store, with the error as its cause."""
    if isinstance(error, sqlite3.Error) and (known := failure(error)):
        known.__cause__ = error
        return known
    return error


@contextmanager
def transaction(connection: sqlite3.Connection, begin: Callable[[], object]) -> Iterator[None]:
    """Have a transaction, which `begin` begins, around a block. It is over afterwards, whatever happens.

    Raises:
        Unavailable, Unusable: nothing was done.
    """
    _roll_back(connection)  # if that failed last time
    try:
        begin()
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        with suppress(sqlite3.Error):
            _roll_back(connection)
        if isinstance(error, sqlite3.Error) and (known := failure(error)):
            raise known from error
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
