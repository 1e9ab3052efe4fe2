"""Hashes from elsewhere: which are accepted, and what they are the hash of."""

from __future__ import annotations

import base64
import hashlib

import bcrypt
import pytest

from jmap_oauth.access.imported import imported_hash, verifier
from jmap_oauth.model.kinds import Invalid

PLAIN = b"correct horse battery staple"
SALT = b"0123456789abcdef"


def pbkdf2(rounds: int = 10_000, size: int = 32, salt: bytes = SALT) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", PLAIN, salt, rounds, size)


def text(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


BCRYPT = bcrypt.hashpw(PLAIN, b"$2b$08$" + b"abcdefghijklmnopqrstuu").decode()
FOSITE = f"$pbkdf2-sha256$i=10000,l=32${text(SALT)}${text(pbkdf2())}"
PASSLIB = f"$pbkdf2-sha256$10000${text(SALT).replace('+', '.')}${text(pbkdf2()).replace('+', '.')}"
DJANGO = f"pbkdf2_sha256$10000${SALT.decode()}${base64.b64encode(pbkdf2()).decode()}"
ARGON2ID = f"$argon2id$v=19$m=19456,t=2,p=1${text(SALT)}${text(bytes(32))}"


@pytest.mark.parametrize("hash", [BCRYPT, FOSITE, PASSLIB, DJANGO])
def test_a_hash_knows_its_secret_and_no_other(hash: str) -> None:
    verify = verifier(imported_hash(hash))

    assert verify is not None
    assert (verify(PLAIN), verify(PLAIN + b" "), verify(hash.encode()), verify(b"")) == (True, False, False, False)


def test_argon2id_is_accepted_and_left_to_the_hasher() -> None:
    assert (imported_hash(ARGON2ID), verifier(ARGON2ID)) == (ARGON2ID, None)


@pytest.mark.parametrize("tail", [b"x", b"\0"])
def test_bcrypt_matches_no_secret_of_which_it_reads_only_a_part(tail: bytes) -> None:
    long = b"a" * 72
    verify = verifier(bcrypt.hashpw(long, bcrypt.gensalt(8)).decode())

    assert verify is not None
    assert (verify(long), verify(long + tail)) == (True, False)


@pytest.mark.parametrize(
    "hash",
    [
        "{PLAIN}secret", "{CLEAR}secret", "$1$abcdefgh$0123456789abcdefghijkl", "{SSHA}q80Va+CqLw==", "secret", "",
        "5f4dcc3b5aa765d61d8327deb882cf99", "$6$saltsalt$" + "a" * 86, "abJnggxhB/yWI",
        "$argon2i$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + "a" * 43,
        "$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + "a" * 43,
        "$argon2id$v=19$m=19456,t=1000000,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + "a" * 43,
        "$argon2id$v=19$m=19456,t=2,p=16777216$MDEyMzQ1Njc4OWFiY2RlZg$" + "a" * 43,
        "$argon2id$v=19$m=-1,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + "a" * 43,
        "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + "a" * 43,
        BCRYPT.replace("$08$", "$31$"), BCRYPT.replace("$08$", "$04$"), BCRYPT + "x", BCRYPT + "\n",
        FOSITE.replace("i=10000", "i=1"), FOSITE.replace("i=10000", "i=99999999"), FOSITE + "$x",
        f"$pbkdf2-sha256$10000${text(b'salt')}${text(pbkdf2())}", f"$pbkdf2-sha256$10000${'A' * 400}${text(pbkdf2())}",
        f"$pbkdf2-sha256$10000${text(SALT)}${text(pbkdf2(size=8))}", f"$pbkdf2$10000${text(SALT)}${text(pbkdf2())}",
        f"$pbkdf2-sha256$10000${text(SALT)}$AAAAA",
    ],
)  # fmt: skip
def test_what_is_weak_hostile_or_no_hash_is_refused_without_being_repeated(hash: str) -> None:
    with pytest.raises(Invalid) as refusal:
        imported_hash(hash)
    assert not hash or hash not in str(refusal.value)
