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
    "vary": "Accept-Encoding",
}
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture
async def site() -> AsyncIterator[httpx.AsyncClient]:
    async with connect(World(web=WEB).app()) as client:
        yield client


async def named_files(site: httpx.AsyncClient) -> list[str]:
    """Return the paths of the files that the page names."""
    return re.findall(r'(?:href|src)="(static/[^"]+)"', (await site.get("/")).text)


async def test_the_page_needs_no_key_is_strict_and_asked_about_each_time(site: httpx.AsyncClient) -> None:
    response = await site.get("/")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert {name: response.headers[name] for name in PAGE_HEADERS} == PAGE_HEADERS
    assert len(response.headers.get_list("content-security-policy")) == 1


async def test_every_file_of_the_page_is_named_by_it_and_kept_for_ever(site: httpx.AsyncClient) -> None:
    named = await named_files(site)
    parts = f"{Path(named[0]).parent}/parts.html"  # which app.js asks for

    assert {Path(path).name for path in named} == {path.name for path in WEB.iterdir()} - {"index.html", "parts.html"}
    for path in (*named, parts):
        response = await site.get(path, headers=PLAIN)
        assert (response.status_code, response.content) == (200, (WEB / Path(path).name).read_bytes())
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert {name: response.headers[name] for name in PAGE_HEADERS} == PAGE_HEADERS


async def test_files_come_as_gzip_to_those_who_take_it(site: httpx.AsyncClient) -> None:
    [style] = [path for path in await named_files(site) if path.endswith("style.css")]

    compressed = await site.get(style, headers={"accept-encoding": "br, gzip"})
    plain = await site.get(style, headers=PLAIN)

    assert (compressed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
    assert int(compressed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert compressed.content == plain.content == (WEB / "style.css").read_bytes()


async def test_another_content_has_another_address(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="static/a.js"></script>')
    addresses = set()
    for content in ("1", "2"):
        (tmp_path / "a.js").write_text(content)
        async with connect(World(web=tmp_path).app()) as client:
            [path] = await named_files(client)
            assert (await client.get(path)).text == content
            addresses.add(path)

    assert len(addresses) == 2


async def test_a_file_that_is_known_is_not_sent_again(site: httpx.AsyncClient) -> None:
    tag = (await site.get("/")).headers["etag"]

    known = await site.get("/", headers={"if-none-match": f'"other", {tag}'})
    strong = await site.get("/", headers={"if-none-match": tag.removeprefix("W/")})
    changed = await site.get("/", headers={"if-none-match": '"other"'})

    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert (strong.status_code, changed.status_code) == (304, 200)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "none.css",
        "../routes.py",
        "%2e%2e/app.py",
        "..%2fapp.py",
        "/etc/passwd",
        "%2fetc/passwd",
        "..%5capp.py",
        "style.css%00",
        "STYLE.CSS",
        "index.html",
    ],
)
async def test_nothing_else_is_a_file(site: httpx.AsyncClient, path: str) -> None:
    folder = (await named_files(site))[0].rpartition("/")[0]
    assert (await site.get(f"/{folder}/{path}")).status_code == 404
    assert (await site.get(f"/static/{path}")).status_code == 404


async def test_only_files_of_known_types_are_served(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    names = ("deep/a.js", "notes.txt", ".hidden", "secret.py")
    for name in names:
        (tmp_path / name).write_text("1")
    (tmp_path / "index.html").write_text(" ".join(f'src="static/{name}"' for name in (*names, "deep")))
    async with connect(World(web=tmp_path).app()) as client:
        statuses = [(await client.get(path)).status_code for path in await named_files(client)]

    assert statuses == [200, 404, 404, 404, 404]


def test_script_and_style_are_less_than_100_kilobytes_as_they_are_written() -> None:
    assert sum(path.stat().st_size for path in WEB.iterdir() if path.suffix in {".js", ".css"}) < 100_000


async def test_the_page_and_all_that_it_names_is_less_than_64_kilobytes_on_the_wire(site: httpx.AsyncClient) -> None:
    paths = ["/", *await named_files(site)]
    answers = [await site.get(path, headers={"accept-encoding": "gzip"}) for path in paths]

    assert sum(int(each.headers["content-length"]) for each in answers) < 64_000
