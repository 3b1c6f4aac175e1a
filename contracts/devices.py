"""The language of devices: the MAC library, intercoms and their relays, cameras, access, commands, provisioning.

Homes are the households of accounts, seen from their doors: `user_id` is the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from contracts.accounts import Filled, Id, Page, PerPage
from contracts.budgets import BudgetList, BudgetQuery
from contracts.characters import pasted_lines
from contracts.message import Command, Event, FilledMark, Personal, Query, Role, View
from contracts.moments import Moment, RecordedMoment, in_utc
from contracts.notations import host_ipv4, label_code, mac_address, rtsp_address
from contracts.text import FilledLine, Name, cleaned, labelled, machine, matching, numeral, page_path

RELAYS_MAX = 4
SECURITY_RELAYS_MAX = 2
AUTOP_DEVICES_MAX = 500
AUTOP_LINES_MAX = 200
AUTOP_LINE_CHARACTERS_MAX = 1024
IMPORT_ROWS_MAX = 100_000
IMPORT_CHUNK_ROWS = 900
IMPORT_CHUNK_ROWS_WITH_CODES = 450
COMMAND_DAYS = 7
UNLOCK_SECONDS = 5
REMOTE_CONTROL_MINUTES = 15
PAGE_REQUEST_BYTES = 256 * 1024
PAGE_ANSWER_BYTES = 640 * 1024
PAGE_REQUEST_HEADERS = frozenset(
    {"accept", "accept-language", "authorization", "content-type", "cookie", "if-modified-since", "if-none-match",
     "x-requested-with"}
)  # fmt: skip

_MAC_CHARACTERS_MAX = 64
_AUTOP_CHARACTERS_MAX = AUTOP_LINES_MAX * (AUTOP_LINE_CHARACTERS_MAX + 2)

Mac = Annotated[
    str,
    Field(max_length=_MAC_CHARACTERS_MAX, description="12 hexadecimal digits, whatever stands between them"),
    AfterValidator(mac_address),
]
LabelCode = Annotated[
    str,
    Field(max_length=64, description="8 to 32 letters and digits, as they stand on the label"),
    AfterValidator(label_code),
]
Ip = Annotated[
    str,
    Field(max_length=15, description="IPv4, dotted, of one device", json_schema_extra={"format": "ipv4"}),
    cleaned(numeral),
    AfterValidator(host_ipv4),
]
Dtmf = Annotated[str, cleaned(numeral), *matching(r"^[0-9*#]{1,4}$", "dtmf-malformed")]
RelayNumber = Annotated[int, Field(ge=1, le=RELAYS_MAX)]
RtspAddress = Annotated[str, Field(max_length=1024), cleaned(machine), AfterValidator(rtsp_address)]
AutopText = Annotated[
    str,
    Field(max_length=_AUTOP_CHARACTERS_MAX, repr=False),
    BeforeValidator(lambda value: pasted_lines(value) if isinstance(value, str) else value),
]
FileName = Annotated[str, Field(max_length=256), labelled(256)]
DeviceWord = Annotated[str, Field(max_length=24), labelled(24)]
DeviceName = Annotated[str, Field(max_length=128), labelled(128)]
DeviceText = Annotated[str, Field(max_length=200), labelled(200)]
Secret = Annotated[str, Field(min_length=1, max_length=256, repr=False)]
PagePath = Annotated[str, Field(max_length=2048), AfterValidator(page_path)]
PageHeader = Annotated[str, Field(pattern=f"^({'|'.join(sorted(PAGE_REQUEST_HEADERS))})$")]
HeaderText = Annotated[str, Field(max_length=4096, pattern=r"^[\x20-\x7e\t]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FilledFlag = Annotated[bool, FilledMark()]
FilledText = Annotated[str, FilledMark()]


class DeviceKind(StrEnum):
    """What a device is for; it decides which fields it has (R-19)."""

    DOORPHONE_SINGLE = "doorphone_single"
    DOORPHONE_MULTI = "doorphone_multi"
    INDOOR_MONITOR = "indoor_monitor"
    ACCESS_CONTROL = "access_control"
    GUARD_PHONE = "guard_phone"


class AccessMethod(StrEnum):
    """The seven ways to trigger a relay (D-22). The first two are the app's, the others the device's (R-25)."""

    HOMEPAGE = "homepage"
    TALKING_PAGE = "talking_page"
    PIN = "pin"
    FACE = "face"
    RF_CARD = "rf_card"
    BLUETOOTH = "bluetooth"
    NFC = "nfc"


APP_METHODS = (AccessMethod.HOMEPAGE, AccessMethod.TALKING_PAGE)
DEVICE_METHODS = tuple(each for each in AccessMethod if each not in APP_METHODS)


class ConnectionType(StrEnum):
    """How a device carries its SIP messages (R-32)."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class CredentialKind(StrEnum):
    """What opens a door without the app. `qr` is read by the camera and counts as the method `face`'s reader does."""

    PIN = "pin"
    FACE = "face"
    RF_CARD = "rf_card"
    BLUETOOTH = "bluetooth"
    NFC = "nfc"
    QR = "qr"


class DeviceCommandKind(StrEnum):
    """What a device can be told to do. Unlocking and arming never wait; the others wait for a device that is off."""

    REBOOT = "reboot"
    CONFIGURATION_RESET = "configuration_reset"
    FACTORY_RESET = "factory_reset"
    ONE_TIME_AUTOP = "one_time_autop"
    UNLOCK = "unlock"
    ARM = "arm"
    DISARM = "disarm"


IMMEDIATE = frozenset({DeviceCommandKind.UNLOCK, DeviceCommandKind.ARM, DeviceCommandKind.DISARM})
RESETS = frozenset({DeviceCommandKind.CONFIGURATION_RESET, DeviceCommandKind.FACTORY_RESET})


