"""Say which configuration a device is to have, whenever something that it is made of has changed (D-29, U-41).

Whatever changed, the configuration is made from what is true by now: several changes at once are issued once.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID, uuid5

from contracts.devices.autop import RegularProfileChanged
from contracts.devices.configuration import DeviceReported, IssueConfiguration
from contracts.devices.homes import CredentialGranted, CredentialWithdrawn, HomeEmptied
from contracts.devices.intercoms import ConnectionTypeChosen, DeviceBound, DeviceDescribed, RelaysConfigured
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction
from services.devices.configuration import configuration
from services.devices.homes import home
from services.devices.homes.home import Home

NAME = "issue_configuration_when_it_changes"
AT_ONCE = 16

DeviceChanged = (
    DeviceBound | DeviceDescribed | RelaysConfigured | ConnectionTypeChosen | DeviceReported | RegularProfileChanged
)


async def issue_for_device(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, DeviceChanged)
    return await _issued([recorded.event.device_id], context)


async def issue_for_grant(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, CredentialGranted)
    return await _issued(dict.fromkeys(relay.device_id for relay in recorded.event.relays), context)


async def issue_for_withdrawal(recorded: Recorded, context: Context) -> Iterable[Command]:
    """Nothing says any more what it opened: every device of the home is looked at."""
    assert isinstance(recorded.event, CredentialWithdrawn)
    lived_in: Home = (await context.load(home.ref(recorded.event.user_id)))[0]
    return await _issued(lived_in.devices, context)


async def issue_for_emptied_home(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, HomeEmptied)
    return await _issued(recorded.event.device_ids, context)


async def _issued(device_ids: Iterable[str], context: Context) -> list[Command]:
    issued: list[Command] = []
    for device_id in device_ids:
        made = await configuration.present(device_id, context)
        if made is None:
            continue
        # Made anew after a crash it may be another version, which is another wish.
        command_id = uuid5(UUID(context.recorded.event_id), f"{NAME}/{device_id}/{made.version}")
        issued.append(
            IssueConfiguration(
                command_id=command_id,
                at=context.recorded.at,
                actor=SYSTEM,
                device_id=device_id,
                configuration=made.version,
                residents=made.residents,
            )
        )
    return issued


ISSUE_CONFIGURATION = Reaction(
    name=NAME,
    follows="devices",
    on={
        DeviceBound: issue_for_device,
        DeviceDescribed: issue_for_device,
        RelaysConfigured: issue_for_device,
        ConnectionTypeChosen: issue_for_device,
        DeviceReported: issue_for_device,
        RegularProfileChanged: issue_for_device,
        CredentialGranted: issue_for_grant,
        CredentialWithdrawn: issue_for_withdrawal,
        HomeEmptied: issue_for_emptied_home,
    },
    at_once=AT_ONCE,
)
