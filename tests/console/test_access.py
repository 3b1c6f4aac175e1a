"""Who gets in at a household's doors by what, what happened at them, and that a reset ends it all."""

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from tests.console.browsing import Visit, field
from tests.console.doors import a_relay, bound, powered
from tests.console.test_accessibility import hold_everywhere
from tests.console.town import Town, texts

PIN_AT_GATE = [a_relay(name="Gate"), a_relay(2, "Garage", methods=["homepage", "rf_card"])]


@pytest.mark.row("D-23", "D-29")
async def test_a_pin_is_made_up_told_once_and_opens_the_doors_that_take_pins(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Open House", activated=True)
    await place.member(installer, home, "Ana")
    device = await bound(installer, home, "Door", relays=PIN_AT_GATE)
    async with powered(place, device, model="R28", firmware="28.30.10.7") as intercom:
        page = await visit(installer, f"/user/{home}/access")
        await expect(page.get_by_text("No PIN, card or face opens a door here yet.")).to_be_visible()
        await page.get_by_role("button", name="New").click()
        dialog = page.get_by_role("dialog", name="Add credential")
        submit = dialog.get_by_role("button", name="Submit")
        await expect(submit).to_be_disabled()
        await field(dialog, "Holder").fill("A")
        await page.get_by_role("option", name="Ana").click()
        garage = dialog.get_by_role("checkbox", name=re.compile("Garage"))
        await expect(garage).to_be_disabled()
        await expect(garage).to_have_accessible_description(re.compile("switched off at that relay"))
        await dialog.get_by_role("checkbox", name=re.compile("Gate")).check()
        await field(dialog, "PIN").fill("111111")
        await submit.click()
        await expect(field(dialog, "PIN")).to_have_attribute("aria-invalid", "true")
        await field(dialog, "PIN").fill("")
        await submit.click()
        shown = page.get_by_role("dialog", name="New credential")
        pin = await shown.locator("[dir=ltr].machine").inner_text()
        assert re.fullmatch("[0-9]{6,10}", pin)
        await shown.get_by_role("button", name="Done").click()
        row = page.get_by_role("row", name=re.compile("Ana"))
        await expect(row).to_contain_text("Door · Gate")
        await expect(row).to_contain_text("Always")
        await expect(row).to_contain_text("Delivered")
        await expect(page.get_by_text(pin)).to_have_count(0)

        assert await intercom.present("pin", pin) == 1
        line = page.get_by_role("row").filter(has_text="Opened")
        await expect(line).to_contain_text("PIN")
        await expect(line).to_contain_text("Gate")
        await intercom.present("pin", "987654")
        await expect(page.get_by_role("row").filter(has_text="Not let in")).to_be_visible()
        await page.goto(f"/device/{device.device_id}/access")
        await expect(page.get_by_role("row").filter(has_text="Opened")).to_contain_text("Gate")

        await page.goto(f"/user/{home}/access")
        await page.get_by_label("Withdraw: Ana, PIN").click()
        await page.get_by_role("dialog", name="Withdraw").get_by_role("button", name="OK").click()
        await expect(page.get_by_text("No PIN, card or face opens a door here yet.")).to_be_visible()
        await intercom.until(lambda it: not it.document["credentials"])


@pytest.mark.row("D-23")
async def test_a_credential_has_its_time_and_the_form_of_its_kind(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Timed House", activated=True)
    await bound(installer, home, "Door", relays=PIN_AT_GATE)
    page = await visit(installer, f"/user/{home}/access")
    await page.get_by_role("button", name="New").click()
    dialog = page.get_by_role("dialog", name="Add credential")
    await dialog.get_by_role("combobox", name="Kind").click()
    await expect(page.get_by_role("option")).to_have_text(["PIN", "RF Card", "QR code", "Face", "Bluetooth", "NFC"])
    await page.get_by_role("option", name="RF Card").click()
    await field(dialog, "Holder").fill("Cleaner")
    await dialog.get_by_role("checkbox", name=re.compile("Garage")).check()
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await field(dialog, "Card number").fill("04A2B3C4")
    await expect(dialog.get_by_text("Asia/Shanghai")).to_be_visible()
    await field(dialog, "Valid from").fill("2030-01-01T08:00")
    await field(dialog, "Valid until").fill("2029-01-01T08:00")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("It would end before it begins.")).to_be_visible()
    await field(dialog, "Valid until").fill("2031-01-01T08:00")
    await dialog.get_by_role("button", name="Submit").click()
    row = page.get_by_role("row", name=re.compile("Cleaner"))
    await expect(row).to_contain_text("2031-01-01 08:00:00")
    # Typed in Tehran, and yet by the clocks of the household, in Shanghai.
    await expect(row).to_contain_text("2030-01-01 08:00:00")
    (credential,) = (await installer.do("GET", f"/users/{home}/credentials"))["rows"]  # type: ignore[misc]
    times = [datetime.fromisoformat(credential[name]) for name in ("valid_from", "valid_to")]
    assert times == [datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)]
    await expect(row).to_contain_text("Not yet")


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_what_a_device_with_a_lost_clock_tells_is_shown_when_it_came_with_a_mark(
    place: Town, visit: Visit, language: str
) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Old Clock House", activated=True)
    device = await bound(installer, home, "Door", relays=PIN_AT_GATE)
    page = await visit(installer, f"/user/{home}/access", locale=language)
    mark = texts(language)["access"]["clockWrong"]
    async with powered(place, device, model="R28", firmware="28.30.10.7") as intercom:
        await intercom.tell_door("opened", relay=1, method="pin")
        line = page.get_by_role("row").filter(has_text=texts(language)["access"]["kind"]["opened"])
        await expect(line).to_have_count(1)
        await expect(page.get_by_text(mark)).to_have_count(0)
        await intercom.tell_door("opened", relay=1, method="pin", at="1970-01-01T00:00:07Z")
        await expect(line).to_have_count(2)
        await expect(line.filter(has_text=mark)).to_have_count(1)
        await expect(page.get_by_text("1970")).to_have_count(0)


