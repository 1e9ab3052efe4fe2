"""What x:OAuthClient has for requests that name the capability `urn:jmap-oauth:metadata`.

RFC 7591, OpenID Connect's registration and logout, and Ory's OAuth2Client, in camelCase; the README has the table. Null
means that nothing is said, where the authorization server has a choice of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jmap_oauth.model.definition import Filter, Property, Section, Stamp
from jmap_oauth.model.kinds import Boolean, Choice, Date, Document, Invalid, Kind, Number, SetOf, Text
from jmap_oauth.model.syntax import MAX_URI, http_url, parse_uri, visible
from jmap_oauth.objects.jwks import MAX_JWKS, SIGNING, jwk_set
from jmap_oauth.objects.redirects import redirect_uri
from jmap_oauth.objects.uris import fetched_url, frame_url, origin, request_url

METADATA = "urn:jmap-oauth:metadata"

MAX_METADATA = 64 * 1_024
MAX_LIFESPAN = 9_223_372_036_854
"""Milliseconds; Ory counts nanoseconds, in 64 bits."""

AUTH_METHODS = {
    "none": "None: a public client",
    "client_secret_basic": "Secret in the Authorization header",
    "client_secret_post": "Secret in the body",
    "private_key_jwt": "JWT signed with a private key",
}
"""How a client authenticates at the token endpoint; client_secret_jwt would need secrets that can be read."""

RESPONSE_TYPES = (
    "code",
    "token",
    "id_token",
    "code id_token",
    "code token",
    "id_token token",
    "code id_token token",
)
"""As IANA registers them; the order of the words in one has no meaning, so only this one is taken."""

GRANT_TYPES = ("authorization_code", "implicit", "password", "client_credentials", "refresh_token")

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def _scope(text: str) -> str:
    if not _SCOPE_TOKEN.fullmatch(text):
        raise Invalid('must be a scope: printable ASCII without space, " and backslash')
    return text


def _grant_type(text: str) -> str:
    """Accept a grant type of RFC 7591, or the absolute URI of another (RFC 6749 section 4.5), as a name or a page."""
    if text in GRANT_TYPES:
        return text
    if ":" not in text or parse_uri(text).scheme not in {"urn", "https"}:
        raise Invalid(f"must be one of {', '.join(GRANT_TYPES)}, or the urn: or https: URI of another grant")
    return text


def _audience(text: str) -> str:
    """Accept what a JWT may have as audience: a text with a colon is a URI (RFC 7519 section 2)."""
    return _uri(text) if ":" in text else visible(text)


def _uri(text: str) -> str:
    parse_uri(text)
    return text


def _named(names: Mapping[str, Any] | tuple[str, ...]) -> dict[str, str]:
    return {name: name for name in names}


_SIGNING = Choice("SigningAlgorithm", _named(SIGNING))


def _property(name: str, kind: Kind, label: str, description: str, **flags: Any) -> Property:
    return Property(name=name, kind=kind, label=label, description=description, capability=METADATA, **flags)


def _text(name: str, label: str, description: str, **flags: Any) -> Property:
    kind = Text(max_length=255, min_length=1, name=True, trim=True, syntax=visible)
    return _property(name, kind, label, description, nullable=True, **flags)


def _url(name: str, syntax: Callable[[str], str], label: str, description: str) -> Property:
    return _property(name, Text(max_length=MAX_URI, syntax=syntax, format="uri"), label, description, nullable=True)


def _urls(name: str, syntax: Callable[[str], str], label: str, description: str) -> Property:
    return _property(name, SetOf(Text(max_length=MAX_URI, syntax=syntax, format="uri")), label, description)


def _flag(name: str, label: str, description: str, *, default: bool = False) -> Property:
    return _property(name, Boolean(), label, description, default=default)


def metadata(redirect_uri_schemes: frozenset[str]) -> tuple[Property, ...]:
    """Declare these properties; the schemes are those that redirect URIs may have beside the usual ones."""
    return (*_PROPERTIES, _post_logout(redirect_uri_schemes), *_LIFESPANS)


def _post_logout(schemes: frozenset[str]) -> Property:
    return _urls(
        "postLogoutRedirectUris",
        redirect_uri(schemes),
        "Post-logout redirect URIs",
        "Where users may be sent back to after a logout; each has the origin of a redirect URI",
    )


_PROPERTIES = (
    _text("clientName", "Name", "What people call the client", sort=True, searchable=True),
    _text("owner", "Owner", "Whose the client is, as the owner calls itself", filter=Filter.EXACT),
    _property(
        "grantTypes",
        SetOf(Text(max_length=255, syntax=_grant_type)),
        "Grant types",
        "The grants that the client may use; without any it is authorization_code",
        filter=Filter.MEMBER,
        filter_name="grantType",
        empty_means="authorization_code",
    ),
    _property(
        "responseTypes",
        SetOf(Choice("ResponseType", _named(RESPONSE_TYPES))),
        "Response types",
        "What the client may ask of the authorization endpoint; without any it is code",
    ),
    _property(
        "scopes",
        SetOf(Text(max_length=255, syntax=_scope), max_members=500),
        "Scopes",
        "The scopes that the client may ask for",
    ),
    _property(
        "audience",
        SetOf(Text(max_length=MAX_URI, min_length=1, name=True, syntax=_audience)),
        "Audience",
        "The recipients that the client may ask tokens for",
    ),
    _urls("allowedCorsOrigins", origin, "CORS origins", "The origins whose scripts may talk to the endpoints"),
    _url("clientUri", http_url, "Home page", "The page that tells about the client"),
    _url("policyUri", http_url, "Privacy policy", "The page with the privacy policy"),
    _url("tosUri", http_url, "Terms of service", "The page with the terms of service"),
    _property(
        "tokenEndpointAuthMethod",
        Choice("AuthMethod", AUTH_METHODS),
        "Authentication method",
        "How the client authenticates at the token endpoint; if not given it follows from the secret",
        default="none",
    ),
    _property(
        "tokenEndpointAuthSigningAlg",
        _SIGNING,
        "Authentication algorithm",
        "The algorithm that a JWT of private_key_jwt has to be signed with; null for any",
        nullable=True,
    ),
    _property(
        "jwks",
        Document(MAX_JWKS, syntax=jwk_set),
        "Keys",
        "The public keys of the client, as a JWK Set; it excludes jwksUri",
        nullable=True,
    ),
    _url("jwksUri", fetched_url, "Keys URL", "Where the client publishes its JWK Set; it excludes jwks"),
    _flag("requirePkce", "PKCE required", "Whether codes are only issued with PKCE; true for new public clients"),
    _property(
        "subjectType",
        Choice("SubjectType", {"public": "Public", "pairwise": "Pairwise"}),
        "Subject type",
        "Whether all clients know a user by the same identifier, or each by another",
        default="public",
    ),
    _url("sectorIdentifierUri", fetched_url, "Sector identifier", "The clients that know users by one identifier"),
    _urls("requestUris", request_url, "Request URIs", "Where the authorization server may fetch request objects from"),
    _property(
        "requestObjectSigningAlg",
        Choice("RequestObjectAlgorithm", {"none": "none", **_named(SIGNING)}),
        "Request object algorithm",
        "The algorithm that request objects have to be signed with; null for any",
        nullable=True,
    ),
    _property(
        "userinfoSignedResponseAlg",
        _SIGNING,
        "User info algorithm",
        "The algorithm that answers of the user info endpoint are signed with; null for plain JSON",
        nullable=True,
    ),
    _url("frontchannelLogoutUri", frame_url, "Front-channel logout", "The page that logs out, shown in a frame"),
    _flag(
        "frontchannelLogoutSessionRequired", "Session in front-channel logout", "Whether that page needs iss and sid"
    ),
    _url("backchannelLogoutUri", fetched_url, "Back-channel logout", "Where logout tokens are sent"),
    _flag("backchannelLogoutSessionRequired", "Session in back-channel logout", "Whether logout tokens need a sid"),
    _property(
        "accessTokenStrategy",
        Choice("AccessTokenStrategy", {"jwt": "JWT", "opaque": "Opaque"}),
        "Access tokens",
        "What access tokens are; null for the authorization server's own choice",
        nullable=True,
    ),
    _flag("skipConsent", "Skip consent", "Whether users are not asked for consent, as for the operator's own clients"),
    _property(
        "skipLogoutConsent",
        Boolean(),
        "Skip logout consent",
        "Whether users are not asked at a logout; null for the authorization server's own choice",
        nullable=True,
    ),
    _property(
        "metadata", Document(MAX_METADATA), "Metadata", "Whatever else is to be kept with the client", default={}
    ),
    _flag("isEnabled", "Enabled", "Whether the client is good for anything", default=True),
    _flag("isProtected", "Protected", "Whether the client is kept from being destroyed"),
    _property(
        "updatedAt",
        Date(),
        "Updated at",
        "When what clients may set was last changed",
        server_set=True,
        stamp=Stamp.UPDATED,
        sort=True,
    ),
    _property(
        "lastUsedAt",
        Date(),
        "Last used at",
        "The day on which the client was last authenticated, if ever",
        nullable=True,
        server_set=True,
        sort=True,
    ),
    _text("createdBy", "Created by", "Who made the client", server_set=True, stamp=Stamp.CREATED_BY),
    _text("updatedBy", "Updated by", "Who changed the client last", server_set=True, stamp=Stamp.UPDATED_BY),
)

_GRANTS_WITH_LIFESPANS = {
    "authorizationCodeGrant": ("authorization code", ("Access", "Id", "Refresh")),
    "clientCredentialsGrant": ("client credentials", ("Access",)),
    "implicitGrant": ("implicit grant", ("Access", "Id")),
    "jwtBearerGrant": ("JWT bearer grant", ("Access",)),
    "refreshTokenGrant": ("refresh token", ("Access", "Id", "Refresh")),
    "deviceAuthorizationGrant": ("device authorization", ("Access", "Id", "Refresh")),
}

_LIFESPANS = tuple(
    _property(
        f"{grant}{token}TokenLifespan",
        Number(maximum=MAX_LIFESPAN),
        f"{token} token lifespan, {words}",
        "Milliseconds for which it is good; null for the authorization server's own choice",
        nullable=True,
    )
    for grant, (words, tokens) in _GRANTS_WITH_LIFESPANS.items()
    for token in tokens
)

LIST_COLUMNS = ("clientName", "owner", "updatedAt", "lastUsedAt")

FORM = (
    Section("Client", ("clientName", "owner", "isEnabled", "isProtected")),
    Section(
        "Grants",
        ("grantTypes", "responseTypes", "scopes", "audience", "allowedCorsOrigins", "requirePkce"),
    ),
    Section("Authentication", ("tokenEndpointAuthMethod", "tokenEndpointAuthSigningAlg", "jwks", "jwksUri")),
    Section("Consent", ("clientUri", "policyUri", "tosUri", "skipConsent", "skipLogoutConsent")),
    Section(
        "OpenID Connect",
        (
            "subjectType",
            "sectorIdentifierUri",
            "requestUris",
            "requestObjectSigningAlg",
            "userinfoSignedResponseAlg",
        ),
    ),
    Section(
        "Logout",
        (
            "postLogoutRedirectUris",
            "frontchannelLogoutUri",
            "frontchannelLogoutSessionRequired",
            "backchannelLogoutUri",
            "backchannelLogoutSessionRequired",
        ),
    ),
    Section("Tokens", ("accessTokenStrategy", *(each.name for each in _LIFESPANS))),
    Section("Metadata", ("metadata",)),
    Section("History", ("createdBy", "updatedAt", "updatedBy", "lastUsedAt")),
)
