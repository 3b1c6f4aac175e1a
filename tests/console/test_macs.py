"""The MAC Library module: what it lists, what may go, and how a list of a hundred thousand finds its way in."""

import asyncio
import io
import re
from pathlib import Path
from random import randrange
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.async_api import FilePayload, Locator, Page, expect

from tests.console.browsing import DESK, PHONE, Visit, choose, field
from tests.console.doors import a_mac, macs
from tests.console.test_accessibility import hold_everywhere, tab_to
from tests.console.town import Town, texts
from tests.house import Person


def a_list(name: str, lines: list[str]) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": "\n".join(["MAC", *lines]).encode()}


def content(file: Path) -> str:
    return file.read_text("utf-8-sig")


def first_row(file: Path) -> list[object]:
    sheet = load_workbook(io.BytesIO(file.read_bytes())).active
    assert sheet is not None
    return [cell.value for cell in sheet[1]]


async def register(owner: Person, *wanted: str) -> None:
    for mac in wanted:
        await owner.do("POST", "/macs", json={"mac": mac})


async def bind(place: Town, owner: Person, mac: str, home: str = "Harbour House") -> str:
    """A doorphone with that MAC in a new household; the device's id."""
    user_id = await place.household(owner, home, activated=True)
    body = {"mac": mac, "kind": "doorphone_single", "name": "Front door"}
    return str((await owner.do("POST", f"/users/{user_id}/devices", json=body))["id"])


def row(page: Page, mac: str) -> Locator:
    return page.get_by_role("row", name=re.compile(mac))


@pytest.mark.row("M-01", "M-02", "M-05", "G-03", "G-05", "G-06", "D-05")
@pytest.mark.parametrize("between", ["", ":", "-"])
async def test_a_mac_is_entered_in_any_notation_and_kept_in_one(place: Town, visit: Visit, between: str) -> None:
    mac = a_mac()
    typed = between.join(mac[place : place + 2] for place in range(0, 12, 2)).lower()
    page = await visit(await place.installer(), "/mac-library")
    await expect(page.get_by_text("No Data")).to_be_visible()
    await page.get_by_role("button", name="New").first.click()
    dialog = page.get_by_role("dialog", name="Add MAC")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await field(dialog, "MAC").fill(typed)
    await expect(dialog.get_by_text(f"It is kept as {mac}.")).to_be_visible()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(row(page, mac).get_by_role("cell").nth(1)).to_have_text("Not bound")
    await expect(page.get_by_text("1 in All")).to_be_visible()


@pytest.mark.row("M-02", "R-18")
async def test_what_is_no_mac_or_is_there_already_is_said_at_the_field(place: Town, visit: Visit) -> None:
    installer, mac = await place.installer(), a_mac()
    await register(installer, mac)
    page = await visit(installer, "/mac-library")
    await page.get_by_role("button", name="New").click()
    dialog = page.get_by_role("dialog", name="Add MAC")
    wish = field(dialog, "MAC")
    await wish.fill("0C11")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(wish).to_have_attribute("aria-invalid", "true")
    await expect(dialog.get_by_text("This is not a MAC of 12 hexadecimal digits.")).to_be_visible()
    await wish.fill(mac)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("This MAC is in the library already.")).to_be_visible()
    await expect(wish).to_have_value(mac)


@pytest.mark.row("M-02", "R-18")
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
async def test_a_mac_of_another_library_is_claimed_by_the_code_on_its_label(
    place: Town, visit: Visit, screen: Any
) -> None:
    elsewhere, mac = await place.another_distributor("South Doors"), a_mac()
    page = await visit(elsewhere, "/mac-library", viewport=screen)
    await page.get_by_role("button", name="New").first.click()
    dialog = page.get_by_role("dialog", name="Add MAC")
    await field(dialog, "MAC").fill(mac)
    await field(dialog, "Code on the label").fill("7q2k 91xm")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("The MAC is in the library")).to_be_visible()
    if screen is DESK:
        await expect(row(page, mac)).to_contain_text("Stored")

    page = await visit(await place.installer(), "/mac-library", viewport=screen)
    await page.get_by_role("button", name="New").first.click()
    dialog = page.get_by_role("dialog", name="Add MAC")
    submit, code = dialog.get_by_role("button", name="Submit"), field(dialog, "Code on the label")
    await expect(code).to_have_count(0)
    await field(dialog, "MAC").fill(mac.lower())
    await submit.click()
    await expect(code).to_be_focused()
    await expect(submit).to_be_disabled()
    await code.fill("7q2k 91xx")
    await submit.click()
    await expect(dialog.get_by_text("This MAC cannot be claimed with this code.")).to_be_visible()
    await expect(field(dialog, "MAC")).to_have_value(mac.lower())
    await code.fill("7q2k-91xm")
    await submit.click()
    await expect(page.get_by_text("The MAC is yours now")).to_be_visible()
    await expect(dialog).to_have_count(0)
    if screen is DESK:
        await expect(row(page, mac).get_by_role("cell").nth(1)).to_have_text("Not bound")


