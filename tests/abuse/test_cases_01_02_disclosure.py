"""Cases 1 and 2: no secret and no hash comes out again, whoever asks, whatever for, and wherever one looks.

Files, logs and push of a process are searched by tests/process/test_secrets.py. Of the list, this product has no
webhooks, exports or traces, and no registration (RFC 7591, 7592) that could be read without a key.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from jmap_oauth.app import Server
from jmap_oauth.config import Settings
from jmap_oauth.http import routes
from jmap_oauth.model.definition import GLOBAL, MASK
from tests.abuse.callers import Caller, Site
from tests.process.database import copy_of
from tests.support.served import ADMIN_KEY

PATHS = {"/api", "/api/", *re.findall(r'Route\("(/[^"]*)"', inspect.getsource(routes))}
PUSH = "/jmap/eventsource"
CHOSEN = "chosen-secret-of-a-client"
IMPORTED = "secret-of-another-system"


async def fill(site: Site) -> list[str]:
    """Put secrets of every kind into a tenant, and return all secrets and hashes that there are."""
    hash = bcrypt.hashpw(IMPORTED.encode(), bcrypt.gensalt(8)).decode()
    client = await site.one.create(clientId="chosen", secret=CHOSEN)
    made = [
        await site.one.create(clientId="made", tokenEndpointAuthMethod="client_secret_post"),
        await site.one.create("x:OAuthClientSecret", oauthClientId=client["id"]),
        await site.one.create("x:ApiKey", permissions={}),
    ]
    await site.one.create("x:OAuthClientSecret", oauthClientId=client["id"], secretHash=hash)
    await site.one.authenticate("chosen", CHOSEN)
    with copy_of(Path(site.server.settings.database)) as database:
        kept = [
            row[0]
            for type in ("OAuthClientSecret", "ApiKey")
            for row in database.execute(f'SELECT secret FROM "{type}"')
        ]
    assert len(kept) == 4 + 4  # of the two clients, and of administrators
    keys = [site.one.key, site.two.key, ADMIN_KEY]
    return [CHOSEN, IMPORTED, hash, *(each["secret"] for each in made), *keys, *kept]


async def roles(site: Site) -> Mapping[str, Caller]:
    """Return keys with each single permission, with all that only read, with all and with none, here and there."""
    everything = site.server.permissions
    sets = {name: {name} for name in everything} | {
        "all": everything,
        "none": set[str](),
        "reading": {name for name in everything if name.endswith(("Get", "Query"))},
        "audit": {"sysAuditEventGet", "sysAuditEventQuery"},
    }
    made: dict[str, Caller] = {}
    for name, permissions in sets.items():
        for tenant in (None, site.one.account, site.two.account):
            key = await site.admin.create(
                "x:ApiKey", memberTenantId=tenant, permissions=dict.fromkeys(permissions, True)
            )
            made[f"{name} {tenant}"] = Caller(site.admin.http, key["secret"], tenant or GLOBAL)
    return made


def calls(server: Server, ids: Mapping[str, list[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a call of every method, and of some more that ask for secrets by name; none changes anything."""
    for type in server.model:
        name, there = f"x:{type.name}", ids[type.name]
        yield f"{name}/get", {}
        yield f"{name}/get", {"ids": there, "properties": [each.name for each in type.properties if each.secret]}
        yield f"{name}/query", {"filter": {"secret": MASK}}
        yield f"{name}/query", {"filter": {"text": CHOSEN}, "sort": [{"property": "secret"}]}
        yield f"{name}/changes", {"sinceState": "0"}
        yield f"{name}/queryChanges", {"sinceQueryState": "0"}
        if not type.read_only:
            yield f"{name}/set", {"update": {id: {"secret": MASK} for id in there}, "create": {"a": {"secretHash": 1}}}
    yield "x:OAuthClient/authenticate", {"clientId": "chosen"}
    yield "Blob/copy", {"fromAccountId": GLOBAL, "blobIds": []}
    yield "Core/echo", {}


