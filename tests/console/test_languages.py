"""The console in the reader's language, and mirrored where that language is."""

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import DESK, Visit
from tests.console.doors import bound, powered
from tests.console.town import Town, texts

NAMES = {"en": "English", "fa": "فارسی", "he": "עברית"}


async def middle(page: Page, selector: str) -> float:
    """How far from the left edge, as a share of the screen's width, the middle of an element is."""
    box = await page.locator(selector).first.bounding_box()
    assert box
    return (box["x"] + box["width"] / 2) / DESK["width"]


async def switch(page: Page, current: str, to: str) -> None:
    await page.get_by_role("button", name=texts(current)["shell"]["language"]).click()
    await page.get_by_role("menuitemradio", name=NAMES[to]).click()
    await expect(page.get_by_role("heading", name=texts(to)["module"]["user"], exact=True)).to_be_visible()


@pytest.mark.row("G-14")
@pytest.mark.parametrize(
    ("browsers", "shown", "direction"),
    [("fa-IR", "fa", "rtl"), ("he-IL", "he", "rtl"), ("en-GB", "en", "ltr"), ("sv-SE", "en", "ltr")],
)
async def test_a_first_visit_is_in_the_language_of_the_browser(
    visit: Visit, browsers: str, shown: str, direction: str
) -> None:
    page = await visit(locale=browsers)
    await expect(page.get_by_role("heading", name=texts(shown)["login"]["title"])).to_be_visible()
    await expect(page.get_by_role("button", name=texts(shown)["login"]["submit"])).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", shown)
    await expect(page.locator("html")).to_have_attribute("dir", direction)


@pytest.mark.row("G-14", "L-09")
async def test_the_layout_mirrors_with_the_language_which_is_remembered(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    await place.household(installer, "Harbour House")
    page = await visit(installer, "/user")
    account, modules, first_column, actions = "header button:has(bdi)", "nav a", "th:first-child", "th:last-child"
    await expect(page.get_by_role("link", name="Harbour House", exact=True)).to_be_visible()
    assert await middle(page, account) > 0.8
    assert await middle(page, modules) < 0.2
    assert await middle(page, first_column) < await middle(page, actions)

    for before, after in (("en", "fa"), ("fa", "he")):
        await switch(page, before, after)
        await page.reload()
        await expect(page.get_by_role("heading", name=texts(after)["module"]["user"], exact=True)).to_be_visible()
        await expect(page.get_by_role("link", name="Harbour House", exact=True)).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        assert await middle(page, account) < 0.2
        assert await middle(page, modules) > 0.8
        assert await middle(page, first_column) > await middle(page, actions)
        arrow = page.get_by_role("button", name=texts(after)["list"]["next"]).locator("svg")
        assert await arrow.evaluate("element => getComputedStyle(element).transform") == "matrix(-1, 0, 0, 1, 0, 0)"

    await switch(page, "he", "en")
    await expect(page.locator("html")).to_have_attribute("dir", "ltr")


# Of each number, date or address that fills a line: how far its text is from where the lines around it begin.
_INDENTS = """nodes => nodes
  .filter(node => node.offsetParent && getComputedStyle(node).display !== "inline")
  .map(node => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return node.parentElement.getBoundingClientRect().right - range.getBoundingClientRect().right;
  })"""


@pytest.mark.row("G-14")
async def test_what_runs_from_the_left_stands_at_the_right_like_the_lines_around_it(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Lilac House")
    device = await bound(installer, home)
    async with powered(place, device) as intercom:
        await intercom.tell_door("opened", relay=1, method="pin")
        page = await visit(installer, f"/user/{home}/access", locale="fa-IR")
        await expect(page.locator("time")).to_have_count(1)
        moments = await page.locator("time").evaluate_all(_INDENTS)
        assert moments
        await page.goto(f"/user/{home}/devices/new")
        await expect(page.locator(".machine", has_text="R28")).to_be_visible()
        versions = await page.locator(".machine").evaluate_all(_INDENTS)
        assert versions
        assert max(*moments, *versions) < 2


@pytest.mark.row("G-14")
async def test_no_text_is_missing_in_any_language(place: Town, visit: Visit) -> None:
    """A text without a translation would show its key, or English."""
    installer = await place.installer("שירות")
    for language in ("fa-IR", "he-IL"):
        for path in ("/user", "/user/new", "/sessions", "/audit", "/help"):
            page = await visit(installer, path, locale=language)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await expect(page.locator("[aria-busy=true]")).to_have_count(0)
            labels = await page.locator("label, th, legend, h1, h2, button:not([dir])").all_inner_texts()
            words = {text.strip() for text in labels if text.strip().isascii() and text.strip(" 0123456789:*-+/\n")}
            assert not words, f"{language} {path}"
            await page.context.close()