class DeviceCommandState(StrEnum):
    """Where a command to a device is. `unknown`: it was sent and no answer came in time, so nobody can say."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


OPEN_STATES = (DeviceCommandState.QUEUED, DeviceCommandState.SENT, DeviceCommandState.DELIVERED)


class ConfigurationState(StrEnum):
    """Whether a device does what it is set to: it has never been told, has yet to apply, has applied, or refused."""

    NEVER = "never"
    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"


class ResetScope(StrEnum):
    """Which of its two resets a device does (R-33)."""

    CONFIGURATION = "configuration"
    FACTORY = "factory"


class AutopKind(StrEnum):
    """Regular lines are applied again after every reset, one-time lines once (A-02)."""

    REGULAR = "regular"
    ONE_TIME = "one_time"


class ImportState(StrEnum):
    """`judged` is a dry run: nothing is in the library before somebody starts the import."""

    STAGING = "staging"
    JUDGED = "judged"
    RUNNING = "running"
    DONE = "done"
    ABANDONED = "abandoned"


class RowFault(StrEnum):
    """Why a line of an uploaded list is not taken. Each is a code of `contracts.refusals`, with its sentence."""

    ROW_EMPTY = "row-empty"
    MAC_MALFORMED = "mac-malformed"
    COLUMNS_NOT_EMPTY = "columns-not-empty"
    CELL_NOT_TEXT = "cell-not-text"
    CELL_IS_FORMULA = "cell-is-formula"
    DUPLICATE_IN_FILE = "duplicate-in-file"
    MAC_REGISTERED = "mac-registered"
    MAC_ELSEWHERE = "mac-elsewhere"
    MAC_BOUND = "mac-bound"


class DoorEventKind(StrEnum):
    """What a device tells about its door."""

    OPENED = "opened"
    REFUSED = "refused"
    ALARM = "alarm"


class MacUse(StrEnum):
    """Which MACs of the library to list (M-01)."""

    ALL = "all"
    BOUND = "bound"
    UNBOUND = "unbound"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Relay(_Part):
    """A relay as the form has it. A disabled one keeps its settings and exposes nothing (D-30)."""

    number: RelayNumber
    enabled: bool = True
    name: Name
    dtmf: Dtmf | None = None
    methods: tuple[AccessMethod, ...] = tuple(AccessMethod)


class RelaySetting(BaseModel):
    """A relay as events tell it, without its name: names stand beside, sealed, in the same order."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    enabled: bool
    dtmf: str | None
    methods: tuple[AccessMethod, ...]


class RelayRef(_Part):
    """One relay of one device."""

    device_id: Id
    relay: RelayNumber


Relays = Annotated[tuple[Relay, ...], Field(max_length=RELAYS_MAX)]
SecurityRelays = Annotated[tuple[Relay, ...], Field(max_length=SECURITY_RELAYS_MAX)]


# --- Commands: MAC library --------------------------------------------------------------------------------------------


class RegisterMac(Command):
    """Put a MAC into the library by hand (M-02). A distributor may say the code on its label: see `ClaimMac`."""

    mac: Mac
    code: Annotated[LabelCode | None, Field(repr=False)] = None
    quota_reached: FilledFlag = False
    code_hash: Annotated[str | None, FilledMark()] = None


class ClaimMac(Command):
    """Take an unbound MAC into one's own library, from whichever it is in, by the code on its label.

    The code is used up. Whoever does not have it hears `mac-claim-refused`, whatever is true of the MAC.
    """

    mac: Mac
    code: Annotated[LabelCode, Field(repr=False)]
    quota_reached: FilledFlag = False
    code_hash: Annotated[str | None, FilledMark()] = None


class RemoveMac(Command):
    """Take a MAC out of the library; refused while it is bound (M-08, M-09)."""

    mac: Mac


class MoveMac(Command):
    """Move an unbound MAC into the library of another installer or, without one, of a distributor.

    `reason` is shown to those who had it and to those who have it now: it names nobody.
    """

    mac: Mac
    distributor_id: Id
    installer_id: Id | None = None
    reason: FilledLine
    is_place: FilledFlag = False


class ImportedRow(_Part):
    """A row of an uploaded list: its line in the file, what stands in column A, and what its reader found wrong.

    `code` is what stands in column B of a distributor's list: the code on the label.
    """

    line: Annotated[int, Field(ge=1, le=2_000_000)]
    text: Annotated[str, Field(max_length=64)]
    fault: RowFault | None = None
    code: Annotated[LabelCode | None, Field(repr=False)] = None


class OpenMacImport(Command):
    """Begin to hand over a list of MACs that was uploaded (M-03)."""

    import_id: Id
    file_name: FileName
    rows: Annotated[int, Field(ge=0, le=IMPORT_ROWS_MAX)]


