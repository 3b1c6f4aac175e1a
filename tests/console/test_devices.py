"""The Device module: intercoms and cameras of all households, who is online, and what is deleted from here."""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.console.browsing import Visit, choose
from tests.console.doors import bound, powered
from tests.console.test_accessibility import hold_everywhere
from tests.console.town import Town, texts
from tests.house import Person

COLUMNS = [
    "MAC",
    "Owner",
    "SIP",
    "Device Name",
    "Device Type",
    "Status",
    "Last Connected Time",
    "Actions",
]


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=re.compile(name))


async def camera(owner: Person, home: str, name: str, **fields: object) -> str:
    form = {
        "name": name,
        "rtsp_address": "rtsp://192.168.1.20:554/Streaming/Channels/101",
        "user_name": "viewer",
        "password": "lens-cap-4711",
        **fields,
    }
    return str((await owner.do("POST", f"/users/{home}/cameras", json=form))["id"])


@pytest.mark.row("D-32", "D-33", "D-35", "D-19", "G-01", "G-03", "G-04", "R-53")
async def test_a_row_shows_every_column_of_a_device(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(installer, "/")
    await page.get_by_role("link", name="Device", exact=True).click()
    await expect(page.get_by_role("tab")).to_have_text(["Intercom Devices", "Third Party Devices"])
    await expect(page.get_by_text("No Data")).to_be_visible()
    await expect(page.get_by_role("link", name="To the users")).to_have_attribute("href", "/user")

    home = await place.household(installer, "Harbour House")
    device = await bound(installer, home, "Hall Monitor", kind="indoor_monitor")
    await expect(page.get_by_role("columnheader")).to_have_text(COLUMNS)
    cells = row(page, "Hall Monitor").get_by_role("cell")
    await expect(cells).to_have_text(
        [device.mac, "Harbour House", re.compile(r"^58\d{8}$"), "Hall Monitor", "Indoor Monitor", "Offline", "--", ""]
    )
    await expect(page.get_by_text("1 in All")).to_be_visible()
    await expect(cells.nth(1).get_by_role("link")).to_have_attribute("href", f"/user/{home}/devices")
    await expect(cells.nth(3).get_by_role("link")).to_have_attribute("href", f"/device/{device.device_id}")
    await installer.do("PUT", f"/users/{home}", json={"name": "Quay House", "address": "1 Quay", "premium": False})
    await expect(cells.nth(1)).to_have_text("Quay House")


@pytest.mark.row("D-35", "G-07")
async def test_the_dot_follows_a_device_that_comes_and_goes(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    device = await bound(installer, await place.household(installer, "Bright House"), "Front Door")
    page = await visit(installer, "/device")
    await expect(row(page, "Front Door")).to_contain_text("Offline")
    async with powered(place, device):
        await expect(row(page, "Front Door")).to_contain_text("Online")
    await expect(row(page, "Front Door")).to_contain_text("Offline")
    when = row(page, "Front Door").get_by_role("cell").nth(6)
    await expect(when).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"))
    await page.get_by_role("button", name="Further columns").click()
    await page.get_by_role("menuitemcheckbox", name="Firmware").click()
    await expect(row(page, "Front Door")).to_contain_text("29.30.10.17")


@pytest.mark.row("D-34", "G-03")
async def test_a_device_is_found_by_its_mac_its_owner_and_its_name(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    wanted = await bound(installer, await place.household(installer, "Wanted House"), "Wanted Door")
    await bound(installer, await place.household(installer, "Somebody Else"), "Another Door")
    page = await visit(installer, "/device")
    await expect(page.get_by_role("combobox", name="Search by")).to_have_value("MAC")
    for key, text in (("MAC", wanted.mac.lower()), ("Owner", "Wanted"), ("Device Name", "wanted")):
        await choose(page, "Search by", key)
        await page.get_by_role("textbox", name="Search").fill(text)
        await page.get_by_role("button", name="Search", exact=True).click()
        await expect(row(page, "Another Door")).to_have_count(0)
        await expect(row(page, "Wanted Door")).to_be_visible()
        await page.get_by_role("button", name="Clear").click()
        await expect(row(page, "Another Door")).to_be_visible()
    await page.get_by_role("textbox", name="Search").fill("nobody")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No device matches this search.")).to_be_visible()


@pytest.mark.row("D-21", "D-32", "G-05")
async def test_a_device_deleted_here_frees_its_mac(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    device = await bound(installer, await place.household(installer, "Harbour House"), "Front Door")
    library = await visit(installer, "/mac-library")
    await expect(row(library, device.mac)).to_contain_text("Harbour House")
    page = await visit(installer, "/device")
    await page.get_by_label("Delete: Front Door").click()
    asked = page.get_by_role("dialog")
    await expect(asked.get_by_text(device.mac)).to_be_visible()
    await asked.get_by_role("button", name="Cancel").click()
    await expect(row(page, "Front Door")).to_be_visible()
    await page.get_by_label("Delete: Front Door").click()
    await asked.get_by_role("button", name="OK").click()
    await expect(page.get_by_text("No Data")).to_be_visible()
    await expect(row(library, device.mac).get_by_role("cell").nth(1)).to_have_text("Not bound")


@pytest.mark.row("C-12", "C-14", "D-32", "C-07")
async def test_cameras_are_searched_by_name_and_deleted_from_their_tab(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Lens House", premium=True)
    door = await bound(installer, home, "Front Door")
    page = await visit(installer, "/device")
    await page.get_by_role("tab", name="Third Party Devices").click()
    await expect(page.get_by_text("No Data")).to_be_visible()
    await camera(installer, home, "Gate Camera", linked_device_id=door.device_id)
    await camera(installer, home, "Yard Camera")
    headers = ["Device Name", "Owner", "RTSP Address", "User Name", "Linked Device", "Created Time", "Actions"]
    await expect(page.get_by_role("columnheader")).to_have_text(headers)
    await expect(row(page, "Gate Camera").get_by_role("cell")).to_have_text(
        [
            "Gate Camera",
            "Lens House",
            "rtsp://192.168.1.20:554/Streaming/Channels/101",
            "viewer",
            "Front Door",
            re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"),
            "",
        ]
    )
    await expect(page.get_by_text("lens-cap")).to_have_count(0)
    await expect(row(page, "Yard Camera").get_by_role("cell").nth(4)).to_have_text("--")

    await page.get_by_role("textbox", name="Search").fill("yard")
    await page.keyboard.press("Enter")
    await expect(row(page, "Gate Camera")).to_have_count(0)
    await page.get_by_label("Delete: Yard Camera").click()
    await page.get_by_role("dialog", name="Delete camera").get_by_role("button", name="OK").click()
    await expect(page.get_by_text("No camera has this name.")).to_be_visible()
    await page.get_by_role("button", name="Clear").click()
    await expect(row(page, "Gate Camera")).to_be_visible()
    await expect(page.get_by_text("1 in All")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_both_tabs_and_their_dialogs_hold_for_everybody(place: Town, visit: Visit, language: str) -> None:
    said = texts(language)
    installer = await place.installer()
    home = await place.household(installer, "کلبهٔ ساحلی", premium=True)
    door = await bound(installer, home, "درِ ورودی")
    await bound(installer, home, "An extraordinarily long-winded name of a side entrance " * 2)
    await camera(installer, home, "دوربین حیاط", linked_device_id=door.device_id)
    page = await visit(installer, "/device", locale=language)
    await expect(row(page, "درِ ورودی")).to_be_visible()
    await hold_everywhere(page, f"intercoms in {language}")
    await page.get_by_label(f"{said['action']['delete']}: درِ ورودی").click()
    await hold_everywhere(page, f"delete in {language}", covered=True)
    await page.keyboard.press("Escape")
    await page.goto("/device/third-party")
    await expect(row(page, "دوربین حیاط")).to_be_visible()
    await hold_everywhere(page, f"cameras in {language}")
    await page.get_by_label(f"{said['action']['delete']}: دوربین حیاط").click()
    await hold_everywhere(page, f"delete camera in {language}", covered=True)
