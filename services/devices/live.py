"""What open pages are told: which of an installer's things changed, by id."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.autop import AutopSubmitted, ProvisioningForgotten, ProvisioningRetried, RegularProfileChanged
from contracts.devices.cameras import CameraAdded, CameraDescribed, CameraLinked, CameraRemoved, CameraUnlinked
from contracts.devices.commands import (
    DeviceCommandCancelled,
    DeviceCommandDelivered,
    DeviceCommandDone,
    DeviceCommandExpired,
    DeviceCommandFailed,
    DeviceCommandLost,
    DeviceCommandQueued,
    DeviceCommandSent,
)
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    DeviceReported,
    MethodChoiceDropped,
)
from contracts.devices.doors import AlarmRaised, DoorEventErased, DoorOpened, EntryRefused
from contracts.devices.homes import CredentialGranted, CredentialWithdrawn, HomeEmptied, HomeForgotten
from contracts.devices.imports import (
    MacImportAbandoned,
    MacImportCompleted,
    MacImportJudged,
    MacImportOpened,
    MacImportStarted,
    MacRowsRegistered,
    MacRowsStaged,
)
from contracts.devices.intercoms import (
    ConnectionTypeChosen,
    DeviceBound,
    DeviceDescribed,
    DeviceKeyIssued,
    DeviceUnbound,
    RelaysConfigured,
)
from contracts.devices.library import MacBound, MacRegistered, MacRemoved, MacUnbound
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.devices.remote_control import RemoteControlClosed, RemoteControlOpened
from contracts.live import installers_of
from contracts.message import Recorded
from kernel.service.declaration import Notice

_DEVICE = (
    DeviceBound,
    DeviceDescribed,
    RelaysConfigured,
    ConnectionTypeChosen,
    DeviceKeyIssued,
    DeviceUnbound,
    DeviceReported,
    MethodChoiceDropped,
    ConfigurationIssued,
    ConfigurationApplied,
    ConfigurationRefused,
    DeviceWentOnline,
    DeviceWentOffline,
    RegularProfileChanged,
    RemoteControlOpened,
    RemoteControlClosed,
)
_COMMAND = (
    DeviceCommandQueued,
    DeviceCommandSent,
    DeviceCommandDelivered,
    DeviceCommandDone,
    DeviceCommandFailed,
    DeviceCommandExpired,
    DeviceCommandCancelled,
    DeviceCommandLost,
)
_IMPORT = (
    MacImportOpened,
    MacRowsStaged,
    MacImportJudged,
    MacImportStarted,
    MacRowsRegistered,
    MacImportCompleted,
    MacImportAbandoned,
)
_CAMERA = (CameraAdded, CameraDescribed, CameraRemoved)
_LINK = (CameraLinked, CameraUnlinked)
_MAC = (MacRegistered, MacRemoved, MacBound, MacUnbound)
_DOOR = (DoorOpened, EntryRefused, AlarmRaised, DoorEventErased)
_CREDENTIAL = (CredentialGranted, CredentialWithdrawn)


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
        if isinstance(event, MacRegistered) and event.import_id:
            return  # told once for each part of the list
        is_shared = event.is_shared if isinstance(event, MacBound | MacUnbound) else event.installer_id is None
        tenants = _library(event.distributor_id, None if is_shared else event.installer_id)
        yield from (Notice(tenant, "mac", event.mac) for tenant in tenants)
    elif isinstance(event, _IMPORT):
        actor = recorded.actor
        yield from (
            Notice(each, "import", event.import_id) for each in (actor.distributor_id, actor.installer_id) if each
        )
        if isinstance(event, MacRowsRegistered) and actor.distributor_id:
            yield from (
                Notice(each, "mac", event.import_id) for each in _library(actor.distributor_id, actor.installer_id)
            )
    elif isinstance(event, AutopSubmitted | ProvisioningRetried | ProvisioningForgotten):
        yield Notice(event.installer_id, "provisioning", event.provisioning_id)
    elif isinstance(event, _DOOR):
        yield Notice(event.installer_id, "door-event", event.door_event_id)
    elif isinstance(event, _CREDENTIAL):
        yield Notice(event.installer_id, "credential", event.credential_id)
    elif isinstance(event, HomeEmptied | HomeForgotten):
        yield Notice(event.installer_id, "credential", event.user_id)
        yield Notice(event.installer_id, "door-event", event.user_id)
        yield Notice(event.installer_id, "device-command", event.user_id)


def _library(distributor_id: str, installer_id: str | None) -> tuple[str, str]:
    """Who has the MACs in sight that are registered for that installer, or for any."""
    return distributor_id, installer_id or installers_of(distributor_id)