class StageMacRows(Command):
    """Hand over the next rows of the list, judged so far as the file alone tells. `part` counts from 0.

    Codes on labels are a distributor's to say; of an installer's list they are not taken.
    """

    import_id: Id
    part: Annotated[int, Field(ge=0, le=IMPORT_ROWS_MAX // IMPORT_CHUNK_ROWS_WITH_CODES + 1)]
    rows: Annotated[tuple[ImportedRow, ...], Field(min_length=1, max_length=IMPORT_CHUNK_ROWS)]
    known: Annotated[tuple[tuple[str, RowFault], ...], FilledMark()] = ()
    code_hashes: Annotated[tuple[tuple[str, str], ...], FilledMark()] = ()

    @model_validator(mode="after")
    def _check_codes(self) -> StageMacRows:
        # A row with a code makes two events, and all events of a part are recorded in one step.
        if len(self.rows) > IMPORT_CHUNK_ROWS_WITH_CODES and any(row.code for row in self.rows):
            raise ValueError(f"at most {IMPORT_CHUNK_ROWS_WITH_CODES} rows where any has a code")
        return self


class StartMacImport(Command):
    """Put the valid rows of a judged list into the library."""

    import_id: Id
    quota_reached: FilledFlag = False


class AbandonMacImport(Command):
    """Forget a judged list; nothing of it gets into the library."""

    import_id: Id


class RegisterMacRows(Command):
    """Register one part of a started import. The service sends it to itself."""

    import_id: Id
    part: Annotated[int, Field(ge=0)]


# --- Commands: devices ------------------------------------------------------------------------------------------------


class BindDevice(Command):
    """Add a device to a household (D-01..D-19). Answers `device_key`, once."""

    device_id: Id
    user_id: Id
    mac: Mac
    kind: DeviceKind
    name: Name
    relays: Relays = ()
    security_relays: SecurityRelays = ()
    internet_access: bool = True
    transfer_ip: Ip | None = None
    works_offline: bool = False
    arming_function: bool = False
    connection_type: ConnectionType = ConnectionType.TCP
    key_hash: Filled = None
    distributor_id: Filled = None
    installer_id: Filled = None
    offline_solution: FilledFlag = False


class EditDevice(Command):
    """Replace what the device form shows (D-20). The MAC stays: other hardware is another device."""

    device_id: Id
    kind: DeviceKind
    name: Name
    relays: Relays = ()
    security_relays: SecurityRelays = ()
    internet_access: bool = True
    transfer_ip: Ip | None = None
    works_offline: bool = False
    arming_function: bool = False
    offline_solution: FilledFlag = False


class UnbindDevice(Command):
    """Delete the device; its MAC is free again (D-21)."""

    device_id: Id


class RotateDeviceKey(Command):
    """Issue the device another key; the present one opens nothing any more. Answers `device_key`, once."""

    device_id: Id
    key_hash: Filled = None


class ChooseConnectionType(Command):
    """How the device carries SIP (A-10)."""

    device_id: Id
    connection_type: ConnectionType


class NoteDeviceReport(Command):
    """A device says what it is. The service sends it to itself."""

    device_id: Id
    model: Annotated[str, Field(max_length=32)]
    firmware: Annotated[str, Field(pattern=r"^[0-9]{1,5}(\.[0-9]{1,5}){3}$")]


class IssueConfiguration(Command):
    """The device is to be configured like this from now on. The service sends it to itself."""

    device_id: Id
    configuration: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    residents: Annotated[int, Field(ge=0)] = 0


class NoteConfigurationApplied(Command):
    """A device says which configuration it has. The service sends it to itself."""

    device_id: Id
    configuration: Annotated[str, Field(max_length=64)]


class NoteConfigurationRefused(Command):
    """A device says that it cannot take a configuration. The service sends it to itself."""

    device_id: Id
    configuration: Annotated[str, Field(max_length=64)]
    reason: DeviceText


class NoteDeviceOnline(Command):
    """A device is connected. The service sends it to itself. `connection` tells its connections apart."""

    device_id: Id
    connection: Annotated[str, Field(max_length=64)]


class NoteDeviceOffline(Command):
    """That connection is no more. Records nothing when the device has another one by now."""

    device_id: Id
    connection: Annotated[str, Field(max_length=64)] | None = None
    reason: Annotated[str, Field(max_length=64)]


# --- Commands: what devices are told ----------------------------------------------------------------------------------


class RebootDevice(Command):
    """Have a device start anew (A-11); waits for a device that is off."""

    device_command_id: Id
    device_id: Id


class ResetDevice(Command):
    """Have a device forget its configuration, or everything (A-12, R-33). A factory reset needs its MAC typed."""

    device_command_id: Id
    device_id: Id
    scope: ResetScope = ResetScope.CONFIGURATION
    confirmed_mac: Annotated[str, Field(max_length=_MAC_CHARACTERS_MAX)] | None = None


class UnlockDoor(Command):
    """Have a device pulse a relay. Refused at once for a device that is off, and never waits."""

    device_command_id: Id
    device_id: Id
    relay: RelayNumber


class SwitchArming(Command):
    """Arm or disarm an indoor monitor that has the arming function. Never waits."""

    device_command_id: Id
    device_id: Id
    armed: bool


class QueueOneTimeAutop(Command):
    """Have a device run these lines once (A-15). The service sends it to itself, for each device of a batch."""

    device_command_id: Id
    device_id: Id
    provisioning_id: Id
    lines: Annotated[tuple[str, ...], Field(repr=False)]


class CancelDeviceCommand(Command):
    """Take back a command that no device has begun."""

    device_command_id: Id


class NoteDeviceCommand(Command):
    """What became of a command to a device. The service sends it to itself."""

    device_command_id: Id
    state: DeviceCommandState
    reason: DeviceText | None = None


# --- Commands: provisioning -------------------------------------------------------------------------------------------


class SubmitAutop(Command):
    """Provision up to 500 devices at once (A-01..A-08). `confirmed` repeats the word that dangerous lines ask for."""

    provisioning_id: Id
    kind: AutopKind
    text: AutopText
    device_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=AUTOP_DEVICES_MAX)]
    confirmed: bool = False


class RetryProvisioning(Command):
    """Send a batch again to those of its devices that failed."""

    provisioning_id: Id
    device_ids: Annotated[tuple[str, ...], FilledMark()] = ()


class ForgetProvisioning(Command):
    """Keep nothing of what a batch said, if none of its devices is left. The service sends it to itself."""

    provisioning_id: Id


class MergeRegularProfile(Command):
    """Merge lines by key into a device's stored profile (R-29). The service sends it to itself."""

    device_id: Id
    provisioning_id: Id
    lines: Annotated[tuple[str, ...], Field(repr=False)]
    digest_key: Annotated[str | None, FilledMark(), Field(repr=False)] = None


class ClearRegularProfile(Command):
    """Forget a device's stored profile."""

    device_id: Id


# --- Commands: remote control -----------------------------------------------------------------------------------------


class OpenRemoteControl(Command):
    """Reach a device's own web page through its link, for 15 minutes (A-13, R-34). Refused for a device that is off.

    The token is in the address of the page; the ticket lets the first browser in that shows it, and no other.
    """

    remote_session_id: Id
    device_id: Id
    token_hash: Sha256
    ticket_hash: Sha256


class ClaimRemoteControl(Command):
    """Let the browser that showed the ticket in, and from then on no other. Asked by the gateway itself."""

    remote_session_id: Id
    device_id: Id
    ticket_hash: Sha256
    browser_hash: Sha256


class NoteRemoteControlUse(Command):
    """So many further requests went to the device's page by it. Told by the gateway itself."""

    remote_session_id: Id
    device_id: Id
    requests: Annotated[int, Field(ge=0)]


class CloseRemoteControl(Command):
    """End it: by hand, because time is up, because the permission or the device went.

    Without `remote_session_id` whichever the device has.
    """

    device_id: Id
    remote_session_id: Id | None = None
    reason: Annotated[str, Field(max_length=40)] = "closed"


# --- Commands: cameras ------------------------------------------------------------------------------------------------


class AddCamera(Command):
    """Add a third-party camera to a household with the premium plan (C-01..C-08)."""

    camera_id: Id
    user_id: Id
    name: Name
    rtsp_address: RtspAddress
    user_name: FilledLine
    password: Secret
    linked_device_id: Id | None = None
    distributor_id: Filled = None
    installer_id: Filled = None
    premium: FilledFlag = False


