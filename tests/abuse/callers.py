"""Keys in use against a whole server: who asks, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from jmap_oauth.app import Server
from jmap_oauth.objects.oauth_client_metadata import METADATA
from tests.support.served import USING, request_of

ALL_USING = (*USING, METADATA)
INVALID = "invalidProperties"
UNKNOWN = {
    "error": "invalid_client",
    "description": "The client is not known, or not valid, or its secret is wrong.",
    "authenticated": False,
    "client": None,
}
"""What is answered of every client that is not good, beside the account."""


@dataclass(frozen=True)
class Caller:
    """A key, and what answers it. `using` are the capabilities that it names."""

    http: httpx.AsyncClient
    key: str
    account: str = "global"
    using: tuple[str, ...] = ALL_USING

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def send(self, *calls: tuple[str, Mapping[str, Any]]) -> list[Any]:
        """Send method calls and return what each is answered with; errors as {"type": …}."""
        request = request_of(*calls, using=self.using)
        response = await self.http.post("/api", json=request, headers=self.headers)
        assert response.status_code == 200, response.text
        return [result for _, result, _ in response.json()["methodResponses"]]

    async def call(self, name: str, /, **arguments: Any) -> Any:
        return (await self.send((name, arguments)))[0]

    async def create(self, name: str = "x:OAuthClient", /, **values: Any) -> dict[str, Any]:
        """Create an object and return what is told of it; a refusal is an error of the test."""
        answer = await self.call(f"{name}/set", create={"new": values})
        assert "notCreated" in answer, answer
        assert answer["notCreated"] is None, answer
        created: dict[str, Any] = answer["created"]["new"]
        return created

    async def update(self, id: str, name: str = "x:OAuthClient", /, **patch: Any) -> Any:
        """Patch an object, and return how it is refused, or None."""
        answer = await self.call(f"{name}/set", update={id: patch})
        return answer["notUpdated"] and answer["notUpdated"][id]

    async def destroy(self, id: str, name: str = "x:OAuthClient") -> Any:
        """Destroy an object, and return how it is refused, or None."""
        answer = await self.call(f"{name}/set", destroy=[id])
        return answer["notDestroyed"] and answer["notDestroyed"][id]

    async def get(self, id: str, name: str = "x:OAuthClient") -> dict[str, Any]:
        [record] = (await self.call(f"{name}/get", ids=[id]))["list"]
        found: dict[str, Any] = record
        return found

    async def all(self, name: str = "x:OAuthClient") -> list[Any]:
        found: list[Any] = (await self.call(f"{name}/get"))["list"]
        return found

    async def outcomes(self, objects: Iterable[Mapping[str, Any]], name: str = "x:OAuthClient") -> list[Any]:
        """Try to create objects in one call; return for each why not: the type of the error and its properties."""
        create = {f"n{number}": dict(values) for number, values in enumerate(objects)}
        answer = await self.call(f"{name}/set", create=create)
        return [outcome(answer, id) for id in create]

    async def authenticate(self, client_id: str, secret: str | None = None, **asked: Any) -> Any:
        """Ask about a client, and return the answer without the account."""
        given = {"clientId": client_id, **({} if secret is None else {"secret": secret}), **asked}
        answer = await self.call("x:OAuthClient/authenticate", **given)
        return {name: value for name, value in answer.items() if name != "accountId"}


def outcome(answer: Mapping[str, Any], id: str) -> Any:
    """Return None for an object that was created, else (type, properties…) of the error."""
    error = (answer["notCreated"] or {}).get(id)
    return None if error is None else (error["type"], *error.get("properties", ()))


@dataclass(frozen=True)
class Site:
    """A whole server in this process, an administrator, and two tenants that know nothing of each other."""

    server: Server
    admin: Caller
    one: Caller
    two: Caller

    async def key(self, *permissions: str, tenant: str | None = None) -> Caller:
        """Make a key with these permissions, or with all."""
        return await make_key(self.admin, permissions or self.server.permissions, tenant)


async def make_key(admin: Caller, permissions: Iterable[str], tenant: str | None = None) -> Caller:
    """Make a key of a tenant, or of none."""
    allowed = dict.fromkeys(permissions, True)
    key = await admin.create("x:ApiKey", memberTenantId=tenant, permissions=allowed)
    return Caller(admin.http, key["secret"], tenant or "global")


async def make_tenant(admin: Caller, name: str, permissions: Iterable[str]) -> Caller:
    """Make a tenant, and a key of it with these permissions."""
    tenant = await admin.create("x:Tenant", name=name)
    return await make_key(admin, permissions, tenant["id"])
