"""The README's tables of names: what Ory, RFC 7591, Stalwart and ThetaSecure call the properties of a client."""

from __future__ import annotations

import re

import pytest

from jmap_oauth.objects.oauth_client import oauth_client
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.objects.oauth_client_secret import oauth_client_secret
from tests.test_docs import names, rows

CLIENT = oauth_client(frozenset()).visible(frozenset({METADATA}))
SECRET = oauth_client_secret().visible(frozenset({METADATA}))

ORY = {
    *("access_token_strategy", "allowed_cors_origins", "audience", "backchannel_logout_session_required"),
    *("backchannel_logout_uri", "client_id", "client_name", "client_secret", "client_secret_expires_at", "client_uri"),
    *("contacts", "created_at", "frontchannel_logout_session_required", "frontchannel_logout_uri", "grant_types"),
    *("jwks", "jwks_uri", "logo_uri", "metadata", "owner", "policy_uri", "post_logout_redirect_uris", "redirect_uris"),
    *("registration_access_token", "registration_client_uri", "request_object_signing_alg", "request_uris"),
    *("response_types", "scope", "sector_identifier_uri", "skip_consent", "skip_logout_consent", "subject_type"),
    *("token_endpoint_auth_method", "token_endpoint_auth_signing_alg", "tos_uri", "updated_at"),
    *("userinfo_signed_response_alg", "authorization_code_grant_access_token_lifespan"),
    *("authorization_code_grant_id_token_lifespan", "authorization_code_grant_refresh_token_lifespan"),
    *("client_credentials_grant_access_token_lifespan", "device_authorization_grant_access_token_lifespan"),
    *("device_authorization_grant_id_token_lifespan", "device_authorization_grant_refresh_token_lifespan"),
    *("implicit_grant_access_token_lifespan", "implicit_grant_id_token_lifespan"),
    *("jwt_bearer_grant_access_token_lifespan", "refresh_token_grant_access_token_lifespan"),
    *("refresh_token_grant_id_token_lifespan", "refresh_token_grant_refresh_token_lifespan"),
}
RENAMED = {"scope": "scopes", "logo_uri": "logo", "client_secret": "secret", "client_secret_expires_at": "expiresAt"}
NOWHERE = {"registration_access_token", "registration_client_uri"}


def camel(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match[1].upper(), name)


def first_name(cell: str) -> str | None:
    """Return the property that a cell begins with."""
    found = re.match(r"`([A-Za-z]+)`", cell)
    return found[1] if found else None


def test_every_name_of_ory_has_a_row() -> None:
    listed = [name for cells in rows("Ory") for name in names(cells[0])]
    assert (len(listed), set(listed)) == (51, ORY)


@pytest.mark.parametrize("cells", list(rows("Ory")), ids=lambda cells: cells[0])
def test_each_is_a_property_under_a_name_in_camel_case_or_nowhere(cells: list[str]) -> None:
    [there], here = names(cells[0]), first_name(cells[2])
    assert here == (None if there in NOWHERE else RENAMED.get(there, camel(there)))
    assert here is None or here in CLIENT
    assert cells[2].startswith("none: ") is (there in NOWHERE)


def test_what_is_said_of_secrets_is_there() -> None:
    [cell] = [cells[2] for cells in rows("Ory") if names(cells[0]) == {"client_secret_expires_at"}]
    assert names(cell) == {"expiresAt", "x:OAuthClientSecret"}
    assert "expiresAt" in SECRET


def test_other_names_lead_to_properties_too() -> None:
    there = [cells[1].strip("`") for cells in rows("Elsewhere")]
    assert {"name", "type", "description", "emails", "urls", "picture", "Scopes", "Status"} <= set(there)
    here = {name for cells in rows("Elsewhere") for name in names(cells[2])}
    assert here - {"x:OAuthClient", "status"} <= CLIENT.keys()
