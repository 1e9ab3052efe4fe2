from __future__ import annotations

from playwright.async_api import expect

from tests.support.served import ServerProcess
from tests.web.conftest import Visit
from tests.web.visitor import CLIENT, TENANT, Visitor, ask, clients, create, records, update


async def test_a_row_tells_what_people_look_for(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Example Corporation"})
    grants = {"authorization_code": True, "refresh_token": True}
    redirects = {"https://a.example/cb": True}
    values = {"clientName": "Webmail", "clientId": "webmail", "grantTypes": grants, "redirectUris": redirects}
    await create(server, CLIENT, {**values, "memberTenantId": tenant["id"]})

    await admin.sign_in()
    row = admin.row("Webmail")

    await expect(row.get_by_text("Example Corporation")).to_be_visible()
    shown = await row.locator("td").all_inner_texts()
    assert shown[2] == "webmail"
    assert shown[3].split("\n") == ["Authorization code", "Refresh token"]
    assert shown[4] == "Active"
    assert shown[5] == "Example Corporation"
    title = await row.locator("time").get_attribute("title") or ""
    assert "(Europe/Berlin)" in title
    assert title.endswith("Z")


async def test_a_client_id_is_copied_and_the_copying_said(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(1))
    await admin.sign_in()

    await admin.row("Client 000").get_by_role("button", name="Copy client ID").click()

    await expect(admin.page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert await admin.page.evaluate("navigator.clipboard.readText()") == "client-000"


async def test_the_list_follows_what_is_typed(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(12))
    await admin.sign_in()
    await expect(admin.rows).to_have_count(12)

    await admin.page.get_by_role("searchbox").fill("client 007")

    await expect(admin.names).to_have_text(["Client 007"])
    await expect(admin.page.get_by_role("status").filter(has_text="1 OAuth client")).to_be_visible()
    await admin.page.get_by_role("searchbox").fill("nobody")
    await admin.button("Clear the filters").click()
    await expect(admin.rows).to_have_count(12)


async def test_an_answer_that_was_overtaken_is_dropped(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(12))
    await admin.sign_in()
    await expect(admin.rows).to_have_count(12)
    slow = await admin.hold_back(lambda body: '"text":"client 001"' in body)
    async with admin.page.expect_request(lambda request: "client 001" in (request.post_data or "")):
        await admin.page.get_by_role("searchbox").fill("client 001")
    await admin.page.get_by_role("searchbox").fill("client 002")
    await expect(admin.names).to_have_text(["Client 002"])
    slow.set()
    await admin.page.unroute_all(behavior="wait")

    await expect(admin.names).to_have_text(["Client 002"])


async def test_filters_by_status_tenant_and_grant_are_joined(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Nordwind"})
    method = {"tokenEndpointAuthMethod": "client_secret_basic"}
    credentials = {"grantTypes": {"client_credentials": True}, **method}
    await create(
        server,
        CLIENT,
        {"clientId": "a", "isEnabled": False, "memberTenantId": tenant["id"], **credentials},
        {"clientId": "b", "isEnabled": False, **credentials},
        {"clientId": "c", "memberTenantId": tenant["id"], **credentials},
        {"clientId": "d", "isEnabled": False, "memberTenantId": tenant["id"]},
    )
    await admin.sign_in()

    await admin.page.get_by_label("Status").select_option("Disabled")
    await expect(admin.names).to_have_text(["d", "b", "a"])
    await admin.page.get_by_label("Grant types").select_option("Client credentials")
    await expect(admin.names).to_have_text(["b", "a"])
    tenant_name = admin.page.get_by_role("combobox", name="Tenant")
    await tenant_name.fill("Nordwind")

    await expect(admin.names).to_have_text(["a"])
    await tenant_name.fill("None")
    await expect(admin.names).to_have_text(["b"])


async def test_a_filter_by_a_name_that_none_has_is_marked_until_it_is_cleared(
    admin: Visitor, server: ServerProcess
) -> None:
    await create(server, TENANT, {"name": "Nordwind"})
    await create(server, CLIENT, {"clientId": "a"})
    await admin.sign_in()
    tenant_name = admin.page.get_by_role("combobox", name="Tenant")

    await admin.page.get_by_label("Status").select_option("Active")
    await tenant_name.fill("Nordwnd")
    await tenant_name.press("Tab")
    await expect(tenant_name).to_have_attribute("aria-invalid", "true")
    await expect(admin.names).to_have_text(["a"])
    await admin.button("Clear").click()

    await expect(tenant_name).to_have_value("")
    await expect(tenant_name).not_to_have_attribute("aria-invalid", "true")


async def test_a_click_on_a_column_sorts_by_it_and_says_so(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *({"clientId": name} for name in ("bob", "ada", "Cy")))
    await admin.sign_in()
    head = admin.page.get_by_role("columnheader", name="Client ID")

    await head.get_by_role("button").click()
    await expect(admin.names).to_have_text(["ada", "bob", "Cy"])
    await expect(head).to_have_attribute("aria-sort", "ascending")
    await head.get_by_role("button").click()

    await expect(admin.names).to_have_text(["Cy", "bob", "ada"])
    await expect(head).to_have_attribute("aria-sort", "descending")


async def test_pages_stay_right_while_clients_come_and_go(admin: Visitor, server: ServerProcess) -> None:
    made = await create(server, CLIENT, *clients(120))
    await admin.sign_in()
    await expect(admin.names.first).to_have_text("Client 119")
    await admin.button("Next page").click()
    await expect(admin.names.first).to_have_text("Client 069")
    count = admin.page.get_by_role("status").filter(has_text="of")
    await expect(count).to_have_text("51–100 of 120")

    await create(server, CLIENT, {"clientId": "newer"})
    await ask(server, f"{CLIENT}/set", destroy=[made[60]["id"]])

    await expect(count).to_have_text("52–101 of 120")
    await expect(admin.names.first).to_have_text("Client 069")
    await expect(admin.row("Client 060")).to_have_count(0)
    await admin.button("Previous page").click()
    await expect(admin.names.first).to_have_text("Client 119")
    await admin.button("Last page").click()
    await expect(admin.names.last).to_have_text("Client 000")
    await admin.button("First page").click()
    await expect(admin.names.first).to_have_text("newer")


async def test_a_page_whose_first_client_goes_stays_where_it_is(admin: Visitor, server: ServerProcess) -> None:
    made = await create(server, CLIENT, *clients(120))
    await admin.sign_in()
    await admin.button("Next page").click()
    await expect(admin.names.first).to_have_text("Client 069")

    await ask(server, f"{CLIENT}/set", destroy=[made[69]["id"]])

    await expect(admin.names.first).to_have_text("Client 068")


async def test_two_people_see_what_the_other_does_and_keep_their_place(visit: Visit, server: ServerProcess) -> None:
    made = await create(server, CLIENT, *clients(40))
    ada, bob = await visit(), await visit()
    for each in (ada, bob):
        await each.sign_in()
        await expect(each.rows).to_have_count(40)
    await bob.row("Client 003").get_by_role("checkbox").check()
    await bob.row("Client 003").get_by_role("link").focus()
    place = await bob.page.locator(".frame").evaluate("frame => frame.scrollTop")

    await ada.row("Client 039").get_by_role("button", name="Disable").click()
    await ada.dialog.get_by_role("button", name="Disable").click()
    await update(server, CLIENT, made[5]["id"], clientName="Renamed elsewhere")

    await expect(bob.row("Client 039").get_by_text("Disabled")).to_be_visible()
    await expect(ada.row("Renamed elsewhere")).to_be_visible()
    await expect(bob.row("Client 003").get_by_role("checkbox")).to_be_checked()
    await expect(bob.row("Client 003").get_by_role("link")).to_be_focused()
    assert place > 0
    assert await bob.page.locator(".frame").evaluate("frame => frame.scrollTop") == place


async def test_many_are_disabled_enabled_and_deleted_at_once(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(9))
    await admin.sign_in()
    await admin.row("Client 002").get_by_role("checkbox").click()
    await admin.row("Client 005").get_by_role("checkbox").click(modifiers=["Shift"])
    selection = admin.page.get_by_role("group", name="Selection")
    await expect(selection.get_by_role("status")).to_have_text("4 selected")

    await selection.get_by_role("button", name="Disable").click()
    await expect(admin.dialog.get_by_role("heading")).to_have_text("Disable 4 OAuth clients?")
    await admin.dialog.get_by_role("button", name="Disable").click()
    await expect(admin.page.locator("tbody").get_by_text("Disabled")).to_have_count(4)
    await expect(selection).to_be_hidden()
    await admin.page.get_by_role("checkbox", name="Select all on this page").check()
    await selection.get_by_role("button", name="Delete").click()
    await expect(admin.dialog.get_by_role("heading")).to_have_text("Delete 9 OAuth clients?")
    await expect(admin.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await admin.dialog.get_by_role("button", name="Cancel").click()
    await expect(admin.rows).to_have_count(9)
    await selection.get_by_role("button", name="Delete").click()
    await admin.dialog.get_by_role("button", name="Delete 9").click()

    await expect(admin.page.get_by_role("heading", name="No OAuth clients yet")).to_be_visible()
    assert await records(server, CLIENT) == []


async def test_what_is_selected_while_others_are_deleted_stays_selected(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(2))
    await admin.sign_in()
    selection = admin.page.get_by_role("group", name="Selection")
    going_on = await admin.hold_back(lambda body: '"destroy"' in body)
    await admin.row("Client 000").get_by_role("checkbox").check()
    await selection.get_by_role("button", name="Delete").click()
    await admin.dialog.get_by_role("button", name="Delete").click()
    await admin.row("Client 001").get_by_role("checkbox").check()
    going_on.set()

    await expect(admin.page.get_by_role("status").filter(has_text="Deleted Client 000.")).to_be_visible()
    await expect(selection.get_by_role("status")).to_have_text("1 selected")


async def test_a_form_that_comes_late_does_not_cover_another_dialog(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(1))
    await admin.sign_in()
    going_on = await admin.hold_back(lambda body: '"ids":[' in body)
    await admin.row("Client 000").get_by_role("button", name="Edit").click()
    await admin.button("Create OAuth client").click()
    async with admin.page.expect_event("requestfinished", lambda each: '"ids":[' in (each.post_data or "")):
        going_on.set()
    await admin.page.keyboard.press("Escape")

    await expect(admin.page.locator("dialog")).to_have_count(0)


async def test_a_tenant_that_is_renamed_is_so_in_the_rows_of_its_clients(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Nordwind"})
    await create(server, CLIENT, *clients(1, memberTenantId=tenant["id"]))
    await admin.sign_in()
    await expect(admin.row("Client 000")).to_contain_text("Nordwind")

    await update(server, TENANT, tenant["id"], name="Südwind")

    await expect(admin.row("Client 000")).to_contain_text("Südwind")


async def test_of_many_that_are_deleted_those_that_are_refused_are_named(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, *clients(3))
    await create(server, CLIENT, {"clientId": "kept", "isProtected": True})
    await admin.sign_in()
    await expect(admin.rows).to_have_count(4)
    await admin.page.get_by_role("checkbox", name="Select all on this page").check()
    await admin.page.get_by_role("group", name="Selection").get_by_role("button", name="Delete").click()
    await admin.dialog.get_by_role("button", name="Delete 4").click()

    await expect(admin.page.get_by_role("alert").filter(has_text="Deleted 3; 1 refused. kept:")).to_be_visible()
    await expect(admin.names).to_have_text(["kept"])
