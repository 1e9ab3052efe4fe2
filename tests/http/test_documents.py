from __future__ import annotations

import base64
import gzip
import hashlib

import httpx
import pytest

from tests.http.serving import READER, SCHEMA, World, bearer, connect

CONTENT = gzip.compress(SCHEMA, mtime=0)
HASH = base64.urlsafe_b64encode(hashlib.sha256(CONTENT).digest()).decode().rstrip("=")


@pytest.mark.parametrize("path", ["/api/schema", "/api/schema/stale"])
async def test_the_schema_is_found_under_its_hash(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, headers=bearer())

    assert (response.status_code, response.content) == (302, b"")
    assert response.headers["location"] == f"/api/schema/{HASH}"
    assert response.headers["cache-control"] == "no-store"


async def test_the_schema_is_gzip_whatever_is_accepted_and_never_changes(client: httpx.AsyncClient) -> None:
    headers = {**bearer(READER), "accept-encoding": "identity"}
    async with client.stream("GET", f"/api/schema/{HASH}", headers=headers) as response:
        content = b"".join([piece async for piece in response.aiter_raw()])

    assert (response.status_code, content) == (200, CONTENT)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_the_redirect_stays_below_the_path_of_the_public_url(world: World) -> None:
    async with connect(world.app(public_url="https://id.example/admin")) as client:
        response = await client.get("/api/schema", headers=bearer())

    assert response.headers["location"] == f"/admin/api/schema/{HASH}"


async def test_the_account_lists_what_the_key_may_do(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/account", headers=bearer())

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "permissions": ["sysMetricsGet", "sysWidgetCreate", "sysWidgetGet"],
        "edition": "enterprise",
        "locale": "en_US",
    }
