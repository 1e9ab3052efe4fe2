"""Throttling of failures: how many bad keys an address may send before it has to wait.

It counts in this process only, so a server of several workers lets an address fail that many times more often.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address

from jmap_oauth.access.addresses import parse_address

Bucket = tuple[int, int]
"""(version of the protocol, address or prefix as a number)"""

# What is no address, a Unix socket for instance, shares one bucket: else odd names would be a way around.
_NO_ADDRESS: Bucket = (0, 0)


class Throttle:
    """A token bucket an address: `burst` failures at once, and one more for every `seconds` that pass.

    A bucket is kept as the time at which it will be full again; one number is all there is to remember. At most
    `max_buckets` are remembered, and the one that failed longest ago makes room: with the defaults it has been full
    again for long, unless more than 10,000 networks fail within a minute.
    """

    def __init__(
        self,
        *,
        burst: int = 10,
        seconds: float = 6.0,
        max_buckets: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._tolerance = (burst - 1) * seconds
        self._max_buckets = max_buckets
        self._clock = clock
        self._full_at: OrderedDict[Bucket, float] = OrderedDict()

    def retry_after(self, address: str) -> int | None:
        """Return the whole seconds until an address may fail again, or None if it may do so now."""
        return self._wait(_bucket_of(address), self._clock())

    def fail(self, address: str) -> int | None:
        """Count a failure and return None; once the bucket is empty, count nothing and return the seconds to wait.

        What comes too early is not counted, so that the time told to one client stays true when another one behind
        the same address goes on failing.
        """
        bucket, now = _bucket_of(address), self._clock()
        wait = self._wait(bucket, now)
        if wait is None:
            self._full_at[bucket] = max(self._full_at.get(bucket, now), now) + self._seconds
            self._full_at.move_to_end(bucket)
            if len(self._full_at) > self._max_buckets:
                self._full_at.popitem(last=False)
        return wait

    def _wait(self, bucket: Bucket, now: float) -> int | None:
        seconds = self._full_at.get(bucket, now) - now - self._tolerance
        return math.ceil(seconds) if seconds > 0 else None


def _bucket_of(address: str) -> Bucket:
    """Return the bucket of an address. One customer commonly has a whole IPv6 /64 (RFC 6177), so that counts as one."""
    parsed = parse_address(address)
    if parsed is None:
        return _NO_ADDRESS
    return (6, int(parsed) >> 64) if isinstance(parsed, IPv6Address) else (4, int(parsed))
