"""Writers that remember what they were told was done, to compare it with what is there after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.support.served import ServerProcess, request_of

Revisions = Mapping[str, int]
"""All that there is to know of a writer's clients: clientId to the number of the revision."""

MANY = 30


class Unavailable(Exception):
    """The server could not do something now. Whether it has done it is not known."""


async def ask(client: httpx.AsyncClient, name: str, **arguments: Any) -> Any:
    """Send one method call, as `ask_all`."""
    [answer] = await ask_all(client, (name, arguments))
    return answer


async def ask_all(client: httpx.AsyncClient, *calls: tuple[str, Mapping[str, Any]], **members: Any) -> Sequence[Any]:
    """Send method calls and return what they are answered with; any other error is an AssertionError.

    Raises:
        Unavailable: the server says so.
    """
    response = await client.post("/api", json=request_of(*calls, **members))
    if response.status_code == 503:
        raise Unavailable
    answers = response.raise_for_status().json()["methodResponses"]
    if any(kind == "error" and answer["type"] == "serverUnavailable" for kind, answer, _ in answers):
        raise Unavailable
    assert [kind for kind, _, _ in answers] == [name for name, _ in calls], answers
    return [answer for _, answer, _ in answers]


def content(client_id: str, revision: int) -> dict[str, Any]:
    """Return what a revision of a client is; revisions differ in every one of these properties."""
    return {
        "clientId": client_id,
        "description": f"revision {client_id}x{revision}",
        "contacts": {f"{client_id}x{revision}@example.com": True},
        "secret": f"secret {revision}" if revision % 2 else None,
    }


def revision_of(record: Mapping[str, Any]) -> int:
    """Return which revision an object is; one that is none as a whole is an AssertionError."""
    revision = int(record["description"].rpartition("x")[2])
    shown = content(record["clientId"], revision)
    shown["secret"] = shown["secret"] and "****"
    assert {name: record[name] for name in shown} == shown
    return revision


@dataclass
class Writer:
    """Changes clients of its own, one call at a time. `key` lets it in, and `account` is the account of that key.

    `kept` is what was acknowledged, `next` what the call under way would make of it, `state` the last one told.
    """

    name: str
    key: str
    account: str
    random: Random
    kept: Revisions = field(default_factory=dict)
    next: Revisions = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    state: str | None = None
    made: int = 0
    acknowledged: int = 0

    async def work(self, server: ServerProcess) -> None:
        """Send calls until the server is gone."""
        async with server.client(self.key) as client:
            try:
                while True:
                    await self._change(client)
            except httpx.TransportError:
                pass

    async def work_until(self, over: asyncio.Event, server: ServerProcess) -> None:
        """Send calls, and find out what became of one for which the server was unavailable."""
        async with server.client(self.key) as client:
            while not over.is_set():
                try:
                    await self._change(client)
                except Unavailable:
                    await self._find_out(server)

    async def _find_out(self, server: ServerProcess) -> None:
        while True:
            try:
                await self.compare(server)
                return
            except Unavailable:
                await asyncio.sleep(0.1)

    async def _change(self, client: httpx.AsyncClient) -> None:
        arguments = self._plan()
        answer = await ask(client, "x:OAuthClient/set", **arguments)
        assert [answer[part] for part in ("notCreated", "notUpdated", "notDestroyed")] == [None] * 3
        for name, created in (answer["created"] or {}).items():
            self.ids[name] = created["id"]
        self.kept, self.state = self.next, answer["newState"]
        self.acknowledged += 1

    def _plan(self) -> dict[str, Any]:
        """Choose a call of one or two creates, updates and destroys, and note what it would leave."""
        after = dict(self.kept)
        there = self.random.sample(sorted(after), len(after))
        if len(there) > MANY or (there and self.random.random() < 0.2):
            destroyed = [there.pop() for _ in range(min(len(there), self.random.randint(1, 2)))]
        else:
            destroyed = []
        updated = [there.pop() for _ in range(min(len(there), self.random.randint(0, 2)))]
        created = [self._new_name() for _ in range(self.random.randint(0 if updated or destroyed else 1, 2))]
        for name in destroyed:
            del after[name]
        after |= {name: after[name] + 1 for name in updated} | dict.fromkeys(created, 0)
        self.next = after
        return {
            "create": {name: content(name, 0) for name in created},
            "update": {self.ids[name]: content(name, after[name]) for name in updated},
            "destroy": [self.ids[name] for name in destroyed],
        }

    def _new_name(self) -> str:
        self.made += 1
        return f"{self.name}n{self.made}"

    async def compare(self, server: ServerProcess) -> None:
        """Check that what is there is what was acknowledged, with or without the call that was under way as a whole."""
        async with server.client(self.key) as client:
            all_of_them = await ask(client, "x:OAuthClient/get")
            found = await self._search(client)
            if self.state is not None:  # of a state that had run backwards this could not be told
                assert "newState" in await ask(client, "x:OAuthClient/changes", sinceState=self.state)
        records = [each for each in all_of_them["list"] if each["clientId"].startswith(f"{self.name}n")]
        revisions = {each["clientId"]: revision_of(each) for each in records}
        self.ids = {each["clientId"]: each["id"] for each in records}
        assert revisions in (self.kept, self.next)
        assert found == set(self.ids.values())
        self.kept = revisions

    async def _search(self, client: httpx.AsyncClient) -> set[str]:
        """Return the ids of all that have a word of this writer."""
        answer = await ask(client, "x:OAuthClient/query", filter={"text": f"revision {self.name}n"})
        return set(answer["ids"])


async def make_tenant(server: ServerProcess) -> tuple[str, str]:
    """Make a tenant and a key of its own; return its id and the key."""
    permissions = {f"sysOAuthClient{action}": True for action in ("Get", "Query", "Create", "Update", "Destroy")}
    request = request_of(
        ("x:Tenant/set", {"create": {"tenant": {"name": "One"}}}),
        ("x:ApiKey/set", {"create": {"key": {"memberTenantId": "#tenant", "permissions": permissions}}}),
    )
    async with server.client() as client:
        answers = (await client.post("/api", json=request)).json()["methodResponses"]
    return answers[0][1]["created"]["tenant"]["id"], answers[1][1]["created"]["key"]["secret"]
