"""State strings: places in the order of all changes, each bound to one database, type and account."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from jmap_oauth.model.definition import ObjectType
from jmap_oauth.store.interface import CannotCalculateChanges

END: Final = "~"
"""Comes after every id (RFC 8620 section 1.2)."""


class Cursor(NamedTuple):
    """A place in the order of all changes: after this id of the write with this number; with END, after all of them."""

    number: int
    id: str = END


_TEXT = re.compile(r"(([0-9a-f]{16})(?:\.([A-Za-z0-9_-]{1,255}))?(?:@([0-9TZ:-]{20}))?)\.([0-9a-f]{8})")
_ROUNDS: Final = 4
_HALF: Final = 32  # bits
_MOST_EPOCHS: Final = 16


class States:
    """Writes and reads the state strings of a database that has this identity, a text of its own.

    `<number>.<tag>`, or `<number>.<id>.<tag>` in the middle of a write; that of a query which reads the clock has the
    second too, as in `<number>@<second>.<tag>`. The tag tells a state of another database, type or account from one of
    ours, and an id or a second that was made up from one that we gave out. The number counts the writes of all accounts
    together, so it is veiled: two states of an account would tell how much the others did in between.

    A database that was put back to an earlier time, or copied, has a past in common with another one, but takes numbers
    that the other took too. So it begins an epoch: states of numbers up to there stay what they were, and from there on
    they are made with another key. The identity holds the keys, `<key> <last number before>:<key> …`. Epochs begin
    while servers run, so a snapshot is asked for its identity together with its numbers.
    """

    def __init__(self, identity: str) -> None:
        self._epochs = [*_epochs(identity)]

    def write(self, type: ObjectType, account: str, cursor: Cursor, second: str | None = None) -> str:
        epoch = self._epoch_of(cursor.number)
        number = epoch.number(cursor.number)
        if cursor.id == END and second is None:
            return f"{number}.{epoch.tag(type.name, account)}"
        place = number if cursor.id == END else f"{number}.{cursor.id}"
        text = place if second is None else f"{place}@{second}"
        return f"{text}.{epoch.make_tag(type.name, account, text)}"

    def read(self, type: ObjectType, account: str, text: str, *, timed: bool) -> tuple[Cursor, str | None]:
        """Return the place that a state stands for, and the second that it has if it is to be `timed`.

        Raises:
            CannotCalculateChanges: it is none of this database, type and account, or has a second and is not to, or
                the other way round.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise CannotCalculateChanges
        whole, number, id, second, tag = match.groups()
        facts = (type.name, account) if whole == number else (type.name, account, whole)
        for epoch in self._epochs:
            if tag == epoch.make_tag(*facts) and timed == (second is not None):
                found = epoch.unveil(number)
                if self._epoch_of(found) is epoch:
                    return Cursor(found, id or END), second
        raise CannotCalculateChanges

    def key_of(self, number: int) -> str:
        """Return the key of the epoch of a write: another one if the write with this number is, or may be, another."""
        return self._epoch_of(number).key

    def _epoch_of(self, number: int) -> _Epoch:
        return next(epoch for epoch in reversed(self._epochs) if number > epoch.after)


@lru_cache(maxsize=8)
def states_of(identity: str) -> States:
    """Return the `States` of an identity, those that were made for it before if they are still there."""
    return States(identity)


def begin_epoch(identity: str, last: int, place: str = "") -> str:
    """Return the identity of a database that goes on by itself after the write with this number.

    It ends with the `place` where it does so, at most 30 characters without white space. States of the oldest of many
    epochs are given up, lest it grows without end.
    """
    epochs = [epoch for epoch in _epochs(identity) if epoch.after < last]
    oldest, *later = [(epoch.after, epoch.key) for epoch in epochs] + [(last, secrets.token_hex(16) + place)]
    if len(later) >= _MOST_EPOCHS:
        oldest, *later = later
    return " ".join([oldest[1], *(f"{after}:{key}" for after, key in later)])


def _epochs(identity: str) -> Iterator[_Epoch]:
    first, *later = identity.split() or [""]
    yield _Epoch(first, -1)
    for each in later:
        after, _, key = each.partition(":")
        yield _Epoch(key, int(after))


class _Epoch:
    """How states are made for the writes after one, up to the next epoch."""

    def __init__(self, key: str, after: int) -> None:
        self.key = key
        self.after = after
        self._key = key.encode()
        # Most requests tell the state that the one before them told.
        self.number = lru_cache(maxsize=1024)(lambda number: f"{self._veil(number, range(_ROUNDS)):016x}")
        self.tag = lru_cache(maxsize=1024)(self.make_tag)

    def make_tag(self, *facts: str) -> str:
        return blake2b(" ".join(facts).encode(), digest_size=4, key=self._key).hexdigest()

    def unveil(self, text: str) -> int:
        """Undo `number`: the same with the halves swapped and the rounds turned round."""
        number = int(text, 16)
        swapped = self._veil(number >> _HALF | (number & (1 << _HALF) - 1) << _HALF, reversed(range(_ROUNDS)))
        return swapped >> _HALF | (swapped & (1 << _HALF) - 1) << _HALF

    def _veil(self, number: int, rounds: Iterable[int]) -> int:
        """Swap a number of 64 bits for another one, by a Feistel network over a keyed hash."""
        left, right = number >> _HALF, number & (1 << _HALF) - 1
        for each in rounds:
            left, right = right, left ^ self._hash(each, right)
        return left << _HALF | right

    def _hash(self, round: int, half: int) -> int:
        return int.from_bytes(blake2b(b"%d %d" % (round, half), digest_size=4, key=self._key).digest())
