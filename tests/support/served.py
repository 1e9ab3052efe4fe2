"""The whole server, in this process or in one of its own."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from jmap_oauth.app import create_app
from jmap_oauth.config import Settings
from tests.cli.forked import Forked
from tests.cli.process import COMMAND, environment

ADMIN_KEY = "test-administrator-key-0123456789"
USING = ("urn:ietf:params:jmap:core", "urn:stalwart:jmap")

# Far less than Argon2 may cost in settings: tests make many hashes and attack none.
QUICK = {"argon2_memory": 64, "argon2_time": 1}
# The least that settings may name.
QUICK_FLAGS = ("--argon2-memory", "7168", "--argon2-time", "1")

TRUST_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP, each of which would else read all certificates that the system trusts, for 20 ms."""


@asynccontextmanager
async def serve_in_process(folder: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Serve from a database in `folder`, and return a client without any credentials."""
    values = {"database": str(folder / "test.db"), "admin_key": ADMIN_KEY, "access_log": False, **QUICK, **settings}
    app = create_app(Settings(**values))
    async with app.running():
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server.test") as client:
            yield client


class ServerProcess:
    """A server in a process of its own. It writes to two files, so that no pipe can fill and stop it."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes] | Forked) -> None:
        self.process = process
        self.folder = folder
        self.database = folder / "test.db"
        self.url = self._wait_until_it_listens()

    @property
    def output(self) -> str:
        return (self.folder / "stdout").read_text("utf-8")

    @property
    def log(self) -> str:
        return (self.folder / "stderr").read_text("utf-8")

    def _wait_until_it_listens(self) -> str:
        while True:
            ended = self.process.poll() is not None
            if found := re.search(r"Listening on (https?://[0-9.]+:[0-9]+)", self.log):
                return found[1]
            assert not ended, self.log
            time.sleep(0.01)

    def client(self, key: str = ADMIN_KEY) -> httpx.AsyncClient:
        """Return a client with a key. It waits long for an answer: pytest ends a test that hangs before."""
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, verify=TRUST_NOBODY, timeout=300)

    def kill(self) -> None:
        """End it as the loss of power would: it can do nothing more."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 60) -> int:
        """Ask it to stop, and return its exit code; one that takes longer than this many seconds is an error."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def serve_process(
    folder: Path, *flags: str, prefix: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Run `serve` on the database `test.db` in a folder, on a free port; `prefix` is a command that runs it."""
    arguments = ["serve", "--port", "0", "--database", "test.db", *flags]
    environ = environment({"JMAP_OAUTH_ADMIN_KEY": ADMIN_KEY, **(variables or {})})
    process: subprocess.Popen[bytes] | Forked
    with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as log, Path(os.devnull).open() as no:
        if prefix:
            command = [*prefix, *COMMAND, *arguments]
            process = subprocess.Popen(command, cwd=folder, env=environ, stdin=no, stdout=output, stderr=log)
        else:
            process = Forked(arguments, folder=folder, variables=environ, streams=(no, output, log))
    with process:
        try:
            yield ServerProcess(folder, process)
        finally:
            process.kill()


def request_of(*calls: tuple[str, Mapping[str, Any]], **members: Any) -> dict[str, Any]:
    """Return a Request with the method call ids c0, c1, …"""
    named = [[name, arguments, f"c{number}"] for number, (name, arguments) in enumerate(calls)]
    return {"using": USING, "methodCalls": named, **members}


async def call(client: httpx.AsyncClient, name: str, **arguments: Any) -> Any:
    """Send one method call and return what it is answered with; an error as {"type": …}."""
    response = await client.post("/api", json=request_of((name, arguments)))
    response.raise_for_status()
    return response.json()["methodResponses"][0][1]
