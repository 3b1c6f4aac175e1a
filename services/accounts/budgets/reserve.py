"""What is recorded even when the log is all but full: whatever ends a right, and whatever erases."""

from __future__ import annotations

from contracts.accounts.access import ChangePassword, CloseSession, EndImpersonation, ResetPassword
from contracts.accounts.budgets import SetBudget
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.accounts.members import DeleteMember
from contracts.accounts.partners import SwitchAccountAccess, SwitchOfflineSolution, WithdrawAccess
from contracts.accounts.sites import UnlinkSite
from contracts.accounts.terms import ExpireUser
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
