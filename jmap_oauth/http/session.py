"""The Session object (RFC 8620 section 2)."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from jmap_oauth.access.policy import Policy
from jmap_oauth.access.principal import Principal
from jmap_oauth.http.addresses import BaseUrl
from jmap_oauth.http.authentication import Gate
from jmap_oauth.http.exchange import exchange_of
from jmap_oauth.protocol.types import CORE, Limits

KEPT = 1024
"""How many Session objects are remembered: every answer of the API names the state of one."""


@dataclass(frozen=True, slots=True)
class Session:
    """A Session object as JSON, and its state: a digest of everything else in it."""

    state: str
    body: bytes


class Sessions:
    """Makes Session objects. `capabilities` maps each capability but core to its object."""

    def __init__(self, limits: Limits, capabilities: Mapping[str, object], policy: Policy, base_url: BaseUrl) -> None:
        self._capabilities = {CORE: core_capability(limits), **capabilities}
        self._policy = policy
        self._base_url = base_url
        self._kept: dict[Hashable, Session] = {}

    def find(self, principal: Principal, scope: Scope) -> Session:
        """Return what a principal is told under the URL of this request."""
        base = self._base_url.of(scope, exchange_of(scope).headers.get(b"host"))
        facts = (principal.name, principal.account, principal.account_name, principal.permissions, base)
        session = self._kept.get(facts)
        if session is None:
            if len(self._kept) >= KEPT:
                self._kept.clear()  # clients choose the Host; whoever is in use is back at once
            session = self._kept[facts] = self._make(principal, base)
        return session

    def _make(self, principal: Principal, base: str) -> Session:
        usable = [name for name in self._capabilities if name != CORE and self._policy.may_use(principal, name)]
        members = {
            "capabilities": self._capabilities,
            "accounts": {principal.account: self._account(principal, usable)},
            "primaryAccounts": dict.fromkeys([CORE, *usable], principal.account),
            "username": principal.name,
            "apiUrl": f"{base}/api",
            "downloadUrl": f"{base}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}",
            "uploadUrl": f"{base}/jmap/upload/{{accountId}}",
            "eventSourceUrl": f"{base}/jmap/eventsource?types={{types}}&closeafter={{closeafter}}&ping={{ping}}",
        }
        state = hashlib.sha256(msgspec.json.encode(members)).hexdigest()[:16]
        return Session(state, msgspec.json.encode({**members, "state": state}))

    def _account(self, principal: Principal, usable: Sequence[str]) -> Mapping[str, object]:
        return {
            "name": principal.account_name,
            "isPersonal": False,  # it is an organisation's, whoever holds the key
            "isReadOnly": self._policy.is_read_only(principal),
            "accountCapabilities": {name: {} for name in usable},
        }


def core_capability(limits: Limits) -> Mapping[str, object]:
    """Return the object of urn:ietf:params:jmap:core; sizes in bytes."""
    return {
        "maxSizeUpload": limits.max_size_upload,
        "maxConcurrentUpload": limits.max_concurrent_upload,
        "maxSizeRequest": limits.max_size_request,
        "maxConcurrentRequests": limits.max_concurrent_requests,
        "maxCallsInRequest": limits.max_calls_in_request,
        "maxObjectsInGet": limits.max_objects_in_get,
        "maxObjectsInSet": limits.max_objects_in_set,
        "collationAlgorithms": ["i;unicode-casemap"],
    }


class SessionEndpoint:
    """`GET /jmap/session` and `GET /.well-known/jmap`."""

    def __init__(self, gate: Gate, sessions: Sessions) -> None:
        self._gate = gate
        self._sessions = sessions

    async def get(self, request: Request) -> Response:
        principal = await self._gate.admit(exchange_of(request.scope))
        return Response(self._sessions.find(principal, request.scope).body, media_type="application/json")
