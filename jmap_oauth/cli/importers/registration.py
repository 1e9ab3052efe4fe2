"""Clients as RFC 7591 writes them, in requests and in answers, with what OpenID Connect adds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jmap_oauth.cli.importers.imported import (
    NO_SECRET,
    OWN,
    WITH_SECRET,
    Imported,
    Table,
    algorithm,
    authenticate_by,
    bring_secret,
    carry,
    document,
    flag,
    names,
    response_types,
    text,
    uris,
    words,
)
from jmap_oauth.cli.importers.source import Place, items

TABLE: Table = {
    "client_id": ("clientId", text),
    "client_name": ("clientName", text),
    "client_uri": ("clientUri", text),
    "contacts": ("contacts", names),
    "grant_types": ("grantTypes", names),
    "response_types": ("responseTypes", response_types),
    "redirect_uris": ("redirectUris", uris),
    "scope": ("scopes", words),
    "logo_uri": ("logo", text),
    "policy_uri": ("policyUri", text),
    "tos_uri": ("tosUri", text),
    "jwks": ("jwks", document),
    "jwks_uri": ("jwksUri", text),
    "token_endpoint_auth_signing_alg": ("tokenEndpointAuthSigningAlg", text),
    "subject_type": ("subjectType", text),
    "sector_identifier_uri": ("sectorIdentifierUri", text),
    "request_uris": ("requestUris", uris),
    "request_object_signing_alg": ("requestObjectSigningAlg", text),
    "userinfo_signed_response_alg": ("userinfoSignedResponseAlg", algorithm),
    "post_logout_redirect_uris": ("postLogoutRedirectUris", uris),
    "frontchannel_logout_uri": ("frontchannelLogoutUri", text),
    "frontchannel_logout_session_required": ("frontchannelLogoutSessionRequired", flag),
    "backchannel_logout_uri": ("backchannelLogoutUri", text),
    "backchannel_logout_session_required": ("backchannelLogoutSessionRequired", flag),
}
"""RFC 7591 section 2; OpenID Connect Registration section 2, RP-Initiated, Front-Channel and Back-Channel Logout."""

REASONS = {
    "client_id_issued_at": OWN,
    "registration_access_token": "it is good at the other server only",
    "registration_client_uri": "it is good at the other server only",
    "token_endpoint_auth_method": "",
    "client_secret": "",
    "client_secret_expires_at": "",
}

_DEFAULT_METHOD = "client_secret_basic"
_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def clients(values: Iterable[tuple[Place, Any]]) -> Iterator[Imported]:
    """Read objects, and lists of them."""
    for place, given in items(values):
        yield client(place, given, TABLE, REASONS)


def client(
    place: Place, given: Any, table: Table, reasons: Mapping[str, str], *, may_be_hash: bool = False
) -> Imported:
    """Read one client by a table that has at least the members of RFC 7591."""
    into = Imported(place)
    if not isinstance(given, dict) or not isinstance(given.get("client_id"), str):
        return into.skip("it has no client_id")
    carry(into, given, table, reasons)
    method = given.get("token_endpoint_auth_method") or _DEFAULT_METHOD
    if authenticate_by(into, "token_endpoint_auth_method", str(method)):
        _secret(into, given, may_be_hash)
    return into


def _secret(into: Imported, given: Mapping[str, Any], may_be_hash: bool) -> None:
    """Take the secret along, with the end that it has."""
    secret, end = given.get("client_secret"), given.get("client_secret_expires_at") or None
    if into.properties["tokenEndpointAuthMethod"] not in WITH_SECRET:
        if secret:
            into.leave("client_secret", "the client does not authenticate with it")
        return
    if end is not None and not (isinstance(end, int) and time.time() < end < _LAST):
        into.leave("client_secret", "its end is past, or no date")
        secret = None
    elif not secret:
        into.leave("client_secret", NO_SECRET)
    if secret:
        bring_secret(into, "client_secret", secret, may_be_hash=may_be_hash)
        if end is not None and into.secret:
            into.secret["expiresAt"] = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
