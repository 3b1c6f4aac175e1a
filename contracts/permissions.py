"""Who may ask what (L-05): one row per command and query, one column per role; and what lies in whose tree.

The rule it protects: what is not written here is forbidden. A role says what somebody may do at all; `within` says to
whom, and everything outside answers as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts import accounts as a
from contracts import devices as d
from contracts.acting import acts_for_another
from contracts.message import Actor, Command, Query, Refusal, Role
from contracts.refusals import REFUSALS

SYSTEM = Actor(account_id="system", role=Role.SUPER_MANAGER)
"""The region itself: its timers, its billing, its operator's command line. No session can become it."""

VISITOR = Actor(account_id="visitor", role=Role.FAMILY_MEMBER)
"""Whoever has not logged in yet."""

# fmt: off
_TABLE: Mapping[type[Command | Query], str] = {
    # S super manager · D distributor · I installer · P property manager · M family master · F family member
    # A row of dots alone is the system's own; every other row is open to it as well.
    a.CreateSuperManager:     ". . . . . .",
    a.CreateDistributor:      "S . . . . .",
    a.SwitchOfflineSolution:  "S . . . . .",
    a.ListDistributors:       "S . . . . .",
    a.CreateInstaller:        ". D . . . .",
    a.SwitchAccountAccess:    ". D . . . .",
    a.StartImpersonation:     ". D . . . .",
    a.EndImpersonation:       ". D I . . .",
    a.ListInstallers:         "S D . . . .",
    a.GetInstaller:           "S D I . . .",
    a.GrantAccess:            ". . I . . .",
    a.WithdrawAccess:         ". . I . . .",
    a.ChangeCustomerService:  ". . I . . .",
    a.CreatePropertyManager:  ". . I . . .",
    a.OpenSession:            "S D I P M F",
    a.CloseSession:           "S D I P M F",
    a.KeepSession:            ". . . . . .",
    a.ChangePassword:         "S D I P M F",
    a.GetSession:             "S D I P M F",
    a.FindLoginOwner:         ". . . . . .",
    a.ListSessions:           "S D I P M F",
    a.AddUser:                ". . I . . .",
    a.EditUser:               ". . I . . .",
    a.ActivateUser:           ". . . . . .",
    a.RenewUser:              ". . . . . .",
    a.ExpireUser:             ". . . . . .",
    a.NoteIndoorMonitor:      ". . . . . .",
    a.ResetUser:              ". . I . . .",
    a.DeleteUser:             ". . I . . .",
    a.ResetPassword:          ". . I . . .",
    a.SetFreeSubaccounts:     ". D . . . .",
    a.LinkSite:               "S . . . . .",
    a.UnlinkSite:             "S . . . . .",
    a.AddMember:              ". . I . . .",
    a.EditMember:             ". . I . . .",
    a.DeleteMember:           ". . I . . .",
    a.ListUsers:              ". . I . . .",
    a.GetUser:                ". . I . M .",
    a.ListAudit:              "S D I . . .",
    a.SetBudget:              "S . . . . .",
    a.ListBudgets:            "S . . . . .",
    d.RegisterMac:            ". D I . . .",
    d.ClaimMac:               ". . I . . .",
    d.RemoveMac:              ". D I . . .",
    d.MoveMac:                "S . . . . .",
    d.OpenMacImport:          ". D I . . .",
    d.StageMacRows:           ". D I . . .",
    d.StartMacImport:         ". D I . . .",
    d.AbandonMacImport:       ". D I . . .",
    d.RegisterMacRows:        ". . . . . .",
    d.ListMacs:               ". D I . . .",
    d.FindMac:                "S . . . . .",
    d.GetMacImport:           ". D I . . .",
    d.ListMacImports:         ". D I . . .",
    d.ListRefusedRows:        ". D I . . .",
    d.BindDevice:             ". . I . . .",
    d.EditDevice:             ". . I . . .",
    d.UnbindDevice:           ". . I . . .",
    d.RotateDeviceKey:        ". . I . . .",
    d.ChooseConnectionType:   ". . I . . .",
    d.ListDevices:            ". . I . . .",
    d.GetDevice:              ". . I . . .",
    d.ListModels:             "S D I P M F",
    d.ListDeviceAudit:        ". D I . . .",
    d.ListDeviceBudgets:      "S . . . . .",
    d.NoteDeviceReport:       ". . . . . .",
    d.IssueConfiguration:     ". . . . . .",
    d.NoteConfigurationApplied: ". . . . . .",
    d.NoteConfigurationRefused: ". . . . . .",
    d.NoteDeviceOnline:       ". . . . . .",
    d.NoteDeviceOffline:      ". . . . . .",
    d.RebootDevice:           ". . I . . .",
    d.ResetDevice:            ". . I . . .",
    d.UnlockDoor:             ". . I . M F",
    d.SwitchArming:           ". . I . M F",
    d.QueueOneTimeAutop:      ". . . . . .",
    d.CancelDeviceCommand:    ". . I . . .",
    d.NoteDeviceCommand:      ". . . . . .",
    d.ListDeviceCommands:     ". . I . . .",
    d.GetDeviceCommand:       ". . I . M F",
    d.SubmitAutop:            ". . I . . .",
    d.RetryProvisioning:      ". . I . . .",
    d.ForgetProvisioning:     ". . . . . .",
    d.MergeRegularProfile:    ". . . . . .",
    d.ClearRegularProfile:    ". . I . . .",
    d.PreviewAutop:           ". . I . . .",
    d.ListProvisionings:      ". . I . . .",
    d.GetProvisioning:        ". . I . . .",
    d.GetRegularProfile:      ". . I . . .",
    d.OpenRemoteControl:      ". . I . . .",
    d.CloseRemoteControl:     ". . I . . .",
    d.ClaimRemoteControl:     ". . . . . .",
    d.NoteRemoteControlUse:   ". . . . . .",
    d.GetRemoteControl:       ". . . . . .",
    d.AskDevicePage:          ". . . . . .",
    d.AddCamera:              ". . I . . .",
    d.EditCamera:             ". . I . . .",
    d.RemoveCamera:           ". . I . . .",
    d.ListCameras:            ". . I . . .",
    d.GetCamera:              ". . I . . .",
    d.GrantCredential:        ". . I . . .",
    d.WithdrawCredential:     ". . I . . .",
    d.ListCredentials:        ". . I . . .",
    d.ListDoorEvents:         ". . I . . .",
    d.RecordDoorEvent:        ". . . . . .",
    d.EraseDoorEvent:         ". . . . . .",
    d.EmptyHome:              ". . . . . .",
    d.ForgetHome:             ". . . . . .",
    d.IssueWeather:           ". . . . . .",
}
# fmt: on

