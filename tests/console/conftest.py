"""A browser on the real system. Whatever a page complains of fails the test that opened it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    async_playwright,
    expect,
)

from tests.console.browsing import CHROMIUM, FLAGS, Visit, sit_down
from tests.console.town import Town, town
from tests.house import Person

# A test machine is slower than a desk; what has to be quick says so in its own test.
expect.set_options(timeout=10_000)


@pytest.fixture(scope="package")
async def place(servers_dir: Path) -> AsyncIterator[Town]:
    async with town(servers_dir / "console") as built:
        yield built


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        await running.close()


@pytest.fixture
async def visit(place: Town, browser: Browser) -> AsyncIterator[Visit]:
    """Opens a page as somebody, or as nobody; each in a browser profile of its own."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # An answer of 401 or 422 is a line of its own in the console of the browser; it is no complaint of the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith((place.house.url, "data:", "blob:")):
            complaints.append(f"asked {request.url}")

    async def interrupted(dialog: Dialog) -> None:
        complaints.append(f"{dialog.type}: {dialog.message}")
        await dialog.dismiss()

    async def go(person: Person | None = None, path: str = "/", **options: object) -> Page:
        context = await sit_down(browser, place.house.url, person, **options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on("console", heard)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("request", asked)
        context.on("dialog", interrupted)
        page = await context.new_page()
        await page.goto(path)
        return page

    yield go
    for context in contexts:
        await context.close()
    assert not complaints
