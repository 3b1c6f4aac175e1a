"""What distributors and the super manager have in the console: those below them."""

import re

import pytest
from playwright.async_api import expect

from tests.console.browsing import Visit, field, log_in, toggle
from tests.console.town import Town, an_email


@pytest.mark.row("L-01")
async def test_a_distributor_creates_an_installer_who_can_log_in(place: Town, visit: Visit) -> None:
    above = await place.another_distributor("South Doors")
    page = await visit(above, "/")
    await expect(page.get_by_role("heading", name="Installers")).to_be_visible()
    await expect(page.get_by_text("No Data")).to_be_visible()
    email = an_email("quay")
    await page.get_by_role("button", name="New").click()
    dialog = page.get_by_role("dialog", name="Add Installer")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await field(dialog, "Name").fill("Quay Bells")
    await field(dialog, "Email").fill(above.email)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(field(dialog, "Email")).to_have_attribute("aria-invalid", "true")
    await expect(field(dialog, "Name")).to_have_value("Quay Bells")
    await field(dialog, "Email").fill(email)
    await dialog.get_by_role("button", name="Submit").click()
    shown = page.get_by_role("dialog", name="Initial login")
    await expect(shown).to_contain_text(email)
    password = await shown.locator("[dir=ltr].machine").nth(1).inner_text()
    await shown.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("row", name=re.compile("Quay Bells"))).to_contain_text(email)

    door = await visit()
    await log_in(door, email, password)
    await expect(door.get_by_role("heading", name="Choose your password")).to_be_visible()


@pytest.mark.row("L-06")
async def test_a_super_manager_sees_the_distributors_and_switches_the_offline_solution(
    place: Town, visit: Visit
) -> None:
    name = f"East Doors {an_email('d')[2:6]}"
    await place.another_distributor(name)
    page = await visit(place.root, "/")
    await expect(page.get_by_role("heading", name="Distributors")).to_be_visible()
    await page.get_by_role("textbox", name="Search").fill(name)
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("1 in All")).to_be_visible()
    offline = page.get_by_role("switch", name=f"Doorphone Offline Solution: {name}")
    await expect(offline).not_to_be_checked()
    await toggle(offline)
    await expect(page.get_by_text("Doorphone Offline Solution is on")).to_be_visible()
    await expect(offline).to_be_checked()
    await page.reload()
    await expect(offline).to_be_checked()


async def test_nobody_opens_the_pages_of_another_role(place: Town, visit: Visit) -> None:
    page = await visit(place.distributor, "/user")
    await expect(page.get_by_role("heading", name="Installers")).to_be_visible()
    page = await visit(await place.installer(), "/distributors")
    await expect(page.get_by_role("heading", name="User", exact=True)).to_be_visible()
