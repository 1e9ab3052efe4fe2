"""Cases 34 and 35: work that is dear, and text that means something to a database.

How much memory 1,000 hashes take is tests/process/test_secrets.py, and the times of others are a bench; here is shown
that others are answered in between (34). Nobody can give a regular expression here (35).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.config import Settings
from jmap_oauth.model.definition import Filter, Model
from jmap_oauth.objects import served_types
from tests.abuse.callers import Caller, Site
from tests.process.writers import make_tenant
from tests.support.served import call, request_of, serve_process

MODEL = Model(served_types(frozenset()))


async def test_case_34_others_are_answered_while_a_thousand_secrets_are_hashed(site: Site) -> None:
    """All requests of another tenant, one after the other, are answered before the one with the creates."""
    create = {f"c{number}": {"clientId": f"c{number}", "secret": f"s{number}"} for number in range(1_000)}
    writing = asyncio.create_task(site.one.call("x:OAuthClient/set", create=create))
    await asyncio.sleep(0)
    others = [(await site.two.call("x:OAuthClient/get"))["accountId"] for _ in range(20)]
    was_done = writing.done()

    assert (others, was_done) == ([site.two.account] * 20, False)
    assert len((await writing)["created"]) == 1_000


async def test_case_34_others_may_also_change_something_meanwhile(tmp_path: Path) -> None:
    """Of a process, with hashes that cost so much that no disk is slower; nobody waits for their end."""
    create = {f"c{number}": {"clientId": f"c{number}", "secret": f"s{number}"} for number in range(1_000)}
    with serve_process(tmp_path, "--no-access-log", "--argon2-memory", "65536") as server:
        _, key = await make_tenant(server)
        async with server.client() as first, server.client(key) as second:
            writing = asyncio.create_task(call(first, "x:OAuthClient/set", create=create))
            others = [await call(second, "x:OAuthClient/set", create={"a": {"clientId": f"o{n}"}}) for n in range(5)]
            was_done = writing.cancel() is False

    assert ([each["notCreated"] for each in others], was_done) == ([None] * 5, False)


@pytest.mark.parametrize("number", [1_001, 5_000])
async def test_case_34_more_than_a_thousand_in_one_call_are_refused_before_any_hash(site: Site, number: int) -> None:
    create = {f"c{each}": {"clientId": f"c{each}", "secret": "s"} for each in range(number)}

    assert (await site.one.call("x:OAuthClient/set", create=create))["type"] == "requestTooLarge"
    assert await site.one.all() == []


async def test_case_34_one_key_has_so_many_requests_at_once(site: Site, settings: Settings) -> None:
    """What is more is refused with the name of the limit; other keys have their own."""
    reached, release = asyncio.Semaphore(0), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        reached.release()
        await release.wait()
        yield json.dumps(request_of(("Core/echo", {}))).encode()

    async def send(caller: Caller, content: AsyncIterator[bytes] | bytes) -> Any:
        headers = {**caller.headers, "Content-Type": "application/json"}
        answer = await caller.http.post("/api", content=content, headers=headers)
        return answer.json().get("limit", answer.status_code)

    held = [asyncio.create_task(send(site.one, body())) for _ in range(settings.max_concurrent_requests)]
    for _ in held:
        await reached.acquire()
    more = [await send(caller, json.dumps(request_of()).encode()) for caller in (site.one, site.two)]
    release.set()

    assert more == ["maxConcurrentRequests", 200]
    assert await asyncio.gather(*held) == [200] * settings.max_concurrent_requests


INJECTIONS = [
    "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE \"OAuthClient\"; --", "\" OR \"\"=\"", "1; SELECT 1",
    "') UNION SELECT secret FROM x --", "%", "_", "%%", "w_b", "w%", "*", "w*", "?", "[a-z]*", "^", "$", ".", ".*",
    "(a+)+$", "a" * 30 + "!", "\\", "\\%", "\\'", "'", '"', "`", "web OR mail", "web AND mail", "NOT web",
    "NEAR(web mail)", "web^2", "-web", "+web", "clientId:web", "{web}", "\"web", "web*\"", "(web", "\x00", "web\x00",
    "\u2019 OR 1=1", "\uff07", "%27", "&#39;", "\x1a", "null", "NULL", "true", "0", "-1", "1e309", "\U0001f600", "{}",
    "[]",
]  # fmt: skip
MATCHING = {'web*"', "web^2", "-web", "+web", "{web}", '"web', "(web", "web\x00", "w*", "w%", "w_b"}
"""What has a word that is the beginning of `web`, once all else is taken for what stands between words."""


async def sample(site: Site) -> str:
    """Make a client beside which there are others of two accounts, and return its id."""
    await site.one.create(clientId="other", description="other")
    await site.two.create(clientId="third", description="web")
    return str((await site.one.create(clientId="web", description="x"))["id"])


async def test_case_35_what_means_something_to_a_database_is_text_in_every_filter(site: Site) -> None:
    await sample(site)
    filters = [
        (type, each.name_in_filters)
        for type in MODEL
        for each in type.properties
        if each.filter is not None and each.filter is not Filter.RANGE
    ]
    assert ("OAuthClient", "clientId") in [(type.name, name) for type, name in filters]
    for type, name in filters:
        for text in INJECTIONS:
            found = await site.one.call(f"x:{type.name}/query", filter={name: text})
            assert found.get("ids", []) == [], (type.name, name, text)
            assert found.get("type", "unsupportedFilter") == "unsupportedFilter", (type.name, name, text)


async def test_case_35_the_search_for_words_knows_no_operators(site: Site) -> None:
    id = await sample(site)
    found = {text: (await site.one.call("x:OAuthClient/query", filter={"text": text})) for text in INJECTIONS}
    by_words = {text for text, answer in found.items() if id in answer["ids"] and len(answer["ids"]) == 1}
    without_words = {text for text, answer in found.items() if len(answer["ids"]) == 2}

    assert by_words <= MATCHING
    assert {"(web", "-web", '"web'} <= by_words
    assert not any(character.isalnum() for text in without_words for character in text)


async def test_case_35_dates_in_filters_are_dates(site: Site) -> None:
    await sample(site)
    for type in MODEL:
        for each in type.properties:
            for suffix in ("IsGreaterThan", "IsLessThanOrEqual") if each.filter is Filter.RANGE else ():
                answers = [
                    await site.one.call(f"x:{type.name}/query", filter={f"{each.name}{suffix}": text})
                    for text in INJECTIONS
                ]
                assert {answer["type"] for answer in answers} == {"unsupportedFilter"}


async def test_case_35_only_declared_names_sort_and_filter(site: Site) -> None:
    await sample(site)
    names = [
        *INJECTIONS,
        "secret",
        "document",
        "number",
        "rowid",
        "id; --",
        'clientId" DESC --',
        "clientId COLLATE NOCASE",
        "CLIENTID",
    ]
    for name in names:
        sort = await site.one.call("x:OAuthClient/query", sort=[{"property": name}])
        collation = await site.one.call("x:OAuthClient/query", sort=[{"property": "clientId", "collation": name}])
        filter = await site.one.call("x:OAuthClient/query", filter={name: "web"})

        assert (sort["type"], collation["type"], filter["type"]) == (
            "unsupportedSort",
            "unsupportedSort",
            "unsupportedFilter",
        )


async def test_case_35_what_is_kept_comes_back_as_it_was(site: Site) -> None:
    texts = [text for text in INJECTIONS if text.isprintable()]
    for number, text in enumerate(texts):
        id = (await site.one.create(clientId=f"c{number}", description=text, owner=text, metadata={text: text}))["id"]
        told = await site.one.get(id)
        found = await site.one.call("x:OAuthClient/query", filter={"owner": text})

        assert (told["description"], told["owner"], told["metadata"]) == (text, text, {text: text})
        assert found["ids"] == [id]
