"""What the people and programs that keep the server running ask: is it alive, can it answer, how does it do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from jmap_oauth.access.policy import METRICS, has_permission
from jmap_oauth.http.authentication import RETRY_SECONDS, Gate
from jmap_oauth.http.exchange import exchange_of
from jmap_oauth.http.metrics import Metrics
from jmap_oauth.http.problems import make_problem
from jmap_oauth.store.interface import Unavailable


async def live(_: Request) -> Response:
    """`GET /healthz/live`: whether the process answers at all."""
    return PlainTextResponse("ok\n")


class ReadyEndpoint:
    """`GET /healthz/ready`: whether the store answers. It needs no key and says no more than that."""

    def __init__(self, ready: Callable[[], Awaitable[None]]) -> None:
        self._ready = ready

    async def get(self, _: Request) -> Response:
        try:
            await self._ready()
        except Unavailable:
            detail = "The store does not answer."
            headers = [("retry-after", str(RETRY_SECONDS))]
            raise make_problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers) from None
        return PlainTextResponse("ok\n")


class MetricsEndpoint:
    """`GET /metrics`, for keys with the permission to."""

    def __init__(self, gate: Gate, metrics: Metrics) -> None:
        self._gate = gate
        self._metrics = metrics

    async def get(self, request: Request) -> Response:
        principal = await self._gate.admit(exchange_of(request.scope))
        if (decision := has_permission(principal, METRICS)).reason:
            raise make_problem(HTTPStatus.FORBIDDEN, decision.reason)
        return Response(self._metrics.render(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
