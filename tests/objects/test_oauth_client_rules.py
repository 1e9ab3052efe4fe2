"""x:OAuthClient: what follows from its properties, and what they must not say together."""

from __future__ import annotations

from typing import Any

import pytest

from jmap_oauth.model.definition import MASK, Filled, Flaw
from jmap_oauth.model.validate import draft_new
from jmap_oauth.objects.oauth_client import oauth_client
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.objects.oauth_client_rules import SECRET_PREFIX, check, fill
from tests.objects.test_jwks import ED25519, P256, rsa
from tests.objects.test_oauth_client_metadata import members

CLIENT = oauth_client(frozenset())
EMPTY = draft_new(CLIENT, {"clientId": "portal"}, frozenset({METADATA})).record

CB = members("https://app.example/cb")
KEYS = {"keys": [P256]}
BY_KEY = {"tokenEndpointAuthMethod": "private_key_jwt"}
WITH_SECRET = {"tokenEndpointAuthMethod": "client_secret_basic", "secret": MASK}


def flaws(old: dict[str, Any] | None, **values: Any) -> list[Flaw]:
    """Return what is wrong with a client that is new, or that was `old` before it got these values."""
    return [*check(old, {**(old or EMPTY), **values})]


FITTING: list[dict[str, Any]] = [
    {},
    {"redirectUris": {}, "contacts": {}},
    {"redirectUris": CB},
    WITH_SECRET,
    WITH_SECRET | {"tokenEndpointAuthMethod": "client_secret_post"},
    WITH_SECRET | {"grantTypes": members("client_credentials")},
    BY_KEY | {"jwks": KEYS},
    BY_KEY | {"jwksUri": "https://app.example/jwks"},
    BY_KEY | {"jwks": KEYS, "tokenEndpointAuthSigningAlg": "ES256", "grantTypes": members("client_credentials")},
    BY_KEY | {"jwksUri": "https://app.example/jwks", "tokenEndpointAuthSigningAlg": "EdDSA"},
    {"jwks": {"keys": [rsa(use="enc")]}},
    {"responseTypes": members("code")},
    {"redirectUris": CB, "grantTypes": members("authorization_code", "refresh_token")},
    {"redirectUris": CB, "grantTypes": members("authorization_code"), "responseTypes": members("code")},
    {"redirectUris": CB, "grantTypes": members("implicit"), "responseTypes": members("id_token token")},
    {
        "redirectUris": CB,
        "grantTypes": members("authorization_code", "implicit"),
        "responseTypes": members("code id_token"),
    },
    {"grantTypes": members("password", "refresh_token")},
    {"grantTypes": members("urn:ietf:params:oauth:grant-type:device_code")},
    {"redirectUris": CB, "postLogoutRedirectUris": members("https://app.example:443/bye", "https://APP.example/")},
    {
        "redirectUris": members("com.example.app:/cb"),
        "postLogoutRedirectUris": members("com.example.app:/bye"),
    },
    {"redirectUris": CB, "frontchannelLogoutUri": "https://app.example/logout"},
    {"redirectUris": members("https://a.example/", "https://a.example:8443/"), "subjectType": "pairwise"},
    {
        "redirectUris": members("https://a.example/", "https://b.example/"),
        "subjectType": "pairwise",
        "sectorIdentifierUri": "https://a.example/sector.json",
    },
    {"redirectUris": members("https://a.example/", "https://b.example/")},
]


@pytest.mark.parametrize("values", FITTING)
def test_what_goes_together_is_no_flaw(values: dict[str, Any]) -> None:
    assert flaws(None, **values) == []


GRANTS = "must go with the other: code with authorization_code, token and id_token with implicit"
REDIRECT = "must go with the other: authorization_code and implicit need a redirect URI"
SIGNS = "must go with the others: jwks has no key that can sign for private_key_jwt"
AUTHENTICATES = (
    "must go with the others: client_credentials is for clients that authenticate, by a tokenEndpointAuthMethod"
)
POST_LOGOUT = "must go with the other: each post-logout URI has scheme, host and port of a redirect URI"
FRONT = "must go with the other: the front-channel logout URI has scheme, host and port of a redirect URI"
SECTOR = "must go with the others: pairwise with redirect URIs on several hosts needs a sectorIdentifierUri"
NO_SECRET = "must be null for a client that does not authenticate with a secret"
NEEDS_SECRET = "must go with the other: client_secret_basic and client_secret_post need a secret"
NEEDS_KEYS = "must go with the others: private_key_jwt needs jwks or jwksUri"
SIGNING = "must go with the other: tokenEndpointAuthSigningAlg is for private_key_jwt only"

