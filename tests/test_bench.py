"""`make bench` runs; how fast is not asked here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.inside import Timing, render_inside
from tests.bench.listeners import Cost, render_listeners
from tests.bench.load import Result, is_complete
from tests.bench.table import Figures, best_of, render


@pytest.mark.timeout(600)  # it starts many processes, one after the other
def test_the_tables_have_a_row_for_every_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {
        "seconds": 0.3,
        "rounds": 1,
        "clients": 60,
        "creates": 32,
        "clients-large": 60,
        "listeners": 20,
        "refusals": 3,
        "folder": tmp_path,
    }
    main([f"--{name}={size}" for name, size in sizes.items()])
    rows = capsys.readouterr().out.splitlines()
    assert [re.split("  +", row)[0] for row in rows[3:]] == [
        "bare app, answer to a /get of 3",
        "/get of 3 ids",
        "/query by text, /get of 50",
        "/set that creates 1",
        "",
        "32 creates in SQL, synchronous=FULL, best of 1 rounds",
        "",
        "plain SQL, 16 creates a commit",
        "plain SQL, each with a commit",
        "/set that creates 1, 16 connections",
        "",
        "60 clients, inside one process, 50 runs each, one after the other",
        "",
        "/query by text (1 %), by clientId, 50",
        "/query by createdAt, 50 at 30",
        "/changes after 1 update",
        "/queryChanges after 100 updates, by clientId",
        "the same, text (1 %)",
        "the same, text (all)",
        "the same, createdAt (90 %)",
        "the same, by 2 properties",
        "the same, by 3 properties",
        "/query of a tenant, newest first, 50 at 30",
        "",
        "20 event streams, idle for 0.3 s, then one change",
        "",
        "of one key",
        "of a key each",
        "",
        "3 refusals for each reason, one after the other",
        "",
        "from memory",
        "wrong secret",
        "expired client",
        "disabled client",
        "unknown client",
    ]
    assert list(tmp_path.iterdir()) == []


def test_times_inside_are_shown_in_milliseconds() -> None:
    assert list(render_inside({"ours": Timing(p50=0.0012, p99=0.0304, plain=0.001, wanted=5)})) == [
        "      p50 ms  p99 ms  plain SQL ms  wanted ms",
        "ours    1.20   30.40          1.00          5",
    ]


def test_the_cost_of_a_stream_is_shown_in_kilobytes_and_of_hearing_in_milliseconds() -> None:
    cost = Cost(memory=20_480, cpu=0.015, first=0.0214, p50=0.2, last=0.3)
    unknown = Cost(memory=None, cpu=None, first=0.001, p50=0.002, last=1.5)
    assert list(render_listeners({"ours": cost, "theirs": unknown})) == [
        "        KiB/stream  idle CPU  first ms  p50 ms  last ms",
        "ours          20.0      1.5%        21     200      300",
        "theirs           -         -         1       2     1500",
    ]


def test_each_row_is_compared_to_the_first() -> None:
    bare = Figures(rate=10_000, cpu=20e-6, p50=0.001, p99=0.002, load_cpu=0.8)
    ours = Figures(rate=2_500, cpu=None, p50=0.0104, p99=0.02, load_cpu=0.25)
    assert list(render({"bare": bare, "ours": ours})) == [
        "      requests/s  of bare  CPU us/request  of bare  p50 ms  p99 ms  load CPU",
        "bare      10,000     1.00              20     1.00    1.00    2.00       80%",
        "ours       2,500     0.25               -        -   10.40   20.00       25%",
    ]


def test_each_figure_is_that_of_its_best_round() -> None:
    first = Result(requests=10, seconds=2.0, p50=0.1, p99=0.4, server_cpu=1.0, load_cpu=1.0)
    second = Result(requests=20, seconds=2.0, p50=0.2, p99=0.3, server_cpu=4.0, load_cpu=1.5)
    assert best_of([first, second]) == Figures(rate=10.0, cpu=0.1, p50=0.1, p99=0.3, load_cpu=0.75)


@pytest.mark.parametrize("received", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"])
def test_an_answer_without_all_of_its_body_is_not_complete(received: bytes) -> None:
    assert not is_complete(received)


def test_an_answer_with_all_of_its_body_is_complete() -> None:
    assert is_complete(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
