"""What was read lately and is still true, found without the database and so without a thread. Knows no engine.

A store gives brief work to `reader` first. On a Miss it runs the work on the database, `noting` what it finds, and has
the notes remembered. Before each look it says by a token what was committed last, and lets the memory catch up if that
is another one than before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, cast

import msgspec

from jmap_oauth.model.definition import GLOBAL, ObjectType, Record
from jmap_oauth.store.interface import CannotCalculateChanges, Reader, Result

CAPACITY: Final = 32 * 1024 * 1024
"""Bytes that the objects of one type may take, about; those that were asked for the longest ago go first."""

OBJECT_BYTES: Final = 700
"""What an object takes beside its JSON and the text of its id."""

MOST_CHANGES: Final = 500
"""Changes since the last look after which all of a type is forgotten: others wait while they are read."""

MOST_ACCOUNTS: Final = 100
"""Accounts of which states are kept, those that were asked for last."""

Names = tuple[str, ...]

_encode = msgspec.json.Encoder().encode


class Miss(Exception):
    """The database has to be asked. Never seen outside of a store."""


def encode_selection(record: Record, names: Names) -> bytes:
    """Return these properties of a record as a JSON object."""
    return _encode({name: record[name] for name in names})


class _Object:
    """The account of an object, and as JSON what was asked for of it, by the names of the properties."""

    __slots__ = ("account", "selections", "size")

    def __init__(self, account: str | None, size: int) -> None:
        self.account = account
        self.selections: dict[Names, bytes] = {}
        self.size = size


class _Shelf:
    """What is kept of one type, all as it was at one moment, which is the state of the type for GLOBAL."""

    def __init__(self, type: ObjectType, moment: str, capacity: int) -> None:
        self.type = type
        self.moment = moment
        self.states: OrderedDict[str, str] = OrderedDict()
        self._objects: OrderedDict[str, _Object] = OrderedDict()
        self._room = capacity

    def put_state(self, account: str, state: str) -> None:
        self.states[account] = state
        if len(self.states) > MOST_ACCOUNTS:
            self.states.popitem(last=False)

    def put(self, id: str, account: str | None, names: Names, selection: bytes) -> None:
        kept = self._objects.pop(id, None) or _Object(account, 0)
        self._room += kept.size
        kept.selections[names] = selection
        kept.size = OBJECT_BYTES + len(id) + sum(map(len, kept.selections.values()))
        self._room -= kept.size
        self._objects[id] = kept
        while self._room < 0:
            self._drop(next(iter(self._objects)))

    def state(self, account: str) -> str:
        state = self.states[account]
        self.states.move_to_end(account)
        return state

    def select(self, account: str, ids: Sequence[str], names: Names) -> dict[str, bytes]:
        """Return selections by id.

        An object of another account is as much of a miss as none: nobody can tell them apart.
        """
        found: dict[str, bytes] = {}
        objects = self._objects
        for id in ids:
            kept = objects[id]
            if account != GLOBAL and account != kept.account:  # noqa: PLR1714 - no tuple for each object
                raise Miss
            objects.move_to_end(id)
            found[id] = kept.selections[names]
        return found

    async def catch_up(self, reader: Reader) -> bool:
        """Drop what has changed, and tell whether that could be told."""
        try:
            log = await reader.changes(self.type, GLOBAL, self.moment, MOST_CHANGES)
        except CannotCalculateChanges:
            return False
        if log.state != self.moment:
            found = await reader.states([*self.states])  # if it fails, nothing was dropped under a new moment
            self.moment = log.state
            for id in (*log.updated, *log.destroyed):
                self._drop(id)
            states = ((account, found[account].get(self.type.name)) for account in self.states)
            self.states = OrderedDict((account, state) for account, state in states if state is not None)
        return not log.more

    def _drop(self, id: str) -> None:
        if kept := self._objects.pop(id, None):
            self._room += kept.size


class Memory:
    """What is kept of all types. One thread uses it. `reader` finds what is kept, and misses all else."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._shelves: dict[str, _Shelf] = {}
        self._token: Hashable = None
        self.reader = cast(Reader, Remembering(self._shelves))

    def is_current(self, token: Hashable) -> bool:
        """Tell whether the memory has caught up under this token since anything new was remembered."""
        return token == self._token

    async def catch_up(self, reader: Reader, token: Hashable) -> None:
        """Forget what has changed; the snapshot is not older than the token."""
        self._token = None  # if it fails
        for name, shelf in [*self._shelves.items()]:
            if not await shelf.catch_up(reader):
                del self._shelves[name]
        self._token = token

    def remember(self, notes: Notes) -> None:
        """Keep what was noted, if it is of the moment of all else that is kept of the type."""
        for note in notes.values():
            shelf = self._shelves.get(note.type.name)
            if shelf is None:
                shelf = self._shelves[note.type.name] = _Shelf(note.type, note.moment, self._capacity)
                self._token = None  # whether that moment is over is not known
            if shelf.moment == note.moment:
                for account, state in note.states.items():
                    shelf.put_state(account, state)
                for found in note.found:
                    shelf.put(*found)


class Remembering:
    """A Reader of what is kept."""

    def __init__(self, shelves: Mapping[str, _Shelf]) -> None:
        self._shelves = shelves

    async def state(self, type: ObjectType, account: str) -> str:
        try:
            return self._shelves[type.name].state(account)
        except KeyError:
            raise Miss from None

    async def select(self, type: ObjectType, account: str, ids: Sequence[str], names: Names) -> dict[str, bytes]:
        try:
            return self._shelves[type.name].select(account, ids, names)
        except KeyError:
            raise Miss from None

    def __getattr__(self, name: str) -> NoReturn:
        raise Miss


@dataclass(slots=True)
class _Note:
    """What was read of one type in one snapshot; `found` holds (id, account, names, selection)."""

    type: ObjectType
    moment: str
    states: dict[str, str] = field(default_factory=dict)
    found: list[tuple[str, str | None, Names, bytes]] = field(default_factory=list)


Notes = dict[str, _Note]
"""By the name of the type."""


def noting(work: Callable[[Reader], Awaitable[Result]]) -> Callable[[Reader], Awaitable[tuple[Result, Notes]]]:
    """Return the same work, which returns also what can be remembered of what it finds."""

    async def work_and_note(reader: Reader) -> tuple[Result, Notes]:
        noted = _Noting(reader)
        return await work(cast(Reader, noted)), noted.notes

    return work_and_note


class _Noting:
    """A Reader that notes what another one finds, as far as it can be remembered."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.notes: Notes = {}

    async def state(self, type: ObjectType, account: str) -> str:
        note = await self._note(type)
        if account == GLOBAL:
            note.states[account] = note.moment
        elif account not in note.states:
            note.states[account] = await self._reader.state(type, account)
        return note.states[account]

    async def select(self, type: ObjectType, account: str, ids: Sequence[str], names: Names) -> dict[str, bytes]:
        records = await self._reader.get(type, account, ids)
        selections = {record["id"]: encode_selection(record, names) for record in records}
        note = await self._note(type)
        note.found += [(each["id"], type.account_of(each), names, selections[each["id"]]) for each in records]
        return selections

    async def _note(self, type: ObjectType) -> _Note:
        if type.name not in self.notes:
            self.notes[type.name] = _Note(type, await self._reader.state(type, GLOBAL))
        return self.notes[type.name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)
