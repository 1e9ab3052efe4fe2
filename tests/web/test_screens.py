"""Every screen, light and dark, wide and narrow: without a fault of accessibility, and as a picture to look at.

The pictures are left in `screenshots/`, named by screen, scheme and width.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Literal

import pytest
from playwright.async_api import ViewportSize, expect

from tests.cli.process import ROOT
from tests.support.served import ADMIN_KEY, ServerProcess
from tests.web.conftest import Visit
from tests.web.visitor import AUDIT, CLIENT, KEY, REFUSED, SECRET, TENANT, Visitor, create, update

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
FOLDER = ROOT / "screenshots"
WIDE, NARROW = ViewportSize(width=1360, height=850), ViewportSize(width=390, height=844)
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FURTHER_ROWS = "object-list tbody tr:nth-child(n+9)"  # are like those before them, and axe takes long
CHECK = f"""async () => (await axe.run({{exclude: "{FURTHER_ROWS}"}}, {{runOnly: {RULES}}})).violations
  .flatMap(rule => rule.nodes.map(node => `${{rule.id}}: ${{node.target}} ${{node.failureSummary}}`))"""

NAMES = ("Webmail", "Mobile App", "Desktop Agent", "Admin Client", "Directory Sync", "Calendar Bridge", "Wiki", "CI")
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

Screen = Callable[[Visitor], Awaitable[Any]]


async def furnish(server: ServerProcess) -> None:
    """Make what there is to see."""
    tenants = await create(server, TENANT, {"name": "Example Corporation"}, {"name": "Nordwind GmbH"})
    await create(server, KEY, {"description": "Mail server", "permissions": {"sysOAuthClientGet": True}})
    made = await create(server, CLIENT, *(client(number, tenants) for number in range(60)))
    webmail = made[0]["id"]
    await create(
        server, SECRET, {"oauthClientId": webmail, "label": "New data centre", "expiresAt": "2031-01-01T00:00:00Z"}
    )
    await update(server, CLIENT, webmail, description="Reads and writes mail in the browser", scopes={"openid": True})


def client(number: int, tenants: list[Any]) -> dict[str, Any]:
    name = NAMES[number] if number < len(NAMES) else f"Service {number}"
    id = name.lower().replace(" ", "-")
    is_service = number % 4 == 3
    return {
        "clientName": name,
        "clientId": id,
        "description": None if number % 3 else f"What people use as {name}",
        "contacts": {"ops@example.com": True},
        "grantTypes": {"client_credentials": True}
        if is_service
        else {"authorization_code": True, "refresh_token": True},
        "redirectUris": {}
        if is_service
        else {f"https://{id}.example.com/callback": True, "http://127.0.0.1/callback": True},
        "tokenEndpointAuthMethod": "client_secret_basic" if is_service or number % 2 == 0 else "none",
        "memberTenantId": (None, *(each["id"] for each in tenants))[number % 3],
        "isEnabled": number % 7 != 5,
        "isProtected": number == 3,
        "expiresAt": "2026-01-01T00:00:00Z" if number % 11 == 6 else None,
        "logo": PICTURE if number == 0 else None,
    }


async def sign_in(someone: Visitor) -> None:
    await someone.sign_in()
    await expect(someone.rows.first).to_be_visible()


async def refused(someone: Visitor) -> None:
    await someone.sign_in("wrong")
    await expect(someone.page.get_by_role("alert").filter(has_text="not accepted")).to_be_visible()
    someone.forgive(REFUSED)


async def selection(someone: Visitor) -> None:
    await sign_in(someone)
    await someone.page.get_by_role("checkbox", name="Select all on this page").check()


async def details(someone: Visitor) -> None:
    await sign_in(someone)
    await someone.page.get_by_role("searchbox").fill("webmail")
    await someone.open("Webmail")
    await someone.details.get_by_label("Would this URI match?").fill("https://webmail.example.com/callback/")
    await someone.details.locator(".trail summary").first.click()


async def further_details(someone: Visitor) -> None:
    await details(someone)
    await someone.details.locator(".verdict").scroll_into_view_if_needed()
    await someone.details.locator(".trail").scroll_into_view_if_needed()


async def ways(someone: Visitor) -> None:
    await sign_in(someone)
    await someone.button("Create OAuth client").click()


async def connector(someone: Visitor) -> None:
    await someone.begin("Sync Connector")


async def custom(someone: Visitor) -> None:
    await someone.begin("Custom")
    await someone.write("redirectUris", "https://*.example.com/")
    await someone.write("clientId", "")
    await someone.dialog.get_by_role("button", name="Create", exact=True).click()


async def secret(someone: Visitor) -> None:
    await connector(someone)
    await someone.dialog.get_by_role("button", name="Create", exact=True).click()
    await expect(someone.dialog.get_by_role("button", name="I have stored it")).to_be_visible()


async def rotation(someone: Visitor) -> None:
    await details(someone)
    await someone.button("Rotate…").click()


async def deletion(someone: Visitor) -> None:
    await selection(someone)
    await someone.page.get_by_role("group", name="Selection").get_by_role("button", name="Delete").click()


async def key_form(someone: Visitor) -> None:
    await someone.sign_in(place=f"#/{KEY}")
    await someone.button("Create API key").click()


async def listed(someone: Visitor, type: str) -> None:
    await someone.sign_in(place=f"#/{type}")
    await expect(someone.rows.first).to_be_visible()


async def event(someone: Visitor) -> None:
    await listed(someone, AUDIT)
    await someone.names.first.click()
    await expect(someone.details.locator(".changes")).to_be_visible()


async def nothing_found(someone: Visitor) -> None:
    await sign_in(someone)
    await someone.page.get_by_role("searchbox").fill("nobody")
    await expect(someone.page.get_by_role("heading", name="Nothing matches")).to_be_visible()


async def forbidden(someone: Visitor) -> None:
    [key] = await create(someone.server, KEY, {"description": "Getter", "permissions": {"sysOAuthClientGet": True}})
    await someone.sign_in(key["secret"])
    await expect(someone.page.get_by_role("heading", name="Not allowed")).to_be_visible()


async def offline(someone: Visitor) -> None:
    await sign_in(someone)
    await someone.context.set_offline(offline=True)
    await someone.page.evaluate("dispatchEvent(new Event('online'))")
    await expect(someone.page.get_by_role("status").filter(has_text="No connection")).to_be_visible()


SCREENS: dict[str, Screen] = {
    "sign-in": Visitor.come,
    "sign-in-refused": refused,
    "clients": sign_in,
    "clients-selected": selection,
    "clients-none": nothing_found,
    "clients-forbidden": forbidden,
    "clients-offline": offline,
    "clients-delete": deletion,
    "create": ways,
    "create-connector": connector,
    "create-custom": custom,
    "secret": secret,
    "details": details,
    "details-below": further_details,
    "rotate": rotation,
    "tenants": lambda someone: listed(someone, TENANT),
    "keys": lambda someone: listed(someone, KEY),
    "key-form": key_form,
    "audit": lambda someone: listed(someone, AUDIT),
    "audit-event": event,
}


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_is_accessible_light_and_dark_wide_and_narrow(
    visit: Visit, server: ServerProcess, screen: str
) -> None:
    FOLDER.mkdir(exist_ok=True)
    await furnish(server)
    someone = await visit(viewport=WIDE, reduced_motion="reduce")
    await SCREENS[screen](someone)
    await someone.page.evaluate(AXE)
    found: list[str] = []
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        await someone.page.set_viewport_size(size)
        for scheme in SCHEMES:
            await someone.page.emulate_media(color_scheme=scheme)
            await someone.page.screenshot(path=FOLDER / f"{screen}-{scheme}-{width}.png")
            found += [f"{scheme} {width}: {each}" for each in await someone.page.evaluate(CHECK)]
            assert await someone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (scheme, width)

    await someone.context.set_offline(offline=False)
    someone.forgive(REFUSED)
    assert found == []


async def test_all_is_done_by_keyboard_alone(visit: Visit, server: ServerProcess) -> None:
    await furnish(server)
    someone = await visit()
    keyboard = someone.page.keyboard
    await someone.come()
    await expect(someone.button("Sign in")).to_be_enabled()  # until its script is there, Enter does nothing
    await keyboard.type(ADMIN_KEY)
    await keyboard.press("Enter")
    await expect(someone.rows).to_have_count(50)
    for _ in range(30):
        if await someone.page.evaluate("document.activeElement.matches('.frame')"):
            break
        await keyboard.press("Tab")

    await keyboard.press("/")
    await keyboard.type("webmail")
    await expect(someone.rows).to_have_count(1)
    for _ in range(20):
        if await someone.page.evaluate("document.activeElement.matches('a.open')"):
            break
        await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(someone.details.get_by_role("heading", level=2)).to_be_focused()
    await keyboard.press("Escape")
    await expect(someone.names.first).to_be_focused()
    await keyboard.press("Space")
    await expect(someone.page.get_by_role("group", name="Selection")).to_contain_text("1 selected")
    await keyboard.press("Delete")
    await expect(someone.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")

    await expect(someone.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
