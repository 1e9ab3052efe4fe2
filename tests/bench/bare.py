"""The bare app: `python -m tests.bench.bare answer.json 1`, the measure that the server is held to, with one worker.

It reads a body, decodes it, encodes a given answer anew and sends it, and does nothing else: no key, no limit, no
database, no log, no header but the two that must be. uvicorn gets the same arguments as from `jmap-oauth serve`, but
for its own protocol class where the server has the one with bounds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.types import Receive, Scope, Send

from jmap_oauth.cli.server import Config, Server, Supervisor
from jmap_oauth.config import Settings

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


class BareApp:
    """An ASGI app with one answer to everything."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        _decoder.decode(body)
        answer = _encoder.encode(self._answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


class BareConfig(Config):
    """The arguments for uvicorn of `jmap-oauth serve`, with another app."""

    def __init__(self, answer: Any, workers: int) -> None:
        super().__init__(Settings(port=0, workers=workers))
        self.app = BareApp(answer)
        self.factory = False
        self.lifespan = "off"
        self.http = "httptools"

    def load(self) -> None:
        uvicorn.Config.load(self)


if __name__ == "__main__":
    config = BareConfig(msgspec.json.decode(Path(sys.argv[1]).read_bytes()), int(sys.argv[2]))
    listener = config.bind_socket()
    start = Supervisor if config.workers > 1 else Server
    start(config, listener, f"http://127.0.0.1:{listener.getsockname()[1]}").serve_to_the_end()
