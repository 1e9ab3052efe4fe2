"""What a JWK Set may be, and what it can sign."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from jmap_oauth.model.kinds import Invalid
from jmap_oauth.objects.jwks import MAX_KEYS, can_sign, jwk_set


def base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def rsa(bits: int = 2_048, exponent: int = 65_537, **members: Any) -> dict[str, Any]:
    """Return what looks like an RSA key of a size: no key at all, but only a factorisation could tell."""
    modulus, length = (1 << bits - 1) + 1, -(-bits // 8)
    return {"kty": "RSA", "n": base64url(modulus.to_bytes(length)), "e": base64url(exponent.to_bytes(5)), **members}


# Points that OpenSSL made, of keys that nobody kept.
P256 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "3mgcCwCm_skqvcIEFFuMVsak9dm9h641OanWovKbLJs",
    "y": "QsBaBZzrTmtORRtMAK4jd1uH4SpRa4bwRyTyLr8imyM",
}
P384 = {
    "kty": "EC",
    "crv": "P-384",
    "x": "VEW9Ody17-YkY1pjhQfF4m7eX24CSVTILpVqoRsTp600CMCgcasEhMGb65GkpaQg",
    "y": "ZPaNdiOc_vh46D3ut6HqZz4G0vVyZ_Hxk38xmOy3J4bRna-4jNa8LHe_OQAnfGpe",
}
P521 = {
    "kty": "EC",
    "crv": "P-521",
    "x": "AXh8wyQmwQoAoajrgi8nXg4bKA3oj9PVTHS9EWzmqx43gQ3RV0AucFo5VyPdSE9hRvVl0it3aaIuzo4eth_duotN",
    "y": "AaQPh1bdE38hYYd6NB7MuWlRv0RazWsy5Qv8t9yO0uZTkyZTc8yJEtBteHkhsQAI9_jra77Rqu0K4g_kPfsYcbbH",
}


def beyond_the_prime(point: dict[str, str]) -> dict[str, str]:
    """Return a point of P-521 by another name: modulo the prime it is the same."""
    x = int.from_bytes(urlsafe_b64decode(point["x"])) + 2**521 - 1
    return point | {"x": base64url(x.to_bytes(66))}


def okp(curve: str, length: int, **members: Any) -> dict[str, Any]:
    return {"kty": "OKP", "crv": curve, "x": base64url(bytes(length)), **members}


ED25519 = okp("Ed25519", 32)
X25519 = okp("X25519", 32)

ACCEPTED: list[list[dict[str, Any]]] = [
    [rsa()],
    [rsa(8_192)],
    [rsa(exponent=3)],
    [rsa(alg="PS512", use="sig", kid="2026-01")],
    [rsa(alg="RSA-OAEP-256", use="enc")],
    [rsa(ext=True, key_ops=["verify"], x5c=["MIIB"], iat=1_700_000_000, issuer="us")],
    [P256],
    [P384],
    [P521],
    [P256 | {"alg": "ES256"}],
    [P256 | {"alg": "ECDH-ES+A256KW", "use": "enc"}],
    [ED25519 | {"alg": "EdDSA"}],
    [ED25519 | {"alg": "Ed25519"}],
    [okp("Ed448", 57)],
    [X25519, okp("X448", 56)],
    [rsa(kid=str(number)) for number in range(MAX_KEYS)],
]


def named(keys: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a JWK Set whose keys have different ids."""
    return {"keys": [{"kid": f"k{number}", **key} for number, key in enumerate(keys)]}


@pytest.mark.parametrize("keys", ACCEPTED)
def test_public_keys_are_accepted(keys: list[dict[str, Any]]) -> None:
    jwk_set(named(keys))


def test_a_single_key_needs_no_id() -> None:
    jwk_set({"keys": [rsa()]})


def refusal(value: dict[str, Any]) -> str:
    with pytest.raises(Invalid) as refused:
        jwk_set(value)
    return str(refused.value)


SET = 'must be an object like {"keys": [...]}, with at least one key'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, SET),
        ({"keys": None}, SET),
        ({"keys": {}}, SET),
        ({"keys": []}, SET),
        ({"keys": [rsa()], "d": "x"}, SET),
        (rsa(), SET),
        (named([rsa()] * 21), "must have at most 20 keys"),
        ({"keys": [rsa(), rsa(kid="a")]}, 'must have a "kid" in every key, and no two alike'),
        ({"keys": [rsa(kid="a"), rsa(kid="a")]}, 'must have a "kid" in every key, and no two alike'),
    ],
)
def test_what_is_no_set_of_keys_is_refused(value: dict[str, Any], reason: str) -> None:
    assert refusal(value) == reason


