"""The User list: its columns, its pages, its search, and what stands where nothing is."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import Visit, choose, field
from tests.console.town import Town, a_mobile, an_email

COLUMNS = [
    "Name",
    "SIP",
    "Room",
    "Email",
    "Mobile Number",
    "Family Member",
    "Active",
    "Premium Plan",
    "Created Time",
    "Expiration Time(Premium)",
    "Actions",
]


async def names(page: Page) -> list[str]:
    return await page.locator("tbody tr td:first-child").all_inner_texts()


@pytest.mark.row("U-01", "U-02", "U-07", "G-04", "G-07")
async def test_a_row_shows_every_column_and_two_dashes_where_nothing_is(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    user_id = await place.household(installer, "Harbour House")
    user = await place.user(installer, user_id)
    page = await visit(installer, "/user", timezone_id="Asia/Kathmandu")
    await expect(page.get_by_role("columnheader")).to_have_text(COLUMNS)
    cells = page.get_by_role("row", name=re.compile("Harbour House")).get_by_role("cell")
    created = datetime.fromisoformat(str(user["created_at"])).astimezone(ZoneInfo("Asia/Kathmandu"))
    await expect(cells).to_have_text(
        [
            "Harbour House",
            re.compile(rf"^Family:{user['family_sip']}\s*Personal:{user['personal_sip']}$"),
            "--",
            "--",
            "--",
            "0",
            "Inactivated",
            "Off",
            f"{created:%Y-%m-%d %H:%M:%S}",
            "--",
            "",
        ]
    )
    for action in ("Family accounts", "Reset", "Edit"):
        await expect(cells.last.get_by_label(f"{action}: Harbour House")).to_be_visible()
    await expect(cells.last.get_by_label("Smart Home: Harbour House")).to_have_count(0)
    await cells.last.get_by_label("Edit: Harbour House").click()
    await expect(field(page, "Name")).to_have_value("Harbour House")


@pytest.mark.row("U-24", "U-07")
async def test_home_automation_puts_the_smart_home_portal_on_the_row(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    await place.household(installer, "Clever House", home_automation=True)
    page = await visit(installer, "/user")
    icon = page.get_by_role("link", name="Smart Home: Clever House")
    await expect(icon).to_have_attribute("href", "https://riverside.example/smart-home")
    await expect(icon).to_have_attribute("target", "_blank")


@pytest.mark.row("G-01", "G-02")
async def test_pages_of_ten_with_the_newest_first(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    for number in range(23):
        await place.household(installer, f"House {number:02}")
    newest_first = [f"House {number:02}" for number in reversed(range(23))]
    page = await visit(installer, "/user")
    await expect(page.get_by_text("23 in All")).to_be_visible()
    await expect(page.get_by_role("combobox", name="Lines per page")).to_have_value("10")
    assert await names(page) == newest_first[:10]
    await expect(page.get_by_text("1 / 3")).to_be_visible()
    await expect(page.get_by_role("button", name="Previous page")).to_be_disabled()

    await page.get_by_role("button", name="Next page").click()
    await expect(page.get_by_role("link", name="House 12", exact=True)).to_be_visible()
    assert await names(page) == newest_first[10:20]
    await page.get_by_role("textbox", name="Go to").fill("3")
    await page.get_by_role("button", name="Go", exact=True).click()
    await expect(page.get_by_text("3 / 3")).to_be_visible()
    await expect(page.get_by_role("link", name="House 02", exact=True)).to_be_visible()
    assert await names(page) == newest_first[20:]
    await expect(page.get_by_role("button", name="Next page")).to_be_disabled()

    await page.reload()
    await expect(page.get_by_role("link", name="House 02", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Previous page").click()
    await expect(page.get_by_text("2 / 3")).to_be_visible()
    await choose(page, "Lines per page", "50")
    await expect(page.get_by_text("1 / 1")).to_be_visible()
    await expect(page.get_by_role("link", name="House 00", exact=True)).to_be_visible()
    assert await names(page) == newest_first


@pytest.mark.row("G-03")
async def test_an_empty_list_says_so_and_what_to_do_next(place: Town, visit: Visit) -> None:
    page = await visit(await place.installer(), "/user")
    await expect(page.get_by_text("No Data")).to_be_visible()
    await expect(page.get_by_text("0 in All")).to_be_visible()
    await page.get_by_role("region", name="Users").get_by_role("link", name="New").click()
    await expect(page.get_by_role("heading", name="Add User")).to_be_visible()


@pytest.mark.row("U-06", "F-04", "G-03", "D-36")
async def test_a_user_is_found_by_each_of_five_keys(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    email, mobile = an_email("wanted"), a_mobile()
    await place.household(installer, "Somebody Else", email=an_email("other"), country="DE", mobile=a_mobile())
    wanted = await place.household(installer, "Wanted House", email=email, country="DE", mobile=mobile)
    user = await place.user(installer, wanted)
    page = await visit(installer, "/user")
    await expect(page.get_by_text("2 in All")).to_be_visible()
    box = page.get_by_role("textbox", name="Search", exact=True)
    for key, said in (
        ("Name", "wanted h"),
        ("Email", email),
        ("Mobile Phone Number", mobile),
        ("Family SIP Number", str(user["family_sip"])),
        ("SIP Number", str(user["personal_sip"])),
    ):
        await choose(page, "Search by", key)
        await box.fill(said)
        await box.press("Enter")
        await expect(page.get_by_text("1 in All")).to_be_visible()
        assert await names(page) == ["Wanted House"]
        await page.get_by_role("button", name="Clear").click()
        await expect(page.get_by_text("2 in All")).to_be_visible()
    await box.fill("99999999")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_text("No Data")).to_be_visible()
    await expect(page.get_by_text("Nobody matches this search.")).to_be_visible()
