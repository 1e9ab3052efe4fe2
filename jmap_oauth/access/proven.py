"""Which secrets were found to be the ones behind which hashes: remembered for a while, so that they are quick again."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable


class Proven:
    """Pairs (secret, hash) that match, as keyed digests: what is here tells nobody a secret, and only this process.

    That a secret is the one behind a hash stays true, so nothing has to be told to forget it when a secret ends: its
    hash is then no longer asked for. Only matches are added, for at most `seconds`, and at most `capacity` of them.
    """

    def __init__(
        self, *, seconds: float = 900.0, capacity: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._capacity = capacity
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def find(self, plain: str, hashes: Iterable[str]) -> str | None:
        """Return the one of these hashes that a secret was found to match, or None."""
        now = self._clock()
        return next((hash for hash in hashes if self._until.get(self._digest(plain, hash), 0.0) > now), None)

    def add(self, plain: str, hash: str) -> None:
        """Remember that a secret matches a hash; one that is remembered is not remembered for longer by that."""
        digest, now = self._digest(plain, hash), self._clock()
        if self._until.get(digest, 0.0) <= now:
            self._until.pop(digest, None)
            self._until[digest] = now + self._seconds
            if len(self._until) > self._capacity:
                self._until.popitem(last=False)

    def _digest(self, plain: str, hash: str) -> bytes:
        """Return a digest that only this process can make; a hash has no NUL, so no two pairs are one text."""
        return hmac.digest(self._key, f"{hash}\0{plain}".encode("utf-8", "surrogatepass"), "sha256")
