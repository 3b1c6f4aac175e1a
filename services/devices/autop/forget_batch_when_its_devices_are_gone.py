"""Forget what a batch of AutoP said once none of its devices is left, and destroy the key of its lines.

The rule it protects: lines carry names and passwords of a household; they outlive its devices nowhere. Which devices of
a batch are left is kept here, for a device that goes does not know in which batches it was, and a read model may not
know yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TypedDict
from uuid import UUID, uuid5

from contracts.devices.autop import AutopSubmitted, ForgetProvisioning, ProvisioningForgotten
from contracts.devices.intercoms import DeviceUnbound
from contracts.message import Command, Recorded
from kernel.keeping.mongo import Collection
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here
from services.devices.intercoms import device
from services.devices.intercoms.device import Device

_LEFT = "devices_left_of_batches"
_LOADED_AT_ONCE = 64


class LeftDocument(TypedDict):
    """Which devices of the batch `_id` are left."""

    _id: str
    left: list[str]


async def note(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, AutopSubmitted)
    kept: Collection = context.database[_LEFT]
    await kept.create_index("left")
    # Submitting looks at the devices without writing to them, so one may have gone in that moment, or long ago.
    present = await _present(event.device_ids, context)
    document: LeftDocument = {"_id": event.provisioning_id, "left": present}
    await kept.replace_one({"_id": event.provisioning_id}, document, upsert=True)
    return await _forgotten(kept, {"_id": event.provisioning_id}, context)


async def take_away(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, DeviceUnbound)
    kept: Collection = context.database[_LEFT]
    await kept.update_many({"left": event.device_id}, {"$pull": {"left": event.device_id}})
    return await _forgotten(kept, {}, context)


async def destroy_key(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, ProvisioningForgotten)
    crash_here("forget.before_key")
    await context.keys.destroy(event.erased_key)
    await context.database[_LEFT].delete_one({"_id": event.provisioning_id})
    return ()


async def _forgotten(kept: Collection, which: dict[str, str], context: Context) -> list[Command]:
    """One for each that has no device left. Asked twice, of one that is forgotten already, it records nothing."""
    rows = await kept.find({**which, "left": []}, {"_id": 1}).sort("_id", 1).to_list()
    return [_forget(row["_id"], context.recorded, context.reaction) for row in rows]


def _forget(provisioning_id: str, because: Recorded, reaction: str) -> Command:
    # Which ones are found may differ when the event is taken again: the id is of the batch, not of its place.
    command_id = uuid5(UUID(because.event_id), f"{reaction}/{provisioning_id}")
    return ForgetProvisioning(
        command_id=command_id, at=because.at, actor=because.actor, provisioning_id=provisioning_id
    )


async def _present(device_ids: Iterable[str], context: Context) -> list[str]:
    turns = asyncio.Semaphore(_LOADED_AT_ONCE)

    async def is_there(device_id: str) -> bool:
        async with turns:
            target: Device = (await context.load(device.ref(device_id)))[0]
            return not target.absent

    ids = list(device_ids)
    found = await asyncio.gather(*map(is_there, ids))
    return [device_id for device_id, there in zip(ids, found, strict=True) if there]


FORGET_BATCH = Reaction(
    name="forget_batch_when_its_devices_are_gone",
    follows="devices",
    on={AutopSubmitted: note, DeviceUnbound: take_away, ProvisioningForgotten: destroy_key},
)
