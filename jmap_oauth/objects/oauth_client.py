"""x:OAuthClient: the registration of an application that asks for tokens (RFC 7591).

Here is what every client sees; what else there is stands in oauth_client_metadata.
"""

from __future__ import annotations

from jmap_oauth.model.definition import Filter, ObjectType, Property, Secret, Section, Stamp
from jmap_oauth.model.kinds import Date, Reference, SetOf, Text
from jmap_oauth.model.status import Case, Moment, Status
from jmap_oauth.model.syntax import MAX_EMAIL, MAX_IMAGE, MAX_URI, email, image, vschar
from jmap_oauth.objects.oauth_client_metadata import FORM, LIST_COLUMNS, metadata
from jmap_oauth.objects.oauth_client_rules import check, fill
from jmap_oauth.objects.oauth_client_secret import cascade_of_client
from jmap_oauth.objects.redirects import redirect_uri

AUTHENTICATE = "sysOAuthClientAuthenticate"


def oauth_client(redirect_uri_schemes: frozenset[str]) -> ObjectType:
    """Declare the type; `redirect_uri_schemes` are allowed in redirect URIs beside the usual ones."""
    return ObjectType(
        name="OAuthClient",
        singular="OAuth client",
        plural="OAuth clients",
        description="A registered OAuth client application",
        capability="urn:stalwart:jmap",
        permission="sysOAuthClient",
        audited=True,
        account_property="memberTenantId",
        quota="maxOauthClients",
        label_property="clientId",
        list_columns=("clientId", "description", "createdAt", *LIST_COLUMNS),
        form=(*_FORM, *FORM),
        properties=(
            *_PROPERTIES,
            _redirect_uris(redirect_uri_schemes),
            _LOGO,
            *metadata(redirect_uri_schemes),
        ),
        further_permissions={AUTHENTICATE: "Authenticate OAuth clients"},
        protection="isProtected",
        status=STATUS,
        fill=fill,
        check=check,
        cascade=cascade_of_client,
    )


STATUS = Status(
    (
        Case("disabled", "Disabled", "isEnabled", holds=False),
        Case("expired", "Expired", "expiresAt", Moment.COME),
    )
)

_FORM = (
    Section(
        "OAuth Client",
        (
            "clientId",
            "createdAt",
            "memberTenantId",
            "description",
            "contacts",
            "secret",
            "redirectUris",
            "logo",
        ),
    ),
    Section("Expiration", ("expiresAt",)),
)


_PROPERTIES = (
    Property(
        name="clientId",
        kind=Text(max_length=255, min_length=1, trim=True, syntax=vschar),
        label="Client ID",
        description="The name by which the client identifies itself; no other client of the server has it",
        required=True,
        unique=True,
        filter=Filter.EXACT,
        sort=True,
        searchable=True,
    ),
    Property(
        name="description",
        kind=Text(max_length=2_000, layout=True),
        label="Description",
        description="What the client is for",
        nullable=True,
        sort=True,
        searchable=True,
    ),
    Property(
        name="contacts",
        kind=SetOf(Text(max_length=MAX_EMAIL, name=True, syntax=email, format="emailAddress")),
        label="Contact Emails",
        description="E-mail addresses of the people responsible for the client",
        searchable=True,
    ),
    Property(
        name="secret",
        kind=Text(max_length=1_024, min_length=1),
        label="Client Secret",
        description="The secret of a confidential client, never shown again; a public client has none",
        nullable=True,
        secret=Secret.VIEW,
    ),
    Property(
        name="createdAt",
        kind=Date(),
        label="Created At",
        description="When the client was registered",
        server_set=True,
        stamp=Stamp.CREATED,
        filter=Filter.RANGE,
        sort=True,
    ),
    Property(
        name="expiresAt",
        kind=Date(),
        label="Expiration Date",
        description="When the client ceases to be valid, if ever",
        nullable=True,
        filter=Filter.RANGE,
        sort=True,
    ),
    Property(
        name="memberTenantId",
        kind=Reference("Tenant"),
        label="Tenant",
        description="The tenant the client belongs to, if any",
        nullable=True,
        filter=Filter.EXACT,
    ),
)

_LOGO = Property(
    name="logo",
    kind=Text(max_length=MAX_IMAGE, syntax=image),
    label="Logo",
    description="The URL of a picture, or a PNG, JPEG, GIF or WebP image in base64",
    nullable=True,
)


def _redirect_uris(schemes: frozenset[str]) -> Property:
    return Property(
        name="redirectUris",
        kind=SetOf(Text(max_length=MAX_URI, syntax=redirect_uri(schemes), format="uri")),
        label="Redirect URIs",
        description="Where users may be sent back to, compared character by character",
        searchable=True,
    )