class EditCamera(Command):
    """Replace what the camera form shows; without a password the present one stays (C-13)."""

    camera_id: Id
    name: Name
    rtsp_address: RtspAddress
    user_name: FilledLine
    password: Annotated[str | None, Field(min_length=1, max_length=256, repr=False)] = None
    linked_device_id: Id | None = None


class RemoveCamera(Command):
    """Delete the camera (C-13, C-14)."""

    camera_id: Id


# --- Commands: access -------------------------------------------------------------------------------------------------


class GrantCredential(Command):
    """Let a person of the household open doors by a PIN, a card, a face … (D-23, D-29).

    `secret` is the PIN, the card's number, the face template and so on; made up for a PIN or a QR code without one and
    then answered, once. `holder` says whose it is.
    """

    credential_id: Id
    user_id: Id
    kind: CredentialKind
    holder: Name
    secret: Annotated[str | None, Field(max_length=4096, repr=False)] = None
    relays: Annotated[tuple[RelayRef, ...], Field(min_length=1, max_length=64)]
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    made_secret: Annotated[str | None, FilledMark()] = None
    distributor_id: Filled = None
    installer_id: Filled = None


class WithdrawCredential(Command):
    """Let it open nothing any more."""

    credential_id: Id
    user_id: Id


class RecordDoorEvent(Command):
    """A device tells what happened at its door. The service sends it to itself.

    `happened_at` is what the device's clock said, and left out when that is no moment.
    """

    door_event_id: Id
    device_id: Id
    user_id: Id
    kind: DoorEventKind
    happened_at: Moment | None
    relay: Annotated[int, Field(ge=1, le=16)] | None = None
    method: DeviceWord | None = None
    who: DeviceName | None = None
    detail: DeviceText | None = None


class EraseDoorEvent(Command):
    """Keep nothing of it. The service sends it to itself."""

    door_event_id: Id


class EmptyHome(Command):
    """The household was reset: nobody of before gets in, nothing of them is kept (U-39..U-41)."""

    user_id: Id
    installer_id: Id


class ForgetHome(Command):
    """The household was deleted: its devices and cameras go, their MACs are free (R-12)."""

    user_id: Id
    installer_id: Id


class IssueWeather(Command):
    """Show the weather at a home on its monitors that are connected and can show it (U-14, U-15).

    With a device: on that one, which connected just now and shows nothing yet. Without: where the weather changed.
    The service sends it to itself. `device_ids` are those that can show it, `code` is of WMO 4677.
    """

    user_id: Id
    device_id: Id | None = None
    installer_id: Filled = None
    device_ids: Annotated[tuple[str, ...], FilledMark()] = ()
    celsius: Annotated[int | None, FilledMark()] = None
    code: Annotated[int | None, FilledMark()] = None


# --- Events: MAC library ----------------------------------------------------------------------------------------------


class MacRegistered(Event):
    """The MAC is in the library. Without an installer it is for any of the distributor's."""

    mac: str
    distributor_id: str
    installer_id: str | None
    import_id: str | None


class MacRemoved(Event):
    """The MAC is not in the library any more."""

    mac: str
    distributor_id: str
    installer_id: str | None


class MacTaken(Event):
    """A super manager took the MAC out of this library, and said why."""

    mac: str
    distributor_id: str
    installer_id: str | None
    reason: str


class MacGiven(Event):
    """A super manager put the MAC into this library, and said why."""

    mac: str
    distributor_id: str
    installer_id: str | None
    reason: str


class MacLabelled(Event):
    """Whoever has the code on the label may claim the MAC. Only a keyed hash of MAC and code is kept."""

    mac: str
    distributor_id: str
    code_hash: str


class MacClaimed(Event):
    """Somebody who has the code on the label took the MAC out of this library into their own."""

    mac: str
    distributor_id: str
    installer_id: str | None


class MacBound(Event):
    """The MAC is that of a device. `is_shared`: it is registered for any installer of the distributor."""

    mac: str
    distributor_id: str
    installer_id: str
    device_id: str
    user_id: str
    is_shared: bool = False


class MacUnbound(Event):
    """The MAC is no device's. `is_shared`: it is registered for any installer of the distributor."""

    mac: str
    distributor_id: str
    installer_id: str
    device_id: str
    is_shared: bool = False


class MacImportOpened(Event):
    """A list of MACs is being handed over."""

    import_id: str
    distributor_id: str
    installer_id: str | None
    file_name: Personal
    rows: int


class MacRowsStaged(Event):
    """A part of the list is here: its valid MACs with their lines, and the refused lines with the reason for each.

    `macs` and `lines` go together, and `refused` (line, code) and `texts`: whatever stood there instead of a MAC.
    """

    import_id: str
    part: int
    macs: tuple[str, ...]
    lines: tuple[int, ...]
    refused: tuple[tuple[int, RowFault], ...]
    texts: tuple[Personal, ...]


class MacRowsLabelled(Event):
    """The hashes of the codes on the labels of the part that was staged last, in the order of its MACs; "" for none."""

    import_id: str
    part: int
    code_hashes: tuple[str, ...]


class MacImportJudged(Event):
    """The whole list is here and judged; it may be started or abandoned."""

    import_id: str
    valid: int
    refused: int


class MacImportStarted(Event):
    """Its valid rows are on their way into the library."""

    import_id: str
    parts: int


class MacRowsRegistered(Event):
    """A part of the list is in the library, but for the rows that were refused meanwhile: (line, MAC, code)."""

    import_id: str
    part: int
    registered: int
    refused: tuple[tuple[int, str, RowFault], ...]


class MacImportCompleted(Event):
    """Every part of the list was taken."""

    import_id: str
    registered: int
    refused: int


class MacImportAbandoned(Event):
    """The list is forgotten."""

    import_id: str


# --- Events: devices --------------------------------------------------------------------------------------------------


class DeviceBound(Event):
    """A device belongs to a household. Names of relays stand in `relay_names`, in the order of `relays`."""

    device_id: str
    mac: str
    user_id: str
    installer_id: str
    distributor_id: str
    kind: DeviceKind
    name: Personal
    sip: str
    relays: tuple[RelaySetting, ...]
    relay_names: tuple[Personal, ...]
    security_relays: tuple[RelaySetting, ...]
    security_relay_names: tuple[Personal, ...]
    internet_access: bool
    transfer_ip: Personal | None
    works_offline: bool
    arming_function: bool
    connection_type: ConnectionType
    key_hash: str


