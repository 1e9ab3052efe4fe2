"""x:OAuthClient with the metadata capability: what each property accepts, and who sees it."""

from __future__ import annotations

from typing import Any

import pytest

from jmap_oauth.model.definition import Flaw
from jmap_oauth.model.kinds import Invalid
from jmap_oauth.model.validate import draft_changed, draft_new
from jmap_oauth.objects.jwks import SIGNING
from jmap_oauth.objects.oauth_client import oauth_client
from jmap_oauth.objects.oauth_client_metadata import MAX_LIFESPAN, MAX_METADATA, METADATA
from tests.objects.test_jwks import P256, rsa

CLIENT = oauth_client(frozenset({"stalwart"}))
EVERYWHERE = CLIENT.visible(frozenset())
OWN = {name: each for name, each in CLIENT.visible(frozenset({METADATA})).items() if name not in EVERYWHERE}
LIFESPANS = [name for name in OWN if name.endswith("Lifespan")]

SCOPES = [f"scope-{number}" for number in range(501)]


def members(*names: str) -> dict[str, bool]:
    return dict.fromkeys(names, True)


KEPT: list[tuple[str, Any, Any]] = [
    ("clientName", None, None),
    ("clientName", "  Portal ", "Portal"),
    ("clientName", "ポータル", "ポータル"),
    ("clientName", "می‌خواهم 👩‍💻", "می‌خواهم 👩‍💻"),
    ("clientName", "é" * 255, "é" * 255),
    ("owner", None, None),
    ("owner", "team/mail", "team/mail"),
    ("grantTypes", members("authorization_code", "implicit", "password"), None),
    ("grantTypes", members("client_credentials", "refresh_token"), None),
    ("grantTypes", members("urn:ietf:params:oauth:grant-type:device_code"), None),
    ("grantTypes", members("https://grants.example/own"), None),
    ("responseTypes", members("code", "token", "id_token", "code id_token token"), None),
    ("scopes", members("openid", "urn:ietf:params:jmap:mail", "https://api.example/x.y", "!#[]~"), None),
    ("scopes", members(*SCOPES[:500]), None),
    ("audience", members("https://api.example/", "api", "urn:example:api"), None),
    ("allowedCorsOrigins", members("https://App.example/"), members("https://app.example")),
    ("clientUri", "http://app.example/#about", "http://app.example/#about"),
    ("policyUri", "https://app.example/privacy", "https://app.example/privacy"),
    ("tosUri", None, None),
    *(("tokenEndpointAuthMethod", name, name) for name in ("none", "client_secret_basic", "client_secret_post")),
    ("tokenEndpointAuthMethod", "private_key_jwt", "private_key_jwt"),
    *(("tokenEndpointAuthSigningAlg", name, name) for name in SIGNING),
    ("jwks", None, None),
    ("jwks", {"keys": [P256]}, {"keys": [P256]}),
    ("jwksUri", "https://app.example/jwks.json", "https://app.example/jwks.json"),
    ("requirePkce", True, True),
    ("subjectType", "pairwise", "pairwise"),
    ("sectorIdentifierUri", "https://app.example/sector.json", "https://app.example/sector.json"),
    ("requestUris", members("https://app.example/request#hash"), None),
    ("requestObjectSigningAlg", "none", "none"),
    ("requestObjectSigningAlg", "EdDSA", "EdDSA"),
    ("userinfoSignedResponseAlg", "RS256", "RS256"),
    ("frontchannelLogoutUri", "http://localhost:3000/logout", "http://localhost:3000/logout"),
    ("frontchannelLogoutSessionRequired", True, True),
    ("backchannelLogoutUri", "https://app.example/logout", "https://app.example/logout"),
    ("backchannelLogoutSessionRequired", True, True),
    ("accessTokenStrategy", "opaque", "opaque"),
    ("skipConsent", True, True),
    ("skipLogoutConsent", None, None),
    ("skipLogoutConsent", False, False),
    ("metadata", {}, {}),
    ("metadata", {"__proto__": [1, None, {"a": "\u0000"}]}, {"__proto__": [1, None, {"a": "\u0000"}]}),
    ("isEnabled", False, False),
    ("isProtected", True, True),
    ("postLogoutRedirectUris", members("https://app.example/bye", "stalwart://bye"), None),
    *((name, value, value) for name in LIFESPANS for value in (None, 0, MAX_LIFESPAN)),
]

