"""A type of API keys and one of tenants, as far as access looks at them."""

from __future__ import annotations

from typing import Any

from jmap_oauth.model.definition import MASK, Filter, Model, ObjectType, Property, Record, Secret, Stamp
from jmap_oauth.model.ids import new_id
from jmap_oauth.model.kinds import Date, Reference, SetOf, Text

CAPABILITY = "urn:example:keys"

TENANT = ObjectType(
    name="Tenant",
    singular="tenant",
    plural="tenants",
    description="Whoever keys belong to",
    capability=CAPABILITY,
    permission="sysTenant",
    account_property="id",
    label_property="name",
    list_columns=("name",),
    properties=(
        Property(name="name", kind=Text(max_length=255, min_length=1), label="Name", description="", required=True),
    ),
)

KEY = ObjectType(
    name="ApiKey",
    singular="API key",
    plural="API keys",
    description="What lets a program in",
    capability=CAPABILITY,
    permission="sysApiKey",
    account_property="memberTenantId",
    label_property="description",
    list_columns=("description",),
    properties=(
        Property(name="description", kind=Text(max_length=2000), label="Description", description="", nullable=True),
        Property(name="permissions", kind=SetOf(Text(max_length=255), 500), label="Permissions", description=""),
        Property(
            name="memberTenantId",
            kind=Reference("Tenant"),
            label="Tenant",
            description="",
            nullable=True,
            filter=Filter.EXACT,
        ),
        Property(name="allowedIps", kind=SetOf(Text(max_length=255)), label="Networks", description=""),
        Property(name="expiresAt", kind=Date(), label="Expires at", description="", nullable=True),
        Property(
            name="createdAt",
            kind=Date(),
            label="Created at",
            description="",
            server_set=True,
            stamp=Stamp.CREATED,
        ),
        Property(name="lastUsedAt", kind=Date(), label="Last used", description="", nullable=True, server_set=True),
        Property(
            name="secret",
            kind=Text(max_length=1024),
            label="Secret",
            description="",
            server_set=True,
            unique=True,
            secret=Secret.GENERATED,
        ),
        Property(
            name="origin",
            kind=Text(max_length=50),
            label="Origin",
            description="",
            nullable=True,
            server_set=True,
            hidden=True,
            unique=True,
        ),
    ),
)


def make_model() -> Model:
    """Return a Model of the two types."""
    return Model([TENANT, KEY])


def make_tenant(name: str) -> Record:
    """Return a new tenant."""
    return {"id": new_id(), "name": name}


def make_key(**values: Any) -> Record:
    """Return a new key: without a tenant, without an end, from anywhere, if nothing else is said."""
    return {
        "id": new_id(),
        "description": "Backup job",
        "permissions": {"sysApiKeyGet": True, "sysTenantGet": True},
        "memberTenantId": None,
        "allowedIps": {},
        "expiresAt": None,
        "createdAt": "2026-01-01T09:30:00Z",
        "lastUsedAt": None,
        "secret": MASK,
        "origin": None,
    } | values