CLASHING: list[tuple[dict[str, Any], str, str]] = [
    ({"secret": MASK}, "secret", NO_SECRET),
    (BY_KEY | {"jwks": KEYS, "secret": MASK}, "secret", NO_SECRET),
    ({"tokenEndpointAuthMethod": "client_secret_post"}, "tokenEndpointAuthMethod", NEEDS_SECRET),
    (BY_KEY, "tokenEndpointAuthMethod", NEEDS_KEYS),
    ({"jwks": KEYS, "jwksUri": "https://app.example/"}, "jwks", "excludes the other"),
    (BY_KEY | {"jwks": {"keys": [rsa(use="enc")]}}, "jwks", SIGNS),
    (BY_KEY | {"jwks": {"keys": [ED25519]}, "tokenEndpointAuthSigningAlg": "RS256"}, "jwks", SIGNS),
    ({"tokenEndpointAuthSigningAlg": "RS256"}, "tokenEndpointAuthSigningAlg", SIGNING),
    (WITH_SECRET | {"tokenEndpointAuthSigningAlg": "RS256"}, "tokenEndpointAuthSigningAlg", SIGNING),
    ({"redirectUris": CB, "grantTypes": members("implicit")}, "responseTypes", GRANTS),
    (
        {"redirectUris": CB, "grantTypes": members("authorization_code"), "responseTypes": members("code", "token")},
        "responseTypes",
        GRANTS,
    ),
    (
        {"redirectUris": CB, "grantTypes": members("implicit"), "responseTypes": members("code token")},
        "responseTypes",
        GRANTS,
    ),
    (
        {
            "redirectUris": CB,
            "grantTypes": members("authorization_code", "implicit"),
            "responseTypes": members("code"),
        },
        "responseTypes",
        GRANTS,
    ),
    (
        WITH_SECRET | {"grantTypes": members("client_credentials"), "responseTypes": members("code")},
        "responseTypes",
        GRANTS,
    ),
    ({"grantTypes": members("authorization_code")}, "redirectUris", REDIRECT),
    ({"grantTypes": members("implicit"), "responseTypes": members("token")}, "redirectUris", REDIRECT),
    ({"grantTypes": members("client_credentials")}, "grantTypes", AUTHENTICATES),
    *(
        ({"redirectUris": CB, "postLogoutRedirectUris": members(uri)}, "postLogoutRedirectUris", POST_LOGOUT)
        for uri in (
            "https://evil.example/",
            "http://app.example/",
            "https://app.example:8443/",
            "https://a.app.example/",
        )
    ),
    ({"postLogoutRedirectUris": members("https://app.example/")}, "postLogoutRedirectUris", POST_LOGOUT),
    ({"redirectUris": CB, "frontchannelLogoutUri": "https://evil.example/"}, "frontchannelLogoutUri", FRONT),
    (
        {"redirectUris": members("https://a.example/", "https://b.example/"), "subjectType": "pairwise"},
        "sectorIdentifierUri",
        SECTOR,
    ),
    (
        {"redirectUris": members("com.example.a:/cb", "com.example.b:/cb"), "subjectType": "pairwise"},
        "sectorIdentifierUri",
        SECTOR,
    ),
]


@pytest.mark.parametrize(("values", "name", "reason"), CLASHING)
def test_what_does_not_go_together_is_a_flaw(values: dict[str, Any], name: str, reason: str) -> None:
    assert flaws(None, **values) == [Flaw(name, reason)]


@pytest.mark.parametrize(
    ("before", "change", "name", "reason"),
    [
        (
            {"redirectUris": CB, "grantTypes": members("authorization_code")},
            {"redirectUris": {}},
            "redirectUris",
            REDIRECT,
        ),
        (
            {"redirectUris": CB, "postLogoutRedirectUris": members("https://app.example/bye")},
            {"redirectUris": members("https://b.example/")},
            "redirectUris",
            POST_LOGOUT,
        ),
        (
            {"redirectUris": members("https://a.example/"), "subjectType": "pairwise"},
            {"redirectUris": members("https://a.example/", "https://b.example/")},
            "redirectUris",
            SECTOR,
        ),
        (
            WITH_SECRET | {"grantTypes": members("client_credentials")},
            {"secret": None, "tokenEndpointAuthMethod": "none"},
            "secret",
            AUTHENTICATES,
        ),
        (BY_KEY | {"jwks": KEYS}, {"secret": MASK}, "secret", NO_SECRET),
        (BY_KEY | {"jwks": KEYS}, {"jwks": None}, "jwks", NEEDS_KEYS),
        ({"jwks": KEYS}, {"jwksUri": "https://app.example/"}, "jwksUri", "excludes the other"),
    ],
)
def test_of_an_old_client_what_was_changed_is_wrong(
    before: dict[str, Any], change: dict[str, Any], name: str, reason: str
) -> None:
    assert flaws({**EMPTY, **before}, **change) == [Flaw(name, reason)]


