"""What a create costs when sixteen are under way, beside the changes in SQL that it comes to.

A store takes down the statements that some creates run to change the database, with their parameters: the client, its
words, its audit event, the states. The same are then run by sqlite3 on a copy from before, with synchronous=FULL, and a
commit for sixteen creates or for each.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import msgspec

from jmap_oauth.access.principal import Principal
from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.database import schema_folder
from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Result, Writer
from jmap_oauth.store.sqlite import SqliteStore
from jmap_oauth.store.sqlite_file import connect
from jmap_oauth.store.sqlite_snapshot import SqliteWriter
from tests.bench.load import CONNECTIONS
from tests.bench.processes import measure, serve
from tests.bench.table import align
from tests.bench.workload import Variant, encode, make_client

_COLUMNS = ("creates/s", "of plain SQL")
_CHANGES = ("INSERT", "UPDATE", "DELETE")
_PLAIN = f"plain SQL, {CONNECTIONS} creates a commit"

Statement = tuple[str, Any]


class _Recorder:
    """A connection that takes down what changes something."""

    def __init__(self, connection: sqlite3.Connection, taken: list[Statement]) -> None:
        self._connection = connection
        self._taken = taken

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        if statement.lstrip().startswith(_CHANGES):
            self._taken.append((statement, parameters))
        return self._connection.execute(statement, parameters)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> sqlite3.Cursor:
        self._taken += [(statement, row) for row in rows]
        return self._connection.executemany(statement, rows)


class _RecordingStore(SqliteStore):
    """A store whose `creates` are the statements of each write."""

    def __init__(self, path: Path, server: Server) -> None:
        super().__init__(path, server.model, schema_folder() / "sqlite")
        self.creates: list[Sequence[Statement]] = []

    async def write(self, work: Callable[[Writer], Awaitable[Result]]) -> Result:
        async def recorded(writer: Writer) -> Result:
            assert isinstance(writer, SqliteWriter)
            taken: list[Statement] = []
            writer.connection = cast(sqlite3.Connection, _Recorder(writer.connection, taken))
            result = await work(writer)
            self.creates.append(taken)
            return result

        return await super().write(recorded)


async def record_creates(filled: Path, count: int) -> Sequence[Sequence[Statement]]:
    """Return the statements of so many creates on a copy of the database in a folder."""
    with tempfile.TemporaryDirectory(dir=filled.parent) as name:
        copy = Path(shutil.copy(filled / "bench.db", name))
        settings = Settings(database=str(copy))
        async with open_server(settings) as server:
            store = _RecordingStore(copy, server)
            await store.open()
            recorded = Server(settings, server.model, store, server.backing.hasher)
            for number in range(count):
                await _create(recorded, f"recorded-{number:06}")
            await store.close()
    return store.creates


async def _create(server: Server, name: str) -> None:
    caller = Principal(id="bench", name="bench", account=GLOBAL, permissions=server.permissions)
    request = server.dispatcher.parse(encode(("x:OAuthClient/set", {"create": {"new": make_client(name)}}, "c0")))
    answer = msgspec.json.encode(await server.dispatcher.run(request, caller, "s0"))
    if b'"notCreated":null' not in answer:
        raise RuntimeError(f"A client could not be created: {answer!r}")


def measure_commits(filled: Path, creates: Sequence[Sequence[Statement]], create: Variant, seconds: float) -> _Rates:
    """Return creates a second of a server, whose database is a copy of that in a folder, and of plain SQL."""
    plain = {size: _time_plain(filled, creates, size) for size in (CONNECTIONS, 1)}
    with tempfile.TemporaryDirectory(dir=filled.parent) as name:
        shutil.copy(filled / "bench.db", name)
        with serve(Path(name)) as server:
            result = measure(server, create, seconds)
    return {
        _PLAIN: plain[CONNECTIONS],
        "plain SQL, each with a commit": plain[1],
        f"/set that creates 1, {CONNECTIONS} connections": result.requests / result.seconds,
    }


_Rates = Mapping[str, float]


def _time_plain(filled: Path, creates: Sequence[Sequence[Statement]], size: int) -> float:
    """Return how many creates a second plain SQL does with so many a commit."""
    with tempfile.TemporaryDirectory(dir=filled.parent) as name:
        copy = Path(shutil.copy(filled / "bench.db", name))
        with closing(connect(copy, 5, writing=True)) as connection:
            started = time.perf_counter()
            for start in range(0, len(creates), size):
                connection.execute("BEGIN IMMEDIATE")
                for statement, parameters in (each for one in creates[start : start + size] for each in one):
                    connection.execute(statement, parameters).fetchall()
                connection.execute("COMMIT")
            return len(creates) / (time.perf_counter() - started)


def render_commits(rounds: Sequence[_Rates]) -> Iterator[str]:
    """Yield the lines of the table; of the rounds, the best figure of each row."""
    best = {name: max(each[name] for each in rounds) for name in rounds[0]}
    return align(_COLUMNS, {name: (f"{rate:,.0f}", f"{rate / best[_PLAIN]:.2f}") for name, rate in best.items()})
