"""A browser for each worker, and a server and windows for each test.

All of it lives in one event loop, as the browser does. Without a browser the tests are skipped, and where CI is set to
true they fail: there one is installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect

from tests.support.served import QUICK_FLAGS, ServerProcess, serve_process
from tests.web.visitor import Visitor

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
Visit = Callable[..., Awaitable[Visitor]]
PATIENCE = 60_000
"""Milliseconds that a machine with other work to do may take for a step."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the loop of the browser."""
    folder = f"{Path(__file__).parent}{os.sep}"  # as text: there are thousands that are none of ours
    for item in items:
        if str(item.path).startswith(folder) and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def find_browser(playwright: Playwright) -> str:
    """Return the path of a browser of this machine, or of Playwright's own."""
    own = playwright.chromium.executable_path
    found = next(filter(None, map(shutil.which, BROWSERS)), own if Path(own).exists() else None)
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("There is no browser; .ci/run installs one.")
    pytest.skip("needs a browser: install chromium, or run `.venv/bin/playwright install chromium`")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = await playwright.chromium.launch(executable_path=find_browser(playwright), timeout=PATIENCE)
        yield browser
        await browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with serve_process(tmp_path, *QUICK_FLAGS, "--no-access-log") as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, server: ServerProcess) -> AsyncIterator[Visit]:
    """Return a function that makes visitors, with options of a browser context; in the end none has seen a fault."""
    visitors: list[Visitor] = []
    async with AsyncExitStack() as stack:

        async def come(**options: Any) -> Visitor:
            context = await browser.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Berlin", **options})
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE)
            await context.grant_permissions(["clipboard-read", "clipboard-write"])
            visitors.append(Visitor(server, context, await context.new_page()))
            return visitors[-1]

        yield come
    assert [fault for visitor in visitors for fault in visitor.faults] == []


@pytest_asyncio.fixture(loop_scope="session")
async def admin(visit: Visit) -> Visitor:
    """Return a visitor who is not signed in yet; tests first make what there is to see."""
    return await visit()