async def ask(caller: Caller, server: Server, ids: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Ask everything that there is to ask, and return what was asked with what was answered."""
    found: list[tuple[str, str]] = []
    everything = [*calls(server, ids)]
    for begin in range(0, len(everything), 30):
        part = everything[begin : begin + 30]
        answers = await caller.send(*part)
        found += [(name, str(answer)) for (name, _), answer in zip(part, answers, strict=True)]
    for path in sorted(PATHS - {PUSH}):
        filled = path.replace("{accountId}", caller.account).replace("{path:path}", "style.css")
        for method in ("GET", "POST"):
            answer = await caller.http.request(method, filled, headers=caller.headers, follow_redirects=True)
            found.append((f"{method} {path}", f"{answer.headers.multi_items()}{answer.text}"))
    return found


async def test_cases_01_02_no_role_reads_a_secret_or_hash_on_any_route(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "jmap_oauth")
    hidden = await fill(site)
    everyone = await roles(site)
    ids = {type.name: [each["id"] for each in await site.admin.all(f"x:{type.name}")] for type in site.server.model}
    ids["AuditEvent"] = ids["AuditEvent"][:20]
    answers = {(role, what): text for role, key in everyone.items() for what, text in await ask(key, site.server, ids)}
    text = "\n".join([*answers.values(), *(str(vars(record)) for record in caplog.records)])
    asked = {what for _, what in answers}

    assert asked >= set(site.server.dispatcher.method_names) | {f"GET {path}" for path in PATHS - {PUSH}}
    assert [secret for secret in hidden if secret.lower() in text.lower()] == []
    assert "serverFail" not in text


async def test_case_01_push_tells_states_and_nothing_else(site: Site) -> None:
    hidden = await fill(site)
    for caller in (site.admin, site.one, await site.key("sysOAuthClientSecretGet")):
        headers = {**caller.headers, "Last-Event-ID": "x"}
        text = (await caller.http.get(PUSH, params={"closeafter": "state"}, headers=headers)).text
        assert '"x:OAuthClientSecret"' in text
        assert [secret for secret in hidden if secret in text] == []


async def test_case_01_a_secret_that_the_server_makes_is_shown_once(site: Site) -> None:
    client = await site.one.create(clientId="web", tokenEndpointAuthMethod="client_secret_basic")
    id = client["id"]
    again = [
        await site.one.get(id),
        await site.one.call("x:OAuthClient/set", update={id: {"description": "x"}}),
        await site.one.call("x:OAuthClient/set", update={id: {"tokenEndpointAuthMethod": "client_secret_post"}}),
        await site.one.authenticate("web", client["secret"]),
        await site.one.all("x:OAuthClientSecret"),
        await site.one.all("x:AuditEvent"),
    ]

    assert client["secret"].startswith("jmo_secret_")
    assert client["secret"] not in str(again)


async def test_case_01_only_the_last_four_characters_of_a_made_secret_are_a_hint(site: Site) -> None:
    made = await site.one.create(clientId="made", tokenEndpointAuthMethod="client_secret_basic")
    await site.one.create(clientId="chosen", secret=CHOSEN)
    hints = [each["hint"] for each in await site.one.all("x:OAuthClientSecret")]

    assert hints == [made["secret"][-4:], None] or hints == [None, made["secret"][-4:]]


@pytest.mark.parametrize(
    "value", [["chosen-secret"], {"a": "chosen-secret"}, "chosen-secret\x07", "chosen-secret" * 80]
)
async def test_case_01_a_refused_secret_is_not_repeated(site: Site, value: Any) -> None:
    answers = [
        await site.one.call("x:OAuthClient/set", create={"a": {"clientId": "web", "secret": value}}),
        await site.one.call("x:OAuthClientSecret/set", create={"a": {"oauthClientId": "x", "secret": value}}),
        await site.one.call("x:OAuthClientSecret/set", create={"a": {"oauthClientId": "x", "secretHash": value}}),
        await site.one.call("x:OAuthClient/authenticate", clientId="web", secret=value),
    ]

    assert "chosen-secret" not in str(answers)


async def test_case_01_no_metric_has_a_label_that_a_client_chose(site: Site) -> None:
    marker = "chosen-secret"
    await site.admin.http.get(f"/{marker}", headers={"Authorization": f"Bearer {marker}"})
    await site.admin.send(
        (f"x:{marker}/get", {}), ("x:OAuthClient/authenticate", {"clientId": marker, "secret": marker})
    )
    metrics = (await site.admin.http.get("/metrics", headers=site.admin.headers)).text

    assert "x:OAuthClient/authenticate" in metrics
    assert marker not in metrics


def test_case_01_settings_do_not_print_the_administrators_key() -> None:
    assert ADMIN_KEY not in repr(Settings(admin_key=ADMIN_KEY))


async def test_case_02_without_a_good_key_there_is_nothing_on_any_route(site: Site) -> None:
    public = {"/", "/static/{path:path}", "/healthz/live", "/healthz/ready"}
    asked = [(method, path) for path in PATHS - public for method in ("GET", "POST")]
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {site.one.key}x"}):
        answers = [await site.admin.http.request(method, path, headers=headers) for method, path in asked]

        assert {answer.status_code for answer in answers} == {401, 405}
        assert len({answer.text for answer in answers if answer.status_code == 401}) == 1
