"""What a /set has to know of secrets before it can be done: which hashes they match, and hashes of their own.

Both take long, so they are found out before the transaction opens. A plan asks here; what is not known yet is noted,
and the plan made again once it is. A hash matches a text for ever, so an answer is never out of date.
"""

from __future__ import annotations

from collections.abc import Iterable

from jmap_oauth.access.hashing import SlowHasher


class Proofs:
    """The answers for one /set, and the questions of its last plan that have none yet."""

    def __init__(self, hasher: SlowHasher) -> None:
        self._hasher = hasher
        self._matches: dict[tuple[str, str], bool] = {}
        self._hashes: dict[tuple[str, str], str] = {}
        self._salts: dict[str, str] = {}
        self._unmatched: dict[str, set[str]] = {}
        self._unmade: set[tuple[str, str]] = set()

    @property
    def is_complete(self) -> bool:
        """Tell whether the last plan had all answers."""
        return not (self._unmatched or self._unmade)

    def start(self) -> None:
        """Forget the questions of the last plan."""
        self._unmatched.clear()
        self._unmade.clear()

    def matches(self, hash: str, plain: str) -> bool:
        """Tell whether a hash is that of a text; False as long as it is not known."""
        if (hash, plain) not in self._matches:
            self._unmatched.setdefault(plain, set()).add(hash)
        return self._matches.get((hash, plain), False)

    def hash(self, plain: str, owner: str, others: Iterable[str]) -> str:
        """Return a hash for a secret, with the salt of the others that the owner has; "" as long as there is none.

        New secrets of one owner share a salt too.
        """
        new = self._salts.setdefault(owner, self._hasher.salt())
        salt = self._hasher.salt([*others, f"{new}$"])
        if (plain, salt) not in self._hashes:
            self._unmade.add((plain, salt))
        return self._hashes.get((plain, salt), "")

    async def find(self) -> bool:
        """Find the answers, and tell whether that was all: what matches needs no hash, so hashes wait for that."""
        if self._unmatched:
            questions = [*self._unmatched.items()]
            for (plain, hashes), found in zip(questions, await self._hasher.matching_all(questions), strict=True):
                self._matches |= {(hash, plain): hash in found for hash in hashes}
            return False
        pairs = [*self._unmade]
        self._hashes |= dict(zip(pairs, await self._hasher.hash_all(pairs), strict=True))
        return True