@pytest.mark.row("R-18")
async def test_a_super_manager_finds_a_mac_and_moves_it_with_a_reason(place: Town, visit: Visit) -> None:
    holder, mac = await place.installer("Holding Intercoms"), a_mac()
    north = await place.another_distributor("North Gates")
    rightful = await place.installer("Rightful Intercoms", above=north)
    page = await visit(place.root, "/mac-library")
    await expect(page.get_by_text("Enter the whole MAC")).to_be_visible()
    await field(page, "MAC").fill("0C11")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("This is not a MAC of 12 hexadecimal digits.")).to_be_visible()
    await field(page, "MAC").fill("-".join((mac[:4], mac[4:8], mac[8:])).lower())
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("This MAC is in no library.")).to_be_visible()
    await register(holder, mac)
    await page.get_by_role("button", name="Search").click()
    card = page.get_by_role("main")
    await expect(card.get_by_text("Holding Intercoms")).to_be_visible()
    await card.get_by_role("button", name="Move").click()

    dialog = page.get_by_role("dialog", name="Move MAC")
    submit = dialog.get_by_role("button", name="Move")
    await choose(page, "To distributor", "North Gates")
    await expect(submit).to_be_disabled()
    await choose(page, "To installer", "Rightful Intercoms")
    await field(dialog, "Reason").fill("It was delivered to another customer")
    await submit.click()
    await expect(page.get_by_text("The MAC was moved")).to_be_visible()
    await expect(card.get_by_text("North Gates")).to_be_visible()
    await expect(card.get_by_text("Rightful Intercoms")).to_be_visible()
    rows: Any = (await rightful.do("GET", "/macs"))["rows"]
    assert [each["mac"] for each in rows] == [mac]

    await bind(place, rightful, mac, "Harbour House")
    await page.reload()
    await expect(card.get_by_text("Bound", exact=True)).to_be_visible()
    await expect(card.get_by_role("button", name="Move")).to_be_disabled()
    await expect(card.get_by_text("cannot be moved while a device has it")).to_be_visible()


@pytest.mark.row("M-01", "M-07", "G-01", "G-07")
async def test_bound_and_free_macs_are_told_apart_filtered_and_searched(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    free, taken = macs(2)
    await register(installer, free, taken)
    device = await bind(place, installer, taken, "Harbour House")
    page = await visit(installer, "/mac-library")
    headers = ["MAC", "Use", "Owner", "Registered by", "Registered", "Actions"]
    await expect(page.get_by_role("columnheader")).to_have_text(headers)
    said = row(page, taken).get_by_role("cell")
    await expect(said.nth(1)).to_have_text("Bound")
    await expect(said.nth(2)).to_have_text("Harbour House")
    await expect(said.nth(4)).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"))
    await expect(said.nth(1).get_by_role("link")).to_have_attribute("href", f"/device/{device}")
    await expect(row(page, free).get_by_role("cell").nth(2)).to_have_text("--")

    await page.get_by_text("Not bound", exact=True).first.click()
    await expect(row(page, taken)).to_have_count(0)
    await expect(row(page, free)).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("radio", name="Not bound")).to_be_checked()
    await expect(row(page, taken)).to_have_count(0)
    await page.get_by_role("radiogroup").get_by_text("Bound", exact=True).click()
    await expect(row(page, free)).to_have_count(0)
    await expect(row(page, taken)).to_be_visible()
    await page.get_by_role("radiogroup").get_by_text("All", exact=True).click()
    await page.get_by_role("textbox", name="Search").fill(":".join([free[:2], free[2:4], free[4:6], free[6:].lower()]))
    await page.keyboard.press("Enter")
    await expect(row(page, taken)).to_have_count(0)
    await expect(row(page, free)).to_be_visible()
    await page.get_by_role("textbox", name="Search").fill("FFFF")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No MAC begins like this.")).to_be_visible()


