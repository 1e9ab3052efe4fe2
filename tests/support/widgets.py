"""A server of the pretend types, without HTTP: dispatcher, methods and a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from jmap_oauth.access.hashing import Cost, SlowHasher
from jmap_oauth.access.policy import Policy, permissions_of
from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.audit import Audit
from jmap_oauth.methods.call import Backing
from jmap_oauth.methods.register import standard_methods
from jmap_oauth.model.definition import GLOBAL, Model
from jmap_oauth.model.kinds import now
from jmap_oauth.protocol.dispatch import Dispatcher
from jmap_oauth.protocol.types import CORE, Limits
from tests.support.stores import OpenStore, open_on_sqlite
from tests.support.widget import CAPABILITY, EXTRA, TEAM, WIDGET, make_model

ALL = frozenset(permissions_of((WIDGET, TEAM)))


@dataclass(frozen=True)
class Client:
    """One caller of a server: `call` sends one method call and returns (name, arguments) of its answer."""

    dispatcher: Dispatcher
    principal: Principal
    using: tuple[str, ...] = (CORE, CAPABILITY)

    async def batch(self, *calls: tuple[str, dict[str, Any]], created_ids: dict[str, str] | None = None) -> Any:
        """Send calls with the ids c0, c1, … and return the whole Response as JSON would show it."""
        named = [[name, arguments, f"c{number}"] for number, (name, arguments) in enumerate(calls)]
        body: dict[str, Any] = {"using": self.using, "methodCalls": named}
        if created_ids is not None:
            body["createdIds"] = created_ids
        request = self.dispatcher.parse(msgspec.json.encode(body))
        response = await self.dispatcher.run(request, self.principal, "session")
        return msgspec.json.decode(msgspec.json.encode(response))

    async def call(self, name: str, **arguments: Any) -> tuple[str, Any]:
        response = await self.batch((name, arguments))
        name, result, _ = response["methodResponses"][0]
        return name, result

    async def get(self, *ids: str, **arguments: Any) -> Any:
        return (await self.call("x:Widget/get", ids=list(ids) or None, **arguments))[1]

    async def set(self, **arguments: Any) -> Any:
        return (await self.call("x:Widget/set", **arguments))[1]

    async def query(self, **arguments: Any) -> Any:
        return (await self.call("x:Widget/query", **arguments))[1]

    async def create(self, code: str, **values: Any) -> str:
        """Create a widget and return its id."""
        answer = await self.set(create={"new": {"code": code, **values}})
        assert answer["notCreated"] is None, answer
        id: str = answer["created"]["new"]["id"]
        return id


@dataclass(frozen=True)
class Widgets:
    """A server of the pretend types and the means to ask it."""

    backing: Backing
    dispatcher: Dispatcher

    def client(self, account: str = GLOBAL, permissions: frozenset[str] = ALL, **facts: Any) -> Client:
        using = facts.pop("using", (CORE, CAPABILITY))
        facts = {"id": "key", "name": "key", **facts}
        return Client(self.dispatcher, Principal(account=account, permissions=permissions, **facts), using)

    async def team(self, name: str, **values: Any) -> Client:
        """Create a team and return a client that is bound to it."""
        _, answer = await self.client().call("x:Team/set", create={"team": {"name": name, **values}})
        return self.client(answer["created"]["team"]["id"])


@asynccontextmanager
async def open_widgets(
    folder: Path,
    limits: Limits | None = None,
    *,
    model: Model | None = None,
    audit: Audit | None = None,
    clock: Callable[[], str] = now,
    open_store: OpenStore = open_on_sqlite,
) -> AsyncIterator[Widgets]:
    """Open a server of the pretend types over a database in `folder`."""
    model = model or make_model()
    limits = limits or Limits()
    store = await open_store(folder, model)
    hasher = SlowHasher(Cost(memory=64, time=1, parallelism=1))
    backing = Backing(model, store, Policy(model, key_type=replace(TEAM, name="Key")), hasher, limits, audit, clock)
    try:
        yield Widgets(backing, Dispatcher(standard_methods(backing), frozenset({CORE, CAPABILITY, EXTRA}), limits))
    finally:
        hasher.close()
        await store.close()
