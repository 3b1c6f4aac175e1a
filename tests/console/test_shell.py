"""The frame of the console: its modules, the account menu, and what an installer is helped with."""

import pytest
from playwright.async_api import expect

from tests.console.browsing import DESK, Visit
from tests.console.town import Town

NINE = ["User", "Device", "Firmware", "Update", "Message", "MAC Library", "Setting", "Subscription", "Payments"]


@pytest.mark.row("L-08")
async def test_the_modules_stand_in_their_order_and_none_is_a_dead_link(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/")
    modules = page.get_by_role("navigation", name="Modules").get_by_role("link")
    await expect(modules.first).to_be_visible()
    names = await modules.all_inner_texts()
    assert names
    assert names == [name for name in NINE if name in names]
    for name in names:
        await page.get_by_role("link", name=name, exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(name)
        await expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
    await expect(page.get_by_text("Page not found")).to_have_count(0)


@pytest.mark.row("L-09")
async def test_the_account_menu_is_the_last_thing_of_the_header(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer("Corner Bells"), "/")
    button = page.get_by_role("banner").get_by_role("button").last
    await expect(button).to_have_accessible_name("Account menu: Corner Bells")
    box = await button.bounding_box()
    assert box
    assert box["x"] + box["width"] > DESK["width"] - 40
    assert box["y"] < 56
    await button.click()
    items = page.get_by_role("menuitem")
    await expect(items.last).to_have_text("Log out")
    names = await items.all_inner_texts()
    assert "Customer Service" in names
    assert "Account Setting" not in names
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()


@pytest.mark.row("L-10")
async def test_four_things_can_be_ticked_off_before_the_work_on_site(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/")
    await page.get_by_role("button", name="Account menu").click()
    await page.get_by_role("menuitem", name="Pre-flight checklist").click()
    checklist = page.get_by_role("dialog", name="Pre-flight checklist")
    for said in ("Your distributor has entered the MAC", "is not connected to SDMC", "the network is normal"):
        await expect(checklist.get_by_text(said)).to_be_visible()
    ticks = checklist.get_by_role("checkbox")
    await expect(ticks).to_have_count(4)
    for name in ("The MACs are registered", "The firmware supports cloud mode", "Devices are powered and online"):
        await checklist.get_by_role("checkbox", name=name).check()
    await expect(checklist.get_by_text("3 of 4 checked")).to_be_visible()

    await page.reload()
    await page.get_by_role("button", name="Account menu").click()
    await page.get_by_role("menuitem", name="Pre-flight checklist").click()
    await expect(checklist.get_by_text("3 of 4 checked")).to_be_visible()
    await checklist.get_by_role("checkbox", name="The data is correct").check()
    await expect(checklist.get_by_text("Everything is ready.")).to_be_visible()


@pytest.mark.row("G-16", "G-17", "G-18", "G-19", "K-07")
async def test_help_leads_to_contacts_tickets_manuals_and_says_what_this_is_for(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/")
    await page.get_by_role("button", name="Account menu").click()
    await page.get_by_role("menuitem", name="Customer Service").click()
    await page.get_by_role("dialog").get_by_role("link", name="Help").click()
    await expect(page.get_by_role("heading", name="Help")).to_be_visible()
    for name, target in (
        ("sales@riverside.example", "mailto:sales@riverside.example"),
        ("support@riverside.example", "mailto:support@riverside.example"),
        ("+49 30 5557788", "tel:+49 30 5557788"),
        ("Open a ticket", "https://riverside.example/tickets"),
        ("Open the manuals", "https://riverside.example/manuals"),
    ):
        await expect(page.get_by_role("link", name=name)).to_have_attribute("href", target)
    about = page.get_by_role("region", name="About").or_(page.locator("section", has_text="SmartPlus 6.7.0")).last
    await expect(about).to_contain_text("SmartPlus 6.7.0")
    for scope in ("Single-family houses", "Single-tenant residents", "Their devices", "Remote maintenance"):
        await expect(about).to_contain_text(scope)


@pytest.mark.row("K-01", "K-02", "K-03", "K-04", "G-05", "G-06")
async def test_customer_service_is_given_and_changed_in_its_dialog(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(installer, "/user")
    dialog = page.get_by_role("dialog", name="Customer Service")
    phone, email = dialog.get_by_label("Phone"), dialog.get_by_label("Email")

    async def open_dialog() -> None:
        await page.get_by_role("button", name="Account menu").click()
        await page.get_by_role("menuitem", name="Customer Service").click()

    await open_dialog()
    await expect(phone).to_have_value("")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await phone.fill("+49 30 5557788")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await email.fill("not an address")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(email).to_have_attribute("aria-invalid", "true")
    await expect(phone).to_have_value("+49 30 5557788")
    await email.fill("bells@example.org")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("Your residents now see the new contact")).to_be_visible()
    await expect(dialog).to_have_count(0)

    await open_dialog()
    await expect(email).to_have_value("bells@example.org")
    await email.fill("chimes@example.org")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    await open_dialog()
    await expect(email).to_have_value("bells@example.org")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
