"""The doors of the demo: its intercoms, cameras, who gets in by what, and MACs that wait to be bound."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.devices.homes import CredentialKind
from contracts.devices.intercoms import DeviceKind
from contracts.devices.relays import Relay

SHANGHAI, BERLIN, TEHRAN = "shanghai@demo.example", "berlin@demo.example", "tehran@demo.example"


@dataclass(frozen=True)
class Door:
    """An intercom of the household with that number of the installer. One that is `off` never connects."""

    mac: str
    installer: str
    home: int
    model: str
    kind: DeviceKind
    name: str
    relays: tuple[Relay, ...] = ()
    security_relays: tuple[Relay, ...] = ()
    arming: bool = False
    off: bool = False


@dataclass(frozen=True)
class Camera:
    """A third-party camera of a household with the premium plan, shown with a door phone or on its own."""

    installer: str
    home: int
    name: str
    rtsp_address: str
    linked_to: str | None = None


@dataclass(frozen=True)
class Pass:
    """What somebody opens the first relay of some doors with."""

    installer: str
    home: int
    holder: str
    kind: CredentialKind
    secret: str
    macs: tuple[str, ...]


SINGLE, MULTI = DeviceKind.DOORPHONE_SINGLE, DeviceKind.DOORPHONE_MULTI
MONITOR, ACCESS, GUARD = DeviceKind.INDOOR_MONITOR, DeviceKind.ACCESS_CONTROL, DeviceKind.GUARD_PHONE


def _relays(*names: str) -> tuple[Relay, ...]:
    return tuple(Relay(number=n, name=name, dtmf="#" if n == 1 else str(n)) for n, name in enumerate(names, 1))


def _security(name: str) -> tuple[Relay, ...]:
    return (Relay(number=1, name=name, dtmf="*"),)


MAC_PREFIX = "0C1105D0"
DOORS: tuple[Door, ...] = (
    Door("0C1105D00001", SHANGHAI, 0, "R29", MULTI, "单元门口机", _relays("单元门", "自行车库")),
    Door("0C1105D00002", SHANGHAI, 0, "C319", MONITOR, "客厅室内机", arming=True),
    Door("0C1105D00003", SHANGHAI, 0, "A05", ACCESS, "地下车库", _relays("车库闸门"), _security("消防通道")),
    Door("0C1105D00004", SHANGHAI, 6, "E11", SINGLE, "현관 초인종", _relays("현관문")),
    Door("0C1105D00005", SHANGHAI, 6, "IT83", MONITOR, "거실 월패드", arming=True),
    Door("0C1105D00006", SHANGHAI, 10, "X915S", MULTI, "玄関", _relays("エントランス", "駐輪場")),
    Door("0C1105D00007", SHANGHAI, 4, "X916", MULTI, "大堂門口機", _relays("大門"), off=True),
    Door("0C1105D00008", BERLIN, 0, "X912", SINGLE, "Haustür", _relays("Haustür", "Hoftor"), _security("Keller")),
    Door("0C1105D00009", BERLIN, 0, "C315", MONITOR, "Flur", arming=True),
    Door("0C1105D0000A", BERLIN, 4, "R28", MULTI, "Під'їзд", _relays("Під'їзд", "Хвіртка")),
    Door("0C1105D0000B", BERLIN, 6, "R20", SINGLE, "Bahçe kapısı", _relays("Bahçe"), off=True),
    Door("0C1105D0000C", TEHRAN, 0, "E18C", SINGLE, "در ورودی", _relays("در کوچه", "پارکینگ")),
    Door("0C1105D0000D", TEHRAN, 10, "R27", MULTI, "דלת הכניסה", _relays("דלת הכניסה")),
    Door("0C1105D0000E", TEHRAN, 10, "IT82", MONITOR, "סלון", arming=True),
    Door("0C1105D0000F", TEHRAN, 1, "R49", GUARD, "نگهبانی"),
)

CAMERAS: tuple[Camera, ...] = (
    Camera(SHANGHAI, 0, "单元门上方", "rtsp://192.168.1.64:554/Streaming/Channels/101", "0C1105D00001"),
    Camera(SHANGHAI, 0, "停车位", "rtsp://192.168.1.65:554/Streaming/Channels/101"),
)

PASSES: tuple[Pass, ...] = (
    Pass(SHANGHAI, 0, "王芳", CredentialKind.PIN, "730415", ("0C1105D00001", "0C1105D00003")),
    Pass(SHANGHAI, 0, "王子轩", CredentialKind.RF_CARD, "04A224B9", ("0C1105D00001",)),
    Pass(SHANGHAI, 6, "김서연", CredentialKind.PIN, "285091", ("0C1105D00004",)),
    Pass(BERLIN, 0, "Jonas Schäfer", CredentialKind.PIN, "618274", ("0C1105D00008",)),
    Pass(BERLIN, 0, "Paketbote", CredentialKind.NFC, "04D1527A9C6B80", ("0C1105D00008",)),
    Pass(TEHRAN, 10, "נועה כהן", CredentialKind.RF_CARD, "5C31E07F", ("0C1105D0000D",)),
)

UNBOUND: dict[str, tuple[str, ...]] = {
    installer: tuple(f"0C1105D1{branch}{n:03X}" for n in range(1, 7))
    for branch, installer in ((1, SHANGHAI), (2, BERLIN), (3, TEHRAN))
}

AUTOP = (
    "Config.Settings.GENERAL.TimeFormat = 24\nConfig.Settings.HANDFREE.SpkVol = 8\nConfig.DoorSetting.GENERAL.Led = 1"
)
