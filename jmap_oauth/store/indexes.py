"""Where rows stand in an order.

Giving all rows a number would do; at 100,000 rows it takes a tenth of a second and more, most of it for sorting. So an
index of the order counts what lies between the rows that are asked for, and numbers are given only to few: to those
that match, or that do not, or that are like the others in the first column of the order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, groupby
from typing import Any, Final

from jmap_oauth.store.ranges import Tests, ranges_after, ranges_between
from jmap_oauth.store.sql import TRUE, Sql, Step, Steps, all_of, order_by, quoted
from jmap_oauth.store.statements import Statements

_ALL: Final = 2**62
"""More rows than there are."""

_Ranges = Mapping[Tests, list[tuple[Any, ...]]]
"""By the tests of a `Range`, those that share them, each as a place and the values."""


class Indexes:
    """The places of the rows of a table, which is given by its quoted name."""

    def __init__(self, statements: Statements, table: str) -> None:
        self._statements = statements
        self._table = table

    async def find(self, scope: Sql, filter: Sql, steps: Steps, ids: Sequence[str]) -> dict[str, int]:
        """Return how many rows come before those with these ids, of the rows in a scope that match a filter."""
        if filter == TRUE:
            return await self._find_unfiltered(scope, steps, ids)
        matching, half = all_of([scope, filter]), await self._count(scope) // 2
        if await self._count(matching, limit=half + 1) > half:
            return await self._find_by_others(scope, filter, steps, ids)
        return await self.number(matching, steps, ids)

    async def _find_by_others(self, scope: Sql, filter: Sql, steps: Steps, ids: Sequence[str]) -> dict[str, int]:
        """Return the same, where most rows match, from the indexes without the filter and those that do not match."""
        found = [id for (id,) in await self._look_up("id", all_of([scope, filter]), ids)]
        these = self._one_of("id", found)
        others = Sql(f"({filter.text} IS NOT TRUE OR {these.text})", filter.parameters + these.parameters)
        places = await self.number(all_of([scope, others]), steps, found)
        indexes = await self._find_unfiltered(scope, steps, found)
        return {
            id: indexes[id] - (places[id] - before) for before, id in enumerate(sorted(found, key=indexes.__getitem__))
        }

    async def _find_unfiltered(self, scope: Sql, steps: Steps, ids: Sequence[str]) -> dict[str, int]:
        """Return the same without a filter: how many are before in the first column, and of those alike in the others.

        If most rows are alike there, those of them are looked for like the results of a filter.
        """
        if len(steps) <= 2:
            return await self.count_before(scope, steps, ids)
        lead, most = quoted(steps[0].column), await self._count(scope) // 2
        groups = await self._group(scope, steps[0], ids)
        firsts = await self._count_values(scope, steps[0], list(groups))
        large = [value for value, (_, size) in firsts.items() if size > most]
        small = {value: members for value, members in groups.items() if value not in large}
        alike = all_of([scope, self._one_of(lead, small)])
        places = await self.number(alike, steps, [*chain(*small.values())], apart=lead) if small else {}
        for value in large:  # at most one
            places |= await self.find(scope, self._one_of(lead, [value]), steps[1:], groups[value])
        return {id: firsts[value][0] + places[id] for value, members in groups.items() for id in members}

    async def _group(self, scope: Sql, lead: Step, ids: Sequence[str]) -> dict[Any, list[str]]:
        """Return those of these ids that are there by their values in a column, in its order."""
        rows = await self._look_up(f"{quoted(lead.column)}, id", scope, ids, (lead,))
        return {value: [id for _, id in group] for value, group in groupby(rows, lambda row: row[0])}

    async def _count_values(self, scope: Sql, lead: Step, values: Sequence[Any]) -> dict[Any, tuple[int, int]]:
        """Return how many rows come before those with each value of a column, and how many of those there are."""
        same: dict[Tests, list[tuple[Any, ...]]] = defaultdict(list)
        for place, value in enumerate(values):
            is_null = value is None
            same[((lead.column, "IS NULL" if is_null else "="),)].append((place,) if is_null else (place, value))
        sizes = await self._count_ranges(scope, same, len(values))
        gaps = await self._count_gaps(scope, (lead,), [(value,) for value in values])
        ends = accumulate(gap + size for gap, size in zip(gaps, sizes, strict=True))
        return {value: (end - size, size) for value, end, size in zip(values, ends, sizes, strict=True)}

    async def _look_up(self, what: str, matching: Sql, ids: Sequence[str], steps: Steps = ()) -> list[Any]:
        """Read the rows with these ids that match. `IS TRUE` keeps a database from looking at others that do."""
        order = f"ORDER BY {order_by(steps)}" if steps else ""
        named = self._one_of("id", ids)
        statement = f"SELECT {what} FROM {self._table} WHERE {named.text} AND {matching.text} IS TRUE {order}"
        return await self._statements.rows(statement, *named.parameters, *matching.parameters)

    def _one_of(self, column: str, values: Iterable[Any]) -> Sql:
        """Return the condition that a column, given by its quoted name, has one of some values, null among them."""
        given = list(values)
        some = self._statements.one_of(column, [value for value in given if value is not None])
        return Sql(f"({some.text} OR {column} IS NULL)", some.parameters) if None in given else some

    async def _count(self, matching: Sql, limit: int = _ALL) -> int:
        """Return how many rows match, or `limit` if that is less."""
        some = f"SELECT 1 FROM {self._table} WHERE {matching.text} LIMIT ?"
        [(count,)] = await self._statements.rows(
            f"SELECT COUNT(*) FROM ({some}) AS counted", *matching.parameters, limit
        )
        return int(count)

    async def number(self, matching: Sql, steps: Steps, ids: Sequence[str], apart: str | None = None) -> dict[str, int]:
        """Return how many rows come before those with these ids that match, by giving all that match a number.

        With `apart`, the rows with each value of a column are counted by themselves. Rows are collected first: an index
        of the order, which SQLite would go by otherwise, leads through the whole table in an order of its own.
        """
        window = f"PARTITION BY {apart} ORDER BY" if apart else "ORDER BY"
        columns = ", ".join(dict.fromkeys(quoted(step.column) for step in steps))
        asked = self._one_of("id", ids)
        statement = f"""
            WITH matching AS MATERIALIZED (SELECT {columns} FROM {self._table} WHERE {matching.text}),
                 numbered AS (SELECT id, ROW_NUMBER() OVER ({window} {order_by(steps)}) AS place FROM matching)
            SELECT id, place - 1 FROM numbered WHERE {asked.text}"""
        return dict(await self._statements.rows(statement, *matching.parameters, *asked.parameters))

    async def read_from(self, matching: Sql, steps: Steps, id: str, limit: int) -> list[str]:
        """Return the ids of at most so many rows that match: the one with an id, and those that come after it.

        An index of the order leads there, while a row before it that is left out (`OFFSET`) is read all the same.
        """
        columns = ", ".join(quoted(step.column) for step in steps)
        [row] = await self._look_up(columns, matching, [id])
        ids = [id]
        for tests, values in ranges_after(steps, row):
            if len(ids) == limit:
                break
            rows = self._statements.within(self._table, matching, tests, values)
            ordered = f"SELECT id {rows.text} ORDER BY {self._statements.order_by(steps)} LIMIT ?"
            ids += [id for (id,) in await self._statements.rows(ordered, *rows.parameters, limit - len(ids))]
        return ids

    async def count_before(self, matching: Sql, steps: Steps, ids: Sequence[str]) -> dict[str, int]:
        """Return the same, by counting what stands between those rows.

        An index of the order makes that many times quicker than numbers. Without one, rows would be read again for each
        of the ids, so it is for a single id, or for one column with nothing but the account to match.
        """
        columns = ", ".join(quoted(step.column) for step in steps)
        rows = await self._look_up(columns, matching, ids, steps)
        gaps = accumulate(await self._count_gaps(matching, steps, rows))
        return {row[-1]: gap + place for place, (row, gap) in enumerate(zip(rows, gaps, strict=True))}

    async def _count_gaps(self, matching: Sql, steps: Steps, rows: Sequence[Sequence[Any]]) -> list[int]:
        """Count what comes before the first of these rows, and then between each and the next."""
        alike: dict[Tests, list[tuple[Any, ...]]] = defaultdict(list)
        for gap, (start, end) in enumerate(zip([None, *rows], rows, strict=False)):
            for tests, values in ranges_between(steps, start, end):
                alike[tests].append((gap, *values))
        return await self._count_ranges(matching, alike, len(rows))

    async def _count_ranges(self, matching: Sql, alike: _Ranges, places: int) -> list[int]:
        """Count what is in ranges, and add it up by their places.

        Ranges that differ only in their values are counted by one statement.
        """
        counts = [0] * places
        for tests, ranges in alike.items():
            statement = self._statements.counts(self._table, matching, tests, ranges)
            for place, count in await self._statements.rows(statement.text, *statement.parameters):
                counts[place] += count
        return counts