class DeviceDescribed(Event):
    """What the device is called and how it calls is now this."""

    device_id: str
    user_id: str
    installer_id: str
    kind: DeviceKind
    name: Personal
    internet_access: bool
    transfer_ip: Personal | None
    works_offline: bool
    arming_function: bool


class RelaysConfigured(Event):
    """The device's relays and what triggers each are now these."""

    device_id: str
    user_id: str
    installer_id: str
    relays: tuple[RelaySetting, ...]
    relay_names: tuple[Personal, ...]
    security_relays: tuple[RelaySetting, ...]
    security_relay_names: tuple[Personal, ...]


class ConnectionTypeChosen(Event):
    """The device carries SIP like this."""

    device_id: str
    user_id: str
    installer_id: str
    connection_type: ConnectionType


class DeviceKeyIssued(Event):
    """The device proves itself by another key."""

    device_id: str
    user_id: str
    installer_id: str
    key_hash: str


class DeviceUnbound(Event):
    """The device is gone; its data key is to be destroyed."""

    device_id: str
    mac: str
    user_id: str
    installer_id: str
    distributor_id: str


class DeviceReported(Event):
    """The device is this model and runs this firmware."""

    device_id: str
    user_id: str
    installer_id: str
    model: str
    firmware: str


class MethodChoiceDropped(Event):
    """The device turned out to be one that lets none of its own methods be chosen (R-25): all of them are on again."""

    device_id: str
    user_id: str
    installer_id: str
    model: str
    firmware: str


class ConfigurationIssued(Event):
    """The device is to have the configuration of this version, made for the home after that many resets."""

    version: ClassVar[int] = 2

    device_id: str
    user_id: str
    installer_id: str
    configuration: str
    residents: int


class ConfigurationApplied(Event):
    """The device has the configuration of this version."""

    device_id: str
    user_id: str
    installer_id: str
    configuration: str


class ConfigurationRefused(Event):
    """The device could not take the configuration of this version. `reason` is in the device's own words."""

    version: ClassVar[int] = 2

    device_id: str
    user_id: str
    installer_id: str
    configuration: str
    reason: Personal


class DeviceWentOnline(Event):
    """The device is connected."""

    device_id: str
    installer_id: str
    connection: str


class DeviceWentOffline(Event):
    """The device is not connected."""

    device_id: str
    installer_id: str
    reason: str


class DeviceSipAllocated(Event):
    """The SIP number belongs to a device."""

    number: str
    device_id: str


class DeviceSipReleased(Event):
    """The number is out of use and stays in quarantine until the given time (R-12)."""

    number: str
    quarantined_until: RecordedMoment


class WeatherIssued(Event):
    """The device is to show this weather, that of its home; `code` is of WMO 4677."""

    device_id: str
    user_id: str
    installer_id: str
    celsius: int
    code: int


# --- Events: what devices are told ------------------------------------------------------------------------------------


class DeviceCommandQueued(Event):
    """A device is to do something, until `expires_at`. `lines` are those of a one-time AutoP."""

    device_command_id: str
    device_id: str
    mac: str
    user_id: str
    installer_id: str
    kind: DeviceCommandKind
    relay: int | None
    lines: tuple[Personal, ...]
    provisioning_id: str | None
    nonce: str
    expires_at: RecordedMoment


class DeviceCommandSent(Event):
    """It was handed to the device's connection. Nothing says yet that it arrived."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandDelivered(Event):
    """The device has it."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandDone(Event):
    """The device did it."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandFailed(Event):
    """The device, or what it needs, refused. `reason` may be in the device's own words."""

    version: ClassVar[int] = 2

    device_command_id: str
    device_id: str
    installer_id: str
    reason: Personal


class DeviceCommandExpired(Event):
    """Its time is over and no device ever had it."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandCancelled(Event):
    """It was taken back, or what it was for is gone (`reason`)."""

    device_command_id: str
    device_id: str
    installer_id: str
    reason: str


class DeviceCommandLost(Event):
    """It was sent and no answer came in time: nobody knows whether the device did it."""

    device_command_id: str
    device_id: str
    installer_id: str


# --- Events: provisioning, remote control -----------------------------------------------------------------------------


class AutopSubmitted(Event):
    """These devices are to run these lines. What was dropped and overridden is counted, not repeated."""

    provisioning_id: str
    installer_id: str
    distributor_id: str
    kind: AutopKind
    lines: tuple[Personal, ...]
    device_ids: tuple[str, ...]
    dropped: int
    overridden: int


class ProvisioningRetried(Event):
    """The batch is sent again to these of its devices."""

    provisioning_id: str
    installer_id: str
    device_ids: tuple[str, ...]


class ProvisioningForgotten(Event):
    """None of the batch's devices is left: `erased_key`, which seals its lines, is destroyed."""

    provisioning_id: str
    installer_id: str
    erased_key: str


class RegularProfileChanged(Event):
    """The device's stored profile is now these lines, in order, by that batch, also when they were these before.

    `digest` tells one set of lines from another without telling what they are: it is keyed.
    """

    device_id: str
    user_id: str
    installer_id: str
    provisioning_id: str | None
    lines: tuple[Personal, ...]
    digest: str


class RemoteControlOpened(Event):
    """An installer's session may reach the device's web page until `expires_at`."""

    remote_session_id: str
    device_id: str
    mac: str
    user_id: str
    installer_id: str
    session_id: str
    token_hash: str
    ticket_hash: str
    expires_at: RecordedMoment


class RemoteControlClaimed(Event):
    """One browser has it; the ticket lets nobody else in."""

    remote_session_id: str
    device_id: str
    installer_id: str
    browser_hash: str


class RemoteControlUsed(Event):
    """So many further requests went to the device's page by it."""

    remote_session_id: str
    device_id: str
    installer_id: str
    requests: int


class RemoteControlClosed(Event):
    """Nobody reaches the device's web page by that session any more."""

    remote_session_id: str
    device_id: str
    installer_id: str
    reason: str


# --- Events: cameras --------------------------------------------------------------------------------------------------


class CameraAdded(Event):
    """A household has a third-party camera."""

    camera_id: str
    user_id: str
    installer_id: str
    distributor_id: str
    name: Personal
    rtsp_address: Personal
    user_name: Personal
    password: Personal
    linked_device_id: str | None


