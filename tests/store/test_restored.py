"""A database that was put back to an earlier time (RFC 8620 section 1.6.2), as the README says to do it by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import CannotCalculateChanges
from jmap_oauth.store.sqlite import open_sqlite
from tests.support.stores import SQLITE_MIGRATIONS, create, make_widget, state
from tests.support.widget import WIDGET, make_model

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
NEW_IDENTITY = "UPDATE identity SET text = hex(randomblob(16))"


async def test_with_a_new_identity_no_state_from_before_is_taken(path: Path) -> None:
    store = await open_sqlite(path, make_model(), SQLITE_MIGRATIONS)
    await create(store, make_widget("a", None))
    before = await state(store, GLOBAL)
    await store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(NEW_IDENTITY)

    store = await open_sqlite(path, make_model(), SQLITE_MIGRATIONS)
    assert await state(store, GLOBAL) != before
    with pytest.raises(CannotCalculateChanges):
        await store.read(lambda reader: reader.changes(WIDGET, GLOBAL, before, 10))
    await store.close()


def test_the_readme_says_how_to_give_a_new_identity() -> None:
    assert f"`{NEW_IDENTITY}`" in README
