"""A super manager sees who used most of a day's budget in each module, and changes one."""

import json
import re

import httpx
from playwright.async_api import Route, expect

from tests.console.browsing import Visit, field, toggle
from tests.console.town import Town, an_email
from tests.house import Person
from tests.waiting import eventually


async def rename(person: Person, home: str) -> httpx.Response:
    edited = {"name": "Kim", "address": f"{an_email('n')[2:6]} Main Road", "premium": False}
    return await person.ask("PUT", home, json=edited)


async def test_a_super_manager_stops_one_installer_and_lets_it_go_on(place: Town, visit: Visit) -> None:
    name = f"Busy Bells {an_email('b')[2:6]}"
    busy = await place.installer(name)
    household = await busy.do("POST", "/users", json={"name": "Kim", "address": "1 Main Road", "premium": False})
    page = await visit(place.root, "/budgets")
    await expect(page.get_by_role("heading", name="Budgets", level=1)).to_be_visible()
    await page.get_by_role("textbox", name="Search").fill(name)
    await page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row", name=re.compile(f"{name}.*Accounts"))
    await expect(row).to_contain_text("250,000")

    await row.get_by_role("button", name=f"Change budget: {name}, Accounts").click()
    dialog = page.get_by_role("dialog", name="Change budget")
    await expect(dialog).to_contain_text("Doors still open")
    await expect(dialog.get_by_role("button", name="Submit")).to_be_disabled()
    await field(dialog, "Events a day").fill("many")
    await expect(dialog).to_contain_text("Enter a whole number")
    await field(dialog, "Events a day").fill("۰")  # a zero, as Persian keyboards write it
    await field(dialog, "Reason").fill("A script without end")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("The budget was changed")).to_be_visible()
    await expect(row).to_contain_text("Own budget")
    await expect(row).to_contain_text("Spent")

    # It is stopped within seconds, and may still erase.
    home = f"/users/{household['id']}"

    async def is_stopped() -> bool:
        return (await rename(busy, home)).status_code == 429

    await eventually(is_stopped)
    assert (await rename(busy, home)).json()["code"] == "budget-spent"
    await busy.do("POST", f"{home}/reset")

    await row.get_by_role("button", name="Change budget").click()
    await toggle(dialog.get_by_role("switch", name="As everybody"))
    await expect(field(dialog, "Events a day")).to_have_count(0)
    await field(dialog, "Reason").fill("The script was stopped")
    await field(dialog, "Reason").press("Tab")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(row).to_contain_text("250,000")
    await expect(row).not_to_contain_text("Own budget")

    async def goes_on() -> bool:
        return (await rename(busy, home)).is_success

    await eventually(goes_on)

    await page.goto("/audit")
    await expect(page.get_by_text("The script was stopped").first).to_be_visible()
    await expect(page.get_by_text("Budget of events changed").first).to_be_visible()


async def test_a_module_that_is_away_is_named_and_the_other_shown(place: Town, visit: Visit) -> None:
    name = f"Quiet Bells {an_email('q')[2:6]}"
    await place.installer(name)
    page = await visit(place.root, "/")
    problem = json.dumps({"code": "unavailable", "detail": "", "status": 503})

    async def away(route: Route) -> None:
        await route.fulfill(status=503, body=problem, content_type="application/problem+json")

    await page.route("**/api/v1/budgets/devices*", away)
    await page.goto(f"/budgets?q={name.replace(' ', '+')}")
    await expect(page.get_by_role("alert")).to_contain_text("The module Devices does not answer", timeout=30_000)
    await expect(page.get_by_role("row", name=re.compile(name))).to_have_count(1)
    await page.route("**/api/v1/budgets/accounts*", away)
    await page.reload()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible(timeout=30_000)


async def test_nobody_but_a_super_manager_has_the_page(place: Town, visit: Visit) -> None:
    page = await visit(place.distributor, "/budgets")
    await expect(page.get_by_role("heading", name="Installers")).to_be_visible()
    await expect(page.get_by_role("link", name="Budgets")).to_have_count(0)