class CameraDescribed(Event):
    """How the camera is called and reached is now this."""

    camera_id: str
    user_id: str
    installer_id: str
    name: Personal
    rtsp_address: Personal
    user_name: Personal
    password: Personal


class CameraLinked(Event):
    """The camera is seen together with that device: residents switch between the two views (C-09)."""

    camera_id: str
    device_id: str
    user_id: str
    installer_id: str


class CameraUnlinked(Event):
    """The camera is seen on its own again."""

    camera_id: str
    device_id: str
    user_id: str
    installer_id: str


class CameraRemoved(Event):
    """The camera is gone; its data key is to be destroyed."""

    camera_id: str
    user_id: str
    installer_id: str
    linked_device_id: str | None


# --- Events: homes ----------------------------------------------------------------------------------------------------


class DeviceMovedIn(Event):
    """The home has this device."""

    user_id: str
    device_id: str
    mac: str


class DeviceMovedOut(Event):
    """The home does not have this device any more."""

    user_id: str
    device_id: str


class CameraMovedIn(Event):
    """The home has this camera."""

    user_id: str
    camera_id: str


class CameraMovedOut(Event):
    """The home does not have this camera any more."""

    user_id: str
    camera_id: str


class CredentialGranted(Event):
    """Somebody of the household opens these relays by this."""

    user_id: str
    installer_id: str
    credential_id: str
    kind: CredentialKind
    holder: Personal
    secret: Personal
    relays: tuple[RelayRef, ...]
    valid_from: RecordedMoment | None
    valid_to: RecordedMoment | None


class CredentialWithdrawn(Event):
    """It opens nothing any more."""

    user_id: str
    installer_id: str
    credential_id: str


class HomeEmptied(Event):
    """Nobody of before gets in and nothing of them is kept: `erased_key` is the data key to destroy.

    `device_ids` are the devices that are to be configured anew. Devices, cameras and one-time commands stay.
    What a device tells up to `emptied_at` is not taken; what it tells later names none of before.
    """

    user_id: str
    installer_id: str
    device_ids: tuple[str, ...]
    emptied_at: RecordedMoment
    erased_key: str


class HomeForgotten(Event):
    """The home is no more, nor is anything of it: `erased_keys` are the data keys to destroy."""

    user_id: str
    installer_id: str
    device_ids: tuple[str, ...]
    macs: tuple[str, ...]
    erased_keys: tuple[str, ...]


class DoorOpened(Event):
    """A door of the household opened, for whom and how. `key` seals both, for devices say how in their own words.

    `clock_wrong`: the device's clock said what cannot be, and `happened_at` is when it was told.
    """

    version: ClassVar[int] = 3

    door_event_id: str
    device_id: str
    user_id: str
    installer_id: str
    relay: int | None
    method: Personal | None
    who: Personal | None
    happened_at: RecordedMoment
    clock_wrong: bool
    key: str


class EntryRefused(Event):
    """A device let somebody not in.

    `clock_wrong`: the device's clock said what cannot be, and `happened_at` is when it was told.
    """

    version: ClassVar[int] = 3

    door_event_id: str
    device_id: str
    user_id: str
    installer_id: str
    method: Personal | None
    who: Personal | None
    happened_at: RecordedMoment
    clock_wrong: bool
    key: str


class AlarmRaised(Event):
    """A device raised an alarm: tampering, too many wrong codes, an armed sensor.

    `clock_wrong`: the device's clock said what cannot be, and `happened_at` is when it was told.
    """

    version: ClassVar[int] = 2

    door_event_id: str
    device_id: str
    user_id: str
    installer_id: str
    detail: Personal | None
    happened_at: RecordedMoment
    clock_wrong: bool
    key: str


class DoorEventErased(Event):
    """What happened there is not kept: its home was emptied, or its device went, while it was recorded."""

    door_event_id: str
    user_id: str
    installer_id: str


# --- Queries and views ------------------------------------------------------------------------------------------------


class MacRow(View):
    """A MAC of the library. `is_foreign_prefix` warns of a maker that is not expected here; none is refused for it.

    `has_label`: it can be claimed by the code on its label.
    """

    mac: str
    installer_id: str | None
    device_id: str | None
    user_id: str | None
    owner: str | None
    is_foreign_prefix: bool
    registered_at: RecordedMoment
    has_label: bool = False


class MacPage(View):
    """One page of the library."""

    rows: tuple[MacRow, ...]
    total: int
    page: int
    per_page: int


class ListMacs(Query):
    """A page of the caller's library, newest first; `q` is the beginning or the end of a MAC in any notation."""

    page: Page = 1
    per_page: PerPage = 10
    q: Annotated[str, Field(max_length=_MAC_CHARACTERS_MAX)] = ""
    use: MacUse = MacUse.ALL


class MacPlace(View):
    """Where a MAC stands: in whose library, for which installer (none: for any), bound or not, and since when."""

    mac: str
    distributor_id: str
    distributor_name: str | None
    installer_id: str | None
    installer_name: str | None
    bound: bool
    has_label: bool
    is_foreign_prefix: bool
    registered_at: RecordedMoment


class FindMac(Query):
    """One MAC in whichever library it is, or `mac-unknown`."""

    mac: Mac


class MacImportView(View):
    """How far an import is. `taken` rows of `valid` have been through the library; `refused` counts all refusals."""

    import_id: str
    file_name: str
    state: ImportState
    rows: int
    staged: int
    valid: int
    refused: int
    taken: int
    registered: int
    created_at: RecordedMoment


class MacImportList(View):
    """The caller's newest imports."""

    rows: tuple[MacImportView, ...]


class GetMacImport(Query):
    """One import, or `import-unknown`."""

    import_id: Id


class ListMacImports(Query):
    """The caller's ten newest imports."""


class RefusedRow(View):
    """A line of an uploaded list that was not taken."""

    line: int
    text: str
    code: str


class RefusedRows(View):
    """Refused lines in their order; `next` is the cursor of the following page."""

    rows: tuple[RefusedRow, ...]
    next: str | None


class ListRefusedRows(Query):
    """The refused lines of an import, a part of the file at a time."""

    import_id: Id
    cursor: Annotated[str | None, Field(max_length=20)] = None


class RelayView(View):
    """A relay as the form shows it. `known` says whether the device's own methods can be chosen (R-25)."""

    number: int
    enabled: bool
    name: str
    dtmf: str | None
    methods: tuple[AccessMethod, ...]


