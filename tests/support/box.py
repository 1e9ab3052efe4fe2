"""Pretend types of which one owns the other: a box, whose key is a view of its locks, and the log of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.audit import Audited
from jmap_oauth.model.definition import (
    MASK,
    Filled,
    Filter,
    Flaw,
    Model,
    ObjectType,
    Property,
    Record,
    Secret,
    Stamp,
    Transaction,
)
from jmap_oauth.model.ids import new_id
from jmap_oauth.model.kinds import Boolean, Choice, Date, Reference, SetOf, Text
from jmap_oauth.model.status import Case, Moment, Status
from tests.support.widget import CAPABILITY, TEAM, WIDGET

MADE_KEY = "a key that the server made"


def _fill_box(old: Record | None, new: Record, named: frozenset[str]) -> Filled:
    """Make a key for what is to be locked, and a label of the first kind."""
    values = {"label": next(iter(new["kinds"]))} if new["kinds"] and new["label"] is None else {}
    return Filled(values, {"key": MADE_KEY} if new["isLocked"] and new["key"] is None else {})


async def _cascade_of_box(
    transaction: Transaction, old: Record | None, new: Record | None, secrets: Mapping[str, str]
) -> Iterable[Flaw]:
    """Replace the locks by one with the new key, or take them away with it."""
    if new is None or ("key" not in secrets and new["key"] is not None):
        return ()
    there = await transaction.owned("Lock", new["id"])
    if "key" in secrets and await transaction.is_secret("Lock", there, secrets["key"]):
        return ()
    for each in there:
        transaction.destroy(each, "Lock")
    if "key" in secrets:
        await transaction.create("Lock", {"boxId": new["id"], "note": "by the box"}, {"code": secrets["key"]})
    return ()


BOX = ObjectType(
    name="Box",
    singular="box",
    plural="boxes",
    description="A thing that owns others",
    capability=CAPABILITY,
    permission="sysBox",
    account_property="teamId",
    label_property="label",
    list_columns=("label",),
    audited=True,
    protection="isSealed",
    status=Status([Case("locked", "Locked", "isLocked", True), Case("old", "Old", "endsAt", Moment.COME)]),
    fill=_fill_box,
    cascade=_cascade_of_box,
    properties=(
        Property(name="label", kind=Text(max_length=50), label="Label", description="", nullable=True),
        Property(name="key", kind=Text(max_length=100), label="Key", description="", nullable=True, secret=Secret.VIEW),
        Property(
            name="kinds",
            kind=SetOf(Text(max_length=20)),
            label="Kinds",
            description="",
            filter=Filter.MEMBER,
            filter_name="kind",
        ),
        Property(name="isLocked", kind=Boolean(), label="Locked", description="", default=False),
        Property(name="isSealed", kind=Boolean(), label="Sealed", description="", default=False),
        Property(name="endsAt", kind=Date(), label="Ends at", description="", nullable=True),
        Property(name="openedAt", kind=Date(), label="Opened", description="", nullable=True, server_set=True),
        Property(name="teamId", kind=Reference("Team"), label="Team", description="", nullable=True),
        *(
            Property(
                name=name,
                kind=Date() if stamp.is_date else Text(max_length=100),
                label="",
                description="",
                server_set=True,
                stamp=stamp,
            )
            for name, stamp in zip(("createdAt", "updatedAt", "createdBy", "updatedBy"), Stamp, strict=True)
        ),
    ),
)


async def _cascade_of_lock(
    transaction: Transaction, old: Record | None, new: Record | None, secrets: Mapping[str, str]
) -> Iterable[Flaw]:
    """Refuse to lock a box of which nobody may have a key, and to take the last lock of one that is to be locked."""
    id = (new or old or {})["boxId"]
    box, there = await transaction.get("Box", id), await transaction.owned("Lock", id)
    if box is None or (old and new):
        return ()
    if len(there) > 3:
        return [Flaw("boxId", "is full")]
    if box["isLocked"] and not there:
        return [Flaw("boxId", "must stay locked")]
    transaction.update(box, "Box", {"key": MASK if there else None})
    return ()


LOCK = ObjectType(
    name="Lock",
    singular="lock",
    plural="locks",
    description="A thing that belongs to a box",
    capability=CAPABILITY,
    permission="sysLock",
    account_property="teamId",
    label_property="note",
    list_columns=("note",),
    audited=True,
    cascade=_cascade_of_lock,
    properties=(
        Property(
            name="boxId",
            kind=Reference("Box", owner=True),
            label="Box",
            description="",
            required=True,
            immutable=True,
        ),
        Property(name="note", kind=Text(max_length=50), label="Note", description="", nullable=True),
        Property(
            name="code",
            kind=Text(max_length=100),
            label="Code",
            description="",
            nullable=True,
            immutable=True,
            secret=Secret.CHOSEN,
        ),
        Property(
            name="codeHash",
            kind=Text(max_length=200),
            label="Hash",
            description="",
            nullable=True,
            immutable=True,
            secret=Secret.HASH,
        ),
        Property(
            name="createdAt", kind=Date(), label="", description="", server_set=True, stamp=Stamp.CREATED, sort=True
        ),
        Property(
            name="teamId",
            kind=Reference("Team"),
            label="",
            description="",
            nullable=True,
            server_set=True,
            hidden=True,
        ),
    ),
)

LOG = ObjectType(
    name="Log",
    singular="log",
    plural="logs",
    description="What was done",
    capability=CAPABILITY,
    permission="sysLog",
    account_property="teamId",
    list_columns=("line",),
    read_only=True,
    properties=(
        Property(name="line", kind=Text(max_length=1000), label="", description="", server_set=True, default=""),
        Property(
            name="action",
            kind=Choice("LogAction", {"create": "", "update": "", "destroy": ""}),
            label="",
            description="",
            server_set=True,
            default="update",
        ),
        Property(
            name="teamId",
            kind=Reference("Team", outlives=True),
            label="",
            description="",
            nullable=True,
            server_set=True,
        ),
    ),
)


def write_log(principal: Principal, now: str, changes: Sequence[Audited]) -> Mapping[str, Sequence[Record]]:
    """Tell who did what, to which type, and which properties and secrets changed."""
    return {"Log": [*_lines(principal, changes)]}


def _lines(principal: Principal, changes: Sequence[Audited]) -> Iterator[Record]:
    for each in changes:
        old, new = each.old or {}, each.new or {}
        names = [name for name in (each.type.by_name if old and new else ()) if old.get(name) != new.get(name)]
        names = [name for name in names if name != "updatedAt"]  # whether the second is another one is chance
        action = "update" if old and new else "destroy" if old else "create"
        line = f"{principal.id}: {each.type.name} {','.join(names)} {','.join(sorted(each.secrets))}".strip()
        yield {"id": new_id(), "line": line, "action": action, "teamId": (new or old)["teamId"]}


def make_box_model() -> Model:
    """Return a Model in which objects own others."""
    return Model([LOCK, BOX, LOG, WIDGET, TEAM])
