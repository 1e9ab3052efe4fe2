"""Permissions: what there are, and whether a principal may do something to a type or to an object of it.

Every decision is a value that is true or false and says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jmap_oauth.access.addresses import Network, contains, parse_network
from jmap_oauth.access.principal import Principal
from jmap_oauth.model.definition import GLOBAL, Action, Model, ObjectType, Record

METRICS = "sysMetricsGet"

WRITES = (Action.CREATE, Action.UPDATE, Action.DESTROY)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is allowed, and why not. The reason is for people and goes to the client."""

    reason: str | None = None

    def __bool__(self) -> bool:
        return self.reason is None


ALLOWED = Decision()


def has_permission(principal: Principal, permission: str) -> Decision:
    """Decide on a permission; the reason names it."""
    return ALLOWED if permission in principal.permissions else Decision(f"This needs the permission {permission}.")


def permissions_of(types: Iterable[ObjectType]) -> Mapping[str, str]:
    """Return every permission there is, with a label for people."""
    names = {name: label for each in types for name, label in each.permissions.items()}
    return {**names, METRICS: "Get metrics"}


class Policy:
    """Decides. `key_type` is the type of the API keys: whoever changes one is held to what it may do itself."""

    def __init__(self, model: Model, key_type: ObjectType) -> None:
        self._model = model
        self._key_type = key_type

    def may(self, principal: Principal, type: ObjectType, action: Action) -> Decision:
        """Decide on a kind of action; the reason names the permission that is missing."""
        permission = type.permission_for(action)
        decision = has_permission(principal, permission)
        if decision and type.is_account and action in WRITES and principal.account != GLOBAL:
            return Decision(f"Only a key without a tenant can use the permission {permission}.")
        return decision

    def is_read_only(self, principal: Principal) -> bool:
        """Tell whether a principal may change nothing at all."""
        return not any(self.may(principal, type, action) for type in self._model for action in WRITES)

    def may_use(self, principal: Principal, capability: str) -> bool:
        """Tell whether a principal may do anything at all with the types, or properties, of a capability."""
        types = [
            type
            for type in self._model
            if capability in {type.capability, *(each.capability for each in type.properties)}
        ]
        return any(
            not principal.permissions.isdisjoint(type.further_permissions)
            or any(self.may(principal, type, action) for action in Action)
            for type in types
        )

    def may_change(self, principal: Principal, type: ObjectType, old: Record | None, new: Record | None) -> Decision:
        """Decide on one object: None as `old` creates it, None as `new` destroys it."""
        if type is not self._key_type or principal.is_server:
            return ALLOWED
        if old is not None and (reason := _beyond(principal, old)):
            return Decision(f"The key {reason}, so it cannot be changed by this one.")
        if new is not None and (reason := _beyond(principal, new)):
            return Decision(f"The new key {reason}.")
        return ALLOWED


def _beyond(principal: Principal, key: Record) -> str | None:
    """Say in what an API key is more than the principal is, or return None."""
    if lacking := sorted(key["permissions"].keys() - principal.permissions):
        return f"has the permission {lacking[0]}, which this key lacks"
    if principal.account not in (GLOBAL, key["memberTenantId"]):
        return "has a tenant that is not this key's"
    expires = key["expiresAt"]
    if principal.expires_at is not None and (expires is None or expires > principal.expires_at):
        return f"is valid for longer than this key, which ends at {principal.expires_at}"
    if principal.networks and not _lies_in(principal.networks, key["allowedIps"]):
        return "may be used from where this key may not"
    return None


def _lies_in(networks: Sequence[Network], texts: Collection[str]) -> bool:
    """Tell whether all of these networks lie in the ones given; none at all would be everywhere."""
    inner = [parse_network(text) for text in texts]
    return bool(inner) and all(any(contains(outer, network) for outer in networks) for network in inner)
