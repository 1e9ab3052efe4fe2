"""The types that are served, one file each, mostly a table.

Owns: what a client registration, a tenant and an API key are, and the rules for their fields that make sense for
nothing else; how they are shown in menus.
Does not own: what methods do with a type, where it is kept.
May import: protocol, model, store.interface, access, methods; msgspec.
"""

from __future__ import annotations

from typing import Any

from jmap_oauth.access.policy import permissions_of
from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.model.document import Group, Menu, describe
from jmap_oauth.objects import api_key
from jmap_oauth.objects.oauth_client import oauth_client
from jmap_oauth.objects.tenant import tenant

MENU = Menu("Management", "monitor", [Group("Directory", "users", ["Tenant", "OAuthClient", "ApiKey"])])


def served_types(redirect_uri_schemes: frozenset[str]) -> list[ObjectType]:
    """Return the types of this server; `redirect_uri_schemes` are the schemes allowed beside the usual ones.

    Raises:
        DeclarationError: a scheme that can never be allowed.
    """
    types = [oauth_client(redirect_uri_schemes), tenant()]
    names = [*((each.permission, each.plural) for each in types), (api_key.PERMISSION, api_key.PLURAL)]
    return [*types, api_key.api_key(permissions_of(names))]


def schema_document(model: Model) -> dict[str, Any]:
    """Return what `/api/schema` serves and `schema/objects.json` holds."""
    return describe(model, [MENU])
