from __future__ import annotations

from playwright.async_api import expect

from tests.support.served import ADMIN_KEY, ServerProcess
from tests.web.conftest import Visit
from tests.web.visitor import CLIENT, KEY, REFUSED, Visitor, ask, clients, create

STORED = "JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie, location.href, history.state])"


async def test_the_key_is_kept_in_memory_alone(admin: Visitor) -> None:
    await admin.sign_in()
    await expect(admin.page.get_by_role("heading", name="OAuth Clients", exact=True)).to_be_visible()

    assert ADMIN_KEY not in await admin.page.evaluate(STORED)
    assert ADMIN_KEY not in await admin.page.content()
    assert not any(ADMIN_KEY in url for url in admin.urls)
    await admin.page.reload()
    await expect(admin.page.get_by_label("API key")).to_be_visible()


async def test_a_key_that_is_kept_for_the_tab_lasts_until_signing_out(admin: Visitor) -> None:
    await admin.come()
    await admin.page.get_by_label("Keep for this tab").check()
    await admin.page.get_by_label("API key").fill(ADMIN_KEY)
    await admin.button("Sign in").click()
    await expect(admin.button("Sign out")).to_be_visible()

    await admin.page.reload()
    await admin.button("Sign out").click()

    await expect(admin.page.get_by_label("API key")).to_have_value("")
    assert ADMIN_KEY not in await admin.page.evaluate(STORED)


async def test_a_wrong_key_is_refused_by_the_page_and_not_by_a_dialog_of_the_browser(admin: Visitor) -> None:
    await admin.sign_in("wrong")

    await expect(admin.page.get_by_role("alert").filter(has_text="not accepted")).to_be_visible()
    await expect(admin.page.get_by_label("API key")).to_be_focused()
    admin.forgive(REFUSED)


async def test_only_what_the_key_may_do_is_offered(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(1))
    allowed = {"sysOAuthClientGet": True, "sysOAuthClientQuery": True}
    [key] = await create(server, KEY, {"description": "Reader", "permissions": allowed})

    await admin.sign_in(key["secret"])
    await admin.open("Client 000")

    await expect(admin.page.get_by_role("navigation", name="Types").get_by_role("link")).to_have_text(["OAuth Clients"])
    for action in ("Create OAuth client", "Edit", "Disable", "Delete", "Rotate…"):
        await expect(admin.page.get_by_role("button", name=action)).to_have_count(0)
    await expect(admin.page.get_by_role("checkbox")).to_have_count(0)


async def test_a_key_that_may_see_nothing_is_told_so(admin: Visitor, server: ServerProcess) -> None:
    [key] = await create(server, KEY, {"description": "Nothing"})

    await admin.sign_in(key["secret"])

    await expect(admin.page.get_by_role("heading", name="This key may see nothing here")).to_be_visible()


async def test_a_list_that_the_key_may_not_query_says_which_permission_is_missing(
    admin: Visitor, server: ServerProcess
) -> None:
    [key] = await create(server, KEY, {"description": "Getter", "permissions": {"sysOAuthClientGet": True}})

    await admin.sign_in(key["secret"])

    await expect(admin.page.get_by_role("heading", name="Not allowed")).to_be_visible()
    await expect(admin.page.get_by_text("sysOAuthClientQuery")).to_be_visible()


async def test_what_a_revoked_key_has_seen_goes_from_the_screen(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(1))
    allowed = {"sysOAuthClientGet": True, "sysOAuthClientQuery": True}
    [key] = await create(server, KEY, {"description": "Reader", "permissions": allowed})
    await admin.sign_in(key["secret"])
    await admin.open("Client 000")

    await ask(server, f"{KEY}/set", destroy=[key["id"]])

    await expect(admin.page.get_by_role("alert").filter(has_text="not accepted any more")).to_be_visible()
    await expect(admin.page.get_by_text("Client 000")).to_have_count(0)
    await admin.page.get_by_label("API key").fill(ADMIN_KEY)
    await admin.button("Sign in").click()
    await expect(admin.details.get_by_role("heading", name="Client 000")).to_be_visible()
    admin.forgive(REFUSED)


async def test_an_unreachable_server_is_told_of_and_found_again(visit: Visit, server: ServerProcess) -> None:
    someone = await visit()
    await create(server, CLIENT, *clients(1))
    await someone.sign_in()
    await expect(someone.rows).to_have_count(1)

    await someone.context.set_offline(offline=True)
    banner = someone.page.get_by_role("status").filter(has_text="No connection")
    await someone.page.evaluate("dispatchEvent(new Event('online'))")  # looks at once, instead of at the next ping
    await expect(banner).to_be_visible()
    await create(server, CLIENT, {"clientId": "meanwhile"})
    await someone.context.set_offline(offline=False)

    await expect(banner).to_be_hidden()
    await expect(someone.rows).to_have_count(2)
    someone.forgive(REFUSED)
