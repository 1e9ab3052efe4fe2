"""Where rows stand in an order. Tables are given by their quoted names."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from jmap_oauth.store.ranges import ranges_between
from jmap_oauth.store.sql import Sql, Step, order_by, quoted

_encode = msgspec.json.Encoder().encode


def array(values: Iterable[str]) -> str:
    """Write texts for `json_each`, which cuts them at U+0000; no text that is kept holds one."""
    return _encode([value for value in values if "\0" not in value]).decode()


def number_rows(
    connection: sqlite3.Connection, table: str, matching: Sql, steps: Sequence[Step], ids: Sequence[str]
) -> dict[str, int]:
    """Return how many rows come before those with these ids that match, by giving all that match a number."""
    statement = f"""
        SELECT id, place - 1 FROM (
            SELECT id, ROW_NUMBER() OVER (ORDER BY {order_by(steps)}) AS place FROM {table} WHERE {matching.text}
        ) WHERE id IN (SELECT value FROM json_each(?))"""
    return dict(connection.execute(statement, (*matching.parameters, array(ids))).fetchall())


def count_before(
    connection: sqlite3.Connection, table: str, matching: Sql, steps: Sequence[Step], ids: Sequence[str]
) -> dict[str, int]:
    """Return the same, by counting what stands between those rows.

    An index of the order makes that many times quicker than numbers. Without one, rows would be read again for each of
    the ids, so it is for a single id, or for one column with nothing but the account to match.
    """
    columns = ", ".join(quoted(step.column) for step in steps)
    rows = connection.execute(
        f"""SELECT {columns} FROM {table} WHERE id IN (SELECT value FROM json_each(?)) AND {matching.text}
            ORDER BY {order_by(steps)}""",
        (array(ids), *matching.parameters),
    ).fetchall()
    gaps = accumulate(_count_gaps(connection, table, matching, steps, rows))
    return {row[-1]: gap + place for place, (row, gap) in enumerate(zip(rows, gaps, strict=True))}


def _count_gaps(
    connection: sqlite3.Connection, table: str, matching: Sql, steps: Sequence[Step], rows: Sequence[Sequence[Any]]
) -> list[int]:
    """Count what comes before the first of these rows, and then between each and the next.

    Ranges that differ only in their values are counted by one statement. No property has a colon in its name, so none
    is taken for the range.
    """
    alike: dict[tuple[tuple[str, str], ...], list[tuple[Any, ...]]] = defaultdict(list)
    for gap, (start, end) in enumerate(zip([None, *rows], rows, strict=False)):
        for tests, values in ranges_between(steps, start, end):
            alike[tests].append((gap, *values))
    gaps = [0] * len(rows)
    for tests, ranges in alike.items():
        compared = " AND ".join(
            f'{quoted(column)} {operator} (":range" ->> {place})' for place, (column, operator) in enumerate(tests, 1)
        )
        counted = f"SELECT COUNT(*) FROM {table} WHERE {compared} AND {matching.text}"
        statement = f"""SELECT ":range" ->> 0, ({counted}) FROM (SELECT value AS ":range" FROM json_each(?))"""
        for gap, count in connection.execute(statement, (*matching.parameters, _encode(ranges).decode())):
            gaps[gap] += count
    return gaps
