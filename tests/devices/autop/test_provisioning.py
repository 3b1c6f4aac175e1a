"""AutoP for many devices at once: all or none, only one's own, followed device by device."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.devices.autop import (
    AUTOP_DEVICES_MAX,
    AutopKind,
    AutopPreview,
    AutopSubmitted,
    ClearRegularProfile,
    GetProvisioning,
    GetRegularProfile,
    ListProvisionings,
    PreviewAutop,
    ProvisioningDetail,
    ProvisioningRetried,
    RegularProfileChanged,
    RetryProvisioning,
    SubmitAutop,
)
from contracts.devices.commands import DeviceCommandState, ResetDevice
from contracts.devices.intercoms import GetDevice, ListDevices, UnbindDevice
from contracts.message import Actor, Refused
from kernel.deciding.spec import Given, Spec
from ops.virtual_intercom import VirtualIntercom
from services.devices.autop import profile
from services.devices.autop.autop import MASK
from services.devices.autop.profile import PROFILE
from services.devices.autop.provisioning import PROVISIONING
from services.devices.intercoms.decisions import DEVICE as DEVICES
from tests.devices.conftest import Region
from tests.devices.remote_control.test_tunnel import connected
from tests.devices.world import (
    DEVICE,
    DISTRIBUTOR,
    HERE,
    INSTALLER,
    MONITOR,
    OTHER_DEVICE,
    ask,
    bound,
    changed,
    monitor_bound,
    number,
    strangers,
    unbound,
)

State = DeviceCommandState
BATCH = number(31)
provisionings = Spec(PROVISIONING, DEVICES, PROFILE)

submit = ask(
    SubmitAutop,
    provisioning_id=BATCH,
    kind=AutopKind.ONE_TIME,
    text="# labels\nConfig.A.Label=Gate\nConfig.A.Label = Gate\nConfig.A.X = 1\nConfig.A.x=2",
    device_ids=(DEVICE, MONITOR, DEVICE),
)
submitted = AutopSubmitted(
    provisioning_id=BATCH,
    installer_id=INSTALLER,
    distributor_id=DISTRIBUTOR,
    kind=AutopKind.ONE_TIME,
    lines=("Config.A.Label = Gate", "Config.A.x = 2"),
    device_ids=(DEVICE, MONITOR),
    dropped=1,
    overridden=1,
)
retry = ask(RetryProvisioning, provisioning_id=BATCH, device_ids=(MONITOR,))


def beside_devices(given: Given) -> Given:
    return given.beside("device", DEVICE, bound).beside("device", MONITOR, monitor_bound)


@pytest.mark.row("A-01", "A-02", "A-06")
def test_lines_are_submitted_for_several_devices_at_once() -> None:
    for kind in AutopKind:
        outcome = beside_devices(provisionings.given()).when(changed(submit, kind=kind))
        outcome.then(submitted.model_copy(update={"kind": kind}))
        outcome.again().then()


def test_another_submit_under_the_same_id_is_refused() -> None:
    given = beside_devices(provisionings.given(submitted))
    given.when(changed(submit, text="Config.A.X = 3")).then_refused("id-taken")
    for stranger in strangers:
        given.when(changed(submit, actor=stranger)).then_refused("id-taken")


@pytest.mark.row("A-05")
def test_one_device_that_is_not_ones_own_refuses_them_all() -> None:
    provisionings.given().beside("device", DEVICE, bound).when(submit).then_refused("device-unknown")
    gone = beside_devices(provisionings.given()).beside("device", MONITOR, monitor_bound, unbound)
    gone.when(submit).then_refused("device-unknown")
    for stranger in strangers:
        beside_devices(provisionings.given()).when(changed(submit, actor=stranger)).then_refused("device-unknown")


@pytest.mark.row("A-05")
def test_the_501st_device_refuses_the_whole_batch() -> None:
    ids = [number(1000 + n) for n in range(AUTOP_DEVICES_MAX + 1)]
    changed(submit, device_ids=ids[:-1])
    with pytest.raises(ValidationError, match="device_ids"):
        changed(submit, device_ids=ids)


@pytest.mark.row("R-29")
def test_every_line_at_fault_is_named() -> None:
    text = "Config.A.B = 1\nreboot\nConfig.A.Ping = `id`\nConfig.A.B = 1\u2028"
    outcome = beside_devices(provisionings.given()).when(changed(submit, text=text))
    outcome.then_refused("autop-invalid", "text.2")
    assert outcome.refused is not None
    errors = outcome.refused.refusal().errors
    assert [(each.field, each.code) for each in errors] == [
        ("text.2", "not-a-setting"),
        ("text.3", "for-a-shell"),
        ("text.4", "not-showable"),
    ]
    assert "id" not in {each.detail for each in errors}


def test_dangerous_lines_are_asked_for_twice() -> None:
    risky = changed(submit, text="Config.Firmware.Url = http://files.example.org/a.rom")
    given = beside_devices(provisionings.given())
    given.when(risky).then_refused("autop-dangerous", "confirmed")
    (event,) = given.when(changed(risky, confirmed=True)).events
    assert isinstance(event, AutopSubmitted)


def test_a_profile_that_would_grow_too_large_refuses_the_batch() -> None:
    full = RegularProfileChanged(
        device_id=MONITOR,
        **HERE,
        provisioning_id=None,
        lines=tuple(f"Config.A.K{n} = {'x' * 1000}" for n in range(profile.BYTES_MAX // 1020)),
        digest="",
    )
    given = beside_devices(provisionings.given()).beside("profile", MONITOR, full)
    more = "\n".join(f"Config.B.K{n} = {'x' * 1000}" for n in range(10))
    given.when(changed(submit, kind=AutopKind.REGULAR, text=more)).then_refused("profile-full", "device_ids")
    given.when(changed(submit, kind=AutopKind.ONE_TIME, text=more)).then(
        submitted.model_copy(update={"lines": tuple(more.split("\n")), "dropped": 0, "overridden": 0})
    )


def test_only_what_failed_of_the_batch_is_tried_again() -> None:
    retried = ProvisioningRetried(provisioning_id=BATCH, installer_id=INSTALLER, device_ids=(MONITOR,))
    given = provisionings.given(submitted)
    given.when(changed(retry, device_ids=(OTHER_DEVICE, MONITOR))).then(retried)
    given.when(changed(retry, device_ids=())).then_refused("nothing-to-retry")
    provisionings.given().when(retry).then_refused("provisioning-unknown")
    for stranger in strangers:
        given.when(changed(retry, actor=stranger)).then_refused("provisioning-unknown")


# --- On real servers --------------------------------------------------------------------------------------------------


async def until(look: Callable[[], Awaitable[Any]], right: Callable[[Any], bool]) -> Any:
    """What `look` sees once it is right."""
    async with asyncio.timeout(60):
        while True:
            if right(seen := await look()):
                return seen
            await asyncio.sleep(0.02)


async def two_devices(region: Region) -> tuple[Actor, list[str]]:
    installer = await region.installer()
    user_id = await region.user(installer)
    return installer, [(await region.device(installer, user_id))[0] for _ in range(2)]


async def submit_to(region: Region, installer: Actor, device_ids: list[str], text: str, **more: Any) -> str:
    provisioning_id = str(uuid4())
    fields = {"kind": AutopKind.REGULAR, "text": text, "device_ids": tuple(device_ids), **more}
    await region.tell(SubmitAutop, installer, provisioning_id=provisioning_id, **fields)
    return provisioning_id


async def batch(region: Region, installer: Actor, provisioning_id: str) -> ProvisioningDetail:
    view = await region.see(GetProvisioning, installer, provisioning_id=provisioning_id)
    assert isinstance(view, ProvisioningDetail)
    return view


async def profiles_of(region: Region, installer: Actor, device_ids: list[str]) -> list[tuple[str, ...]]:
    return [(await region.see(GetRegularProfile, installer, device_id=each)).lines for each in device_ids]


@pytest.mark.row("A-08", "A-14")
async def test_regular_lines_are_stored_for_each_device(region: Region) -> None:
    installer, devices = await two_devices(region)
    await submit_to(region, installer, devices, "Config.A.X = 1\nConfig.A.Pwd = correct horse", confirmed=True)
    await submit_to(region, installer, devices[:1], "Config.A.x = 2")
    wanted = [("Config.A.x = 2", f"Config.A.Pwd = {MASK}"), ("Config.A.X = 1", f"Config.A.Pwd = {MASK}")]
    await until(lambda: profiles_of(region, installer, devices), lambda seen: seen == wanted)
    await region.tell(ClearRegularProfile, installer, device_id=devices[0])
    assert await profiles_of(region, installer, devices) == [(), wanted[1]]


async def test_a_stranger_sees_no_profile_and_no_batch(region: Region) -> None:
    installer, devices = await two_devices(region)
    provisioning_id = await submit_to(region, installer, devices, "Config.A.X = 1")
    stranger = await region.installer()
    with pytest.raises(Refused, match="device-unknown"):
        await region.see(GetRegularProfile, stranger, device_id=devices[0])
    with pytest.raises(Refused, match="provisioning-unknown"):
        await batch(region, stranger, provisioning_id)
    with pytest.raises(Refused, match="device-unknown"):
        await submit_to(region, stranger, devices, "Config.A.X = 1")
    assert (await region.see(ListProvisionings, stranger)).total == 0


@pytest.mark.row("A-06", "R-29")
async def test_a_preview_shows_what_would_change_on_each_device(region: Region) -> None:
    installer, devices = await two_devices(region)
    await submit_to(region, installer, devices[:1], "Config.A.X = 1\nConfig.A.Y = 1")
    await until(lambda: profiles_of(region, installer, devices[:1]), lambda seen: len(seen[0]) == 2)
    text = "Config.A.X = 2\nConfig.A.Y = 1\nConfig.A.Pwd = correct horse\nConfig.A.Y=1\n"
    seen: AutopPreview = await region.see(
        PreviewAutop, installer, kind=AutopKind.REGULAR, text=text, device_ids=tuple(devices)
    )
    assert [(each.added, each.changed, each.same) for each in seen.changes] == [
        (("Config.A.Pwd",), ("Config.A.X",), 1),
        (("Config.A.X", "Config.A.Y", "Config.A.Pwd"), (), 0),
    ]
    assert [(each.number, each.text, each.verdict, each.danger) for each in seen.lines] == [
        (1, "Config.A.X = 2", "kept", False),
        (2, "Config.A.Y = 1", "kept", False),
        (3, f"Config.A.Pwd = {MASK}", "kept", True),
        (4, "Config.A.Y = 1", "duplicate", False),
    ]
    assert seen.dangerous
    with pytest.raises(Refused, match="autop-invalid") as refusal:
        await region.see(
            PreviewAutop, installer, kind=AutopKind.REGULAR, text="\nno\n\nneither", device_ids=tuple(devices)
        )
    assert [each.field for each in refusal.value.refusal().errors] == ["text.2", "text.4"]


async def until_states(region: Region, installer: Actor, id: str, *states: DeviceCommandState) -> ProvisioningDetail:
    """The batch once its devices are so far."""
    seen = await until(
        lambda: batch(region, installer, id), lambda seen: [each.state for each in seen.rows] == list(states)
    )
    assert isinstance(seen, ProvisioningDetail)
    return seen


def page_of(seen: ProvisioningDetail) -> tuple[int, int, int, int]:
    return seen.devices, seen.done, seen.failed, seen.waiting


@pytest.mark.row("A-08")
async def test_a_regular_batch_is_followed_device_by_device(region: Region) -> None:
    installer = await region.installer()
    async with connected(region, installer) as first, connected(region, installer) as second:
        devices = [first.device_id, second.device_id]
        second.fail("configure", "unknown key")
        # What they were bound with is through before this begins.
        id = await submit_to(region, installer, devices, "Config.A.X = 1")
        seen = await until_states(region, installer, id, State.DONE, State.FAILED)
        assert page_of(seen) == (2, 1, 1, 0)
        assert [(each.mac, each.reason) for each in seen.rows] == [(first.mac, None), (second.mac, "unknown key")]
        listed = (await region.see(ListProvisionings, installer)).rows[0]
        assert listed.model_dump() == {name: getattr(seen, name) for name in type(listed).model_fields}
        assert first.settings == {"Config.A.X": "1"}
        assert second.settings == {}

        second.mend("configure")
        await region.tell(RetryProvisioning, installer, provisioning_id=id)
        seen = await until_states(region, installer, id, State.DONE, State.DONE)
        assert page_of(seen) == (2, 2, 0, 0)
        assert second.settings == {"Config.A.X": "1"}
        with pytest.raises(Refused, match="nothing-to-retry"):
            await region.tell(RetryProvisioning, installer, provisioning_id=id)


async def resets(region: Region, installer: Actor, intercom: VirtualIntercom) -> None:
    """The device forgets its configuration, starts anew and is configured again."""
    boots = len(intercom.boots)
    (row,) = (await region.see(ListDevices, installer, q=intercom.mac)).rows
    await region.tell(ResetDevice, installer, device_command_id=str(uuid4()), device_id=row.device_id)
    await intercom.until(lambda it: len(it.boots) > boots and bool(it.settings))


@pytest.mark.row("A-07", "A-08", "A-15", "R-33")
async def test_after_a_reset_regular_lines_are_applied_again_and_one_time_lines_are_not(region: Region) -> None:
    installer = await region.installer()
    async with connected(region, installer) as intercom:
        devices = [intercom.device_id]
        once = await submit_to(region, installer, devices, "Config.A.Once = 1", kind=AutopKind.ONE_TIME)
        await until_states(region, installer, once, State.DONE)
        regular = await submit_to(region, installer, devices, "Config.A.Always = 1")
        await until_states(region, installer, regular, State.DONE)
        assert intercom.settings == {"Config.A.Once": "1", "Config.A.Always": "1"}
        for _ in range(2):
            await resets(region, installer, intercom)
            assert intercom.settings == {"Config.A.Always": "1"}
        assert intercom.lines_run == ["Config.A.Once = 1"]


@pytest.mark.row("A-07")
async def test_one_time_lines_for_a_device_that_is_off_wait_and_die_with_its_reset(region: Region) -> None:
    installer = await region.installer()
    async with connected(region, installer) as intercom:
        devices = [intercom.device_id]
        intercom.lose_power()
        await until(lambda: region.see(GetDevice, installer, device_id=devices[0]), lambda seen: not seen.online)
        before = await submit_to(region, installer, devices, "Config.A.Before = 1", kind=AutopKind.ONE_TIME)
        await until_states(region, installer, before, State.QUEUED)
        boots = len(intercom.boots)
        await region.tell(ResetDevice, installer, device_command_id=str(uuid4()), device_id=devices[0])
        intercom.power_on()
        # Once for the power, once for the reset.
        await intercom.until(lambda it: len(it.boots) == boots + 2)
        seen = await until(lambda: batch(region, installer, before), lambda seen: seen.waiting == 0)
        assert seen.rows[0].state in (State.CANCELLED, State.DONE)
        await intercom.until(lambda it: bool(it.configuration))
        assert intercom.settings == {}


@pytest.mark.row("A-15")
async def test_one_time_lines_that_failed_are_tried_again_and_only_those(region: Region) -> None:
    installer = await region.installer()
    async with connected(region, installer) as first, connected(region, installer) as second:
        devices = [first.device_id, second.device_id]
        second.fail("autop", "busy")
        id = await submit_to(region, installer, devices, "Config.A.X = 1", kind=AutopKind.ONE_TIME)
        seen = await until_states(region, installer, id, State.DONE, State.FAILED)
        assert seen.rows[1].reason == "busy"
        await region.tell(RetryProvisioning, installer, provisioning_id=id)
        await until_states(region, installer, id, State.DONE, State.DONE)
        assert (first.lines_run, second.lines_run) == (["Config.A.X = 1"], ["Config.A.X = 1"])


async def test_a_device_that_was_deleted_is_over_for_its_batches(region: Region) -> None:
    installer, devices = await two_devices(region)
    provisioning_id = await submit_to(region, installer, devices, "Config.A.X = 1")
    await region.tell(UnbindDevice, installer, device_id=devices[0])
    seen = await until(lambda: batch(region, installer, provisioning_id), lambda seen: seen.failed == 1)
    assert (seen.rows[0].state, seen.rows[0].reason) == (State.CANCELLED, "device-gone")
