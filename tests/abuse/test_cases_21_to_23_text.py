"""Cases 21 to 23: origins that are none, text that would run where it is shown, and names that look like others.

Of the list, this product has no consent page, no mails and no CSV (22): text is kept as it is given and told as JSON,
which no browser runs; the terminal is tests/cli/test_terminal.py. First-party names it does not know (23).
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.abuse.callers import INVALID, Caller, Site
from tests.support.served import serve_in_process

GOOD = "https://good.example"
ORIGINS = [
    "null", "*", "", "https://*", "https://*.good.example", "https://good.example*", "https://good.example/path",
    "https://good.example/?", "https://good.example#", "https://user@good.example", "https://@good.example",
    "good.example", "//good.example", "https://good.example:0", "https://good.example:65536",
    "https://good.example, https://evil.example", "https://good.example https://evil.example", "javascript:alert(1)",
    "file://", "data:,", "app://good.example", "https://good.example\r\nX: y", "https://good.example\\",
    "https://g\u043eod.example", "chrome-extension://abc",
]  # fmt: skip
STRANGERS = [
    "null", "*", "", "https://good.example.evil.example", "https://evilgood.example", "https://evil.example",
    "http://good.example", "https://good.example:444", "https://sub.good.example", "https://good.example/",
    "HTTPS://GOOD.EXAMPLE", "https://good.example.", "https://good.example@evil.example", "https://goodXexample",
    "https://good.example,https://evil.example", "good.example",
]  # fmt: skip


async def test_case_21_what_is_no_origin_is_refused(admin: Caller) -> None:
    found = await admin.outcomes(
        {"clientId": f"c{n}", "allowedCorsOrigins": {each: True}} for n, each in enumerate(ORIGINS)
    )

    assert dict(zip(ORIGINS, found, strict=True)) == dict.fromkeys(ORIGINS, (INVALID, "allowedCorsOrigins"))


async def test_case_21_an_origin_is_the_registered_one_or_is_refused(admin: Caller) -> None:
    await admin.create(clientId="web", allowedCorsOrigins={GOOD: True})
    await admin.create(clientId="none")
    found = {each: (await admin.authenticate("web", origin=each))["error"] for each in [GOOD, *STRANGERS]}

    assert found == {GOOD: None, **dict.fromkeys(STRANGERS, "invalid_request")}
    assert (await admin.authenticate("none", origin=GOOD))["error"] == "invalid_request"


@pytest.fixture
async def open_to_good(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A server that lets the scripts of one origin ask it, each with a key of its own."""
    async with serve_in_process(tmp_path, cors_origins=(GOOD,)) as client:
        yield client


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }


async def test_case_21_scripts_of_no_other_origin_may_ask(open_to_good: httpx.AsyncClient) -> None:
    for origin in STRANGERS:
        answers = [
            await open_to_good.options("/api", headers=preflight(origin)),
            await open_to_good.get("/healthz/live", headers={"Origin": origin}),
        ]
        assert [answer.headers.get("access-control-allow-origin") for answer in answers] == [None, None]


async def test_case_21_no_stored_credentials_are_taken_from_other_sites(open_to_good: httpx.AsyncClient) -> None:
    answers = [
        await open_to_good.options("/api", headers=preflight(GOOD)),
        await open_to_good.get("/jmap/session", headers={"Origin": GOOD}),
    ]

    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {GOOD}
    assert [answer.headers.get("access-control-allow-credentials") for answer in answers] == [None, None]


async def test_case_21_a_preflight_tells_nothing_of_clients(site: Site) -> None:
    """Origins of clients are for those who ask about clients; without the setting no script may ask anything."""
    await site.admin.create(clientId="web", allowedCorsOrigins={GOOD: True})
    answers = [
        await site.admin.http.options("/api", headers=preflight(origin)) for origin in (GOOD, "https://evil.example")
    ]

    assert answers[0].status_code == answers[1].status_code
    assert answers[0].text == answers[1].text
    assert "access-control-allow-origin" not in answers[0].headers


