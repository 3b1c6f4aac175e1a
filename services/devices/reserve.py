"""What is recorded even when the log is all but full: whatever ends a right, and whatever erases."""

from __future__ import annotations

from contracts.devices import (
    CancelDeviceCommand,
    CloseRemoteControl,
    EmptyHome,
    EraseDoorEvent,
    ForgetHome,
    IssueConfiguration,
    RemoveCamera,
    RemoveMac,
    RotateDeviceKey,
    UnbindDevice,
    WithdrawCredential,
)
from contracts.message import Command

_ALWAYS = (
    CancelDeviceCommand,
    CloseRemoteControl,
    EmptyHome,
    EraseDoorEvent,
    ForgetHome,
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
