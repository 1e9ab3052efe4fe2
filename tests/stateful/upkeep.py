"""What happens to a server and its tenants beside the work on clients: pruning, quotas, tenants that end."""

from __future__ import annotations

from typing import Any

from tests.stateful.history import History, Key, Write, create_tenant

FUTURE = "9999-12-31T23:59:59Z"


async def prune(history: History) -> None:
    """Forget everyone who left."""
    history.note(history.root, "prune")
    while await history.server.store.prune(FUTURE):
        pass
    for key in history.keys:
        key.prune()


async def meet_quota(history: History, key: Key) -> None:
    """Create more than a tenant may have: the first of them fit. Then lift the quota again."""
    room = history.random.randint(0, 2)
    await _set_tenant(history, update={key.account: {"quotas": {"maxOauthClients": _count(history, key) + room}}})
    write = Write()
    write.create = {f"n{number}": {"clientId": history.choices.name()} for number in range(room + 2)}
    write.refused = {f"n{number}" for number in range(room, room + 2)}
    await history.carry_out(key, write)
    await _move_into(history, key)
    await _set_tenant(history, update={key.account: {"quotas": {}}})


async def _move_into(history: History, key: Key) -> None:
    """Have an object refused that was to move into a tenant without room; another change of it goes with it."""
    outside = sorted(history.world.objects.keys() - history.world.seen(key.account).keys())
    if outside:
        write = Write()
        write.update = {history.random.choice(outside): {"memberTenantId": key.account, "description": "moved"}}
        write.refused = set(write.update)
        await history.carry_out(history.root, write)


async def end_tenant(history: History, place: int) -> None:
    """Destroy a tenant, which cannot be while it has objects; at times take them away, and let a new one follow."""
    key = history.keys[place]
    linked = _count(history, key) > 0
    if linked:
        answer = await _set_tenant(history, destroy=[key.account])
        assert answer["notDestroyed"][key.account]["type"] == "objectIsLinked", answer
    if linked and history.choices.chance(0.7):
        return
    await _empty(history, key)
    answer = await _set_tenant(history, destroy=[key.account])
    assert answer["destroyed"] == [key.account], answer
    await history.add_key(await create_tenant(history.server), place)


async def _empty(history: History, key: Key) -> None:
    """Move some objects out of a tenant and destroy the others."""
    write = Write()
    for id in history.world.seen(key.account):
        if history.choices.chance(0.5):
            write.destroy.append(id)
        else:
            write.update[id] = {"memberTenantId": None}
    await history.carry_out(history.root, write)
    await history.follow(key)


async def _set_tenant(history: History, **arguments: Any) -> Any:
    history.note(history.root, "set tenant", arguments)
    return (await history.root.client.call("x:Tenant/set", **arguments))[1]


def _count(history: History, key: Key) -> int:
    return len(history.world.seen(key.account))
