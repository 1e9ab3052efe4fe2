"""Mount the server in another Starlette application, below a path of its own.

Run it: JMAP_OAUTH_ADMIN_KEY=… JMAP_OAUTH_DATABASE=clients.db uvicorn examples.embed:app
and ask http://127.0.0.1:8000/clients/api. The folder of the database has to be there.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import jmap_oauth
from jmap_oauth.config import load_settings

clients = jmap_oauth.create_app(load_settings({}, os.environ, None))


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Serve as long as the application around it does: nobody runs the lifespan of what is mounted."""
    async with clients.running():
        yield


async def home(_: Request) -> PlainTextResponse:
    return PlainTextResponse("The clients are at /clients/api.\n")


app = Starlette(routes=[Route("/", home), Mount("/clients", clients)], lifespan=lifespan)
