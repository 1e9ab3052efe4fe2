"""Pretend types, with one property of each flag: what is generic is tested with these, not with what is served."""

from __future__ import annotations

from collections.abc import Iterator

from jmap_oauth.model.definition import Filter, Flaw, Model, ObjectType, Property, Record, Secret, Stamp
from jmap_oauth.model.kinds import Boolean, Choice, Date, MapOf, Number, Reference, SetOf, Text
from jmap_oauth.model.status import Case, Moment, Status

CAPABILITY = "urn:example:widgets"
EXTRA = "urn:example:widgets:extra"


def _check(old: Record | None, new: Record) -> Iterator[Flaw]:
    if new["size"] is not None and new["size"] > 100 and not new["isHeavy"]:
        yield Flaw("size", "is over 100, so isHeavy must be true")


WIDGET = ObjectType(
    name="Widget",
    singular="widget",
    plural="widgets",
    description="A thing to test with",
    capability=CAPABILITY,
    permission="sysWidget",
    account_property="teamId",
    quota="maxWidgets",
    label_property="code",
    list_columns=("code", "note"),
    check=_check,
    status=Status(
        (
            Case("heavy", "Heavy", "isHeavy", holds=True),
            Case("ended", "Ended", "endsAt", Moment.COME),
            Case("planned", "Planned", "createdAt", Moment.AHEAD),
        )
    ),
    properties=(
        Property(
            name="code",
            kind=Text(max_length=20, min_length=1, trim=True),
            label="Code",
            description="Required, unique, found by its value, sortable and searchable",
            required=True,
            unique=True,
            filter=Filter.EXACT,
            sort=True,
            searchable=True,
        ),
        Property(
            name="note",
            kind=Text(max_length=200, layout=True),
            label="Note",
            description="A text that may be null",
            nullable=True,
            sort=True,
            searchable=True,
        ),
        Property(
            name="tags",
            kind=SetOf(Text(max_length=20, min_length=1), max_members=5),
            label="Tags",
            description="A set, found by a member",
            searchable=True,
            filter=Filter.MEMBER,
            filter_name="tag",
            empty_means="bare",
        ),
        Property(
            name="secret",
            kind=Text(max_length=100),
            label="Secret",
            description="A secret that clients choose",
            nullable=True,
            secret=Secret.CHOSEN,
        ),
        Property(
            name="token",
            kind=Text(max_length=100),
            label="Token",
            description="A secret that the server makes",
            server_set=True,
            unique=True,
            secret=Secret.GENERATED,
        ),
        Property(
            name="createdAt",
            kind=Date(),
            label="Created at",
            description="When it was made",
            server_set=True,
            stamp=Stamp.CREATED,
            sort=True,
        ),
        Property(
            name="endsAt",
            kind=Date(),
            label="Ends at",
            description="A date that may be null",
            nullable=True,
            filter=Filter.RANGE,
            sort=True,
        ),
        Property(
            name="teamId",
            kind=Reference("Team"),
            label="Team",
            description="Whose it is",
            nullable=True,
            filter=Filter.EXACT,
        ),
        Property(
            name="maker", kind=Text(max_length=50), label="Maker", description="Immutable", default="us", immutable=True
        ),
        Property(
            name="size", kind=Number(maximum=1000), label="Size", description="A number", nullable=True, sort=True
        ),
        Property(
            name="isHeavy", kind=Boolean(), label="Heavy", description="A flag", default=False, filter=Filter.EXACT
        ),
        Property(
            name="extra",
            kind=Text(max_length=50),
            label="Extra",
            description="There only with the extra capability",
            nullable=True,
            capability=EXTRA,
            filter=Filter.EXACT,
            sort=True,
        ),
        Property(
            name="origin",
            kind=Text(max_length=50),
            label="Origin",
            description="Never on the wire",
            nullable=True,
            server_set=True,
            hidden=True,
            unique=True,
        ),
    ),
)

TEAM = ObjectType(
    name="Team",
    singular="team",
    plural="teams",
    description="Whoever widgets belong to",
    capability=CAPABILITY,
    permission="sysTeam",
    account_property="id",
    label_property="name",
    list_columns=("name",),
    properties=(
        Property(
            name="name", kind=Text(max_length=50, min_length=1, name=True), label="Name", description="Its name",
            required=True, filter=Filter.EXACT, sort=True, searchable=True,
        ),
        Property(
            name="quotas",
            kind=MapOf(Choice("TeamQuota", {"maxWidgets": "Widgets"}), Number()),
            label="Quotas",
            description="How many widgets it may have",
        ),
    ),
)  # fmt: skip


def make_model() -> Model:
    """Return a Model of the pretend types."""
    return Model([WIDGET, TEAM])
