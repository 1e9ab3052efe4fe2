"""The contract between the methods and whatever keeps the objects.

A backend keeps, for every type of a Model, records (`model.definition.Record`) and beside each the hashes of its
secrets. It never looks at who is asking: every call names the account, and a record belongs to `GLOBAL` and to the
account that its type's `account_property` names.

Work is handed over as a function of a snapshot, so that a backend chooses where it runs: on a thread of a database
connection, for instance. It is written as a coroutine function, and must await nothing but the snapshot it is given.
It may be run more than once, so it must not leave traces outside of its result.

Isolation. All reads of one `read` see one committed state. A `write` sees one, and no other write comes between its
reads and its changes. When `write` returns, the change survives the loss of the process and of the power; when it
raises, nothing of it is there. Writes may share a commit, and are still wholes by themselves, one after the other.

Order. Each write that changes something takes one number, larger than all before it, and no number becomes visible
before a smaller one. Every record knows the numbers of its creation, of its last change, and of the time it joined
its account; whoever leaves an account, by destruction or by moving, leaves a tombstone there with the numbers of
joining and leaving. The state of a type in an account is the number of the last write that changed something of
that type that the account sees, or saw until then.

Blobs are bytes apart from all that: they move no state, take no number, and end when their time is over. Whoever
destroys the object that is an account destroys the blobs of that account.

Errors. `Unavailable`: the database is busy, full, gone or cannot be written; nothing was done, and trying again may
help. `Unusable`: it cannot be used at all, and someone has to look. Anything else is a fault of the program.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from jmap_oauth.model.definition import ObjectType, Property, Record
from jmap_oauth.model.query import Query

Result = TypeVar("Result")


class Unavailable(Exception):
    """The database cannot answer now; nothing was done."""


class Unusable(Exception):
    """The database cannot be used: it is not ours, damaged, newer than this program, or may not be opened."""


class AnchorNotFound(Exception):
    """The anchor of a query is not among its results."""


class TooCostly(Exception):
    """A query takes longer than a backend gives to one."""


class CannotCalculateChanges(Exception):
    """A state is not one of this database, type and account, or older than what is kept of those who left."""


@dataclass(frozen=True, slots=True)
class Page:
    """A window of query results. `total` is None unless it was asked for; `more` tells that results follow."""

    ids: Sequence[str]
    position: int
    more: bool
    total: int | None = None


LEAST_BLOB = 4_096
"""Bytes for which a blob counts at least: so much goes into keeping it, however small it is."""


@dataclass(frozen=True, slots=True)
class Uploader:
    """Whose a blob is: nobody else finds it, in the same account either (RFC 8620 section 6.1)."""

    account: str
    id: str


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """What changed in an account since a state, each id in one list only, and the state that this leads to.

    `more` tells that the log was cut: it leads to a state in between, from which it can be continued. `since` is the
    second that the older state carried, if any.
    """

    created: Sequence[str]
    updated: Sequence[str]
    destroyed: Sequence[str]
    state: str
    more: bool
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """A record as it shall be kept, and the hashes of those secrets that change with it; None removes one."""

    record: Record
    hashes: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one write does to one type. `updated` holds pairs (as it was, as it shall be)."""

    created: Sequence[Saved] = ()
    updated: Sequence[tuple[Record, Saved]] = ()
    destroyed: Sequence[Record] = ()


