"""Hashes of secrets: a slow one for those that people choose, a digest for those that this server makes.

A slow hash makes guessing dear, which only secrets that can be guessed need. One made here has 256 bits of chance:
nobody guesses it, so a plain SHA-256 is enough, and it can be looked up by that.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import hmac
import os
import re
import secrets
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from typing import Any, TypeVar

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw

from jmap_oauth.model.kinds import Invalid

Result = TypeVar("Result")

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHANCE_BITS, _CHANCE_DIGITS = 256, 43
_CHECKSUM_DIGITS = 6

_PHC = re.compile(
    r"\$argon2(?P<kind>id|i|d)(?:\$v=(?P<version>16|19))?"
    r"\$m=(?P<memory>[0-9]{1,10}),t=(?P<time>[0-9]{1,10}),p=(?P<parallelism>[0-9]{1,10})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<hash>[A-Za-z0-9+/]{16,86})"
)
_KINDS = {"id": Type.ID, "i": Type.I, "d": Type.D}
_SALT_BYTES, _HASH_BYTES, _HASH_CHARACTERS = 16, 32, 43


def new_secret(prefix: str) -> str:
    """Return a new secret: the prefix, 43 characters of chance (256 bits), 6 of checksum; letters and digits only.

    The checksum is the CRC-32 of all that stands before it, in base 62 (0-9, A-Z, a-z) with leading zeros: a scanner
    that finds the prefix in a leaked file can tell a real secret from a lookalike without asking this server.
    """
    body = prefix + _base62(secrets.randbits(_CHANCE_BITS), _CHANCE_DIGITS)
    return body + _base62(zlib.crc32(body.encode()), _CHECKSUM_DIGITS)


def is_made(secret: str, prefix: str) -> bool:
    """Tell whether a text has the form and the checksum of a new secret with this prefix."""
    body, checksum = secret[:-_CHECKSUM_DIGITS], secret[-_CHECKSUM_DIGITS:]
    return (
        body.startswith(prefix)
        and len(body) == len(prefix) + _CHANCE_DIGITS
        and _base62(zlib.crc32(_bytes_of(body)), _CHECKSUM_DIGITS) == checksum
    )


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


@dataclass(frozen=True, slots=True)
class _Recipe:
    """All but the text that decides an Argon2 hash; texts with one recipe can be compared after one run."""

    kind: Type
    version: int
    cost: Cost
    salt: bytes
    size: int

    def run(self, plain: bytes) -> bytes:
        """Return the hash of a text.

        Raises:
            HashingError: there is no such hash, or no memory for it.
        """
        cost = self.cost
        return hash_secret_raw(
            plain, self.salt, cost.time, cost.memory, cost.parallelism, self.size, self.kind, self.version
        )

    def compare(self, plain: bytes, kept: Mapping[str, bytes]) -> set[str]:
        """Return the names of those hashes that are the hash of a text."""
        try:
            made = self.run(plain)
        except HashingError:
            return set()
        return {name for name, hash in kept.items() if hmac.compare_digest(made, hash)}


DEFAULT_COST = Cost()
MOST_COST = Cost(memory=131_072, time=6, parallelism=8)
"""The dearest hash that is verified: above every usual recommendation, and still below a second."""


def _read(hash: str, most: Cost) -> tuple[_Recipe, bytes] | None:
    """Take an Argon2 hash apart; None for what is none, or too dear."""
    found = _PHC.fullmatch(hash)
    numbers = [int(found[name]) for name in ("memory", "time", "parallelism")] if found else []
    if found is None or not _within(numbers, most):
        return None
    try:
        salt, kept = _unbase64(found["salt"]), _unbase64(found["hash"])
        recipe = _Recipe(_KINDS[found["kind"]], int(found["version"] or 16), Cost(*numbers), salt, len(kept))
    except ValueError:
        return None
    return recipe, kept


def argon2id_hash(text: str) -> str:
    """Accept an Argon2id hash that is no dearer than what is verified.

    Raises:
        Invalid: it is none.
    """
    read = _read(text, MOST_COST)
    if read is None or read[0].kind is not Type.ID:
        raise Invalid("must be an Argon2id hash that this server can afford to verify")
    return text


class SlowHasher:
    """Makes and compares Argon2id hashes on threads of its own, at most `concurrency` at a time.

    argon2-cffi releases the GIL, so the event loop goes on meanwhile, also where there are as many threads as CPUs: it
    waits for its turn for 2 ms at the worst then, and for 1 ms with one thread less, which makes half as many on two.
    Four threads are the most by default: Argon2 is bound by memory bandwidth, and more would slow down all else.
    Memory stays below `concurrency` times the cost of a hash.

    The queue of the threads is first come, first served, and whoever has many secrets stands in it with only as many
    as there are threads: one secret waits for at most that many others of each caller, not for a thousand.

    Hashes may share a salt, and then a text is compared with all of them at the price of one. For hashes that are not
    Argon2, `verifier` returns what verifies them, or None.

    No plain text stands in an error or in a representation of anything here.
    """

    def __init__(
        self,
        cost: Cost = DEFAULT_COST,
        *,
        most: Cost = MOST_COST,
        concurrency: int | None = None,
        verifier: Callable[[str], Callable[[bytes], bool] | None] = lambda hash: None,
    ) -> None:
        if not _within(astuple(cost), most):
            raise ValueError("The cost of a hash is beyond what would be verified later.")
        self._cost = cost
        self._verifier = verifier
        self._most = most
        self._concurrency = concurrency or min(4, os.cpu_count() or 1)
        self._start = f"$argon2id$v=19$m={cost.memory},t={cost.time},p={cost.parallelism}$"
        self.nobodys = f"{self.salt()}${_base64(secrets.token_bytes(_HASH_BYTES))}"
        """The hash of no text: to compare with where there is none, which takes as long."""
        self._threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="hash")

    def salt(self, like: Iterable[str] = ()) -> str:
        """Return what a new hash begins with: as the first of these hashes that this one would make, else anew."""
        ours = (hash.rpartition("$")[0] for hash in like if hash.startswith(self._start))
        return next(ours, None) or self._start + _base64(secrets.token_bytes(_SALT_BYTES))

    def is_like(self, hash: str, salt: str) -> bool:
        """Tell whether a hash is one that this one would make with what `salt` returned, so that one run tells both."""
        return hash.startswith(f"{salt}$") and len(hash) == len(f"{salt}$") + _HASH_CHARACTERS

    async def hash(self, plain: str, salt: str | None = None) -> str:
        """Return the hash of a secret as a PHC string; the text is taken as it is, NUL included, not normalised."""
        salt = salt or self.salt()
        recipe = _Recipe(Type.ID, 19, self._cost, _unbase64(salt.removeprefix(self._start)), _HASH_BYTES)
        return f"{salt}${_base64(await self._run(recipe.run, _bytes_of(plain)))}"

    async def hash_all(self, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """Return the hashes of many pairs (secret, salt), in their order."""
        return await self._in_turn(self.hash, pairs)

    async def matching(self, plain: str, hashes: Collection[str]) -> set[str]:
        """Return those of some hashes that are the hash of a secret: one run for each salt and cost among them, those
        of Argon2 first.

        What is no hash, or dearer than allowed, is of none.
        """
        recipes: dict[_Recipe, dict[str, bytes]] = {}
        others: dict[str, Callable[[bytes], bool]] = {}
        for hash in hashes:
            if read := _read(hash, self._most):
                recipes.setdefault(read[0], {})[hash] = read[1]
            elif verify := self._verifier(hash):
                others[hash] = verify
        matching: set[str] = set()
        for recipe, kept in recipes.items():
            matching |= await self._run(recipe.compare, _bytes_of(plain), kept)
        return matching | {hash for hash, verify in others.items() if await self._run(verify, _bytes_of(plain))}

    async def matching_all(self, questions: Sequence[tuple[str, Collection[str]]]) -> list[set[str]]:
        """Answer many questions (secret, hashes), in their order."""
        return await self._in_turn(self.matching, questions)

    async def verify(self, hash: str, plain: str) -> bool:
        """Tell whether a hash is that of a secret."""
        return bool(await self.matching(plain, [hash]))

    def close(self) -> None:
        """Wait for the hash that each thread is at; the others will not be made."""
        self._threads.shutdown(cancel_futures=True)

    async def _in_turn(
        self, function: Callable[..., Awaitable[Result]], many: Sequence[tuple[Any, ...]]
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

    async def _run(self, work: Callable[..., Result], *arguments: bytes | Mapping[str, bytes]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _within(numbers: Sequence[int], most: Cost) -> bool:
    return all(number <= limit for number, limit in zip(numbers, astuple(most), strict=True))


def _bytes_of(secret: str) -> bytes:
    """Encode any text at all: the error that a lone surrogate would raise otherwise holds the secret."""
    return secret.encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> str:
    """Write base64 as PHC strings have it, without padding."""
    return binascii.b2a_base64(data, newline=False).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _BASE62[digit] + text
    return text
