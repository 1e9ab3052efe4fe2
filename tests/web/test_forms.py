from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, expect

from jmap_oauth.objects import redirects
from tests.support.served import ServerProcess
from tests.web.visitor import CLIENT, SECRET, TENANT, Visitor, ask, clients, create, records

MADE = re.compile(r"jmo_[A-Za-z0-9_]{20,}")


async def test_a_sync_connector_needs_a_name_alone(admin: Visitor, server: ServerProcess) -> None:
    await admin.begin("Sync Connector")
    await admin.write("clientName", "Ärzte Ümlaut")
    await expect(admin.field("clientId").locator("input")).to_have_value(re.compile(r"^arzte-umlaut-[a-z0-9]{6}$"))
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(admin.dialog.get_by_role("heading", level=2)).to_have_text("The secret of the new OAuth client")

    [client] = await records(server, CLIENT)
    assert client["clientName"] == "Ärzte Ümlaut"
    assert client["grantTypes"] == {"client_credentials": True}
    assert set(client["scopes"]) == {
        *("scim:read", "scim:write"),
        *("connector:read", "connector:write"),
        "sync:profile:read",
    }
    assert client["tokenEndpointAuthMethod"] == "client_secret_basic"
    assert len(await records(server, SECRET, oauthClientId=client["id"])) == 1


async def test_a_secret_is_shown_once_and_gone_after_a_click(admin: Visitor, tmp_path: Path) -> None:
    await admin.begin("Sync Connector")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    secret = await admin.dialog.get_by_label("Secret", exact=True).inner_text()
    assert MADE.fullmatch(secret)

    await admin.dialog.get_by_role("button", name="Copy secret").click()
    await expect(admin.page.get_by_text("Copied.")).to_be_visible()
    assert await admin.page.evaluate("navigator.clipboard.readText()") == secret
    async with admin.page.expect_download() as download:
        await admin.dialog.get_by_role("link", name="Download").click()
    await (await download.value).save_as(tmp_path / "secret.txt")
    assert (tmp_path / "secret.txt").read_text() == f"{secret}\n"
    for _ in range(3):
        await admin.page.keyboard.press("Escape")
    await expect(admin.dialog.get_by_text("the only time")).to_be_visible()
    await admin.button("I have stored it").click()

    await expect(admin.page.locator("dialog")).to_have_count(0)
    await expect(admin.details.get_by_role("heading", level=2)).to_be_visible()
    assert secret not in await admin.page.content()
    everything = "JSON.stringify([...document.querySelectorAll('*')].map(each => [each.value, each.textContent]))"
    assert secret not in await admin.page.evaluate(everything)
    assert secret not in await admin.page.evaluate("location.href + JSON.stringify(history.state)")


async def test_where_a_secret_cannot_be_copied_it_is_to_be_selected(admin: Visitor) -> None:
    await admin.begin("Sync Connector")
    await admin.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # as on plain HTTP
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await admin.dialog.get_by_role("button", name="Copy secret").click()

    await expect(admin.dialog.get_by_role("alert")).to_have_text("It cannot be copied here: select it instead.")


