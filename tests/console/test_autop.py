"""AutoP for many devices at once: selected, looked at before it is sent, followed device by device."""

import asyncio
import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import Visit, field
from tests.console.doors import Bound, a_mac, bound, powered
from tests.console.test_accessibility import hold_everywhere
from tests.console.town import Town, texts
from tests.house import Person

LINES = """# the labels
Config.Account1.GENERAL.Label = Front
Config.Account1.GENERAL.Label=Front
Config.Settings.WEB_LOGIN.Timeout = 5
Config.Settings.WEB_LOGIN.Timeout = 9"""


def selected(page: Page):  # type: ignore[no-untyped-def]
    return page.get_by_role("status").filter(has_text="selected")


@pytest.mark.row("A-01", "A-02", "A-03", "A-04", "A-06", "A-08", "R-28", "R-29")
async def test_lines_are_looked_at_submitted_and_followed_device_by_device(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Batch House")
    other = await place.household(installer, "Other House")
    one, two, three = [await bound(installer, home, f"Door {name}") for name in ("one", "two", "three")]
    await bound(installer, other, "Elsewhere")
    page = await visit(installer, f"/user/{home}/devices")
    await page.get_by_role("link", name="AutoP").click()
    await expect(page.get_by_role("radio", name="Regular AutoP")).to_be_checked()
    await expect(page.get_by_role("radiogroup", name="Type").get_by_role("radio")).to_have_count(2)
    submit = page.get_by_role("button", name="Submit")
    await expect(submit).to_be_disabled()
    await page.get_by_role("textbox", name="Commands").fill(LINES)

    # The household's devices come first; others are a search away.
    await expect(page.get_by_text("3 in All")).to_be_visible()
    await page.get_by_role("switch", name=re.compile("Only devices of")).uncheck(force=True)
    await expect(page.get_by_text("4 in All")).to_be_visible()
    await page.get_by_role("textbox", name="Search").fill("door")
    await page.get_by_role("search").get_by_role("button", name="Search").click()
    await expect(page.get_by_text("3 in All")).to_be_visible()
    await page.get_by_role("checkbox", name="Door one").check()
    await expect(selected(page)).to_have_text("1 of 500 selected")
    await page.get_by_role("button", name="Select all found (3)").click()
    await expect(selected(page)).to_have_text("3 of 500 selected")

    await expect(page.get_by_text("Duplicate, dropped")).to_be_visible()
    await expect(page.get_by_text("Overridden by a later line")).to_be_visible()
    await expect(page.get_by_text("2 new · 0 changed · 0 the same")).to_have_count(3)
    async with powered(place, one) as first, powered(place, two) as second:
        second.fail("configure", "busy")
        await submit.click()
        await expect(page.get_by_role("heading", name="AutoP batch")).to_be_visible()
        await expect(page.get_by_text("1 duplicate dropped")).to_be_visible()
        await first.until(lambda it: it.settings.get("Config.Settings.WEB_LOGIN.Timeout") == "9")
        await expect(page.get_by_role("row", name=re.compile("Door one"))).to_contain_text("Done")
        await expect(page.get_by_role("row", name=re.compile("Door three"))).to_contain_text("Queued")
    await page.evaluate("window.sameDocument = true")
    async with powered(place, three):
        await expect(page.get_by_role("row", name=re.compile("Door three"))).to_contain_text("Done")
    assert await page.evaluate("window.sameDocument")

    # A second look at the same lines: nothing would change.
    await page.goto(f"/device/autop/new?user={home}")
    await page.get_by_role("textbox", name="Commands").fill(LINES)
    await page.get_by_role("checkbox", name="Door one").check()
    await expect(page.get_by_text("Changes nothing")).to_be_visible()


@pytest.mark.row("A-02", "A-07")
async def test_a_one_time_batch_is_tried_again_on_those_that_failed(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Once House")
    good, bad = [await bound(installer, home, f"Door {name}") for name in ("good", "bad")]
    async with powered(place, good) as fine, powered(place, bad) as failing:
        failing.fail("autop", "busy")
        page = await visit(installer, f"/device/autop/new?user={home}")
        await page.get_by_role("radio", name="One Time AutoP").check()
        await page.get_by_role("textbox", name="Commands").fill("Config.Account1.GENERAL.Label = Once")
        await page.get_by_role("checkbox", name="All on this page").check()
        await expect(page.get_by_text("Runs once on 2 devices.")).to_be_visible()
        await page.get_by_role("button", name="Submit").click()
        row = page.get_by_role("row", name=re.compile("Door bad"))
        await expect(row).to_contain_text("Failed")
        await expect(row).to_contain_text("The device is busy.")
        await expect(page.get_by_text("1 of 2 done")).to_be_visible()
        await page.get_by_role("button", name="Retry failed").click()
        await expect(row).to_contain_text("Done")
        await expect(page.get_by_text("2 of 2 done")).to_be_visible()
        await expect(page.get_by_role("button", name="Retry failed")).to_be_disabled()
        assert fine.lines_run == failing.lines_run == ["Config.Account1.GENERAL.Label = Once"]
    await page.goto("/device/autop")
    await expect(page.get_by_role("row", name=re.compile("One Time AutoP"))).to_be_visible()


async def test_refused_lines_are_named_and_dangerous_ones_confirmed_by_a_typed_word(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    home = await place.household(installer, "Danger House")
    await bound(installer, home, "Door")
    page = await visit(installer, f"/device/autop/new?user={home}")
    box = page.get_by_role("textbox", name="Commands")
    await page.get_by_role("checkbox", name="Door", exact=True).check()
    await box.fill("Config.Account1.GENERAL.Label = ok\n\nConfig.x = `reboot`")
    await expect(page.get_by_role("alert")).to_contain_text("Line 3:")
    await box.fill("Config.Firmware.Url.Location = https://example.org/x.rom\nConfig.Account1.GENERAL.Pwd = canary-77")
    await expect(page.get_by_text("Dangerous", exact=True)).to_have_count(2)
    await expect(page.get_by_role("list", name="Commands")).to_contain_text("******")
    submit = page.get_by_role("button", name="Submit")
    await expect(submit).to_be_disabled()
    await field(page, "Type CONFIRM to go on").fill("yes")
    await expect(submit).to_be_disabled()
    await field(page, "Type CONFIRM to go on").fill("CONFIRM")
    await submit.click()
    await expect(page.get_by_role("heading", name="AutoP batch")).to_be_visible()
    await page.get_by_text("2 lines").click()
    await expect(page.get_by_text("Config.Account1.GENERAL.Pwd = ******")).to_be_visible()
    assert "canary-77" not in await page.content()


async def many(place: Town, owner: Person, count: int) -> list[Bound]:
    """So many devices of that installer, at most a hundred to a household."""
    homes = [await place.household(owner, f"Block {number}") for number in range(count // 100 + 1)]

    async def bind(number: int) -> Bound:
        mac, home = a_mac(), homes[number // 100]
        await owner.do("POST", "/macs", json={"mac": mac})
        form = {"mac": mac, "kind": "doorphone_single", "name": f"Door {number:03}"}
        made = await owner.do("POST", f"/users/{home}/devices", json=form)
        extra = made["extra"]
        assert isinstance(extra, dict)
        await owner.do("GET", "/devices", params={"after": made["position"]}) if number + 1 == count else None
        return Bound(str(made["id"]), form["name"], mac, str(extra["device_key"]))

    made: list[Bound] = []
    for start in range(0, count, 10):
        made += await asyncio.gather(*(bind(number) for number in range(start, min(count, start + 10))))
    return made


@pytest.mark.row("A-05")
async def test_the_501st_device_refuses_the_whole_batch_and_500_go(place: Town, visit: Visit) -> None:
    installer = await place.installer()
    devices = await many(place, installer, 501)
    page = await visit(installer, "/device/autop/new")
    await page.get_by_role("radio", name="One Time AutoP").check()
    await page.get_by_role("textbox", name="Commands").fill("Config.Account1.GENERAL.Label = Many")
    await page.get_by_role("button", name="Select all found (501)").click()
    await expect(selected(page)).to_have_text("501 of 500 selected", timeout=60_000)
    await expect(page.get_by_role("alert")).to_contain_text("At most 500 devices can be provisioned at once.")
    submit = page.get_by_role("button", name="Submit")
    await expect(submit).to_be_disabled()
    await page.get_by_role("checkbox", name=re.compile("^Door")).first.uncheck()
    await expect(selected(page)).to_have_text("500 of 500 selected")
    await expect(page.get_by_text("Runs once on 500 devices.")).to_be_visible(timeout=30_000)
    await submit.click()
    await expect(page.get_by_text("0 of 500 done")).to_be_visible(timeout=60_000)
    async with AsyncExitStack() as stack:
        for device in devices[:3]:
            await stack.enter_async_context(powered(place, device))
        await expect(page.get_by_text("3 of 500 done")).to_be_visible(timeout=60_000)
        await page.locator("label").filter(has_text="Done").click()
        await expect(page.get_by_role("row")).to_have_count(4)


@pytest.mark.parametrize("language", ["en", "fa"])
async def test_autop_holds_everywhere(place: Town, visit: Visit, language: str) -> None:
    said = texts(language)
    installer = await place.installer()
    home = await place.household(installer, "خانه")
    device = await bound(installer, home, "در")
    page = await visit(installer, f"/device/autop/new?user={home}", locale=language)
    await page.get_by_role("textbox", name=said["autop"]["commands"]).fill(
        LINES + "\nConfig.Account1.GENERAL.Pwd = secret"
    )
    await page.get_by_role("checkbox", name="در", exact=True).check()
    await expect(page.get_by_text(said["autop"]["verdict"]["danger"], exact=True)).to_be_visible()
    await hold_everywhere(page, f"autop in {language}")
    draft = {"kind": "one_time", "text": "Config.Account1.GENERAL.Label = A", "device_ids": [device.device_id]}
    made = await installer.do("POST", "/provisionings", json=draft)
    await installer.do("GET", f"/provisionings/{made['id']}", params={"after": made["position"]})
    await page.goto(f"/device/autop/{made['id']}")
    await expect(page.get_by_role("link", name="در")).to_be_visible()
    await hold_everywhere(page, f"batch in {language}")
    await page.goto("/device/autop")
    await expect(page.get_by_text(said["autop"]["kinds"]["one_time"])).to_be_visible()
    await hold_everywhere(page, f"batches in {language}")
