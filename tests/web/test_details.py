from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from tests.support.served import ServerProcess
from tests.web.visitor import CLIENT, KEY, SECRET, TENANT, Visitor, ask, clients, create, records, update

CONFIDENTIAL = {"clientId": "webmail", "clientName": "Webmail", "tokenEndpointAuthMethod": "client_secret_basic"}


def is_get(body: str) -> bool:
    """Return whether a request is for one object, not for a list."""
    return f"{CLIENT}/get" in body and f"{CLIENT}/query" not in body


async def test_every_property_is_told_and_what_is_not_set_named(admin: Visitor, server: ServerProcess) -> None:
    values = {
        "contacts": {"ops@example.com": True},
        "clientUri": "https://mail.example/",
        "expiresAt": "2030-01-01T00:00:00Z",
    }
    await create(server, CLIENT, {**CONFIDENTIAL, **values})
    await admin.sign_in()
    await admin.open("Webmail")

    told = {
        name: await admin.details.locator(f'dd[data-name="{name}"]').inner_text()
        for name in ("clientId", "contacts", "clientUri", "secret", "isProtected")
    }
    assert told == {
        "clientId": "webmail",
        "contacts": "ops@example.com",
        "clientUri": "https://mail.example/",
        "secret": "••••••••",
        "isProtected": "No",
    }
    await expect(admin.details.locator('dd[data-name="expiresAt"] time')).to_have_text("1 Jan 2030, 01:00")
    await expect(admin.details.locator('dd[data-name="createdBy"]')).not_to_be_empty()
    await expect(admin.details.get_by_text(re.compile("^Not set: .*Description"))).to_be_visible()


async def test_a_rotation_ends_the_old_secret_after_the_overlap_that_was_chosen(
    admin: Visitor, server: ServerProcess
) -> None:
    [client] = await create(server, CLIENT, CONFIDENTIAL)
    await admin.sign_in()
    await admin.open("Webmail")
    await admin.button("Rotate…").click()
    await admin.dialog.get_by_label("The old secret ends").select_option("After 7 days")
    await admin.dialog.get_by_label("Label of the new one").fill("Autumn")
    await admin.button("Rotate").click()
    shown = await admin.dialog.get_by_label("Secret", exact=True).inner_text()
    await admin.button("I have stored it").click()

    new, old = await records(server, SECRET, oauthClientId=client["id"])
    week = datetime.now(UTC) + timedelta(days=7)
    assert (new["label"], new["expiresAt"]) == ("Autumn", None)
    assert abs(datetime.fromisoformat(old["expiresAt"]) - week) < timedelta(minutes=5)
    for secret in (shown, client["secret"]):
        asked = await ask(server, f"{CLIENT}/authenticate", clientId="webmail", secret=secret)
        assert asked["authenticated"]
    await expect(admin.details.locator(".secrets li")).to_have_count(2)
    await expect(admin.details.locator(".secrets li").nth(1)).to_contain_text("in 7 days")


async def test_a_rotation_does_not_wait_for_the_client_to_be_read(admin: Visitor, server: ServerProcess) -> None:
    [client] = await create(server, CLIENT, CONFIDENTIAL)
    await admin.sign_in()
    going_on = await admin.hold_back(is_get)
    await admin.row("Webmail").get_by_role("link").click()
    await admin.button("Rotate…").click()
    await admin.button("Rotate").click()

    await expect(admin.dialog.get_by_label("Secret", exact=True)).to_have_text(re.compile("^jmo_"))
    assert len(await records(server, SECRET, oauthClientId=client["id"])) == 2
    going_on.set()
    await admin.page.unroute_all(behavior="wait")


async def test_late_details_take_no_focus_from_what_is_written_meanwhile(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, CONFIDENTIAL)
    await admin.sign_in()
    going_on = await admin.hold_back(is_get)
    await admin.row("Webmail").get_by_role("link").click()
    await admin.page.get_by_role("searchbox").fill("web")
    going_on.set()

    await expect(admin.details.get_by_role("heading", level=2)).to_contain_text("Webmail")
    await expect(admin.page.get_by_role("searchbox")).to_be_focused()


