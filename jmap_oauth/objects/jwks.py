"""What a JWK Set may be (RFC 7517, RFC 7518 section 6, RFC 8037): public keys, which signatures can be checked with.

What is refused is never repeated: it may be a private key.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jmap_oauth.model.kinds import Invalid, Text

MAX_JWKS = 64 * 1_024
MAX_KEYS = 20

_TEXTS = ("kty", "use", "alg", "kid", "crv")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_RSA_BITS = range(2_048, 8_192 + 1)
_EC = {"P-256": 32, "P-384": 48, "P-521": 66}
_OKP = {"Ed25519": 32, "Ed448": 57, "X25519": 32, "X448": 56}
_CURVES: Mapping[str, Mapping[str, int]] = {"EC": _EC, "OKP": _OKP}
"""By type of key, the bytes of a coordinate on each curve."""

_PRIMES = {
    "P-256": 2**256 - 2**224 + 2**192 + 2**96 - 1,
    "P-384": 2**384 - 2**128 - 2**96 + 2**32 - 1,
    "P-521": 2**521 - 1,
}
_OFFSETS = {
    "P-256": 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    "P-384": 0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    "P-521": 0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,  # noqa: E501
}
"""The curves y^2 = x^3 - 3x + offset modulo a prime (FIPS 186-4 appendix D.1.2)."""

_RSA_KEYS = frozenset({"RSA"})
SIGNING: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), _RSA_KEYS),
    "ES256": frozenset({"P-256"}),
    "ES384": frozenset({"P-384"}),
    "ES512": frozenset({"P-521"}),
    "EdDSA": frozenset({"Ed25519", "Ed448"}),
    "Ed25519": frozenset({"Ed25519"}),
    "Ed448": frozenset({"Ed448"}),
}
"""The algorithms that sign with a private key, with the keys they take: "RSA", or the name of a curve."""

_ENCRYPTION: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"), _RSA_KEYS),
    **dict.fromkeys(
        ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"), frozenset({*_EC, "X25519", "X448"})
    ),
}
_USES: Mapping[str | None, Mapping[str, frozenset[str]]] = {
    None: {**SIGNING, **_ENCRYPTION},
    "sig": SIGNING,
    "enc": _ENCRYPTION,
}

_KEY_ID = Text(max_length=255, min_length=1, name=True)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


def jwk_set(value: Mapping[str, Any]) -> None:
    """Check that an object is a JWK Set of public keys.

    Raises:
        Invalid: it is not, or holds more than MAX_KEYS.
    """
    keys = value.get("keys")
    if set(value) != {"keys"} or not isinstance(keys, list) or not keys:
        raise Invalid('must be an object like {"keys": [...]}, with at least one key')
    if len(keys) > MAX_KEYS:
        raise Invalid(f"must have at most {MAX_KEYS} keys")
    for number, key in enumerate(keys, 1):
        for broken, reason in _rules(key):
            if broken:
                raise Invalid(f"has a wrong key, number {number}: it {reason}")
    if len(keys) > 1 and len({key.get("kid") for key in keys} - {None}) < len(keys):
        raise Invalid('must have a "kid" in every key, and no two alike')


def can_sign(keys: Mapping[str, Any], algorithm: str | None) -> bool:
    """Tell whether a JWK Set holds a key for an algorithm, or for any that signs."""
    return any(_signs(key, name) for key in keys["keys"] for name in ([algorithm] if algorithm else SIGNING))


def _signs(key: Mapping[str, Any], algorithm: str) -> bool:
    fits = key.get("alg", algorithm) == algorithm and key.get("use", "sig") == "sig"
    return fits and _key_for(key) in SIGNING[algorithm]


def _key_for(key: Mapping[str, Any]) -> Any:
    return key["crv"] if key["kty"] in _CURVES else key["kty"]


def _rules(key: Any) -> Iterator[tuple[bool, str]]:
    """Yield every rule of a key, as (whether it is broken, what is wrong then), each relying on those before."""
    yield not isinstance(key, dict), "must be an object"
    yield not _PRIVATE.isdisjoint(key), "holds a private key: make another one, and send only its public half"
    yield not all(_is_plain(item) for item in key.values()), "must hold only texts, numbers, flags and lists of texts"
    yield (
        any(name in key and not isinstance(key[name], str) for name in _TEXTS),
        f"must have texts for {', '.join(_TEXTS)}",
    )
    yield key.get("kty") not in {"RSA", *_CURVES}, 'must have a "kty" of RSA, EC or OKP'
    yield "x5u" in key, "must be there itself, not named by a URL"
    yield "kid" in key and not _is_key_id(key["kid"]), 'must have a "kid" of at most 255 characters, or none'
    yield key.get("use") not in _USES, 'must have a "use" of sig or enc, or none'
    yield from _rsa_rules(key) if key["kty"] == "RSA" else _curve_rules(key, _CURVES[key["kty"]])
    fitting = _USES[key.get("use")]
    yield (
        "alg" in key and _key_for(key) not in fitting.get(key["alg"], ()),
        'must have an "alg" that fits its kind and its "use", or none',
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str | int | float)


def _is_key_id(value: Any) -> bool:
    try:
        return bool(_KEY_ID.parse(value))
    except Invalid:
        return False


def _rsa_rules(key: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    modulus, exponent = _number(key.get("n")), _number(key.get("e"))
    bounds = f"{_RSA_BITS[0]} to {_RSA_BITS[-1]}"
    yield modulus.bit_length() not in _RSA_BITS or modulus % 2 == 0, f'must have an "n" of {bounds} bits in base64url'
    yield not (2 < exponent < 2**32) or exponent % 2 == 0, 'must have an odd "e" from 3 to 4294967295 in base64url'


def _curve_rules(key: Mapping[str, Any], curves: Mapping[str, int]) -> Iterator[tuple[bool, str]]:
    curve, names = key.get("crv", ""), ("x", "y") if key["kty"] == "EC" else ("x",)
    yield curve not in curves, f'must have a "crv" of {" or ".join(curves)}'
    length = curves[curve]
    whole = all(len(_octets(key.get(name))) == length for name in names)
    yield not whole, f"must have {length} bytes in base64url for {' and '.join(names)}"
    yield curve in _PRIMES and not _is_on_curve(key), "must be a point of its curve"


def _is_on_curve(key: Mapping[str, Any]) -> bool:
    prime, x, y = _PRIMES[key["crv"]], _number(key["x"]), _number(key["y"])
    return max(x, y) < prime and (y * y - x * x * x + 3 * x - _OFFSETS[key["crv"]]) % prime == 0


def _number(value: Any) -> int:
    return int.from_bytes(_octets(value))


def _octets(value: Any) -> bytes:
    """Return what a text is base64url of, without padding (RFC 7515 section 2); nothing, if it is not."""
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        return b""
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        return b""
