"""The devices service: the MAC library, intercoms and what they are told, cameras, and who gets in at the doors."""

from __future__ import annotations

from dataclasses import replace

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
from kernel.process.settings import DEFAULT_UNBOUND_MACS, read_settings
from kernel.service.declaration import Service
from kernel.service.running import run
from services.devices import (
    access,
    access_log,
    audit,
    cameras,
    commands,
    credentials,
    fleet,
    imports,
    library,
    models,
    owners,
    preparing,
    provisionings,
    remote_controls,
    spending,
    tunnel,
)
from services.devices.camera import CAMERA
from services.devices.destroy_key_when_import_is_abandoned import DESTROY_IMPORT_KEY
from services.devices.destroy_key_when_thing_is_gone import DESTROY_KEY
from services.devices.destroy_keys_when_home_is_emptied import DESTROY_KEYS
from services.devices.device import DEVICE
from services.devices.device_command import DEVICE_COMMAND
from services.devices.door_event import DOOR_EVENT
from services.devices.empty_home_when_user_is_reset import EMPTY_HOME
from services.devices.end_remote_control_when_right_is_gone import CLOSE_OF_DEVICE, CLOSE_OF_SESSION
from services.devices.end_remote_control_when_time_is_up import AWAIT_END, TIME_IS_UP, end
from services.devices.erase_door_event_when_its_home_was_emptied import ERASE_DOOR_EVENT
from services.devices.expire_device_command_when_time_is_up import AWAIT_COMMAND_EXPIRY, COMMAND_EXPIRY
from services.devices.expire_device_command_when_time_is_up import expire as expire_command
from services.devices.forget_batch_when_its_devices_are_gone import FORGET_BATCH
from services.devices.forget_home_when_user_is_deleted import FORGET_HOME
from services.devices.home import HOME
from services.devices.issue_configuration_when_it_changes import ISSUE_CONFIGURATION
from services.devices.issue_weather_to_monitors import ISSUE_WEATHER, WEATHER_TIMER, Forecasts, half_an_hour_is_over
from services.devices.link import linked
from services.devices.live import live
from services.devices.mac import MAC
from services.devices.mac_import import MAC_IMPORT
from services.devices.mac_places import find_mac
from services.devices.mac_quota import MacQuota
from services.devices.note_indoor_monitor_when_bound import NOTE_INDOOR_MONITOR
from services.devices.presence import PRESENCE
from services.devices.profile import PROFILE
from services.devices.provision_when_autop_is_submitted import PROVISION
from services.devices.provisioning import PROVISIONING
from services.devices.refusing import authorize
from services.devices.register_rows_when_import_is_started import REGISTER_ROWS
from services.devices.remote_session import REMOTE_SESSION
from services.devices.reserve import brings_about, may_use_reserve, outlasts_budget
from services.devices.roster import ROSTER
from services.devices.sip import SIP
from services.devices.tallies import TALLIES
from services.devices.weather import WEATHER
from services.devices.weather_port import StandIn, port_of

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
        library.LIBRARY,
        library.LIBRARY_TALLIES,
        imports.IMPORTS,
        imports.REFUSED_LINES,
        owners.OWNERS,
        owners.STAFF,
        fleet.FLEET,
        commands.COMMANDS,
        ROSTER,
        cameras.CAMERAS,
        access.ACCESS,
        access_log.ACCESS_LOG,
        TALLIES,
        provisionings.PROVISIONINGS,
        provisionings.PROFILES,
        remote_controls.REMOTE_CONTROLS,
        audit.AUDIT,
        spending.BUDGET_LIMITS,
    ),
    queries={
        ListMacs: library.list_macs,
        FindMac: find_mac,
        GetMacImport: imports.get_import,
        ListMacImports: imports.list_imports,
        ListRefusedRows: imports.list_refused,
        ListDevices: fleet.list_devices,
        GetDevice: fleet.get_device,
        ListDeviceCommands: commands.list_device_commands,
        GetDeviceCommand: commands.get_device_command,
        ListModels: models.list_models,
        ListCameras: cameras.list_cameras,
        GetCamera: cameras.get_camera,
        ListCredentials: access.list_credentials,
        ListDoorEvents: access_log.list_door_events,
        ListDeviceAudit: audit.list_device_audit,
        ListDeviceBudgets: spending.list_device_budgets,
        PreviewAutop: provisionings.preview,
        ListProvisionings: provisionings.list_provisionings,
        GetProvisioning: provisionings.get_provisioning,
        GetRegularProfile: provisionings.get_profile,
        GetRemoteControl: remote_controls.get_remote_control,
        AskDevicePage: tunnel.ask_device_page,
    },
    authorize=authorize,
    prepare={
        StageMacRows: library.judge_known,
        RetryProvisioning: provisionings.prepare_retry,
        MergeRegularProfile: provisionings.prepare_merge,
        **preparing.PREPARE,
        GrantCredential: credentials.make,
        **MacQuota(DEFAULT_UNBOUND_MACS).prepare,
        IssueWeather: Forecasts(StandIn()).prepare,
    },
    answers={
        **preparing.ANSWERS,
        GrantCredential: credentials.tell_made,
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
    beside=linked,
)


def main() -> None:
    settings = read_settings()
    if (file := settings.models_file) is not None:
        try:
            models.extend(file)
        except models.ModelsUnreadable as error:
            raise SystemExit(f"smartplus: SMARTPLUS_MODELS_FILE: {error}") from None
    port = port_of(settings.weather_url, settings.weather_search_url, settings.weather_key)
    quota = MacQuota(settings.unbound_macs_per_installer)
    run(replace(SERVICE, prepare={**SERVICE.prepare, **quota.prepare, IssueWeather: Forecasts(port).prepare}))


if __name__ == "__main__":
    main()
