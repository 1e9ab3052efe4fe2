"""Forms of a slow server and a quick person: no answer that comes late changes what was written."""

from __future__ import annotations

from playwright.async_api import FilePayload, Route, expect

from tests.support.served import ServerProcess
from tests.web.visitor import CLIENT, REFUSED, SECRET, TENANT, Visitor, clients, create, records

SLOW_FILES = """() => {
  const { arrayBuffer } = Blob.prototype, wait = new Promise((resolve) => (window.goOn = resolve));
  Blob.prototype.arrayBuffer = async function () { await wait; return arrayBuffer.call(this); };
}"""

MINUTES = """() => {
  const all = [];
  AbortSignal.timeout = () => (all.push(new AbortController()), all.at(-1).signal);
  window.passMinute = () => all.forEach((each) => each.abort(new DOMException("", "TimeoutError")));
}"""
"""A clock of calls that runs when the test says so."""


async def test_a_name_counts_although_its_search_is_answered_late(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Nordwind"})
    await admin.begin("Custom")
    going_on = await admin.hold_back(lambda body: "x:Tenant/query" in body)
    await admin.field("memberTenantId").get_by_role("combobox").fill("Nordwind")
    await admin.write("clientId", "portal")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(admin.dialog.get_by_role("button", name="Create", exact=True)).to_be_disabled()
    going_on.set()
    await expect(admin.page.locator("dialog")).to_have_count(0)

    [client] = await records(server, CLIENT)
    assert (client["clientId"], client["memberTenantId"]) == ("portal", tenant["id"])


async def test_a_tenant_stays_although_its_name_is_read_late(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Nordwind"})
    await create(server, CLIENT, {"clientId": "portal", "memberTenantId": tenant["id"]})
    going_on = await admin.hold_back(lambda body: "x:Tenant/get" in body and "x:Tenant/query" not in body)
    await admin.sign_in()
    await admin.row("portal").get_by_role("button", name="Edit").click()
    line = admin.field("memberTenantId").get_by_role("combobox")
    async with admin.page.expect_response(lambda response: "x:Tenant/query" in (response.request.post_data or "")):
        await line.focus()
    await admin.write("clientName", "Portal")
    going_on.set()
    await expect(line).to_have_value("Nordwind")
    await admin.button("Save").click()
    await expect(admin.page.locator("dialog")).to_have_count(0)

    [client] = await records(server, CLIENT)
    assert (client["clientName"], client["memberTenantId"]) == ("Portal", tenant["id"])


async def test_a_picture_that_is_still_read_is_waited_for(admin: Visitor, server: ServerProcess) -> None:
    picture = FilePayload(name="logo.png", mimeType="image/png", buffer=b"\x89PNG\r\n\x1a\n" + bytes(200))
    await create(server, CLIENT, *clients(1))
    await admin.sign_in()
    await admin.row("Client 000").get_by_role("button", name="Edit").click()
    await admin.dialog.locator("summary", has_text="Consent").click()
    await admin.page.evaluate(SLOW_FILES)
    await admin.field("logo").locator("input[type=file]").set_input_files(picture)
    await admin.button("Save").click()
    await admin.page.evaluate("window.goOn()")
    await expect(admin.page.locator("dialog")).to_have_count(0)

    [now] = await records(server, CLIENT)
    assert now["logo"].startswith("iVBORw0KGgo")


async def test_a_form_stays_until_what_it_sent_is_answered(admin: Visitor) -> None:
    """What is made then has a secret, which is shown this once."""
    await admin.begin("Sync Connector")
    going_on = await admin.hold_back(lambda body: "x:OAuthClient/set" in body)
    create_it = admin.dialog.get_by_role("button", name="Create", exact=True)
    await create_it.click()
    await expect(create_it).to_be_disabled()
    await admin.page.keyboard.press("Escape")
    await admin.dialog.get_by_role("button", name="Cancel").click()
    await expect(admin.dialog.get_by_role("status")).to_have_text("Still waiting for the server.")
    await expect(create_it).to_be_visible()
    going_on.set()

    await expect(admin.dialog.get_by_role("heading", level=2)).to_have_text("The secret of the new OAuth client")


async def test_a_form_that_is_left_before_it_is_sent_is_not_sent(admin: Visitor, server: ServerProcess) -> None:
    await create(server, TENANT, {"name": "Nordwind"})
    await admin.begin("Custom")
    going_on = await admin.hold_back(lambda body: "x:Tenant/query" in body)
    await admin.field("memberTenantId").get_by_role("combobox").fill("Nordwind")
    await admin.write("clientId", "portal")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await admin.page.keyboard.press("Escape")
    await admin.dialog.get_by_role("button", name="Leave").click()
    await expect(admin.page.locator("dialog")).to_have_count(0)
    going_on.set()
    await admin.page.unroute_all(behavior="wait")
    await admin.page.get_by_role("searchbox").fill("portal")

    await expect(admin.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    assert await records(server, CLIENT) == []


async def test_a_form_whose_call_is_never_answered_says_so(admin: Visitor) -> None:
    await admin.begin("Sync Connector")
    await admin.page.evaluate(MINUTES)
    going_on = await admin.hold_back(lambda body: "x:OAuthClient/set" in body)
    async with admin.page.expect_request(lambda request: "x:OAuthClient/set" in (request.post_data or "")):
        await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await admin.page.evaluate("window.passMinute()")

    await expect(admin.dialog.locator(".summary")).to_have_text("The server did not answer.")
    await admin.page.keyboard.press("Escape")
    await expect(admin.page.locator("dialog")).to_have_count(0)
    going_on.set()
    await admin.page.unroute_all(behavior="wait")


async def test_a_list_whose_call_is_never_answered_goes_on_with_the_next(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(1))
    await admin.sign_in()
    await expect(admin.rows).to_have_count(1)
    await admin.page.evaluate(MINUTES)
    first = iter([True])
    going_on = await admin.hold_back(lambda body: "x:OAuthClient/query" in body and next(first, False))
    async with admin.page.expect_request(lambda request: "x:OAuthClient/query" in (request.post_data or "")):
        await create(server, CLIENT, {"clientId": "first"})
    await admin.page.evaluate("window.passMinute()")
    await expect(admin.page.get_by_role("alert")).to_have_text("The server did not answer.")
    await create(server, CLIENT, {"clientId": "second"})

    await expect(admin.rows).to_have_count(3)
    going_on.set()
    await admin.page.unroute_all(behavior="wait")


async def test_a_rotation_stays_until_it_is_answered_and_says_why_not(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, {"clientId": "webmail", "tokenEndpointAuthMethod": "client_secret_basic"})
    await admin.sign_in()
    await admin.open("webmail")
    going_on = await admin.hold_back(lambda body: f"{SECRET}/set" in body)
    await admin.button("Rotate…").click()
    await admin.button("Rotate").click()
    await expect(admin.button("Rotate")).to_be_disabled()
    await admin.page.keyboard.press("Escape")
    await admin.dialog.get_by_role("button", name="Cancel").click()
    await expect(admin.dialog.get_by_role("status")).to_have_text("Still waiting for the server.")
    await admin.context.set_offline(offline=True)
    going_on.set()

    await expect(admin.dialog.get_by_role("alert").first).to_have_text("The server cannot be reached.")
    admin.forgive(REFUSED)


async def test_a_search_of_names_that_fails_says_why(admin: Visitor, server: ServerProcess) -> None:
    await create(server, TENANT, {"name": "Nordwind"})
    await admin.begin("Custom")

    async def cut_off(route: Route) -> None:
        await (route.abort() if "x:Tenant/query" in (route.request.post_data or "") else route.continue_())

    await admin.page.route("**/api", cut_off)
    await admin.field("memberTenantId").get_by_role("combobox").fill("Nordwind")
    await expect(admin.dialog.get_by_role("alert").last).to_have_text("The server cannot be reached.")
    await admin.write("clientId", "portal")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()

    await expect(admin.dialog.locator(".summary")).to_have_text("The server cannot be reached.")
    await expect(admin.field("memberTenantId").locator(".error")).to_be_empty()
    admin.forgive(REFUSED)