FIRST = "has a wrong member, number 1: it "
URL = "must be an http or https URL"
HTTPS = "must have the scheme https"
FLAG = "must be true or false"
RESPONSE = "must be one of code, token, id_token, code id_token, code token, id_token token, code id_token token"
AUTH_METHOD = "must be one of none, client_secret_basic, client_secret_post, private_key_jwt"
SIGNS = "must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, Ed448"
GRANT = (
    "must be one of authorization_code, implicit, password, client_credentials, refresh_token, "
    "or the urn: or https: URI of another grant"
)
SCOPE = 'must be a scope: printable ASCII without space, " and backslash'
BIDI = "must not hold characters that change the direction of text"
INVISIBLE = "must not hold invisible characters"
SCRIPT = "must not have a scheme that can run scripts or show local data"
URI = "must be an absolute URI, like https://app.example/path"
CHARACTERS = "must hold only the ASCII characters of a URI; others are written %XX, or xn-- in a host"
NO_PATH = "must end after the host and the port: an origin has no path"
ANSWER = "must not hold parameters of an answer, such as code and state"
PUBLIC = "must name a host of the public internet"
PAGES = ("clientUri", "policyUri", "tosUri", "frontchannelLogoutUri")
FETCHED = ("jwksUri", "sectorIdentifierUri", "backchannelLogoutUri")
FLAGS = ("requirePkce", "skipConsent", "isEnabled", "isProtected")
SESSIONS = ("frontchannelLogoutSessionRequired", "backchannelLogoutSessionRequired")
NO_SET = 'must be an object like {"value": true}'

REFUSED: list[tuple[str, Any, str]] = [
    ("clientName", "", "must not be empty"),
    ("clientName", "x" * 256, "must have at most 255 characters"),
    ("clientName", "x" * 1_000_000, "must have at most 255 characters"),
    ("clientName", "a\x1b[31m", "must not hold control characters"),
    ("clientName", "a\nb", "must not hold control characters"),
    ("clientName", "nimdA\u202e", BIDI),
    ("clientName", "Ad\u200bmin", INVISIBLE),
    ("clientName", "Admin\u200d", INVISIBLE),
    ("clientName", "Ad\u00admin", INVISIBLE),
    ("clientName", "\u3164", INVISIBLE),
    ("owner", 5, "must be a string"),
    ("owner", "a\u2067b", BIDI),
    ("grantTypes", ["implicit"], NO_SET),
    ("grantTypes", "implicit", NO_SET),
    ("grantTypes", members("magic"), FIRST + GRANT),
    ("grantTypes", members("javascript:alert(1)"), FIRST + GRANT),
    ("grantTypes", members("Authorization_Code"), FIRST + GRANT),
    ("grantTypes", members("authorization_code implicit"), FIRST + GRANT),
    ("responseTypes", members("none"), FIRST + RESPONSE),
    ("responseTypes", members("id_token code"), FIRST + RESPONSE),
    ("scopes", "openid", NO_SET),
    ("scopes", members("openid profile"), FIRST + SCOPE),
    ("scopes", members('"'), FIRST + SCOPE),
    ("scopes", members("\\"), FIRST + SCOPE),
    ("scopes", members("é"), FIRST + SCOPE),
    ("scopes", members(""), FIRST + SCOPE),
    ("scopes", members(*SCOPES), "must have at most 500 members"),
    ("audience", members(""), FIRST + "must not be empty"),
    ("audience", members("a:\u00e9"), FIRST + CHARACTERS),
    ("allowedCorsOrigins", members("*"), FIRST + URI),
    ("allowedCorsOrigins", members("https://a.example/x"), FIRST + NO_PATH),
    *((name, "javascript:alert(1)", URL) for name in PAGES),
    *((name, "data:text/html,x", URL) for name in PAGES),
    *((name, "", URI) for name in ("clientUri", "jwksUri")),
    *((name, "http://app.example/", HTTPS) for name in FETCHED),
    *((name, "https://169.254.169.254/", PUBLIC) for name in FETCHED),
    ("requestUris", members("https://localhost/"), FIRST + PUBLIC),
    ("requestUris", members("http://app.example/"), FIRST + HTTPS),
    ("tokenEndpointAuthMethod", None, AUTH_METHOD),
    ("tokenEndpointAuthMethod", "client_secret_jwt", AUTH_METHOD),
    ("tokenEndpointAuthSigningAlg", "none", SIGNS),
    ("tokenEndpointAuthSigningAlg", "HS256", SIGNS),
    ("jwks", [], "must be an object"),
    ("jwks", {}, 'must be an object like {"keys": [...]}, with at least one key'),
    ("jwks", {"keys": [rsa(x5c=["A" * 70_000])]}, "must have at most 65536 bytes of JSON"),
    ("subjectType", None, "must be one of public, pairwise"),
    ("subjectType", "private", "must be one of public, pairwise"),
    ("requestObjectSigningAlg", "HS256", "must be a known RequestObjectAlgorithm"),
    ("userinfoSignedResponseAlg", "none", SIGNS),
    ("frontchannelLogoutUri", "https://app.example/#x", "must have no fragment"),
    ("accessTokenStrategy", "JWT", "must be one of jwt, opaque"),
    *((name, value, FLAG) for name in (*FLAGS, *SESSIONS) for value in (1, None)),
    ("skipLogoutConsent", "true", FLAG),
    ("metadata", None, "must be an object"),
    ("metadata", [], "must be an object"),
    ("metadata", {"a": "x" * MAX_METADATA}, "must have at most 65536 bytes of JSON"),
    ("postLogoutRedirectUris", members("javascript:alert(1)"), FIRST + SCRIPT),
    ("postLogoutRedirectUris", members("https://a/?state=1"), FIRST + ANSWER),
    *((name, -1, f"must be from 0 to {MAX_LIFESPAN}") for name in LIFESPANS),
    *((name, MAX_LIFESPAN + 1, f"must be from 0 to {MAX_LIFESPAN}") for name in LIFESPANS),
    *((name, "1h", "must be an integer") for name in LIFESPANS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "kept"), KEPT)
