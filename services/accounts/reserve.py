"""What is recorded even when the log is all but full: whatever ends a right, and whatever erases."""

from __future__ import annotations

from contracts.accounts import (
    ChangePassword,
    CloseSession,
    DeleteMember,
    DeleteUser,
    EndImpersonation,
    ExpireUser,
    ResetPassword,
    ResetUser,
    SetBudget,
    SwitchAccountAccess,
    SwitchOfflineSolution,
    UnlinkSite,
    WithdrawAccess,
)
from contracts.message import Command

_ALWAYS = (
    ChangePassword,  # ends every other session
    CloseSession,
    DeleteMember,
    DeleteUser,
    EndImpersonation,
    ExpireUser,
    ResetPassword,  # ends every session
    ResetUser,
    SetBudget,  # the operator's own means against whoever fills the log, in every service
    UnlinkSite,
    WithdrawAccess,
)


def may_use_reserve(command: Command) -> bool:
    """Whether it may be recorded in the last part of the log."""
    if isinstance(command, SwitchAccountAccess | SwitchOfflineSolution):
        return not command.enabled
    return isinstance(command, _ALWAYS)