KIND = 'must have a "kty" of RSA, EC or OKP'
PRIVATE = "holds a private key: make another one, and send only its public half"
PLAIN = "must hold only texts, numbers, flags and lists of texts"
TEXTS = "must have texts for kty, use, alg, kid, crv"
BITS = 'must have an "n" of 2048 to 8192 bits in base64url'
EXPONENT = 'must have an odd "e" from 3 to 4294967295 in base64url'
POINT = "must be a point of its curve"
FITS = 'must have an "alg" that fits its kind and its "use", or none'

REFUSED: list[tuple[Any, str]] = [
    ("key", "must be an object"),
    ({}, KIND),
    ({"kty": "oct"}, KIND),
    ({"kty": "rsa"}, KIND),
    ({"kty": ["RSA"]}, TEXTS),
    (rsa(alg=None), PLAIN),
    (rsa(other={"d": "x"}), PLAIN),
    (rsa(other=[["d"]]), PLAIN),
    (rsa(x5u="https://keys.example/"), "must be there itself, not named by a URL"),
    (rsa(kid=""), 'must have a "kid" of at most 255 characters, or none'),
    (rsa(kid="a\u202eb"), 'must have a "kid" of at most 255 characters, or none'),
    (rsa(use="any"), 'must have a "use" of sig or enc, or none'),
    (rsa(2_047), BITS),
    (rsa(8_193), BITS),
    (rsa(n="AQ"), BITS),
    (rsa(n=5), BITS),
    (rsa(n=base64url(b"\xff" * 255 + b"\xfe")), BITS),
    (rsa(n="=" + rsa()["n"]), BITS),
    ({"kty": "RSA", "e": "AQAB"}, BITS),
    (rsa(exponent=1), EXPONENT),
    (rsa(exponent=4), EXPONENT),
    (rsa(exponent=2**32 + 1), EXPONENT),
    (P256 | {"crv": "P-192"}, 'must have a "crv" of P-256 or P-384 or P-521'),
    (P256 | {"crv": "Ed25519"}, 'must have a "crv" of P-256 or P-384 or P-521'),
    ({"kty": "EC"}, 'must have a "crv" of P-256 or P-384 or P-521'),
    (P256 | {"x": "AAAA"}, "must have 32 bytes in base64url for x and y"),
    ({name: item for name, item in P256.items() if name != "y"}, "must have 32 bytes in base64url for x and y"),
    (P384 | {"crv": "P-256"}, "must have 32 bytes in base64url for x and y"),
    (P256 | {"y": P256["x"]}, POINT),
    (P521 | {"y": P521["x"]}, POINT),
    (beyond_the_prime(P521), POINT),
    (okp("Ed25519", 31), "must have 32 bytes in base64url for x"),
    (okp("P-256", 32), 'must have a "crv" of Ed25519 or Ed448 or X25519 or X448'),
    (rsa(alg="none"), FITS),
    (rsa(alg="HS256"), FITS),
    (rsa(alg="ES256"), FITS),
    (rsa(alg="RS256", use="enc"), FITS),
    (rsa(alg="RSA-OAEP", use="sig"), FITS),
    (P256 | {"alg": "ES384"}, FITS),
    (X25519 | {"alg": "EdDSA"}, FITS),
]


@pytest.mark.parametrize(("key", "reason"), REFUSED)
def test_a_wrong_key_is_named_by_its_number(key: Any, reason: str) -> None:
    assert refusal({"keys": [rsa(kid="good"), key]}) == f"has a wrong key, number 2: it {reason}"


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
@pytest.mark.parametrize("key", [rsa(), P256, ED25519, {"kty": "oct"}], ids=["RSA", "EC", "OKP", "oct"])
def test_a_private_key_is_refused_and_not_repeated(key: dict[str, Any], name: str) -> None:
    reason = refusal({"keys": [key | {name: "private-marker"}]})
    assert reason == f"has a wrong key, number 1: it {PRIVATE}"
    assert "private-marker" not in reason


@pytest.mark.parametrize(
    ("keys", "algorithm", "can"),
    [
        ([rsa()], None, True),
        ([rsa()], "RS256", True),
        ([rsa()], "ES256", False),
        ([rsa(alg="PS256")], "RS256", False),
        ([rsa(use="enc")], None, False),
        ([rsa(alg="RSA-OAEP")], None, False),
        ([X25519], None, False),
        ([X25519, P256], "ES256", True),
        ([P384], "ES256", False),
        ([ED25519], "EdDSA", True),
        ([ED25519], "Ed25519", True),
    ],
)
def test_a_set_can_sign_with_what_one_of_its_keys_is_for(
    keys: list[dict[str, Any]], algorithm: str | None, can: bool
) -> None:
    assert can_sign(named(keys), algorithm) is can
