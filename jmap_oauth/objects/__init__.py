"""The types that are served, one file each, mostly a table.

Owns: what a client registration, a tenant, an API key and an audit event are, and the rules for their fields that make
sense for nothing else; how they are shown in menus.
Does not own: what methods do with a type, where it is kept.
May import: protocol, model, store.interface, access, methods; msgspec.
"""

from __future__ import annotations

from typing import Any

from jmap_oauth.access.policy import permissions_of
from jmap_oauth.methods.call import wire_name
from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.model.document import Group, Menu, describe, describe_rest
from jmap_oauth.objects.api_key import api_key
from jmap_oauth.objects.audit_event import audit_event
from jmap_oauth.objects.oauth_client import oauth_client
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.objects.oauth_client_secret import oauth_client_secret
from jmap_oauth.objects.tenant import tenant

MENU = Menu(
    "Management",
    "monitor",
    [Group("Directory", "users", ["Tenant", "OAuthClient", "OAuthClientSecret", "ApiKey", "AuditEvent"])],
)


def served_types(redirect_uri_schemes: frozenset[str]) -> list[ObjectType]:
    """Return the types of this server; `redirect_uri_schemes` are the schemes allowed beside the usual ones.

    Raises:
        DeclarationError: a scheme that can never be allowed.
    """
    types = [oauth_client(redirect_uri_schemes), oauth_client_secret(), tenant()]
    permissions = permissions_of([*types, api_key({}), audit_event({})])
    types.append(api_key(permissions))
    return [*types, audit_event({wire_name(each): each.singular for each in types if each.audited})]


def schema_document(model: Model) -> dict[str, Any]:
    """Return what `/api/schema` serves and `schema/objects.json` holds.

    The eight sections are what needs no metadata capability; the member `metadata` has the same eight of the rest.
    """
    everyones = [each for each in model if each.capability != METADATA]
    return {**describe(everyones, [MENU]), "metadata": describe_rest(model, [MENU], METADATA)}
