"""The registry inside another program: a mail server's backend that asks about clients without a server between."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import msgspec

from jmap_oauth.app import Server, open_server
from jmap_oauth.config import Settings
from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.objects.registry import AuthenticateArguments, AuthenticateResponse


class OpenRegistry:
    """The clients of a database, to ask about until it is closed. It may be shared with running servers."""

    def __init__(self, server: Server, resources: AsyncExitStack) -> None:
        self._registry = server.registry
        self._resources = resources

    async def authenticate(
        self,
        client_id: str,
        *,
        secret: str | None = None,
        redirect_uri: str | None = None,
        grant_type: str | None = None,
        scopes: Collection[str] = (),
        origin: str | None = None,
        tenant: str | None = None,
    ) -> AuthenticateResponse:
        """Say whether a client is good for what is asked: `error` is null then, or the name of an OAuth error.

        Whoever relies on a secret looks at `authenticated`: it is true only if one was given and is right. With a
        `tenant`, an id, only that tenant's clients exist.

        Raises:
            ValueError: an argument is longer than anything that could be registered.
            Unavailable: the database cannot tell now.
        """
        given = {
            "clientId": client_id,
            "secret": secret,
            "redirectUri": redirect_uri,
            "grantType": grant_type,
            "scopes": [*scopes],
            "origin": origin,
        }
        asked = msgspec.convert(given, AuthenticateArguments)
        return await self._registry.authenticate(tenant or GLOBAL, asked)

    async def close(self) -> None:
        """Keep the dates of last use that are noted, and let go of the database."""
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def open_registry(settings: Settings) -> OpenRegistry:
    """Open the database of these settings; close what is returned, or use it in `async with`.

    Raises:
        DeclarationError: the setting `redirect_uri_schemes` names what can never be allowed.
        Unusable, Unavailable: the database cannot be opened.
    """
    resources = AsyncExitStack()
    server = await resources.enter_async_context(open_server(settings))
    await resources.enter_async_context(server.noting())
    return OpenRegistry(server, resources)
