"""`make bench` runs; how fast is not asked here."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jmap_oauth.config import Settings
from jmap_oauth.keeping import check_database
from tests.bench.__main__ import main
from tests.bench.cases import create
from tests.bench.databases import fill_url
from tests.bench.figures import Figures, Results, add
from tests.bench.listeners import Cost, render_listeners
from tests.bench.load import Job, is_complete, run
from tests.bench.plot import plot
from tests.bench.recording import plain_sql
from tests.bench.report import latencies, limits, show_in, wanted
from tests.bench.workload import encode
from tests.support.stores import make_database

GET, PAIR = "/get of 3 ids, the same again", "/query and /get of 50 by text, which 1 % have"


def figures(clients: int, p50: float, row: str = GET, **more: Any) -> Figures:
    """Return what a row cost on SQLite with one worker."""
    known: dict[str, Any] = {
        "backend": "sqlite",
        "workers": 1,
        "name": "",
        "grows": row == PAIR,
        "p99": 2 * p50,
        **more,
    }
    return Figures(clients=clients, row=row, p50=p50, **known)


MEASURED = Results(
    "a machine",
    [
        figures(10_000, 0.001, rate=2_000, bare=4_000, cpu=0.0004, bare_cpu=0.0003),
        figures(10_000, 0.002, PAIR, plain=0.0005, encoding=0.0005),
        figures(1_000_000, 0.0015, rate=1_000, bare=4_000),
        figures(1_000_000, 0.2, PAIR, plain=0.09, encoding=0.01),
    ],
)


async def test_a_load_ends_when_all_that_it_asked_is_answered() -> None:
    """What is still under way would slow down whatever is measured next."""
    asked, answered, connections = [0], [0], set[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        with suppress(ConnectionError):
            while await reader.read(100):
                asked[0] += 1
                await asyncio.sleep(0.01 * asked[0])  # so that they do not all end at once
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                answered[0] += 1
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await run(Job(port, os.getpid(), [b"?"], [], connections=3, seconds=0.01))
        assert asked == answered
        await asyncio.wait([each for each in connections if each])


def test_what_is_asked_for_is_measured_and_written_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = {"backend": "sqlite", "clients": 60, "workers": 1, "only": "get", "seconds": 0.01, "folder": tmp_path}
    main([f"--{name}={value}" for name, value in {**run, "kept": tmp_path / "k", "results": tmp_path / "r"}.items()])
    kept = json.loads((tmp_path / "r" / "figures.json").read_bytes())["figures"]
    assert [each["row"] for each in kept] == [GET, "/get of 3 of all"]
    assert capsys.readouterr().out.rstrip() == (tmp_path / "r" / "tables.md").read_text("utf-8").rstrip()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["k", "r"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    return await make_database(request.param, tmp_path)


async def test_the_sql_of_creates_makes_them_once_it_is_run_by_itself(url: str) -> None:
    async with plain_sql(url) as plain:
        await plain.record(create("never", 1))
        assert await plain.time_writes([create("alone", 1), create("many", 3)], 2) > 0
        _, answer = await plain.record(encode(("x:OAuthClient/query", {"sort": [{"property": "clientId"}]}, "c0")))
        [(_, found, _)] = msgspec.json.decode(msgspec.json.encode(answer))["methodResponses"]
        assert len(found["ids"]) == 4
    assert [flaw async for flaw in check_database(Settings(database=url))] == []


async def test_a_database_that_was_filled_is_sound(url: str) -> None:
    await fill_url(url, 700, lambda _done, _total: None)
    assert [flaw async for flaw in check_database(Settings(database=url))] == []


def test_what_is_measured_again_takes_the_place_of_what_was_before(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    add(file, [figures(60, 0.2, PAIR), figures(60, 0.1)], [GET, PAIR])
    results = add(file, [figures(60, 0.3, PAIR)], [GET, PAIR])
    assert results.figures == [figures(60, 0.1), figures(60, 0.3, PAIR)]
    assert msgspec.json.decode(file.read_bytes(), type=Results) == results


def test_what_was_wanted_is_shown_beside_what_was_reached() -> None:
    assert list(wanted(MEASURED))[2:] == [
        f"| SQLite, 10,000: {GET}, of bare ASGI | ≥ 0.40 | 0.50 (by CPU time 0.75) |",
        f"| SQLite, 1,000,000: {GET}, of bare ASGI | ≥ 0.40 | 0.25 |",
        f"| SQLite, 1,000,000: {PAIR}, times plain SQL and encoding | ≤ 2 | 2.00 |",
        f"| SQLite, 1,000,000: reads whose results do not grow, p50 as of 10,000 | ≤ 2 | 1.50 ({GET}) |",
        f"| SQLite, 1,000,000: the other reads, p50 as of the plain SQL and encoding | ≤ 2 | 2.00 ({PAIR}) |",
    ]


def test_latencies_stand_beside_each_other_by_the_number_of_clients() -> None:
    assert list(latencies(MEASURED)) == [
        "| p50 / p99 in ms | SQLite 10,000 | SQLite 1,000,000 |",
        "|---|---:|---:|",
        f"| {GET} | 1.00 / 2.00 | 1.50 / 3.00 |",
        f"| {PAIR} | 2.00 / 4.00 | 200 / 400 |",
    ]


def test_a_request_stands_beside_its_limits() -> None:
    assert list(limits(MEASURED, "sqlite", 1_000_000))[2:] == [
        f"| {GET} | 1.50 |  |  | 1,000 | 0.25 |  |  |",
        f"| {PAIR} | 200 | 100 | 2.0 |  |  |  |  |",
    ]


def test_tables_take_the_place_between_the_marks_of_a_text(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("Before\n<!-- written by make bench -->\nold\n<!-- until here -->\nAfter\n", "utf-8")
    show_in(readme, MEASURED)
    show_in(readme, MEASURED)
    text = readme.read_text("utf-8")
    assert (text[:7], text[-7:], "old" in text) == ("Before\n", "\nAfter\n", False)
    assert text.count("Measured on: a machine.") == 1


def test_the_plot_has_a_line_for_each_request() -> None:
    lines = [line for line in plot(MEASURED).splitlines() if "<polyline" in line]
    assert [line.count(",") for line in lines] == [2, 2]


def test_the_cost_of_a_stream_is_shown_in_kilobytes_and_of_hearing_in_milliseconds() -> None:
    cost = Cost(memory=20_480, cpu=0.015, first=0.0214, p50=0.2, last=0.3)
    unknown = Cost(memory=None, cpu=None, first=0.001, p50=0.002, last=1.5)
    assert list(render_listeners({"ours": cost, "theirs": unknown})) == [
        "        KiB/stream  idle CPU  first ms  p50 ms  last ms",
        "ours          20.0      1.5%        21     200      300",
        "theirs           -         -         1       2     1500",
    ]


@pytest.mark.parametrize("received", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"])
def test_an_answer_without_all_of_its_body_is_not_complete(received: bytes) -> None:
    assert not is_complete(received)


def test_an_answer_with_all_of_its_body_is_complete() -> None:
    assert is_complete(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
