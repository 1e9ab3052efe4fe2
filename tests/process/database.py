"""A look into the database behind the store's back: does everything in it agree?"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from jmap_oauth.model.definition import GLOBAL, Model, ObjectType
from jmap_oauth.objects import served_types
from jmap_oauth.store.sql import Role, columns_of, quoted, words_of

MODEL = Model(served_types(frozenset()))


@contextmanager
def copy_of(path: Path) -> Iterator[sqlite3.Connection]:
    """Copy a database that may be in use into memory."""
    with closing(sqlite3.connect(":memory:")) as copy:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source:
            source.backup(copy)
        copy.row_factory = sqlite3.Row
        yield copy


def check_database(path: Path) -> None:
    """Check that documents, columns, words, references, numbers and audit events of every type agree."""
    with copy_of(path) as database:
        assert [tuple(row) for row in database.execute("PRAGMA integrity_check")] == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        for type in MODEL:
            _check_rows(database, type)
            if type.searchable:
                _check_words(database, type)
            _check_numbers(database, type)
            _check_events(database, type)


def _check_rows(database: sqlite3.Connection, type: ObjectType) -> None:
    for row in database.execute(f"SELECT * FROM {quoted(type.name)}"):
        record = json.loads(row["document"])
        assert row["id"] == record["id"]
        for each in columns_of(type):
            if each.role is Role.HASH:
                assert (row[each.name] is None) == (record[each.source.name] is None)
            else:
                assert row[each.name] == each.read(record)


def _check_words(database: sqlite3.Connection, type: ObjectType) -> None:
    name, words = quoted(type.name), quoted(f"{type.name}:words")
    database.execute(f"INSERT INTO {words} ({words}) VALUES ('integrity-check')")
    documents = database.execute(f"SELECT number, document FROM {name}").fetchall()
    assert dict(database.execute(f"SELECT rowid, words FROM {words}").fetchall()) == {
        row["number"]: words_of(type, json.loads(row["document"])) for row in documents
    }


def _check_numbers(database: sqlite3.Connection, type: ObjectType) -> None:
    """Check that no number is beyond the last one taken, and that nothing is both there and gone."""
    table = quoted(type.name)
    (last,) = database.execute("SELECT number FROM sequence").fetchone()
    states = dict(database.execute("SELECT account, number FROM state WHERE type = ?", [type.name]).fetchall())
    numbers = database.execute(f"SELECT created, joined, changed FROM {table}").fetchall()
    gone = database.execute("SELECT id, left_at FROM tombstone WHERE type = ? AND account = ?", [type.name, GLOBAL])
    left = dict(gone.fetchall())
    assert all(row["created"] <= row["joined"] <= row["changed"] for row in numbers)
    assert max((row["changed"] for row in numbers), default=0) <= states.get(GLOBAL, 0) <= last
    assert max(left.values(), default=0) <= states.get(GLOBAL, 0) == max(states.values(), default=0)
    assert left.keys().isdisjoint(row["id"] for row in database.execute(f"SELECT id FROM {table}"))


def _check_events(database: sqlite3.Connection, type: ObjectType) -> None:
    """Check that the events of a type, one after the other, lead to what is there: every property that they name."""
    told: dict[str, dict[str, object]] = {}
    for (document,) in database.execute('SELECT "document" FROM "AuditEvent" ORDER BY "number"'):
        event = json.loads(document)
        if event["objectType"] == f"x:{type.name}":
            after = {name: change["to"] or None for name, change in event["changes"].items()}
            told[event["objectId"]] = {**told.get(event["objectId"], {}), **after}
            if event["action"] == "destroy":
                del told[event["objectId"]]
    rows = [json.loads(document) for (document,) in database.execute(f"SELECT document FROM {quoted(type.name)}")]
    if type.audited:
        assert told == {row["id"]: {name: _as_told(row[name]) for name in told.get(row["id"], {})} for row in rows}


def _as_told(value: Any) -> Any:
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(encoded) > 1_024:
        return {"sha256": hashlib.sha256(encoded).hexdigest(), "size": len(encoded)}
    return value or None
