"""How much may go on at once for one key or one account, in this process."""

from __future__ import annotations

from jmap_oauth.protocol.errors import RequestError, RequestErrorType


class Concurrency:
    """Counts what is going on. `limit` is the name of the limit, `what` says in words what it bounds."""

    def __init__(self, most: int, limit: str, what: str) -> None:
        self._most = most
        self._limit = limit
        self._what = what
        self._running: dict[str, int] = {}

    def one(self, whose: str) -> _One:
        """Count one more for a key or an account until the end of the block.

        Raises:
            RequestError: limit; there are as many already as may be.
        """
        if self._running.get(whose, 0) >= self._most:
            detail = f"More than {self._most} {self._what}."
            raise RequestError(RequestErrorType.LIMIT, detail, limit=self._limit)
        return _One(self._running, whose)


class _One:
    """One that goes on. A generator in its place would take three times as long, of every request."""

    __slots__ = ("_running", "_whose")

    def __init__(self, running: dict[str, int], whose: str) -> None:
        self._running = running
        self._whose = whose

    def __enter__(self) -> None:
        self._running[self._whose] = self._running.get(self._whose, 0) + 1

    def __exit__(self, *_: object) -> None:
        running = self._running[self._whose] - 1
        if running:
            self._running[self._whose] = running
        else:
            del self._running[self._whose]
