"""What an answer costs inside the server when there are many clients, beside the plain SQL that it stands on.

Requests go to the dispatcher in this process, as bytes and back to bytes, without HTTP and keys. The store runs some
statements for each; these alone are then run by sqlite3, on a connection that is set up like the store's.
"""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import msgspec

from jmap_oauth.access.principal import Principal
from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.database import schema_folder
from jmap_oauth.model.definition import GLOBAL, ObjectType, Record
from jmap_oauth.model.ids import new_id
from jmap_oauth.model.kinds import format_date
from jmap_oauth.model.validate import draft_new
from jmap_oauth.store.interface import Changes, Reader, Result, Saved, Store
from jmap_oauth.store.sqlite import SqliteStore
from jmap_oauth.store.sqlite_file import connect
from jmap_oauth.store.sqlite_snapshot import SqliteReader
from tests.bench.table import align
from tests.bench.workload import Call, encode, make_client

RUNS = 50
_WARM_UP = 5
_BATCH = 5_000
_UPDATES = 100
_STRIDE = 997  # between two clients that are updated: over all of the order, and one in each team
_COLUMNS = ("p50 ms", "p99 ms", "plain SQL ms", "wanted ms")

_NESTED = "--"
"""How SQLite begins the trace of a statement that another one runs: those of FTS5 are part of ours."""

_CLIENT = "x:OAuthClient"
_BY_CLIENT_ID = [{"property": "clientId"}]
_ONE_IN_A_HUNDRED = {"text": "team042"}

_encode_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Case:
    """A method call that is measured, and the milliseconds that are wanted of its median."""

    name: str
    method: str
    arguments: Mapping[str, Any]
    wanted: float
    account: str = GLOBAL

    @property
    def body(self) -> bytes:
        return encode((f"{_CLIENT}/{self.method}", self.arguments, "c0"))


@dataclass(frozen=True, slots=True)
class Timing:
    """What a row shows: seconds inside the server, seconds of the SQL alone (median), milliseconds wanted."""

    p50: float
    p99: float
    plain: float
    wanted: float


class RecordingStore(SqliteStore):
    """A store that takes down the statements of its reads, with the values in them."""

    def __init__(self, path: Path, server: Server) -> None:
        super().__init__(path, server.model, schema_folder() / "sqlite")
        self.statements: list[str] = []

    async def read(self, work: Callable[[Reader], Awaitable[Result]], *, brief: bool = False) -> Result:
        async def recorded(reader: Reader) -> Result:
            assert isinstance(reader, SqliteReader)
            reader.connection.set_trace_callback(self._take_down)
            try:
                return await work(reader)
            finally:
                reader.connection.set_trace_callback(None)

        return await super().read(recorded, brief=brief)

    def _take_down(self, statement: str) -> None:
        if not statement.startswith(_NESTED):
            self.statements.append(statement)


