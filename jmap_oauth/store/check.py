"""Everything that has to hold in a database, whatever the backend, and what is wrong where it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from jmap_oauth.model.definition import GLOBAL, Model, ObjectType, Property
from jmap_oauth.store.portable import Snapshot
from jmap_oauth.store.sql import Column, Role, columns_of, quoted

_SHARED: Final[Mapping[str, str]] = {
    "the database has not one sequence": "SELECT COUNT(*) FROM sequence HAVING COUNT(*) <> 1",
    "the database has not one identity": "SELECT COUNT(*) FROM identity HAVING COUNT(*) <> 1 OR MIN(text) = ''",
    "the state of {1} in {0} is beyond the last number that was taken": """
        SELECT account, type FROM state WHERE number > (SELECT MAX(number) FROM sequence)""",
    "of {1} in {0} more was forgotten than ever happened": "SELECT account, type FROM state WHERE pruned > number",
    "the state of {1} in {0} is beyond that of the whole server": f"""
        SELECT state.account, state.type FROM state
        LEFT JOIN state AS whole ON whole.account = '{GLOBAL}' AND whole.type = state.type
        WHERE state.number > COALESCE(whole.number, 0)""",
    "the tombstone of {0} {1} in {2} says that it left before it came": """
        SELECT type, id, account FROM tombstone WHERE joined > left_at""",
    "the tombstone of {0} {1} in {2} is later than the state there": """
        SELECT tombstone.type, tombstone.id, tombstone.account FROM tombstone
        LEFT JOIN state ON state.account = tombstone.account AND state.type = tombstone.type
        WHERE tombstone.left_at > COALESCE(state.number, 0)""",
    "the tombstone of {0} {1} in {2} was made before an older one": """
        SELECT type, id, account FROM (
          SELECT type, id, account, left_at, LAG(left_at) OVER (ORDER BY number) AS before FROM tombstone
        ) AS ordered WHERE left_at < before""",
    "the tombstone of {0} {1} in the whole server is not the only one": f"""
        SELECT type, id FROM tombstone WHERE account = '{GLOBAL}' GROUP BY type, id HAVING COUNT(*) > 1""",
    "the blob {0} in {1} has another size than it says": "SELECT id, account FROM blob WHERE size <> LENGTH(data)",
}

_OF_TYPE: Final[Mapping[str, str]] = {
    "the numbers of its creation, joining and change are out of order": """
        SELECT id FROM {table} WHERE created > joined OR joined > changed OR created < 1""",
    "it was changed after the state of its type": """
        SELECT id FROM {table}
        WHERE changed > COALESCE((SELECT number FROM state WHERE account = ? AND type = ?), 0)""",
    "it is there, and has a tombstone": """
        SELECT object.id FROM tombstone JOIN {table} AS object ON object.id = tombstone.id
        WHERE tombstone.account = ? AND tombstone.type = ?""",
    "it was changed after the state of its account": """
        SELECT object.id FROM {table} AS object
        LEFT JOIN state ON state.account = object.{account} AND state.type = ?
        WHERE object.{account} IS NOT NULL AND object.changed > COALESCE(state.number, 0)""",
    "it left its account after it came there": """
        SELECT object.id FROM tombstone
        JOIN {table} AS object ON object.id = tombstone.id AND object.{account} = tombstone.account
        WHERE tombstone.type = ? AND object.joined < tombstone.left_at""",
}


class Forms(NamedTuple):
    """What only those know who write it: whether a text can be the hash of a secret, and which id bytes have."""

    is_hash: Callable[[Property, str], bool]
    blob_id: Callable[[bytes], str]


_decode = msgspec.json.Decoder().decode


async def find_flaws(snapshot: Snapshot, model: Model, forms: Forms) -> AsyncIterator[str]:
    """Yield a sentence for each thing that is wrong. Nothing is changed, and no value of an object is told."""
    async for flaw in snapshot.own_flaws():
        yield flaw
    for sentence, statement in _SHARED.items():
        async for row in snapshot.rows(statement):
            yield sentence.format(*row)
    async for id, account, data in snapshot.rows('SELECT id, account, data FROM "blob"'):
        if forms.blob_id(data) != id:
            yield f"the blob {id} in {account} has not the bytes that it had"
    for type in model:
        async for flaw in _flaws_of(snapshot, type, forms):
            yield flaw


async def _flaws_of(snapshot: Snapshot, type: ObjectType, forms: Forms) -> AsyncIterator[str]:
    for sentence, statement in _statements(type):
        parameters = [GLOBAL, type.name][2 - statement.count("?") :]
        async for (id,) in snapshot.rows(statement, *parameters):
            yield f"{type.name} {id}: {sentence}"
    hashes = [each for each in columns_of(type) if each.role is Role.HASH]
    async for row in snapshot.stored(type):
        for sentence in _misfits(snapshot, type, row, hashes, forms):
            yield f"{type.name} {row['id']}: {sentence}"


def _statements(type: ObjectType) -> Iterator[tuple[str, str]]:
    table, account = quoted(type.name), quoted(type.account_property)
    for sentence, statement in _OF_TYPE.items():
        yield sentence, statement.format(table=table, account=account)
    for each, target in type.references:
        name = quoted(each.name)
        yield (
            f"{each.name} refers to what is not there",
            f"""
            SELECT id FROM {table} AS object WHERE {name} IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM {quoted(target)} AS target WHERE target.id = object.{name})""",
        )


def _misfits(
    snapshot: Snapshot, type: ObjectType, row: Mapping[str, Any], hashes: Sequence[Column], forms: Forms
) -> Iterator[str]:
    """Tell which columns do not follow from the document, and which hashes are none."""
    try:
        record = _decode(row["document"])
        wanted = snapshot.derive(type, row["document"])
    except (ValueError, TypeError, LookupError, AttributeError, msgspec.MsgspecError):
        yield "its document cannot be read"
        return
    if record.get("id") != row["id"]:
        yield "its document is that of another object"
    for name, value in wanted.items():
        if row[name] != value:
            yield f"{'its words do' if name == ':words' else f'the column {name} does'} not follow from its document"
    for each in hashes:
        hash = row[each.name]
        if (hash is None) != (record.get(each.source.name) is None):
            yield f"{each.name} has no hash, or a hash without having a value"
        elif hash is not None and not forms.is_hash(each.source, hash):
            yield f"{each.name} has a hash that is none"