@pytest.mark.row("U-39", "U-41")
async def test_after_a_reset_the_page_names_the_devices_that_have_not_confirmed(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Rented House", activated=True)
    device = await bound(installer, home, "Back Door", relays=PIN_AT_GATE)
    page = await visit(installer, f"/user/{home}/access")
    notice = page.get_by_text("Not yet confirmed by these devices.")
    async with powered(place, device, model="R28", firmware="28.30.10.7") as intercom:
        wish = {"kind": "pin", "holder": "Tenant", "secret": "418025"}
        relays = [{"device_id": device.device_id, "relay": 1}]
        await installer.do("POST", f"/users/{home}/credentials", json={**wish, "relays": relays})
        await expect(page.get_by_role("row", name=re.compile("Tenant"))).to_contain_text("Delivered")
        assert await intercom.present("pin", "418025") == 1
        await expect(page.get_by_role("row").filter(has_text="Opened")).to_be_visible()
        await expect(notice).to_have_count(0)
        intercom.lose_power()
        await installer.do("POST", f"/users/{home}/reset")
        await expect(page.get_by_text("No PIN, card or face opens a door here yet.")).to_be_visible()
        await expect(page.get_by_text("Nothing happened at these doors yet.")).to_be_visible()
        await expect(notice).to_be_visible()
        await expect(page.get_by_role("link", name="Back Door")).to_be_visible()
        intercom.power_on()
        await expect(notice).to_have_count(0)
        assert await intercom.present("pin", "418025") is None


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_access_holds_everywhere(place: Town, visit: Visit, language: str) -> None:
    said = texts(language)
    installer = await place.installer()
    home = await place.household(installer, "Key House", activated=True)
    device = await bound(installer, home, "درِ باغ")
    wish = {"kind": "rf_card", "holder": "مریم", "secret": "04A2B3C4"}
    relays = [{"device_id": device.device_id, "relay": 1}]
    made = await installer.do("POST", f"/users/{home}/credentials", json={**wish, "relays": relays})
    await installer.do("GET", f"/users/{home}/credentials", params={"after": made["position"]})
    page = await visit(installer, f"/user/{home}/access", locale=language)
    await expect(page.get_by_text("مریم")).to_be_visible()
    await hold_everywhere(page, f"access in {language}")
    await page.get_by_role("button", name=said["action"]["new"]).first.click()
    await field(page.get_by_role("dialog"), said["access"]["holder"]).fill("بن")
    await page.get_by_role("dialog").get_by_role("checkbox").first.check()
    await hold_everywhere(page, f"grant in {language}", covered=True)
    await page.get_by_role("button", name=said["action"]["submit"]).click()
    await expect(page.get_by_role("dialog", name=said["access"]["madeTitle"])).to_be_visible()
    await hold_everywhere(page, f"made in {language}", covered=True)
