"""What strangers write into their registrations is text and nothing else."""

from __future__ import annotations

import base64
import sqlite3

import pytest
from playwright.async_api import expect

from tests.support.served import ServerProcess
from tests.web.visitor import CLIENT, Visitor, create

MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>&lt;b&gt;{{7*7}}${7*7}'
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64 * 1024 - 8)).decode()


def plant(server: ServerProcess, id: str, **values: str) -> None:
    """Write values into the database behind the server's back, as it would refuse them, or an older one did not."""
    with sqlite3.connect(server.database) as connection:
        for name, value in values.items():
            command = f"UPDATE OAuthClient SET document = json_set(document, '$.{name}', ?) WHERE id = ?"
            connection.execute(command, (value, id))


async def test_markup_is_text_everywhere(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, {"clientId": MARKUP, "description": MARKUP, "scopes": {"<b>x</b>": True}})
    await admin.sign_in()
    await admin.open(MARKUP)

    await expect(admin.details.locator('dd[data-name="description"]')).to_have_text(MARKUP)
    assert await admin.page.evaluate("window.hacked") is None
    await expect(admin.page.locator("main img, object-details img, main script")).to_have_count(0)


async def test_what_is_unseen_or_turns_the_text_around_is_marked(admin: Visitor, server: ServerProcess) -> None:
    text = "safe\u202egnp.exe\u2066\u200b end 👩\u200d💻"
    await create(server, CLIENT, {"clientId": "bidi", "description": text})
    await admin.sign_in()
    await admin.open("bidi")

    description = admin.details.locator('dd[data-name="description"]')
    await expect(description).to_have_text("safeU+202Egnp.exeU+2066U+200B end 👩\u200d💻")
    assert await description.locator(".unseen").count() == 3
    assert "\u202e" not in await admin.page.content()


async def test_letters_that_look_alike_are_pointed_out(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, {"clientId": "a", "clientName": "Рaypal"})
    await admin.sign_in()

    await expect(admin.row("aypal").get_by_text("mixed letters")).to_be_visible()


@pytest.mark.parametrize(
    "logo",
    [
        "https://elsewhere.example/logo.png",
        "javascript:window.hacked=1",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:text/html,<b>x</b>",
    ],
)
async def test_a_logo_that_is_no_picture_is_told_as_text_and_not_fetched(
    admin: Visitor, server: ServerProcess, logo: str
) -> None:
    [client] = await create(server, CLIENT, {"clientId": "a"})
    plant(server, client["id"], logo=logo)
    await admin.sign_in()
    await admin.open("a")

    await expect(admin.details.locator('dd[data-name="logo"]')).to_have_text(logo)
    await expect(admin.details.locator("img")).to_have_count(0)
    assert {url for url in admin.urls if not url.startswith((server.url, "blob:"))} == set()


async def test_a_base64_logo_of_64_kibibytes_is_a_picture(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, {"clientId": "a", "logo": PNG})
    await admin.sign_in()
    await admin.open("a")

    await expect(admin.details.locator("img.logo")).to_have_attribute("src", f"data:image/png;base64,{PNG}")


async def test_no_value_becomes_an_address(admin: Visitor, server: ServerProcess) -> None:
    script = "javascript:window.hacked=1"
    [client] = await create(server, CLIENT, {"clientId": script, "owner": script, "description": script})
    plant(server, client["id"], clientUri=script, policyUri=script, clientName=script)
    await admin.sign_in()
    await admin.open(script)

    addresses = await admin.page.locator("[href], [src]").evaluate_all(
        "all => all.map(each => each.getAttribute('href') ?? each.getAttribute('src'))"
    )
    assert [each for each in addresses if not each.startswith(("#", "static/"))] == []
    await expect(admin.details.locator('dd[data-name="clientUri"]')).to_have_text(script)


async def test_a_very_long_text_stays_within_its_place(admin: Visitor, server: ServerProcess) -> None:
    [client] = await create(server, CLIENT, {"clientId": "x" * 255, "description": "y" * 2000})
    plant(server, client["id"], clientName="z" * 100_000)
    await admin.sign_in()
    await expect(admin.rows).to_have_count(1)

    assert await admin.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
