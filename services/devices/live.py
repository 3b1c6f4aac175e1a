"""What open pages are told: which of an installer's things changed, by id."""

from __future__ import annotations

from collections.abc import Iterable

from contracts import devices as d
from contracts.message import Recorded
from kernel.service import Notice

_DEVICE = (
    d.DeviceBound,
    d.DeviceDescribed,
    d.RelaysConfigured,
    d.ConnectionTypeChosen,
    d.DeviceKeyIssued,
    d.DeviceUnbound,
    d.DeviceReported,
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
        for tenant in (event.distributor_id, event.installer_id):
            if tenant:
                yield Notice(tenant, "mac", event.mac)
    elif isinstance(event, _IMPORT):
        for tenant in (recorded.actor.distributor_id, recorded.actor.installer_id):
            if tenant:
                yield Notice(tenant, "import", event.import_id)
                if isinstance(event, d.MacRowsRegistered):
                    yield Notice(tenant, "mac", event.import_id)
    elif isinstance(event, d.AutopSubmitted | d.ProvisioningRetried):
        yield Notice(event.installer_id, "provisioning", event.provisioning_id)
    elif isinstance(event, _DOOR):
        yield Notice(event.installer_id, "door-event", event.door_event_id)
    elif isinstance(event, _CREDENTIAL):
        yield Notice(event.installer_id, "credential", event.credential_id)
    elif isinstance(event, d.HomeEmptied | d.HomeForgotten):
        yield Notice(event.installer_id, "credential", event.user_id)
        yield Notice(event.installer_id, "door-event", event.user_id)
