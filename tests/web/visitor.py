"""A person at the page: a browser window of their own, and what went wrong in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Route, expect

from jmap_oauth.objects.oauth_client_metadata import METADATA
from tests.support.served import ADMIN_KEY, USING, ServerProcess

CLIENT, SECRET, TENANT, KEY, AUDIT = "x:OAuthClient", "x:OAuthClientSecret", "x:Tenant", "x:ApiKey", "x:AuditEvent"
REFUSED = "Failed to load resource"
"""How the browser writes down that an answer was an error; a test that means it says so."""


@dataclass
class Visitor:
    """One window on one server. `faults` are errors of scripts, and what the browser wrote to its console."""

    server: ServerProcess
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()
    urls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(f"a dialog of the browser: {dialog.message}"))
        self.page.on("request", self._see)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(self.forgiven):
            self.faults.append(message.text)

    def _see(self, request: Request) -> None:
        self.urls.append(request.url)

    def forgive(self, text: str) -> None:
        """Forget the faults that begin so, also those to come: the test brought them about."""
        self.forgiven += (text,)
        self.faults[:] = [fault for fault in self.faults if not fault.startswith(text)]

    async def come(self, place: str = "") -> None:
        await self.page.goto(f"{self.server.url}/{place}")

    async def sign_in(self, key: str = ADMIN_KEY, place: str = "") -> None:
        await self.come(place)
        await self.page.get_by_label("API key").fill(key)
        await self.button("Sign in").click()

    async def hold_back(self, chosen: Callable[[str], bool]) -> asyncio.Event:
        """Keep from the server what the page posts with such a body, until the event is set."""
        going_on = asyncio.Event()

        async def hold(route: Route) -> None:
            if chosen(route.request.post_data or ""):
                await going_on.wait()
            await route.continue_()

        await self.page.route("**/api", hold)
        return going_on

    async def begin(self, way: str) -> None:
        """Sign in, and open the form for a client of a kind."""
        await self.sign_in()
        await self.button("Create OAuth client").click()
        await self.dialog.get_by_role("button", name=way).click()

    async def open(self, name: str) -> None:
        """Open the object with this name from the list."""
        await self.row(name).get_by_role("link", name=name).first.click()
        await expect(self.details.get_by_role("heading", level=2)).to_contain_text(name)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def row(self, name: str) -> Locator:
        return self.page.locator("tbody tr", has_text=name)

    @property
    def rows(self) -> Locator:
        return self.page.locator("object-list tbody tr")

    @property
    def names(self) -> Locator:
        return self.page.locator("object-list a.open")

    @property
    def details(self) -> Locator:
        return self.page.locator("object-details")

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog").last

    def field(self, name: str) -> Locator:
        """Return the field of a property in the form that is open."""
        return self.dialog.locator(f'.field[data-name="{name}"]')

    async def write(self, name: str, text: str) -> None:
        await self.field(name).locator("input:not([type=file]), textarea").first.fill(text)


async def ask(server: ServerProcess, name: str, **arguments: Any) -> Any:
    """Send one method call with the administrator's key, and return its answer; a SetError is an error."""
    body = {"using": [*USING, METADATA], "methodCalls": [[name, arguments, "c0"]]}
    async with server.client() as client:
        response = await client.post("/api", json=body)
    answer = response.raise_for_status().json()["methodResponses"][0][1]
    refused = [answer.get(each) for each in ("notCreated", "notUpdated", "notDestroyed")]
    assert not any(refused), refused
    return answer


async def create(server: ServerProcess, type: str, *objects: Mapping[str, Any]) -> list[Any]:
    """Create objects and return what the server says of each, in order."""
    answer = await ask(server, f"{type}/set", create={str(number): each for number, each in enumerate(objects)})
    return [answer["created"][str(number)] for number in range(len(objects))]


async def update(server: ServerProcess, type: str, id: str, **patch: Any) -> None:
    await ask(server, f"{type}/set", update={id: patch})


async def records(server: ServerProcess, type: str, **filter: Any) -> list[Any]:
    """Return the objects that match, the newest first."""
    ids = (await ask(server, f"{type}/query", filter=filter or None))["ids"]
    found: list[Any] = (await ask(server, f"{type}/get", ids=ids))["list"]
    return found


def clients(count: int, **values: Any) -> list[dict[str, Any]]:
    """Return clients with the names "Client 000", "Client 001" and so on."""
    return [{"clientId": f"client-{n:03}", "clientName": f"Client {n:03}", **values} for n in range(count)]
