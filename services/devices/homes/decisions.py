"""What may be asked of a home: each command with who decides it and what that looks at."""

from __future__ import annotations

from contracts.devices.homes import (
    CameraMovedIn,
    CameraMovedOut,
    CredentialGranted,
    CredentialWithdrawn,
    DeviceMovedIn,
    DeviceMovedOut,
    EmptyHome,
    ForgetHome,
    GrantCredential,
    HomeEmptied,
    HomeForgotten,
    WithdrawCredential,
)
from kernel.deciding.decider import Aggregate, Decision, Ref
from services.devices.cameras.camera import ref as camera_of
from services.devices.homes.granting import grant, withdraw
from services.devices.homes.home import Home, evolve
from services.devices.homes.leaving import empty, forget
from services.devices.intercoms.device import ref as device_of
from services.devices.library import mac
from services.devices.numbers import sip


def _around_relays(command: GrantCredential, home: Home) -> list[Ref]:
    return [device_of(id) for id in dict.fromkeys(ref.device_id for ref in command.relays) if id in home.devices]


def _around_everything(command: ForgetHome, home: Home) -> list[Ref]:
    return [
        *map(device_of, home.devices),
        *map(mac.ref, home.devices.values()),
        *(sip.ref(number) for device_id in home.devices for number in sip.candidates(device_id)),
        *map(camera_of, home.cameras),
    ]


HOME: Aggregate[Home] = Aggregate(
    name="home",
    initial=Home(),
    evolve=evolve,
    events=(
        DeviceMovedIn,
        DeviceMovedOut,
        CameraMovedIn,
        CameraMovedOut,
        CredentialGranted,
        CredentialWithdrawn,
        HomeEmptied,
        HomeForgotten,
    ),
    decisions={
        GrantCredential: Decision("user_id", grant, _around_relays, looks_up=True),
        WithdrawCredential: Decision("user_id", withdraw),
        EmptyHome: Decision("user_id", empty),
        ForgetHome: Decision("user_id", forget, _around_everything),
    },
    key=lambda home: home.key,
)
