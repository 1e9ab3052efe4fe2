"""Clients of Stalwart: the plans that its `snapshot` writes, and the principals of versions before 0.16."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jmap_oauth.cli.importers.imported import OWN, Imported, Leave, Table, bring_secret, carry, names, text, uris
from jmap_oauth.cli.importers.source import Place, items

_PLAN: Table = {
    "clientId": ("clientId", text),
    "description": ("description", text),
    "contacts": ("contacts", names),
    "redirectUris": ("redirectUris", uris),
    "logo": ("logo", text),
    "expiresAt": ("expiresAt", text),
}
_PLAN_REASONS = {"id": "", "createdAt": OWN, "secret": "", "memberTenantId": ""}

_MAX_CLIENTS = "maxOauthClients"


def _quotas(value: Any, leave: Leave) -> dict[str, int] | None:
    """Read the bounds of a tenant, of which this server holds one."""
    if not isinstance(value, dict):
        leave("it is no object")
        return None
    for name in value:
        if name != _MAX_CLIENTS:
            leave(f"{name}: this server has no such objects")
    most = value.get(_MAX_CLIENTS)
    if most is None:
        return None
    if not isinstance(most, int) or isinstance(most, bool):
        leave(f"{_MAX_CLIENTS}: it is no whole number")
        return None
    return {_MAX_CLIENTS: most}


_TENANT: Table = {
    "name": ("name", text),
    "description": ("description", text),
    "logo": ("logo", text),
    "quotas": ("quotas", _quotas),
}
_TENANT_REASONS = {"id": "", "createdAt": OWN}


def _first(value: Any, leave: Leave) -> str | None:
    """Read a text, which may stand in a list."""
    return text(value[0] if isinstance(value, list) and len(value) == 1 else value, leave)


def _all(value: Any, leave: Leave) -> dict[str, bool] | None:
    return names([value] if isinstance(value, str) else value, leave)


def _all_uris(value: Any, leave: Leave) -> dict[str, bool] | None:
    return uris([value] if isinstance(value, str) else value, leave)


_PRINCIPAL: Table = {
    "name": ("clientId", text),
    "description": ("description", _first),
    "emails": ("contacts", _all),
    "urls": ("redirectUris", _all_uris),
    "picture": ("logo", text),
}
_PRINCIPAL_REASONS = {"id": "", "type": "", "secrets": "", "tenant": ""}

_CREATING = frozenset({"create", "upsert", "reconcile"})


def clients(values: Iterable[tuple[Place, Any]]) -> Iterator[Imported]:
    """Read the lines of a plan, or principals in a list, in lines or in the answer of the API. Tenants come first."""
    found = [each for place, given in items(values) for each in _objects(place, given)]
    tenants = {each.ref: each for each in found if each.type == "Tenant" and not each.skipped}
    yield from tenants.values()
    for each in found:
        reference = each.properties.get("memberTenantId")
        if reference is not None and reference.removeprefix("#") not in tenants:
            each.skip("its tenant is not in the file")
        if each.type != "Tenant" or each.skipped:
            yield each


def _objects(place: Place, given: Any) -> Iterator[Imported]:
    if isinstance(given, dict) and "@type" in given:
        yield from _operation(place, given)
    elif isinstance(given, dict) and given.get("type") == "oauthClient":
        yield from _principal(place, given)
    else:
        kind = given.get("type") if isinstance(given, dict) else None
        into = Imported(place)
        yield into.ignore(f"it is a principal of the type {kind}") if kind else into.skip("it is no client")


def _operation(place: Place, given: Mapping[str, Any]) -> Iterator[Imported]:
    """Read one operation of a plan, which holds objects under the names by which the plan refers to them."""
    operation, name, values = str(given["@type"]), str(given.get("object")).removeprefix("x:"), given.get("value")
    into, what = Imported(place), f"it is an operation {operation} on {name}"
    if operation == "destroy" or name not in ("OAuthClient", "Tenant"):
        yield into.ignore(what)
        return
    if operation not in _CREATING or not isinstance(values, dict):
        yield into.skip(what)
        return
    for ref, value in values.items():
        into = Imported(f"{place}, {ref}", type=name)
        if not isinstance(value, dict):
            yield into.skip("it is no object")
        elif name == "Tenant":
            into.ref = _ref(ref)
            carry(into, value, _TENANT, _TENANT_REASONS)
            yield into if "name" in into.properties else into.skip("it has no name")
        else:
            yield _planned(into, value)


def _planned(into: Imported, value: Mapping[str, Any]) -> Imported:
    carry(into, value, _PLAN, _PLAN_REASONS)
    if "clientId" not in into.properties:
        return into.skip("it has no clientId")
    if value.get("memberTenantId"):
        into.properties["memberTenantId"] = f"#{_ref(str(value['memberTenantId']).removeprefix('#'))}"
    if value.get("secret"):
        bring_secret(into, "secret", value["secret"], may_be_hash=True)
    elif "secret" not in value:
        # What is null is told as null, and what was there is left out of a snapshot unless it was asked for.
        into.leave("secret", "the file does not say whether there is one: the client is public until it is given one")
    return into


def _principal(place: Place, given: Mapping[str, Any]) -> Iterator[Imported]:
    into = Imported(place)
    carry(into, given, _PRINCIPAL, _PRINCIPAL_REASONS)
    if "clientId" not in into.properties:
        yield into.skip("it has no name")
        return
    secrets = given.get("secrets") or []
    secrets = secrets if isinstance(secrets, list) else [secrets]
    for number, secret in enumerate(secrets):
        if number == 0:
            bring_secret(into, "secrets", secret, may_be_hash=True)
        else:
            into.leave("secrets", f"number {number + 1} of {len(secrets)}: the first is taken")
    if tenant := given.get("tenant"):
        into.properties["memberTenantId"] = f"#{_ref(tenant)}"
        yield Imported(place, type="Tenant", ref=_ref(tenant), properties={"name": str(tenant)})
    yield into


def _ref(tenant: Any) -> str:
    """Name a tenant so that lines can refer to it, whatever characters its name has."""
    return f"tenant-{hashlib.blake2b(str(tenant).encode(), digest_size=16).hexdigest()}"
