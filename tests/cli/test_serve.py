"""`serve`: the first key, the port, the ways to stop, and what its settings reach."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.process import ROOT, Serving, environment, run, serve

KEY = "a-key-of-the-tests-and-of-nobody-else"
TLS = Path(__file__).parent / "tls"
PAIR = ("--tls-certificate", str(TLS / "certificate.pem"), "--tls-key", str(TLS / "key.pem"))


def session(server: Serving, key: str, headers: dict[str, str] | None = None) -> Any:
    """Return the Session that a key gets."""
    with httpx.Client(
        trust_env=False, headers={"Authorization": f"Bearer {key}", **(headers or {})}, timeout=60
    ) as client:
        return client.get(f"{server.url}/jmap/session").raise_for_status().json()


def warnings(server: Serving) -> list[str]:
    return [line for line in server.log if '"level":"WARNING"' in line]


def test_the_first_start_without_terminal_writes_a_key_that_works(tmp_path: Path) -> None:
    with serve(folder=tmp_path) as server:
        file = tmp_path / "data" / "admin-key"
        assert session(server, file.read_text().strip())["apiUrl"] == f"{server.url}/api"
        assert server.stop() == 0
        assert server.output == f"The administrator's API key is in {Path('data/admin-key')}\n"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_key_is_in_no_log(tmp_path: Path) -> None:
    with serve("--log-level", "debug", folder=tmp_path) as server:
        key = (tmp_path / "data" / "admin-key").read_text().strip()
        session(server, key)
        server.stop()
    assert key not in "".join(server.log) + server.output


def test_a_second_start_makes_no_key(tmp_path: Path) -> None:
    for _ in range(2):
        with serve(folder=tmp_path) as server:
            server.stop()
    assert server.output == ""


def test_the_key_of_the_environment_is_used_and_no_other_is_made(tmp_path: Path) -> None:
    with serve(folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY) as server:
        assert session(server, KEY)["accounts"].keys() == {"global"}
        server.stop()
    assert (server.output, (tmp_path / "data" / "admin-key").exists()) == ("", False)


def test_a_server_without_any_key_says_at_each_start_how_to_make_one(tmp_path: Path) -> None:
    with serve(folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY) as server:
        server.stop()
    assert not warnings(server)
    for _ in range(2):
        with serve(folder=tmp_path) as server:
            server.stop()
        (warning,) = warnings(server)
        assert "jmap-oauth api-key create" in warning


def test_a_server_that_loses_the_key_of_the_setting_but_has_another_warns_of_nothing(tmp_path: Path) -> None:
    run("api-key", "create", "--all-permissions", folder=tmp_path)
    with serve(folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY) as server:
        server.stop()
    with serve(folder=tmp_path) as server:
        server.stop()
    assert not warnings(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_stops_the_server_with_0(tmp_path: Path, number: signal.Signals, workers: str) -> None:
    with serve("--workers", workers, folder=tmp_path) as server:
        assert server.stop(number) == 0
    assert "Traceback" not in "".join(server.log)


def test_workers_stop_when_their_supervisor_was_killed(tmp_path: Path) -> None:
    with serve("--workers", "2", folder=tmp_path) as server:
        server.process.kill()

        server.stop()  # reads standard error to its end, which comes when no process holds it any more

    assert sum("Finished server process" in line for line in server.log) == 2


def test_every_worker_has_the_settings_of_the_command(tmp_path: Path) -> None:
    flags = ("--workers", "2", "--public-url", "https://id.example.com/", "--no-access-log")
    with serve(*flags, folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY) as server:
        urls = {session(server, KEY)["apiUrl"] for _ in range(8)}
    assert urls == {"https://id.example.com/api"}


def test_the_admin_key_is_in_the_environment_of_no_process_that_did_not_get_it_there(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").touch(mode=0o600)
    (tmp_path / "settings.toml").write_text(f'admin_key = "{KEY}"\nworkers = 2\n')
    with serve("--config", "settings.toml", folder=tmp_path) as server:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        if not children.exists():
            pytest.skip("this system does not show the environment of processes")
        environments = [Path(f"/proc/{id}/environ").read_bytes() for id in children.read_text().split()]
        assert session(server, KEY)["username"]
    assert len(environments) >= 2
    assert not [each for each in environments if KEY.encode() in each]


def test_a_taken_port_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, folder=tmp_path)
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert done.stderr.startswith(f"Error: cannot listen: {os.strerror(errno.EADDRINUSE)} ")
    assert (port in done.stderr, done.stderr.count("\n")) == (True, 1)


def test_a_name_without_address_is_an_error_that_names_it(tmp_path: Path) -> None:
    done = run("serve", "--host", "nowhere.invalid", "--allow-plain-http", folder=tmp_path)
    assert (done.returncode, "nowhere.invalid" in done.stderr, done.stderr.count("\n")) == (1, True, 1)


def test_a_worker_that_cannot_be_set_up_ends_as_one_that_is_not_to_be_started_again() -> None:
    script = (
        "from jmap_oauth.cli.server import Config; from jmap_oauth.config import Settings;"
        "Config(Settings(tls_certificate='gone.pem', tls_key='gone.pem')).load()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "The server cannot be set up" in done.stderr) == (3, True)


SLOW_START = """
import os, signal
from uvicorn.supervisors import Multiprocess
from jmap_oauth.cli.server import Config, Supervisor, listen
from jmap_oauth.config import Settings
settings = Settings(port=0, workers=2)
config = Config(settings)
config.timeout_worker_healthcheck = 0
with listen(settings) as listener:
    supervisor = Supervisor(config, listener, "")
    Multiprocess.init_processes(supervisor)
    slow, dying = [each.pid for each in supervisor.processes]
    os.kill(slow, signal.SIGSTOP)
    supervisor.processes[1].process.kill()
    supervisor.processes[1].process.join()
    for _ in range(3):
        supervisor.keep_subprocess_alive()
        print(slow in [each.pid for each in supervisor.processes], dying in [each.pid for each in supervisor.processes])
    for each in supervisor.processes:
        each.process.kill()
