"""The devices of a household: added, edited and deleted by a form that asks by the type of the device."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import Visit, choose, field, toggle
from tests.console.doors import a_mac, a_relay, bound, in_library, powered
from tests.console.test_accessibility import hold_everywhere, tab_to
from tests.console.town import Town, texts

METHODS = ["SmartPlus Homepage", "SmartPlus Talking page", "PIN", "Face", "RF Card", "Bluetooth", "NFC"]


def relay(page: Page, name: str = "Relay 1"):  # type: ignore[no-untyped-def]
    return page.get_by_role("group", name=name, exact=True)


@pytest.mark.row("U-07", "D-01", "D-03", "D-05", "D-06", "D-07", "D-19", "D-20")
async def test_a_device_is_added_from_the_icon_of_the_user_row(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Lilac House")
    uid = (await place.user(installer, home))["uid"]
    mac = await in_library(installer)
    page = await visit(installer, "/user")
    await page.get_by_label("Devices: Lilac House").click()
    await expect(page.get_by_role("tab", name="Intercom Devices")).to_have_attribute("aria-selected", "true")
    await expect(page.get_by_role("tab", name="Third-party Devices")).to_be_visible()
    await expect(page.get_by_text("No Data")).to_be_visible()
    await page.get_by_role("main").get_by_role("link", name="New").first.click()
    await expect(page.get_by_role("heading", name="Add Device")).to_be_visible()

    await expect(field(page, "Owner")).to_have_value(uid)
    await expect(field(page, "Owner")).not_to_be_editable()
    submit = page.get_by_role("button", name="Submit")
    await expect(submit).to_be_disabled()
    await field(page, "MAC").fill(":".join(re.findall("..", mac.lower())))
    await field(page, "Device Name").fill("درِ ورودی")
    await field(relay(page), "Relay Name").fill("Garden gate")
    await submit.click()

    shown = page.get_by_role("dialog", name="Device key")
    await expect(shown.get_by_text("This key is shown only now.")).to_be_visible()
    await expect(shown.get_by_role("img", name="QR code with the device key")).to_be_visible()
    await expect(shown.get_by_text(mac, exact=True)).to_be_visible()
    key = await shown.locator("[dir=ltr].machine").nth(1).inner_text()
    assert re.fullmatch("[0-9a-f]{64}", key)
    await page.keyboard.press("Escape")
    await expect(shown).to_be_visible()
    await shown.get_by_role("button", name="Done").click()

    row = page.get_by_role("row", name=re.compile("درِ ورودی"))
    await expect(row).to_contain_text(mac)
    await expect(row).to_contain_text("Offline")
    await expect(row).to_contain_text(re.compile(r"58\d{8}"))
    await row.get_by_role("link", name="درِ ورودی", exact=True).click()
    await expect(page.get_by_role("heading", name="درِ ورودی")).to_be_visible()
    await expect(page.get_by_text(key)).to_have_count(0)


@pytest.mark.row("D-02", "D-05", "G-06")
async def test_a_refused_device_keeps_what_was_typed_and_says_why_at_the_field(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Typed House")
    taken = await bound(installer, home, "Taken")
    page = await visit(installer, f"/user/{home}/devices/new")
    await field(page, "Device Name").fill("Side Door")
    await field(relay(page), "Relay Name").fill("Side")
    for mac, why in (
        ("0C11", "12 hexadecimal digits"),
        (a_mac(), "MAC library"),
        (taken.mac, "belongs to a device"),
    ):
        await field(page, "MAC").fill(mac)
        await page.get_by_role("button", name="Submit").click()
        await expect(field(page, "MAC")).to_have_attribute("aria-invalid", "true")
        await expect(field(page, "MAC")).to_have_accessible_description(re.compile(why))
    await expect(field(page, "MAC")).to_be_focused()
    await expect(field(page, "Device Name")).to_have_value("Side Door")
    await expect(field(relay(page), "Relay Name")).to_have_value("Side")


@pytest.mark.row("D-04", "D-11", "D-12", "D-13", "D-14", "D-15", "R-19")
async def test_the_type_and_the_offline_solution_decide_what_the_form_asks(place: Town, visit: Visit) -> None:
    above = await place.another_distributor("Offline Distribution")
    installer = await place.installer(above=above)
    home = await place.household(installer, "Offline House")
    page = await visit(installer, f"/user/{home}/devices/new")
    internet = page.get_by_role("radiogroup", name="Does the device have internet access?")
    offline, arming = (page.get_by_role("switch", name=name) for name in ("Works offline", "Arming Function"))
    await page.get_by_role("combobox", name="Device Type").click()
    await expect(page.get_by_role("option")).to_have_text(["Doorphone", "Indoor Monitor", "Access Control"])
    await page.keyboard.press("Escape")
    await expect(internet).to_have_count(0)
    await choose(page, "Device Type", "Indoor Monitor")
    await expect(arming).to_be_visible()
    await expect(offline).to_have_count(0)

    await place.root.do("PUT", f"/distributors/{above.account_id}/offline-solution", json={"enabled": True})
    await page.reload()
    await expect(internet).to_be_visible()
    await expect(arming).to_have_count(0)
    address = field(page, "IP Address")
    await expect(address).to_have_count(0)
    await page.get_by_role("radio", name="No", exact=True).check()
    mac = await in_library(installer)
    await field(page, "MAC").fill(mac)
    await field(page, "Device Name").fill("Gate")
    await address.fill("192.168.1.300")
    await page.get_by_role("button", name="Submit").click()
    await expect(address).to_have_attribute("aria-invalid", "true")
    await address.fill("192.168.1.30")
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("link", name="Gate", exact=True).click()
    await expect(page.get_by_text("192.168.1.30", exact=True)).to_be_visible()

    await page.goto(f"/user/{home}/devices/new")
    await choose(page, "Device Type", "Indoor Monitor")
    await expect(internet).to_have_count(0)
    await field(page, "MAC").fill(await in_library(installer))
    await field(page, "Device Name").fill("Hall Monitor")
    await toggle(offline)
    await toggle(arming)
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_label("Edit: Hall Monitor").click()
    await expect(offline).to_be_checked()
    await expect(arming).to_be_checked()


@pytest.mark.row("D-08", "D-09", "D-10", "R-20")
async def test_four_relays_and_two_security_relays_at_most(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Many Doors")
    page = await visit(installer, f"/user/{home}/devices/new")
    add, secure = (page.get_by_role("button", name=f"Add {what}") for what in ("Relay", "Security Relay"))
    await expect(page.get_by_text("A security relay needs an SR01 wired to the door phone.")).to_be_visible()
    for number in (2, 3, 4):
        await add.click()
        await expect(relay(page, f"Relay {number}")).to_be_visible()
    await expect(add).to_have_count(0)
    await expect(page.get_by_text("A device has 4 relays at most.")).to_be_visible()
    await secure.click()
    await secure.click()
    await expect(secure).to_have_count(0)
    # A hole that was made is filled again.
    await page.get_by_role("button", name="Remove: Relay 2").click()
    await add.click()
    await expect(relay(page, "Relay 2")).to_be_visible()

    await choose(page, "Device Type", "Indoor Monitor")
    await expect(relay(page, "Security Relay 1")).to_have_count(0)
    await choose(page, "Device Type", "Access Control")
    await expect(relay(page, "Security Relay 1")).to_be_visible()
    await field(page, "MAC").fill(await in_library(installer))
    await field(page, "Device Name").fill("Six")
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_label("Edit: Six").click()
    await expect(page.get_by_role("textbox", name="Relay Name")).to_have_count(6)


@pytest.mark.row("D-16", "D-17", "D-18", "D-30", "R-22")
async def test_each_enabled_relay_has_a_code_of_its_own(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Coded House")
    page = await visit(installer, f"/user/{home}/devices/new")
    first = relay(page).get_by_role("combobox", name="DTMF Code")
    await expect(first).to_have_value("#")
    await first.click()
    await expect(page.get_by_role("option")).to_have_text([*"0123456789*#"])
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Add Relay").click()
    second = relay(page, "Relay 2")
    await expect(second.get_by_role("combobox", name="DTMF Code")).to_have_value("")
    await second.get_by_role("combobox", name="DTMF Code").click()
    await page.get_by_role("option", name="#", exact=True).click()
    await expect(second.get_by_text("Another relay of this device has this DTMF code.")).to_be_visible()
    await field(page, "MAC").fill(await in_library(installer))
    await field(page, "Device Name").fill("Coded")
    await page.get_by_role("button", name="Submit").click()
    await expect(second.get_by_role("combobox", name="DTMF Code")).to_have_attribute("aria-invalid", "true")

    # One that is off exposes nothing, and may keep its code.
    await toggle(second.get_by_role("switch"))
    await expect(second.get_by_text("Off: nothing opens it.")).to_be_visible()
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("link", name="Coded", exact=True).click()
    await expect(page.get_by_role("button", name=re.compile("^Unlock"))).to_have_count(1)
    await expect(page.get_by_text("Off: nothing opens it.")).to_be_visible()


@pytest.mark.row("D-22", "D-31", "R-24", "R-25")
async def test_seven_access_methods_are_ticked_for_each_relay(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Method House")
    page = await visit(installer, f"/user/{home}/devices/new")
    await expect(page.get_by_text("The model and firmware are not yet known.")).to_be_visible()
    await expect(page.get_by_text("R28 ≥ 28.30.10.7")).to_be_visible()
    await expect(page.get_by_text("X912 ≥ 912.30.10.204")).to_be_visible()
    await page.get_by_role("button", name="Add Relay").click()
    for number in (1, 2):
        boxes = relay(page, f"Relay {number}").get_by_role("checkbox")
        await expect(boxes).to_have_count(7)
        for method in METHODS:
            await expect(relay(page, f"Relay {number}").get_by_role("checkbox", name=method)).to_be_checked()
    await relay(page).get_by_role("checkbox", name="RF Card").uncheck()
    await relay(page, "Relay 2").get_by_role("checkbox", name="PIN").uncheck()
    await field(page, "MAC").fill(await in_library(installer))
    await field(page, "Device Name").fill("Chosen")
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_label("Edit: Chosen").click()
    await expect(relay(page).get_by_role("checkbox", name="RF Card")).not_to_be_checked()
    await expect(relay(page).get_by_role("checkbox", name="PIN")).to_be_checked()
    await expect(relay(page, "Relay 2").get_by_role("checkbox", name="PIN")).not_to_be_checked()
    await expect(relay(page, "Relay 2").get_by_role("checkbox", name="RF Card")).to_be_checked()


@pytest.mark.row("D-24", "D-25", "D-26", "R-15", "R-25")
@pytest.mark.parametrize(
    ("model", "firmware", "is_open"),
    [("R28", "28.30.10.7", True), ("X912", "912.30.10.203", False), ("R29", "29.30.10.17", False)],
)
async def test_the_firmware_decides_whether_the_devices_own_methods_can_be_chosen(
    place: Town, visit: Visit, model: str, firmware: str, is_open: bool
) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Gated House")
    device = await bound(installer, home, "Gated")
    async with powered(place, device, model=model, firmware=firmware):
        page = await visit(installer, f"/device/{device.device_id}")
        await expect(page.get_by_text(firmware, exact=True)).to_be_visible()
        await page.get_by_role("link", name="Edit").click()
        pin = relay(page).get_by_role("checkbox", name="PIN")
        await expect(relay(page).get_by_role("checkbox", name="SmartPlus Homepage")).to_be_enabled()
        if is_open:
            await expect(page.get_by_text("does not let its own methods be chosen")).to_have_count(0)
            await pin.uncheck()
            await page.get_by_role("button", name="Submit").click()
            await expect(page.get_by_text("The device was saved")).to_be_visible()
        else:
            await expect(pin).to_be_disabled()
            await expect(pin).to_be_checked()
            await expect(pin).to_have_accessible_description(re.compile("does not let its own methods be chosen"))


@pytest.mark.row("D-20")
async def test_edit_shows_the_same_form_filled_in_and_keeps_the_mac(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Edited House")
    device = await bound(installer, home, "Old Door", relays=[a_relay(name="Gate"), a_relay(2, "Garage", dtmf="5")])
    page = await visit(installer, f"/user/{home}/devices")
    await page.get_by_label("Edit: Old Door").click()
    await expect(field(page, "MAC")).to_have_value(device.mac)
    await expect(field(page, "MAC")).not_to_be_editable()
    await expect(field(relay(page, "Relay 2"), "Relay Name")).to_have_value("Garage")
    await expect(relay(page, "Relay 2").get_by_role("combobox", name="DTMF Code")).to_have_value("5")
    await field(page, "Device Name").fill("")
    await expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    await field(page, "Device Name").fill("New Door")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_role("heading", name="New Door")).to_be_visible()


@pytest.mark.row("D-21", "G-05")
async def test_a_deleted_device_frees_its_mac(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Leaving House")
    device = await bound(installer, home, "Leaving Door")
    page = await visit(installer, f"/user/{home}/devices")
    await page.get_by_label("Delete: Leaving Door").click()
    ask = page.get_by_role("dialog", name="Delete device")
    await expect(ask).to_contain_text("Leaving Door")
    await expect(ask.get_by_role("button", name="Cancel")).to_be_focused()
    await ask.get_by_role("button", name="OK").click()
    await expect(page.get_by_text("No Data")).to_be_visible()
    await page.goto(f"/device/{device.device_id}")
    await expect(page.get_by_text("This device does not exist, or no longer.")).to_be_visible()
    await page.goto(f"/user/{home}/devices/new")
    await field(page, "MAC").fill(device.mac)
    await field(page, "Device Name").fill("Back Again")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_role("dialog", name="Device key")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_the_devices_of_a_household_hold_everywhere(place: Town, visit: Visit, language: str) -> None:
    said = texts(language)
    installer = await place.installer()
    home = await place.household(installer, "کلبهٔ ساحلی")
    device = await bound(installer, home, "درِ باغ")
    page = await visit(installer, f"/user/{home}/devices", locale=language)
    await expect(page.get_by_role("link", name="درِ باغ", exact=True)).to_be_visible()
    await hold_everywhere(page, f"devices in {language}")
    await page.goto(f"/user/{home}/devices/new")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.get_by_role("button", name=said["device"]["addRelay"], exact=True).click()
    await page.get_by_role("button", name=said["device"]["addSecurityRelay"], exact=True).click()
    await hold_everywhere(page, f"add device in {language}")
    await field(page, said["device"]["mac"]).fill(await in_library(installer))
    await field(page, said["device"]["name"]).fill("Key")
    await page.get_by_role("button", name=said["action"]["submit"]).click()
    await expect(page.get_by_role("dialog", name=said["device"]["keyTitle"])).to_be_visible()
    await hold_everywhere(page, f"key in {language}", covered=True)
    await page.goto(f"/device/{device.device_id}/edit")
    await expect(page.get_by_role("textbox", name=re.compile(said["device"]["relayName"]))).to_be_visible()
    await hold_everywhere(page, f"edit device in {language}")


async def test_a_device_is_added_without_a_mouse(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Keyboard House")
    mac = await in_library(installer)
    page = await visit(installer, f"/user/{home}/devices/new")
    await expect(page.get_by_role("heading", name="Add Device")).to_be_visible()
    await tab_to(page, "^MAC$")
    await page.keyboard.type(mac)
    await tab_to(page, "^Device Name$")
    await page.keyboard.type("Keyed In")
    await tab_to(page, "^Relay Name$")
    await tab_to(page, "^RF Card$")
    await page.keyboard.press("Space")
    await expect(relay(page).get_by_role("checkbox", name="RF Card")).not_to_be_checked()
    await tab_to(page, "^Submit$")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Device key")).to_be_visible()
    await tab_to(page, "^Done$", most=8)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row", name=re.compile("Keyed In"))).to_contain_text(mac)
    await tab_to(page, "^Settings: Keyed In$")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Settings")
    await expect(dialog.get_by_role("combobox", name="Connection Type")).to_be_visible()
    await expect(dialog.locator(":focus")).to_have_count(1)
    for _ in range(12):
        await page.keyboard.press("Tab")
        assert await dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Settings: Keyed In")).to_be_focused()
