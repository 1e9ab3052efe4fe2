"""Cases 14 to 20: redirect URIs that run, look like others, or lead elsewhere; refused wherever one can come in.

Of the list, this product has no dynamic registration and no import: what comes in comes by create, update and
provisioning. It has no authorization or token endpoint either (19): servers that have them ask /authenticate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.config import SettingsError
from jmap_oauth.model.definition import DeclarationError
from jmap_oauth.objects import served_types
from tests.abuse.callers import INVALID, UNKNOWN, Caller, Site
from tests.support.served import serve_in_process

GOOD = "https://app.example/cb"

SCHEMES = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "javascript://app.example/%0aalert(1)", "data:text/html,x",
    "DATA:text/html;base64,eA==", "vbscript:x", "VBScript:x", "file:///etc/passwd", "FILE://app.example/",
    "blob:https://app.example/1", "about:blank", " javascript:alert(1)", "\x01javascript:alert(1)",
    "\u00a0javascript:alert(1)", "\ufeffjavascript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)",
    "java\rscript:alert(1)", "javascript\t:alert(1)", "java\x00script:alert(1)", "java%0ascript:alert(1)",
    "javascript%3Aalert(1)", "view-source:https://app.example/", "filesystem:https://app.example/t",
    "https\t://app.example/", "ht\ntps://app.example/", "feed:javascript:alert(1)", "jar:https://app.example!/",
]  # fmt: skip
LOOKALIKES = [
    "https://good.example@evil.example/", "http://127.0.0.1:1@evil.example/", "https://a:b@evil.example/",
    "https://@evil.example/", "https://good.example%40evil.example/", "https://good.example\\@evil.example/",
    "https:\\\\evil.example\\cb", "https:/evil.example/", "https:evil.example", "https:///evil.example/",
    "//evil.example/", "https://good.example%2f.evil.example/", "https://good.example%252f@evil.example/",
    "https://good.example%5c.evil.example/", "https://good.example/%00\x00", "https://good.example%00.evil.example/",
    "https://good.example/a\\..\\b", "https://good.example/..", "https://good.example/a/../b",
    "https://good.example/%2e%2e/b", "https://good.example/.%2E/b", "https://good.example/..;/b",
    "https://good.example/..;a=1/b", "https://good.example/%2e./b", "https://good.example/cb#",
    "https://good.example/cb#@evil.example", "https://good.example/%", "https://good.example/%zz",
    "https://g\u043eod.example/", "https://good.example\u3002evil.example/", "https://good\u2024example/",
    "https://good.example\uff0fevil.example/", "https://\u24d6ood.example/", "https://good.example\u200b/",
    "https://good.example./", "https://good..example/", "https://-good.example/", "https://good_example/",
    "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1", "https://::1/", "https://[v1.x]/",
    "https://2130706433/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://127.1/",
    "https://1.2.3.256/", "https://1.2.3.4.5/", "https://app.example:0/", "https://app.example:65536/",
    "https://app.example:-1/", "https://app.example:+443/", "https://app.example:0443/", "https://app.example:/",
    "https://app.example:443:443/", "https://app.example:4 43/", "https://app.example: 443/", "https://good.example /",
    " https://good.example/", "https://good.example/\r\nSet-Cookie:a=b", "https://good.example/\u2028",
    "https://good.example/<script>", "https://good.example/\"onload=", "https://",
]  # fmt: skip
PLAIN = [
    "http://app.example/cb", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://127.0.0.2/",
    "http://0.0.0.0/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::127.0.0.1]/", "http://2130706433/",
    "http://127.1/", "http://localhos/", "http://localhost./", "http://evil-localhost/", "HTTP://app.example/",
    "http://[0:0:0:0:0:0:0:1]/", "http://169.254.169.254/", "http://localhost%00.evil.example/", "ftp://app.example/",
    "myapp:/cb", "ws://app.example/", "intent://app.example/#Intent;end",
]  # fmt: skip
WILDCARDS = [
    "*", "*://app.example/", "http*://app.example/", "https://*", "https://*.com/", "https://*.co.uk/cb",
    "https://*.app.example/", "https://*.*.app.example/", "https://app.*/", "https://app.example:*/",
    "https://*@app.example/", "https://app.example/*", "https://app.example/**", "https://app.example/cb?*",
    "http://127.0.0.1:*/cb", "com.example.*:/cb",
]  # fmt: skip
PRESET = [
    "https://app.example/cb?code=1", "https://app.example/cb?a=1&state=x",
    "https://app.example/cb?iss=https://evil.example", "https://app.example/cb?%63%6fde=1",
    "https://app.example/cb?a;state=1", "com.example.app:/cb?code=1", "https://app.example/cb?error=x",
    "https://app.example/cb?access_token=x", "https://app.example/cb?id_token",
]  # fmt: skip

REFUSED = [*SCHEMES, *LOOKALIKES, *PLAIN, *WILDCARDS, *PRESET]


@pytest.mark.parametrize(
    "uris",
    [SCHEMES, LOOKALIKES, PLAIN, WILDCARDS, PRESET],
    ids=["14 schemes", "15 look-alikes", "16 plain http", "17 wildcards", "20 preset parameters"],
)
async def test_cases_14_to_20_such_a_uri_is_refused_on_create(admin: Caller, uris: list[str]) -> None:
    found = await admin.outcomes({"clientId": f"c{n}", "redirectUris": {uri: True}} for n, uri in enumerate(uris))

    assert dict(zip(uris, found, strict=True)) == dict.fromkeys(uris, (INVALID, "redirectUris"))


async def test_cases_14_to_20_such_a_uri_is_refused_on_update_in_whatever_form(admin: Caller) -> None:
    id = (await admin.create(clientId="web", redirectUris={GOOD: True}))["id"]
    found: dict[tuple[str, ...], Any] = {}
    for uri in REFUSED:
        pointer = f"redirectUris/{uri.replace('~', '~0').replace('/', '~1')}"
        patches: list[dict[str, Any]] = [{"redirectUris": {GOOD: True, uri: True}}, {pointer: True}]
        for patch in patches:
            found[uri, *patch] = (await admin.update(id, **patch))["type"]

    assert set(found.values()) == {INVALID}
    assert (await admin.get(id))["redirectUris"] == {GOOD: True}


async def test_case_20_post_logout_uris_keep_the_same_rules(admin: Caller) -> None:
    found = await admin.outcomes(
        {"clientId": f"c{n}", "redirectUris": {GOOD: True}, "postLogoutRedirectUris": {uri: True}}
        for n, uri in enumerate(REFUSED)
    )

    assert dict(zip(REFUSED, found, strict=True)) == dict.fromkeys(REFUSED, (INVALID, "postLogoutRedirectUris"))


@pytest.mark.parametrize("uri", [SCHEMES[1], LOOKALIKES[1], LOOKALIKES[19], PLAIN[1], WILDCARDS[4], PRESET[3]])
async def test_cases_14_to_20_such_a_uri_is_refused_by_provisioning(tmp_path: Path, uri: str) -> None:
    file = tmp_path / "clients.toml"
    file.write_text(f"[[client]]\nclientId = 'web'\nredirectUris = ['{uri}']\n")

    with pytest.raises(SettingsError, match="redirectUris"):
        async with serve_in_process(tmp_path, provision=str(file)):
            pass


@pytest.mark.parametrize(
    "scheme", ["javascript", "JavaScript", "data", "vbscript", "file", "blob", "about", "a b", "*"]
)
def test_case_14_no_setting_allows_such_a_scheme(scheme: str) -> None:
    with pytest.raises(DeclarationError, match="redirectUris"):
        served_types(frozenset({scheme}))


REGISTERED = [
    GOOD,
    "https://app.example/cb?a=1",
    "https://app.example/%2Fx",
    "http://127.0.0.1:8400/cb",
    "http://[::1]/",
]

MATCHING = [*REGISTERED, "http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:9/"]

NOT_MATCHING = [
    # 16: loopback on any port, and nothing else
    "http://127.0.0.1.evil.example/cb", "http://127.0.0.1:1@evil.example/cb", "http://127.0.0.1@evil.example/cb",
    "http://localhost/cb", "http://localhost:8400/cb", "http://localhost.evil.example/cb", "https://127.0.0.1:8400/cb",
    "http://127.0.0.1:8400/cb/", "http://127.0.0.1:8400/cb?x=1", "http://127.0.0.1:8400/CB",
    "http://127.0.0.1:8400/cb#x", "http://127.0.0.1:0/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:08400/cb",
    "http://127.0.0.1:100000/cb", "http://127.0.0.1:8400:1/cb", "http://127.0.0.1:\u0661/cb",
    "http://127.0.0.1:8400/cb\n", "http://127.0.0.1\n:8400/cb", "http://127.1:8400/cb", "http://2130706433:8400/cb",
    "http://[::ffff:127.0.0.1]:8400/cb", "http://[0:0:0:0:0:0:0:1]/", "http://[::1]/x", "http://127.0.0.2/cb",
    "HTTP://127.0.0.1:8400/cb",
    # 17: no character of a pattern means anything
    "https://appXexample/cb", "https://app.example/.*", "https://app.example/c.", "https://app.example/cb$",
    "^https://app.example/cb", "https://sub.app.example/cb", "https://app.example/cb*", "%", "https://app.example/%",
    # 18 and 15: exact, whatever it would be normalised to
    "https://APP.example/cb", "https://app.example/CB", "HTTPS://app.example/cb", "https://app.example:443/cb",
    "https://app.example/cb/", "https://app.example//cb", "https://app.example/./cb", "https://app.example/x/../cb",
    "https://app.example/c%62", "https://app.example/%63b", "https://app.example/%2fx", "https://app.example//x",
    "https://app.example/%252Fx", "https://app.example/cb?a=1&b=2", "https://app.example/cb?",
    "https://app.example/cb?a=%31", "https://app.example/cb#", "https://app.example/cb ", " https://app.example/cb",
    "https://app.example/cb\x00", "https://app.example\\cb", "https://app.example/cb;x", "https://app.example./cb",
    "https://app.example@evil.example/cb", "https://app.example.evil.example/cb",
    "https://evil.example/https://app.example/cb", "https://\u0430pp.example/cb", "https://app.example/c\u0062\u0301",
    "http://app.example/cb", "", "null", "about:blank", "javascript:alert(1)",
]  # fmt: skip


async def test_cases_15_to_19_a_redirect_is_the_registered_one_or_is_refused(admin: Caller) -> None:
    await admin.create(clientId="web", redirectUris=dict.fromkeys(REGISTERED, True))
    asked = [*MATCHING, *NOT_MATCHING]
    found = {uri: (await admin.authenticate("web", redirectUri=uri))["error"] for uri in asked}

    assert found == {**dict.fromkeys(MATCHING), **dict.fromkeys(NOT_MATCHING, "invalid_request")}


async def test_case_16_the_name_localhost_has_only_its_registered_port(admin: Caller) -> None:
    await admin.create(clientId="cli", redirectUris={"http://localhost:8400/cb": True})
    asked = ["http://localhost:8400/cb", "http://localhost/cb", "http://localhost:1/cb", "http://127.0.0.1:8400/cb"]
    found = [(await admin.authenticate("cli", redirectUri=uri))["error"] for uri in asked]

    assert found == [None, *["invalid_request"] * 3]


@pytest.mark.parametrize("uri", [GOOD, "https://evil.example/", "", "javascript:alert(1)"])
async def test_case_19_a_client_that_is_not_there_never_skips_the_check(admin: Caller, uri: str) -> None:
    assert await admin.authenticate("nobody", redirectUri=uri) == UNKNOWN


async def test_case_19_a_client_without_redirects_redirects_nowhere(admin: Caller) -> None:
    await admin.create(clientId="web")

    assert (await admin.authenticate("web", redirectUri=GOOD))["error"] == "invalid_request"


@pytest.mark.parametrize(
    "path", ["/authorize", "/oauth/authorize", "/token", "/oauth/token", "/introspect", "/register"]
)
async def test_case_19_there_are_no_endpoints_of_an_authorization_server(site: Site, path: str) -> None:
    answers = [await site.admin.http.request(method, path, headers=site.admin.headers) for method in ("GET", "POST")]

    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("grant", ["authorization_code", "implicit"])
async def test_case_20_a_client_that_names_a_grant_with_redirects_has_one(admin: Caller, grant: str) -> None:
    response = {"authorization_code": "code", "implicit": "token"}[grant]
    values: dict[str, Any] = {"clientId": "web", "grantTypes": {grant: True}, "responseTypes": {response: True}}
    [without] = await admin.outcomes([values])
    id = (await admin.create(**values, redirectUris={GOOD: True}))["id"]
    patches: list[dict[str, Any]] = [{"redirectUris": {}}, {f"redirectUris/{GOOD.replace('/', '~1')}": None}]
    removed = [await admin.update(id, **patch) for patch in patches]

    assert without[0] == INVALID
    assert [each["type"] for each in removed] == [INVALID, INVALID]


async def test_case_20_the_grant_that_nobody_named_asks_for_no_redirect(admin: Caller) -> None:
    """The documented create has empty sets; such a client still redirects nowhere (19)."""
    assert await admin.outcomes([{"clientId": "web", "redirectUris": {}, "grantTypes": {}}]) == [None]
