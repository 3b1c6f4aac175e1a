"""A provisioning: AutoP lines for up to 500 devices in one submit (A-01..A-08).

The rule it protects: it is for all of its devices or for none, and only for one's own; what can cut them off is asked
for twice. What it said goes with the last of its devices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from contracts.devices.autop import (
    AutopKind,
    AutopSubmitted,
    ForgetProvisioning,
    ProvisioningForgotten,
    ProvisioningRetried,
    RetryProvisioning,
    SubmitAutop,
)
from contracts.message import Actor, FieldRefusal, Refused
from contracts.permissions import within
from contracts.refusals import REFUSALS, refused
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.devices.autop import autop, profile
from services.devices.autop.autop import Judged, Verdict
from services.devices.intercoms import device
from services.devices.intercoms.device import Device

ProvisioningEvent = AutopSubmitted | ProvisioningRetried | ProvisioningForgotten


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What was submitted, and for which devices."""

    provisioning_id: str = ""
    installer_id: str = ""
    distributor_id: str = ""
    kind: AutopKind = AutopKind.REGULAR
    lines: tuple[str, ...] = ()
    device_ids: tuple[str, ...] = ()
    forgotten: bool = False


def evolve(provisioning: Provisioning, event: ProvisioningEvent) -> Provisioning:
    match event:
        case AutopSubmitted():
            return Provisioning(
                provisioning_id=event.provisioning_id,
                installer_id=event.installer_id,
                distributor_id=event.distributor_id,
                kind=event.kind,
                lines=event.lines,
                device_ids=event.device_ids,
            )
        case ProvisioningRetried():
            return provisioning
        case ProvisioningForgotten():
            return replace(provisioning, lines=(), forgotten=True)
        case _:
            assert_never(event)


def submit(command: SubmitAutop, provisioning: Provisioning, there: Neighbours) -> Outcome:
    judged = judged_whole(command.text)
    device_ids = tuple(dict.fromkeys(command.device_ids))
    if provisioning.provisioning_id:
        told = (provisioning.kind, provisioning.lines, provisioning.device_ids)
        if not _is_visible(command.actor, provisioning) or told != (command.kind, judged.lines, device_ids):
            raise refused("id-taken")
        return []
    for device_id in device_ids:
        device.check(command.actor, there[device.ref(device_id)])
    if command.kind is AutopKind.REGULAR and not all(
        profile.fits(there[profile.ref(device_id)], judged.lines) for device_id in device_ids
    ):
        raise refused("profile-full", "device_ids")
    if judged.is_dangerous and not command.confirmed:
        raise refused("autop-dangerous", "confirmed")
    first: Device = there[device.ref(device_ids[0])]
    submitted = AutopSubmitted(
        provisioning_id=command.provisioning_id,
        installer_id=first.installer_id,
        distributor_id=first.distributor_id,
        kind=command.kind,
        lines=judged.lines,
        device_ids=device_ids,
        dropped=judged.count(Verdict.DUPLICATE),
        overridden=judged.count(Verdict.OVERRIDDEN),
    )
    return [submitted]


def retry(command: RetryProvisioning, provisioning: Provisioning, _: Neighbours) -> Outcome:
    if not _is_visible(command.actor, provisioning):
        raise refused("provisioning-unknown")
    failed = tuple(device_id for device_id in provisioning.device_ids if device_id in set(command.device_ids))
    if not failed or provisioning.forgotten:
        raise refused("nothing-to-retry")
    retried = ProvisioningRetried(
        provisioning_id=provisioning.provisioning_id,
        installer_id=provisioning.installer_id,
        device_ids=failed,
    )
    return [retried]


def forget(_: ForgetProvisioning, provisioning: Provisioning, there: Neighbours) -> Outcome:
    if not provisioning.provisioning_id or provisioning.forgotten:
        return []
    if any(not there[device.ref(device_id)].absent for device_id in provisioning.device_ids):
        return []
    forgotten = ProvisioningForgotten(
        provisioning_id=provisioning.provisioning_id,
        installer_id=provisioning.installer_id,
        erased_key=_key_of(provisioning.provisioning_id),
    )
    return [forgotten]


def judged_whole(text: str) -> Judged:
    """The text, judged. Refuses (`autop-invalid`) one with faults, naming each line at fault as `text.<number>`."""
    judged = autop.judge(text)
    if judged.faults:
        errors = [
            FieldRefusal(field=f"text.{number}", code=fault, detail=autop.SENTENCES[fault])
            for number, fault in judged.faults
        ]
        raise Refused("autop-invalid", REFUSALS["autop-invalid"].sentence, errors=errors)
    return judged


def ref(provisioning_id: str) -> Ref:
    """The provisioning of that id."""
    return Ref("provisioning", provisioning_id)


def _key_of(provisioning_id: str) -> str:
    return f"provisioning.{provisioning_id}"


def _is_visible(actor: Actor, provisioning: Provisioning) -> bool:
    return bool(provisioning.provisioning_id) and within(
        actor, distributor_id=provisioning.distributor_id, installer_id=provisioning.installer_id
    )


def _around_devices(command: SubmitAutop, provisioning: Provisioning) -> list[Ref]:
    if provisioning.provisioning_id:
        return []
    profiles = map(profile.ref, command.device_ids) if command.kind is AutopKind.REGULAR else ()
    return [*map(device.ref, command.device_ids), *profiles]


def _its_devices(_: ForgetProvisioning, provisioning: Provisioning) -> list[Ref]:
    return [] if provisioning.forgotten else [*map(device.ref, provisioning.device_ids)]


PROVISIONING: Aggregate[Provisioning] = Aggregate(
    name="provisioning",
    initial=Provisioning(),
    evolve=evolve,
    events=(AutopSubmitted, ProvisioningRetried, ProvisioningForgotten),
    decisions={
        SubmitAutop: Decision("provisioning_id", submit, _around_devices),
        RetryProvisioning: Decision("provisioning_id", retry),
        ForgetProvisioning: Decision("provisioning_id", forget, _its_devices),
    },
    key=lambda state: _key_of(state.provisioning_id) if state.provisioning_id else None,
)
