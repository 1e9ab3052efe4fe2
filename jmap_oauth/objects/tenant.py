"""x:Tenant: an organisation whose objects the keys of other tenants never see. Its id is the id of its account."""

from __future__ import annotations

from jmap_oauth.model.definition import Filter, ObjectType, Property, Stamp
from jmap_oauth.model.kinds import Choice, Date, MapOf, Number, Text
from jmap_oauth.model.syntax import MAX_IMAGE, image


def tenant() -> ObjectType:
    """Declare the type."""
    return ObjectType(
        name="Tenant",
        singular="tenant",
        plural="tenants",
        description="An organisation that sees only what belongs to it",
        capability="urn:stalwart:jmap",
        permission="sysTenant",
        audited=True,
        account_property="id",
        label_property="name",
        list_columns=("name", "description", "createdAt"),
        properties=_PROPERTIES,
    )


_PROPERTIES = (
    Property(
        name="name",
        kind=Text(max_length=255, min_length=1, name=True, trim=True),
        label="Name",
        description="What people call the tenant; others may have the same name",
        required=True,
        filter=Filter.EXACT,
        sort=True,
        searchable=True,
    ),
    Property(
        name="description",
        kind=Text(max_length=2_000, layout=True),
        label="Description",
        description="What there is to know about the tenant",
        nullable=True,
        searchable=True,
    ),
    Property(
        name="logo",
        kind=Text(max_length=MAX_IMAGE, syntax=image),
        label="Logo",
        description="The URL of a picture, or a PNG, JPEG, GIF or WebP image in base64",
        nullable=True,
    ),
    Property(
        name="createdAt",
        kind=Date(),
        label="Created At",
        description="When the tenant was made",
        server_set=True,
        stamp=Stamp.CREATED,
        sort=True,
    ),
    Property(
        name="quotas",
        kind=MapOf(Choice("TenantStorageQuota", {"maxOauthClients": "OAuth clients"}), Number()),
        label="Quotas",
        description="How many objects of a kind the tenant may have; without a number there is no bound",
    ),
)
