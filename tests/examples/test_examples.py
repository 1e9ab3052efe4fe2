"""Each file of examples/ does what it says, against a server in a process of its own."""

from __future__ import annotations

import base64
import json
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwk, jwt

from tests.cli.process import ROOT, environment
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, ServerProcess, request_of, serve_process

EXAMPLES = ROOT / "examples"
KEY = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serve_process(tmp_path) as server:
        yield server


def run_example(*command: str) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment({"TOKEN": ADMIN_KEY}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def create(url: str, **clients: dict[str, Any]) -> dict[str, str]:
    """Create clients and return their ids."""
    request = request_of(("x:OAuthClient/set", {"create": clients}))
    answer = httpx.post(f"{url}/api", json=request, headers=KEY, trust_env=False, timeout=60).json()
    return {name: each["id"] for name, each in answer["methodResponses"][0][1]["created"].items()}


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sh")), reason="needs sh and curl")
def test_curl_sh_shows_the_documented_calls_one_after_the_other(server: ServerProcess) -> None:
    printed = run_example("sh", str(EXAMPLES / "curl.sh"), server.url)
    created, got, found, updated, destroyed = (
        json.loads(line)["methodResponses"][0] for line in printed.splitlines() if line
    )
    id = created[1]["created"]["new1"]["id"]
    assert (got[0], got[1]["list"][0]["clientId"]) == ("x:OAuthClient/get", "Example")
    assert (found[0], found[1]["ids"]) == ("x:OAuthClient/query", [id])
    assert (updated[1]["updated"], destroyed[1]["destroyed"]) == ({id: None}, [id])
    assert ADMIN_KEY not in printed


def test_python_client_py_prints_what_it_finds(server: ServerProcess) -> None:
    ids = create(
        server.url,
        b={"clientId": "webmail b"},
        a={"clientId": "webmail a", "redirectUris": {"https://app.example/cb": True}},
        other={"clientId": "calendar"},
    )
    script = str(EXAMPLES / "python_client.py")
    assert run_example(sys.executable, script, server.url, "webm").splitlines() == [
        f"{ids['a']} webmail a https://app.example/cb",
        f"{ids['b']} webmail b",
    ]
    assert len(run_example(sys.executable, script, server.url).splitlines()) == 3


def test_provision_toml_makes_clients_at_the_first_start_and_leaves_them_at_the_next(tmp_path: Path) -> None:
    variables = {f"THETASECURE_{name}_SECRET": f"secret-MARKER-{name}" for name in ("ADMIN", "SYNC")}
    answers = []
    for _ in range(2):
        flags = ("--provision", str(EXAMPLES / "provision.toml"), *QUICK_FLAGS)
        with serve_process(tmp_path, *flags, variables=variables) as server:
            answers.append(read_clients(server.url))
            assert server.stop() == 0
            assert "MARKER" not in server.log + server.output
    assert answers[0] == answers[1]
    assert {
        each["clientId"]: (each["tokenEndpointAuthMethod"], each["isProtected"]) for each in answers[0]["list"]
    } == {
        "ts_admin_client": ("client_secret_basic", True),
        "ts_sync_client": ("client_secret_basic", True),
        "thetasecure-mobile-app": ("none", True),
        "thetasecure-desktop-agent": ("none", True),
    }


def read_clients(url: str) -> Any:
    """Return all clients with their metadata, and the state that they are in."""
    request = request_of(("x:OAuthClient/get", {}))
    request["using"] = [*request["using"], "urn:jmap-oauth:metadata"]
    answer = httpx.post(f"{url}/api", json=request, headers=KEY, trust_env=False, timeout=60).json()
    return answer["methodResponses"][0][1]


@contextmanager
def uvicorn_serves(application: str, folder: Path, **variables: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run an application as its docstring says, on a free port, and yield its URL and process."""
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", application, "--port", "0"],
            cwd=folder,
            env=environment(variables),
            stdout=file,
            stderr=file,
        )
    with process:
        try:
            while not (found := re.search(r"running on (http://[0-9.]+:[0-9]+)", log.read_text())):
                assert process.poll() is None, log.read_text()
                time.sleep(0.02)
            yield found[1], process
        finally:
            process.kill()


def bearer(issuer: jwk.ECKey, **claims: Any) -> str:
    """Return a response of AUTH OAUTHBEARER with a token."""
    token = jwt.encode({"alg": "ES256"}, claims, issuer)
    return base64.b64encode(f"n,a=mia@example.com,\x01auth=Bearer {token}\x01\x01".encode()).decode()


@contextmanager
def mail_backend(folder: Path, keys: jwk.ECKey) -> Iterator[int]:
    """Run the mail server, and yield its port."""
    (folder / "keys.json").write_text(json.dumps({"keys": [keys.as_dict(private=False)]}))
    variables = {
        "JMAP_OAUTH_DATABASE": str(folder / "test.db"),
        "KEYS": str(folder / "keys.json"),
        "ISSUER": "https://id.example",
    }
    command = [sys.executable, str(EXAMPLES / "mail_backend.py"), "0"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(variables), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield int(process.stdout.readline().rpartition(" ")[2])
        finally:
            process.kill()


def test_mail_backend_py_takes_mail_from_registered_clients_until_they_are_disabled(
    server: ServerProcess, tmp_path: Path
) -> None:
    id = create(server.url, a={"clientId": "webmail"})["a"]
    issuer, stranger = jwk.ECKey.generate_key("P-256"), jwk.ECKey.generate_key("P-256")
    claims = {
        "iss": "https://id.example", "aud": "smtp", "exp": int(time.time()) + 600,
        "sub": "mia@example.com", "client_id": "webmail",
    }  # fmt: skip
    with mail_backend(tmp_path, issuer) as port:
        codes = [
            log_in(port, response)
            for response in (
                bearer(issuer, **claims),
                bearer(stranger, **claims),
                bearer(issuer, **claims | {"exp": 1}),
                bearer(issuer, **claims | {"aud": "imap"}),
                bearer(issuer, **claims | {"client_id": "unknown"}),
                bearer(issuer, **claims | {"sub": "eve@example.com"}),
            )
        ]
        disable(server.url, id)
        codes.append(log_in(port, bearer(issuer, **claims)))
    assert codes == [235, 535, 535, 535, 535, 535, 535]


def log_in(port: int, response: str) -> int:
    """Return the code with which a log-in ends; a refusal is first explained, and then confirmed by the client."""
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.ehlo()
        code, _ = smtp.docmd("AUTH", f"OAUTHBEARER {response}")
        return smtp.docmd("AQ==")[0] if code == 334 else code


def disable(url: str, id: str) -> None:
    request = request_of(("x:OAuthClient/set", {"update": {id: {"isEnabled": False}}}))
    request["using"] = [*request["using"], "urn:jmap-oauth:metadata"]
    httpx.post(f"{url}/api", json=request, headers=KEY, trust_env=False, timeout=60).raise_for_status()


def test_embed_py_serves_below_a_path_of_another_application(tmp_path: Path) -> None:
    variables = {"JMAP_OAUTH_ADMIN_KEY": ADMIN_KEY, "JMAP_OAUTH_DATABASE": str(tmp_path / "clients.db")}
    with uvicorn_serves("examples.embed:app", tmp_path, **variables) as (url, process):
        with httpx.Client(base_url=url, headers=KEY, trust_env=False, timeout=60) as client:
            home = client.get("/").text
            session = client.get("/clients/jmap/session").json()
            create(session["apiUrl"].removesuffix("/api"), a={"clientId": "a"})
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert home == "The clients are at /clients/api.\n"
    assert session["apiUrl"] == f"{url}/clients/api"
    assert "Traceback" not in (tmp_path / "log").read_text()
