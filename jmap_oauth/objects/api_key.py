"""x:ApiKey: what a program or a person shows to be let in, and what it may do then."""

from __future__ import annotations

from collections.abc import Mapping

from jmap_oauth.model.definition import Filter, ObjectType, Property, Secret, Stamp
from jmap_oauth.model.kinds import Choice, Date, Reference, SetOf, Text
from jmap_oauth.model.syntax import network


def api_key(permissions: Mapping[str, str]) -> ObjectType:
    """Declare the type; `permissions` are the names of all that a key can be allowed, with labels for people."""
    return ObjectType(
        name="ApiKey",
        singular="API key",
        plural="API keys",
        description="A key to this server, and what it allows",
        capability="urn:stalwart:jmap",
        permission="sysApiKey",
        audited=True,
        account_property="memberTenantId",
        label_property="description",
        list_columns=("description", "createdAt", "expiresAt", "lastUsedAt"),
        properties=(_DESCRIPTION, _permissions(permissions), *_PROPERTIES),
    )


_DESCRIPTION = Property(
    name="description",
    kind=Text(max_length=255, name=True),
    label="Description",
    description="What the key is for",
    nullable=True,
    sort=True,
    searchable=True,
)

_PROPERTIES = (
    Property(
        name="memberTenantId",
        kind=Reference("Tenant"),
        label="Tenant",
        description="The tenant whose objects the key is for; without one it is for all",
        nullable=True,
        immutable=True,
        filter=Filter.EXACT,
    ),
    Property(
        name="allowedIps",
        kind=SetOf(Text(max_length=64, syntax=network, format="ipNetwork")),
        label="Allowed IPs",
        description="The networks the key may be used from; without any, from everywhere",
    ),
    Property(
        name="expiresAt",
        kind=Date(),
        label="Expiration Date",
        description="When the key ceases to be valid, if ever",
        nullable=True,
        filter=Filter.RANGE,
        sort=True,
    ),
    Property(
        name="createdAt",
        kind=Date(),
        label="Created At",
        description="When the key was made",
        server_set=True,
        stamp=Stamp.CREATED,
        sort=True,
    ),
    Property(
        name="lastUsedAt",
        kind=Date(),
        label="Last Used At",
        description="The day on which the key was last used, if ever",
        nullable=True,
        server_set=True,
        sort=True,
    ),
    Property(
        name="secret",
        kind=Text(max_length=255),
        label="Secret",
        description="The key itself, shown once when it is made",
        server_set=True,
        unique=True,
        secret=Secret.GENERATED,
    ),
    Property(
        name="origin",
        kind=Text(max_length=255),
        label="Origin",
        description="The setting that made the key; null for keys that people made",
        nullable=True,
        server_set=True,
        hidden=True,
        unique=True,
    ),
)


def _permissions(labels: Mapping[str, str]) -> Property:
    return Property(
        name="permissions",
        kind=SetOf(Choice("Permission", labels), max_members=500),
        label="Permissions",
        description="What the key allows",
    )
