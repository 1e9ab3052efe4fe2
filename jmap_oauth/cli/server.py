"""The server process: its port, its workers, its signals, and what has to be done before it serves."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import multiprocessing
import os
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.lifespan.on import LifespanOn
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from jmap_oauth.cli.first_key import hand_over
from jmap_oauth.cli.terminal import Failure
from jmap_oauth.config import Settings

BACKLOG = 2048
"""Connections that wait to be accepted; Linux takes net.core.somaxconn if that is less."""

PROBE_SECONDS = 60
"""Seconds without a byte after which a connection is probed; after as many again it is given up."""

READY_SECONDS = 1.0
"""How long the start waits for the workers before it looks whether it is to stop, and who has died."""

SILENT_SECONDS = 60
"""How long a worker that lives may say nothing before it is replaced: one that starts, or a machine that is busy."""

CLOSING_SECONDS = 5
"""How long a worker may take to end after its time for what was begun is over."""

RETRY_SECONDS = 1.0
"""How long a worker waits that could not start for the database, before the next one tries."""

YOUNG_OBJECTS = 10_000
"""New objects after which garbage is looked for among them. A request makes some hundred that all go by themselves."""

logger = logging.getLogger("jmap_oauth.serve")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        Failure: the server cannot start; if it has said so in the log already, this repeats it.
        SettingsError, Unavailable, Unusable: from the functions of app.
    """
    _check_tls_files(settings)
    # Taken first: a start that fails for its port leaves nothing behind. Clients that come early wait.
    with listen(settings) as listener:
        url = _url(settings, listener)
        server = (Supervisor if settings.workers > 1 else Server)(Config(settings), listener, url)
        _make_first_key(settings, url)
        if not server.serve_to_the_end():
            raise Failure("the server could not start; the log says why")


def _check_tls_files(settings: Settings) -> None:
    """Refuse files of no use here: uvicorn would ask for a password, and the supervisor restart workers for ever."""
    if settings.tls_certificate is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except OSError as error:
        raise Failure(f"tls_certificate and tls_key cannot be used: {error.strerror or error}") from None


def listen(settings: Settings) -> socket.socket:
    """Return the socket of the server, whose connections are probed while they are silent.

    Else a client that vanished without a word, as machines do that fall asleep, would keep its event stream for good:
    nothing is ever sent to it by which that could be noticed.

    Raises:
        Failure: the address is no address, or taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Failure(f"cannot listen: {error.strerror or error}") from None  # create_server names the address
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":  # elsewhere the system's own times count, which are about two hours
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBE_SECONDS)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_SECONDS // 4)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    return listener


def _url(settings: Settings, listener: socket.socket) -> str:
    """Return the URL of the server on this machine."""
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what stands for every address is none to visit
    host = loopback.get(settings.host, settings.host)
    scheme = "http" if settings.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _make_first_key(settings: Settings, url: str) -> None:
    from jmap_oauth.administration import first_key

    key = asyncio.run(first_key(settings))
    if key is not None:
        folder = settings.database_path.parent if settings.database_path else Path()
        hand_over(key.secret, folder, settings.public_url or url)


class Config(uvicorn.Config):
    """What uvicorn is told. Workers get it as a pickle, so that no secret has to be put into their environment.

    What cannot travel, the application and the class of its connections, each process makes for itself.
    """

    def __init__(self, settings: Settings) -> None:
        from jmap_oauth.app import create_app

        self.settings = settings
        super().__init__(
            functools.partial(create_app, settings, applied=True),
            factory=True,
            interface="asgi3",
            lifespan="on",
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            backlog=BACKLOG,
            loop="uvloop",
            ws="none",
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_keep_alive=settings.keep_alive_timeout,
            timeout_graceful_shutdown=settings.stop_timeout,
            timeout_worker_healthcheck=SILENT_SECONDS,
            server_header=False,
            access_log=False,
            log_config=None,
        )

    def configure_logging(self) -> None:
        from jmap_oauth.app import configure_logging

        super().configure_logging()
        configure_logging(self.settings)

    def load(self) -> None:
        from jmap_oauth.app import protocol_class

        _stop_with_parent()
        try:
            self.http = protocol_class(self.settings)
            super().load()
            self.lifespan_class = _Lifespan
        except Exception:
            # After any other exit code the supervisor would start the worker again and again.
            logger.exception("The server cannot be set up")
            sys.exit(STARTUP_FAILURE)


class _Lifespan(LifespanOn):
    """The start and the end of the application. A worker that cannot start for the database lets the next one try.

    The database was there when the first ones started: it is away, and when it is back all shall be as before.
    """

    async def startup(self) -> None:
        from jmap_oauth.app import TRY_AGAIN

        await super().startup()
        gc.collect()
        gc.freeze()  # what there is now stays, and need not be looked through again and again
        gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
        if self.should_exit and self.state.get(TRY_AGAIN):
            await asyncio.sleep(RETRY_SECONDS)
            sys.exit(os.EX_TEMPFAIL)


def _stop_with_parent() -> None:
    """Stop gracefully, in a worker, when the supervisor is gone: one that was killed could not say so."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


class Server(uvicorn.Server):
    """The server in this process."""

    def __init__(self, config: Config, listener: socket.socket, url: str) -> None:
        super().__init__(config)
        self._listener = listener
        self._url = url
        # A signal that comes before the server runs is kept for it. When it has stopped, uvicorn restores the handlers
        # it found and raises the signal again; as these do nothing more, the process ends with 0.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self.handle_exit)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        logger.info("Listening on %s", self._url)

    def serve_to_the_end(self) -> bool:
        """Serve, and tell whether it could be started."""
        with contextlib.suppress(SystemExit):  # how uvicorn ends when it cannot
            self.run([self._listener])
        return self.started


class Supervisor(Multiprocess):
    """The parent of several servers that share one port."""

    def __init__(self, config: Config, listener: socket.socket, url: str) -> None:
        super().__init__(config, [listener])
        self._url = url
        self._stop_timeout = config.settings.stop_timeout
        self._heard: dict[Process, float] = {}

    def init_processes(self) -> None:
        super().init_processes()
        while not self.should_exit.is_set():
            if all(process.wait_until_ready(READY_SECONDS, self.should_exit) for process in self.processes):
                logger.info("Listening on %s", self._url)
                return
            self.handle_signals()
            self.keep_subprocess_alive()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have died, and those that were silent for so long that they will not answer any more.

        uvicorn alone waits for the answer of each in turn, and while one is silent looks after no other.
        """
        now = time.monotonic()
        self._heard = {each: now if each.is_alive(0) else self._heard.get(each, now) for each in self.processes}
        gone = [each for each, at in self._heard.items() if each.exitcode is not None or now - at > SILENT_SECONDS]
        others = [each for each in self.processes if each not in gone]
        for each in gone:
            each.kill()
            each.join()
        self.processes = gone
        super().keep_subprocess_alive()
        self.processes += others

    def join_all(self) -> None:
        """Wait for workers that were told to stop, and kill those that do not: a stop ends, whatever is stuck."""
        until = time.monotonic() + self._stop_timeout + CLOSING_SECONDS
        for each in self.processes:
            each.process.join(max(0, until - time.monotonic()))
            if each.exitcode is None:
                logger.error("Worker %s did not stop in time and is killed", each.pid)
                each.kill()
        super().join_all()

    def serve_to_the_end(self) -> bool:
        """Serve, and tell whether all workers could be started."""
        self.run()
        return all(process.exitcode != STARTUP_FAILURE for process in self.processes)
