"""The files of examples/ for systemd, nginx and containers: their own tools accept them, and they run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from jmap_oauth.config import load_settings
from tests.cli.process import ROOT, environment, kept_port
from tests.support.served import ADMIN_KEY, ServerProcess, request_of, serve_process

EXAMPLES = ROOT / "examples"
UNIT = (EXAMPLES / "jmap-oauth.service").read_text("utf-8")
SITE = (EXAMPLES / "nginx.conf").read_text("utf-8")
CONTAINER = (EXAMPLES / "Containerfile").read_text("utf-8")
TLS = ROOT / "tests" / "cli" / "tls"
KEY = {"Authorization": f"Bearer {ADMIN_KEY}"}
HOST = {"Host": "oauth.example.com"}

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
needs_nginx = pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx")


# --- jmap-oauth.service ---


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit, with a program that is there on this machine."""
    path = tmp_path / "jmap-oauth.service"
    path.write_text(UNIT.replace("/opt/jmap-oauth/bin/jmap-oauth", sys.executable))
    return path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_systemd_counts_the_unit_among_the_least_exposed(unit: Path) -> None:
    done = analyze("security", "--no-pager", "--offline=true", "--threshold=15", str(unit))
    assert done.returncode == 0, done.stdout


def test_the_command_of_the_unit_reads_the_key_from_the_credentials(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'admin_key = "{ADMIN_KEY}"\n')
    settings.chmod(0o400)
    (command,) = re.findall(r"^ExecStart=\S+ serve (.*)$", UNIT, re.MULTILINE)
    folders = {"${CREDENTIALS_DIRECTORY}": str(tmp_path), "${STATE_DIRECTORY}": str(tmp_path)}
    for name, folder in folders.items():
        command = command.replace(name, folder)
    without_variable = ("env", "-u", "JMAP_OAUTH_ADMIN_KEY")
    with serve_process(tmp_path, *shlex.split(command), prefix=without_variable) as server:
        assert httpx.get(f"{server.url}/jmap/session", headers=KEY, trust_env=False, timeout=60).status_code == 200
        assert server.stop() == 0
    assert (tmp_path / "jmap-oauth.db").exists()


# --- nginx.conf ---


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """Two free ports, on which nobody listens yet."""
    with kept_port() as one, kept_port() as other:
        yield int(one), int(other)


