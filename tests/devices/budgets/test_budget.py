"""A device that reports without end is answered, and fills the log with no more than a day's budget of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.devices.autop import SubmitAutop
from contracts.devices.commands import DeviceCommandState, UnlockDoor
from contracts.devices.doors import ListDoorEvents
from contracts.devices.imports import ImportedRow, StageMacRows
from contracts.message import Command
from contracts.modules import declared
from kernel.service.running import running
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.budgets.reserve import brings_about, may_use_reserve
from services.devices.link import watch
from tests.devices.conftest import Region, settings_for
from tests.devices.link.test_link import standing
from tests.devices.mosquitto import Firmware

BUDGET = 15


def test_whoever_adds_a_command_decides_whether_it_may_use_the_reserve() -> None:
    assert {kind.__name__ for kind in declared("devices", Command) if may_use_reserve(kind.model_construct())} == {
        *("CancelDeviceCommand", "CloseRemoteControl", "EmptyHome", "EraseDoorEvent", "ForgetHome", "RemoveMac"),
        *("IssueConfiguration", "RemoveCamera", "RotateDeviceKey", "UnbindDevice", "WithdrawCredential"),
        "ForgetProvisioning",
    }


def test_a_list_of_macs_and_a_batch_cost_what_they_bring_about() -> None:
    rows = tuple(ImportedRow.model_construct() for _ in range(500))
    assert brings_about(StageMacRows.model_construct(rows=rows)) == 500
    assert brings_about(SubmitAutop.model_construct(device_ids=("a", "b"))) == 2
    costly = {StageMacRows, SubmitAutop}
    assert not [
        kind for kind in declared("devices", Command) if kind not in costly and brings_about(kind.model_construct())
    ]


async def test_a_device_beyond_its_budget_is_answered_and_not_recorded(tmp_path: Path, mongodb_uri: str) -> None:
    prefix = f"devices_{uuid4().hex[:8]}_"
    async with (
        NatsServer(tmp_path / "nats") as nats,
        running(ACCOUNTS, settings_for(nats, mongodb_uri, prefix)) as accounts,
        running(DEVICES, settings_for(nats, mongodb_uri, prefix, device_events_per_day=BUDGET)) as devices,
        standing(Region(accounts, devices, {}, nats.mqtt_port)) as stand,
    ):
        flooding, other = await stand.intercom(), await stand.intercom()
        for _ in range(30):
            await flooding.tell_door("opened", relay=1, method="card")
        await flooding.until(lambda it: not it._unsaid)  # each of them was answered
        kept = devices.database["budgets"]
        count = {"_id": _count_of(stand.id_of(flooding)), "used": BUDGET}
        async with asyncio.timeout(30):  # saved every five seconds
            while await kept.find_one(count) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

        # It is obeyed and obeys as before, and its neighbour's reports stand there.
        unlocked = await stand.tell(UnlockDoor, flooding, relay=1)
        await stand.until_command(unlocked, DeviceCommandState.DONE)
        await other.tell_door("alarm")
        await other.until(lambda it: not it._unsaid)
        async with asyncio.timeout(30):
            while True:
                page = await stand.region.see(ListDoorEvents, stand.installer, device_id=stand.id_of(other))
                if page.rows:
                    break
                await asyncio.sleep(0.05)
        page = await stand.region.see(ListDoorEvents, stand.installer, device_id=stand.id_of(flooding))
        assert 0 < len(page.rows) < BUDGET


async def test_acks_of_configurations_that_nobody_sent_cost_their_device_as_much(
    tmp_path: Path, mongodb_uri: str
) -> None:
    prefix = f"devices_{uuid4().hex[:8]}_"
    async with (
        NatsServer(tmp_path / "nats") as nats,
        running(ACCOUNTS, settings_for(nats, mongodb_uri, prefix)) as accounts,
        running(DEVICES, settings_for(nats, mongodb_uri, prefix, device_events_per_day=BUDGET)) as devices,
        standing(Region(accounts, devices, {}, nats.mqtt_port)) as stand,
    ):
        intercom = await stand.intercom(connected=False)
        before = await devices.log.last_seq()
        async with Firmware(nats.mqtt_port, intercom.mac, intercom.key) as firmware:
            for number in range(20):
                for ack in ({"state": "done"}, {"state": "failed", "reason": f"{number}"}):
                    await firmware.say("ack", {"id": f"{number:016x}", **ack})
            for _ in range(40):
                await firmware.told("received", lambda told: told["of"] == "ack")
        # Beside them it comes and goes.
        assert await devices.log.last_seq() - before <= BUDGET + 4


async def test_states_of_ever_another_firmware_are_answered_and_cost_their_device_as_much(
    tmp_path: Path, mongodb_uri: str
) -> None:
    prefix = f"devices_{uuid4().hex[:8]}_"
    async with (
        NatsServer(tmp_path / "nats") as nats,
        running(ACCOUNTS, settings_for(nats, mongodb_uri, prefix)) as accounts,
        running(DEVICES, settings_for(nats, mongodb_uri, prefix, device_events_per_day=BUDGET)) as devices,
        standing(Region(accounts, devices, {}, nats.mqtt_port)) as stand,
    ):
        intercom = await stand.intercom(connected=False)
        reports = f"event.devices.device.{stand.id_of(intercom)}"
        before = len(await devices.log.read_subject(reports))
        async with Firmware(nats.mqtt_port, intercom.mac, intercom.key) as firmware:
            for number in range(2 * BUDGET):
                state = {"id": f"{number}", "model": "R29", "firmware": f"29.30.10.{number}", "boot": "1"}
                await firmware.say("state", {**state, "configuration": ""})
                answer = await firmware.told("received", lambda told: told["of"] == "state")
                assert answer["id"] == f"{number}"
        assert 0 < len(await devices.log.read_subject(reports)) - before <= BUDGET + 1


async def test_a_device_that_comes_and_goes_costs_no_more_than_its_budget_and_is_shown_as_it_is(
    tmp_path: Path, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAST_BUDGET_EVERY_S", 3600.0)
    monkeypatch.setattr(watch, "RECONCILED_EVERY_S", 0.2)
    prefix = f"devices_{uuid4().hex[:8]}_"
    async with (
        NatsServer(tmp_path / "nats") as nats,
        running(ACCOUNTS, settings_for(nats, mongodb_uri, prefix)) as accounts,
        running(DEVICES, settings_for(nats, mongodb_uri, prefix, device_events_per_day=BUDGET)) as devices,
        standing(Region(accounts, devices, {}, nats.mqtt_port)) as stand,
    ):
        flapping, other = await stand.intercom(connected=False), await stand.intercom(connected=False)
        noted = f"event.devices.presence.{stand.id_of(flapping)}"
        for _ in range(2 * BUDGET):
            async with Firmware(nats.mqtt_port, flapping.mac, flapping.key):
                pass
        async with Firmware(nats.mqtt_port, other.mac, other.key):
            await stand.until(other, lambda it: it.online)  # told after all that the flapping one did
            assert BUDGET <= len(await devices.log.read_subject(noted)) <= BUDGET + 1

            # As soon as it may be noted again it is shown as it is, although nothing happens.
            monkeypatch.setattr(watch, "PAST_BUDGET_EVERY_S", 0.0)
            async with Firmware(nats.mqtt_port, flapping.mac, flapping.key):
                await stand.until(flapping, lambda it: it.online)
            await stand.until(flapping, lambda it: not it.online)


def _count_of(device_id: str) -> str:
    return f"{datetime.now(UTC).date().isoformat()} device {device_id}"