class DeviceRow(View):
    """A row of the Device list (D-33). `owner` is the household's name."""

    device_id: str
    mac: str
    user_id: str
    uid: str
    owner: str
    name: str
    sip: str
    kind: DeviceKind
    model: str | None
    firmware: str | None
    online: bool
    last_connected_at: RecordedMoment | None
    configuration: ConfigurationState
    created_at: RecordedMoment


class DevicePage(View):
    """One page of devices."""

    rows: tuple[DeviceRow, ...]
    total: int
    page: int
    per_page: int


class MethodGate(View):
    """Whether the methods that the device itself must understand can be chosen for it, and if not, why (R-15, R-25).

    `state` is `open`, `closed` (another model, or too old) or `not-yet-known` (never connected); `needs` says which
    models from which firmware on.
    """

    state: str
    needs: tuple[str, ...]


class DeviceDetail(DeviceRow):
    """Everything the device page shows. A device that `waits_for_key` cannot connect until the installer issues one."""

    installer_id: str
    distributor_id: str
    relays: tuple[RelayView, ...]
    security_relays: tuple[RelayView, ...]
    internet_access: bool
    transfer_ip: str | None
    works_offline: bool
    arming_function: bool
    armed: bool | None
    connection_type: ConnectionType
    offline_solution: bool
    max_relays: int
    methods_gate: MethodGate
    method_choice_dropped: bool
    shows_weather: bool
    issued_version: str | None
    applied_version: str | None
    configuration_reason: str | None
    open_commands: int
    linked_camera_id: str | None
    regular_lines: int
    waits_for_key: bool = False
    revision: str


class ListDevices(Query):
    """A page of the caller's devices, newest first; `q` is the beginning of a MAC (D-34), or for the pickers of AutoP
    also of a word of the owner's or the device's name (A-04)."""

    page: Page = 1
    per_page: PerPage = 10
    key: Annotated[str, Field(pattern="^(mac|owner|name)$")] | None = None
    q: Annotated[str, Field(max_length=128)] = ""
    user_id: Id | None = None


class GetDevice(Query):
    """One device, or `device-unknown`."""

    device_id: Id


class DeviceCommandRow(View):
    """A command to a device. Lines of a one-time AutoP come with their secrets masked."""

    device_command_id: str
    device_id: str
    device_name: str
    mac: str
    kind: DeviceCommandKind
    state: DeviceCommandState
    reason: str | None
    relay: int | None
    lines: tuple[str, ...]
    provisioning_id: str | None
    created_at: RecordedMoment
    changed_at: RecordedMoment
    expires_at: RecordedMoment


class DeviceCommandPage(View):
    """One page of commands."""

    rows: tuple[DeviceCommandRow, ...]
    total: int
    page: int
    per_page: int


class ListDeviceCommands(Query):
    """What a device was told, newest first."""

    device_id: Id
    page: Page = 1
    per_page: PerPage = 10


class GetDeviceCommand(Query):
    """One command, or `device-command-unknown`."""

    device_command_id: Id


class AutopLine(View):
    """A line as it would be taken, its secret masked. `verdict`: kept, duplicate, overridden; `danger`: to confirm."""

    number: int
    text: str
    verdict: str
    danger: bool


class AutopChange(View):
    """What one device's stored profile would become: which keys are new and changed, and how many are the same.

    `omitted` counts the new and changed keys that are not listed, for want of room in one answer.
    """

    device_id: str
    device_name: str
    mac: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    same: int
    omitted: int = 0


class AutopPreview(View):
    """What a submit would do, without doing it."""

    lines: tuple[AutopLine, ...]
    dangerous: bool
    changes: tuple[AutopChange, ...]


class PreviewAutop(Query):
    """Judge lines and show what they would change on each device (A-06, R-29). Invalid lines refuse it, each named."""

    kind: AutopKind
    text: AutopText
    device_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=AUTOP_DEVICES_MAX)]


class ProvisionedDevice(View):
    """How far one device of a batch is."""

    device_id: str
    device_name: str
    mac: str
    state: DeviceCommandState
    reason: str | None
    changed_at: RecordedMoment | None


class ProvisioningRow(View):
    """A batch in the list: how many of its devices are where."""

    provisioning_id: str
    kind: AutopKind
    devices: int
    done: int
    failed: int
    waiting: int
    created_at: RecordedMoment


class ProvisioningPage(View):
    """One page of batches."""

    rows: tuple[ProvisioningRow, ...]
    total: int
    page: int
    per_page: int


class ProvisioningDetail(ProvisioningRow):
    """A batch: its lines, secrets masked, and each of its devices."""

    lines: tuple[str, ...]
    dropped: int
    overridden: int
    rows: tuple[ProvisionedDevice, ...]


class ListProvisionings(Query):
    """A page of the caller's batches, newest first."""

    page: Page = 1
    per_page: PerPage = 10


class GetProvisioning(Query):
    """One batch, or `provisioning-unknown`."""

    provisioning_id: Id


class RegularProfile(View):
    """A device's stored lines, secrets masked."""

    device_id: str
    lines: tuple[str, ...]


class GetRegularProfile(Query):
    """What a device is given again after every reset."""

    device_id: Id


class RemoteControlView(View):
    """An open remote control."""

    remote_session_id: str
    device_id: str
    mac: str
    device_name: str
    model: str | None
    session_id: str
    installer_id: str
    browser_hash: str | None
    expires_at: RecordedMoment


class GetRemoteControl(Query):
    """The open remote control of a token, or `remote-control-unknown`. Asked by the gateway itself."""

    token_hash: Sha256


