"""One device: what it is and does, what it is told and does of that, and its own page from afar."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.console.browsing import Visit, choose, field, sit_down
from tests.console.doors import Bound, a_relay, bound, powered
from tests.console.test_accessibility import hold_everywhere
from tests.console.town import Town, texts


def fact(page: Page, label: str):  # type: ignore[no-untyped-def]
    return page.locator("dl > div").filter(has=page.get_by_text(label, exact=True)).locator("dd")


async def settings(page: Page, device: Bound):  # type: ignore[no-untyped-def]
    await page.goto(f"/device/{device.device_id}")
    await page.get_by_role("button", name="Settings").click()
    return page.get_by_role("dialog", name="Settings")


@pytest.mark.row("D-29", "D-35", "A-08")
async def test_the_page_tells_what_is_desired_what_is_reported_and_who_is_online(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Watched House")
    device = await bound(installer, home, "Watched Door")
    page = await visit(installer, f"/device/{device.device_id}")
    await expect(fact(page, "Status")).to_have_text("Offline")
    await expect(fact(page, "Last Connected Time")).to_have_text("--")
    await expect(fact(page, "Desired")).to_have_text(re.compile("[0-9a-f]{16}"))
    await expect(fact(page, "Reported")).to_have_text("not yet")
    await expect(page.get_by_text("the device has not confirmed what it is set to")).to_be_visible()
    await page.evaluate("window.sameDocument = true")

    async with powered(place, device) as intercom:
        await expect(fact(page, "Status")).to_have_text("Online")
        await expect(fact(page, "Model")).to_have_text("R29")
        await expect(fact(page, "Firmware")).to_have_text("29.30.10.17")
        await expect(fact(page, "Reported")).to_have_text(re.compile("[0-9a-f]{16}"))
        desired = await fact(page, "Desired").inner_text()
        await expect(fact(page, "Reported")).to_have_text(desired)
        await expect(page.get_by_text("The device has confirmed what it is set to.")).to_be_visible()
        await expect(fact(page, "Last Connected Time")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d"))
        intercom.lose_power()
        await expect(fact(page, "Status")).to_have_text("Offline")
    assert await page.evaluate("window.sameDocument")


@pytest.mark.row("A-17")
async def test_unlock_tells_what_is_known_and_no_more(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Locked House")
    device = await bound(installer, home, "Locked Door", relays=[a_relay(name="Gate")])
    page = await visit(installer, f"/device/{device.device_id}")

    async def unlock() -> None:
        await page.get_by_role("button", name="Unlock: Gate").click()
        await page.get_by_role("dialog", name="Open this door?").get_by_role("button", name="OK").click()

    await unlock()
    await expect(page.get_by_text("The device is not connected, so nothing was sent.")).to_be_visible()

    async with powered(place, device) as intercom:
        await expect(fact(page, "Reported")).to_have_text(re.compile("[0-9a-f]{16}"))
        await unlock()
        await expect(page.get_by_text("The device opened it.")).to_be_visible()
        assert [opening.relay for opening in intercom.openings] == [1]
        intercom.fail("unlock", "busy")
        await unlock()
        await expect(page.get_by_text("The device did not do it. The device is busy.")).to_be_visible()
        intercom.deaf = True
        await unlock()
        await expect(page.get_by_text("Nobody can say: the device was asked, and no answer came.")).to_be_visible()

    await page.get_by_role("tab", name="Commands").click()
    rows = page.get_by_role("row").filter(has_text="Unlock")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(0)).to_contain_text("Unknown")
    await expect(rows.nth(1)).to_contain_text("Failed")
    await expect(rows.nth(2)).to_contain_text("Done")


@pytest.mark.row("G-05")
async def test_unlock_asks_first(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Asked House")
    device = await bound(installer, home, "Asked Door", relays=[a_relay(name="Gate")])
    async with powered(place, device) as intercom:
        page = await visit(installer, f"/device/{device.device_id}")
        await expect(fact(page, "Reported")).to_have_text(re.compile("[0-9a-f]{16}"))
        await page.get_by_role("button", name="Unlock: Gate").click()
        asked = page.get_by_role("dialog", name="Open this door?")
        await expect(asked).to_contain_text("Gate")
        await asked.get_by_role("button", name="Cancel").click()
        await expect(asked).to_have_count(0)
        await page.get_by_role("button", name="Unlock: Gate").click()
        await asked.get_by_role("button", name="OK").click()
        await expect(page.get_by_text("The device opened it.")).to_be_visible()
        assert [opening.relay for opening in intercom.openings] == [1]


@pytest.mark.row("D-15")
async def test_a_monitor_with_the_arming_function_is_armed_and_disarmed(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Armed House")
    device = await bound(installer, home, "Monitor", kind="indoor_monitor", relays=[], arming_function=True)
    async with powered(place, device, model="C319", firmware="119.30.10.203") as intercom:
        page = await visit(installer, f"/device/{device.device_id}")
        await page.get_by_role("button", name="Arm", exact=True).click()
        await expect(page.get_by_role("button", name="Disarm")).to_be_visible()
        assert intercom.armed
        await expect(page.get_by_text("Armed", exact=True)).to_be_visible()


@pytest.mark.row("A-09", "A-10", "R-32")
async def test_settings_open_from_the_row_and_change_the_connection_type(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "TCP House")
    device = await bound(installer, home, "TCP Door")
    page = await visit(installer, f"/user/{home}/devices")
    await page.get_by_label("Settings: TCP Door").click()
    dialog = page.get_by_role("dialog", name="Settings")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await expect(dialog.get_by_role("combobox", name="Connection Type")).to_have_value("TCP")
    await dialog.get_by_role("combobox", name="Connection Type").click()
    await expect(page.get_by_role("option")).to_have_text(["UDP", "TCP", "TLS"])
    await page.keyboard.press("Escape")
    await choose(page, "Connection Type", "TLS")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("The connection type was saved")).to_be_visible()
    await expect(dialog).to_have_count(0)
    await page.goto(f"/device/{device.device_id}")
    await expect(fact(page, "SIP")).to_contain_text("TLS")


@pytest.mark.row("A-11", "A-17")
async def test_a_reboot_waits_for_a_device_that_is_off_and_is_seen_when_it_comes_back(
    place: Town, visit: Visit
) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Reboot House")
    device = await bound(installer, home, "Reboot Door")
    page = await visit(installer)
    for _ in range(2):
        dialog = await settings(page, device)
        await expect(dialog.get_by_text("wait for it up to 7 days")).to_be_visible()
        await dialog.get_by_role("button", name="Reboot").click()
        ask = page.get_by_role("dialog", name="Reboot")
        await expect(ask).to_contain_text("The device is offline")
        await ask.get_by_role("button", name="OK").click()
        await expect(page.get_by_text("The reboot waits for the device")).to_be_visible()
    await page.goto(f"/device/{device.device_id}/commands")
    rows = page.get_by_role("row").filter(has_text="Reboot")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("Queued")
    await expect(rows.first).to_contain_text("Waits for the device until")
    await rows.first.get_by_role("button", name="Cancel").click()
    await expect(rows.first).to_contain_text("Cancelled")
    async with powered(place, device) as intercom:
        await expect(rows.last).to_contain_text("Done")
        assert len(intercom.boots) == 2


@pytest.mark.row("A-12", "R-33")
async def test_a_reset_asks_which_and_a_factory_reset_wants_the_mac_typed(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Reset House")
    device = await bound(installer, home, "Reset Door")
    page = await visit(installer)
    dialog = await settings(page, device)
    await dialog.get_by_role("button", name="Reset").click()
    ask = page.get_by_role("dialog", name="Reset device")
    await expect(ask.get_by_role("radio", name="Configuration")).to_be_checked()
    await expect(ask.get_by_role("button", name="OK")).to_be_enabled()
    await expect(ask).to_contain_text("It keeps its key, and comes back to this household by itself.")
    await ask.get_by_role("radio", name="Everything (factory reset)").check()
    await expect(ask.get_by_role("button", name="OK")).to_be_disabled()
    await field(ask, "Type the MAC to go on").fill("0C1105000000")
    await expect(ask.get_by_role("button", name="OK")).to_be_disabled()
    await field(ask, "Type the MAC to go on").fill("-".join(re.findall("..", device.mac.lower())))
    await ask.get_by_role("button", name="OK").click()
    await expect(page.get_by_text("The reset waits for the device")).to_be_visible()
    # Escape is for the foremost dialog alone.
    await dialog.get_by_role("button", name="Reset").click()
    await page.keyboard.press("Escape")
    await expect(ask).to_have_count(0)
    await expect(dialog).to_be_visible()
    await page.goto(f"/device/{device.device_id}/commands")
    await expect(page.get_by_role("row").filter(has_text="Factory reset")).to_contain_text("Queued")


@pytest.mark.row("A-14", "A-15", "A-16", "A-06")
async def test_lines_are_kept_for_the_device_or_run_once(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Lined House")
    device = await bound(installer, home, "Lined Door")
    async with powered(place, device) as intercom:
        page = await visit(installer)
        dialog = await settings(page, device)
        box = dialog.get_by_role("textbox", name="AutoP commands")
        await box.fill("Config.Account1.GENERAL.Label = Front\nnonsense")
        await dialog.get_by_role("button", name="Submit").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("Line 2: A line reads Config.")
        await expect(box).to_have_value("Config.Account1.GENERAL.Label = Front\nnonsense")
        await box.fill("Config.Account1.GENERAL.Label = Front\nConfig.Account1.GENERAL.Pwd = canary-4711")
        await dialog.get_by_role("button", name="Submit").click()
        await expect(dialog.get_by_text("Confirm the dangerous lines")).to_be_visible()
        await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
        await field(dialog, "Type CONFIRM to go on").fill("confirm")
        await dialog.get_by_role("button", name="Submit").click()
        await expect(dialog).to_have_count(0)
        stored = page.get_by_label("Regular AutoP", exact=True).last
        await expect(stored).to_contain_text("Config.Account1.GENERAL.Label = Front")
        await expect(stored).to_contain_text("******")
        await expect(page.get_by_text("canary-4711")).to_have_count(0)
        await intercom.until(lambda it: it.settings.get("Config.Account1.GENERAL.Label") == "Front")

        dialog = await settings(page, device)
        await dialog.get_by_role("button", name="One-Time AutoP").click()
        once = page.get_by_role("dialog", name="Once AutoP")
        await expect(once.get_by_role("button", name="Cancel")).to_be_visible()
        await expect(once.get_by_role("button", name="Submit")).to_be_disabled()
        await once.get_by_role("textbox", name="Commands").fill("Config.Settings.WEB_LOGIN.Timeout = 5")
        await once.get_by_role("button", name="Submit").click()
        await expect(page.get_by_text("The One-Time AutoP was submitted")).to_be_visible()
        await page.goto(f"/device/{device.device_id}/commands")
        await expect(page.get_by_role("row").filter(has_text="One-Time AutoP")).to_contain_text("Done")
        assert intercom.lines_run == ["Config.Settings.WEB_LOGIN.Timeout = 5"]

        await page.goto(f"/device/{device.device_id}")
        await page.get_by_role("button", name="Clear").click()
        await page.get_by_role("dialog", name="Clear Regular AutoP").get_by_role("button", name="OK").click()
        await expect(page.get_by_text("No lines are stored.")).to_be_visible()


@pytest.mark.row("A-13", "A-17", "R-34")
async def test_remote_control_opens_the_devices_own_page_and_ends(place: Town, browser: Browser) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Remote House")
    device = await bound(installer, home, "Remote Door")
    # The device's page has an origin of its own, which no other page may ask.
    context = await sit_down(browser, place.house.url, installer)
    page = await context.new_page()
    dialog = await settings(page, device)
    await expect(dialog.get_by_role("button", name="Remote Control")).to_be_disabled()
    async with powered(place, device):
        await expect(dialog.get_by_role("button", name="Remote Control")).to_be_enabled()
        async with page.expect_popup() as opening:
            await dialog.get_by_role("button", name="Remote Control").click()
        theirs = await opening.value
        await expect(theirs.get_by_role("heading", name="R29")).to_be_visible()
        await expect(theirs.get_by_text(device.mac)).to_be_visible()
        await expect(dialog.get_by_text("Remote control is open")).to_be_visible()
        await expect(dialog.get_by_role("timer")).to_have_text(re.compile(r"1[45]:\d\d"))
        await dialog.get_by_role("button", name="End").click()
        await expect(page.get_by_text("The remote control is over")).to_be_visible()
        await theirs.reload()
        await expect(theirs.get_by_text(device.mac)).to_have_count(0)
    await page.goto(f"/device/{device.device_id}/audit")
    await expect(page.get_by_text("Remote control opened")).to_be_visible()
    await expect(page.get_by_text("Remote control ended")).to_be_visible()
    await context.close()


async def test_another_key_is_shown_once_and_the_former_opens_nothing(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Keyed House")
    device = await bound(installer, home, "Keyed Door")
    page = await visit(installer, f"/device/{device.device_id}")
    await page.get_by_role("button", name="New key").click()
    await page.get_by_role("dialog", name="New key").get_by_role("button", name="OK").click()
    shown = page.get_by_role("dialog", name="Device key")
    key = await shown.locator("[dir=ltr].machine").nth(1).inner_text()
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert key != device.key
    await shown.get_by_role("button", name="Done").click()
    async with powered(place, Bound(device.device_id, device.name, device.mac, key)):
        await expect(fact(page, "Status")).to_have_text("Online")
    await page.get_by_role("tab", name="Audit").click()
    await expect(page.get_by_text("New device key")).to_be_visible()
    await expect(page.get_by_text("Device added")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_the_page_and_its_dialogs_hold_everywhere(place: Town, visit: Visit, language: str) -> None:
    said = texts(language)
    installer = await place.installer()
    home = await place.household(installer, "Deep House")
    relays = [a_relay(name="دروازه", dtmf="#"), a_relay(2, "Garage", enabled=False)]
    device = await bound(installer, home, "درِ باغ", relays=relays)
    await installer.do("POST", f"/devices/{device.device_id}/reboot")
    page = await visit(installer, f"/device/{device.device_id}", locale=language)
    await expect(page.get_by_text("دروازه")).to_be_visible()
    await hold_everywhere(page, f"device in {language}")
    await page.goto(f"/device/{device.device_id}/commands")
    await expect(page.get_by_role("button", name=said["action"]["cancel"])).to_be_visible()
    await hold_everywhere(page, f"commands in {language}")
    await page.goto(f"/device/{device.device_id}")
    await page.get_by_role("button", name=said["device"]["settings"]).click()
    await expect(page.get_by_role("dialog", name=said["device"]["settings"])).to_be_visible()
    await hold_everywhere(page, f"settings in {language}", covered=True)
    for opens, title in (("reset", "resetTitle"), ("once", "onceTitle")):
        await page.get_by_role("button", name=said["device"][opens], exact=True).click()
        await expect(page.get_by_role("dialog", name=said["device"][title])).to_be_visible()
        await hold_everywhere(page, f"{opens} in {language}", covered=True)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog", name=said["device"][title])).to_have_count(0)