"""


def test_a_worker_that_has_not_answered_yet_is_left_to_start_and_one_that_died_is_replaced(tmp_path: Path) -> None:
    """uvicorn alone has patience for 5 s, here for none: where a start takes longer, no worker would ever serve."""
    command = [sys.executable, "-c", SLOW_START]
    done = subprocess.run(command, cwd=tmp_path, env=environment({}), capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n" * 3


STUCK = """
import os, signal
from uvicorn.supervisors import Multiprocess
from jmap_oauth.cli import server
from jmap_oauth.config import Settings
server.CLOSING_SECONDS = 0
settings = Settings(port=0, workers=1, stop_timeout=1)
with server.listen(settings) as listener:
    supervisor = server.Supervisor(server.Config(settings), listener, "")
    Multiprocess.init_processes(supervisor)
    [worker] = supervisor.processes
    os.kill(worker.pid, signal.SIGSTOP)
    os.waitpid(worker.pid, os.WUNTRACED)
    supervisor.terminate_all()
    supervisor.join_all()
    print(worker.exitcode)
"""


def test_a_stop_waits_no_longer_for_a_worker_that_is_stuck_than_for_what_was_begun(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STUCK]
    done = subprocess.run(command, cwd=tmp_path, env=environment({}), capture_output=True, text=True, check=True)
    assert int(done.stdout) == -signal.SIGKILL


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--database", "nowhere/clients.db", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n"), "nowhere" in done.stderr) == (1, "", 1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database\n" * 100)
    done = run("serve", "--port", "0", "--database", str(file), folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n"), file.name in done.stderr) == (1, "", 1, True)
    assert file.read_text() == "not a database\n" * 100


def test_tls_serves_https(tmp_path: Path) -> None:
    with serve(*PAIR, folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY) as server:
        import ssl

        context = ssl.create_default_context(cafile=str(TLS / "certificate.pem"))
        with httpx.Client(trust_env=False, verify=context, auth=("any", KEY), timeout=60) as client:
            answer = client.get(f"{server.url}/jmap/session")
    assert (server.url[:8], answer.json()["apiUrl"]) == ("https://", f"{server.url}/api")


@pytest.mark.parametrize(
    ("certificate", "key"), [("missing.pem", "key.pem"), ("certificate.pem", "certificate.pem"),
                             ("certificate.pem", "locked_key.pem")]
)  # fmt: skip
def test_tls_files_of_no_use_are_an_error_that_leaves_nothing_behind(
    tmp_path: Path, certificate: str, key: str
) -> None:
    flags = ("--tls-certificate", str(TLS / certificate), "--tls-key", str(TLS / key))
    done = run("serve", "--port", "0", *flags, folder=tmp_path)
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert done.stderr.startswith("Error: tls_certificate and tls_key cannot be used: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("trusted", "scheme"), [((), "http"), (("--trusted-proxies", "127.0.0.0/8"), "https")])
def test_proxy_headers_are_believed_from_trusted_addresses_only(
    tmp_path: Path, trusted: tuple[str, ...], scheme: str
) -> None:
    with serve(*trusted, folder=tmp_path, JMAP_OAUTH_ADMIN_KEY=KEY, FORWARDED_ALLOW_IPS="*") as server:
        forwarded = session(server, KEY, {"X-Forwarded-Proto": "https"})
    assert forwarded["apiUrl"] == f"{scheme}{server.url.removeprefix('http')}/api"


def test_an_answer_does_not_name_the_software(tmp_path: Path) -> None:
    with serve(folder=tmp_path) as server, httpx.Client(trust_env=False, timeout=60) as client:
        assert "server" not in client.get(f"{server.url}/healthz/live").raise_for_status().headers
