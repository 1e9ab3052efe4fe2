"""Clients of Keycloak: the export of a realm, or clients by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from jmap_oauth.cli.importers.imported import (
    OWN,
    WITH_SECRET,
    Imported,
    Leave,
    Table,
    algorithm,
    as_set,
    authenticate_by,
    bring_secret,
    carry,
    document,
    flag,
    names,
    seconds,
    text,
    uris,
)
from jmap_oauth.cli.importers.source import Place, items
from jmap_oauth.cli.strict_json import read_json
from jmap_oauth.cli.terminal import Failure

_TABLE: Table = {
    "clientId": ("clientId", text),
    "name": ("clientName", text),
    "description": ("description", text),
    "enabled": ("isEnabled", flag),
}

_REASONS = {
    **dict.fromkeys(
        [
            *("id", "attributes", "baseUrl", "rootUrl", "redirectUris", "webOrigins", "protocol", "protocolMappers"),
            *("publicClient", "bearerOnly", "clientAuthenticatorType", "secret", "consentRequired"),
            *("standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled", "serviceAccountsEnabled"),
            *("defaultClientScopes", "optionalClientScopes"),
        ],
        "",
    ),
}


def _between_hashes(value: Any, leave: Leave) -> dict[str, bool] | None:
    """Read URIs in one text with ## between them; a lone + is seen to elsewhere."""
    written = text(value, leave)
    return None if written is None else uris([each for each in written.split("##") if each not in ("", "+")], leave)


def _parsed(value: Any, leave: Leave) -> dict[str, Any] | None:
    written = text(value, leave)
    try:
        return None if written is None else document(read_json(written), leave)
    except Failure as error:
        leave(f"it {error}")
        return None


def _requires_pkce(value: Any, leave: Leave) -> bool:
    if value == "plain":
        leave("of PKCE only that it is required")
    return True


_ATTRIBUTES: Table = {
    "logoUri": ("logo", text),
    "policyUri": ("policyUri", text),
    "tosUri": ("tosUri", text),
    "pkce.code.challenge.method": ("requirePkce", _requires_pkce),
    "post.logout.redirect.uris": ("postLogoutRedirectUris", _between_hashes),
    "request.uris": ("requestUris", _between_hashes),
    "backchannel.logout.url": ("backchannelLogoutUri", text),
    "backchannel.logout.session.required": ("backchannelLogoutSessionRequired", flag),
    "frontchannel.logout.url": ("frontchannelLogoutUri", text),
    "frontchannel.logout.session.required": ("frontchannelLogoutSessionRequired", flag),
    "request.object.signature.alg": ("requestObjectSigningAlg", algorithm),
    "user.info.response.signature.alg": ("userinfoSignedResponseAlg", algorithm),
    "token.endpoint.auth.signing.alg": ("tokenEndpointAuthSigningAlg", algorithm),
}

_ATTRIBUTE_REASONS = {
    "client.secret.creation.time": OWN,
    **dict.fromkeys(
        [
            *("access.token.lifespan", "use.jwks.url", "jwks.url", "use.jwks.string", "jwks.string"),
            *("use.refresh.tokens", "oauth2.device.authorization.grant.enabled"),
        ],
        "",
    ),
}

_METHODS = {
    "client-secret": "client_secret_basic",
    "client-jwt": "private_key_jwt",
    "client-secret-jwt": "client_secret_jwt",
}

_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_FLOWS = {
    "standardFlowEnabled": "authorization_code",
    "implicitFlowEnabled": "implicit",
    "directAccessGrantsEnabled": "password",
    "serviceAccountsEnabled": "client_credentials",
}
_REFRESHED = frozenset({"authorization_code", "password", _DEVICE})
_RESPONSES = {
    ("authorization_code",): ["code"],
    ("implicit",): ["id_token", "id_token token", "token"],
    ("authorization_code", "implicit"): ["code id_token", "code id_token token", "code token"],
}
_LIFESPANS = {
    "authorization_code": "authorizationCodeGrantAccessTokenLifespan",
    "client_credentials": "clientCredentialsGrantAccessTokenLifespan",
    "implicit": "implicitGrantAccessTokenLifespan",
    "refresh_token": "refreshTokenGrantAccessTokenLifespan",
    _DEVICE: "deviceAuthorizationGrantAccessTokenLifespan",
}

_BUILT_IN = frozenset(
    {
        *("account", "account-console", "admin-cli", "broker", "master-realm", "realm-management"),
        "security-admin-console",
    }
)


def clients(values: Iterable[tuple[Place, Any]]) -> Iterator[Imported]:
    """Read realms, whose `clients` count and nothing else, and clients."""
    for place, given in items(values):
        if isinstance(given, dict) and isinstance(given.get("clients"), list):
            for number, each in enumerate(given["clients"], 1):
                yield _client(f"client {number}", each)
        else:
            yield _client(place, given)


def _client(place: Place, given: Any) -> Imported:
    into = Imported(place)
    if not isinstance(given, dict) or not isinstance(given.get("clientId"), str):
        return into.skip("it has no clientId")
    if reason := _not_ours(given):
        into.properties["clientId"] = given["clientId"]
        return into.ignore(reason)
    attributes = given.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    carry(into, given, _TABLE, _REASONS)
    carry(into, {name: each for name, each in attributes.items() if each != "false"}, _ATTRIBUTES, _ATTRIBUTE_REASONS)
    _addresses(into, given, attributes)
    _grants(into, given, attributes)
    _rest(into, given)
    _authentication(into, given, attributes)
    return into


