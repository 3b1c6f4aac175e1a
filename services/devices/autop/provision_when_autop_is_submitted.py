"""Give each device of a batch its lines: Regular ones by way of its profile, One Time ones as a command (A-02).

A Regular batch is tried again by issuing the configuration again: it has the lines already. A batch of which nothing is
known any more has no device left to give anything to.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.autop import AutopKind, AutopSubmitted, MergeRegularProfile, ProvisioningRetried
from contracts.devices.commands import QueueOneTimeAutop
from contracts.devices.configuration import IssueConfiguration
from contracts.message import ERASED, Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from services.devices.autop import provisioning
from services.devices.autop.provisioning import Provisioning
from services.devices.intercoms import device
from services.devices.intercoms.device import Device

AT_ONCE = 64


async def provision(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, AutopSubmitted)
    if ERASED in event.lines:
        return ()
    if event.kind is AutopKind.ONE_TIME:
        return _queued(event.provisioning_id, event.lines, event.device_ids, context)
    return [
        MergeRegularProfile(
            **context.stamp(), device_id=device_id, provisioning_id=event.provisioning_id, lines=event.lines
        )
        for device_id in event.device_ids
    ]


async def provision_again(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, ProvisioningRetried)
    batch: Provisioning = (await context.load(provisioning.ref(event.provisioning_id)))[0]
    if batch.forgotten:
        return ()
    if batch.kind is AutopKind.ONE_TIME:
        return _queued(event.provisioning_id, batch.lines, event.device_ids, context)
    issued: list[Command] = []
    for device_id in event.device_ids:
        stamp = context.stamp()
        target: Device = (await context.load(device.ref(device_id)))[0]
        if not target.absent and target.issued_version is not None:
            issued.append(IssueConfiguration(**stamp, device_id=device_id, configuration=target.issued_version))
    return issued


def _queued(provisioning_id: str, lines: tuple[str, ...], device_ids: Iterable[str], context: Context) -> list[Command]:
    commands: list[Command] = []
    for device_id in device_ids:
        stamp = context.stamp()
        commands.append(
            QueueOneTimeAutop(
                **stamp,
                device_command_id=str(stamp["command_id"]),
                device_id=device_id,
                provisioning_id=provisioning_id,
                lines=lines,
            )
        )
    return commands


PROVISION = Reaction(
    name="provision_when_autop_is_submitted",
    follows="devices",
    on={AutopSubmitted: provision, ProvisioningRetried: provision_again},
    at_once=AT_ONCE,
)
