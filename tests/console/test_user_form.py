"""Adding, editing, resetting and deleting a household as an installer does it."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import Visit, choose, field, toggle
from tests.console.town import Town, a_mobile, an_email


async def fill_mandatory(page: Page, name: str) -> None:
    await field(page, "Name").fill(name)
    await field(page, "Address").fill("5 rue des Lilas, 75020 Paris")


@pytest.mark.row("U-08", "U-09", "U-30", "G-06", "R-03")
async def test_new_leads_to_a_form_that_cannot_be_sent_before_its_stars_are_filled(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user")
    await page.get_by_role("main").get_by_role("link", name="New").first.click()
    await expect(page.get_by_role("heading", name="Add User")).to_be_visible()
    submit = page.get_by_role("button", name="Submit")
    starred = page.locator("form label:has([class*=required])")
    await expect(starred).to_have_text([re.compile("Name"), re.compile("Address"), re.compile("Premium Plan")])
    await expect(submit).to_be_disabled()
    await field(page, "Name").fill("   ")
    await field(page, "Address").fill("5 rue des Lilas")
    await expect(submit).to_be_disabled()
    await field(page, "Name").fill("Lilac House")
    await field(page, "Room Name").fill("2nd floor")
    await submit.click()

    shown = page.get_by_role("dialog", name="Initial login")
    await expect(shown.get_by_text("This password is shown only now.")).to_be_visible()
    await expect(shown.get_by_role("img", name="QR code with the login")).to_be_visible()
    password = await shown.locator("[dir=ltr].machine").nth(1).inner_text()
    assert len(password) >= 8
    await page.keyboard.press("Escape")
    await expect(shown).to_be_visible()
    await shown.get_by_role("button", name="Done").click()
    row = page.get_by_role("row", name=re.compile("Lilac House"))
    await expect(row).to_contain_text("2nd floor")
    await expect(row).to_contain_text("Inactivated")
    await row.get_by_label("Edit: Lilac House").click()
    await expect(field(page, "Name")).to_have_value("Lilac House")
    await expect(page.get_by_text(password)).to_have_count(0)


@pytest.mark.row("G-06", "U-11")
async def test_a_refusal_stands_at_its_field_and_what_was_typed_stays(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    taken, mobile = an_email("taken"), a_mobile()
    await place.household(installer, "First Come", email=taken)
    page = await visit(installer, "/user/new")
    await fill_mandatory(page, "Second Come")
    await field(page, "Email").fill(taken)
    await choose(page, "Country / Region", re.compile("^Germany"))
    await field(page, "Mobile Number").fill(mobile)
    await field(page, "3rd Landline Number").fill("12")
    await page.get_by_role("button", name="Submit").click()
    await expect(field(page, "3rd Landline Number")).to_have_attribute("aria-invalid", "true")
    await field(page, "3rd Landline Number").fill("")
    await page.get_by_role("button", name="Submit").click()

    await expect(field(page, "Email")).to_have_attribute("aria-invalid", "true")
    await expect(field(page, "Email")).to_have_accessible_description(re.compile("Another account uses this already"))
    await expect(field(page, "Email")).to_be_focused()
    await expect(field(page, "Name")).to_have_value("Second Come")
    await expect(field(page, "Mobile Number")).to_have_value(mobile)
    await expect(page.get_by_role("combobox", name="Country / Region")).to_have_value(re.compile("^Germany"))
    await field(page, "Email").fill(an_email("free"))
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_text("2 in All")).to_be_visible()


@pytest.mark.row("U-12", "U-16", "U-21", "U-22")
async def test_the_area_code_of_the_country_stands_before_every_number(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user/new")
    await fill_mandatory(page, "Weserhaus")
    phones = page.locator("input[type=tel]")
    await expect(phones).to_have_count(4)
    await choose(page, "Country / Region", re.compile("^Germany"))
    numbers = ["Mobile Number", "1st Landline Number", "2nd Landline Number", "3rd Landline Number"]
    for label in numbers:
        await expect(field(page, label)).to_have_accessible_description("+49")
    await choose(page, "Country / Region", re.compile("^Iran"))
    for label in numbers:
        await expect(field(page, label)).to_have_accessible_description("+98")
    # Digits of a Persian keyboard are digits.
    mobile = f"912{a_mobile()[-7:]}"
    await field(page, "Mobile Number").fill(mobile.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")))
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("row", name=re.compile("Weserhaus"))).to_contain_text(f"+98 {mobile}")


@pytest.mark.row("U-17", "U-18", "U-20")
async def test_call_type_time_zone_and_mail_language_are_chosen(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user/new")
    await expect(page.get_by_role("radio")).to_have_count(2)
    await expect(page.get_by_role("radio", name=re.compile("^IP Call"))).to_be_checked()
    await page.locator("main").get_by_role("combobox", name="Language", exact=True).click()
    await expect(page.get_by_role("option")).to_have_count(12)
    await page.get_by_role("option", name="Japanese").click()
    await fill_mandatory(page, "Sakura House")
    await choose(page, "Time Zone", "GMT+9:00 Tokyo")
    await page.get_by_role("radio", name=re.compile("^SIP Call")).check()
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_label("Edit: Sakura House").click()
    await expect(page.get_by_role("combobox", name="Time Zone")).to_have_value("GMT+9:00 Tokyo")
    await expect(page.locator("main").get_by_role("combobox", name="Language", exact=True)).to_have_value("Japanese")
    await expect(page.get_by_role("radio", name=re.compile("^SIP Call"))).to_be_checked()


@pytest.mark.row("U-19", "R-08")
async def test_a_household_without_a_zone_of_its_own_follows_its_installer(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(installer, "/user/new")
    zone = page.get_by_role("combobox", name="Time Zone")
    await expect(zone).to_have_value("")
    await expect(zone).to_have_attribute("placeholder", re.compile(r"^Same as yours: GMT"))
    await fill_mandatory(page, "Wandering House")
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_text("1 in All")).to_be_visible()
    (row,) = (await installer.do("GET", "/users"))["rows"]
    assert (await installer.do("GET", f"/users/{row['user_id']}"))["time_zone"] is None


async def test_turning_the_premium_plan_off_says_what_happens(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Lens House", premium=True)
    page = await visit(installer, f"/user/{home}")
    note = page.get_by_text("Cameras that are there stay in the list")
    await expect(page.get_by_role("switch", name="Premium Plan")).to_be_checked()
    await expect(note).to_have_count(0)
    await toggle(page.get_by_role("switch", name="Premium Plan"))
    await expect(note).to_be_visible()
    await toggle(page.get_by_role("switch", name="Premium Plan"))
    await expect(note).to_have_count(0)


@pytest.mark.row("U-23", "U-25", "U-26", "U-29")
async def test_home_automation_dims_premium_and_premium_offers_the_landline_service(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user/new")
    automation, premium, landline = (
        page.get_by_role("switch", name=name) for name in ("Home Automation", "Premium Plan", "Landline Service")
    )
    await expect(landline).to_have_count(0)
    await toggle(premium)
    await expect(landline).to_be_checked()
    await toggle(premium)
    await expect(landline).to_have_count(0)

    note = page.get_by_text("The Premium Plan is not available for Home Automation at the moment.")
    await expect(note).to_have_count(0)
    await toggle(automation)
    await expect(premium).to_be_disabled()
    await expect(note).to_be_visible()
    await toggle(automation)
    await expect(premium).to_be_enabled()
    await expect(note).to_have_count(0)

    # Premium that is on already does not vanish behind the other switch: the form asks.
    await toggle(premium)
    await toggle(automation)
    await fill_mandatory(page, "Clever House")
    await expect(page.get_by_role("alert")).to_contain_text("cannot be turned on while the Premium Plan is on")
    await page.get_by_role("button", name="Turn premium off and continue").click()
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("link", name="Smart Home: Clever House")).to_be_visible()


@pytest.mark.row("U-31")
async def test_edit_shows_the_same_form_filled_in_and_saves(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    mobile = a_mobile()
    await place.household(installer, "Old Name", room="Mill", country="DE", mobile=mobile)
    page = await visit(installer, "/user")
    await page.get_by_label("Edit: Old Name").click()
    await expect(field(page, "Room Name")).to_have_value("Mill")
    await expect(field(page, "Mobile Number")).to_have_value(mobile)
    await expect(page.get_by_role("combobox", name="Country / Region")).to_have_value(re.compile("^Germany"))
    await field(page, "Name").fill("")
    await expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    await field(page, "Name").fill("New Name")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("The changes were saved")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("New Name"))).to_contain_text(f"+49 {mobile}")
    await expect(page.get_by_text("Old Name")).to_have_count(0)


@pytest.mark.row("U-32")
async def test_contacts_of_a_linked_account_can_be_read_and_not_changed(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Town House", email=an_email("linked"), country="DE")
    cottage = await place.household(installer, "Cottage")
    await place.link(home, cottage)
    page = await visit(installer, f"/user/{home}")
    await expect(page.get_by_text("This account is linked to other sites")).to_be_visible()
    for label in ("Email", "Mobile Number"):
        await expect(field(page, label)).not_to_be_editable()
    await expect(page.get_by_role("combobox", name="Country / Region")).not_to_be_editable()
    await expect(field(page, "Name")).to_be_editable()


@pytest.mark.row("U-33", "U-34", "U-35", "G-05")
async def test_reset_password_and_delete_stand_at_the_bottom_and_ask_first(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Leaving House")
    page = await visit(installer, f"/user/{home}")
    bottom = page.get_by_role("main").get_by_role("button")
    await expect(bottom.nth(-2)).to_have_text("Reset Password")
    await expect(bottom.last).to_have_text("Delete")

    await page.get_by_role("button", name="Reset Password").click()
    ask = page.get_by_role("dialog", name="Reset Password")
    await expect(ask).to_contain_text("Leaving House")
    await ask.get_by_role("button", name="OK").click()
    shown = page.get_by_role("dialog", name="Initial login")
    await expect(shown.get_by_text("This password is shown only now.")).to_be_visible()
    await shown.get_by_role("button", name="Done").click()

    await page.get_by_role("button", name="Delete").click()
    ask = page.get_by_role("dialog", name="Delete user")
    await expect(ask).to_contain_text("Leaving House")
    await expect(ask).to_contain_text("erased too, within 24 hours.")
    await expect(ask.get_by_role("button", name="Cancel")).to_be_focused()
    await ask.get_by_role("button", name="Cancel").click()
    await expect(ask).to_have_count(0)
    await expect(page.get_by_role("heading", name="Leaving House")).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await ask.get_by_role("button", name="OK").click()
    await expect(page.get_by_text("The user was deleted")).to_be_visible()
    await expect(page.get_by_text("No Data")).to_be_visible()
    await page.goto(f"/user/{home}")
    await expect(page.get_by_text("This user does not exist, or no longer.")).to_be_visible()


@pytest.mark.row("U-36", "U-37", "U-38", "U-42", "U-45", "U-49", "G-05")
async def test_reset_says_that_it_is_for_rentals_and_empties_the_household(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(
        installer, "Rented House", activated=True, room="Attic", email=an_email("tenant"), country="DE", premium=True
    )
    await place.member(installer, home, "Tenant's Child")
    page = await visit(installer, "/user")
    row = page.get_by_role("row", name=re.compile("Rented House"))
    await expect(row.get_by_role("cell").nth(5)).to_have_text("1")
    await expect(row).to_contain_text("tenant-")
    reset = page.get_by_role("dialog", name="Reset account")

    await row.get_by_label("Reset: Rented House").click()
    await expect(reset).to_contain_text("For rentals: reset when tenants move out")
    await expect(reset).to_contain_text("then create the accounts of the new tenants")
    for goes_or_stays in ("All family accounts", "Messages and alarms", "Account status and expiry", "The audit trail"):
        await expect(reset.get_by_text(goes_or_stays)).to_be_visible()
    await expect(reset).to_contain_text("erased too, within 24 hours.")
    await reset.get_by_role("button", name="Close").click()
    await expect(reset).to_have_count(0)
    await expect(row).to_contain_text("tenant-")

    await row.get_by_label("Reset: Rented House").click()
    await reset.get_by_role("button", name="OK").click()
    await expect(page.get_by_text("The household is empty again")).to_be_visible()
    await expect(page.get_by_text("Nothing is left in any copy by 20")).to_be_visible()
    await expect(row.get_by_role("cell").nth(3)).to_have_text("--")
    await expect(row.get_by_role("cell").nth(5)).to_have_text("0")
    await expect(row.get_by_role("cell").nth(6)).to_have_text("Normal")
    await expect(row).to_contain_text("Attic")
    await row.get_by_label("Edit: Rented House").click()
    await expect(page.get_by_role("switch", name="Premium Plan")).to_be_checked()
    await expect(page.get_by_role("combobox", name="Country / Region")).to_have_value("")
