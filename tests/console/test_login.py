"""The door: who comes in, who does not, and what the first password is good for."""

import pytest
from playwright.async_api import expect

from tests.console.browsing import Visit, field, log_in
from tests.console.town import Town, an_email
from tests.house import PASSWORD


@pytest.mark.row("L-02", "L-03")
async def test_a_wrong_password_is_refused_and_the_right_one_opens_the_console(place: Town, visit: Visit) -> None:
    installer = await place.installer("Blue Door Ltd")
    page = await visit()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await expect(page.get_by_text("Riverside", exact=True)).to_be_visible()
    await expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "password")
    await expect(page.get_by_role("button", name="Login")).to_be_disabled()

    await log_in(page, installer.email, "not-" + PASSWORD)
    await expect(page.get_by_role("alert")).to_have_text("The account and the password do not match.")
    await expect(page.get_by_label("Username, e-mail or UID")).to_have_value(installer.email)

    await log_in(page, installer.email, PASSWORD)
    await expect(page.get_by_role("heading", name="User", exact=True)).to_be_visible()
    await expect(page).to_have_title("User · SmartPlus")


async def test_a_link_into_the_console_leads_there_after_the_login(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(None, "/user/new")
    await log_in(page, installer.email, PASSWORD)
    await expect(page.get_by_role("heading", name="Add User")).to_be_visible()


@pytest.mark.row("R-03")
async def test_the_initial_password_opens_nothing_until_it_is_replaced(place: Town, visit: Visit) -> None:
    email = an_email("first")
    made = await place.distributor.do("POST", "/installers", json={"name": "First Day", "email": email})
    initial = made["extra"]["credential"]  # type: ignore[index]
    page = await visit(None, "/user")
    await log_in(page, email, initial)
    await expect(page.get_by_role("heading", name="Choose your password")).to_be_visible()
    await page.goto("/user/new")
    await expect(page.get_by_role("heading", name="Choose your password")).to_be_visible()

    first, new, again = (field(page, label) for label in ("Initial password", "New password", "New password again"))
    await first.fill(initial)
    await new.fill(PASSWORD)
    await again.fill(PASSWORD + "x")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("The two do not match")).to_be_visible()
    await again.fill(PASSWORD)
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("Your password was changed")).to_be_visible()
    await expect(page.get_by_role("heading", name="Add User")).to_be_visible()


@pytest.mark.row("L-04")
async def test_logging_out_ends_the_session_in_every_tab_and_at_the_gateway(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    page = await visit(installer, "/sessions")
    other = await page.context.new_page()
    await other.goto("/user")
    await expect(other.get_by_role("heading", name="User", exact=True)).to_be_visible()

    await page.get_by_role("button", name="Account menu").click()
    await page.get_by_role("menuitem", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert (await installer.ask("GET", "/session")).status_code == 401


async def test_a_resident_is_told_that_the_console_is_not_for_them(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    form = {"name": "Resident", "address": "1 Hill Road", "premium": False}
    made = await installer.do("POST", "/users", json=form)
    extra: dict[str, str] = made["extra"]  # type: ignore[assignment]
    page = await visit()
    await log_in(page, extra["uid"], extra["credential"])
    for label, value in (
        ("Initial password", extra["credential"]),
        ("New password", PASSWORD),
        ("New password again", PASSWORD),
    ):
        await field(page, label).fill(value)
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_role("heading", name="Nothing to manage here")).to_be_visible()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
