"""A device's profile: the Regular AutoP lines that it is given again after every reset (A-08, A-14).

The rule it protects: lines are merged by key, never replaced as a whole, and go with the device.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import assert_never

from contracts.devices.autop import ClearRegularProfile, MergeRegularProfile, RegularProfileChanged
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.devices.autop import autop
from services.devices.intercoms import device
from services.devices.intercoms.device import Device

BYTES_MAX = 128 * 1024
"""What a profile may take: it is given to a device whole, in one configuration."""

NOTHING = ""
"""The digest of a profile without lines."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is stored for a device."""

    device_id: str = ""
    lines: tuple[str, ...] = ()


def evolve(profile: Profile, event: RegularProfileChanged) -> Profile:
    match event:
        case RegularProfileChanged():
            return Profile(event.device_id, event.lines)
        case _:
            assert_never(event)


def merge(command: MergeRegularProfile, profile: Profile, there: Neighbours) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    if target.absent:
        # It was deleted since the batch was submitted. The others of the batch go on.
        return []
    lines = autop.merge(profile.lines, command.lines)
    # Recorded also when it changes nothing: then the batch is through with this device.
    return [_changed(target, lines, _digest(lines, command.digest_key), command.provisioning_id)]


def clear(command: ClearRegularProfile, profile: Profile, there: Neighbours) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    device.check(command.actor, target)
    return [_changed(target, (), NOTHING, None)] if profile.lines else []


def fits(profile: Profile, lines: tuple[str, ...]) -> bool:
    """Whether the profile could be kept after a merge of these lines."""
    return sum(len(line.encode()) + 1 for line in autop.merge(profile.lines, lines)) <= BYTES_MAX


def ref(device_id: str) -> Ref:
    """The profile of that device."""
    return Ref("profile", device_id)


def _changed(target: Device, lines: tuple[str, ...], digest: str, provisioning_id: str | None) -> RegularProfileChanged:
    return RegularProfileChanged(
        device_id=target.device_id,
        user_id=target.user_id,
        installer_id=target.installer_id,
        provisioning_id=provisioning_id,
        lines=lines,
        digest=digest,
    )


def _digest(lines: tuple[str, ...], key: str | None) -> str:
    assert key, "the service makes the key before it decides"
    return hashlib.blake2b("\n".join(lines).encode(), key=bytes.fromhex(key), digest_size=8).hexdigest()


def _device(command: MergeRegularProfile | ClearRegularProfile, _: Profile) -> list[Ref]:
    return [device.ref(command.device_id)]


PROFILE: Aggregate[Profile] = Aggregate(
    name="profile",
    initial=Profile(),
    evolve=evolve,
    events=(RegularProfileChanged,),
    decisions={
        MergeRegularProfile: Decision("device_id", merge, _device),
        ClearRegularProfile: Decision("device_id", clear, _device),
    },
    key=lambda profile: f"device.{profile.device_id}" if profile.device_id else None,
)
