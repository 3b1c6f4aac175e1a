"""Family accounts: when they can be had, how many, and what is done with each."""

import re

import pytest
from playwright.async_api import expect

from tests.console.browsing import Visit, field
from tests.console.town import Town, an_email


@pytest.mark.row("F-01", "F-03")
async def test_there_is_no_family_before_the_activation(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "New House")
    page = await visit(installer, "/user")
    await page.get_by_label("Family accounts: New House").click()
    await expect(page.get_by_text("Family accounts can be created once the user account is activated.")).to_be_visible()
    await expect(page.get_by_role("button", name="New")).to_be_disabled()
    await place.activate(home)
    await expect(page.get_by_role("button", name="New")).to_be_enabled()
    await expect(page.get_by_text("3 of 3 free")).to_be_visible()


@pytest.mark.row("F-02", "F-03", "F-05", "R-16", "R-17")
async def test_members_are_added_edited_and_deleted_within_the_quota(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Full House", activated=True)
    for name in ("Ana", "Ben"):
        await place.member(installer, home, name, email=an_email(name.lower()))
    page = await visit(installer, f"/user/{home}/family")
    await expect(page.get_by_text("1 of 3 free")).to_be_visible()
    add = page.get_by_role("dialog", name="Add family account")

    await page.get_by_role("button", name="New").click()
    await expect(add.get_by_role("button", name="Submit")).to_be_disabled()
    await field(add, "Name").fill("Chris")
    await field(add, "Email").fill("nothing like an address")
    await add.get_by_role("button", name="Submit").click()
    await expect(field(add, "Email")).to_have_attribute("aria-invalid", "true")
    await expect(field(add, "Name")).to_have_value("Chris")
    await field(add, "Email").fill("")
    await add.get_by_role("button", name="Submit").click()
    shown = page.get_by_role("dialog", name="Initial login")
    await expect(shown).to_contain_text("Chris")
    await shown.get_by_role("button", name="Done").click()
    await expect(page.get_by_text("0 of 3 free")).to_be_visible()
    await expect(page.get_by_text("all of them are in use")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("Chris"))).to_contain_text("--")

    await page.get_by_role("button", name="New").click()
    await field(add, "Name").fill("Dora")
    await add.get_by_role("button", name="Submit").click()
    await expect(add.get_by_role("alert")).to_contain_text("All free family accounts are in use")
    await expect(field(add, "Name")).to_have_value("Dora")
    await add.get_by_role("button", name="Cancel").click()

    await page.get_by_label("Edit: Chris").click()
    edit = page.get_by_role("dialog", name="Edit family account")
    await field(edit, "Name").fill("Christine")
    await edit.get_by_role("button", name="Submit").click()
    await expect(page.get_by_label("Edit: Christine")).to_be_visible()

    await page.get_by_label("Delete: Ben").click()
    ask = page.get_by_role("dialog", name="Delete family account")
    await expect(ask).to_contain_text("Ben")
    await ask.get_by_role("button", name="OK").click()
    await expect(page.get_by_text("1 of 3 free")).to_be_visible()
    await expect(page.get_by_role("row")).to_have_count(3)
    await expect(page.get_by_role("row", name=re.compile("Ben"))).to_have_count(0)
