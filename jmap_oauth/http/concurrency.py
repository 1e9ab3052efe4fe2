"""How much may go on at once for one key or one account, in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from jmap_oauth.protocol.errors import RequestError, RequestErrorType


class Concurrency:
    """Counts what is going on. `limit` is the name of the limit, `what` says in words what it bounds."""

    def __init__(self, most: int, limit: str, what: str) -> None:
        self._most = most
        self._limit = limit
        self._what = what
        self._running: Counter[str] = Counter()

    @contextmanager
    def one(self, whose: str) -> Iterator[None]:
        """Count one more for a key or an account until the end of the block.

        Raises:
            RequestError: limit; there are as many already as may be.
        """
        if self._running[whose] >= self._most:
            detail = f"More than {self._most} {self._what}."
            raise RequestError(RequestErrorType.LIMIT, detail, limit=self._limit)
        self._running[whose] += 1
        try:
            yield
        finally:
            self._running[whose] -= 1
            if not self._running[whose]:
                del self._running[whose]
