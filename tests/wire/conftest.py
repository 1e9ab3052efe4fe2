from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.served import ADMIN_KEY, serve_in_process
from tests.support.wire import Post


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server under test: JMAP_OAUTH_TEST_URL, else one in this process with a database of its own."""
    if url := os.environ.get("JMAP_OAUTH_TEST_URL"):
        async with httpx.AsyncClient(base_url=url) as client:
            yield client
    else:
        async with serve_in_process(tmp_path) as client:
            yield client


@pytest.fixture
def post(http: httpx.AsyncClient) -> Post:
    admin = os.environ.get("JMAP_OAUTH_TEST_KEY", ADMIN_KEY)

    async def send(key: str | None, request: Any) -> Any:
        headers = {"Authorization": f"Bearer {key or admin}"}
        return (await http.post("/api", json=request, headers=headers)).json()

    return send
