"""Where rows stand in an order.

Giving all rows a number would do; at 100,000 rows it takes a tenth of a second and more, most of it for sorting. So an
index of the order counts what lies between the rows that are asked for, and numbers are given only to few: to those
that match, or that do not, or that are like the others in the first column of the order.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, groupby
from typing import Any

import msgspec

from jmap_oauth.store.ranges import ranges_between
from jmap_oauth.store.sql import TRUE, Sql, Step, all_of, order_by, quoted

_encode = msgspec.json.Encoder().encode

_Ranges = dict[tuple[tuple[str, str], ...], list[tuple[Any, ...]]]
"""By the tests of a `Range`, those that share them, each as a place and the values."""


def array(values: Iterable[str]) -> str:
    """Write texts for `json_each`, which cuts them at U+0000; no text that is kept holds one."""
    return _encode([value for value in values if "\0" not in value]).decode()


def _one_of(column: str, values: Iterable[Any]) -> Sql:
    """Return the condition that a column, given by its quoted name, has one of some values."""
    given = [value for value in values if not (isinstance(value, str) and "\0" in value)]  # see `array`
    some = f"{column} IN (SELECT value FROM json_each(?))"
    return Sql(f"({some} OR {column} IS NULL)" if None in given else f"({some})", (_encode(given).decode(),))


class Rows:
    """The rows of a table, which is given by its quoted name."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        self._connection = connection
        self._table = table

    def find(self, scope: Sql, filter: Sql, steps: Sequence[Step], ids: Sequence[str]) -> dict[str, int]:
        """Return how many rows come before those with these ids, of the rows in a scope that match a filter."""
        if filter == TRUE:
            return self._find_unfiltered(scope, steps, ids)
        matching, half = all_of([scope, filter]), self._count(scope) // 2
        if self._count(matching, limit=half + 1) > half:
            return self._find_by_others(scope, filter, steps, ids)
        return self.number(matching, steps, ids)

    def _find_by_others(self, scope: Sql, filter: Sql, steps: Sequence[Step], ids: Sequence[str]) -> dict[str, int]:
        """Return the same, where most rows match, from the indexes without the filter and those that do not match."""
        found = [id for (id,) in self._look_up("id", all_of([scope, filter]), ids)]
        these = _one_of("id", found)
        others = Sql(f"({filter.text} IS NOT TRUE OR {these.text})", filter.parameters + these.parameters)
        places = self.number(all_of([scope, others]), steps, found)
        indexes = self._find_unfiltered(scope, steps, found)
        return {
            id: indexes[id] - (places[id] - before) for before, id in enumerate(sorted(found, key=indexes.__getitem__))
        }

    def _find_unfiltered(self, scope: Sql, steps: Sequence[Step], ids: Sequence[str]) -> dict[str, int]:
        """Return the same without a filter: how many are before in the first column, and of those alike in the others.

        If most rows are alike there, those of them are looked for like the results of a filter.
        """
        if len(steps) <= 2:
            return self.count_before(scope, steps, ids)
        lead, most = quoted(steps[0].column), self._count(scope) // 2
        groups = self._group(scope, steps[0], ids)
        firsts = self._count_values(scope, steps[0], list(groups))
        large = [value for value, (_, size) in firsts.items() if size > most]
        small = {value: members for value, members in groups.items() if value not in large}
        alike = all_of([scope, _one_of(lead, small)])
        places = self.number(alike, steps, [*chain(*small.values())], apart=lead) if small else {}
        for value in large:  # at most one
            places |= self.find(scope, Sql(f"({lead} IS ?)", (value,)), steps[1:], groups[value])
        return {id: firsts[value][0] + places[id] for value, members in groups.items() for id in members}

    def _group(self, scope: Sql, lead: Step, ids: Sequence[str]) -> dict[Any, list[str]]:
        """Return those of these ids that are there by their values in a column, in its order."""
        rows = self._look_up(f"{quoted(lead.column)}, id", scope, ids, [lead])
        return {value: [id for _, id in group] for value, group in groupby(rows, lambda row: row[0])}

    def _count_values(self, scope: Sql, lead: Step, values: Sequence[Any]) -> dict[Any, tuple[int, int]]:
        """Return how many rows come before those with each value of a column, and how many of those there are."""
        same: _Ranges = {((lead.column, "IS"),): [*enumerate(values)]}
        sizes = self._count_ranges(scope, same, len(values))
        gaps = self._count_gaps(scope, [lead], [(value,) for value in values])
        ends = accumulate(gap + size for gap, size in zip(gaps, sizes, strict=True))
        return {value: (end - size, size) for value, end, size in zip(values, ends, sizes, strict=True)}

    def _look_up(self, what: str, matching: Sql, ids: Sequence[str], steps: Sequence[Step] = ()) -> list[Any]:
        """Read the rows with these ids that match. `IS TRUE` keeps SQLite from looking at others that do."""
        order = f"ORDER BY {order_by(steps)}" if steps else ""
        named = _one_of("id", ids)
        statement = f"SELECT {what} FROM {self._table} WHERE {named.text} AND {matching.text} IS TRUE {order}"
        return self._connection.execute(statement, (*named.parameters, *matching.parameters)).fetchall()

    def _count(self, matching: Sql, limit: int = -1) -> int:
        """Return how many rows match, or `limit` if that is less."""
        statement = f"SELECT COUNT(*) FROM (SELECT 1 FROM {self._table} WHERE {matching.text} LIMIT ?)"
        return int(self._connection.execute(statement, (*matching.parameters, limit)).fetchone()[0])

    def number(
        self,
        matching: Sql,
        steps: Sequence[Step],
        ids: Sequence[str],
        apart: str | None = None,
    ) -> dict[str, int]:
        """Return how many rows come before those with these ids that match, by giving all that match a number.

        With `apart`, the rows with each value of a column are counted by themselves. Rows are collected first: an index
        of the order, which SQLite would go by otherwise, leads through the whole table in an order of its own.
        """
        window = f"PARTITION BY {apart} ORDER BY" if apart else "ORDER BY"
        columns = ", ".join(dict.fromkeys(quoted(step.column) for step in steps))
        statement = f"""
            WITH matching AS MATERIALIZED (SELECT {columns} FROM {self._table} WHERE {matching.text}),
                 numbered AS (SELECT id, ROW_NUMBER() OVER ({window} {order_by(steps)}) AS place FROM matching)
            SELECT id, place - 1 FROM numbered WHERE id IN (SELECT value FROM json_each(?))"""
        return dict(self._connection.execute(statement, (*matching.parameters, array(ids))).fetchall())

    def count_before(self, matching: Sql, steps: Sequence[Step], ids: Sequence[str]) -> dict[str, int]:
        """Return the same, by counting what stands between those rows.

        An index of the order makes that many times quicker than numbers. Without one, rows would be read again for each
        of the ids, so it is for a single id, or for one column with nothing but the account to match.
        """
        columns = ", ".join(quoted(step.column) for step in steps)
        rows = self._look_up(columns, matching, ids, steps)
        gaps = accumulate(self._count_gaps(matching, steps, rows))
        return {row[-1]: gap + place for place, (row, gap) in enumerate(zip(rows, gaps, strict=True))}

    def _count_gaps(self, matching: Sql, steps: Sequence[Step], rows: Sequence[Sequence[Any]]) -> list[int]:
        """Count what comes before the first of these rows, and then between each and the next."""
        alike: _Ranges = defaultdict(list)
        for gap, (start, end) in enumerate(zip([None, *rows], rows, strict=False)):
            for tests, values in ranges_between(steps, start, end):
                alike[tests].append((gap, *values))
        return self._count_ranges(matching, alike, len(rows))

    def _count_ranges(
        self,
        matching: Sql,
        alike: _Ranges,
        places: int,
    ) -> list[int]:
        """Count what is in ranges, and add it up by their places.

        Ranges that differ only in their values are counted by one statement. No property has a colon in its name, so
        none is taken for the range.
        """
        counts = [0] * places
        for tests, ranges in alike.items():
            compared = " AND ".join(
                f'{quoted(column)} {operator} (":range" ->> {place})'
                for place, (column, operator) in enumerate(tests, 1)
            )
            counted = f"SELECT COUNT(*) FROM {self._table} WHERE {compared} AND {matching.text}"
            statement = f"""SELECT ":range" ->> 0, ({counted}) FROM (SELECT value AS ":range" FROM json_each(?))"""
            for place, count in self._connection.execute(statement, (*matching.parameters, _encode(ranges).decode())):
                counts[place] += count
        return counts
