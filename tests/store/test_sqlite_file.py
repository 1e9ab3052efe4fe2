"""Opening a file: who may read it afterwards, and what is said when it cannot be opened."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.model.definition import Filter, Model, ObjectType
from jmap_oauth.store.interface import Unavailable, Unusable
from jmap_oauth.store.sqlite import SqliteStore, open_sqlite
from jmap_oauth.store.sqlite_file import check_library, connect
from tests.support.stores import SQLITE_MIGRATIONS, create, make_widget
from tests.support.widget import TEAM, WIDGET, make_model


async def open_and_close(path: Path, model: Model | None = None, migrations: Path = SQLITE_MIGRATIONS) -> None:
    store = SqliteStore(path, model or make_model(), migrations, opening_timeout=0.05)
    await store.open()
    await store.close()


def modes(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


# --- modes ---


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
async def test_the_files_are_for_their_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "w.db", make_model(), SQLITE_MIGRATIONS)
    await create(store, make_widget("w", None))
    assert modes(tmp_path) == dict.fromkeys(["w.db", "w.db-wal", "w.db-shm"], 0o600)
    await store.close()


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    await open_and_close(tmp_path / "w.db")
    (tmp_path / "w.db").chmod(0o644)
    await open_and_close(tmp_path / "w.db")
    assert modes(tmp_path) == {"w.db": 0o600}


# --- what is not a database of ours ---


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"there is no folder .*/missing$"):
        await open_and_close(tmp_path / "missing" / "w.db")


async def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"this is not a file$"):
        await open_and_close(tmp_path)


@pytest.mark.parametrize("content", [b"xy", b"just a text\n" * 1_000, b"SQLite format 3\0" + b"\xff" * 4080])
async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.db"
    path.write_bytes(content)
    with pytest.raises(Unusable, match=r"w.db: (the file is not a database|the database is damaged)$"):
        await open_and_close(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("script", ["CREATE TABLE theirs (a)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"])
async def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path, script: str) -> None:
    path = tmp_path / "w.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(script)
    content = path.read_bytes()
    with pytest.raises(Unusable, match=r"this is not a database of this program$"):
        await open_and_close(path)
    assert path.read_bytes() == content


def test_connecting_never_makes_a_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connect(tmp_path / "gone.db", timeout=0)
    assert list(tmp_path.iterdir()) == []


async def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "w.db").touch()
    await open_and_close(tmp_path / "w.db")
    assert (tmp_path / "w.db").stat().st_size > 0


async def test_a_name_that_means_something_to_sqlite_is_only_a_name(tmp_path: Path) -> None:
    for name in (":memory:", "w.db?mode=memory", "100%23#w"):
        await open_and_close(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0


async def test_a_damaged_schema_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    await open_and_close(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3_000)
    with pytest.raises(Unusable, match=r"the database is damaged$"):
        await open_and_close(path)


# --- what may not be written ---


NOBODY = 65534


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[Path]:
    """A folder with migrations of a user whom modes bind; root becomes that user until the test ends."""
    is_root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp()) if is_root else tmp_path  # root's own temporary folders are closed to others
    shutil.copytree(SQLITE_MIGRATIONS, folder / "schema")
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    folder.chmod(0o700)
    if is_root:
        os.seteuid(0)
        shutil.rmtree(folder)


@pytest.fixture
async def theirs(unprivileged: Path) -> Path:
    """A database that exists."""
    await open_and_close(unprivileged / "w.db", migrations=unprivileged / "schema")
    return unprivileged / "w.db"


async def test_a_file_that_may_not_be_written_is_unusable(theirs: Path) -> None:
    theirs.chmod(0o400)
    with pytest.raises(Unusable, match=r"w.db: the database cannot be written$"):
        await open_and_close(theirs, migrations=theirs.parent / "schema")


async def test_a_file_that_may_not_be_read_is_unusable(theirs: Path) -> None:
    theirs.chmod(0o000)
    with pytest.raises(Unusable, match=r"cannot be opened or made$"):
        await open_and_close(theirs, migrations=theirs.parent / "schema")


@pytest.mark.parametrize("name", ["w.db", "new.db"])
async def test_a_folder_that_may_not_be_written_is_unusable(theirs: Path, name: str) -> None:
    theirs.parent.chmod(0o500)
    with pytest.raises(Unusable, match=rf"{name}: (Permission denied|.* cannot be (written|opened or made))$"):
        await open_and_close(theirs.with_name(name), migrations=theirs.parent / "schema")


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT"])
async def test_a_file_that_another_program_holds_is_unavailable(tmp_path: Path, lock: str) -> None:
    await open_and_close(tmp_path / "w.db")
    with closing(sqlite3.connect(tmp_path / "w.db", isolation_level=None)) as other:
        for statement in lock.split(";"):
            other.execute(statement)
        with pytest.raises(Unavailable, match=r"w.db: the database is locked by another program$"):
            await open_and_close(tmp_path / "w.db")
    await open_and_close(tmp_path / "w.db")


def test_an_old_sqlite_is_named_with_the_one_that_is_needed() -> None:
    with pytest.raises(Unusable, match=r"SQLite 3\.31\.1 is too old: this program needs 3\.38\.0 or newer"):
        check_library((3, 31, 1))


# --- does it fit the declarations? ---


def redeclared(name: str, **flags: Any) -> Model:
    """Return the model with one property of Widget declared otherwise."""
    changed = [replace(each, **flags) if each.name == name else each for each in WIDGET.properties]
    return Model([replace(WIDGET, properties=changed), TEAM])


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (redeclared("maker", filter=Filter.EXACT), "Widget.maker is nowhere in the database and TEXT declared"),
        (redeclared("note", sort=False), "Widget.note:sort is TEXT in the database and nowhere declared"),
        (redeclared("code", unique=False), "Widget.code is not unique as declared, but not in the database"),
        (redeclared("extra", unique=True), "Widget.extra is unique as declared, but not in the database"),
        (redeclared("size", filter=Filter.EXACT, sort=False, kind=WIDGET.by_name["maker"].kind), "Widget.size is INT"),
    ],
)
async def test_a_declaration_without_its_migration_is_named(tmp_path: Path, model: Model, names: str) -> None:
    await open_and_close(tmp_path / "w.db")
    with pytest.raises(Unusable, match=f"^{names}.*: a migration is missing$"):
        await open_and_close(tmp_path / "w.db", model)


def without_search(type: ObjectType) -> ObjectType:
    return replace(type, properties=[replace(each, searchable=False) for each in type.properties])


async def test_a_type_without_a_table_is_named(tmp_path: Path) -> None:
    model = Model([WIDGET, TEAM, replace(WIDGET, name="Gadget")])
    with pytest.raises(Unusable, match=r"^Gadget\.\w+ .* a migration is missing$"):
        await open_and_close(tmp_path / "w.db", model)


async def test_the_words_of_a_type_are_there_if_and_only_if_it_is_searchable(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"^Team\.words is there, unlike declared: a migration is missing$"):
        await open_and_close(tmp_path / "w.db", Model([WIDGET, without_search(TEAM)]))
