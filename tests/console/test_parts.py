"""The console comes in parts: what a page needs, when it needs it; and what happens when a part does not come."""

import asyncio
import re

from playwright.async_api import Locator, Page, Request, Route, expect

from tests.console.browsing import Visit
from tests.console.town import Town, texts

# Of scripts and texts, not compressed: what a phone compiles before the login is there. It was 1,130,000 in one part.
LOGIN_BYTES = 800_000
HELP_PAGE = "**/assets/HelpPage-*.js"


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name, exact=True)


async def open_help(page: Page) -> None:
    await page.get_by_role("button", name="Account menu").click()
    await page.get_by_role("menuitem", name="Help").click()


async def missing(route: Route) -> None:
    await route.fulfill(status=404)


async def another_release(route: Route) -> None:
    await route.fulfill(
        content_type="text/html", body='<script type="module" src="/assets/console-of-later.js"></script>'
    )


async def test_the_login_asks_for_no_page_behind_it_and_for_one_language(visit: Visit) -> None:
    page = await visit(locale="fa-IR")
    await expect(page.get_by_role("heading", name=texts("fa")["login"]["title"])).to_be_visible()
    await page.wait_for_load_state("networkidle")
    sizes: dict[str, int] = await page.evaluate(
        "Object.fromEntries(performance.getEntriesByType('resource').map(each => [each.name, each.decodedBodySize]))"
    )
    names = {found[1]: size for url, size in sizes.items() if (found := re.search(r"/assets/(\w+)-.{8}\.js$", url))}
    assert "fa" in names
    assert not names.keys() & {"en", "he", "ui", "Shell", "UsersPage"}
    assert 0 < sum(names.values()) < LOGIN_BYTES


async def test_a_page_stays_until_the_next_one_is_there(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user")
    await expect(heading(page, "User")).to_be_visible()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def held(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await page.route(HELP_PAGE, held)
    await open_help(page)
    await asked.wait()
    await expect(heading(page, "User")).to_be_visible()
    await expect(page.get_by_text("Add the first household.")).to_be_visible()
    go_on.set()
    await expect(heading(page, "Help")).to_be_visible()
    await expect(heading(page, "User")).to_have_count(0)


async def test_a_page_of_a_former_release_reloads_once_and_is_the_one_asked_for(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user")
    await expect(heading(page, "User")).to_be_visible()
    loads: list[str] = []

    async def deployed(request: Request) -> None:
        if request.is_navigation_request():
            loads.append(request.url)
            await page.unroute_all()

    page.on("request", deployed)
    await page.route(HELP_PAGE, missing)
    await page.route(re.compile(r"//[^/]+/$"), another_release)
    await open_help(page)
    await expect(heading(page, "Help")).to_be_visible()
    assert [url.rsplit("/", 1)[1] for url in loads] == ["help"]


async def test_a_part_that_does_not_come_is_said_in_words_and_tried_again(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user")
    await expect(heading(page, "User")).to_be_visible()
    loads: list[Request] = []
    page.on("request", lambda request: loads.append(request) if request.is_navigation_request() else None)
    words = "A part of the console could not be loaded. Check the connection and try again."

    # The same release is there: to load the page again would help nobody who has no connection.
    await page.route(HELP_PAGE, missing)
    await open_help(page)
    await expect(page.get_by_role("alert")).to_contain_text(words)
    assert loads == []

    # Another release whose parts do not come either: once, and no more.
    await page.route(re.compile(r"//[^/]+/$"), another_release)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("alert")).to_contain_text(words)
    assert len(loads) == 2

    # The rest of the console is there meanwhile.
    await page.get_by_role("link", name="Device").click()
    await expect(heading(page, "Device")).to_be_visible()
    await page.unroute_all()
    await open_help(page)
    await page.get_by_role("button", name="Try again").click()
    await expect(heading(page, "Help")).to_be_visible()


async def test_texts_that_do_not_come_leave_the_language_as_it_was(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user")
    await expect(heading(page, "User")).to_be_visible()
    await page.route("**/assets/he-*.js", missing)
    await page.get_by_role("button", name="Language").click()
    await page.get_by_role("menuitemradio", name="עברית").click()
    await expect(page.get_by_text("A part of the console could not be loaded.")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(heading(page, "User")).to_be_visible()


async def test_without_any_texts_the_page_says_so_in_its_language(visit: Visit) -> None:
    page = await visit(None, "/favicon.svg", locale="fa-IR")
    await page.route("**/assets/fa-*.js", missing)
    await page.goto("/")
    await expect(page.locator("#root")).to_have_text(texts("languages")["fa"]["unloaded"])
