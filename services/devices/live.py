"""What open pages are told: which of an installer's things changed, by id."""

from __future__ import annotations

from collections.abc import Iterable

from contracts import devices as d
from contracts.live import installers_of
from contracts.message import Recorded
from kernel.service.declaration import Notice

_DEVICE = (
    d.DeviceBound,
    d.DeviceDescribed,
    d.RelaysConfigured,
    d.ConnectionTypeChosen,
    d.DeviceKeyIssued,
    d.DeviceUnbound,
    d.DeviceReported,
    d.MethodChoiceDropped,
    d.ConfigurationIssued,
    d.ConfigurationApplied,
    d.ConfigurationRefused,
    d.DeviceWentOnline,
    d.DeviceWentOffline,
    d.RegularProfileChanged,
    d.RemoteControlOpened,
    d.RemoteControlClosed,
)
_COMMAND = (
    d.DeviceCommandQueued,
    d.DeviceCommandSent,
    d.DeviceCommandDelivered,
    d.DeviceCommandDone,
    d.DeviceCommandFailed,
    d.DeviceCommandExpired,
    d.DeviceCommandCancelled,
    d.DeviceCommandLost,
)
_IMPORT = (
    d.MacImportOpened,
    d.MacRowsStaged,
    d.MacImportJudged,
    d.MacImportStarted,
    d.MacRowsRegistered,
    d.MacImportCompleted,
    d.MacImportAbandoned,
)
_CAMERA = (d.CameraAdded, d.CameraDescribed, d.CameraRemoved)
_LINK = (d.CameraLinked, d.CameraUnlinked)
_MAC = (d.MacRegistered, d.MacRemoved, d.MacBound, d.MacUnbound)
_DOOR = (d.DoorOpened, d.EntryRefused, d.AlarmRaised, d.DoorEventErased)
_CREDENTIAL = (d.CredentialGranted, d.CredentialWithdrawn)


def live(recorded: Recorded) -> Iterable[Notice]:
    """The notices of one event."""
    event = recorded.event
    if isinstance(event, _DEVICE):
        yield Notice(event.installer_id, "device", event.device_id)
    elif isinstance(event, _COMMAND):
        yield Notice(event.installer_id, "device-command", event.device_command_id)
        yield Notice(event.installer_id, "device", event.device_id)
    elif isinstance(event, _LINK):
        yield Notice(event.installer_id, "camera", event.camera_id)
        yield Notice(event.installer_id, "device", event.device_id)
    elif isinstance(event, _CAMERA):
        yield Notice(event.installer_id, "camera", event.camera_id)
    elif isinstance(event, _MAC):
        if isinstance(event, d.MacRegistered) and event.import_id:
            return  # told once for each part of the list
        is_shared = event.is_shared if isinstance(event, d.MacBound | d.MacUnbound) else event.installer_id is None
        tenants = _library(event.distributor_id, None if is_shared else event.installer_id)
        yield from (Notice(tenant, "mac", event.mac) for tenant in tenants)
    elif isinstance(event, _IMPORT):
        actor = recorded.actor
        yield from (
            Notice(each, "import", event.import_id) for each in (actor.distributor_id, actor.installer_id) if each
        )
        if isinstance(event, d.MacRowsRegistered) and actor.distributor_id:
            yield from (
                Notice(each, "mac", event.import_id) for each in _library(actor.distributor_id, actor.installer_id)
            )
    elif isinstance(event, d.AutopSubmitted | d.ProvisioningRetried | d.ProvisioningForgotten):
        yield Notice(event.installer_id, "provisioning", event.provisioning_id)
    elif isinstance(event, _DOOR):
        yield Notice(event.installer_id, "door-event", event.door_event_id)
    elif isinstance(event, _CREDENTIAL):
        yield Notice(event.installer_id, "credential", event.credential_id)
    elif isinstance(event, d.HomeEmptied | d.HomeForgotten):
        yield Notice(event.installer_id, "credential", event.user_id)
        yield Notice(event.installer_id, "door-event", event.user_id)
        yield Notice(event.installer_id, "device-command", event.user_id)


def _library(distributor_id: str, installer_id: str | None) -> tuple[str, str]:
    """Who has the MACs in sight that are registered for that installer, or for any."""
    return distributor_id, installer_id or installers_of(distributor_id)
