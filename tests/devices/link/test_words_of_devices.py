"""What devices say in their own words is sealed: shown as they said it, and gone when its household is deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from contracts.accounts.leaving import DeleteUser
from contracts.devices.autop import AutopKind
from contracts.devices.commands import DeviceCommandFailed, GetDeviceCommand, RebootDevice
from contracts.devices.configuration import ConfigurationRefused
from contracts.devices.doors import DoorOpened, EntryRefused, ListDoorEvents
from contracts.devices.intercoms import GetDevice
from contracts.message import ERASED, Event
from kernel.deciding.codec import TYPE
from ops.contracts import example
from tests.contracts.test_published import PUBLISHED, codec_of, stored
from tests.devices.autop.test_provisioning import batch, submit_to, until
from tests.devices.conftest import Region
from tests.devices.homes.test_erasure import in_the_log, until_destroyed
from tests.devices.remote_control.test_tunnel import connected

WORDS: dict[type[Event], str] = {
    ConfigurationRefused: "reason",
    DeviceCommandFailed: "reason",
    DoorOpened: "method",
    EntryRefused: "method",
}
# The versions that had those words in the clear.
BEFORE = (
    (ConfigurationRefused, 1),
    (DeviceCommandFailed, 1),
    (DoorOpened, 1),
    (DoorOpened, 2),
    (EntryRefused, 1),
    (EntryRefused, 2),
)


async def test_words_of_a_device_are_shown_and_go_with_its_household(region: Region) -> None:
    who = await region.installer()
    word = f"said{uuid4().hex[:10]}"
    async with connected(region, who) as intercom:
        about: dict[str, Any] = {"device_id": intercom.device_id}
        user_id = (await region.see(GetDevice, who, **about)).user_id
        intercom.fail("configure", f"{word} lives here")
        id = await submit_to(region, who, [intercom.device_id], "Config.A.X = 1", kind=AutopKind.REGULAR)
        seen = await until(lambda: batch(region, who, id), lambda seen: seen.failed == 1)
        assert seen.rows[0].reason == f"{word} lives here"
        intercom.fail("reboot", f"{word} is asleep")
        told = {"device_command_id": str(uuid4())}
        await region.tell(RebootDevice, who, **about, **told)
        command = await until(lambda: region.see(GetDeviceCommand, who, **told), lambda seen: seen.state == "failed")
        assert command.reason == f"{word} is asleep"
        await intercom.tell_door("opened", relay=1, method=word)
        await intercom.tell_door("refused", relay=1, method=f"not {word}"[:24])
        lines = await until(lambda: region.see(ListDoorEvents, who, **about), lambda seen: len(seen.rows) == 2)
        assert {each.method for each in lines.rows} == {word, f"not {word}"[:24]}
    await region.tell(DeleteUser, who, user_id=user_id)
    await until_destroyed(region, f"home.{user_id}.0", f"device.{intercom.device_id}")
    messages, recorded = await in_the_log(region)
    assert word not in " ".join(message.body.decode() for message in messages)
    said = {type(each.event): each.event for each in recorded if getattr(each.event, "user_id", "") == user_id}
    assert [getattr(said[kind], WORDS[kind]) for kind in WORDS if kind in said] == [ERASED] * 3


@pytest.mark.parametrize(("kind", "version"), BEFORE)
async def test_words_that_were_in_the_clear_read_as_before(kind: type[Event], version: int) -> None:
    type_name = f"{kind.type_name().rpartition('.v')[0]}.v{version}"
    body = {**example(kind), WORDS[kind]: "by hand"}
    (recorded,) = await codec_of(PUBLISHED["devices"]).decode_many([stored(type_name, body)])
    assert type(recorded.event) is kind
    assert getattr(recorded.event, WORDS[kind]) == "by hand"
    assert stored(type_name, body).headers[TYPE] != kind.type_name()
