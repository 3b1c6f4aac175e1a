"""A super manager moves a MAC that is no device's into another tree, and each tree reads why."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.devices.audit import ListDeviceAudit
from contracts.devices.intercoms import BindDevice, DeviceKind
from contracts.devices.library import (
    FindMac,
    ListMacs,
    MacGiven,
    MacRegistered,
    MacRemoved,
    MacTaken,
    MoveMac,
    RegisterMac,
)
from contracts.message import Actor, Refused
from contracts.permissions import objection
from kernel.deciding.spec import Spec
from services.devices.library.mac import MAC as AGGREGATE
from tests.devices.conftest import Region, a_mac, root
from tests.devices.world import (
    DISTRIBUTOR,
    INSTALLER,
    MAC,
    OTHER_DISTRIBUTOR,
    ask,
    changed,
    distributor,
    installer,
    mac_bound,
    registered,
)

mac = Spec(AGGREGATE)
REASON = "It was delivered to another customer"
move = ask(MoveMac, root, mac=MAC, distributor_id=OTHER_DISTRIBUTOR, reason=REASON, is_place=True)
old = {"mac": MAC, "distributor_id": DISTRIBUTOR, "installer_id": INSTALLER}
new = {"mac": MAC, "distributor_id": OTHER_DISTRIBUTOR, "installer_id": None}


def test_each_library_is_told_of_its_own_side() -> None:
    mac.given(registered).when(move).then(
        MacRemoved(**old),
        MacTaken(**old, reason=REASON),
        MacRegistered(**new, import_id=None),
        MacGiven(**new, reason=REASON),
    )


def test_what_is_bound_or_unknown_is_not_moved_and_nothing_to_nowhere() -> None:
    mac.given(registered, mac_bound).when(move).then_refused("mac-bound")
    mac.given().when(move).then_refused("mac-unknown")
    nowhere = changed(move, is_place=False)
    mac.given(registered).when(nowhere).then_refused("distributor-unknown", "distributor_id")
    mac.given(registered).when(changed(nowhere, installer_id=INSTALLER)).then_refused(
        "installer-unknown", "installer_id"
    )


def test_a_mac_that_is_there_already_stays() -> None:
    mac.given(registered).when(changed(move, distributor_id=DISTRIBUTOR, installer_id=INSTALLER)).then()


@pytest.mark.parametrize("reason", ["", "   ", "\u200b"])
def test_a_reason_is_needed(reason: str) -> None:
    with pytest.raises(ValidationError):
        changed(move, reason=reason)


@pytest.mark.parametrize("who", [distributor, installer])
def test_nobody_else_moves_one(who: Actor) -> None:
    refusal = objection(changed(move, actor=who))
    assert refusal is not None
    assert refusal.code == "forbidden"


async def trail(region: Region, who: Actor, address: str) -> list[tuple[str, str | None]]:
    return [(row.type, row.reason) for row in (await region.see(ListDeviceAudit, who, subject_id=address)).rows]


async def macs(region: Region, who: Actor) -> list[str]:
    return [row.mac for row in (await region.see(ListMacs, who)).rows]


async def test_a_super_manager_finds_a_mac_wherever_it_is(region: Region) -> None:
    above = await region.distributor("South Doors")
    below, address = await region.installer(above, "Bright Intercoms"), a_mac()
    with pytest.raises(Refused, match="mac-unknown"):
        await region.see(FindMac, root, mac=address)
    await region.tell(RegisterMac, above, mac=address)
    dashed = "-".join(address[place : place + 4] for place in (0, 4, 8)).lower()
    place = await region.see(FindMac, root, mac=dashed)
    assert (place.mac, place.distributor_name, place.installer_name) == (address, "South Doors", None)
    assert (place.installer_id, place.bound, place.is_foreign_prefix) == (None, False, False)

    user_id = await region.user(below)
    form = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "mac": address}
    await region.tell(BindDevice, below, device_id=str(uuid4()), user_id=user_id, **form)
    assert (await region.see(FindMac, root, mac=address)).bound
    own, theirs = a_mac(), await region.installer(above, "Clear Intercoms")
    await region.tell(RegisterMac, theirs, mac=own)
    assert (await region.see(FindMac, root, mac=own)).installer_name == "Clear Intercoms"


@pytest.mark.parametrize("who", [distributor, installer])
def test_nobody_else_finds_one(who: Actor) -> None:
    refusal = objection(FindMac(actor=who, mac=MAC))
    assert refusal is not None
    assert refusal.code == "forbidden"


async def test_a_moved_mac_is_in_the_other_library_and_both_trails_say_why(region: Region) -> None:
    holder, rightful = await region.installer(), await region.installer()
    address = a_mac()
    await region.tell(RegisterMac, holder, mac=address)
    with pytest.raises(Refused, match="mac-elsewhere"):
        await region.tell(RegisterMac, rightful, mac=address)
    await region.see(ListMacs, rightful)  # the tree is known here by then
    place = {"distributor_id": rightful.distributor_id, "installer_id": rightful.installer_id}
    await region.tell(MoveMac, root, mac=address, reason=REASON, **place)

    assert (await macs(region, holder), await macs(region, rightful)) == ([], [address])
    assert await trail(region, holder, address) == [("MacTaken", REASON), ("MacRemoved", None), ("MacRegistered", None)]
    assert await trail(region, rightful, address) == [("MacGiven", REASON), ("MacRegistered", None)]
    user_id = await region.user(rightful)
    form = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "mac": address}
    await region.tell(BindDevice, rightful, device_id=str(uuid4()), user_id=user_id, **form)
    back = {"distributor_id": holder.distributor_id, "installer_id": holder.installer_id}
    with pytest.raises(Refused, match="mac-bound"):
        await region.tell(MoveMac, root, mac=address, reason=REASON, **back)


@pytest.mark.parametrize("wrong", ["an installer of another distributor", "no distributor", "an installer as one"])
async def test_it_is_moved_to_a_place_that_there_is(region: Region, wrong: str) -> None:
    holder, other = await region.installer(), await region.installer()
    address = a_mac()
    await region.tell(RegisterMac, holder, mac=address)
    await region.see(ListMacs, holder)
    places: dict[str, dict[str, Any]] = {
        "an installer of another distributor": {
            "distributor_id": holder.distributor_id,
            "installer_id": other.installer_id,
        },
        "no distributor": {"distributor_id": str(uuid4())},
        "an installer as one": {"distributor_id": other.installer_id},
    }
    with pytest.raises(Refused, match="unknown"):
        await region.tell(MoveMac, root, mac=address, reason=REASON, **places[wrong])
    assert await macs(region, holder) == [address]


async def test_a_distributor_s_library_takes_one_for_any_of_its_installers(region: Region) -> None:
    holder, above = await region.installer(), await region.distributor()
    below = await region.installer(above)
    address = a_mac()
    await region.tell(RegisterMac, holder, mac=address)
    await region.see(ListMacs, below)
    await region.tell(MoveMac, root, mac=address, reason=REASON, distributor_id=above.distributor_id)
    assert await macs(region, above) == await macs(region, below) == [address]
    assert await trail(region, above, address) == [("MacGiven", REASON), ("MacRegistered", None)]
