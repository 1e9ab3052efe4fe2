"""`python -m tests.bench.page`: what the admin page costs, and how soon it is there among many clients.

First paint is what the browser says of a page that it loads with an empty cache. A list is usable when its rows are in
the document: after the key is sent, after a letter was typed into the search (which itself waits 150 ms), after the
click that sorts by another column or turns to the last page. Times are medians, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter

from playwright.async_api import Browser, Page, async_playwright, expect

import jmap_oauth
from jmap_oauth.cli.progress import progress
from tests.bench.databases import FILE, SQLITE, fill
from tests.support.served import ADMIN_KEY, serve_process
from tests.web.conftest import find_browser

WEB = Path(jmap_oauth.__file__).parent / "web"
RUNS = 5
_OWN_SECONDS = 1.5
"""For which a browser is busy with a new tab of its own."""
ROWS = "document.querySelectorAll('object-list:not([aria-busy]) tbody tr').length > 0"
UNTIL = "async before => {{ while (!({})) await new Promise(requestAnimationFrame) }}"
"""Playwright's own way to wait needs eval, which the page forbids."""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description="Measure the admin page.")
    parser.add_argument("--clients", type=int, default=1_000_000)
    parser.add_argument(
        "--folder", type=Path, help="with test.db from an earlier run, which is filled if it is not there"
    )
    options = parser.parse_args()
    print("\n".join(_sizes()), flush=True)
    with tempfile.TemporaryDirectory(prefix="jmap-oauth-page-", dir="/var/tmp") as name:
        folder = options.folder or Path(name)
        if not (folder / "test.db").exists():
            with progress("Filling") as tell:
                fill(SQLITE, options.clients, folder, folder, tell)
            (folder / FILE).rename(folder / "test.db")
        with serve_process(folder, "--no-access-log") as server:
            for what, seconds in asyncio.run(_measure(server.url)).items():
                print(f"{what:32} {statistics.median(seconds) * 1e3:7.0f} ms")


def _sizes() -> Iterator[str]:
    for suffix in (".js", ".css", ".html"):
        contents = [path.read_bytes() for path in WEB.iterdir() if path.suffix == suffix]
        compressed = sum(len(gzip.compress(each)) for each in contents)
        yield f"{suffix:32} {sum(map(len, contents)):7,} bytes, {compressed:,} as gzip, in {len(contents)} files"


async def _measure(url: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(playwright))
        for _ in range(RUNS):
            for what, seconds in (await _visit(browser, url)).items():
                found.setdefault(what, []).append(seconds)
        await browser.close()
    return found


async def _visit(browser: Browser, url: str) -> dict[str, float]:
    """Measure one visit, with nothing in the browser's cache."""
    context = await browser.new_context()
    page = await context.new_page()
    await asyncio.sleep(_OWN_SECONDS)
    await page.goto(url)
    await page.get_by_label("API key").fill(ADMIN_KEY)
    await expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
    paint = await page.evaluate(FIRST_PAINT)
    found = {
        "first paint": paint / 1e3,
        "list after signing in": await _until_rows(page, lambda: page.keyboard.press("Enter")),
        "list after a search": await _until_changed(page, lambda: page.get_by_role("searchbox").fill("team042")),
        "list after a clear": await _until_changed(page, lambda: page.get_by_role("searchbox").fill("")),
        "list sorted by client ID": await _until_changed(
            page, page.get_by_role("button", name="Client ID").first.click
        ),
        "last page": await _until_changed(page, page.get_by_role("button", name="Last page").click),
        "page before": await _until_changed(page, page.get_by_role("button", name="Previous page").click),
    }
    await context.close()
    return found


Act = Callable[[], Awaitable[None]]


async def _until_rows(page: Page, act: Act) -> float:
    start = perf_counter()
    await act()
    await page.evaluate(UNTIL.format(ROWS))
    return perf_counter() - start


async def _until_changed(page: Page, act: Act) -> float:
    """Return the seconds until the first row is another one."""
    first = "document.querySelector('object-list tbody tr')?.dataset.id"
    before = await page.evaluate(first)
    start = perf_counter()
    await act()
    await page.evaluate(UNTIL.format(f"{first} && {first} !== before"), before)
    return perf_counter() - start


if __name__ == "__main__":
    main()
