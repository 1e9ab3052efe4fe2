"""Hashes of secrets that other systems made: what is accepted of them, and whether a text is the one behind a hash.

Argon2id is what this server makes itself, so hashing reads it. The other two are verified until their secret is used
for the first time, and then made anew. What is weaker is refused, and what is dearer than a second as well.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import bcrypt

from jmap_oauth.access.hashing import argon2id_hash
from jmap_oauth.model.definition import Property, Secret
from jmap_oauth.model.kinds import Invalid

Verify = Callable[[bytes], bool]
"""Tells whether a text is the one behind a hash. It takes long, so it belongs on a thread."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ARGON2ID = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,9}),")
_LEAST_MEMORY: Final = 4_096  # KiB

# The last character of the salt has but two bits of it; one with others is none that bcrypt would take.
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_BCRYPT_COSTS: Final = range(8, 14)
_BCRYPT_READS: Final = 72
"""Bytes of a secret that bcrypt looks at: with a longer one, whatever follows would not matter."""

# The first as Ory's fosite writes it, the second as passlib does, the third as Django does.
_PBKDF2 = [
    re.compile(
        r"\$pbkdf2-sha256\$i=(?P<rounds>[0-9]{1,8}),l=[0-9]{1,4}\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<hash>[A-Za-z0-9+/]+)"
    ),
    re.compile(r"\$pbkdf2-sha256\$(?P<rounds>[0-9]{1,8})\$(?P<salt>[A-Za-z0-9./]+)\$(?P<hash>[A-Za-z0-9./]+)"),
    re.compile(
        r"(?P<django>pbkdf2_sha256)\$(?P<rounds>[0-9]{1,8})\$(?P<salt>[A-Za-z0-9]+)\$(?P<hash>[A-Za-z0-9+/]{43}=)"
    ),
]
_ROUNDS: Final = range(10_000, 2_000_001)
_SALT_BYTES: Final = range(8, 65)
_HASH_BYTES: Final = range(16, 65)


def imported_hash(text: str) -> str:
    """Accept a hash by argon2id, bcrypt or pbkdf2-sha256 that is neither too weak nor too dear.

    Raises:
        Invalid: it is none.
    """
    if memory := _ARGON2ID.match(text):
        if int(memory[1]) < _LEAST_MEMORY:
            raise Invalid(f"must have taken {_LEAST_MEMORY} KiB of memory, if it is by argon2id")
        return argon2id_hash(text)
    if verifier(text) is None:
        raise Invalid("must be an argon2id, bcrypt or pbkdf2-sha256 hash, neither too weak nor too dear to verify")
    return text


def is_kept_hash(property: Property, text: str) -> bool:
    """Tell whether a text has the form in which the hashes of a secret are kept, so that it can be verified."""
    if property.secret is Secret.GENERATED:
        return _DIGEST.fullmatch(text) is not None
    with suppress(Invalid):
        return bool(argon2id_hash(text))
    return verifier(text) is not None


def verifier(hash: str) -> Verify | None:
    """Return what verifies a hash by bcrypt or pbkdf2-sha256; None for any other text."""
    if found := _BCRYPT.fullmatch(hash):
        return _bcrypt(hash) if int(found["cost"]) in _BCRYPT_COSTS else None
    parts = next((parts for form in _PBKDF2 if (found := form.fullmatch(hash)) and (parts := _parts(found))), None)
    return None if parts is None else _pbkdf2(parts)


class _Parts(NamedTuple):
    rounds: int
    salt: bytes
    hash: bytes


def _parts(found: re.Match[str]) -> _Parts | None:
    """Take a PBKDF2 hash apart; None for what is not within bounds."""
    try:
        hash = _unbase64(found["hash"])
        salt = found["salt"].encode() if "django" in found.groupdict() else _unbase64(found["salt"])
    except ValueError:
        return None
    parts = _Parts(int(found["rounds"]), salt, hash)
    within = parts.rounds in _ROUNDS and len(salt) in _SALT_BYTES and len(hash) in _HASH_BYTES
    return parts if within else None


def _bcrypt(hash: str) -> Verify:
    def verify(plain: bytes) -> bool:
        if len(plain) > _BCRYPT_READS or b"\0" in plain:
            return False
        return bcrypt.checkpw(plain, hash.encode())

    return verify


def _pbkdf2(parts: _Parts) -> Verify:
    def verify(plain: bytes) -> bool:
        made = hashlib.pbkdf2_hmac("sha256", plain, parts.salt, parts.rounds, len(parts.hash))
        return hmac.compare_digest(made, parts.hash)

    return verify


def _unbase64(text: str) -> bytes:
    """Read base64 without padding, also as passlib writes it, with dots for pluses."""
    text = text.rstrip("=").replace(".", "+")
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
