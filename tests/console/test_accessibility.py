"""Every page and dialog: for screen readers, in light and dark, mirrored, on a phone, and without a mouse."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import DESK, PHONE, Visit, field
from tests.console.town import Town, a_mobile, an_email, texts
from tests.house import Person

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
EVERYTHING = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
SIZES = {"type": "rule", "values": ["target-size"]}


# The window is narrow before everything in it is, and what slides aside makes the rest narrower still.
FITS = """async () => {
    const fits = () => document.documentElement.scrollWidth <= innerWidth;
    const rests = () => document.getAnimations().every(({ playState }) => playState !== "running");
    for (let frame = 0; frame < 90 && !(fits() && rests()); frame++) await new Promise(requestAnimationFrame);
    return fits();
}"""


# Colours and letters are as they stay.
SETTLED = """async () => {
    await document.fonts.ready;
    await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
}"""


async def complaints_of_axe(page: Page, what: dict[str, Any]) -> list[str]:
    """What axe finds serious or critical on the page as it is."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text() + "; undefined")
    found: dict[str, Any] = await page.evaluate("what => axe.run({ runOnly: what, resultTypes: ['violations'] })", what)
    return [
        f"{fault['id']}: {node['html']} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


async def hold_everywhere(page: Page, where: str, *, covered: bool = False) -> None:
    """No serious finding in light and dark, and nothing wider than a phone."""
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    mirrored = await page.evaluate("document.dir === 'rtl'")
    # The schemes differ in colours alone, and a mirrored page has the same ones: each thing is looked at once.
    for scheme, what in (("dark", EVERYTHING),) if mirrored else (("light", EVERYTHING), ("dark", COLOURS)):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
        await page.evaluate(SETTLED)
        assert not await complaints_of_axe(page, what), f"{where}, {scheme}"
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    # A list of which only the lines in sight are drawn stays a table.
    await expect(page.locator("table:not([aria-rowcount])")).to_have_count(0)
    assert await page.evaluate(FITS), f"{where}, phone"
    # What lies half under a dialog is small to axe.
    if not mirrored and not covered:
        assert not await complaints_of_axe(page, SIZES), f"{where}, phone"
    await page.set_viewport_size(DESK)  # type: ignore[arg-type]


@dataclass
class Dunes:
    """A distributor, its installer, and a household with everything that a page can show."""

    distributor: Person
    installer: Person
    home: str


@pytest.fixture(scope="module")
async def dunes(place: Town) -> Dunes:
    above = await place.another_distributor("Dunes Distribution")
    installer = await place.installer("Beach Bells", above=above)
    await place.offer_access(installer, above=above)
    home = await place.household(
        installer, "کلبهٔ ساحلی", activated=True, room="Dune 4", email=an_email("dune"), home_automation=True
    )
    await place.member(installer, home, "Ana", email=an_email("ana"))
    await place.household(installer, "An Extraordinarily Long-Winded Seaside Residence " * 2)
    return Dunes(above, installer, home)


PAGES = {
    "door": ["/"],
    "users": ["/user", "/user/new"],
    "user": ["/user/HOME", "/user/HOME/family", "/user/HOME/audit"],
    "installer": ["/audit", "/sessions", "/help", "/nowhere"],
    "distributor": ["/installers"],
    "root": ["/distributors", "/mac-library", "/mac-library?mac=0C110500FFFF", "/budgets"],
}


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("pages", PAGES)
async def test_every_page_holds_for_screen_readers_both_schemes_and_a_phone(
    place: Town, dunes: Dunes, visit: Visit, pages: str, language: str
) -> None:
    people = {"door": None, "distributor": dunes.distributor, "root": place.root}
    page = None
    for path in PAGES[pages]:
        path = path.replace("HOME", dunes.home)
        if page is None:
            page = await visit(people.get(pages, dunes.installer), path, locale=language)
        else:
            await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await hold_everywhere(page, f"{path} in {language}")


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_every_menu_and_dialog_of_the_shell_holds_as_well(dunes: Dunes, visit: Visit, language: str) -> None:
    said = texts(language)
    page = await visit(dunes.installer, "/user", locale=language)
    for menu in (said["shell"]["language"], said["list"]["columns"]):
        await page.get_by_role("button", name=menu).click()
        await expect(page.get_by_role("menu")).to_be_visible()
        await hold_everywhere(page, f"{menu} in {language}", covered=True)
        await page.keyboard.press("Escape")
    for title in (said["customerService"]["title"], said["accountSetting"]["title"], said["preflight"]["title"]):
        await page.get_by_role("button", name=said["account"]["menu"]).click()
        await page.get_by_role("menuitem", name=title).click()
        await expect(page.get_by_role("dialog", name=title)).to_be_visible()
        await hold_everywhere(page, f"{title} in {language}", covered=True)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_every_dialog_about_a_household_holds_as_well(
    place: Town, dunes: Dunes, visit: Visit, language: str
) -> None:
    home = await place.household(dunes.installer, "Driftwood", activated=True)
    said = texts(language)
    page = await visit(dunes.installer, "/user", locale=language)
    await page.get_by_label(f"{said['user']['reset']}: کلبهٔ ساحلی").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await hold_everywhere(page, f"reset in {language}", covered=True)
    await page.goto(f"/user/{home}/family")
    await page.get_by_role("button", name=said["action"]["new"]).click()
    await hold_everywhere(page, f"member in {language}", covered=True)
    await field(page.get_by_role("dialog"), said["field"]["name"]).fill("Ben")
    await page.get_by_role("button", name=said["action"]["submit"]).click()
    await expect(page.get_by_role("dialog", name=said["credential"]["title"])).to_be_visible()
    await hold_everywhere(page, f"credential in {language}", covered=True)


FOCUS = """async () => {
    const it = document.activeElement;
    const drawn = (element) => {
        if (!element) return false;
        const style = getComputedStyle(element);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    };
    // Fields show it by their border: it becomes another than that of the fields beside.
    const border = (element) => getComputedStyle(element).borderTopColor;
    const others = [...document.querySelectorAll("input[class*=Input-input]")].filter((other) => other !== it);
    const framed = () =>
        it.matches("input[class*=Input-input]") && others.some((other) => border(other) !== border(it));
    const seen = () => framed() || [it, it.nextElementSibling, it.parentElement].some(drawn);
    for (let frame = 0; frame < 60 && !seen(); frame++) await new Promise(requestAnimationFrame);
    const label = it.getAttribute("aria-label") ?? it.labels?.[0]?.innerText ?? it.innerText ?? "";
    return { label: label.replace("*", "").trim(), seen: seen() };
}"""


async def tab_to(page: Page, label: str, *, most: int = 40) -> None:
    """Press Tab until the focus is there; everywhere on the way it must be seen."""
    passed = []
    for _ in range(most):
        await page.keyboard.press("Tab")
        focus = await page.evaluate(FOCUS)
        passed.append(focus["label"])
        assert focus["seen"], f"the focus cannot be seen at {focus['label']!r}"
        if re.search(label, focus["label"]):
            return
    raise AssertionError(f"{label} was not reached: {passed}")


async def test_a_user_is_added_without_a_mouse(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user")
    await expect(page.get_by_text("No Data")).to_be_visible()
    await tab_to(page, "^Skip to content$", most=1)
    await page.keyboard.press("Enter")
    await tab_to(page, "^New$")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Add User")).to_be_visible()
    await tab_to(page, "^Name$")
    await page.keyboard.type("Keyboard House")
    await tab_to(page, "^Address$")
    await page.keyboard.type("1 Key Street")
    await tab_to(page, "^Country")
    await page.keyboard.type("Germany")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("combobox", name="Country / Region")).to_have_value(re.compile("^Germany"))
    await tab_to(page, "^Mobile Number$")
    mobile = a_mobile()
    await page.keyboard.type(mobile)
    await tab_to(page, "^IP Call")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name=re.compile("^SIP Call"))).to_be_checked()
    await tab_to(page, "^Home Automation$")
    await page.keyboard.press("Space")
    await tab_to(page, "^Submit$")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Initial login")).to_be_visible()
    await tab_to(page, "^Done$", most=8)
    await page.keyboard.press("Enter")
    row = page.get_by_role("row", name=re.compile("Keyboard House"))
    await expect(row).to_contain_text(f"+49 {mobile}")

    # A dialog takes the focus, keeps it, and gives it back.
    await tab_to(page, "^Reset: Keyboard House$")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Reset account")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    for _ in range(6):
        await page.keyboard.press("Tab")
        assert await dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Reset: Keyboard House")).to_be_focused()