class Reader(Protocol):
    """A snapshot to read from. What an account does not see is as if it were not there."""

    async def state(self, type: ObjectType, account: str, second: str | None = None) -> str:
        """Return the state of a type in an account: opaque, and different after every change that the account sees.

        It is bound to the database, the type and the account, and is a state for `changes` of nothing else. That of a
        query which reads the clock carries the `second` (`YYYY-MM-DDTHH:MM:SSZ`) for which it was answered.
        """
        ...

    async def get(self, type: ObjectType, account: str, ids: Sequence[str]) -> list[Record]:
        """Return the records with these ids in the order of `ids`, each once, without what is not there."""
        ...

    async def select(
        self, type: ObjectType, account: str, ids: Sequence[str], names: tuple[str, ...]
    ) -> dict[str, bytes]:
        """Return these properties (`id` is one) of the records with these ids, each record as a JSON object, by id.

        They are in the order of `ids`, without what is not there.
        """
        ...

    async def query(self, type: ObjectType, account: str, query: Query) -> Page:
        """Return a window of the ids that match.

        Raises:
            AnchorNotFound: the anchor is not among the results.
            TooCostly: it was given up; others want to be answered too.
        """
        ...

    async def changes(
        self, type: ObjectType, account: str, since: str, limit: int, second: str | None = None
    ) -> ChangeLog:
        """Return what changed since a state, at most `limit` ids, in the order of the changes.

        Whoever left the account and came back since then was updated; who came and left again is not mentioned. A
        state in between is a moment of the past, and a part tells who was there at one moment and not at the other: no
        one is created who is known, and no one else updated or destroyed. So what it says was created may be gone by
        now; a later part says so. A part may be empty. Applied one after the other, the parts give what is there,
        while writers go on.

        With a `second`, both states are those of queries which read the clock: the one that this leads to carries it,
        and the log tells which one `since` carried. What time alone has changed is not in the log.

        Raises:
            CannotCalculateChanges: the state is not one of this type and account, or too old, or carries a second while
                there is no `second`, or none while there is.
        """
        ...

    async def indexes(self, type: ObjectType, account: str, query: Query, ids: Sequence[str]) -> dict[str, int]:
        """Return the index that each of these ids has in the whole result of a query; its window does not matter.

        Ids that do not match are left out. It counts ranges in the order of the sort, and numbers rows only where there
        is none: those that match, or that do not, whichever are fewer, and those alike in the first comparator.

        Raises:
            TooCostly: it was given up; others want to be answered too.
        """
        ...

    async def states(self, accounts: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the states of all types that ever changed there, by account and name of the type.

        Each account asked for has an entry; one in which nothing ever changed has an empty one.
        """
        ...

    async def find(self, type: ObjectType, property: Property, values: Sequence[str]) -> list[Record]:
        """Return the records, of whatever account, whose unique property has one of these values.

        A secret that is unique is looked for by its hash.
        """
        ...

    async def hashes(self, type: ObjectType, property: Property, ids: Sequence[str]) -> dict[str, str]:
        """Return the hashes of a secret by the id of the record, of whatever account, where there is one."""
        ...

    async def count(self, type: ObjectType, account: str) -> int:
        """Return how many records of a type an account has."""
        ...

    async def referring(
        self, type: ObjectType, property: Property, ids: Sequence[str], limit: int
    ) -> list[tuple[str, str]]:
        """Return at most `limit` pairs (id referred to, id of a record of `type` whose property refers to it)."""
        ...

    async def blob(self, uploader: Uploader, id: str, since: str) -> bytes | None:
        """Return the bytes of a blob that was last uploaded at `since` (`YYYY-MM-DDTHH:MM:SSZ`) or later, or None."""
        ...


class Writer(Reader, Protocol):
    """A snapshot to read from and to change. It sees its own changes."""

    async def apply(self, type: ObjectType, changes: Changes) -> None:
        """Keep changes. They are complete and free of contradictions: values of unique properties may be swapped.

        An empty change takes no number and moves no state.
        """
        ...

    async def put_blob(self, uploader: Uploader, id: str, data: bytes, now: str, quota: int) -> None:
        """Keep bytes under an id, uploaded at `now`; of those that are there already, only the date is changed.

        The other blobs of the account, by whomever, are dropped, those first that were uploaded the longest ago, until
        all that are left take at most `quota` bytes.
        """
        ...

    async def renew_blobs(self, uploader: Uploader, ids: Sequence[str], since: str, now: str) -> list[str]:
        """Take these blobs, as far as they were last uploaded at `since` or later, for uploaded at `now`.

        Return the ids of those, in any order.
        """
        ...

    async def drop_blobs(self, before: str, limit: int) -> int:
        """Drop at most `limit` blobs that were last uploaded before a date, and return how many were dropped."""
        ...


class Store(Protocol):
    """A database with the objects of a Model."""

    @property
    def lag(self) -> float:
        """Seconds for which brief reads and versions may not show what another process has committed; 0 for none.

        What this process has committed they show at once.
        """
        ...

    async def read(self, work: Callable[[Reader], Awaitable[Result]], *, brief: bool = False) -> Result:
        """Run `work` on a snapshot and return its result.

        `brief` says that it only looks things up by id or unique value: it then waits behind no query, and what it
        finds may have been remembered. It shows all that any process had committed `lag` seconds before the read began.

        Raises:
            Unavailable: nothing could be read.
        """
        ...

    async def write(self, work: Callable[[Writer], Awaitable[Result]]) -> Result:
        """Run `work` on a snapshot that can be changed, commit, and return its result.

        Raises:
            Unavailable: nothing was changed.
        """
        ...

    async def version(self, *types: ObjectType, fresh: bool = False) -> str:
        """Return a text that changes whenever anything of one of these types does, in any process.

        A change by this process shows at once, one by another process within a second, and with `fresh` within `lag`
        seconds. It costs next to nothing, with `fresh` a few microseconds, so it can be asked for with every request.

        Raises:
            Unavailable: it cannot be told.
        """
        ...

    async def prune(self, before: str) -> bool:
        """Forget who left accounts before a date (`YYYY-MM-DDTHH:MM:SSZ`), and tell whether there are more of them.

        One call is one short write, so that others have their turn between two of them. It changes nothing that can
        be seen, and so takes no number, but from states before what it forgot changes cannot be calculated any more.

        Raises:
            Unavailable: nothing was forgotten.
        """
        ...

    async def leads(self) -> bool:
        """Tell whether this store, of all that are open on the database, does what only one shall do.

        The first that asks is it until it is closed, or its process or connection is gone; then the next that asks.

        Raises:
            Unavailable: it cannot be told.
        """
        ...

    async def close(self) -> None:
        """Wait for what was begun and let go of the database."""
        ...