async def test_a_custom_client_has_every_property(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Nordwind"})
    await admin.begin("Custom")
    await admin.write("clientName", "Portal")
    await admin.write("clientId", "portal")
    await admin.write("description", "Two\nlines")
    await admin.field("memberTenantId").get_by_role("combobox").fill("Nordwind")
    for value in ("authorization_code", "refresh_token"):
        await admin.write("grantTypes", value)
        await admin.page.keyboard.press("Enter")
    await admin.write("redirectUris", "https://portal.example/callback")
    await admin.field("redirectUris").get_by_role("button", name="Add").click()
    await admin.write("redirectUris", "http://127.0.0.1/callback")
    await admin.field("expiresAt").locator("input").fill("2030-01-01T12:00:00")
    for group in ("Consent", "Tokens", "Metadata"):
        await admin.dialog.locator("summary", has_text=group).click()
    await admin.field("accessTokenStrategy").locator("select").select_option("Opaque")
    await admin.field("authorizationCodeGrantAccessTokenLifespan").locator("input").fill("2")
    await admin.field("authorizationCodeGrantAccessTokenLifespan").locator("select").select_option("hours")
    await admin.field("metadata").locator("textarea").fill('{"team": ["a", "b"]}')
    await admin.field("skipConsent").get_by_role("checkbox").check()
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(admin.page.locator("dialog")).to_have_count(0)

    [client] = await records(server, CLIENT)
    wanted = {
        "clientName": "Portal",
        "clientId": "portal",
        "description": "Two\nlines",
        "memberTenantId": tenant["id"],
        "grantTypes": {"authorization_code": True, "refresh_token": True},
        "redirectUris": {"https://portal.example/callback": True, "http://127.0.0.1/callback": True},
        "expiresAt": "2030-01-01T11:00:00Z",
        "accessTokenStrategy": "opaque",
        "authorizationCodeGrantAccessTokenLifespan": 7_200_000,
        "metadata": {"team": ["a", "b"]},
        "skipConsent": True,
        "tokenEndpointAuthMethod": "none",
    }
    assert {name: client[name] for name in wanted} == wanted


async def test_a_name_whose_words_many_names_have_can_be_chosen(admin: Visitor, server: ServerProcess) -> None:
    await create(server, TENANT, *({"name": f"Acme {number:02} North"} for number in range(20)))
    [tenant] = await create(server, TENANT, {"name": "North"})
    await admin.begin("Custom")
    await admin.field("memberTenantId").get_by_role("combobox").fill("North")
    await admin.write("clientId", "portal")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(admin.page.locator("dialog")).to_have_count(0)

    assert [client["memberTenantId"] for client in await records(server, CLIENT)] == [tenant["id"]]


async def test_a_name_that_none_has_is_a_fault(admin: Visitor, server: ServerProcess) -> None:
    await create(server, TENANT, {"name": "Nordwind"})
    await admin.begin("Custom")
    tenant = admin.field("memberTenantId")
    await tenant.get_by_role("combobox").fill("Nordwnd")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()

    await expect(tenant.locator(".error")).to_have_text("Choose one of the names offered.")
    await expect(tenant.get_by_role("combobox")).to_be_focused()
    assert await records(server, CLIENT) == []
    await tenant.get_by_role("combobox").fill("Nordwind")
    await expect(tenant.locator(".error")).to_be_empty()


async def test_faults_are_said_while_they_are_typed(admin: Visitor) -> None:
    await admin.begin("Custom")
    await admin.write("redirectUris", "https://*.example/cb")
    await expect(admin.field("redirectUris").locator(".error")).to_have_text("No wildcard (*): write each URI out.")
    await expect(admin.field("redirectUris").locator("input")).to_have_attribute("aria-invalid", "true")

    await admin.write("redirectUris", "https://a.example/cb")

    await expect(admin.field("redirectUris").locator(".error")).to_be_empty()


async def test_what_is_missing_is_said_and_focused(admin: Visitor) -> None:
    await admin.begin("Custom")
    await admin.write("clientId", "")

    await admin.dialog.get_by_role("button", name="Create", exact=True).click()

    await expect(admin.dialog.get_by_role("alert")).to_have_text("Some values are not right yet.")
    await expect(admin.field("clientId").locator(".error")).to_have_text("This is needed.")
    await expect(admin.field("clientId").locator("input")).to_be_focused()


async def test_what_the_server_refuses_is_said_at_the_field(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, {"clientId": "taken"})
    await admin.begin("Custom")
    await admin.write("clientId", "taken")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(admin.field("clientId").locator(".error")).not_to_be_empty()
    await expect(admin.field("clientId").locator("input")).to_be_focused()

    await admin.write("clientId", "free")
    await admin.write("redirectUris", "https://a.example/../cb")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()

    await expect(admin.field("redirectUris").locator(".error")).to_contain_text('"." or ".." segment')


async def test_a_form_with_changes_is_left_after_a_question(admin: Visitor) -> None:
    await admin.begin("Custom")
    await admin.write("description", "Something")

    await admin.page.keyboard.press("Escape")
    await expect(admin.dialog.get_by_role("heading", level=2)).to_have_text("Leave the form?")
    await admin.dialog.get_by_role("button", name="Cancel").click()
    await expect(admin.field("description").locator("textarea")).to_have_value("Something")
    await admin.page.keyboard.press("Escape")
    await admin.button("Leave").click()

    await expect(admin.page.locator("dialog")).to_have_count(0)


async def test_an_edit_sends_what_changed_and_leaves_what_others_did(admin: Visitor, server: ServerProcess) -> None:
    uris = {"https://a.example/1": True, "https://a.example/2": True}
    [client] = await create(server, CLIENT, {"clientId": "a", "redirectUris": uris, "description": "Old"})
    await admin.sign_in()
    await admin.row("a").get_by_role("button", name="Edit").click()
    await admin.field("redirectUris").get_by_role("button", name="Remove https://a.example/1").click()
    await admin.write("redirectUris", "https://a.example/3")
    patch = {"redirectUris/https:~1~1a.example~14": True, "description": "Changed elsewhere"}
    await ask(server, f"{CLIENT}/set", update={client["id"]: patch})

    await admin.button("Save").click()
    await expect(admin.page.locator("dialog")).to_have_count(0)

    [now] = await records(server, CLIENT)
    assert list(now["redirectUris"]) == ["https://a.example/2", "https://a.example/4", "https://a.example/3"]
    assert now["description"] == "Changed elsewhere"


async def test_a_logo_is_read_from_a_file(admin: Visitor, server: ServerProcess) -> None:
    picture = FilePayload(name="logo.png", mimeType="image/png", buffer=b"\x89PNG\r\n\x1a\n" + bytes(200))
    [client] = await create(server, CLIENT, *clients(1))
    await admin.sign_in()
    await admin.row("Client 000").get_by_role("button", name="Edit").click()
    await admin.dialog.locator("summary", has_text="Consent").click()
    await admin.field("logo").locator("input[type=file]").set_input_files(picture)
    await admin.button("Save").click()
    await expect(admin.page.locator("dialog")).to_have_count(0)

    [now] = await records(server, CLIENT)
    assert now["id"] == client["id"]
    assert now["logo"].startswith("iVBORw0KGgo")


async def test_a_form_stays_when_the_choice_of_a_file_is_cancelled(admin: Visitor) -> None:
    await admin.begin("Custom")
    await admin.field("logo").locator("input[type=file]").dispatch_event("cancel")

    await expect(admin.page.locator("dialog")).to_have_count(1)


async def test_an_api_key_is_made_and_shown_once(admin: Visitor, server: ServerProcess) -> None:
    await admin.sign_in(place="#/x:ApiKey")
    await admin.button("Create API key").click()
    await admin.write("description", "Robot")
    await admin.dialog.get_by_label("Get OAuth clients", exact=True).check()
    await admin.write("allowedIps", "127.0.0.0/8")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    secret = await admin.dialog.get_by_label("Secret", exact=True).inner_text()
    await admin.button("I have stored it").click()
    await expect(admin.page.locator("dialog")).to_have_count(0)

    async with server.client(secret) as client:
        account = (await client.get("/api/account")).json()
    assert account["permissions"] == ["sysOAuthClientGet"]
    assert secret not in await admin.page.content()
    await expect(admin.details.get_by_text("Get OAuth clients").first).to_be_visible()


async def test_a_tenant_is_made_with_a_quota(admin: Visitor, server: ServerProcess) -> None:
    await admin.sign_in(place="#/x:Tenant")
    await admin.button("Create tenant").click()
    await admin.write("name", "Nordwind")
    await admin.dialog.get_by_label("OAuth clients").fill("7")
    await admin.dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(admin.details.get_by_role("heading", name="Nordwind")).to_be_visible()

    [tenant] = await records(server, TENANT)
    assert tenant["quotas"] == {"maxOauthClients": 7}


REGISTERED = ["https://a.example/cb", "http://127.0.0.1/cb?x=1", "http://[::1]:80/cb", "http://localhost/cb"]


@pytest.mark.parametrize(
    "uri",
    [
        *REGISTERED,
        "https://a.example/cb/",
        "https://A.example/cb",
        "https://a.example:443/cb",
        "http://127.0.0.1:5000/cb?x=1",
        "http://127.0.0.1:65536/cb?x=1",
        "http://127.0.0.1:05000/cb?x=1",
        "http://127.0.0.1:5000/cb",
        "http://[::1]:9/cb",
        "http://localhost:5000/cb",
        "",
    ],
)
async def test_the_tester_of_redirect_uris_has_the_rule_of_the_server(admin: Visitor, uri: str) -> None:
    await admin.come()
    script = await admin.page.locator("link[href$='redirects.js']").evaluate("link => link.href")
    question = "async ([path, uri, all]) => Boolean((await import(path)).match(uri, all))"

    answer = await admin.page.evaluate(question, [script, uri, REGISTERED])

    assert answer == redirects.is_registered(uri, REGISTERED)
