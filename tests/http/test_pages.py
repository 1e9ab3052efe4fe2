from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import jmap_oauth
from tests.http.serving import World, connect

WEB = Path(jmap_oauth.__file__).parent / "web"

PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


@pytest.fixture
async def site() -> AsyncIterator[httpx.AsyncClient]:
    async with connect(World(web=WEB).app()) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "file", "media_type"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/static/index.html", "index.html", "text/html; charset=utf-8"),
        ("/static/style.css", "style.css", "text/css; charset=utf-8"),
    ],
)
async def test_files_need_no_key_and_come_with_strict_headers(
    site: httpx.AsyncClient, path: str, file: str, media_type: str
) -> None:
    response = await site.get(path)

    assert (response.status_code, response.content) == (200, (WEB / file).read_bytes())
    assert response.headers["content-type"] == media_type
    assert {name: response.headers[name] for name in PAGE_HEADERS} == PAGE_HEADERS
    assert len(response.headers.get_list("content-security-policy")) == 1


async def test_a_file_that_is_known_is_not_sent_again(site: httpx.AsyncClient) -> None:
    tag = (await site.get("/")).headers["etag"]

    known = await site.get("/", headers={"if-none-match": f'"other", W/{tag}'})
    changed = await site.get("/", headers={"if-none-match": '"other"'})

    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert changed.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/none.css",
        "/static/../routes.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/..%5capp.py",
        "/static/style.css%00",
        "/static/STYLE.CSS",
    ],
)
async def test_nothing_else_is_a_file(site: httpx.AsyncClient, path: str) -> None:
    assert (await site.get(path)).status_code == 404


async def test_only_files_of_known_types_are_served(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("deep/a.js", "notes.txt", ".hidden", "secret.py"):
        (tmp_path / name).write_text("1")
    async with connect(World(web=tmp_path).app()) as client:
        statuses = {
            name: (await client.get(f"/static/{name}")).status_code
            for name in ("deep/a.js", "notes.txt", ".hidden", "secret.py", "deep")
        }

    assert statuses == {"deep/a.js": 200, "notes.txt": 404, ".hidden": 404, "secret.py": 404, "deep": 404}


async def test_every_file_and_path_that_the_page_names_is_there(site: httpx.AsyncClient) -> None:
    named = re.findall(r'(?:href|src)="([^":]+)"', (await site.get("/")).text)

    assert named == ["static/style.css", "jmap/session", "api/schema", "healthz/ready"]
    assert [(await site.get("/" + path)).status_code for path in named] == [200, 401, 401, 200]