def test_property_keeps_a_good_value_like_this(name: str, given: Any, kept: Any) -> None:
    assert OWN[name].parse(given) == (given if kept is None else kept)


@pytest.mark.parametrize(("name", "given", "reason"), REFUSED)
def test_property_refuses_a_bad_value_for_this_reason(name: str, given: Any, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        OWN[name].parse(given)
    assert str(refused.value) == reason


SERVER_SET = ["updatedAt", "lastUsedAt", "createdBy", "updatedBy"]


def test_each_property_has_a_good_and_a_bad_value_here() -> None:
    for table in (KEPT, REFUSED):
        tried = {name for name, _, _ in table}
        assert [name for name in OWN if name not in tried] == SERVER_SET


@pytest.mark.parametrize("name", OWN)
def test_without_the_capability_there_is_no_such_property(name: str) -> None:
    flaw = Flaw(name, "is not a property of this type")
    assert draft_new(CLIENT, {"clientId": "portal", name: None}, frozenset()).flaws == [flaw]


@pytest.mark.parametrize("name", SERVER_SET)
def test_nobody_sets_what_is_the_servers(name: str) -> None:
    given = {"clientId": "portal", name: "2026-01-01T00:00:00Z"}
    assert draft_new(CLIENT, given, frozenset({METADATA})).flaws == [Flaw(name, "is set by the server")]


def test_a_value_that_is_sent_back_as_it_was_is_no_flaw() -> None:
    stamps = {"updatedAt": "2026-01-01T00:00:00Z", "createdBy": "i0"}
    old = draft_new(CLIENT, {"clientId": "portal"}, frozenset({METADATA})).record | {"id": "i1"} | stamps
    assert draft_changed(CLIENT, old, {name: old[name] for name in OWN}, frozenset({METADATA})).flaws == []


def test_there_are_thirteen_lifespans() -> None:
    assert len(LIFESPANS) == 13


@pytest.mark.parametrize(
    ("flag", "names"),
    [
        ("required", []),
        ("unique", []),
        ("server_set", SERVER_SET),
        ("filter", ["owner", "grantTypes"]),
        ("sort", ["clientName", "updatedAt", "lastUsedAt"]),
        ("searchable", ["clientName"]),
        ("immutable", []),
        ("hidden", []),
    ],
)
def test_exactly_these_properties_have_the_flag(flag: str, names: list[str]) -> None:
    assert [name for name, each in OWN.items() if getattr(each, flag)] == names


def test_what_is_not_said_is_null_or_empty_but_for_these() -> None:
    initial = {name: each.initial for name, each in OWN.items() if each.has_default}
    assert {name: value for name, value in initial.items() if value} == {
        "tokenEndpointAuthMethod": "none",
        "subjectType": "public",
        "isEnabled": True,
    }


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({"isEnabled": True, "expiresAt": None}, "active"),
        ({"isEnabled": True, "expiresAt": "2026-01-01T00:00:01Z"}, "active"),
        ({"isEnabled": True, "expiresAt": "2026-01-01T00:00:00Z"}, "expired"),
        ({"isEnabled": False, "expiresAt": "2026-01-01T00:00:00Z"}, "disabled"),
        ({"isEnabled": False, "expiresAt": None}, "disabled"),
    ],
)
def test_a_client_is_active_unless_disabled_or_expired(record: dict[str, Any], status: str) -> None:
    assert CLIENT.status is not None
    assert CLIENT.status.of(record, "2026-01-01T00:00:00Z") == status


def test_a_flag_protects_clients() -> None:
    assert CLIENT.protection == "isProtected"
