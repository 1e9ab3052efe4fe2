"""Clients that fetch once, and from then on go by /changes and /queryChanges alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.widgets import Client

PROPERTIES = (
    "id", "clientId", "description", "contacts", "redirectUris", "createdAt", "expiresAt", "memberTenantId",
)  # fmt: skip

Object = dict[str, Any]


async def ask(client: Client, method: str, **arguments: Any) -> Any:
    """Call a method of clients, and return its answer; an error as {"type": …}."""
    return (await client.call(f"x:OAuthClient/{method}", **arguments))[1]


async def get(client: Client, ids: Sequence[str]) -> Any:
    return await ask(client, "get", ids=list(ids), properties=PROPERTIES)


async def state_of(client: Client) -> str:
    state: str = (await ask(client, "get", ids=[]))["state"]
    return state


async def all_results(client: Client, arguments: dict[str, Any]) -> tuple[list[str], str]:
    """Return all ids that a query finds, page by page, and its state."""
    ids: list[str] = []
    while True:
        page = await ask(client, "query", **arguments, position=len(ids))
        assert page["canCalculateChanges"] is True
        ids += page["ids"]
        if "limit" not in page:
            return ids, page["queryState"]


class TooOld(Exception):
    """A state is older than what is kept of those who left."""


class Copy:
    """A copy of all objects that a key sees (RFC 8620 section 5.2). `known` are those that it was told of."""

    def __init__(self, client: Client, state: str) -> None:
        self.client = client
        self.state = state
        self.objects: dict[str, Object] = {}
        self.known: set[str] = set()

    async def fetch(self) -> None:
        """Begin anew, as after cannotCalculateChanges."""
        answer = await ask(self.client, "get", ids=None, properties=PROPERTIES)
        self.state, self.objects = answer["state"], {each["id"]: each for each in answer["list"]}
        self.known = set(self.objects)

    async def follow(self, max_changes: int | None) -> bool:
        """Take one part of the changes in; return whether there are more.

        Raises:
            TooOld: there are no changes from its state any more.
        """
        part = await ask(self.client, "changes", sinceState=self.state, maxChanges=max_changes)
        if part.get("type") == "cannotCalculateChanges":
            raise TooOld
        told = [id for name in ("created", "updated", "destroyed") for id in part[name]]
        assert len(set(told)) == len(told) <= (max_changes or len(told)), part
        created, updated, destroyed = (set(part[name]) for name in ("created", "updated", "destroyed"))
        assert not created & self.known, part
        assert updated | destroyed <= self.known, part
        self.known = self.known - destroyed | created
        for id in destroyed:
            self.objects.pop(id, None)
        # What was destroyed since the part's state is not found; a later part says so.
        for each in (await get(self.client, part["created"] + part["updated"]))["list"]:
            self.objects[each["id"]] = each
        self.state = part["newState"]
        return bool(part["hasMoreChanges"])


class Held:
    """The results of a query that a client holds open: all, or the first so many (RFC 8620 section 5.6)."""

    def __init__(self, client: Client, arguments: dict[str, Any], length: int | None) -> None:
        self.client = client
        self.arguments = arguments
        self.length = length
        self.ids: list[str] = []
        self.state = ""

    async def fetch(self) -> None:
        found, self.state = await all_results(self.client, self.arguments)
        self.ids = found[: self.length]

    async def follow(self, max_changes: int | None, *, up_to: bool) -> Any:
        """Take the changes in, or fetch anew if they are too many; return the answer.

        Raises:
            TooOld: there are no changes from its state any more.
        """
        asked = {**self.arguments, "sinceQueryState": self.state}
        if up_to and self.length is not None and self.ids:
            asked["upToId"] = self.ids[-1]
        answer = await ask(self.client, "queryChanges", **asked, maxChanges=max_changes, calculateTotal=True)
        if answer.get("type") == "cannotCalculateChanges":
            raise TooOld
        if answer.get("type") == "tooManyChanges":
            await self._check_too_many(asked, max_changes)
            await self.fetch()
        else:
            self.apply(answer)
        return answer

    def apply(self, answer: Any) -> None:
        """Take `removed` out and put `added` in; what is added behind the first so many is not held."""
        self.ids = [id for id in self.ids if id not in answer["removed"]]
        for each in answer["added"]:
            if self.length is None or each["index"] <= len(self.ids):
                assert each["index"] <= len(self.ids), answer
                self.ids.insert(each["index"], each["id"])
        self.state = answer["newQueryState"]

    async def _check_too_many(self, asked: dict[str, Any], max_changes: int | None) -> None:
        """Without `maxChanges`, either there are more than that, or more than the server looks at."""
        whole = await ask(self.client, "queryChanges", **asked)
        if "type" in whole:
            assert whole["type"] == "tooManyChanges"
        else:
            assert len(whole["removed"]) + len(whole["added"]) > (max_changes or 0), whole