class PageAnswer(View):
    """What a device's own web server answered, as far as it may be passed on. `body` is base64."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Annotated[str, Field(repr=False)]


class AskDevicePage(Query):
    """Ask the page of the device that a remote control reaches. Asked by the gateway itself.

    Nothing here names a host: whatever is asked, that device's own web server answers it, or nobody. `body` is base64.
    """

    token_hash: Sha256
    browser_hash: Sha256
    method: Annotated[str, Field(pattern=r"^(GET|POST|HEAD)$")]
    path: PagePath
    headers: Annotated[tuple[tuple[PageHeader, HeaderText], ...], Field(max_length=16, repr=False)]
    body: Annotated[str, Field(max_length=PAGE_REQUEST_BYTES * 4 // 3 + 4, repr=False)]


class CameraRow(View):
    """A third-party camera; its password is in no answer."""

    camera_id: str
    user_id: str
    uid: str
    owner: str
    name: str
    rtsp_address: str
    user_name: str
    linked_device_id: str | None
    linked_device_name: str | None
    created_at: RecordedMoment


class CameraPage(View):
    """One page of cameras."""

    rows: tuple[CameraRow, ...]
    total: int
    page: int
    per_page: int


class ListCameras(Query):
    """A page of the caller's cameras, newest first; `q` is the beginning of a word of its name (C-12)."""

    page: Page = 1
    per_page: PerPage = 10
    q: Annotated[str, Field(max_length=128)] = ""
    user_id: Id | None = None


class GetCamera(Query):
    """One camera, or `camera-unknown`."""

    camera_id: Id


class CredentialRow(View):
    """A credential of a household; what it opens with is in no answer.

    `closed` are those of its `relays` that it does not open now: they are off, or this way of opening is (D-23).
    """

    credential_id: str
    kind: CredentialKind
    holder: str
    relays: tuple[RelayRef, ...]
    closed: tuple[RelayRef, ...]
    valid_from: RecordedMoment | None
    valid_to: RecordedMoment | None
    created_at: RecordedMoment
    delivered: bool


class CredentialList(View):
    """A household's credentials."""

    rows: tuple[CredentialRow, ...]


class ListCredentials(Query):
    """Who gets in by what."""

    user_id: Id


class DoorEventRow(View):
    """A line of the access log. `clock_wrong`: `happened_at` is when it was told, for its device's clock is wrong."""

    door_event_id: str
    kind: DoorEventKind
    device_id: str
    device_name: str
    relay: int | None
    relay_name: str | None
    method: str | None
    who: str | None
    detail: str | None
    happened_at: RecordedMoment
    clock_wrong: bool


class DoorEventPage(View):
    """Lines of the access log, newest first; `next` is the cursor of the following page."""

    rows: tuple[DoorEventRow, ...]
    next: str | None


class ListDoorEvents(Query):
    """What happened at the doors of a household, or at one device."""

    user_id: Id | None = None
    device_id: Id | None = None
    cursor: Annotated[str | None, Field(max_length=64)] = None
    limit: PerPage = 50


class DeviceAuditRow(View):
    """One line of a device's, camera's or batch's audit trail: who, when, what kind, never what was said.

    `reason` is what a super manager gave when it moved a MAC.
    """

    event_id: str
    at: RecordedMoment
    type: str
    about: str
    actor_id: str
    actor_role: Role
    actor_name: str | None
    impersonator_id: str | None
    impersonator_name: str | None
    address: str | None
    reason: str | None = None


class DeviceAuditPage(View):
    """Lines of the audit trail, newest first; `next` is the cursor of the following page."""

    rows: tuple[DeviceAuditRow, ...]
    next: str | None


class ListDeviceAudit(Query):
    """What was done to a device, a camera, a home's access, a MAC, an import or a batch."""

    subject_id: Annotated[str, Field(pattern=r"^([0-9a-f-]{36}|[0-9A-F]{12})$")]
    cursor: Annotated[str | None, Field(max_length=64)] = None
    limit: PerPage = 50


class ListDeviceBudgets(BudgetQuery):
    """Which tenants and devices used most of a day's budget in `devices`. A device is also found by its whole MAC."""


class ModelRow(View):
    """A model that is known here: its product code, kind and relays, and what it can from which firmware on."""

    model: str
    product_code: int | None
    kind: DeviceKind
    max_relays: int
    pin_digits: tuple[int, int]
    methods_from: str | None
    weather_from: str | None


class ModelList(View):
    """The table of models."""

    rows: tuple[ModelRow, ...]


class ListModels(Query):
    """The table of models, which an operator may extend."""


EVENTS: tuple[type[Event], ...] = tuple(
    each
    for each in list(globals().values())
    if isinstance(each, type) and issubclass(each, Event) and each is not Event
)
COMMANDS: tuple[type[Command], ...] = tuple(
    each
    for each in list(globals().values())
    if isinstance(each, type) and issubclass(each, Command) and each is not Command
)
QUERIES: dict[type[Query], type[View]] = {
    ListMacs: MacPage,
    FindMac: MacPlace,
    GetMacImport: MacImportView,
    ListMacImports: MacImportList,
    ListRefusedRows: RefusedRows,
    ListDevices: DevicePage,
    GetDevice: DeviceDetail,
    ListDeviceCommands: DeviceCommandPage,
    GetDeviceCommand: DeviceCommandRow,
    PreviewAutop: AutopPreview,
    ListProvisionings: ProvisioningPage,
    GetProvisioning: ProvisioningDetail,
    GetRegularProfile: RegularProfile,
    GetRemoteControl: RemoteControlView,
    AskDevicePage: PageAnswer,
    ListCameras: CameraPage,
    GetCamera: CameraRow,
    ListCredentials: CredentialList,
    ListDoorEvents: DoorEventPage,
    ListDeviceAudit: DeviceAuditPage,
    ListDeviceBudgets: BudgetList,
    ListModels: ModelList,
}


def _with_a_mark(body: dict[str, Any]) -> dict[str, Any]:
    """Door events of before believed any clock; what no clock can say reads as the nearest moment, and is marked."""
    try:
        moment = in_utc(datetime.fromisoformat(body["happened_at"]))
    except ValueError:
        moment = None
    return {**body, "clock_wrong": moment is None}


def _for_first_residents(body: dict[str, Any]) -> dict[str, Any]:
    """Whom it was made for was not said. After a reset a device counts as told by what is issued since."""
    return {**body, "residents": 0}


def _as_it_is(body: dict[str, Any]) -> dict[str, Any]:
    """What was in the clear before is sealed now; it reads the same."""
    return body


UPCASTS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "devices.ConfigurationIssued.v1": _for_first_residents,
    "devices.ConfigurationRefused.v1": _as_it_is,
    "devices.DeviceCommandFailed.v1": _as_it_is,
    "devices.DoorOpened.v1": _with_a_mark,
    "devices.DoorOpened.v2": _as_it_is,
    "devices.EntryRefused.v1": _with_a_mark,
    "devices.EntryRefused.v2": _as_it_is,
    "devices.AlarmRaised.v1": _with_a_mark,
}
