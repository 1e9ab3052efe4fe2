"""Databases that cannot be used: at the start one clear line and exit code 1, while running no lie, no lasting harm."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.process import COMMAND, environment, run
from tests.process.database import check_database
from tests.support.served import ServerProcess, call, request_of, serve_process

COMMANDS = {
    "serve": ("serve", "--port", "0"),
    "api-key": ("api-key", "create", "--all-permissions"),
}


@pytest.fixture(scope="module")
def sound_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one key in it, to be copied."""
    folder = tmp_path_factory.mktemp("sound")
    done = run("api-key", "create", "--all-permissions", folder=folder)
    assert done.returncode == 0, done.stderr
    return (folder / "data" / "jmap-oauth.db").rename(folder / "test.db")


@pytest.fixture
def database(tmp_path: Path, sound_database: Path) -> Path:
    return Path(shutil.copy(sound_database, tmp_path))


@pytest.fixture
def mortal() -> Sequence[str]:
    """What a command begins with so that permissions of files hold even for root."""
    if os.geteuid() != 0:
        return ()
    prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("permissions of files do not hold for root, and setpriv cannot change that here")
    return prefix


def assert_refused(command: str, path: Path, sentence: str, prefix: Sequence[str] = ()) -> None:
    """Check that a command ends with 1 and says why in one line, with the name of the file."""
    done = subprocess.run(
        [*prefix, *COMMAND, *COMMANDS[command], "--database", str(path)],
        cwd=path.parent if path.parent.is_dir() else None,
        env=environment({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith(f"Error: {path}: ")
    assert sentence in done.stderr


def write_other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE notes (text)")


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 9999")


def damage(path: Path) -> None:
    """Overwrite the table of tables, but not the header of the file."""
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(10_000)


def write_text(path: Path) -> None:
    path.write_text("not a database\n" * 100)


def write_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FAULTS: list[tuple[Callable[[Path], None], str]] = [
    (write_text, "not a database"),
    (write_folder, "not a file"),
    (damage, "damaged"),
    (truncate, "damaged"),
    (make_newer, "is at schema 9999, but this program knows only up to"),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("spoil", "sentence"), FAULTS, ids=[spoil.__name__ for spoil, _ in FAULTS])
def test_a_file_of_no_use_is_refused_and_left_alone(
    database: Path, command: str, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(database)
    before = database.read_bytes() if database.is_file() else None
    assert_refused(command, database, sentence)
    assert (database.read_bytes() if database.is_file() else None) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_the_database_of_another_program_is_refused(tmp_path: Path, command: str) -> None:
    write_other_program(tmp_path / "test.db")
    assert_refused(command, tmp_path / "test.db", "not a database of this program")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_missing_is_named_and_not_made(tmp_path: Path, command: str) -> None:
    assert_refused(command, tmp_path / "nowhere" / "test.db", f"there is no folder {tmp_path / 'nowhere'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_only_file_is_refused(database: Path, command: str, mortal: Sequence[str]) -> None:
    database.chmod(0o400)
    assert_refused(command, database, "cannot be written", mortal)


@pytest.mark.parametrize(("command", "there"), [("serve", True), ("serve", False), ("api-key", True)])
def test_a_read_only_folder_is_refused(database: Path, command: str, there: bool, mortal: Sequence[str]) -> None:
    """SQLite has to make files beside the database."""
    if not there:
        database.unlink()
    database.parent.chmod(0o500)
    assert_refused(command, database, "cannot be" if there else "Permission denied", mortal)
    database.parent.chmod(0o700)


@pytest.fixture
def small_disk(tmp_path: Path) -> Sequence[str]:
    """What a command begins with to find a disk of 64 KiB in place of the folder, until it ends; test.db is empty."""
    script = 'mount -t tmpfs -o size=64k none "$0" && touch "$0/test.db" && exec "$@"'
    namespace = "-m" if os.geteuid() == 0 else "-rm"
    prefix = ("unshare", namespace, "sh", "-c", script, str(tmp_path))
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    return prefix


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_refused(tmp_path: Path, command: str, small_disk: Sequence[str]) -> None:
    assert_refused(command, tmp_path / "test.db", "there is no room left", small_disk)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bound_on_the_size_of_files_is_refused(tmp_path: Path, command: str) -> None:
    (tmp_path / "test.db").touch()
    prefix = ("sh", "-c", 'ulimit -f 64; exec "$@"', "sh")
    assert_refused(command, tmp_path / "test.db", "failed in the file system", prefix)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the one writer in another process, until the end or until that process is told."""
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        yield


def test_a_start_waits_for_a_lock_and_goes_on(database: Path) -> None:
    arguments = [*COMMAND, *COMMANDS["api-key"], "--database", str(database)]
    with locked(database):
        waiting = subprocess.Popen(arguments, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
    _, error = waiting.communicate()
    assert (waiting.returncode, error) == (0, b"")


@pytest.mark.skipif("JMAP_OAUTH_TEST_LONG" not in os.environ, reason="takes 30 s; JMAP_OAUTH_TEST_LONG=1 runs it")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_lock_that_is_never_given_up_is_an_error(database: Path, command: str) -> None:
    with locked(database):
        assert_refused(command, database, "locked by another program")


# --- while it runs ---


async def create(client: httpx.AsyncClient, name: str, **values: Any) -> Any:
    return await call(client, "x:OAuthClient/set", create={"new": {"clientId": name, **values}})


async def names(client: httpx.AsyncClient) -> list[str]:
    """Return the clientIds of all clients, by search and by a look at each."""
    everything = {"resultOf": "c0", "name": "x:OAuthClient/query", "path": "/ids"}
    request = request_of(
        ("x:OAuthClient/query", {"filter": {"text": "n"}, "sort": [{"property": "id"}]}),
        ("x:OAuthClient/get", {"#ids": everything, "properties": ["clientId"]}),
    )
    answers = (await client.post("/api", json=request)).json()["methodResponses"]
    return [each["clientId"] for each in answers[1][1]["list"]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serve_process(tmp_path, "--no-access-log") as server:
        yield server
        assert "Traceback" not in server.log


async def test_a_locked_database_is_serverunavailable_and_serves_again_afterwards(server: ServerProcess) -> None:
    async with server.client() as client:
        await create(client, "n1")
        with locked(server.database):
            refused, seen = await asyncio.gather(create(client, "n2"), names(client))
        await create(client, "n3")
        after = await names(client)

    assert (refused["type"], seen, after) == ("serverUnavailable", ["n1"], ["n1", "n3"])
    assert "locked" in refused["description"]


async def test_a_full_disk_is_serverunavailable_and_serves_again_afterwards(server: ServerProcess) -> None:
    """The limit of the size of files stands for the disk."""
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("the limits of another process cannot be changed on this system")
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    made: list[str] = []
    async with server.client() as client:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (400_000, limits[1]))
        while (answer := await create(client, f"n{len(made)}", description="x" * 2_000)).get("type") is None:
            made.append(f"n{len(made)}")
        seen = await names(client)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
        await create(client, "n")
        after = await names(client)
    check_database(server.database)

    assert (answer["type"], seen, after) == ("serverUnavailable", made, [*made, "n"])
    assert len(made) > 1


async def test_a_database_that_is_deleted_under_it_is_not_served_from(server: ServerProcess) -> None:
    """What would be written then would be lost, and what is read would no longer be so."""
    async with server.client() as client:
        await create(client, "n1")
        for file in server.folder.glob("test.db*"):
            file.unlink()
        while (answer := await client.get("/jmap/session")).status_code == 200:
            await asyncio.sleep(0.05)
        statuses = {
            (await client.post("/api", json=request_of(("x:OAuthClient/get", {})))).status_code,
            (await client.get("/healthz/ready")).status_code,
            answer.status_code,
        }
        assert (statuses, (await client.get("/healthz/live")).status_code) == ({503}, 200)
        assert (server.stop(), list(server.folder.glob("test.db*"))) == (0, [])


async def test_a_write_to_a_deleted_database_is_never_acknowledged(server: ServerProcess) -> None:
    """Not even at once, while the key is still remembered."""
    async with server.client() as client:
        await create(client, "n1")
        server.database.unlink()
        request = request_of(("x:OAuthClient/set", {"create": {"new": {"clientId": "n2"}}}))
        response = await client.post("/api", json=request)
    if response.status_code == 200:
        assert response.json()["methodResponses"][0][1]["type"] == "serverUnavailable"
    else:
        assert response.status_code == 503