class Site:
    """The site on free ports, in a configuration of nginx that stays in one folder."""

    def __init__(self, folder: Path, server: str, ports: tuple[int, int]) -> None:
        self.plain, self.secure = f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}"
        site = re.sub(r"^ *listen \[::\].*\n", "", SITE, flags=re.MULTILINE)
        for old, new in {
            "listen 80;": f"listen 127.0.0.1:{ports[0]};",
            "listen 443 ": f"listen 127.0.0.1:{ports[1]} ",
            "127.0.0.1:8080": server,
            "/etc/ssl/oauth.example.com/fullchain.pem": str(TLS / "certificate.pem"),
            "/etc/ssl/oauth.example.com/privkey.pem": str(TLS / "key.pem"),
        }.items():
            assert old in site
            site = site.replace(old, new)
        temporary = [f"{name}_temp_path tmp-{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
        own = "daemon off; master_process off; pid nginx.pid; error_log stderr; events {}"
        (folder / "site.conf").write_text(site)
        (folder / "nginx.conf").write_text(f"{own} http {{ access_log off; {' '.join(temporary)} include site.conf; }}")
        self.command = ["nginx", "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serve_process(tmp_path, "--trusted-proxies", "127.0.0.1") as server:
        yield server


@pytest.fixture
def site(server: ServerProcess, tmp_path: Path, ports: tuple[int, int]) -> Iterator[Site]:
    site = Site(tmp_path, server.url.removeprefix("http://"), ports)
    with (tmp_path / "nginx.log").open("wb") as log, subprocess.Popen(site.command, stderr=log) as nginx:
        try:
            wait_until_it_listens(nginx, site, tmp_path / "nginx.log")
            yield site
        finally:
            nginx.kill()


def wait_until_it_listens(nginx: subprocess.Popen[bytes], site: Site, log: Path) -> None:
    while True:
        assert nginx.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", int(site.secure.rpartition(":")[2]))).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)


@contextmanager
def browser(site: Site) -> Iterator[httpx.Client]:
    trusting = ssl.create_default_context(cafile=TLS / "certificate.pem")
    trusting.check_hostname = False
    with httpx.Client(
        base_url=site.secure, headers={**KEY, **HOST}, verify=trusting, trust_env=False, timeout=300
    ) as client:
        yield client


@needs_nginx
def test_nginx_finds_nothing_wrong_with_the_site(tmp_path: Path, ports: tuple[int, int]) -> None:
    site = Site(tmp_path, "127.0.0.1:8080", ports)
    done = subprocess.run([*site.command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@needs_nginx
def test_through_nginx_the_session_has_the_urls_that_people_use(site: Site) -> None:
    with browser(site) as client:
        answer = client.get("/jmap/session")
    assert answer.json()["apiUrl"] == "https://oauth.example.com/api"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@needs_nginx
def test_through_nginx_events_come_as_they_happen(site: Site) -> None:
    request = request_of(("x:OAuthClient/set", {"create": {"a": {"clientId": "a"}}}))
    with browser(site) as client, client.stream("GET", "/jmap/eventsource?types=x:OAuthClient") as events:
        lines = events.iter_lines()
        client.post("/api", json=request).raise_for_status()
        data = next(line for line in lines if line.startswith("data:"))
    assert set(json.loads(data[5:])["changed"]["global"]) == {"x:OAuthClient"}


@needs_nginx
@pytest.mark.parametrize(
    ("size", "status", "told"),
    [(9_900_000, 200, "methodResponses"), (10_500_000, 400, "maxSizeRequest"), (17_000_000, 413, "413")],
    ids=["as large as may be", "refused by the server", "refused by nginx"],
)
def test_nginx_lets_bodies_pass_that_the_server_takes(site: Site, size: int, status: int, told: str) -> None:
    with browser(site) as client:
        answer = client.post("/api", json=request_of(("Core/echo", {"text": "x" * size})))
    assert answer.status_code == status
    assert told in answer.text[-2_000:] + answer.text[:2_000]


@needs_nginx
def test_nobody_chooses_the_address_that_the_audit_trail_sees(site: Site) -> None:
    create = ("x:OAuthClient/set", {"create": {"a": {"clientId": "a"}}})
    read = ("x:AuditEvent/get", {"properties": ["objectType", "remoteIp"]})
    with browser(site) as client:
        answer = client.post("/api", json=request_of(create, read), headers={"X-Forwarded-For": "203.0.113.9"})
    events = answer.json()["methodResponses"][1][1]["list"]
    assert [each["remoteIp"] for each in events if each["objectType"] == "x:OAuthClient"] == ["127.0.0.1"]


@needs_nginx
def test_in_the_clear_the_site_answers_nothing_but_the_way_to_the_page(site: Site) -> None:
    with httpx.Client(base_url=site.plain, headers=HOST, trust_env=False, timeout=60) as client:
        page, api = client.get("/"), client.post("/api", json=request_of(("Core/echo", {})), headers=KEY)
    assert (page.status_code, page.headers["Location"]) == (301, "https://oauth.example.com/")
    assert api.status_code == 404


@needs_nginx
def test_the_metrics_are_not_for_the_network(site: Site) -> None:
    with browser(site) as client:
        assert client.get("/metrics").status_code == 404


# --- Containerfile ---


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", CONTAINER)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def test_the_container_is_that_of_a_plain_user() -> None:
    names = [name for name, _ in instructions()]
    users = [rest for name, rest in instructions() if name == "USER"]
    assert users == ["10001:10001"]
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_the_images_it_begins_with_are_of_no_registry_in_particular() -> None:
    images = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    assert images
    assert all(re.fullmatch(r"[a-z]+:[a-z0-9.-]+", each) for each in images)


def test_the_variables_of_the_container_are_settings(tmp_path: Path) -> None:
    (variables,) = (rest for name, rest in instructions() if name == "ENV")
    settings = load_settings({}, dict(each.split("=", 1) for each in variables.split()), None)
    assert (settings.host, settings.port, settings.allow_plain_http) == ("0.0.0.0", 8080, True)
    (volume,) = (rest for name, rest in instructions() if name == "VOLUME")
    assert settings.database == f"{volume}/jmap-oauth.db"


def test_what_the_container_copies_is_all_that_an_installation_needs(tmp_path: Path) -> None:
    source, installed = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    for *names, target in (rest.split() for name, rest in instructions() if name == "COPY" and "--from" not in rest):
        for each in names:
            origin = ROOT / each
            if origin.is_dir():
                shutil.copytree(origin, source / target)
            else:
                shutil.copy(origin, source / target)
    (command,) = (rest for name, rest in instructions() if name == "RUN" and rest.endswith(" ."))
    arguments = shlex.split(command)[1:]
    pip = [sys.executable, "-m", "pip", *arguments, "--no-index", "--quiet", "--target", str(installed)]
    subprocess.run(pip, cwd=source, env=environment({}), check=True)
    assert (installed / "jmap_oauth" / "schema" / "objects.json").exists()
    assert (installed / "jmap_oauth" / "web" / "index.html").exists()