SCRIPTS = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "{{7*7}}",
    "${7*7}", "javascript:alert(1)", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "'; DROP TABLE clients; --",
    "<svg/onload=alert(1)>", "&lt;b&gt;", "%3Cscript%3E", "]]>", "<!--", "`id`", "$(id)",
]  # fmt: skip
JSON_TYPES = ("application/json", "application/problem+json")


async def test_case_22_text_is_told_as_it_was_given_and_no_browser_runs_it(site: Site) -> None:
    for number, text in enumerate(SCRIPTS):
        given = {"description": text, "clientName": text, "owner": text, "metadata": {"text": text}}
        id = (await site.one.create(clientId=f"c{number}", **given))["id"]
        told = await site.one.get(id)
        assert {name: told[name] for name in given} == {
            name: text if name != "metadata" else {"text": text} for name in given
        }

    request = {"using": site.one.using, "methodCalls": [["x:OAuthClient/get", {}, "c"], [SCRIPTS[0], {}, SCRIPTS[1]]]}
    answer = await site.one.http.post("/api", json=request, headers=site.one.headers)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/<script>alert(1)</script>", "/static/%3Cscript%3E", "/jmap/download/<b>/x/<script>", "/%0d%0aX:y"]
)
async def test_case_22_an_error_repeats_nothing(site: Site, path: str) -> None:
    for headers in ({}, site.admin.headers):
        answer = await site.admin.http.get(path, headers={**headers, "Host": 'evil"><script>'})

        assert answer.headers["content-type"] in JSON_TYPES
        assert "script" not in answer.text.lower() + str(answer.headers).lower().replace("script-src", "")


async def test_case_22_the_page_runs_only_what_lies_beside_it(site: Site) -> None:
    policy = (await site.admin.http.get("/")).headers["content-security-policy"]

    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


SVG = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>").decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
LOGOS = [
    SVG, f"data:image/svg+xml;base64,{SVG}", f"data:image/png;base64,{SVG}",
    "data:image/svg+xml,<svg onload=alert(1)>", "data:text/html,<script>alert(1)</script>",
    f"data:text/html;base64,{PNG}", f"data:image/gif;base64,{PNG}", f"data:image/png;charset=x;base64,{PNG}",
    f"data:image/png,{PNG}", f" data:image/png;base64,{PNG}", f"data:image/png;base64,{PNG}\n", "javascript:alert(1)",
    "file:///etc/passwd", "https://user@app.example/", "//app.example/logo.png", "logo.png", "<svg/>", "x" * 200_000,
    base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(70_000)).decode(), "AAAA", "", "https://app.example/\"onerror=",
]  # fmt: skip


@pytest.mark.parametrize(("type", "name"), [("x:OAuthClient", "clientId"), ("x:Tenant", "name")])
async def test_case_22_a_logo_is_a_picture_that_holds_no_script(admin: Caller, type: str, name: str) -> None:
    found = await admin.outcomes([{name: f"c{number}", "logo": each} for number, each in enumerate(LOGOS)], type)

    assert dict(zip(LOGOS, found, strict=True)) == dict.fromkeys(LOGOS, (INVALID, "logo"))


LINKS = [
    "javascript:alert(1)", "JAVASCRIPT://app.example/%0aalert(1)", " https://app.example/", "data:text/html,x",
    "vbscript:x", "java\tscript:alert(1)", "https://app.example/\"onclick=", "https://good@evil.example/",
    "//app.example/", "mailto:a@example.com",
]  # fmt: skip


@pytest.mark.parametrize("name", ["clientUri", "policyUri", "tosUri", "frontchannelLogoutUri"])
async def test_case_22_a_link_is_http_and_nothing_else(admin: Caller, name: str) -> None:
    found = await admin.outcomes({"clientId": f"c{n}", name: each} for n, each in enumerate(LINKS))

    assert dict(zip(LINKS, found, strict=True)) == dict.fromkeys(LINKS, (INVALID, name))


CONTACTS = [
    "<script>@example.com", "a@example.com\r\nBcc: b@example.com", "\"<b>\"@example.com", "a@b", "a b@example.com",
    "javascript:a@example.com", "a@[127.0.0.1]", "a@example.com>", "a@example.com,b@example.com",
    "mailto:a@example.com", "",
]  # fmt: skip


