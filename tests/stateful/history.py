"""A history: what each key does, and what must hold after each step. What is chosen comes from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from jmap_oauth.access.principal import Principal
from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.protocol.types import CORE
from tests.stateful.choices import Choices
from tests.stateful.mirror import Copy, Held, TooOld, ask, get, state_of
from tests.stateful.model import GLOBAL, AnchorNotFound, World, fold, window
from tests.support.served import QUICK
from tests.support.widgets import Client

MAXIMUM = 40  # fewer than there are objects, so that the server cuts by itself
REMEMBERED = 100
FEW, MANY = 40, 90


@dataclass
class Key:
    """One key with its mirrors. `views` are what its account saw in states it had, the last one now.

    `states` numbers all of them; before number `oldest` nothing can be told, since somebody left then, the last time in
    the state with the number `departure`, and was pruned.
    """

    client: Client
    copy: Copy
    held: list[Held]
    views: dict[str, dict[str, int]] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    departure: int = 0
    oldest: int = 0

    @property
    def account(self) -> str:
        return self.client.principal.account

    @property
    def state(self) -> str:
        return next(reversed(self.views))

    def see(self, state: str, view: dict[str, int]) -> None:
        """Note what the account sees now."""
        gone = self.views[self.state].keys() - view.keys() if self.views else ()
        self.states.setdefault(state, len(self.states))
        self.departure = self.states[state] if gone else self.departure
        self.views.setdefault(state, view)

    def prune(self) -> None:
        self.oldest = self.departure
        self.views = {state: view for state, view in self.views.items() if self.states[state] >= self.oldest}

    def may_be_told(self, state: str, *, told: bool) -> bool:
        """Tell whether it is right that changes are told, or not, from a state; one in between may be either."""
        if state in self.states:
            return told == (self.states[state] >= self.oldest)
        return told or self.oldest > 0


class Write:
    """A /set, and whom of its objects the model expects to be refused."""

    def __init__(self) -> None:
        self.create: dict[str, Any] = {}
        self.update: dict[str, Any] = {}
        self.destroy: list[str] = []
        self.swapped: list[str] = []
        self.refused: set[str] = set()

    def arguments(self) -> dict[str, Any]:
        return {"create": self.create, "update": self.update, "destroy": self.destroy}


class History:
    """Drives a server. The first key has no tenant; `choices` are to be renewed for each step."""

    def __init__(self, server: Server, keys: list[Key], note: Callable[[str], object]) -> None:
        self.server = server
        self.keys = keys
        self.world = World()
        self.choices = Choices(Random(0), self.world)
        self._note = note

    @property
    def root(self) -> Key:
        return self.keys[0]

    @property
    def tenants(self) -> list[str]:
        return [key.account for key in self.keys[1:]]

    @property
    def random(self) -> Random:
        return self.choices.random

    def choose_by(self, random: Random) -> None:
        self.choices.random = random

    def note(self, key: Key, what: str, *facts: Any) -> None:
        self._note(f"{key.account} {what} {' '.join(map(repr, facts))}")

    # --- writes ---

    async def write(self, key: Key) -> None:
        write = self.plan(key)
        since = self.random.choices((None, key.state, self.random.choice(list(key.views))), (8, 1, 1))[0]
        await self.carry_out(key, write, since)

    async def carry_out(self, key: Key, write: Write, since: str | None = None) -> None:
        self.note(key, "set", write.arguments(), since)
        answer = await ask(key.client, "set", **write.arguments(), ifInState=since)
        if since not in (None, key.state):
            assert answer["type"] == "stateMismatch", answer
            return
        assert answer["oldState"] == key.state
        refused = {id for name in ("Created", "Updated", "Destroyed") for id in answer["not" + name] or ()}
        assert refused == write.refused, answer
        self.keep(key, write, answer)
        await self.compare_states()
        assert answer["newState"] == key.state

    def plan(self, key: Key) -> Write:
        write, seen = Write(), self.world.seen(key.account)
        chosen = self.choices.some(seen, 6)
        destroyed = self.random.randint(0, 3) if len(seen) > FEW else 0
        write.destroy = chosen[:destroyed]
        write.update = {id: self.patch(key) for id in chosen[destroyed:]}
        if len(self.world.objects) < MANY:
            write.create = {f"n{each}": self.new(key) for each in range(self.random.randint(0, 4))}
        if len(chosen) > destroyed + 1 and self.choices.chance(0.2):
            self.swap(write, *chosen[-2:])
        self.spoil(key, write)
        return write

    def new(self, key: Key) -> dict[str, Any]:
        return {"clientId": self.choices.name(), **self.choices.values(), **self.tenant(key, 0.7)}

    def patch(self, key: Key) -> dict[str, Any]:
        return {**self.choices.patch(), **self.tenant(key, 0.3)}

    def tenant(self, key: Key, probability: float) -> dict[str, Any]:
        """Only a key without a tenant can put objects into one."""
        free = key.account == GLOBAL and self.choices.chance(probability)
        return {"memberTenantId": self.random.choice([None, *self.tenants])} if free else {}

    def swap(self, write: Write, one: str, other: str) -> None:
        write.swapped = [one, other]
        names = [self.world.objects[id]["clientId"] for id in (other, one)]
        for id, name in zip((one, other), names, strict=True):
            write.update[id] = {**write.update[id], "clientId": name}

    def spoil(self, key: Key, write: Write) -> None:
        """Add what must be refused: a name that another has, and objects that the key does not see.

        With the former, the whole is not valid, and what is in it is taken one by one, so that nothing is swapped.
        """
        untouched = self.world.objects.keys() - write.update.keys() - set(write.destroy)
        if untouched and self.choices.chance(0.1):
            taken = self.world.objects[self.random.choice(sorted(untouched))]["clientId"]
            write.create["taken"] = {"clientId": taken}
            write.refused |= {"taken", *write.swapped}
        hidden = sorted(self.world.objects.keys() - self.world.seen(key.account).keys()) or ["gone"]
        if self.choices.chance(0.1):
            id = self.random.choice(hidden)
            write.update[id] = {"description": "not mine"}
            write.refused.add(id)

    def keep(self, key: Key, write: Write, answer: Any) -> None:
        tenant = {"memberTenantId": None if key.account == GLOBAL else key.account}
        for name in (each for each in write.create if each not in write.refused):
            created = answer["created"][name]
            empty: dict[str, Any] = {"description": None, "contacts": {}, "redirectUris": {}, "expiresAt": None}
            self.world.keep(created["id"], createdAt=created["createdAt"], **{**empty, **tenant, **write.create[name]})
        for id in (each for each in write.update if each not in write.refused):
            self.world.keep(id, **write.update[id])
        for id in write.destroy:
            self.world.destroy(id)

    async def compare_states(self) -> None:
        """An account's state moves if what it sees does, and never comes back."""
        for key in self.keys:
            state, view = await state_of(key.client), self.world.view(key.account)
            assert (state == key.state) == (view == key.views[key.state]), key.account
            assert state == key.state or state not in key.states
            key.see(state, view)
            if len(key.views) > REMEMBERED:
                del key.views[self.random.choice(list(key.views)[:-1])]

    # --- reads ---

    async def query(self, key: Key) -> None:
        asked = self.choices.query(self.tenants)
        results = self.world.results(key.account, asked["filter"], asked["sort"])
        asked |= self.choices.window()
        self.note(key, "query", asked)
        answer = await ask(key.client, "query", **asked)
        try:
            expected = window(results, asked, MAXIMUM)
        except AnchorNotFound:
            assert answer["type"] == "anchorNotFound", answer
            return
        facts = {"accountId": key.account, "queryState": key.state, "canCalculateChanges": True}
        assert answer == {**facts, **expected}

    async def get(self, key: Key) -> None:
        ids = [*self.choices.some(self.world.objects, 10), "gone"]
        self.note(key, "get", ids)
        answer = await get(key.client, ids)
        seen = self.world.seen(key.account)
        assert sorted(answer["notFound"]) == sorted(id for id in ids if id not in seen)
        assert {each["id"]: each for each in answer["list"]} == {id: seen[id] for id in ids if id in seen}

    async def changes(self, key: Key) -> None:
        """Ask for all changes since some older state: where the server does not cut them, they are exact."""
        since = self.random.choice(list(key.states if self.choices.chance(0.2) else key.views))
        self.note(key, "changes", since)
        answer = await ask(key.client, "changes", sinceState=since)
        assert key.may_be_told(since, told="type" not in answer), answer
        if since not in key.views:
            return
        expected = fold(key.views[since], self.world.view(key.account))
        if answer["hasMoreChanges"]:
            assert sum(map(len, expected.values())) > MAXIMUM
            return
        assert {name: sorted(answer[name]) for name in expected} == expected
        assert answer["newState"] == key.state

    # --- mirrors ---

    async def follow(self, key: Key) -> None:
        most, since = self.random.choice((1, 1, 2, 2, 5, 20, None)), key.copy.state
        self.note(key, "follow", most)
        try:
            more = await key.copy.follow(most)
            assert key.may_be_told(since, told=True)
        except TooOld:
            assert key.may_be_told(since, told=False)
            await key.copy.fetch()
            more = False
        if not more:
            self.compare_copy(key)

    def compare_copy(self, key: Key) -> None:
        assert key.copy.objects == self.world.seen(key.account)
        assert key.copy.known == key.copy.objects.keys()
        assert key.copy.state == key.state

    async def follow_query(self, key: Key) -> None:
        held, most = self.random.choice(key.held), self.random.choice((None, None, 1, 5, 20))
        up_to = self.choices.chance(0.7)
        self.note(key, "follow_query", held.arguments, held.length, held.state, most, up_to)
        results = self.world.results(key.account, held.arguments["filter"], held.arguments["sort"])
        since = held.state
        try:
            answer = await held.follow(most, up_to=up_to)
            assert key.may_be_told(since, told=True)
        except TooOld:
            assert key.may_be_told(since, told=False)
            await held.fetch()
            return
        assert answer.get("total", len(results)) == len(results)
        assert held.state == key.state
        assert held.ids == (results if held.length is None else results[: len(held.ids)])
        if len(held.ids) < len(results[: held.length]) and self.choices.chance(0.5):
            await held.fetch()  # what left the first so many made them fewer

    async def hold(self, key: Key) -> None:
        """Hold another query open in the place of an older one."""
        held = Held(key.client, self.choices.query(self.tenants), self.random.choice((None, 3, 10, 25)))
        self.note(key, "hold", held.arguments, held.length)
        await held.fetch()
        key.held = [held, *key.held[:3]]

    async def finish(self) -> None:
        """Let all mirrors catch up."""
        for key in self.keys:
            while key.copy.state != key.state:
                await self.follow(key)
            for _ in key.held:
                await self.follow_query(key)

    async def add_key(self, account: str, place: int) -> None:
        """Put a new key of an account, which has no objects, into a place."""
        client = client_of(self.server, account)
        state = await state_of(client)
        key = Key(client, Copy(client, state), [])
        key.see(state, self.world.view(account))
        self.keys[place : place + 1] = [key]
        for _ in range(3):
            await self.hold(key)


def client_of(server: Server, account: str) -> Client:
    principal = Principal(id="key", name="key", account=account, permissions=server.permissions)
    return Client(server.dispatcher, principal, (CORE, *sorted(server.capabilities)))


async def create_tenant(server: Server) -> str:
    _, answer = await client_of(server, GLOBAL).call("x:Tenant/set", create={"new": {"name": "A tenant"}})
    return str(answer["created"]["new"]["id"])


@asynccontextmanager
async def begin(folder: Path, note: Callable[[str], object]) -> AsyncIterator[History]:
    """Begin a history on an empty database in `folder`, with a key without a tenant and keys of two."""
    values: dict[str, Any] = {"database": str(folder / "test.db"), "max_query_results": MAXIMUM, **QUICK}
    async with open_server(Settings(**values)) as server:
        history = History(server, [], note)
        for place, account in enumerate([GLOBAL, await create_tenant(server), await create_tenant(server)]):
            await history.add_key(account, place)
        yield history
