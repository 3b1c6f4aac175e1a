"""What people type is shown as they typed it and never runs: conftest fails a test whose page complains."""

import re

import pytest
from playwright.async_api import expect

from tests.console.browsing import Visit, field
from tests.console.town import Town

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(2)</script>',
    "<svg onload=alert(3)>{{constructor.constructor('alert(4)')()}}",
    "$t(account.logOut) <1>bold</1> javascript:alert(5)",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_is_text_wherever_it_is_shown(place: Town, visit: Visit, name: str) -> None:
    installer = await place.installer(name)
    home = await place.household(installer, name, room=name, address=name, activated=True)
    await place.member(installer, home, name)
    page = await visit(installer, "/user")
    await expect(page.get_by_role("button", name=f"Account menu: {name}")).to_be_visible()
    row = page.get_by_role("row").nth(1)
    await expect(row.get_by_role("cell").first).to_have_text(name)
    await expect(row.get_by_role("cell").nth(2)).to_have_text(name)
    await row.get_by_label(f"Reset: {name}").click()
    await expect(page.get_by_role("dialog")).to_contain_text(name)
    await page.keyboard.press("Escape")
    await row.get_by_label(f"Family accounts: {name}").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await expect(page).to_have_title(f"{name} · SmartPlus")
    await page.get_by_label(f"Delete: {name}").click()
    await expect(page.get_by_role("dialog")).to_contain_text(name)
    await page.keyboard.press("Escape")
    await page.get_by_role("tab", name="Audit").click()
    await expect(page.get_by_role("row", name=re.compile("User added"))).to_contain_text(name)
    await page.get_by_role("tab", name="Details").click()
    await expect(field(page, "Room Name")).to_have_value(name)
    elements = page.locator("img:not([src='/favicon.svg']), iframe, b, [onerror], [onload]")
    assert await elements.evaluate_all("all => all.map(one => one.outerHTML)") == []


async def test_names_and_a_reason_are_text_in_the_banner_too(place: Town, visit: Visit) -> None:
    name, reason = HOSTILE[3], HOSTILE[0]
    above = await place.another_distributor(HOSTILE[1])
    installer = await place.installer(name, above=above)
    await place.offer_access(installer, above=above, granted=True)
    page = await visit(above, "/")
    await page.get_by_role("button", name=f"Switch into: {name}").click()
    await field(page, "Reason").fill(reason)
    await page.get_by_role("button", name="Submit").click()
    banner = page.get_by_role("region", name="Switched account")
    await expect(banner).to_contain_text(f"{HOSTILE[1]} as {name} · Reason: {reason}")
