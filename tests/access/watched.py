"""A store that can be watched, and a ring of keys that admits from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from jmap_oauth.access.hashing import digest
from jmap_oauth.access.keys import KeyRing, Refusal
from jmap_oauth.access.principal import Principal
from jmap_oauth.access.throttle import Throttle
from jmap_oauth.access.usage import Usage
from jmap_oauth.model.definition import ObjectType, Record
from jmap_oauth.store.interface import Changes, Reader, Saved, Store, Writer
from jmap_oauth.store.sqlite import open_sqlite
from tests.support.keys import KEY, TENANT, make_model

Result = TypeVar("Result")

MIGRATIONS = Path(__file__).parent / "schema"


async def do_nothing() -> None:
    """Do nothing."""


@dataclass
class WatchedStore:
    """A store that counts its reads, and those at once; `after_read` runs once each has its result."""

    store: Store
    reads: int = 0
    at_once: int = 0
    most_at_once: int = 0
    after_read: Callable[[], Awaitable[None]] = do_nothing

    @property
    def lag(self) -> float:
        return self.store.lag

    async def read(self, work: Callable[[Reader], Awaitable[Result]], *, brief: bool = False) -> Result:
        self.reads += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        result = await self.store.read(work, brief=brief)
        await self.after_read()
        self.at_once -= 1
        return result

    async def write(self, work: Callable[[Writer], Awaitable[Result]]) -> Result:
        return await self.store.write(work)

    async def version(self, *types: ObjectType, fresh: bool = False) -> str:
        return await self.store.version(*types, fresh=fresh)

    async def prune(self, before: str) -> bool:
        return await self.store.prune(before)

    async def leads(self) -> bool:
        return await self.store.leads()

    async def close(self) -> None:
        await self.store.close()

    async def apply(self, type: ObjectType, changes: Changes) -> None:
        await self.store.write(lambda writer: writer.apply(type, changes))

    async def add_key(self, token: str, key: Record) -> Record:
        await self.apply(KEY, Changes(created=[Saved(key, {"secret": digest(token)})]))
        return key

    async def add_tenant(self, tenant: Record) -> Record:
        await self.apply(TENANT, Changes(created=[Saved(tenant)]))
        return tenant

    async def change(self, type: ObjectType, old: Record, **values: Any) -> None:
        await self.apply(type, Changes(updated=[(old, Saved(old | values))]))

    async def destroy(self, type: ObjectType, record: Record) -> None:
        await self.apply(type, Changes(destroyed=[record]))


async def open_keys(folder: Path) -> WatchedStore:
    """Open the store in a folder; twice is as good as from two processes."""
    return WatchedStore(await open_sqlite(folder / "keys.db", make_model(), MIGRATIONS))


@dataclass
class WatchedRing:
    """A ring with a clock that stands still until it is moved."""

    store: WatchedStore
    now: str = "2026-03-01T12:00:00Z"
    written: list[dict[str, str]] = field(default_factory=list)
    capacity: int = 100

    def __post_init__(self) -> None:
        self.throttle = Throttle(burst=3, seconds=6.0, clock=lambda: 1000.0)
        self.usage = Usage(self._write)
        self.key_ring = KeyRing(
            self.store,
            KEY,
            TENANT,
            self.throttle,
            self.usage,
            capacity=self.capacity,
            refusal_seconds=0.0,
            clock=lambda: self.now,
        )

    async def _write(self, dates: Any) -> None:
        self.written.append(dict(dates))

    async def admit(self, token: str | None, remote_ip: str = "192.0.2.1") -> Principal | Refusal:
        return await self.key_ring.admit(token, remote_ip, "request-1")

    async def admits(self, token: str | None, remote_ip: str = "192.0.2.1") -> bool:
        return isinstance(await self.admit(token, remote_ip), Principal)