MAY: Mapping[type[Command | Query], frozenset[Role]] = {
    message: frozenset(role for role, mark in zip(Role, row.split(), strict=True) if mark != ".")
    for message, row in _TABLE.items()
}

UNDER_ACCOUNT_ACCESS: frozenset[type[Command | Query]] = frozenset(
    {
        # Coming and going
        a.CloseSession,
        a.EndImpersonation,
        # Households and their people. What is made waits without a password until the installer issues one.
        a.AddUser,
        a.EditUser,
        a.ResetUser,
        a.DeleteUser,
        a.AddMember,
        a.EditMember,
        a.DeleteMember,
        a.ChangeCustomerService,
        # Things. A device that is bound waits without a key until the installer issues one.
        d.RegisterMac,
        d.ClaimMac,
        d.RemoveMac,
        d.OpenMacImport,
        d.StageMacRows,
        d.StartMacImport,
        d.AbandonMacImport,
        d.BindDevice,
        d.EditDevice,
        d.UnbindDevice,
        d.ChooseConnectionType,
        d.RebootDevice,
        d.ResetDevice,
        d.CancelDeviceCommand,
        d.ClearRegularProfile,
        d.CloseRemoteControl,
        d.AddCamera,
        d.EditCamera,
        d.RemoveCamera,
        # Taking away
        d.WithdrawCredential,
        *a.QUERIES,
        # Who may not submit AutoP needs no preview; and it says whether what was typed is what is stored.
        *(d.QUERIES.keys() - {d.PreviewAutop}),
    }
)
"""What may be asked while acting for somebody else. A command that is not here is for the holder of the account alone.

A command belongs here if nothing that it does lets anybody through a door: not now, and not by what is done later.
AutoP is not here: its lines set a door's codes and who answers its calls.
"""


def objection(message: Command | Query) -> Refusal | None:
    """Why the actor's role forbids the message, or `None`. Says nothing about the tenant: that is `within`."""
    actor = message.actor
    if actor.account_id == SYSTEM.account_id:
        return None
    if actor.role not in MAY.get(type(message), frozenset()):
        return _refusal("forbidden")
    if acts_for_another(actor) and type(message) not in UNDER_ACCOUNT_ACCESS:
        return _refusal("forbidden-while-impersonating")
    return None


def within(
    actor: Actor, *, distributor_id: str | None, installer_id: str | None = None, household_id: str | None = None
) -> bool:
    """Does that place of the tenant tree lie at or below the actor's own? Default: no."""
    match actor.role:
        case Role.SUPER_MANAGER:
            return True
        case Role.DISTRIBUTOR:
            return actor.distributor_id is not None and actor.distributor_id == distributor_id
        case Role.INSTALLER | Role.PROPERTY_MANAGER:
            return actor.installer_id is not None and actor.installer_id == installer_id
        case Role.FAMILY_MASTER | Role.FAMILY_MEMBER:
            return actor.household_id is not None and actor.household_id == household_id


def _refusal(code: str) -> Refusal:
    return Refusal(code=code, detail=REFUSALS[code].sentence)
