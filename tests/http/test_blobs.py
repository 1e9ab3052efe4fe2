"""Upload and download (RFC 8620 sections 6.1 and 6.2), over a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jmap_oauth.http.blobs import disposition_of, harmless_type, read_media_type
from jmap_oauth.methods.blob import Blobs
from jmap_oauth.protocol.types import Limits
from jmap_oauth.store.interface import Store
from jmap_oauth.store.sqlite import open_sqlite
from tests.http.serving import COLLEAGUE, KEY, READER, TEAM_KEY, World, bearer, connect, serve
from tests.support.served import ADMIN_KEY, call, request_of, serve_in_process
from tests.support.stores import SQLITE_MIGRATIONS, look
from tests.support.widget import make_model

LIMIT = "urn:ietf:params:jmap:error:limit"
UPLOAD = "/jmap/upload/global"
OCTETS = "application/octet-stream"
LIMITS = Limits(max_size_upload=1000, max_concurrent_upload=2, max_concurrent_requests=1)
NOT_FOUND = {"type": "about:blank", "status": 404, "title": "Not Found", "detail": "There is no such account or blob."}
ID_OF_HELLO = "b5jp4reivm2hgs9n87clcbef2jodhc7is3ujk4njj0gpm54sbj0i0"


@dataclass
class Clock:
    """A clock that stands still unless it is set on."""

    time: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_sqlite(tmp_path / "widgets.db", make_model(), SQLITE_MIGRATIONS)
    yield store
    await store.close()


@pytest.fixture
def world(store: Store, clock: Clock) -> World:
    return World(limits=LIMITS, blobs=Blobs(store, hours=24, quota=100_000, clock=clock))


async def upload(client: httpx.AsyncClient, data: Any, key: str = KEY, account: str = "global", **headers: str) -> Any:
    """Upload and return the answer, which must be a success."""
    response = await client.post(f"/jmap/upload/{account}", content=data, headers={**bearer(key), **headers})
    assert response.status_code == 201, response.text
    return response.json()


def problem(response: httpx.Response) -> Any:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    return response.json()


def url_of(id: str, account: str = "global", name: str = "file", query: str = "") -> str:
    return f"/jmap/download/{account}/{id}/{name}{query}"


# Upload


@pytest.mark.parametrize("path", [UPLOAD, UPLOAD + "/"])
async def test_an_upload_is_answered_with_its_id(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, content=b"hello", headers={**bearer(), "content-type": "text/plain"})

    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {"accountId": "global", "blobId": ID_OF_HELLO, "type": "text/plain", "size": 5}


async def test_a_key_of_a_tenant_uploads_to_its_own_account(client: httpx.AsyncClient) -> None:
    answer = await upload(client, b"hello", TEAM_KEY, "t1")

    assert answer == {"accountId": "t1", "blobId": ID_OF_HELLO, "type": OCTETS, "size": 5}


async def test_an_empty_upload_is_one(client: httpx.AsyncClient) -> None:
    answer = await upload(client, b"")

    assert (answer["size"], (await client.get(url_of(answer["blobId"]), headers=bearer())).content) == (0, b"")


@pytest.mark.parametrize(
    "type",
    [
        "image/png",
        "Text/HTML; Charset=UTF-8",
        'multipart/form-data ; boundary="a \\" b;c"; x=1',
        "application/vnd.a+json;;",
        "a/" + "b" * 253,
    ],
)
async def test_the_type_of_an_upload_is_told_as_it_was_given(client: httpx.AsyncClient, type: str) -> None:
    assert (await upload(client, b"x", **{"content-type": type}))["type"] == type


NO_TYPES = [
    "", "text", "text/", "/plain", "text/plain/x", "text plain", "text/plain; charset", "text/plain charset=x",
    'text/plain; a="', "text/plain, text/html", "text/plaïn", "text/plain; a=b c", "*", "a/" + "b" * 254,
    "text/plain;" + " ;" * 100 + "!/",
]  # fmt: skip


@pytest.mark.parametrize("type", NO_TYPES)
async def test_what_is_no_type_stands_for_plain_bytes(client: httpx.AsyncClient, type: str) -> None:
    headers = [*bearer().items(), ("content-type", type.encode())]
    response = await client.post(UPLOAD, content=b"x", headers=headers)  # type: ignore[arg-type]  # bytes beyond ASCII

    assert response.json()["type"] == OCTETS


@pytest.mark.parametrize("account", ["t1", "nobody", "GLOBAL", "global%20", "global%0a"])
async def test_a_foreign_and_an_unknown_account_are_alike_not_there(client: httpx.AsyncClient, account: str) -> None:
    response = await client.post(f"/jmap/upload/{account}", content=b"x", headers=bearer())

    assert problem(response) == NOT_FOUND


async def test_a_key_that_may_change_nothing_may_not_upload(client: httpx.AsyncClient) -> None:
    response = await client.post("/jmap/upload/t1", content=b"x", headers=bearer(READER))

    assert problem(response) == {
        "type": "about:blank",
        "status": 403,
        "title": "Forbidden",
        "detail": "A key that may change nothing may not upload.",
    }


@pytest.mark.parametrize(("method", "path"), [("POST", UPLOAD), ("GET", url_of("b"))])
async def test_without_a_key_there_is_nothing(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path, headers=bearer("wrong"))

    assert (problem(response)["status"], response.headers["www-authenticate"][:6]) == (401, "Bearer")


async def test_a_browser_cannot_be_made_to_upload_with_what_it_has_stored(client: httpx.AsyncClient) -> None:
    headers = {"origin": "https://evil.example", "content-type": "text/plain"}
    forged = await client.post(UPLOAD, content=b"x", headers=headers, auth=("ada", KEY))
    meant = await client.post(UPLOAD, content=b"x", headers={**headers, **bearer()})
    plain = await client.post(UPLOAD, content=b"x", auth=("ada", KEY))

    assert problem(forged)["detail"] == "To upload from a web page, send the key as Bearer token."
    assert [forged.status_code, meant.status_code, plain.status_code] == [403, 201, 201]


TOO_LARGE = {
    "type": LIMIT,
    "status": 400,
    "title": "Limit reached",
    "detail": "The request is larger than 1000 bytes.",
    "limit": "maxSizeUpload",
}


async def test_an_upload_may_be_as_large_as_the_limit_and_no_larger(client: httpx.AsyncClient) -> None:
    assert (await upload(client, b"x" * 1000))["size"] == 1000
    assert problem(await client.post(UPLOAD, content=b"x" * 1001, headers=bearer())) == TOO_LARGE


async def test_an_upload_is_counted_while_it_is_read(client: httpx.AsyncClient, tmp_path: Path) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            read.append(b" " * 300)
            yield read[-1]

    assert problem(await client.post(UPLOAD, content=body(), headers=bearer())) == TOO_LARGE
    assert len(read) == 4
    assert look(tmp_path / "widgets.db", "SELECT id FROM blob") == []


@pytest.mark.parametrize(
    ("change", "status"),
    [(None, 401), ({"permissions": frozenset({"sysWidgetGet"})}, 403)],
    ids=["revoked", "with less permissions"],
)
async def test_a_key_that_changes_while_the_body_arrives_counts_as_it_is_then(
    client: httpx.AsyncClient, world: World, tmp_path: Path, change: dict[str, Any] | None, status: int
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"begun"
        known = world.keys.principals.pop(KEY)
        if change:
            world.keys.principals[KEY] = known._replace(**change)
        yield b", ended"

    response = await client.post(UPLOAD, content=body(), headers=bearer())

    assert problem(response)["status"] == status
    assert look(tmp_path / "widgets.db", "SELECT id FROM blob") == []


async def test_an_account_has_so_many_uploads_at_once(client: httpx.AsyncClient) -> None:
    begun, release = asyncio.Semaphore(0), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        begun.release()
        await release.wait()
        yield b"x"

    first = [asyncio.create_task(upload(client, body(), key)) for key in (KEY, COLLEAGUE)]
    for _ in first:
        await begun.acquire()
    refused = await client.post(UPLOAD, content=b"x", headers=bearer(COLLEAGUE))
    await upload(client, b"x", TEAM_KEY, "t1")
    release.set()
    await asyncio.gather(*first)
    await upload(client, b"x")

    assert problem(refused) == {
        "type": LIMIT,
        "status": 400,
        "title": "Limit reached",
        "detail": "More than 2 uploads at once to one account.",
        "limit": "maxConcurrentUpload",
    }


async def test_what_is_refused_does_not_count_as_an_upload(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        await client.post(UPLOAD, content=b"x" * 1001, headers=bearer())

    await upload(client, b"x")


@pytest.mark.parametrize(("method", "path"), [("POST", UPLOAD), ("GET", url_of("b"))])
async def test_a_store_that_does_not_answer_is_told(method: str, path: str) -> None:
    async with connect(World().app()) as client:
        response = await client.request(method, path, headers=bearer())

    assert (problem(response)["status"], response.headers["retry-after"]) == (503, "1")


# Download


async def test_a_download_is_for_saving_only(client: httpx.AsyncClient) -> None:
    id = (await upload(client, b"hello"))["blobId"]

    response = await client.get(url_of(id, name="a.txt", query="?type=text/plain"), headers=bearer())

    assert (response.status_code, response.content) == (200, b"hello")
    del response.headers["x-request-id"]
    assert dict(response.headers) == {
        "content-type": "text/plain",
        "content-length": "5",
        "content-disposition": "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt",
        "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


async def test_the_urls_are_those_of_the_session(client: httpx.AsyncClient) -> None:
    session = (await client.get("/jmap/session", headers=bearer())).json()
    response = await client.post(session["uploadUrl"].format(accountId="global"), content=b"x", headers=bearer())
    url = session["downloadUrl"].format(**response.json(), name="x%20y")

    assert (await client.get(url, headers=bearer())).content == b"x"


async def test_only_the_key_that_uploaded_a_blob_can_download_it(client: httpx.AsyncClient) -> None:
    id = (await upload(client, b"hello"))["blobId"]
    asked = [(KEY, "t1"), (COLLEAGUE, "global"), (TEAM_KEY, "t1"), (TEAM_KEY, "global"), (READER, "t1")]

    answers = [await client.get(url_of(id, account), headers=bearer(key)) for key, account in asked]

    assert [problem(answer) for answer in answers] == [NOT_FOUND] * 5


@pytest.mark.parametrize("id", ["nowhere", "b%00", "..", "%2e%2e", "b" * 5000, "%ff", ID_OF_HELLO.upper()])
async def test_other_ids_are_not_there(client: httpx.AsyncClient, id: str) -> None:
    await upload(client, b"hello")

    assert (await client.get(url_of(id), headers=bearer())).status_code == 404


async def test_a_blob_that_is_over_is_not_there(client: httpx.AsyncClient, clock: Clock) -> None:
    id = (await upload(client, b"hello"))["blobId"]
    clock.time += timedelta(hours=24, seconds=1)

    assert problem(await client.get(url_of(id), headers=bearer())) == NOT_FOUND


@pytest.mark.parametrize(
    ("query", "type"),
    [
        ("?type=image/png", "image/png"),
        ("?type=text/plain;%20charset%3Dutf-8", "text/plain; charset=utf-8"),
        ("?type=application/vnd.a%2Bjson", "application/vnd.a+json"),
        ("", OCTETS),
        ("?type=", OCTETS),
        ("?type=text/html", OCTETS),
        ("?type=text/plain%0d%0aset-cookie:%20a=b", OCTETS),
        ("?type=text/pla%C3%AFn", OCTETS),
        ("?type=text/plain%00", OCTETS),
        ("?TYPE=text/plain", OCTETS),
    ],
)
async def test_a_download_has_the_type_asked_for(client: httpx.AsyncClient, query: str, type: str) -> None:
    id = (await upload(client, b"x", **{"content-type": "text/html"}))["blobId"]

    response = await client.get(url_of(id, query=query), headers=bearer())

    assert response.headers["content-type"] == type
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    "type",
    [
        "text/html", "TEXT/HTML;charset=utf-8", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml",
        "application/rss+xml", "text/javascript", "application/javascript", "application/x-ecmascript", "text/jscript",
        "text/vbscript", "text/css", "multipart/x-mixed-replace; boundary=a", "Multipart/Related",
    ],
)  # fmt: skip
def test_what_a_browser_might_run_or_show_is_plain_bytes(type: str) -> None:
    assert read_media_type(type) == type
    assert harmless_type(type) == OCTETS


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("", "attachment"),
        ("a b.txt", "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
        ("naïve €.txt", "attachment; filename=\"na_ve _.txt\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt"),
        ('a"b\\c;d%41.txt', "attachment; filename=\"a_b_c_d_41.txt\"; filename*=UTF-8''a%22b_c%3Bd%2541.txt"),
        ("../etc/passwd", "attachment; filename=\".._etc_passwd\"; filename*=UTF-8''.._etc_passwd"),
        ("a\r\nage: 1\0", "attachment; filename=\"a__age_ 1_\"; filename*=UTF-8''a__age%3A%201_"),
        ("gpj.\u202eexe", "attachment; filename=\"gpj._exe\"; filename*=UTF-8''gpj._exe"),
        ("\ud800", "attachment; filename=\"_\"; filename*=UTF-8''_"),
        ("x" * 300, f"attachment; filename=\"{'x' * 255}\"; filename*=UTF-8''{'x' * 255}"),
        ("it's*", "attachment; filename=\"it_s_\"; filename*=UTF-8''it%27s%2A"),
    ],
)  # fmt: skip
def test_a_name_cannot_leave_its_place_in_the_header(name: str, disposition: str) -> None:
    assert disposition_of(name) == disposition


@pytest.mark.parametrize(
    ("name", "plain"),
    [("", None), ("a%2Fb", "a_b"), ("a/b", "a_b"), ("a%22%3B%0dx", "a___x"), ("a%FF", "a_"), ("%C3%A9", "_")],
)
async def test_any_name_may_stand_in_the_url(client: httpx.AsyncClient, name: str, plain: str | None) -> None:
    id = (await upload(client, b"x"))["blobId"]

    response = await client.get(url_of(id, name=name), headers=bearer())

    first = response.headers["content-disposition"].split("; filename*=")[0]
    assert first == ("attachment" if plain is None else f'attachment; filename="{plain}"')


def held(app: ASGIApp, begun: asyncio.Event, release: asyncio.Event) -> ASGIApp:
    """Send an answer only after its first piece of body is let go, as to a client that does not read."""

    async def held_app(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_held(message: Message) -> None:
            if message["type"] == "http.response.body":
                begun.set()
                await release.wait()
            await send(message)

        await app(scope, receive, send_held)

    return held_app


async def test_a_key_has_so_many_downloads_at_once(world: World) -> None:
    begun, release, app = asyncio.Event(), asyncio.Event(), world.app()
    async with connect(app) as client, connect(held(app, begun, release)) as slow:
        url = url_of((await upload(client, b"x"))["blobId"])
        first = asyncio.create_task(slow.get(url, headers=bearer()))
        await begun.wait()
        refused = await client.get(url, headers=bearer())
        other = await client.get(url, headers=bearer(COLLEAGUE))
        release.set()
        codes = [(await first).status_code, (await client.get(url, headers=bearer())).status_code]

    assert problem(refused)["limit"] == "maxConcurrentRequests"
    assert (other.status_code, codes) == (404, [200, 200])


# On a socket


async def test_bytes_come_back_from_a_socket_as_they_were(store: Store) -> None:
    world = World(limits=Limits(), blobs=Blobs(store, hours=24, quota=10_000_000))
    data = bytes(range(256)) * 10_000

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    async with (
        serve(world.app()) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        answers = [await upload(client, data), await upload(client, pieces())]
        url = url_of(answers[0]["blobId"])
        got, head = await client.get(url, headers=bearer()), await client.head(url, headers=bearer())

    assert answers[0] == answers[1]
    assert got.content == data
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(data)))


async def test_a_client_that_goes_away_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    async with (
        serve(world.app()) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client,
    ):
        for _ in range(5):  # more than may be at once
            _, writer = await asyncio.open_connection(host, port)
            writer.write(f"POST {UPLOAD} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n".encode())
            writer.write(b"Content-Length: 9\r\n\r\nabc")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        while (await client.post(UPLOAD, content=b"whole", headers=bearer())).status_code != 201:
            await asyncio.sleep(0.01)  # until it was noticed that they are gone

    assert look(tmp_path / "widgets.db", "SELECT CAST(data AS TEXT) FROM blob") == [("whole",)]


async def test_in_the_whole_server_blobs_go_with_their_tenant(tmp_path: Path) -> None:
    async with serve_in_process(tmp_path) as client:
        client.headers = httpx.Headers(bearer(ADMIN_KEY))
        tenant = (await call(client, "x:Tenant/set", create={"t": {"name": "T"}}))["created"]["t"]["id"]
        given = {"permissions": {"sysOAuthClientCreate": True}, "memberTenantId": tenant}
        key = (await call(client, "x:ApiKey/set", create={"k": given}))["created"]["k"]
        theirs = await upload(client, b"theirs", key["secret"], tenant)
        ours = await upload(client, b"ours", ADMIN_KEY)
        arguments = {"accountId": tenant, "fromAccountId": tenant, "blobIds": [theirs["blobId"], ours["blobId"]]}
        body = request_of(("Blob/copy", arguments))
        copied = (await client.post("/api", json=body, headers=bearer(key["secret"]))).json()
        await call(client, "x:ApiKey/set", destroy=[key["id"]])
        await call(client, "x:Tenant/set", destroy=[tenant])
        got = await client.get(url_of(ours["blobId"]))

    assert copied["methodResponses"][0][1]["copied"] == {theirs["blobId"]: theirs["blobId"]}
    assert got.content == b"ours"
    assert look(tmp_path / "test.db", "SELECT account, id FROM blob") == [("global", ours["blobId"])]
