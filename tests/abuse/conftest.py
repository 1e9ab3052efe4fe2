"""What all abuse cases are tried on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from jmap_oauth.app import open_server
from jmap_oauth.config import Settings
from tests.abuse.callers import Caller, Site, make_tenant
from tests.support.served import ADMIN_KEY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A database of its own, hashes that cost little, and no end to the patience with wrong keys."""
    database = str(tmp_path / "test.db")
    return Settings(database=database, admin_key=ADMIN_KEY, argon2_memory=64, argon2_time=1, max_failed_logins=10_000)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """The whole server, with an administrator and the administrators of two tenants."""
    async with open_server(settings) as server, server.serving():
        transport = httpx.ASGITransport(app=server.http(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server.test") as http:
            admin = Caller(http, ADMIN_KEY)
            one, two = [await make_tenant(admin, name, server.permissions) for name in ("One", "Two")]
            yield Site(server, admin, one, two)


@pytest.fixture
def admin(site: Site) -> Caller:
    return site.admin
