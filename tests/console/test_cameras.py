"""Cameras of other makers: with the premium plan, linked to a device, their passwords never seen again."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import Visit, field
from tests.console.doors import bound
from tests.console.test_accessibility import hold_everywhere
from tests.console.town import Town, texts


async def fill(dialog: Page, name: str, address: str, password: str = "canary-rtsp-1") -> None:
    await field(dialog, "Device Name").fill(name)
    await field(dialog, "RTSP Address").fill(address)
    await field(dialog, "User Name").fill("viewer")
    await field(dialog, "Password").fill(password)


@pytest.mark.row("C-01", "U-28")
async def test_without_the_premium_plan_the_page_says_so_and_switches_it_on(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Plain House", activated=True)
    page = await visit(installer, f"/user/{home}/devices")
    await page.get_by_role("tab", name="Third-party Devices").click()
    await expect(page.get_by_text("Third-party cameras need the Premium Plan.")).to_be_visible()
    await expect(page.get_by_role("button", name="New")).to_be_disabled()
    await page.get_by_role("button", name="Switch on the Premium Plan").click()
    await page.get_by_role("dialog", name="Switch on the Premium Plan").get_by_role("button", name="OK").click()
    await expect(page.get_by_text("The Premium Plan is on")).to_be_visible()
    await expect(page.get_by_text("Third-party cameras need the Premium Plan.")).to_have_count(0)
    await expect(page.get_by_role("button", name="New").first).to_be_enabled()


@pytest.mark.row("C-02", "C-03", "C-04", "C-05", "C-06", "C-07", "C-08", "C-11", "R-27")
async def test_a_camera_is_added_and_linked_to_a_device(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Seen House", activated=True, premium=True)
    uid = (await place.user(installer, home))["uid"]
    door = await bound(installer, home, "Door")
    await bound(installer, home, "Monitor", kind="indoor_monitor", relays=[])
    page = await visit(installer, f"/user/{home}/devices/third-party")
    await page.get_by_role("button", name="New").first.click()
    dialog = page.get_by_role("dialog", name="Add third-party camera")
    await expect(field(dialog, "Owner")).to_have_value(uid)
    await expect(field(dialog, "Owner")).not_to_be_editable()
    address = field(dialog, "RTSP Address")
    await expect(address).to_have_attribute("placeholder", "rtsp://ip:port or rtsp://domain:port")
    await expect(field(dialog, "Password")).to_have_attribute("type", "password")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    for refused in ("http://10.0.0.4:554/live", "rtsp://admin:secret@10.0.0.4:554/live"):
        await fill(dialog, "Yard", refused)  # type: ignore[arg-type]
        await dialog.get_by_role("button", name="Submit").click()
        await expect(address).to_have_attribute("aria-invalid", "true")
        await expect(field(dialog, "Device Name")).to_have_value("Yard")
    await address.fill("rtsp://10.0.0.4:554/Streaming/Channels/101?transport=tcp")

    link = dialog.get_by_role("combobox", name="Link Device")
    note = dialog.get_by_text("The camera and the door phone must be in the same LAN.")
    await expect(dialog.get_by_text("Residents switch between the views of the two")).to_be_visible()
    await link.click()
    await page.get_by_role("option", name=re.compile("^Monitor")).click()
    await expect(note).to_have_count(0)
    await link.click()
    await page.get_by_role("option", name=re.compile("^Door")).click()
    await expect(note).to_be_visible()
    await dialog.get_by_role("button", name="Submit").click()
    row = page.get_by_role("row", name=re.compile("Yard"))
    await expect(row).to_contain_text("Door")
    await expect(row).to_contain_text("rtsp://10.0.0.4:554/Streaming/Channels/101?transport=tcp")

    # One device, one camera.
    await page.get_by_role("button", name="New").first.click()
    await fill(dialog, "Second", "rtsp://10.0.0.5:554")  # type: ignore[arg-type]
    await link.click()
    await page.get_by_role("option", name=re.compile(f"^Door.*{door.mac}")).click()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Another camera is linked to this device.")).to_be_visible()


@pytest.mark.row("C-07", "C-12", "C-13")
async def test_a_camera_is_found_edited_and_deleted_and_its_password_stays_unseen(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Edited Views", activated=True, premium=True)
    form = {"rtsp_address": "rtsp://cam.example:554/live", "user_name": "viewer", "password": "canary-rtsp-2"}
    for name in ("Yard", "Roof"):
        made = await installer.do("POST", f"/users/{home}/cameras", json={"name": name, **form})
        await installer.do("GET", f"/cameras/{made['id']}", params={"after": made["position"]})
    page = await visit(installer, f"/user/{home}/devices/third-party")
    await expect(page.get_by_text("2 in All")).to_be_visible()
    await page.get_by_role("textbox", name="Search").fill("ya")
    await page.get_by_role("search").get_by_role("button", name="Search").click()
    await expect(page.get_by_text("1 in All")).to_be_visible()
    await page.get_by_label("Edit: Yard").click()
    dialog = page.get_by_role("dialog", name="Edit third-party camera")
    await expect(field(dialog, "Password")).to_have_value("")
    await expect(dialog.get_by_text("Leave it empty to keep the present password.")).to_be_visible()
    await field(dialog, "Device Name").fill("Yard, east")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("The camera was saved")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("Yard, east"))).to_be_visible()
    assert "canary-rtsp-2" not in await page.content()
    await page.get_by_label("Delete: Yard, east").click()
    await page.get_by_role("dialog", name="Delete camera").get_by_role("button", name="OK").click()
    await expect(page.get_by_text("No camera matches this search.")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_cameras_hold_everywhere(place: Town, visit: Visit, language: str) -> None:
    said = texts(language)
    installer = await place.installer()
    home = await place.household(installer, "Views", activated=True, premium=True)
    form = {"rtsp_address": "rtsp://cam.example:554/live", "user_name": "viewer", "password": "canary-rtsp-3"}
    made = await installer.do("POST", f"/users/{home}/cameras", json={"name": "حیاط", **form})
    await installer.do("GET", f"/cameras/{made['id']}", params={"after": made["position"]})
    page = await visit(installer, f"/user/{home}/devices/third-party", locale=language)
    await expect(page.get_by_text("حیاط")).to_be_visible()
    await hold_everywhere(page, f"cameras in {language}")
    await page.get_by_role("button", name=said["action"]["new"]).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await hold_everywhere(page, f"camera in {language}", covered=True)
