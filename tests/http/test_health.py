from __future__ import annotations

import asyncio

import httpx
import pytest

from jmap_oauth.store.interface import Unavailable
from tests.http.serving import ECHO, JSON, READER, World, bearer, request_of


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
async def test_a_sound_server_says_ok_to_anyone(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)

    assert (response.status_code, response.text) == (200, "ok\n")
    assert response.headers["cache-control"] == "no-store"


async def test_without_its_store_a_server_is_alive_but_not_ready(client: httpx.AsyncClient, world: World) -> None:
    world.ready_fault = Unavailable("MARKER")

    ready = await client.get("/healthz/ready")

    assert (await client.get("/healthz/live")).status_code == 200
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    assert ready.json() == {
        "type": "about:blank",
        "status": 503,
        "title": "Service Unavailable",
        "detail": "The store does not answer.",
    }


async def test_metrics_need_their_permission(client: httpx.AsyncClient) -> None:
    response = await client.get("/metrics", headers=bearer(READER))

    assert response.json() == {
        "type": "about:blank",
        "status": 403,
        "title": "Forbidden",
        "detail": "This needs the permission sysMetricsGet.",
    }


async def metrics_of(client: httpx.AsyncClient) -> dict[str, float]:
    response = await client.get("/metrics", headers=bearer())
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_requests_calls_and_failures_are_counted(client: httpx.AsyncClient) -> None:
    calls = request_of(("Core/echo", {}, "0"), ("Core/echo", {}, "1"), ("Made/up", {}, "2"), ("Also/made", {}, "3"))
    await client.post("/api", json=calls, headers=bearer())
    await client.post("/api", json=ECHO)
    await client.post("/api", json=ECHO, headers=bearer("unknown"))
    await client.post("/api", content=b"{", headers={**bearer(), **JSON})
    await client.get("/nowhere")

    metrics = await metrics_of(client)

    counted = {name: value for name, value in metrics.items() if name.startswith("jmap_") and "_seconds_" not in name}
    assert counted == {
        'jmap_http_requests_total{status="200"}': 1,
        'jmap_http_requests_total{status="400"}': 1,
        'jmap_http_requests_total{status="401"}': 2,
        'jmap_http_requests_total{status="404"}': 1,
        'jmap_method_calls_total{method="Core/echo"}': 2,
        'jmap_method_calls_total{method="unknown"}': 2,
        "jmap_authentication_failures_total": 1,
        "jmap_http_requests_in_flight": 1,  # the one that asks
        "jmap_event_streams": 0,
    }


async def test_durations_are_a_histogram_of_all_requests(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.get("/healthz/live")

    metrics = await metrics_of(client)

    buckets = [value for name, value in metrics.items() if name.startswith("jmap_http_request_duration_seconds_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == metrics["jmap_http_request_duration_seconds_count"] == 3


async def test_facts_about_the_process_are_there(client: httpx.AsyncClient) -> None:
    assert "process_resident_memory_bytes" in await metrics_of(client)


async def test_what_is_being_answered_is_shown(client: httpx.AsyncClient, world: World) -> None:
    wait = asyncio.create_task(client.post("/api", json=request_of(("Test/wait", {}, "0")), headers=bearer()))
    await world.started.acquire()

    during = (await metrics_of(client))["jmap_http_requests_in_flight"]
    world.release.set()
    await wait

    assert (during, (await metrics_of(client))["jmap_http_requests_in_flight"]) == (2, 1)
