"""What changes in one browser moves in the others by itself."""

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from tests.console.browsing import Visit, field
from tests.console.town import Town


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


async def test_what_is_being_typed_is_not_swept_away_by_somebody_elses_change(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Two Writers")
    mine, theirs = await visit(installer, f"/user/{home}"), await visit(installer, f"/user/{home}")
    await field(mine, "Name").fill("What I typed")
    await field(theirs, "Name").fill("What they saved")
    await theirs.get_by_role("button", name="Submit").click()
    await expect(mine.get_by_role("heading", name="What they saved")).to_be_visible()
    await expect(field(mine, "Name")).to_have_value("What I typed")


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
