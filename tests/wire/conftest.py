from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.served import ADMIN_KEY, serve_in_process
from tests.support.stores import lend_database
from tests.support.wire import Post

SERVED = os.environ.get("JMAP_OAUTH_TEST_URL")


@pytest.fixture(params=["given"] if SERVED else ["sqlite", "postgresql"])
async def http(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server under test: JMAP_OAUTH_TEST_URL, else one in this process with a database of its own."""
    if SERVED:
        async with httpx.AsyncClient(base_url=SERVED) as client:
            yield client
        return
    database = await lend_database(request.param, tmp_path)
    async with serve_in_process(tmp_path, database=database) as client:
        yield client


@pytest.fixture
def post(http: httpx.AsyncClient) -> Post:
    admin = os.environ.get("JMAP_OAUTH_TEST_KEY", ADMIN_KEY)

    async def send(key: str | None, request: Any) -> Any:
        headers = {"Authorization": f"Bearer {key or admin}"}
        return (await http.post("/api", json=request, headers=headers)).json()

    return send
