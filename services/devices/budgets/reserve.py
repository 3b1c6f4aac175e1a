"""What a command costs the log: what is recorded though it, or a budget, is used up, and what makes many events."""

from __future__ import annotations

from contracts.devices.autop import ForgetProvisioning, SubmitAutop
from contracts.devices.cameras import RemoveCamera
from contracts.devices.commands import CancelDeviceCommand, SwitchArming, UnlockDoor
from contracts.devices.configuration import IssueConfiguration
from contracts.devices.doors import EraseDoorEvent
from contracts.devices.homes import EmptyHome, ForgetHome, WithdrawCredential
from contracts.devices.imports import StageMacRows
from contracts.devices.intercoms import RotateDeviceKey, UnbindDevice
from contracts.devices.library import RemoveMac
from contracts.devices.remote_control import CloseRemoteControl
from contracts.message import Command

_ALWAYS = (
    CancelDeviceCommand,
    CloseRemoteControl,
    EmptyHome,
    EraseDoorEvent,
    ForgetHome,
    ForgetProvisioning,
    IssueConfiguration,  # how a door hears that a credential opens it no more; nothing else changes it now
    RemoveCamera,
    RemoveMac,
    RotateDeviceKey,  # the former key opens nothing any more
    UnbindDevice,
    WithdrawCredential,
)


def may_use_reserve(command: Command) -> bool:
    """Whether it may be recorded in the last part of the log."""
    return isinstance(command, _ALWAYS)


def brings_about(command: Command) -> int:
    """How many events reactions record because of it: one for each MAC of a list, one for each device of a batch."""
    match command:
        case StageMacRows():
            return len(command.rows)
        case SubmitAutop():
            return len(command.device_ids)
        case _:
            return 0


def outlasts_budget(command: Command) -> bool:
    """Whether a spent budget of its tenant keeps nobody from it: people stand at a door."""
    return isinstance(command, UnlockDoor | SwitchArming)