@pytest.mark.row("M-07")
async def test_two_choices_in_one_moment_both_count(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    one, other = macs(2)
    await register(installer, one, other)
    page = await visit(installer, "/mac-library?filter=bound")
    await expect(page.get_by_text("0 in All")).to_be_visible()
    await page.get_by_role("textbox", name="Search").fill(one)
    # Before the page has been drawn again.
    await page.evaluate(
        """() => {
            document.querySelector("[role=radiogroup] input[value=all]").click();
            document.querySelector("form[role=search]").requestSubmit();
        }"""
    )
    await expect(row(page, one)).to_be_visible()
    await expect(row(page, other)).to_have_count(0)
    await page.go_back()
    await page.get_by_role("radiogroup").get_by_text("Not bound", exact=True).click()
    await expect(row(page, one)).to_be_visible()


@pytest.mark.row("M-08", "M-09")
async def test_a_free_mac_goes_and_a_bound_one_says_why_it_stays(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    free, taken = macs(2)
    await register(installer, free, taken)
    device = await bind(place, installer, taken, "Harbour House")
    page = await visit(installer, "/mac-library")
    await page.get_by_label(f"Remove: {taken}").click()
    why = page.get_by_role("dialog", name="This MAC is in use")
    await expect(why.get_by_text(f"{taken} belongs to a device of Harbour House.")).to_be_visible()
    await expect(why.get_by_role("link", name="Open the device")).to_have_attribute("href", f"/device/{device}")
    await why.get_by_role("button", name="Close").last.click()

    await page.get_by_label(f"Remove: {free}").click()
    asked = page.get_by_role("dialog", name="Remove MAC")
    await asked.get_by_role("button", name="Cancel").click()
    await expect(row(page, free)).to_be_visible()
    await page.get_by_label(f"Remove: {free}").click()
    await asked.get_by_role("button", name="OK").click()
    await expect(row(page, free)).to_have_count(0)
    await expect(page.get_by_text("1 in All")).to_be_visible()


@pytest.mark.row("M-08", "M-10", "R-18")
async def test_what_a_distributor_registers_its_installers_use_and_cannot_remove(place: Town, visit: Visit) -> None:
    above = await place.another_distributor("Shelf Distribution")
    installer = await place.installer("Bell Works", above=above)
    shared, own = macs(2)
    await register(above, shared)
    await register(installer, own)
    page = await visit(installer, "/mac-library")
    await expect(row(page, shared)).to_contain_text("Distributor")
    await expect(row(page, own)).to_contain_text("You")
    await page.get_by_label(f"Remove: {shared}").click()
    await expect(page.get_by_role("dialog", name="Registered by your distributor")).to_be_visible()

    theirs = await visit(above, "/")
    await theirs.get_by_role("link", name="MAC Library").click()
    await expect(row(theirs, own)).to_contain_text("Bell Works")
    await expect(row(theirs, shared)).to_contain_text("Any of your installers")
    # What the distributor does, its installers' open pages show by themselves.
    await page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    await page.evaluate("window.sameDocument = true")
    await register(above, late := a_mac())
    await expect(row(page, late)).to_contain_text("Distributor")
    await theirs.get_by_label(f"Remove: {shared}").click()
    await theirs.get_by_role("dialog").get_by_role("button", name="OK").click()
    await expect(row(theirs, shared)).to_have_count(0)
    await expect(row(page, shared)).to_have_count(0)
    await expect(row(page, own)).to_be_visible()
    assert await page.evaluate("window.sameDocument")


async def test_a_super_manager_has_no_library_to_put_anything_into(place: Town, visit: Visit) -> None:
    page = await visit(place.root, "/mac-library/import")
    await expect(page.get_by_text("Find one MAC by its digits")).to_be_visible()
    await expect(page.get_by_role("button", name="New")).to_have_count(0)
    await expect(page.get_by_role("link", name="Import")).to_have_count(0)


async def test_a_mac_of_an_unexpected_maker_carries_a_mark_that_explains_itself(place: Town, visit: Visit) -> None:
    installer, mac = await place.installer(), f"A4C138{randrange(16**6):06X}"
    await register(installer, mac)
    page = await visit(installer, "/mac-library")
    mark = page.get_by_role("button", name=f"Unexpected maker: {mac}")
    await mark.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("compare it with the label on the device")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(mark).to_be_focused()


# --- Import -----------------------------------------------------------------------------------------------------------


async def hand_over(page: Page, file: FilePayload) -> None:
    await page.goto("/mac-library/import")
    await page.locator("input[type=file]").set_input_files(file, timeout=30_000)


def figure(page: Page, label: str) -> Locator:
    return page.locator("dl > div", has_text=label).locator("dd")


@pytest.mark.row("M-04", "M-05", "M-06")
async def test_the_template_is_offered_and_its_origin_named(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/mac-library")
    await page.get_by_role("link", name="Import").first.click()
    await expect(page.get_by_text("The template comes from your distributor. This is the same file.")).to_be_visible()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download the template").click()
    download = await downloading.value
    assert download.suggested_filename.endswith(".xlsx")
    assert first_row(await download.path()) == ["MAC"]


@pytest.mark.row("M-03", "M-04", "M-05", "R-18")
async def test_a_list_is_judged_line_by_line_before_anything_is_in_the_library(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    known, *fresh = macs(4)
    await register(installer, known)
    page = await visit(installer, "/mac-library")
    lines = [fresh[0], "not a mac", fresh[1], fresh[0], known, f"{fresh[2]},box 7"]
    await hand_over(page, a_list("Delivery.csv", lines))
    await expect(page.get_by_text("2 MACs can go into the library")).to_be_visible()
    await expect(page.get_by_text("Delivery.csv")).to_be_visible()
    for label, value in (("Lines", "6"), ("Valid", "2"), ("Refused", "4")):
        await expect(figure(page, label)).to_have_text(value)
    refused = page.get_by_role("table").get_by_role("row")
    await expect(refused).to_have_text(
        [
            re.compile("LineColumn AReason"),
            re.compile(r"^3not a macThis is not a MAC"),
            re.compile(rf"^5{fresh[0]}This MAC stands further up"),
            re.compile(rf"^6{known}This MAC is in the library already"),
            re.compile(rf"^7{fresh[2]}Columns B to G must be empty"),
        ]
    )
    library = await installer.do("GET", "/macs")
    assert library["total"] == 1

    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download refused lines").click()
    assert "not a mac" in content(await (await downloading.value).path())

    await page.get_by_role("button", name="Start the import").click()
    await expect(page.get_by_text("2 MACs are in the library now")).to_be_visible()
    await expect(figure(page, "In the library")).to_have_text("2")
    await page.get_by_role("link", name="To the library").click()
    await expect(row(page, fresh[0])).to_be_visible()
    await expect(row(page, fresh[1])).to_be_visible()
    await expect(page.get_by_text("3 in All")).to_be_visible()


@pytest.mark.row("M-03")
async def test_a_judged_list_waits_for_whoever_comes_back_and_can_be_abandoned(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(installer, "/mac-library")
    await hand_over(page, a_list("Later.csv", macs(3)))
    await expect(page.get_by_role("button", name="Start the import")).to_be_visible()
    await page.goto("/mac-library")
    await expect(page.get_by_text("Later.csv · checked, 3 MACs wait to be imported")).to_be_visible()
    await page.get_by_role("link", name="Show: Later.csv").click()
    await page.get_by_role("button", name="Abandon").click()
    await expect(page.get_by_text("nothing of it is in the library")).to_be_visible()
    await page.goto("/mac-library")
    await expect(page.get_by_text("No Data")).to_be_visible()
    await expect(page.get_by_text("Later.csv")).to_have_count(0)


@pytest.mark.row("M-03")
async def test_a_running_import_moves_by_itself_and_is_found_again_after_a_reload(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    count = 20_000
    page = await visit(installer, "/mac-library")
    watching = await visit(installer, "/mac-library")
    await hand_over(page, a_list("Many.csv", macs(count)))
    await expect(page.get_by_text("20,000 MACs can go into the library")).to_be_visible(timeout=60_000)
    await page.evaluate(
        """() => {
            window.shares = [];
            new MutationObserver(() => {
                const bar = document.querySelector("main [role=progressbar]");
                if (bar) window.shares.push(Number(bar.getAttribute("aria-valuenow")));
            }).observe(document.body, { subtree: true, childList: true, attributes: true });
        }"""
    )
    await page.get_by_role("button", name="Start the import").click()
    # Another browser, opened before, learns of it by the live stream alone.
    await expect(watching.get_by_text(re.compile("Many.csv · .* of 20,000 imported"))).to_be_visible(timeout=30_000)
    await watching.reload()
    await expect(watching.get_by_role("link", name="Show: Many.csv")).to_be_visible()
    await expect(page.get_by_text("20,000 MACs are in the library now")).to_be_visible(timeout=60_000)
    shares = await page.evaluate("window.shares")
    assert any(0 < share < 100 for share in shares), shares
    assert shares == sorted(shares)
    await expect(watching.get_by_text("20,000 in All")).to_be_visible(timeout=30_000)
    await expect(watching.get_by_text("Many.csv")).to_have_count(0)


async def test_thousands_of_refused_lines_are_scrolled_and_only_those_in_sight_are_drawn(
    place: Town, visit: Visit
) -> None:
    page = await visit(await place.installer(), "/mac-library")
    await hand_over(page, a_list("Broken.csv", [f"wrong {number}" for number in range(4000)]))
    await expect(page.get_by_text("No line of this list can be taken")).to_be_visible(timeout=30_000)
    await expect(page.get_by_role("button", name="Start the import")).to_have_count(0)
    lines = page.get_by_role("region", name="Refused lines (4,000)").locator("div[role=region]")
    await expect(lines.get_by_text("wrong 0", exact=True)).to_be_visible()
    await lines.focus()
    # The end of what was fetched so far; what comes after it is fetched then.
    async with asyncio.timeout(60):
        while not await lines.get_by_text("wrong 3999", exact=True).count():
            await page.keyboard.press("End")
            await page.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(lines.get_by_text("wrong 3999", exact=True)).to_be_visible()
    assert await lines.locator("tbody tr").count() < 80


async def test_a_file_that_is_no_list_is_refused_with_a_sentence(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/mac-library/import")
    await hand_over(page, {"name": "photo.png", "mimeType": "image/png", "buffer": b"\x89PNG"})
    await expect(page.get_by_role("alert")).to_have_text(
        "This is not a spreadsheet. Choose an xlsx, xls, ods or csv file."
    )
    await hand_over(page, {"name": "empty.csv", "mimeType": "text/csv", "buffer": b""})
    await expect(page.get_by_role("alert")).to_have_text("This file is empty.")
    await hand_over(page, {"name": "list.xlsx", "mimeType": "text/csv", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(4096)})
    await expect(page.get_by_role("alert")).to_contain_text(re.compile("This is not a list|This file is damaged"))
    await expect(page.get_by_role("button", name="Choose a file")).to_be_enabled()


async def test_a_file_is_dropped_or_chosen_without_a_mouse(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(installer, "/mac-library/import")
    one, other = macs(2)
    dropped = await page.evaluate_handle(
        """text => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], "Dropped list.csv", { type: "text/csv" }));
            return carried;
        }""",
        f"MAC\n{one}\n",
    )
    await page.get_by_role("region", name="File").dispatch_event("drop", {"dataTransfer": dropped})
    await expect(page.get_by_text("1 MAC can go into the library")).to_be_visible()
    await expect(page.get_by_text("Dropped list.csv")).to_be_visible()
    await page.goto("/mac-library/import")
    await expect(page.get_by_role("heading", name="Import MACs")).to_be_visible()
    async with page.expect_file_chooser() as choosing:
        await tab_to(page, "^Choose a file$")
        await page.keyboard.press("Enter")
    await (await choosing.value).set_files(a_list("فهرست ۱.csv", [other]))
    await expect(page.get_by_role("button", name="Start the import")).to_be_visible()
    await expect(page.get_by_text("فهرست ۱.csv")).to_be_visible()
    await tab_to(page, "^Start the import$")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("1 MAC is in the library now")).to_be_visible()


# --- How it looks to everybody ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_every_page_and_dialog_of_the_library_holds(place: Town, visit: Visit, language: str) -> None:
    said = texts(language)
    installer = await place.installer()
    taken, free = macs(2)
    await register(installer, taken, free, f"A4C138{randrange(16**6):06X}")
    await bind(place, installer, taken, "کلبهٔ ساحلی")
    page = await visit(installer, "/mac-library", locale=language)
    await expect(row(page, taken)).to_be_visible()
    await hold_everywhere(page, f"library in {language}")
    await page.get_by_role("button", name=said["action"]["new"]).click()
    await hold_everywhere(page, f"new in {language}", covered=True)
    await page.keyboard.press("Escape")
    for mac in (taken, free):
        await page.get_by_label(f"{said['macs']['remove']}: {mac}").click()
        await hold_everywhere(page, f"remove {mac} in {language}", covered=True)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("button", name=re.compile(said["macs"]["foreign"])).click()
    await hold_everywhere(page, f"mark in {language}", covered=True)
    await hand_over(page, a_list("List.csv", [*macs(3), "wrong", ""]))
    await expect(page.get_by_role("button", name=said["macs"]["start"])).to_be_visible()
    await hold_everywhere(page, f"judged in {language}")
    await page.goto("/mac-library/import")
    await hold_everywhere(page, f"import in {language}")
    await page.goto("/mac-library")
    await expect(page.get_by_role("link", name=re.compile("List.csv"))).to_be_visible()
    await hold_everywhere(page, f"ongoing in {language}")
