"""Pictures of the console with the demo in it, to be looked at: python -m tests.console.pictures FOLDER."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from ops import demo
from ops.demo_doors import BERLIN, TEHRAN
from ops.processes import spawn
from tests.console.browsing import CHROMIUM, DESK, FLAGS, PHONE, sit_down
from tests.console.town import ABOUT, texts
from tests.house import House, Person, house, log_in

INSTALLERS = {"en": BERLIN, "fa": TEHRAN, "he": TEHRAN}
ZONES = {"en": "Europe/Berlin", "fa": "Asia/Tehran", "he": "Asia/Jerusalem"}
# The language, the screen, and light or dark: each language once in each way that differs.
TAKES = [
    (language, screen, scheme)
    for language in INSTALLERS
    for screen, scheme in (("desk", "light"), ("phone", "light"), ("desk", "dark"), ("phone", "dark"))
]


async def settled(page: Page) -> None:
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    await page.evaluate("document.fonts.ready.then(() => undefined)")
    await page.wait_for_load_state("networkidle")


async def take(
    browser: Browser, url: str, person: Person, folder: Path, language: str, screen: str, scheme: str
) -> None:
    """A picture of each page of an installer in one language, on one screen, in one scheme."""
    said = texts(language)
    look: dict[str, Any] = {
        "viewport": DESK if screen == "desk" else PHONE,
        "locale": language,
        "timezone_id": ZONES[language],
        "color_scheme": scheme,
        "reduced_motion": "reduce",
    }

    async def shoot(page: Page, what: str, *, whole: bool = False) -> None:
        await settled(page)
        if whole:
            # Not `full_page`: what sticks to the screen's edge would stand in the middle.
            height = await page.evaluate("document.documentElement.scrollHeight")
            await page.set_viewport_size({"width": look["viewport"]["width"], "height": height})
        await page.screenshot(path=folder / f"{what}-{language}-{screen}-{scheme}.png")
        await page.set_viewport_size(look["viewport"])

    outside = await sit_down(browser, url, None, **look)
    front = await outside.new_page()
    await front.goto("/")
    await expect(front.get_by_role("heading", level=1)).to_be_visible()
    await shoot(front, "login")
    await outside.close()

    inside = await sit_down(browser, url, person, **look)
    page = await inside.new_page()
    await page.goto("/user")
    reset = page.get_by_label(said["user"]["reset"] + ": ")
    await expect(reset.first).to_be_visible()
    await shoot(page, "list")
    await shoot(page, "list-whole", whole=True)
    await reset.first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await shoot(page, "reset")
    await page.keyboard.press("Escape")
    await page.goto("/user/new")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await shoot(page, "form", whole=True)
    # The household with the largest family.
    users = await person.do("GET", "/users", params={"per_page": 100})
    rows: list[dict[str, Any]] = users["rows"]  # type: ignore[assignment]
    largest = max(rows, key=lambda row: int(row["members"]))
    # And a door phone with the most relays, of which the form and the page have the most to show.
    devices = await person.do("GET", "/devices", params={"per_page": 100})
    doors: list[dict[str, Any]] = devices["rows"]  # type: ignore[assignment]
    told = [await person.do("GET", f"/devices/{row['device_id']}") for row in doors]
    door = max(told, key=lambda each: (bool(each["online"]), len(each["relays"])))  # type: ignore[arg-type]
    home = f"/user/{door['user_id']}"
    for what, where in {
        "family": f"/user/{largest['user_id']}/family",
        "audit": f"/user/{largest['user_id']}/audit",
        "home-devices": f"{home}/devices",
        "home-cameras": f"{home}/devices/third-party",
        "home-access": f"{home}/access",
        "device-new": f"{home}/devices/new",
        "devices": "/device",
        "cameras": "/device/third-party",
        "device": f"/device/{door['device_id']}",
        "device-edit": f"/device/{door['device_id']}/edit",
        "device-commands": f"/device/{door['device_id']}/commands",
        "device-access": f"/device/{door['device_id']}/access",
        "device-audit": f"/device/{door['device_id']}/audit",
        "autop": "/device/autop",
        "autop-new": "/device/autop/new",
        "macs": "/mac-library",
        "import": "/mac-library/import",
    }.items():
        await page.goto(where)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await shoot(page, what, whole=True)
    await inside.close()


async def some_online(person: Person) -> bool:
    rows: Any = (await person.do("GET", "/devices"))["rows"]
    return any(row["online"] for row in rows)


@asynccontextmanager
async def doors_switched_on(built: House, people: Iterable[Person]) -> AsyncIterator[None]:
    """The demo's virtual intercoms, at work while this lasts; each of these people has one that is online."""
    command = [sys.executable, "-m", "ops", "intercoms", "--demo", "--data", str(built.folder)]
    process = await spawn(command, environment={**os.environ, **built.environment}, output=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(60):
            for person in people:
                while not await some_online(person):  # noqa: ASYNC110 (another process)
                    await asyncio.sleep(0.5)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()


async def pictures(built: House, folder: Path) -> None:
    await built.smartplus("demo", "load")
    people = {email: await log_in(built, email, demo.PASSWORD) for email in set(INSTALLERS.values())}
    async with doors_switched_on(built, people.values()), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for language, screen, scheme in TAKES:
            await take(browser, built.url, people[INSTALLERS[language]], folder, language, screen, scheme)
        await browser.close()
    for person in people.values():
        await person.http.aclose()


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="smartplus-", ignore_cleanup_errors=True) as data:
        async with house(Path(data), more=ABOUT) as built:
            await pictures(built, folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("python -m tests.console.pictures FOLDER")
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