async def measure_inside(folder: Path, clients: int) -> Mapping[str, Timing]:
    """Fill a database of its own, and measure each case."""
    settings = Settings(database=str(folder / "inside.db"))
    async with open_server(settings) as server:
        tenant = await _create_tenant(server)
        ids = await fill_clients(server.store, server.model["OAuthClient"], clients, tenant)
        cases = [*await _prepare(server, ids), _deep_page_of(tenant, clients // 2)]
        return {case.name: await _measure(server, case) for case in cases}


def render_inside(timings: Mapping[str, Timing]) -> Iterator[str]:
    """Yield the lines of the table."""
    return align(_COLUMNS, {name: _cells(timing) for name, timing in timings.items()})


def _cells(timing: Timing) -> Iterator[str]:
    for seconds in (timing.p50, timing.p99, timing.plain):
        yield f"{seconds * 1e3:.2f}"
    yield f"{timing.wanted:g}"


# --- the database ---


async def _create_tenant(server: Server) -> str:
    """Return the id of the tenant to which all clients belong: so much is the most that one can have."""
    answer = await _ask(server, ("x:Tenant/set", {"create": {"new": {"name": "All"}}}, "c0"))
    return str(answer["created"]["new"]["id"])


async def fill_clients(store: Store, type: ObjectType, clients: int, tenant: str | None) -> Sequence[str]:
    """Keep clients, thousands at once, and return their ids by number; they come in no order of their names."""
    pattern = draft_new(type, make_client("0"), frozenset({type.capability})).record
    numbers = Random(0).sample(range(clients), clients)
    records = [
        {**_make_record(pattern, number, place), "memberTenantId": tenant} for place, number in enumerate(numbers)
    ]
    for start in range(0, clients, _BATCH):
        changes = Changes(created=[Saved(record) for record in records[start : start + _BATCH]])
        await _apply(store, type, changes)
    return [id for _, id in sorted(zip(numbers, (record["id"] for record in records), strict=True))]


async def _apply(store: Store, type: ObjectType, changes: Changes) -> None:
    await store.write(lambda writer: writer.apply(type, changes))


def _make_record(pattern: Record, number: int, place: int) -> Record:
    """Return a client with this number, the one that came at this place: one a second."""
    return {**pattern, **make_client(f"{number:010}"), "id": new_id(), "createdAt": _date(place)}


def _date(place: int) -> str:
    return format_date(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=place))


# --- what is measured ---


async def _prepare(server: Server, ids: Sequence[str]) -> Sequence[Case]:
    """Change some clients, and return the cases."""
    long_ago = await _state(server)
    for count in range(_UPDATES - 1):
        await _update(server, ids, count)
    just_now = await _state(server)
    await _update(server, ids, _UPDATES - 1)
    middle = len(ids) // 2
    listed = {"filter": _ONE_IN_A_HUNDRED, "sort": _BY_CLIENT_ID}
    page = {"sort": [{"property": "createdAt"}], "position": middle, "limit": 50}
    changed = {"sinceQueryState": long_ago, "sort": _BY_CLIENT_ID}
    by_two = [{"property": "expiresAt"}, *_BY_CLIENT_ID]  # which is null everywhere
    by_three = [{"property": "description", "isAscending": False}, *by_two]
    nine_in_ten = {"createdAtIsGreaterThanOrEqual": _date(len(ids) // 10)}
    return [
        Case("/query by text (1 %), by clientId, 50", "query", {**listed, "limit": 50}, 5),
        Case(f"/query by createdAt, 50 at {middle:,}", "query", page, 20),
        Case("/changes after 1 update", "changes", {"sinceState": just_now}, 1),
        Case(f"/queryChanges after {_UPDATES} updates, by clientId", "queryChanges", changed, 50),
        Case("the same, text (1 %)", "queryChanges", {**changed, **listed}, 50),
        Case("the same, text (all)", "queryChanges", {**changed, "filter": {"text": "app"}}, 50),
        Case("the same, createdAt (90 %)", "queryChanges", {**changed, "filter": nine_in_ten}, 50),
        Case("the same, by 2 properties", "queryChanges", {**changed, "sort": by_two}, 50),
        Case("the same, by 3 properties", "queryChanges", {**changed, "sort": by_three}, 50),
    ]


def _deep_page_of(tenant: str, position: int) -> Case:
    newest = [{"property": "createdAt", "isAscending": False}]
    page = {"sort": newest, "position": position, "limit": 50}
    return Case(f"/query of a tenant, newest first, 50 at {position:,}", "query", page, 20, tenant)


async def _state(server: Server) -> str:
    answer = await _ask(server, (f"{_CLIENT}/query", {"limit": 0}, "c0"))
    return str(answer["queryState"])


async def _update(server: Server, ids: Sequence[str], count: int) -> None:
    id = ids[count * _STRIDE % len(ids)]
    patch = {"description": f"Update number {count}"}
    answer = await _ask(server, (f"{_CLIENT}/set", {"update": {id: patch}}, "c0"))
    if id not in answer["updated"]:
        raise RuntimeError(f"A client could not be updated: {answer}")


async def _ask(server: Server, call: Call) -> Any:
    """Return the arguments of the answer to one call."""
    [(_, answer, _)] = msgspec.json.decode(await _answer(server, encode(call), GLOBAL))["methodResponses"]
    return answer


async def _answer(server: Server, body: bytes, account: str) -> bytes:
    """Do what lies between the body of a request and that of its answer."""
    caller = Principal(id="bench", name="bench", account=account, permissions=server.permissions)
    request = server.dispatcher.parse(body)
    return _encode_json(await server.dispatcher.run(request, caller, "s0"))


# --- measuring ---


async def _measure(server: Server, case: Case) -> Timing:
    statements = await _record(server, case)
    seconds = [await _time_answer(server, case) for _ in range(_WARM_UP + RUNS)][_WARM_UP:]
    with closing(connect(Path(server.settings.database), timeout=5)) as connection:
        plain = [_time_statements(connection, statements) for _ in range(_WARM_UP + RUNS)][_WARM_UP:]
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    return Timing(percentiles[49], percentiles[98], statistics.median(plain), case.wanted)


async def _record(server: Server, case: Case) -> Sequence[str]:
    """Return the statements that lead to an answer.

    Raises:
        RuntimeError: it is an error, or not that of the server that is measured.
    """
    async with _recording(server) as (store, recorded):
        await _answer(recorded, case.body, case.account)  # the first time FTS5 reads its own settings as well
        store.statements.clear()
        answer = await _answer(recorded, case.body, case.account)
    if answer != await _answer(server, case.body, case.account) or b'[["error",' in answer:
        raise RuntimeError(f"{case.name} was not to be answered: {answer[:2000]!r}")
    return store.statements


@asynccontextmanager
async def _recording(server: Server) -> AsyncIterator[tuple[RecordingStore, Server]]:
    """Build the same server again, over a store that takes down what it does."""
    store = RecordingStore(Path(server.settings.database), server)
    await store.open()
    try:
        yield store, Server(server.settings, server.model, store, server.backing.hasher)
    finally:
        await store.close()


async def _time_answer(server: Server, case: Case) -> float:
    started = perf_counter()
    await _answer(server, case.body, case.account)
    return perf_counter() - started


def _time_statements(connection: sqlite3.Connection, statements: Sequence[str]) -> float:
    started = perf_counter()
    connection.execute("BEGIN")
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.execute("COMMIT")
    return perf_counter() - started