@pytest.mark.parametrize("values", [values for values, _, _ in CLASHING])
def test_what_did_not_go_together_before_keeps_nobody_from_changing_something_else(values: dict[str, Any]) -> None:
    assert flaws({**EMPTY, **values}, description="new") == []


def test_secrets_may_sleep_while_a_client_authenticates_otherwise() -> None:
    old = {**EMPTY, **WITH_SECRET}
    assert flaws(old, **BY_KEY, jwks=KEYS) == []
    assert flaws(old, tokenEndpointAuthMethod="none") == []


# --- what is filled in ---


def filled(old: dict[str, Any] | None, named: dict[str, Any]) -> Filled:
    """Return what is filled in where these properties are named; `old` is told by what it has beside the defaults."""
    before = None if old is None else {**EMPTY, **old}
    return fill(before, {**(before or EMPTY), **named}, frozenset(named))


@pytest.mark.parametrize(
    ("named", "values"),
    [
        ({}, {"requirePkce": True}),
        ({"secret": None}, {"requirePkce": True}),
        ({"secret": MASK}, {"tokenEndpointAuthMethod": "client_secret_basic", "requirePkce": False}),
        ({"secret": MASK, "tokenEndpointAuthMethod": "client_secret_post"}, {"requirePkce": False}),
        ({"secret": MASK, "tokenEndpointAuthMethod": "none"}, {"requirePkce": True}),
        ({"tokenEndpointAuthMethod": "private_key_jwt", "jwks": KEYS}, {"requirePkce": False}),
        ({"requirePkce": False}, {}),
        ({"requirePkce": True, "secret": MASK}, {"tokenEndpointAuthMethod": "client_secret_basic"}),
    ],
)
def test_the_method_of_a_new_client_follows_its_secret_and_pkce_the_method(
    named: dict[str, Any], values: dict[str, Any]
) -> None:
    assert filled(None, named) == Filled(values)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_new_client_whose_method_needs_a_secret_gets_one(method: str) -> None:
    made = filled(None, {"tokenEndpointAuthMethod": method})
    assert made.values == {"requirePkce": False}
    assert made.secrets["secret"].startswith(SECRET_PREFIX)
    assert made.secrets != filled(None, {"tokenEndpointAuthMethod": method}).secrets


@pytest.mark.parametrize(
    ("old", "named", "values"),
    [
        ({}, {"secret": MASK}, {"tokenEndpointAuthMethod": "client_secret_basic"}),
        ({}, {"secret": MASK, "tokenEndpointAuthMethod": "client_secret_post"}, {}),
        (WITH_SECRET, {"secret": None}, {"tokenEndpointAuthMethod": "none"}),
        (WITH_SECRET, {"secret": None, "tokenEndpointAuthMethod": "none"}, {}),
        (WITH_SECRET, {"secret": MASK}, {}),
        (WITH_SECRET, {"description": "new"}, {}),
        (BY_KEY | {"secret": MASK}, {"secret": None}, {}),
        (BY_KEY, {"secret": MASK}, {}),
        ({}, {"secret": None, "tokenEndpointAuthMethod": "client_secret_basic"}, {}),
        ({"secret": MASK}, {"secret": MASK}, {}),
        ({"requirePkce": True}, {"secret": MASK}, {"tokenEndpointAuthMethod": "client_secret_basic"}),
        (WITH_SECRET, {"tokenEndpointAuthMethod": "client_secret_post"}, {}),
        ({"tokenEndpointAuthMethod": "client_secret_basic"}, {"tokenEndpointAuthMethod": "client_secret_basic"}, {}),
    ],
)
def test_the_method_of_an_old_client_follows_its_secret_unless_named_and_pkce_stays(
    old: dict[str, Any], named: dict[str, Any], values: dict[str, Any]
) -> None:
    assert filled(old, named) == Filled(values)


def test_an_old_client_that_gets_a_method_which_needs_a_secret_gets_one() -> None:
    made = filled({}, {"tokenEndpointAuthMethod": "client_secret_post"})
    assert made.values == {}
    assert made.secrets["secret"].startswith(SECRET_PREFIX)