async def test_what_stays_the_same_stays_in_its_place_while_the_rest_changes(
    admin: Visitor, server: ServerProcess
) -> None:
    [client] = await create(server, CLIENT, CONFIDENTIAL)
    await admin.sign_in()
    await admin.open("Webmail")
    secrets, events = admin.details.locator(".secrets li"), admin.details.locator(".trail > li")
    kept = [secrets.get_by_role("button"), events.locator("summary"), admin.button("Rotate…")]
    for each in kept:
        await each.evaluate("each => each.seen = true")

    await create(server, SECRET, {"oauthClientId": client["id"]})
    await update(server, CLIENT, client["id"], description="From elsewhere")
    await expect(secrets).to_have_count(2)
    await expect(events).to_have_count(2)

    assert [await each.last.evaluate("each => each.seen") for each in kept] == [True, True, True]


async def test_a_revoked_secret_is_gone_and_the_last_one_stays(admin: Visitor, server: ServerProcess) -> None:
    [client] = await create(server, CLIENT, CONFIDENTIAL)
    await create(server, SECRET, {"oauthClientId": client["id"], "label": "Second"})
    await admin.sign_in()
    await admin.open("Webmail")
    secrets = admin.details.locator(".secrets li")

    await secrets.filter(has_text="Second").get_by_role("button", name="Revoke").click()
    await admin.dialog.get_by_role("button", name="Revoke").click()
    await expect(secrets).to_have_count(1)
    await secrets.get_by_role("button", name="Revoke").click()
    await admin.dialog.get_by_role("button", name="Revoke").click()

    await expect(admin.page.get_by_role("alert").filter(has_text="its last one that is valid")).to_be_visible()
    assert len(await records(server, SECRET, oauthClientId=client["id"])) == 1


async def test_a_protected_client_says_why_it_cannot_be_deleted(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, {**CONFIDENTIAL, "isProtected": True})
    await admin.sign_in()
    await admin.open("Webmail")
    delete = admin.details.get_by_role("button", name="Delete")
    await expect(delete).to_have_attribute("title", re.compile("protected"))

    await delete.press("Enter")

    await expect(admin.page.get_by_role("alert").filter(has_text="is protected")).to_be_visible()
    assert len(await records(server, CLIENT)) == 1


async def test_a_client_is_disabled_enabled_and_deleted(admin: Visitor, server: ServerProcess) -> None:
    await create(server, CLIENT, CONFIDENTIAL)
    await admin.sign_in()
    await admin.open("Webmail")

    await admin.details.get_by_role("button", name="Disable").click()
    await admin.dialog.get_by_role("button", name="Disable").click()
    await expect(admin.details.get_by_role("heading", level=2)).to_contain_text("Disabled")
    await admin.details.get_by_role("button", name="Enable").click()
    await expect(admin.details.get_by_role("heading", level=2)).to_contain_text("Active")
    await admin.details.get_by_role("button", name="Delete").click()
    await admin.dialog.get_by_role("button", name="Delete").click()

    await expect(admin.details.get_by_role("heading", name="There is no such OAuth client")).to_be_visible()
    assert await records(server, CLIENT) == []


async def test_the_tester_says_what_is_different(admin: Visitor, server: ServerProcess) -> None:
    await create(
        server, CLIENT, {"clientId": "a", "redirectUris": {"https://a.example/cb": True, "http://127.0.0.1/cb": True}}
    )
    await admin.sign_in()
    await admin.open("a")
    uri = admin.details.get_by_label("Would this URI match?")
    verdict = admin.details.locator(".verdict")

    await uri.fill("https://a.example/cb")
    await expect(verdict).to_have_text("Yes, it is registered.")
    await uri.fill("http://127.0.0.1:5000/cb")
    await expect(verdict).to_contain_text("Yes, by http://127.0.0.1/cb")
    await uri.fill("https://a.example/cb/")
    await expect(verdict).to_have_text("No. The nearest is https://a.example/cb; what differs is the path.")
    await uri.fill("https://A.example/cb")
    await expect(verdict).to_contain_text("compared character by character")


async def test_the_tester_follows_what_others_register(admin: Visitor, server: ServerProcess) -> None:
    [client] = await create(server, CLIENT, {"clientId": "a", "redirectUris": {"https://a.example/cb": True}})
    await admin.sign_in()
    await admin.open("a")
    await admin.details.get_by_label("Would this URI match?").fill("https://a.example/new")
    await expect(admin.details.locator(".verdict")).to_contain_text("No.")

    await update(server, CLIENT, client["id"], redirectUris={"https://a.example/new": True})

    await expect(admin.details.locator(".verdict")).to_have_text("Yes, it is registered.")


