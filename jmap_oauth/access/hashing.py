"""Hashes of secrets: a slow one for those that people choose, a digest for those that this server makes.

A slow hash makes guessing dear, which only secrets that can be guessed need. One made here has 256 bits of chance:
nobody guesses it, so a plain SHA-256 is enough, and it can be looked up by that.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import zlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

Result = TypeVar("Result")

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHANCE_BITS, _CHANCE_DIGITS = 256, 43
_CHECKSUM_DIGITS = 6

_PHC = re.compile(
    r"\$argon2(?:id|i|d)(?:\$v=[0-9]{1,3})?\$m=([0-9]{1,10}),t=([0-9]{1,10}),p=([0-9]{1,10})"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}"
)


def new_secret(prefix: str) -> str:
    """Return a new secret: the prefix, 43 characters of chance (256 bits), 6 of checksum; letters and digits only.

    The checksum is the CRC-32 of all that stands before it, in base 62 (0-9, A-Z, a-z) with leading zeros: a scanner
    that finds the prefix in a leaked file can tell a real secret from a lookalike without asking this server.
    """
    body = prefix + _base62(secrets.randbits(_CHANCE_BITS), _CHANCE_DIGITS)
    return body + _base62(zlib.crc32(body.encode()), _CHECKSUM_DIGITS)


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret that this server made, in hexadecimal."""
    return hashlib.sha256(_bytes_of(secret)).hexdigest()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one Argon2 hash costs: memory in KiB, passes over it, threads (RFC 9106 section 3.1).

    Raises:
        ValueError: there is no such hash.
    """

    memory: int = 19_456
    time: int = 2
    parallelism: int = 1

    def __post_init__(self) -> None:
        if self.parallelism < 1 or self.time < 1 or self.memory < 8 * self.parallelism:
            raise ValueError("Argon2 needs 1 thread, 1 pass, and 8 KiB of memory for each thread.")


DEFAULT_COST = Cost()
MOST_COST = Cost(memory=131_072, time=6, parallelism=8)
"""The dearest hash that is verified: above every usual recommendation, and still below a second."""


class SlowHasher:
    """Makes and verifies Argon2id hashes on threads of its own, at most `concurrency` at a time.

    argon2-cffi releases the GIL, so the event loop goes on meanwhile. By default one CPU is left to it, and four
    threads are the most: Argon2 is bound by memory bandwidth, so more would rather slow down everything else.
    Memory stays below `concurrency` times the cost of a hash.

    The queue of the threads is first come, first served, and whoever has many secrets stands in it with only as many
    as there are threads: one secret waits for at most that many others of each caller, not for a thousand.

    No plain text stands in an error or in a representation of anything here.
    """

    def __init__(self, cost: Cost = DEFAULT_COST, *, most: Cost = MOST_COST, concurrency: int | None = None) -> None:
        if not _within(astuple(cost), most):
            raise ValueError("The cost of a hash is beyond what would be verified later.")
        self._most = most
        self._concurrency = concurrency or max(1, min(4, (os.cpu_count() or 1) - 1))
        self._argon2 = PasswordHasher(
            time_cost=cost.time, memory_cost=cost.memory, parallelism=cost.parallelism, hash_len=32, salt_len=16
        )
        self._threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="hash")

    async def hash(self, plain: str) -> str:
        """Return the hash of a secret as a PHC string; the text is taken as it is, NUL included, not normalised."""
        return await self._run(self._argon2.hash, _bytes_of(plain))

    async def hash_all(self, plains: Sequence[str]) -> list[str]:
        """Return the hashes of many secrets, in their order."""
        return await self._in_turn(self.hash, [(plain,) for plain in plains])

    async def verify_all(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Tell of many pairs (hash, secret) whether they match, in their order."""
        return await self._in_turn(self.verify, pairs)

    async def _in_turn(
        self, function: Callable[..., Awaitable[Result]], many: Sequence[tuple[str, ...]]
    ) -> list[Result]:
        """Call a function for each, with only as many in the queue at a time as there are threads."""
        results: dict[int, Result] = {}
        jobs = iter(enumerate(many))

        async def work() -> None:
            for index, arguments in jobs:
                results[index] = await function(*arguments)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._concurrency, len(many))):
                group.create_task(work())
        return [results[index] for index in range(len(many))]

    async def verify(self, hash: str, plain: str) -> bool:
        """Tell whether a hash is that of a secret; what is no Argon2 hash, or dearer than allowed, is of none."""
        found = _PHC.fullmatch(hash)
        if found is None or not _within([int(number) for number in found.groups()], self._most):
            return False
        return await self._run(self._verify, hash, _bytes_of(plain))

    def close(self) -> None:
        """Wait for the hash that each thread is at; the others will not be made."""
        self._threads.shutdown(cancel_futures=True)

    def _verify(self, hash: str, plain: bytes) -> bool:
        try:
            return self._argon2.verify(hash, plain)
        except VerificationError:
            return False

    async def _run(self, work: Callable[..., Result], *arguments: str | bytes) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _within(numbers: Sequence[int], most: Cost) -> bool:
    return all(number <= limit for number, limit in zip(numbers, astuple(most), strict=True))


def _bytes_of(secret: str) -> bytes:
    """Encode any text at all: the error that a lone surrogate would raise otherwise holds the secret."""
    return secret.encode("utf-8", "surrogatepass")


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _BASE62[digit] + text
    return text