def _not_ours(given: Mapping[str, Any]) -> str | None:
    """Say why a client of a realm is none to be made here."""
    if given.get("protocol", "openid-connect") != "openid-connect":
        return f"its protocol is {given['protocol']}"
    if given.get("bearerOnly") is True:
        return "it is bearer-only: it checks tokens and never asks for any"
    return "it is Keycloak's own" if given["clientId"] in _BUILT_IN else None


def _addresses(into: Imported, given: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    """Carry addresses over, relative ones below the root URL; `+` stands for the redirect URIs."""
    root = text(given.get("rootUrl") or "", partial(into.leave, "rootUrl")) or ""
    listed = _names(into, given, "redirectUris")
    found = uris([_absolute(root, each) for each in listed], partial(into.leave, "redirectUris")) or {}
    into.properties["redirectUris"] = found
    if home := given.get("baseUrl") or root:
        into.properties["clientUri"] = _absolute(root, str(home))
    origins: dict[str, bool] = {}
    for each in _names(into, given, "webOrigins"):
        if each == "+":
            origins |= as_set(origin for uri in found if (origin := _origin(uri)))
        elif "*" in each:
            into.leave("webOrigins", f"{each} has a wildcard")
        else:
            origins[each.removesuffix("/")] = True
    into.properties["allowedCorsOrigins"] = origins
    if "+" in str(attributes.get("post.logout.redirect.uris", "")).split("##"):
        into.properties["postLogoutRedirectUris"] = {**found, **into.properties.get("postLogoutRedirectUris", {})}


def _names(into: Imported, given: Mapping[str, Any], member: str) -> dict[str, bool]:
    return names(given.get(member) or [], partial(into.leave, member)) or {}


def _absolute(root: str, uri: str) -> str:
    """Return a URI below the root URL; one that is none stays as it is, and the server says so."""
    if root and uri.startswith("/"):
        return f"{root.removesuffix('/')}{uri}"
    try:
        return urljoin(root, uri)
    except ValueError:
        return uri


def _origin(uri: str) -> str | None:
    """Return the origin of a web page's URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else None


def _grants(into: Imported, given: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    """Turn flows into grants and response types; a client without a flow gets no grant by saying nothing."""
    grants = [grant for name, grant in _FLOWS.items() if given.get(name) is True]
    grants += [_DEVICE] if attributes.get("oauth2.device.authorization.grant.enabled") == "true" else []
    if not _REFRESHED.isdisjoint(grants) and attributes.get("use.refresh.tokens", "true") == "true":
        grants.append("refresh_token")
    if not grants:
        into.leave("standardFlowEnabled", "no flow is on, so the client is disabled")
        into.properties["isEnabled"] = False
    answers = [answer for needed, each in _RESPONSES.items() if {*needed} <= {*grants} for answer in each]
    into.properties |= {"grantTypes": as_set(grants), "responseTypes": as_set(answers)}
    _lifespans(into, grants, attributes.get("access.token.lifespan"))


def _lifespans(into: Imported, grants: Collection[str], lifespan: Any) -> None:
    leave = partial(into.leave, "access.token.lifespan")
    milliseconds = None if lifespan in (None, "") else seconds(lifespan, leave)
    if milliseconds is not None:
        into.properties |= {_LIFESPANS[grant]: milliseconds for grant in grants if grant in _LIFESPANS}
        if "password" in grants:
            leave("there is none for the grant password")


def _rest(into: Imported, given: Mapping[str, Any]) -> None:
    into.properties["scopes"] = {
        **_names(into, given, "defaultClientScopes"),
        **_names(into, given, "optionalClientScopes"),
    }
    into.properties["skipConsent"] = given.get("consentRequired") is not True
    mappers = given.get("protocolMappers") or []
    for each in mappers if isinstance(mappers, list) else [mappers]:
        kind = each.get("protocolMapper") if isinstance(each, dict) else None
        if kind == "oidc-sha256-pairwise-sub-mapper":
            into.leave("protocolMappers", "pairwise identifiers, whose salt stays behind: users would get others")
        else:
            into.leave(
                "protocolMappers", f"{each.get('name') if kind else 'one'}: claims are the token server's business"
            )


def _authentication(into: Imported, given: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    kind = str(given.get("clientAuthenticatorType") or "client-secret")
    method = "none" if given.get("publicClient") is True else _METHODS.get(kind, kind)
    if not authenticate_by(into, "clientAuthenticatorType", method):
        return
    method = into.properties["tokenEndpointAuthMethod"]
    if method in WITH_SECRET:
        bring_secret(into, "secret", given.get("secret"))
    if method == "private_key_jwt":
        _keys(into, attributes)
    elif into.properties.pop("tokenEndpointAuthSigningAlg", None):
        into.leave("token.endpoint.auth.signing.alg", "it is for private_key_jwt only")


def _keys(into: Imported, attributes: Mapping[str, Any]) -> None:
    if attributes.get("use.jwks.url") == "true" and attributes.get("jwks.url"):
        into.properties["jwksUri"] = str(attributes["jwks.url"])
    elif attributes.get("jwks.string"):
        keys = _parsed(attributes["jwks.string"], partial(into.leave, "jwks.string"))
        into.properties |= {"jwks": keys} if keys else {}
    else:
        into.skip("its keys are a certificate, or are not in the file")
