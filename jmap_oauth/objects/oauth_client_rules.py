"""What follows for a client from its own properties, and what they must not say together.

The rules are those of RFC 7591 section 2, and of OpenID Connect's registration and logouts. Grants are checked only
where the client names them itself: nothing said is read as authorization_code, and such a client may still be without
a redirect URI.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jmap_oauth.access.hashing import new_secret
from jmap_oauth.model.definition import Filled, Flaw, Record
from jmap_oauth.objects.jwks import can_sign
from jmap_oauth.objects.uris import origin_of

SECRET_PREFIX = "jmo_secret_"  # noqa: S105 - not a secret: what tells people that it is one

WITH_SECRET = frozenset({"client_secret_basic", "client_secret_post"})
"""The methods by which a client authenticates with a secret."""

_METHOD = "tokenEndpointAuthMethod"


def fill(old: Record | None, new: Record, named: frozenset[str]) -> Filled:
    """Let the method follow the secret where it is not named, and make a secret where a named method needs one.

    Secrets that sleep, since the method did not need them, may all have expired or leaked: a new one replaces them,
    unless they are named, as **** is.
    """
    method = new[_METHOD] if _METHOD in named else _following_method(old, new)
    values = {} if method == new[_METHOD] else {_METHOD: method}
    if old is None and "requirePkce" not in named:
        values["requirePkce"] = method == "none"
    needed_none = old is None or old[_METHOD] not in WITH_SECRET
    is_new = old is None or method != old[_METHOD]
    lacks_secret = is_new and method in WITH_SECRET and (needed_none or new["secret"] is None)
    lacks_secret = lacks_secret and "secret" not in named
    return Filled(values, {"secret": new_secret(SECRET_PREFIX)} if lacks_secret else {})


def _following_method(old: Record | None, new: Record) -> str:
    """Return the method of a client to which nobody gave one: it changes where its secret comes or goes."""
    method = new[_METHOD]
    had_secret, has_secret = old is not None and old["secret"] is not None, new["secret"] is not None
    if has_secret and not had_secret and method == "none":
        return "client_secret_basic"
    return "none" if had_secret and not has_secret and method in WITH_SECRET else method


def check(old: Record | None, new: Record) -> Iterator[Flaw]:
    """Find the rules that are broken. What was so before and is not touched is no flaw."""
    for rule in _RULES:
        changed = rule.properties if old is None else [name for name in rule.properties if new[name] != old[name]]
        if changed and rule.is_broken(new):
            yield Flaw(changed[0], rule.reason)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule across properties: the first of them that is new or changed is told to be wrong."""

    properties: tuple[str, ...]
    is_broken: Callable[[Record], bool]
    reason: str


def _grants_do_not_match(new: Record) -> bool:
    """Compare grants and response types by RFC 7591 section 2.1, and OpenID Connect Registration section 2."""
    grants, responses = new["grantTypes"], new["responseTypes"]
    words = {word for each in responses for word in each.split()}
    if not responses and "authorization_code" in grants:
        words = {"code"}
    in_front = not words.isdisjoint({"token", "id_token"})
    return bool(grants) and (
        ("code" in words) is not ("authorization_code" in grants) or in_front is not ("implicit" in grants)
    )


def _redirects_nowhere(new: Record) -> bool:
    return not new["redirectUris"] and not {"authorization_code", "implicit"}.isdisjoint(new["grantTypes"])


def _lacks_keys(new: Record) -> bool:
    return new[_METHOD] == "private_key_jwt" and new["jwks"] is None and new["jwksUri"] is None


def _keys_cannot_sign(new: Record) -> bool:
    by_key = new[_METHOD] == "private_key_jwt" and new["jwks"] is not None
    return by_key and not can_sign(new["jwks"], new["tokenEndpointAuthSigningAlg"])


def _origins(new: Record) -> set[tuple[str, str, str]]:
    return {origin_of(uri) for uri in new["redirectUris"]}


def _logs_out_elsewhere(new: Record) -> bool:
    return not {origin_of(uri) for uri in new["postLogoutRedirectUris"]} <= _origins(new)


def _frames_elsewhere(new: Record) -> bool:
    uri = new["frontchannelLogoutUri"]
    return uri is not None and origin_of(uri) not in _origins(new)


def _lacks_sector(new: Record) -> bool:
    """Several hosts are several sectors, unless one URL stands for all (OpenID Connect Core section 8.1)."""
    pairwise = new["subjectType"] == "pairwise" and new["sectorIdentifierUri"] is None
    return pairwise and len({host or scheme for scheme, host, _ in _origins(new)}) > 1


_RULES = (
    _Rule(
        ("secret",),
        lambda new: new["secret"] is not None and new[_METHOD] not in WITH_SECRET,
        "must be null for a client that does not authenticate with a secret",
    ),
    _Rule(
        (_METHOD, "secret"),
        lambda new: new["secret"] is None and new[_METHOD] in WITH_SECRET,
        "must go with the other: client_secret_basic and client_secret_post need a secret",
    ),
    _Rule((_METHOD, "jwks", "jwksUri"), _lacks_keys, "must go with the others: private_key_jwt needs jwks or jwksUri"),
    _Rule(
        ("jwks", "jwksUri"), lambda new: new["jwks"] is not None and new["jwksUri"] is not None, "excludes the other"
    ),
    _Rule(
        ("jwks", _METHOD, "tokenEndpointAuthSigningAlg"),
        _keys_cannot_sign,
        "must go with the others: jwks has no key that can sign for private_key_jwt",
    ),
    _Rule(
        ("tokenEndpointAuthSigningAlg", _METHOD),
        lambda new: new["tokenEndpointAuthSigningAlg"] is not None and new[_METHOD] != "private_key_jwt",
        "must go with the other: tokenEndpointAuthSigningAlg is for private_key_jwt only",
    ),
    _Rule(
        ("responseTypes", "grantTypes"),
        _grants_do_not_match,
        "must go with the other: code with authorization_code, token and id_token with implicit",
    ),
    _Rule(
        ("redirectUris", "grantTypes"),
        _redirects_nowhere,
        "must go with the other: authorization_code and implicit need a redirect URI",
    ),
    _Rule(
        ("grantTypes", "secret", _METHOD),
        lambda new: "client_credentials" in new["grantTypes"] and new[_METHOD] == "none",
        "must go with the others: client_credentials is for clients that authenticate, by a tokenEndpointAuthMethod",
    ),
    _Rule(
        ("postLogoutRedirectUris", "redirectUris"),
        _logs_out_elsewhere,
        "must go with the other: each post-logout URI has scheme, host and port of a redirect URI",
    ),
    _Rule(
        ("frontchannelLogoutUri", "redirectUris"),
        _frames_elsewhere,
        "must go with the other: the front-channel logout URI has scheme, host and port of a redirect URI",
    ),
    _Rule(
        ("sectorIdentifierUri", "subjectType", "redirectUris"),
        _lacks_sector,
        "must go with the others: pairwise with redirect URIs on several hosts needs a sectorIdentifierUri",
    ),
)
