"""A distributor in an installer's account: only by permission, with a reason, visibly, and not a moment longer."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import Visit, field, toggle
from tests.console.town import Town


async def open_menu(page: Page) -> None:
    await page.get_by_role("button", name="Account menu").click()
    await expect(page.get_by_role("menuitem", name="Log out")).to_be_visible()


@pytest.mark.row("X-01", "X-02", "X-05", "L-07", "L-09")
async def test_account_setting_appears_when_the_distributor_enables_it_and_says_what_follows(
    place: Town, visit: Visit
) -> None:
    above = await place.another_distributor("West Doors")
    installer = await place.installer("Canal Bells", above=above)
    page, portal = await visit(installer, "/user"), await visit(above, "/")
    await open_menu(page)
    await expect(page.get_by_role("menuitem", name="Account Setting")).to_have_count(0)
    await page.keyboard.press("Escape")

    await expect(portal.get_by_role("button", name="Switch into: Canal Bells")).to_be_disabled()
    await toggle(portal.get_by_role("switch", name="Account access: Canal Bells"))
    await expect(portal.get_by_text("The installer can now grant permission")).to_be_visible()

    await open_menu(page)
    await page.get_by_role("menuitem", name="Account Setting").click()
    dialog = page.get_by_role("dialog", name="Account Setting")
    permission = dialog.get_by_role("switch", name="Permission Granted")
    await expect(permission).not_to_be_checked()
    await expect(dialog).to_contain_text(re.compile(r"On — your distributor can switch into your account.*without"))
    await expect(dialog).to_contain_text(re.compile(r"Off — nobody else can enter your account.*ends at once"))
    await toggle(permission)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("Your distributor may now enter your account")).to_be_visible()
    await expect(portal.get_by_role("button", name="Switch into: Canal Bells")).to_be_enabled()

    await toggle(portal.get_by_role("switch", name="Account access: Canal Bells"))
    await expect(portal.get_by_role("button", name="Switch into: Canal Bells")).to_be_disabled()
    await open_menu(page)
    await expect(page.get_by_role("menuitem", name="Account Setting")).to_have_count(0)


@pytest.mark.parametrize("hours", [-2, 3])
async def test_what_ends_ends_by_the_servers_clock_however_the_browsers_is_set(
    place: Town, visit: Visit, hours: int
) -> None:
    above = await place.another_distributor("Clock Doors")
    installer = await place.installer(f"Clock Bells {hours}", above=above)
    await place.offer_access(installer, above=above, granted=True)
    page = await visit(above, "/")
    await page.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
    await page.reload()
    await page.get_by_role("button", name=f"Switch into: Clock Bells {hours}").click()
    dialog = page.get_by_role("dialog", name="Switch into")
    await field(dialog, "Reason").fill("Asked for help by telephone")
    await dialog.get_by_role("button", name="Submit").click()
    timer = page.get_by_role("region", name="Switched account").get_by_role("timer")
    await expect(timer).to_have_text(re.compile(r"^(60:00|59:\d\d)$"))


@pytest.mark.row("X-03", "L-05")
async def test_a_distributor_inside_an_account_is_bannered_and_recorded_by_both_names(
    place: Town, visit: Visit
) -> None:
    above = await place.another_distributor("Hill Doors")
    installer = await place.installer("Lake Bells", above=above)
    home = await place.household(installer, "Lake House")
    await place.offer_access(installer, above=above, granted=True)
    page = await visit(above, "/")
    await page.get_by_role("button", name="Switch into: Lake Bells").click()
    dialog = page.get_by_role("dialog", name="Switch into")
    await expect(dialog).to_contain_text("Lake Bells")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await field(dialog, "Reason").fill("Asked for help by telephone")
    await dialog.get_by_role("button", name="Submit").click()

    banner = page.get_by_role("region", name="Switched account")
    await expect(banner).to_contain_text("Hill Doors as Lake Bells · Reason: Asked for help by telephone")
    await expect(banner.get_by_role("timer")).to_have_text(re.compile(r"^(60:00|59:\d\d)$"))
    await page.get_by_label("Edit: Lake House").click()
    await expect(banner).to_be_visible()
    await expect(page.get_by_role("button", name="Reset Password")).to_be_disabled()
    await field(page, "Name").fill("Lakeside House")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_role("row", name=re.compile("Lakeside House"))).to_be_visible()
    await banner.get_by_role("button", name="End").click()
    await expect(page.get_by_role("heading", name="Installers")).to_be_visible()
    await expect(banner).to_have_count(0)

    own = await visit(installer, f"/user/{home}/audit")
    changed = own.get_by_role("row", name=re.compile("Name, room or address changed"))
    await expect(changed).to_contain_text("Hill Doors")
    await expect(changed).to_contain_text("in the account of Lake Bells")


@pytest.mark.row("X-03")
async def test_what_a_distributor_makes_inside_waits_for_the_installer(place: Town, visit: Visit) -> None:
    above = await place.another_distributor("Wood Doors")
    installer = await place.installer("Pond Bells", above=above)
    await place.offer_access(installer, above=above, granted=True)
    page = await visit(above, "/")
    await page.get_by_role("button", name="Switch into: Pond Bells").click()
    dialog = page.get_by_role("dialog", name="Switch into")
    await field(dialog, "Reason").fill("Asked for help by telephone")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_role("region", name="Switched account")).to_be_visible()
    await page.get_by_role("link", name="New").or_(page.get_by_role("button", name="New")).first.click()
    await field(page, "Name").fill("Pond House")
    await field(page, "Address").fill("1 Pond Street")
    await page.get_by_role("button", name="Submit").click()
    waits = page.get_by_role("dialog", name="The password waits for the installer")
    await expect(waits).to_contain_text("choose Reset Password")
    await waits.get_by_role("button", name="Done").click()
    await page.goto("/device/autop/new")
    await expect(page.get_by_role("textbox", name="Commands")).to_be_disabled()
    await expect(page.get_by_text("only the holder of the account sets it")).to_be_visible()

    own = await visit(installer, "/user")
    await own.get_by_label("Edit: Pond House").click()
    await expect(own.get_by_text("No password has been issued")).to_be_visible()
    await own.get_by_role("button", name="Reset Password").click()
    await own.get_by_role("dialog", name="Reset Password").get_by_role("button", name="OK").click()
    issued = own.get_by_role("dialog", name="Initial login")
    await expect(issued).to_be_visible()
    await issued.get_by_role("button", name="Done").click()
    await expect(own.get_by_text("No password has been issued")).to_have_count(0)


@pytest.mark.row("X-04")
async def test_withdrawing_the_permission_puts_the_distributor_out_at_once(place: Town, visit: Visit) -> None:
    above = await place.another_distributor("Moor Doors")
    installer = await place.installer("Fen Bells", above=above)
    await place.offer_access(installer, above=above, granted=True)
    inside = await visit(above, "/")
    await inside.get_by_role("button", name="Switch into: Fen Bells").click()
    await field(inside, "Reason").fill("Asked for help")
    await inside.get_by_role("button", name="Submit").click()
    await expect(inside.get_by_role("region", name="Switched account")).to_be_visible()
    await expect(inside.get_by_role("heading", name="User", exact=True)).to_be_visible()

    page = await visit(installer, "/user")
    await open_menu(page)
    await page.get_by_role("menuitem", name="Account Setting").click()
    dialog = page.get_by_role("dialog", name="Account Setting")
    await expect(dialog.get_by_role("switch", name="Permission Granted")).to_be_checked()
    await toggle(dialog.get_by_role("switch", name="Permission Granted"))
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("Nobody else can enter your account")).to_be_visible()
    await expect(inside.get_by_role("heading", name="Installers")).to_be_visible()
    await expect(inside.get_by_role("region", name="Switched account")).to_have_count(0)
    await expect(inside.get_by_text("You are back in your own account")).to_be_visible()
