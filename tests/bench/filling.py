"""Databases with many clients, each as the server itself would have made it.

A few clients are created by /set. What the store wrote of them is a pattern, in which only what differs from one client
to the next is put anew: numbers, ids, dates. So a million clients take a minute and not an hour, and `jmap-oauth db
check` finds nothing wrong with them. The audit events of all but those few are not there, as if it were years later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, Protocol

from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.model.kinds import format_date
from jmap_oauth.store.portable import Progress
from tests.bench.workload import FEW, RARE, TEAMS, make_client

TABLE = "OAuthClient"
_AT_ONCE = 500
"""Clients of one /set, which share its number."""
_BATCH = 10_000

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_NUMBER, _TEAM, _EXPIRES = "987654321", "908", "2036-07-08T09:10:11Z"
_TENANTS = ("Some", "Many")

Row = Mapping[str, Any]
"""The columns of a client by name, with its words as ":words", whatever a backend has for them."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is kept of a client, column by column, as texts with slots for the members of `Place`; None is null."""

    account: str | None
    columns: Mapping[str, str | None]


Place = Mapping[str, Any]
"""What differs: `row`, `write`, `id`, `number`, `team`, `created`, `expires`, and `pattern`, an index."""


class Filler(Protocol):
    """A database that is filled, on a connection of its own."""

    async def read(self, id: str) -> Row:
        """Return what is kept of a client."""
        ...

    async def begin(self) -> int:
        """Prepare for many rows, and return the number of the last write."""
        ...

    async def add(self, patterns: Sequence[Pattern], places: Iterator[Sequence[Place]]) -> None:
        """Add clients, some at a time."""
        ...

    async def finish(self, last: Mapping[str, int]) -> None:
        """Make it a database like others; for each account there is the number of the last write that it saw."""
        ...


async def create_samples(settings: Settings) -> Sequence[tuple[str, str | None]]:
    """Have two tenants and a client of none and of each made by /set; return the ids and accounts of the clients."""
    async with open_server(settings) as server:
        tenants = await _create(server, "Tenant", [{"name": name} for name in _TENANTS])
        samples = [
            {
                **make_client(f"{_NUMBER}{place}", _TEAM),
                "memberTenantId": tenant,
                "expiresAt": _EXPIRES if tenant else None,
                "clientName": f"Application {_NUMBER}{place}" if tenant else None,
            }
            for place, tenant in enumerate([None, *tenants])
        ]
        ids = await _create(server, TABLE, samples)
    return [*zip(ids, [None, *tenants], strict=True)]


async def _create(server: Server, type: str, given: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    names = {f"c{place}": each for place, each in enumerate(given)}
    answer = await server.set_objects("bench", type, {"create": names})
    if answer.created is None or answer.not_created:
        raise RuntimeError(f"These could not be created: {answer.not_created}")
    return [answer.created[name]["id"] for name in names]


def make_pattern(place: int, account: str | None, row: Row) -> Pattern:
    """Return the pattern of the sample with this place among them, which a backend wrote as this row."""
    slots = {
        "%": "%%",
        row["id"]: "%(id)s",
        f"{_NUMBER}{place}": "%(number)010d",
        f"team{_TEAM}": "team%(team)03d",
        f"TEAM{_TEAM}": "TEAM%(team)03d",
        row["createdAt"]: "%(created)s",
        _EXPIRES: "%(expires)s",
    }
    texts = {name: None if value is None else _replaced(str(value), slots) for name, value in row.items()}
    return Pattern(account, {**texts, **dict.fromkeys(("created", "changed", "joined"), "%(write)d")})


def _replaced(text: str, slots: Mapping[str, str]) -> str:
    for found, slot in slots.items():
        text = text.replace(found, slot)
    return text


def make_places(clients: int, samples: int, write: int) -> Iterator[Place]:
    """Yield the places of clients after the samples, from the write with this number on, in the order of creation.

    They come in no order of their names. The second pattern has a few of them, whatever their number, and so has one
    of the teams; the first and the third share the others, and each other team has a hundredth.
    """
    numbers = Random(0).sample(range(clients), clients)
    step, rare = clients // min(FEW, clients // samples), clients // min(RARE, clients // samples)
    for place in range(samples, clients):
        created = created_at(place)
        yield {
            "row": place + 1,
            "write": write + (place - samples) // _AT_ONCE,
            "id": client_id(place),
            "number": numbers[place],
            "team": TEAMS if place % rare == 0 else numbers[place] % TEAMS,
            "created": created,
            "expires": "2036" + created[4:],
            "pattern": 1 if place % step == 0 else place % 2 * 2,
        }


async def multiply(filler: Filler, samples: Sequence[tuple[str, str | None]], clients: int, tell: Progress) -> None:
    """Add clients to the samples until they are so many."""
    patterns = [make_pattern(place, account, await filler.read(id)) for place, (id, account) in enumerate(samples)]
    places = make_places(clients, len(samples), await filler.begin() + 1)
    last: dict[str, int] = {}

    def some_at_a_time() -> Iterator[Sequence[Place]]:
        while some := [*islice(places, _BATCH)]:
            yield some
            last.update({GLOBAL: some[-1]["write"]})
            last.update({account: each["write"] for each in some if (account := patterns[each["pattern"]].account)})
            tell(some[-1]["row"], clients)

    await filler.add(patterns, some_at_a_time())
    await filler.finish(last)


def client_id(place: int) -> str:
    """Return the id of the client at a place in the order of creation, if it is none of the samples."""
    return f"i0{place:024x}"


def created_at(place: int) -> str:
    """Return when the client at a place came, one a second."""
    return format_date(_BEGIN + timedelta(seconds=place))
