"""Migrations: all or nothing, once, by one process, never backwards, with a copy kept."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.migrations import read_migrations
from jmap_oauth.store.sqlite import open_sqlite
from jmap_oauth.store.sqlite_file import prepare_file
from jmap_oauth.store.sqlite_migrations import migrate, split
from tests.support.stores import SQLITE_MIGRATIONS, all_of, create, look, make_widget
from tests.support.widget import make_model

SECOND = """
-- A comment; with a semicolon.
CREATE TABLE "more" (a TEXT) STRICT;
CREATE TRIGGER "twice" AFTER INSERT ON "more" WHEN new.a = 'x;y' BEGIN
  INSERT INTO "more" VALUES ('by; trigger');
END;
INSERT INTO "more" VALUES ('x;y'); INSERT INTO "more" VALUES ('z')
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of migrations with the first one in it."""
    return Path(shutil.copytree(SQLITE_MIGRATIONS, tmp_path / "schema"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "w.db"


@pytest.fixture
async def in_use(folder: Path, path: Path) -> dict[str, object]:
    """Open the database at the first migration, and leave a widget there."""
    store = await open_sqlite(path, make_model(), folder)
    widget = make_widget("kept", None)
    await create(store, widget)
    await store.close()
    return widget


def run(path: Path, folder: Path) -> None:
    prepare_file(path)
    migrate(path, read_migrations(folder), timeout=30)


async def test_missing_migrations_run_in_order_and_what_was_there_stays(
    folder: Path, path: Path, in_use: dict[str, object]
) -> None:
    (folder / "0002_more.sql").write_text(SECOND)
    (folder / "0003_last.sql").write_text("UPDATE more SET a = a || '!';")
    (folder / "README").write_text("not a migration")
    store = await open_sqlite(path, make_model(), folder)
    assert await all_of(store, GLOBAL) == [in_use]
    await store.close()
    assert look(path, "SELECT a FROM more") == [("x;y!",), ("by; trigger!",), ("z!",)]
    assert look(path, "PRAGMA user_version") == [(3,)]


@pytest.mark.usefixtures("in_use")
def test_a_copy_of_the_database_is_kept_before_a_migration(folder: Path, path: Path) -> None:
    (folder / "0002_more.sql").write_text(SECOND)
    run(path, folder)
    copy = path.with_name("w.db.before-2")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert look(copy, "PRAGMA user_version") == [(1,)]
    assert look(copy, 'SELECT code FROM "Widget"') == [("kept",)]


def test_a_new_database_and_one_that_is_up_to_date_are_not_copied(folder: Path, path: Path) -> None:
    (folder / "0002_more.sql").write_text(SECOND)
    for _ in range(2):
        run(path, folder)
    assert [each.name for each in path.parent.iterdir()] == ["w.db"]


@pytest.mark.usefixtures("in_use")
@pytest.mark.parametrize(
    "wrong",
    ["CREATE TABLE other (a) STRICT;", "INSERT INTO missing VALUES (1);", "CREATE TABLE unfinished (", "nonsense;"],
)
def test_a_migration_that_fails_is_named_and_leaves_everything_as_it_was(folder: Path, path: Path, wrong: str) -> None:
    (folder / "0002_more.sql").write_text(SECOND)
    (folder / "0003_wrong.sql").write_text(f"CREATE TABLE half (a);\n{wrong}")
    with pytest.raises(Unusable, match=r"^the migration 0003_wrong\.sql fails: "):
        run(path, folder)
    assert look(path, "SELECT name FROM sqlite_schema WHERE name IN ('half', 'more')") == []
    assert look(path, "PRAGMA user_version") == [(1,)]


@pytest.mark.usefixtures("in_use")
def test_a_migration_may_not_leave_references_that_lead_nowhere(folder: Path, path: Path) -> None:
    (folder / "0002_wrong.sql").write_text("""UPDATE "Widget" SET "teamId" = 'nobody';""")
    with pytest.raises(Unusable, match="the migrations leave references of Widget to Team that lead nowhere"):
        run(path, folder)
    assert look(path, 'SELECT "teamId" FROM "Widget"') == [(None,)]


@pytest.mark.usefixtures("in_use")
def test_a_newer_database_is_refused_with_both_numbers(folder: Path, path: Path) -> None:
    for number in (2, 3):
        (folder / f"000{number}_more.sql").write_text(f"CREATE TABLE t{number} (a TEXT);")
    run(path, folder)
    with pytest.raises(Unusable, match=r"the database is at schema 3, but this program knows only up to 1$"):
        run(path, SQLITE_MIGRATIONS)


def test_many_at_once_migrate_once(folder: Path, path: Path) -> None:
    (folder / "0002_more.sql").write_text(SECOND)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: run(path, folder), range(8)))
    assert look(path, "SELECT COUNT(*) FROM more") == [(3,)]


def test_the_switch_to_a_write_ahead_log_waits_for_others(folder: Path, path: Path) -> None:
    prepare_file(path)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, other.rollback)
        release.start()
        run(path, folder)
        release.join()
    assert look(path, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize("names", [["0002_b.sql"], ["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_numbers_with_gaps_or_repeats_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(Unusable, match="the numbers of the migrations have gaps or repeat"):
        read_migrations(tmp_path)


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_without_migrations_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unusable, match="there are no migrations"):
        read_migrations(tmp_path / name)


def test_a_script_is_split_where_its_statements_end() -> None:
    found = [statement.split()[-1] for statement in split(SECOND)]
    assert found == ["STRICT;", "END;", "('x;y');", "('z')"]
