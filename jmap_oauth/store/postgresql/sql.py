"""The SQL of PostgreSQL: what differs from SQLite's, or is written in another way.

All of it is pure. As in `store.sql`, values are parameters, written `?`; `numbered` gives them their places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from typing import Any, Final

from jmap_oauth.store.ranges import NULL_TESTS, Tests
from jmap_oauth.store.sql import Sql, Step, Steps, quoted

HEAD: Final = 600
"""Characters of a sort key that "…:head" holds, as in `schema/postgresql`: 2,400 bytes of the 2,704 of an entry."""

_PIECE: Final = 500
"""Characters of a word that a lexeme holds, which has room for 2,046 bytes."""

_ROOM: Final = 2**20 - 1
"""Bytes of all lexemes of a row. PostgreSQL does not look, and takes more for something else."""


@lru_cache(maxsize=1024)
def numbered(statement: str) -> str:
    """Write the parameters of a statement as PostgreSQL wants them."""
    places = count(1)
    return re.sub(r"\?", lambda _: f"${next(places)}", statement)


@lru_cache(maxsize=64)
def with_names(statement: str) -> tuple[str, Sequence[str]]:
    """Write the named parameters of a statement as PostgreSQL wants them, and return their names in order."""
    names = list(dict.fromkeys(re.findall(r":(\w+)", statement)))
    return re.sub(r":(\w+)", lambda match: f"${names.index(match[1]) + 1}", statement), names


def sendable(value: Any) -> Any:
    """Replace U+0000, which PostgreSQL takes in no text, by what no text that is kept holds either."""
    if isinstance(value, str):
        return value.replace("\0", "\x01")
    if isinstance(value, list):
        return [sendable(each) for each in value]
    return value


# --- words ---


def lexemes(words: Iterable[str]) -> list[str]:
    """Return what is kept of words: each as it is; one that is too long in pieces, marked with what comes before.

    Raises:
        ValueError: they are too many, as no words are of an object within the limits.
    """
    found = list(dict.fromkeys(piece for word in words for piece in _pieces(word)))
    if sum(len(piece.encode()) for piece in found) > _ROOM:
        raise ValueError("there are more words than a text search has room for")
    return found


def asked(prefixes: Iterable[str]) -> str:
    """Write a tsquery for words with each of these beginnings. Quoted, nothing in them is an operator."""
    last = (piece for prefix in prefixes for *_, piece in [_pieces(prefix)])
    return " & ".join("'" + piece.replace("\\", "\\\\").replace("'", "''") + "':*" for piece in last)


def _pieces(word: str) -> list[str]:
    """No word has a full stop in it, so a piece that follows others is never taken for the beginning of a word."""
    rest = range(_PIECE, len(word), _PIECE)
    marked = [f".{_mark(word[:start])}{word[start : start + _PIECE]}" for start in rest]
    return [word[:_PIECE], *marked]


def _mark(beginning: str) -> str:
    return blake2b(beginning.encode(), digest_size=16).hexdigest()


# --- order ---


@lru_cache(maxsize=1024)
def order_by(steps: Steps) -> str:
    """Return the terms of an ORDER BY, beginning with those of an index.

    Of a text the index holds the head. Where the text is no longer than that, its ties are broken by id right there;
    the few that are longer, and share a head, are put in order by their whole texts.
    """
    terms: list[str] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        terms += _terms(step, last=following == Step("id", ascending=True))
    return ", ".join(terms)


def _terms(step: Step, *, last: bool) -> Iterator[str]:
    column, way = quoted(step.column), "ASC" if step.ascending else "DESC"
    if step.column == "id":
        yield f"{column} {way}"
        return
    if _is_text(step.column):
        yield f"{_head_of(step.column)} {way} NULLS LAST"
    if _is_text(step.column) and last:
        longer = "LAST" if step.ascending else "FIRST"
        yield f"(CASE WHEN length({column}) > {HEAD} THEN NULL ELSE id END) ASC NULLS {longer}"
    yield f"{column} {way} NULLS LAST"


def _is_text(column: str) -> bool:
    return column.endswith(":sort")


def _head_of(column: str) -> str:
    return quoted(f"{column.removesuffix(':sort')}:head")


def counts(table: str, matching: Sql, tests: Tests, ranges: Sequence[Sequence[Any]]) -> Sql:
    """Return the statement that counts what matches in ranges which share their tests, as rows (place, count)."""
    values = [list(column) for column in zip(*ranges, strict=True)]
    names = ["place", *(f"v{number}" for number in range(1, len(values)))]
    arrays = ", ".join(f"?::{_type_of(column[0])}[]" for column in values)
    counted = f"SELECT COUNT(*) FROM {table} WHERE {' AND '.join(_compared(tests, values[1:]))} AND {matching.text}"
    statement = f"SELECT place, ({counted}) FROM unnest({arrays}) AS range ({', '.join(names)})"
    return Sql(statement, (*matching.parameters, *values))


def within(table: str, matching: Sql, tests: Tests, values: Sequence[Any]) -> Sql:
    """Return what a statement that reads what matches in a range has from its FROM on."""
    named = ", ".join(f"?::{_type_of(value)} AS v{place}" for place, value in enumerate(values, 1))
    compared = " AND ".join(_compared(tests, [[value] for value in values]))
    text = f"FROM {table}, (SELECT {named}) AS range WHERE {compared} AND {matching.text}"
    return Sql(text, (*values, *matching.parameters))


def _type_of(value: Any) -> str:
    return "bigint" if isinstance(value, int) else "text"


_NOT_BEYOND: Final[Mapping[str, str]] = {"<": "<=", ">": ">=", "=": "="}


def _compared(tests: Tests, values: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Yield conditions on what an index holds of a column, and on the whole of a text only for values beyond that."""
    places = count(1)
    for column, operator in tests:
        indexed = _head_of(column) if _is_text(column) else quoted(column)
        if operator in NULL_TESTS:
            yield f"{indexed} {operator}"
            continue
        place = next(places)
        if _is_text(column) and any(len(value) >= HEAD for value in values[place - 1]):
            yield f"{indexed} {_NOT_BEYOND[operator]} left(range.v{place}, {HEAD})"
            indexed = quoted(column)
        yield f"{indexed} {operator} range.v{place}"
