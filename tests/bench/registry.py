"""What it costs to ask the registry: answers from memory, answers that need a hash, and how alike refusals are.

All is asked inside this process, of the registry that programs embed. Refusals are interleaved, one of each reason
after the other, so that whatever else the machine does falls on all alike.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import jmap_oauth
from jmap_oauth.app import open_server
from tests.bench.table import align

_COLUMNS = ("answers/s", "median ms", "of the first")
_SECRET = "correct horse battery staple"
_WARM = 20_000

CLIENTS: Mapping[str, Mapping[str, Any]] = {
    "wrong secret": {"secret": _SECRET},
    "expired client": {"secret": _SECRET, "expiresAt": "2020-01-01T00:00:00Z"},
    "disabled client": {"secret": _SECRET, "isEnabled": False},
    "unknown client": {},
}
"""Why a client is refused, and how it is registered; the last one is not."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Answers a second, and the seconds of the one in the middle."""

    rate: float
    median: float

    @staticmethod
    def of(seconds: Sequence[float]) -> Speed:
        return Speed(len(seconds) / sum(seconds), statistics.median(seconds))


async def measure_registry(folder: Path, tries: int) -> dict[str, Speed]:
    """Measure answers from memory, and `tries` refusals for each reason."""
    settings = jmap_oauth.Settings(database=str(folder / "registry.db"))
    async with open_server(settings) as server:
        known = {name: {"clientId": name, **given} for name, given in CLIENTS.items() if given}
        created = await server.set_objects(
            "system", "OAuthClient", {"create": {name.split()[0]: given for name, given in known.items()}}
        )
        assert created.not_created is None, created.not_created
    async with await jmap_oauth.open_registry(settings) as registry:
        first = next(iter(CLIENTS))
        await registry.authenticate(first, secret=_SECRET)
        warm = [await _time(registry, first, _SECRET) for _ in range(_WARM)]
        refused: dict[str, list[float]] = {name: [] for name in CLIENTS}
        for number in range(tries):
            for name, seconds in refused.items():
                seconds.append(await _time(registry, name, f"wrong {number}"))
                await asyncio.sleep(0)
    return {"from memory": Speed.of(warm), **{name: Speed.of(seconds) for name, seconds in refused.items()}}


async def _time(registry: jmap_oauth.OpenRegistry, client_id: str, secret: str) -> float:
    start = perf_counter()
    await registry.authenticate(client_id, secret=secret)
    return perf_counter() - start


def render_registry(speeds: Mapping[str, Speed]) -> Iterator[str]:
    """Yield the lines; refusals are compared with the first of them."""
    base = speeds[next(iter(CLIENTS))].median
    return align(
        _COLUMNS,
        {
            name: (
                f"{speed.rate:,.0f}",
                f"{speed.median * 1_000:.3f}",
                f"{speed.median / base:.1%}" if name in CLIENTS else "-",
            )
            for name, speed in speeds.items()
        },
    )
