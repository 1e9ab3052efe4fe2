from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from jmap_oauth.http.edge import Edge
from jmap_oauth.http.metrics import Metrics
from tests.http.serving import CLIENT_IP, ECHO, JSON, KEY, World, bearer, connect, request_of

ANY_PATHS = ["/api", "/jmap/session", "/healthz/live", "/nowhere"]

SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.mark.parametrize("path", ANY_PATHS)
async def test_every_answer_has_an_id_of_its_own_and_strict_headers(client: httpx.AsyncClient, path: str) -> None:
    first, second = await client.get(path), await client.get(path)

    assert re.fullmatch(r"[0-9a-f]{24}", first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert {name: first.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "set-cookie" not in first.headers
    assert "strict-transport-security" not in first.headers


async def test_over_tls_browsers_are_told_to_stay_there(world: World) -> None:
    async with connect(world.app(), "https://widgets.example") as client:
        response = await client.get("/healthz/live")

    assert response.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("id", ["a", "Trace_1-b", "x" * 64])
async def test_a_harmless_id_of_the_client_is_kept(client: httpx.AsyncClient, world: World, id: str) -> None:
    response = await client.get("/jmap/session", headers={**bearer(), "x-request-id": id})

    assert response.headers.get_list("x-request-id") == [id]
    assert world.keys.asked == [(KEY, CLIENT_IP, id)]


@pytest.mark.parametrize("id", ["", " ", "a b", "a\tb", "x" * 65, "é", "a,b", "a\x1b[2J", "../x"])
async def test_any_other_id_of_the_client_is_replaced(client: httpx.AsyncClient, id: str) -> None:
    response = await client.get("/healthz/live", headers={b"x-request-id": id.encode()})

    assert re.fullmatch(r"[0-9a-f]{24}", response.headers["x-request-id"])


async def test_two_ids_of_the_client_are_replaced(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz/live", headers=[("x-request-id", "a"), ("x-request-id", "a")])

    assert re.fullmatch(r"[0-9a-f]{24}", response.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/nowhere", "/api/x", "/jmap", "/jmap/session/", "/healthz", "/API"])
async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)

    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "status": 404,
        "title": "Not Found",
        "detail": "There is nothing at this path.",
    }


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api", "POST"),
        ("PUT", "/api/", "POST"),
        ("OPTIONS", "/api", "POST"),
        ("POST", "/jmap/session", "GET, HEAD"),
        ("DELETE", "/static/style.css", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await client.request(method, path)

    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert response.json() == {
        "type": "about:blank",
        "status": 405,
        "title": "Method Not Allowed",
        "detail": "This path does not take this method; the header Allow names those it takes.",
    }


async def test_a_fault_shows_a_report_id_and_the_log_has_the_rest(
    client: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.ready_fault = RuntimeError("MARKER inside")

    response = await client.get("/healthz/ready")

    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "status": 500,
        "title": "Internal Server Error",
        "detail": f"Something went wrong here; report {record.__dict__['report']}.",
    }
    assert "MARKER inside" in caplog.text


async def test_a_fault_amid_an_answer_is_logged_and_adds_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": []}
    await Edge(half, Metrics(), access_log=True)(scope, lambda: None, send)  # type: ignore[arg-type, return-value]

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert "half way" in caplog.text


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the fields of the access log, but for those that differ each time."""
    records = [record for record in caplog.records if record.name == "jmap_oauth.http.access"]
    lines: list[dict[str, Any]] = [{**record.__dict__["fields"]} for record in records]
    for line in lines:
        assert line.pop("duration_ms") >= 0
    return lines


async def test_a_request_is_one_line_in_the_log(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    calls = request_of(("Core/echo", {"a": "MARKER"}, "MARKER"), ("MARKER/made", {}, "2"))
    response = await client.post("/api?token=MARKER", json=calls, headers=bearer())

    assert lines_of(caplog) == [
        {
            "request_id": response.headers["x-request-id"],
            "remote_ip": CLIENT_IP,
            "method": "POST",
            "path": "/api",
            "status": 200,
            "bytes": len(response.content),
            "key": "k1",
            "calls": ["Core/echo", "unknown"],
        }
    ]


async def test_paths_in_the_log_are_short_and_printable(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await client.get("/a%0a%1b%E2%80%AE%E2%80%A8b")
    await client.get("/" + "x" * 5000)

    assert [line["path"] for line in lines_of(caplog)] == [r"/a\n\x1b\u202e\u2028b", "/" + "x" * 199]


async def test_no_line_of_the_log_holds_a_key_or_anything_of_a_body(
    client: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The keys of these tests hold the word MARKER."""
    caplog.set_level(logging.DEBUG)
    for headers in (bearer(), bearer("MARKER"), {"authorization": "Basic MARKER"}, {"cookie": "MARKER"}):
        for body in (b"{MARKER", b'{"MARKER": 1}', b'{"using": ["MARKER"], "methodCalls": []}', b"MARKER" * 900):
            await client.post("/api?MARKER", content=body, headers={**headers, **JSON})
    world.keys.out_of_order = True
    await client.post("/api?MARKER", json=ECHO, headers=bearer())

    ours = [record for record in caplog.records if record.name.startswith("jmap_oauth")]
    assert len(ours) == 17
    assert not [record for record in ours if "MARKER" in repr(record.__dict__)]


async def test_the_access_log_can_be_off(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with connect(world.app(access_log=False)) as client:
        await client.get("/healthz/live")

    assert lines_of(caplog) == []


@pytest.fixture
async def cors(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(world.app(cors_origins=["https://ui.example"])) as client:
        yield client


PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


async def test_scripts_of_a_named_origin_may_ask(cors: httpx.AsyncClient) -> None:
    preflight = await cors.options("/api", headers={"origin": "https://ui.example", **PREFLIGHT})
    answer = await cors.post("/api", json=ECHO, headers={**bearer(), "origin": "https://ui.example"})
    refused = await cors.post("/api", json=ECHO, headers={"origin": "https://ui.example"})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert [(each.status_code, each.headers["access-control-allow-origin"]) for each in (answer, refused)] == [
        (200, "https://ui.example"),
        (401, "https://ui.example"),
    ]
    assert "access-control-allow-credentials" not in {**preflight.headers, **answer.headers}


async def test_scripts_of_other_origins_may_not(cors: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    origin = {"origin": "https://evil.example"}
    answers = [
        await cors.options("/api", headers={**origin, **PREFLIGHT}),
        await cors.post("/api", json=ECHO, headers={**bearer(), **origin}),
        await client.options("/api", headers={**origin, **PREFLIGHT}),
        await client.post("/api", json=ECHO, headers={**bearer(), **origin}),
    ]

    assert [answer.status_code for answer in answers] == [400, 200, 405, 200]
    assert not [answer for answer in answers if "access-control-allow-origin" in answer.headers]


async def test_a_refused_preflight_is_a_problem_document(cors: httpx.AsyncClient) -> None:
    headers = {"origin": "https://ui.example", **PREFLIGHT, "access-control-request-method": "DELETE"}
    response = await cors.options("/api", headers=headers)

    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["vary"].startswith("Origin")
    assert response.json() == {
        "type": "about:blank",
        "status": 400,
        "title": "Bad Request",
        "detail": "Scripts of this origin may not ask this.",
    }
