"""How the browser is started and whose session it brings, for the tests and the pictures."""

from __future__ import annotations

import re
import shutil
from collections.abc import Awaitable
from re import Pattern
from typing import Any, Protocol

from playwright.async_api import Browser, BrowserContext, Locator, Page

from tests.house import Person

CHROMIUM = shutil.which("chromium")
# The browser heeds the last list alone, so the first lines repeat what Playwright turns off itself.
_TURNED_OFF = [
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "MediaRouter"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "PreconnectToSearch"),
    "AimEnabled",
    # Each new window loads two pages of the browser's own for its address line, which nobody sees here: 0.6 s of
    # processor for a window in which an empty page asks 0.3 s. A process kept ready for the next site is not used.
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess"),
]
FLAGS = [
    f"--disable-features={','.join(_TURNED_OFF)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


class Visit(Protocol):
    """Opens a page of the console as somebody, or as nobody."""

    def __call__(self, person: Person | None = None, path: str = "/", **options: Any) -> Awaitable[Page]: ...


async def sit_down(browser: Browser, url: str, person: Person | None, **options: Any) -> BrowserContext:
    """A fresh browser profile, with that person's session in it."""
    options = {"viewport": DESK, "locale": "en-US", "timezone_id": "Asia/Tehran", **options}
    context = await browser.new_context(base_url=url, **options)
    if person:
        cookies = [{"name": c.name, "value": c.value or "", "url": url} for c in person.http.cookies.jar]
        await context.add_cookies(cookies)  # type: ignore[arg-type]
    return context


async def log_in(page: Page, identifier: str, password: str) -> None:
    """Fill the login form and send it."""
    await page.get_by_label("Username, e-mail or UID").fill(identifier)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Login").click()


def field(within: Page | Locator, label: str) -> Locator:
    """The field with that label, starred or not."""
    return within.get_by_label(re.compile(rf"^{re.escape(label)}\s*\*?$"))


async def choose(page: Page, label: str, option: str | Pattern[str]) -> None:
    """Choose in a list to choose from."""
    await page.get_by_role("combobox", name=label, exact=True).click()
    await page.get_by_role("option", name=option, exact=True).click()


async def toggle(switch: Locator) -> None:
    """Click the drawn switch; the input itself lies unseen under it."""
    await switch.locator("xpath=following-sibling::*[1]").click()
