"""Clients as Ory Hydra lists them: RFC 7591 with members of its own, and durations as Go writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from jmap_oauth.cli.importers import registration
from jmap_oauth.cli.importers.imported import OWN, Imported, Table, camel, document, duration, flag, names, text
from jmap_oauth.cli.importers.source import Place, items

_LIFESPANS = (
    "authorization_code_grant_access_token_lifespan",
    "authorization_code_grant_id_token_lifespan",
    "authorization_code_grant_refresh_token_lifespan",
    "client_credentials_grant_access_token_lifespan",
    "device_authorization_grant_access_token_lifespan",
    "device_authorization_grant_id_token_lifespan",
    "device_authorization_grant_refresh_token_lifespan",
    "implicit_grant_access_token_lifespan",
    "implicit_grant_id_token_lifespan",
    "jwt_bearer_grant_access_token_lifespan",
    "refresh_token_grant_access_token_lifespan",
    "refresh_token_grant_id_token_lifespan",
    "refresh_token_grant_refresh_token_lifespan",
)


def _origins(value: Any, leave: Any) -> dict[str, bool] | None:
    """Read origins; Hydra takes them with a slash at the end."""
    found = names(value, leave)
    return None if found is None else {each.removesuffix("/"): True for each in found}


TABLE: Table = {
    **registration.TABLE,
    "owner": ("owner", text),
    "audience": ("audience", names),
    "allowed_cors_origins": ("allowedCorsOrigins", _origins),
    "metadata": ("metadata", document),
    "access_token_strategy": ("accessTokenStrategy", text),
    "skip_consent": ("skipConsent", flag),
    "skip_logout_consent": ("skipLogoutConsent", flag),
    **{name: (camel(name), duration) for name in _LIFESPANS},
}

REASONS = {**registration.REASONS, "created_at": OWN, "updated_at": OWN}


def clients(values: Iterable[tuple[Place, Any]]) -> Iterator[Imported]:
    """Read a list, lines, or what has a list as `items`. Hydra's API tells no secrets; a dump may hold hashes."""
    for place, given in items(values):
        yield registration.client(place, given, TABLE, REASONS, may_be_hash=True)
