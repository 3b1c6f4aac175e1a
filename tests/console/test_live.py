"""What changes in one browser moves in the others by itself."""

import asyncio
import re
from contextlib import suppress

import pytest
from playwright.async_api import Error, Response, Route, expect

from tests.console.browsing import Visit, field
from tests.console.doors import bound
from tests.console.town import Town, an_email


@pytest.mark.row("G-01")
async def test_a_row_changed_in_one_browser_moves_in_another_without_a_reload(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Name 0")
    watching = await visit(installer, "/user")
    await expect(watching.get_by_role("link", name="Name 0", exact=True)).to_be_visible()
    await watching.evaluate("window.sameDocument = true")
    editing = await visit(installer, f"/user/{home}")

    # How soon is a figure of `bench/gateway.py`, beside what else the machine does.
    for turn in range(1, 4):
        await field(editing, "Name").fill(f"Name {turn}")
        moved = watching.get_by_role("link", name=f"Name {turn}", exact=True)
        await editing.get_by_role("button", name="Submit").click()
        await expect(moved).to_be_visible()
        await editing.get_by_label(f"Edit: Name {turn}").click()
        await expect(field(editing, "Name")).to_have_value(f"Name {turn}")
    assert await watching.evaluate("window.sameDocument")


async def test_activation_family_and_deletion_arrive_in_an_open_list(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(installer, "/user")
    await expect(page.get_by_text("No Data")).to_be_visible()
    home = await place.household(installer, "Quiet House")
    row = page.get_by_role("row", name=re.compile("Quiet House"))
    await expect(row).to_contain_text("Inactivated")
    await place.activate(home)
    await expect(row).to_contain_text("Normal")
    await place.member(installer, home, "Ana")
    await expect(row.get_by_role("cell").nth(5)).to_have_text("1")
    await installer.do("DELETE", f"/users/{home}")
    await expect(page.get_by_text("No Data")).to_be_visible()


@pytest.mark.row("U-31", "D-20")
@pytest.mark.parametrize("thing", ["household", "device"])
async def test_two_who_write_at_once_neither_lose_a_word_nor_undo_each_other_unseen(
    place: Town, visit: Visit, thing: str
) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Two Writers", activated=True)
    path = f"/user/{home}" if thing == "household" else f"/device/{(await bound(installer, home)).device_id}/edit"
    mine, theirs = await visit(installer, path), await visit(installer, path)
    name, mine_too = ("Name", "Address") if thing == "household" else ("Device Name", "Device Name")
    await field(mine, mine_too).fill("What I typed")
    await field(theirs, name).fill("What they saved")
    await theirs.get_by_role("button", name="Submit").click()
    # It is on my page by now, and what I typed still stands.
    await expect(mine.get_by_text("What they saved").first).to_be_visible()
    await expect(field(mine, mine_too)).to_have_value("What I typed")
    await mine.get_by_role("button", name="Submit").click()
    await expect(mine.get_by_text("Somebody else changed this in the meantime.")).to_be_in_viewport(ratio=1)
    await expect(field(mine, mine_too)).to_have_value("What I typed")
    await mine.get_by_role("button", name="Submit").click()
    await expect(mine.get_by_text(re.compile("The (changes were|device was) saved"))).to_be_visible()
    await mine.goto(path)
    await expect(field(mine, mine_too)).to_have_value("What I typed")


async def test_what_others_do_beside_a_form_does_not_keep_it_from_being_saved(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Busy House", activated=True)
    page = await visit(installer, f"/user/{home}")
    await field(page, "Name").fill("Renamed")
    heard: asyncio.Queue[Response] = asyncio.Queue()
    page.on("response", lambda response: heard.put_nowait(response))
    added = await installer.do("POST", f"/users/{home}/members", json={"name": "Ana", "email": an_email("ana")})
    now = await installer.do("GET", f"/users/{home}", params={"after": added["position"]})
    async with asyncio.timeout(60):
        while True:
            response = await heard.get()
            if f"/users/{home}?" not in response.url:
                continue
            with suppress(Error):  # a question that was given up for a newer one has no answer to read
                if (await response.json())["revision"] == now["revision"]:
                    break
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_role("link", name="Renamed", exact=True)).to_be_visible()


async def test_a_page_from_before_a_deploy_drops_the_positions_that_nobody_knows(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Old Page House")
    page = await visit(installer, f"/user/{home}")
    asked: list[str] = []

    async def of_another_gateway(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, headers={**answer.headers, "smartplus-position": "ACCOUNTS.512"})

    page.on("request", lambda request: asked.append(request.url))
    await page.route(f"**/api/v1/users/{home}", of_another_gateway)
    await field(page, "Name").fill("Saved House")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_role("link", name="Saved House", exact=True)).to_be_visible()
    assert any("ACCOUNTS.512" in url for url in asked)
    before = len(asked)
    await page.get_by_role("link", name="Saved House", exact=True).click()
    await expect(page.get_by_text("Saved House").first).to_be_visible()
    assert not [url for url in asked[before:] if "ACCOUNTS.512" in url]


async def test_what_happens_before_the_page_listens_is_on_it_once_it_does(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Early House")
    page = await visit(installer, "/user")
    told = asyncio.Event()

    async def hold(route: Route) -> None:
        await told.wait()
        await route.continue_()

    await page.route("**/api/v1/live", hold)
    await page.reload()
    row = page.get_by_role("row", name=re.compile("Early House"))
    await expect(row).to_contain_text("Inactivated")
    await place.activate(home)
    await page.wait_for_timeout(1000)
    await expect(row).to_contain_text("Inactivated")
    told.set()
    await expect(row).to_contain_text("Normal")


_TELLS_WHAT_IT_HEARS = """
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(url) {
    super(url);
    this.addEventListener("open", () => window.hears("open"));
    this.addEventListener("message", () => window.hears("message"));
  }
};
"""


async def test_what_happens_while_a_page_is_asked_for_the_first_time_is_on_it(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Slow Answer House")
    page = await visit(installer, "/user")
    answered, told = asyncio.Event(), asyncio.Event()
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hold(route: Route) -> None:
        if answered.is_set():
            await route.continue_()
            return
        answered.set()
        from_before = await route.fetch()
        await told.wait()
        await route.fulfill(response=from_before)

    await page.expose_function("hears", heard.put_nowait)
    await page.add_init_script(_TELLS_WHAT_IT_HEARS)
    await page.route("**/api/v1/users?*", hold)
    await page.reload()
    await answered.wait()
    assert await heard.get() == "open"
    await place.activate(home)
    assert await heard.get() == "message"
    await page.wait_for_timeout(1000)  # it is asked again before the first answer comes, or not at all
    told.set()
    await expect(page.get_by_role("row", name=re.compile("Slow Answer House"))).to_contain_text("Normal")