async def test_the_audit_trail_tells_before_and_after(admin: Visitor, server: ServerProcess) -> None:
    [client] = await create(server, CLIENT, {**CONFIDENTIAL, "redirectUris": {"https://a.example/1": True}})
    await admin.sign_in()
    await admin.open("Webmail")
    patch = {"description": "New words", "redirectUris/https:~1~1a.example~12": True}
    await ask(server, f"{CLIENT}/set", update={client["id"]: patch})

    trail = admin.details.locator(".trail > li")
    await expect(trail).to_have_count(2)
    await trail.first.locator("summary").click()

    rows = [await row.locator("th, td").all_inner_texts() for row in await trail.first.locator("tbody tr").all()]
    assert sorted(rows) == [["Description", "–", "New words"], ["Redirect URIs", "–", "https://a.example/2"]]
    await expect(trail.first.get_by_text("from 127.0.0.1")).to_be_visible()


async def test_details_follow_what_others_do(admin: Visitor, server: ServerProcess) -> None:
    [client] = await create(server, CLIENT, CONFIDENTIAL)
    await admin.sign_in()
    await admin.open("Webmail")

    await update(server, CLIENT, client["id"], description="From elsewhere")
    await expect(admin.details.get_by_text("From elsewhere").first).to_be_visible()
    await ask(server, f"{CLIENT}/set", destroy=[client["id"]])

    await expect(admin.details.get_by_role("heading", name="There is no such OAuth client")).to_be_visible()


async def test_the_secrets_of_a_client_that_comes_back_are_followed_again(
    admin: Visitor, server: ServerProcess
) -> None:
    ours, theirs = await create(server, TENANT, {"name": "Ours"}, {"name": "Theirs"})
    [client] = await create(server, CLIENT, {**CONFIDENTIAL, "memberTenantId": ours["id"]})
    allowed = {f"sysOAuthClient{each}": True for each in ("Get", "Query", "SecretGet", "SecretQuery")}
    [key] = await create(server, KEY, {"memberTenantId": ours["id"], "permissions": allowed})
    await admin.sign_in(key["secret"])
    await admin.open("Webmail")
    await update(server, CLIENT, client["id"], memberTenantId=theirs["id"])
    await expect(admin.details.get_by_role("heading", name="There is no such OAuth client")).to_be_visible()
    await expect(admin.details.get_by_role("heading", name="Secrets")).to_be_hidden()

    await update(server, CLIENT, client["id"], memberTenantId=ours["id"])
    await create(server, SECRET, {"oauthClientId": client["id"], "label": "Second"})
    await expect(admin.details.get_by_role("heading", name="Secrets")).to_be_visible()
    await expect(admin.details.locator(".secrets li")).to_have_count(2)


async def test_an_address_leads_to_the_object_after_signing_in(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Nordwind", "quotas": {"maxOauthClients": 7}})

    await admin.sign_in(place=f"#/{TENANT}/{tenant['id']}")

    await expect(admin.details.get_by_role("heading", name="Nordwind")).to_be_visible()
    await expect(admin.details.get_by_text("OAuth clients: 7").first).to_be_visible()


async def test_tenants_keys_and_events_have_lists_of_their_own(admin: Visitor, server: ServerProcess) -> None:
    [tenant] = await create(server, TENANT, {"name": "Nordwind"})
    await create(server, KEY, {"description": "Robot", "memberTenantId": tenant["id"]})
    await create(server, CLIENT, *clients(1))
    await admin.sign_in()
    links = admin.page.get_by_role("navigation", name="Types")

    await links.get_by_role("link", name="Tenants").click()
    await expect(admin.names).to_have_text(["Nordwind"])
    await links.get_by_role("link", name="API Keys").click()
    await expect(admin.row("Robot")).to_contain_text("Nordwind")
    await links.get_by_role("link", name="Audit Events").click()
    await expect(admin.rows).to_have_count(4)  # the first key, which the start made, is one
    await expect(admin.rows.first).to_contain_text("Created")
    await admin.page.get_by_role("combobox", name="Type", exact=True).select_option("tenant")
    await expect(admin.rows).to_have_count(1)
    await admin.names.first.click()
    await expect(admin.details.get_by_role("row", name="Name")).to_contain_text("Nordwind")
