"""The devices service: the MAC library, intercoms and what they are told, cameras, and who gets in at the doors."""

from __future__ import annotations

from contracts.devices.audit import ListDeviceAudit
from contracts.devices.autop import (
    GetProvisioning,
    GetRegularProfile,
    ListProvisionings,
    MergeRegularProfile,
    PreviewAutop,
    RetryProvisioning,
)
from contracts.devices.budgets import ListDeviceBudgets
from contracts.devices.cameras import GetCamera, ListCameras
from contracts.devices.commands import GetDeviceCommand, ListDeviceCommands
from contracts.devices.doors import ListDoorEvents
from contracts.devices.homes import GrantCredential, ListCredentials
from contracts.devices.imports import GetMacImport, ListMacImports, ListRefusedRows, StageMacRows
from contracts.devices.intercoms import GetDevice, ListDevices
from contracts.devices.library import FindMac, ListMacs
from contracts.devices.models import ListModels
from contracts.devices.remote_control import AskDevicePage, GetRemoteControl
from contracts.devices.weather import IssueWeather
from contracts.message import Event
from contracts.modules import declared, upcasts_of
from contracts.permissions import authorize
from kernel.service.declaration import Service
from kernel.service.running import run
from services.devices import audit
from services.devices.autop import provisionings
from services.devices.autop.forget_batch_when_its_devices_are_gone import FORGET_BATCH
from services.devices.autop.preparing import prepare_merge, prepare_retry
from services.devices.autop.profile import PROFILE
from services.devices.autop.provision_when_autop_is_submitted import PROVISION
from services.devices.autop.provisioning import PROVISIONING
from services.devices.autop.queries import get_profile, get_provisioning, list_provisionings, preview
from services.devices.budgets import budgets
from services.devices.budgets.reserve import brings_about, may_use_reserve, outlasts_budget
from services.devices.cameras import cameras
from services.devices.cameras.camera import CAMERA
from services.devices.commands import device_commands
from services.devices.commands.device_command import DEVICE_COMMAND
from services.devices.commands.reactions import AWAIT_COMMAND_EXPIRY, COMMAND_EXPIRY
from services.devices.commands.reactions import expire as expire_command
from services.devices.configuration.reactions import ISSUE_CONFIGURATION
from services.devices.doors import credentials, door_events
from services.devices.doors import preparing as granting
from services.devices.doors.door_event import DOOR_EVENT
from services.devices.doors.reactions import ERASE_DOOR_EVENT
from services.devices.homes.decisions import HOME
from services.devices.homes.reactions import DESTROY_KEYS, EMPTY_HOME, FORGET_HOME
from services.devices.intercoms import devices
from services.devices.intercoms import preparing as binding
from services.devices.intercoms.decisions import DEVICE
from services.devices.intercoms.queries import get_device, list_devices
from services.devices.intercoms.reactions import DESTROY_KEY, NOTE_INDOOR_MONITOR
from services.devices.library import mac_imports, mac_quota, macs
from services.devices.library.mac import MAC
from services.devices.library.mac_import_decisions import MAC_IMPORT
from services.devices.library.mac_places import find_mac
from services.devices.library.reactions import DESTROY_IMPORT_KEY, REGISTER_ROWS
from services.devices.link.link import linked
from services.devices.link.presence import PRESENCE
from services.devices.link.roster import ROSTER
from services.devices.live import live
from services.devices.models import models
from services.devices.numbers.sip import SIP
from services.devices.owners import owners
from services.devices.remote_control import remote_sessions, tunnel
from services.devices.remote_control.reactions import AWAIT_END, CLOSE_OF_DEVICE, CLOSE_OF_SESSION, TIME_IS_UP, end
from services.devices.remote_control.remote_session import REMOTE_SESSION
from services.devices.settings import DevicesSettings
from services.devices.tallies import TALLIES
from services.devices.weather.reactions import (
    ISSUE_WEATHER,
    WEATHER_TIMER,
    Forecasts,
    half_an_hour_is_over,
    provider_in,
)
from services.devices.weather.weather import WEATHER

