"""Callers of a server whose objects own others, and short ways to ask it."""

from __future__ import annotations

from typing import Any

from jmap_oauth.store.interface import Reader
from tests.support.widgets import Client, Widgets


async def change(client: Client, type: str, **arguments: Any) -> Any:
    """Send a /set and return its answer."""
    return (await client.call(f"x:{type}/set", **arguments))[1]


async def create(client: Client, type: str, **values: Any) -> Any:
    """Create an object and return what the answer says of it."""
    answer = await change(client, type, create={"new": values})
    assert answer["notCreated"] is None, answer
    return answer["created"]["new"]


async def update(client: Client, type: str, id: str, **patch: Any) -> Any:
    """Change an object and return what the answer says of it."""
    answer = await change(client, type, update={id: patch})
    assert answer["notUpdated"] is None, answer
    return answer["updated"][id]


async def read(client: Client, type: str, *ids: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.call(f"x:{type}/get", ids=list(ids) or None))[1]["list"]
    return found


async def states(*clients: Client) -> list[tuple[str, str]]:
    """Return the states of boxes and locks that each of these sees."""
    return [
        (await client.call("x:Box/get", ids=[]))[1]["state"] + (await client.call("x:Lock/get", ids=[]))[1]["state"]
        for client in clients
    ]


async def lines(client: Client) -> list[str]:
    """Return what was written down, the oldest first."""
    return [each["line"] for each in sorted(await read(client, "Log"), key=lambda each: each["id"])]


async def hashes(boxes: Widgets, *ids: str) -> dict[str, str]:
    """Return the hashes of locks by their ids."""
    type = boxes.backing.model["Lock"]

    async def work(reader: Reader) -> dict[str, str]:
        return await reader.hashes(type, type.by_name["code"], ids)

    return await boxes.backing.store.read(work)


async def key_of(boxes: Widgets, client: Client, plain: str) -> list[str]:
    """Return the notes of the locks whose code a text is."""
    locks = {each["id"]: each["note"] for each in await read(client, "Lock")}
    kept = await hashes(boxes, *locks)
    matching = await boxes.backing.hasher.matching(plain, [*kept.values()])
    return [locks[id] for id, hash in kept.items() if hash in matching]
