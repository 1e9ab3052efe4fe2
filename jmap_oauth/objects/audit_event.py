"""x:AuditEvent: who changed what, and when. A /set writes it in the transaction of the change; nobody changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from operator import ne
from typing import Any

import msgspec

from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.audit import Audited
from jmap_oauth.methods.call import wire_name
from jmap_oauth.model.definition import MASK, Filter, ObjectType, Property, Record, Stamp
from jmap_oauth.model.ids import new_id
from jmap_oauth.model.kinds import Choice, Date, Document, Reference, Text
from jmap_oauth.protocol.types import is_same_json

MAX_VALUE = 1_024
"""Bytes of JSON beyond which a value is told as its hash and size: enough to compare it with one that is known."""


def audit_event(types: Mapping[str, str]) -> ObjectType:
    """Declare the type; `types` are the audited ones, by their names on the wire, with labels for people."""
    return ObjectType(
        name="AuditEvent",
        singular="audit event",
        plural="audit events",
        description="What was done to an object, by whom and when",
        capability="urn:stalwart:jmap",
        permission="sysAuditEvent",
        account_property="memberTenantId",
        label_property="objectId",
        list_columns=("at", "actorName", "action", "objectType", "objectId"),
        read_only=True,
        properties=(*_WHO_AND_WHEN, _object_type(types), *_WHAT),
    )


_WHO_AND_WHEN = (
    Property(
        name="at",
        kind=Date(),
        label="Time",
        description="When it was done",
        server_set=True,
        stamp=Stamp.CREATED,
        filter=Filter.RANGE,
        sort=True,
    ),
    Property(
        name="actorId",
        kind=Text(max_length=255),
        label="Actor ID",
        description="The id of the API key that did it, or the name of a part of the server: cli, provisioning, system",
        server_set=True,
        filter=Filter.EXACT,
    ),
    Property(
        name="actorName",
        kind=Text(max_length=255),
        label="Actor",
        description="What the API key was for, as it said then",
        server_set=True,
    ),
    Property(
        name="remoteIp",
        kind=Text(max_length=64, format="ipAddress"),
        label="Address",
        description="Where the request came from, if it came from the network",
        nullable=True,
        server_set=True,
    ),
    Property(
        name="requestId",
        kind=Text(max_length=255),
        label="Request ID",
        description="The X-Request-Id of the answer, which the log has too; null for what the server did by itself",
        nullable=True,
        server_set=True,
    ),
    Property(
        name="action",
        kind=Choice("AuditAction", {"create": "Created", "update": "Updated", "destroy": "Destroyed"}),
        label="Action",
        description="What was done",
        server_set=True,
        filter=Filter.EXACT,
    ),
)


def _object_type(labels: Mapping[str, str]) -> Property:
    return Property(
        name="objectType",
        kind=Choice("AuditedType", labels),
        label="Type",
        description="The type of the object",
        server_set=True,
        filter=Filter.EXACT,
    )


_WHAT = (
    Property(
        name="objectId",
        kind=Text(max_length=255),
        label="Object ID",
        description="The id of the object, which may be gone by now",
        server_set=True,
        filter=Filter.EXACT,
    ),
    Property(
        name="memberTenantId",
        kind=Reference("Tenant", outlives=True),
        label="Tenant",
        description="The tenant that the object belonged to, if any, which may be gone by now",
        nullable=True,
        server_set=True,
        filter=Filter.EXACT,
    ),
    Property(
        name="changes",
        kind=Document(max_size=1_000_000),
        label="Changes",
        description="The properties that changed, each with what it was and what it became",
        server_set=True,
    ),
)

Diff = Mapping[str, Mapping[str, Any]]
"""By property: `{"from": …, "to": …}`. What was not there, or was nothing, is null."""


def audit_events(principal: Principal, now: str, changes: Sequence[Audited]) -> Mapping[str, Sequence[Record]]:
    """Return the events to keep for what one /set changed."""
    return {
        "AuditEvent": [
            {
                "id": new_id(),
                "at": now,
                "actorId": principal.id,
                "actorName": principal.name,
                "remoteIp": principal.remote_ip,
                "requestId": principal.request_id,
                "action": _action(each),
                "objectType": wire_name(each.type),
                "objectId": (each.new or each.old or {})["id"],
                "memberTenantId": account,
                "changes": diff,
            }
            for each in changes
            for account, diff in _accounts(each)
        ]
    }


def _action(change: Audited) -> str:
    if change.old is None:
        return "create"
    return "destroy" if change.new is None else "update"


def _accounts(change: Audited) -> Iterator[tuple[str | None, Diff]]:
    """Yield each account that is to hear of a change, with what it may know of it; None is for keys of no tenant.

    Of a move, each tenant sees its own side, and nothing is on the other: what the object was before it came, or
    became as it went, is the business of those who had it then.
    """
    diff = _diff(change)
    accounts = [change.type.account_of(record) for record in (change.old, change.new) if record is not None]
    if not _is_told(change, diff):
        return
    if len(set(accounts)) == 1:
        yield accounts[0], diff
        return
    for account, side in zip(accounts, ("from", "to"), strict=True):
        sides = {name: {"from": None, "to": None, side: each[side]} for name, each in diff.items()}
        yield account, sides if account else diff


def _is_told(change: Audited, diff: Diff) -> bool:
    """Tell whether there is more to say of an update than what the server notes by itself, such as the last use."""
    chosen = (not change.type.by_name[name].server_set or name in change.secrets for name in diff)
    return change.old is None or change.new is None or any(chosen)


def _diff(change: Audited) -> Diff:
    """Return what changed, without what is hidden, and without stamps: the event says itself who did it and when.

    Of a new object, and of one that is destroyed, what is as the declaration promises goes without saying.
    """
    old, new = change.old or {}, change.new or {}
    told = change.type.told
    names: Iterable[str] = told
    if whole := (not old and new) or (not new and old):
        initial = change.type.initial
        unlike = map(ne, map(whole.get, initial), initial.values())  # few of many, so no step of ours for each
        names = [name for name in compress(initial, unlike) if name in told]
    sides = {name: (_shown(told[name], old.get(name)), _shown(told[name], new.get(name))) for name in names}
    return {
        name: {"from": before, "to": after}
        for name, (before, after) in sides.items()
        if not is_same_json(before, after) or name in change.secrets
    }


def _shown(each: Property, value: Any) -> Any:
    """Return a value as an event has it: a large one as its SHA-256 and size, an empty set as nothing."""
    if value is None or value == {}:
        return None
    if each.secret:
        return MASK
    encoded = msgspec.json.encode(value)
    if len(encoded) <= MAX_VALUE:
        return value
    return {"sha256": hashlib.sha256(encoded).hexdigest(), "size": len(encoded)}
