"""Whatever comes to POST /api, the answer is one of RFC 8620: never a fault, never a hang, and nothing else changes.

JMAP_OAUTH_TEST_EXAMPLES is how many requests each test sends; they are random then, and always the same without it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from jmap_oauth.model.definition import Action
from tests.fuzz.answers import check, check_calls
from tests.fuzz.requests import anything, broken, permissions, requests
from tests.support.served import ADMIN_KEY, request_of, serve_in_process

EXAMPLES = os.environ.get("JMAP_OAUTH_TEST_EXAMPLES")
SECONDS = 60

fuzz = settings(
    max_examples=int(EXAMPLES or 60),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# Keys that cannot change the known client: one of another tenant, and one without tenant that may change tenants only.
OF_A_TENANT = permissions()
OF_NO_TENANT = permissions(but=(Action.UPDATE, Action.DESTROY))


class Target:
    """A server in this process, with a client of a tenant that nobody may change."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client
        self._asked = 0
        tenants = self._set("Tenant", {"known": {"name": "Known"}, "tenant": {"name": "Tenant"}})
        clients = self._set("OAuthClient", {"known": {"clientId": "known", "memberTenantId": tenants["known"]["id"]}})
        self.tenant: str = tenants["tenant"]["id"]
        self._known: str = clients["known"]["id"]
        self._shown = self._show_known()

    def _post(self, key: str, body: bytes) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

        async def send() -> httpx.Response:
            async with asyncio.timeout(SECONDS):
                return await self._client.post("/api", content=body, headers=headers)

        return self._runner.run(send())

    def _ask_as_admin(self, name: str, arguments: dict[str, Any]) -> Any:
        body = json.dumps(request_of((name, arguments))).encode()
        return self._post(ADMIN_KEY, body).json()["methodResponses"][0][1]

    def _set(self, type: str, create: dict[str, Any]) -> Any:
        return self._ask_as_admin(f"x:{type}/set", {"create": create})["created"]

    def _show_known(self) -> Any:
        return self._ask_as_admin("x:OAuthClient/get", {"ids": [self._known]})["list"]

    def ask(self, body: bytes, permissions: dict[str, bool], tenant: str | None) -> httpx.Response:
        """Send a body with a new key: the last one may have been used to destroy itself."""
        key = self._set("ApiKey", {"key": {"permissions": permissions, "memberTenantId": tenant}})["key"]["secret"]
        self._asked += 1
        own = self._set("OAuthClient", {"own": {"clientId": f"own {self._asked}", "memberTenantId": self.tenant}})
        # A quota may be in the way.
        ids = {b"KNOWN": self._known, b"OWN": own["own"]["id"] if own else "nobody", b"TENANT": self.tenant}
        for name, id in ids.items():
            body = body.replace(name, id.encode())
        return self._post(key, body)

    def assert_unharmed(self) -> None:
        assert self._show_known() == self._shown


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with asyncio.Runner() as runner:
        serving = serve_in_process(tmp_path_factory.mktemp("fuzz"))
        found = Target(runner, runner.run(serving.__aenter__()))
        yield found
        found.assert_unharmed()
        runner.run(serving.__aexit__(None, None, None))


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


@fuzz
@given(request=requests())
def test_a_tenant_gets_a_sound_answer_to_every_request(target: Target, request: dict[str, Any]) -> None:
    responses = check(target.ask(encode(request), OF_A_TENANT, target.tenant))
    if responses:
        check_calls(request, responses)
    target.assert_unharmed()


@fuzz
@given(request=requests())
def test_a_key_without_tenant_gets_a_sound_answer_to_every_request(target: Target, request: dict[str, Any]) -> None:
    responses = check(target.ask(encode(request), OF_NO_TENANT, None))
    if responses:
        check_calls(request, responses)
    target.assert_unharmed()


@fuzz
@given(value=anything)
def test_json_of_every_shape_gets_a_sound_answer(target: Target, value: Any) -> None:
    check(target.ask(encode(value), OF_A_TENANT, target.tenant))


@fuzz
@given(body=broken())
def test_broken_bytes_get_a_sound_answer(target: Target, body: bytes) -> None:
    check(target.ask(body, OF_A_TENANT, target.tenant))
    target.assert_unharmed()