SERVICE = Service(
    name="devices",
    aggregates=(
        MAC,
        MAC_IMPORT,
        DEVICE,
        SIP,
        PRESENCE,
        DEVICE_COMMAND,
        CAMERA,
        HOME,
        PROVISIONING,
        PROFILE,
        REMOTE_SESSION,
        DOOR_EVENT,
        WEATHER,
    ),
    read_models=(
        macs.LIBRARY,
        macs.LIBRARY_TALLIES,
        mac_imports.IMPORTS,
        mac_imports.REFUSED_LINES,
        owners.OWNERS,
        owners.STAFF,
        devices.FLEET,
        device_commands.COMMANDS,
        ROSTER,
        cameras.CAMERAS,
        credentials.ACCESS,
        door_events.ACCESS_LOG,
        TALLIES,
        provisionings.PROVISIONINGS,
        provisionings.PROFILES,
        remote_sessions.REMOTE_CONTROLS,
        audit.AUDIT,
        budgets.BUDGET_LIMITS,
    ),
    queries={
        ListMacs: macs.list_macs,
        FindMac: find_mac,
        GetMacImport: mac_imports.get_import,
        ListMacImports: mac_imports.list_imports,
        ListRefusedRows: mac_imports.list_refused,
        ListDevices: list_devices,
        GetDevice: get_device,
        ListDeviceCommands: device_commands.list_device_commands,
        GetDeviceCommand: device_commands.get_device_command,
        ListModels: models.list_models,
        ListCameras: cameras.list_cameras,
        GetCamera: cameras.get_camera,
        ListCredentials: credentials.list_credentials,
        ListDoorEvents: door_events.list_door_events,
        ListDeviceAudit: audit.list_device_audit,
        ListDeviceBudgets: budgets.list_device_budgets,
        PreviewAutop: preview,
        ListProvisionings: list_provisionings,
        GetProvisioning: get_provisioning,
        GetRegularProfile: get_profile,
        GetRemoteControl: remote_sessions.get_remote_control,
        AskDevicePage: tunnel.ask_device_page,
    },
    authorize=authorize,
    prepare={
        StageMacRows: macs.judge_known,
        RetryProvisioning: prepare_retry,
        MergeRegularProfile: prepare_merge,
        **binding.PREPARE,
        GrantCredential: granting.make,
        **mac_quota.PREPARE,
        IssueWeather: Forecasts(provider_in).prepare,
    },
    answers={
        **binding.ANSWERS,
        GrantCredential: granting.tell_made,
    },
    live=live,
    reactions=(
        REGISTER_ROWS,
        PROVISION,
        AWAIT_END,
        CLOSE_OF_DEVICE,
        CLOSE_OF_SESSION,
        EMPTY_HOME,
        FORGET_HOME,
        FORGET_BATCH,
        ERASE_DOOR_EVENT,
        DESTROY_KEYS,
        DESTROY_KEY,
        DESTROY_IMPORT_KEY,
        ISSUE_WEATHER,
        AWAIT_COMMAND_EXPIRY,
        ISSUE_CONFIGURATION,
        NOTE_INDOOR_MONITOR,
    ),
    may_use_reserve=may_use_reserve,
    outlasts_budget=outlasts_budget,
    brings_about=brings_about,
    timers={COMMAND_EXPIRY: expire_command, TIME_IS_UP: end, WEATHER_TIMER: half_an_hour_is_over},
    upcast=upcasts_of("devices"),
    # Every event of accounts, so that each one can be read; each model takes its own.
    followed={"accounts": declared("accounts", Event)},
    settings=DevicesSettings,
    tables=lambda settings: models.known_models(settings.models_file),
    beside=linked,
)


def main() -> None:
    run(SERVICE)


if __name__ == "__main__":
    main()