async def test_case_22_a_contact_is_an_address_and_nothing_else(admin: Caller) -> None:
    found = await admin.outcomes({"clientId": f"c{n}", "contacts": {each: True}} for n, each in enumerate(CONTACTS))

    assert dict(zip(CONTACTS, found, strict=True)) == dict.fromkeys(CONTACTS, (INVALID, "contacts"))


async def test_case_22_what_is_uploaded_is_never_shown(site: Site) -> None:
    account = site.one.account
    upload = await site.one.http.post(
        f"/jmap/upload/{account}", content=b"<script>", headers={**site.one.headers, "Content-Type": "text/html"}
    )
    for type in ("text/html", "image/svg+xml", "application/javascript", "text/html\r\nX: y", "application/xhtml+xml"):
        url = f"/jmap/download/{account}/{upload.json()['blobId']}/a.html"
        answer = await site.one.http.get(url, params={"type": type}, headers=site.one.headers)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")


CONTROLS = ["\x00", "\x07", "\x1b[2J", "\x7f", "\x85", "\x9b31m", "\r", "\n", "\t"]
BIDI = ["\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c"]
UNSEEN = ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u3164", "\u115f", "\U000e0041"]
NAMES = {
    "clientName": [*CONTROLS, *BIDI, *UNSEEN],
    "owner": [*CONTROLS, *BIDI, *UNSEEN],
    "clientId": [*CONTROLS, *BIDI, *UNSEEN, "\u0430", "\u00e9"],
    "description": [each for each in CONTROLS if each not in "\r\n\t"],
    "secret": CONTROLS,
}


@pytest.mark.parametrize("name", NAMES)
async def test_case_23_names_hold_nothing_that_steers_or_hides(admin: Caller, name: str) -> None:
    texts = [f"Mail{each}Service" for each in NAMES[name]]
    found = await admin.outcomes({"clientId": f"c{n}", name: text} for n, text in enumerate(texts))

    assert dict(zip(texts, found, strict=True)) == dict.fromkeys(texts, (INVALID, name))


@pytest.mark.parametrize(
    ("type", "name"), [("x:Tenant", "name"), ("x:ApiKey", "description"), ("x:OAuthClientSecret", "label")]
)
async def test_case_23_other_types_keep_the_same_rule(admin: Caller, type: str, name: str) -> None:
    found = await admin.outcomes([{name: f"a{each}b"} for each in [*CONTROLS, *BIDI]], type)

    assert {name in error for error in found if error} == {True}
    assert None not in found


LONG: list[tuple[str, dict[str, Any]]] = [
    (name, {name: "x" * 1_000_000})
    for name in ("clientId", "clientName", "description", "owner", "secret", "clientUri", "logo")
] + [
    ("redirectUris", {"redirectUris": {"https://app.example/" + "x" * 1_000_000: True}}),
    ("contacts", {"contacts": {"x" * 1_000_000 + "@example.com": True}}),
    ("scopes", {"scopes": {f"s{number}": True for number in range(501)}}),
    ("redirectUris", {"redirectUris": {f"https://app.example/{number}": True for number in range(101)}}),
    ("metadata", {"metadata": {"x": "y" * 1_000_000}}),
    ("jwks", {"jwks": {"keys": ["x" * 1_000_000]}}),
]


async def test_case_23_what_has_a_million_characters_is_refused_and_not_repeated(admin: Caller) -> None:
    for name, given in LONG:
        answer = await admin.call("x:OAuthClient/set", create={"new": {"clientId": "web", **given}})

        assert answer["notCreated"]["new"]["properties"] == [name]
        assert len(str(answer)) < 2_000


async def test_case_23_names_that_look_alike_are_told_apart_by_the_client_id(admin: Caller) -> None:
    """Clients are known by their clientId, of ASCII only; what they are called may look like anything."""
    names = ["Mail", "M\u0430il", "\uff2dail", "mail"]
    found = await admin.outcomes({"clientId": f"c{n}", "clientName": name} for n, name in enumerate(names))

    assert found == [None] * 4
