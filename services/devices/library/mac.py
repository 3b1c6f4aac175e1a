"""A MAC of the library: it is in one distributor's library at most, and belongs to one device at most.

A distributor registers for any of its installers, an installer for itself. What is somebody else's is said to be
elsewhere, never whose it is (R-18). Within one distributor, what nobody uses goes to the installer that binds it; from
any library to the installer that has the code on its label, once, where a distributor said that code.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import assert_never

from contracts.devices.library import (
    ClaimMac,
    MacBound,
    MacClaimed,
    MacGiven,
    MacLabelled,
    MacRegistered,
    MacRemoved,
    MacTaken,
    MacUnbound,
    MoveMac,
    RegisterMac,
    RemoveMac,
)
from contracts.message import Actor
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref

MacEvent = MacRegistered | MacRemoved | MacBound | MacUnbound
"""What changes a MAC's place. Why it was moved or claimed stands beside, and changes nothing."""


@dataclass(frozen=True, slots=True)
class Mac:
    """Whose library the MAC is in, for which installer (`None`: for any), and whose device has it.

    `code_hash` is of the code on its label, while it is where that code was said.
    """

    distributor_id: str = ""
    installer_id: str | None = None
    device_id: str | None = None
    bound_by: str | None = None
    code_hash: str | None = None

    @property
    def absent(self) -> bool:
        return not self.distributor_id

    def is_usable_by(self, distributor_id: str, installer_id: str | None) -> bool:
        """Whether it is in the library of that place of the tree: the distributor's whole, or what an installer has."""
        return self.distributor_id == distributor_id and (
            installer_id is None or (self.installer_id or self.bound_by or installer_id) == installer_id
        )

    def why_not_registrable(self, distributor_id: str, installer_id: str | None) -> str | None:
        """The code of the reason for which it cannot be put into that library, if there is one."""
        if self.absent:
            return None
        if not self.is_usable_by(distributor_id, installer_id):
            return "mac-elsewhere"
        return "mac-bound" if self.device_id else "mac-registered"


def evolve(mac: Mac, event: MacEvent | MacLabelled | MacTaken | MacGiven | MacClaimed) -> Mac:
    match event:
        case MacRegistered():
            return Mac(event.distributor_id, event.installer_id)
        case MacRemoved():
            return Mac()
        case MacBound():
            return replace(mac, device_id=event.device_id, bound_by=event.installer_id)
        case MacUnbound():
            return replace(mac, device_id=None, bound_by=None)
        case MacLabelled():
            return replace(mac, code_hash=event.code_hash)
        case MacTaken() | MacGiven() | MacClaimed():
            return mac
        case _:
            assert_never(event)


def ref(mac: str) -> Ref:
    """The MAC itself, as 12 capital hexadecimal digits."""
    return Ref("mac", mac)


def register(command: RegisterMac, mac: Mac, _: Neighbours) -> Outcome:
    distributor_id, installer_id = library_of(command.actor)
    if reason := mac.why_not_registrable(distributor_id, installer_id):
        raise refused("mac-elsewhere" if reason == "mac-elsewhere" else "mac-registered", "mac")
    if command.quota_reached:
        raise refused("mac-quota-reached", "mac")
    if command.code_hash is None:
        return [registered(command.mac, distributor_id, installer_id)]
    if installer_id:
        raise refused("forbidden", "code")
    return [registered(command.mac, distributor_id, None), labelled(command.mac, distributor_id, command.code_hash)]


def claim(command: ClaimMac, mac: Mac, _: Neighbours) -> Outcome:
    """Whoever has not the code learns nothing: not whether there is such a MAC, and not whether it has a code."""
    distributor_id, installer_id = library_of(command.actor)
    if mac.is_usable_by(distributor_id, installer_id):
        return []
    if not (mac.code_hash and command.code_hash and hmac.compare_digest(mac.code_hash, command.code_hash)):
        raise refused("mac-claim-refused", "code")
    if mac.device_id:
        raise refused("mac-bound", "mac")
    if command.quota_reached:
        raise refused("mac-quota-reached", "mac")
    before = {"mac": command.mac, "distributor_id": mac.distributor_id, "installer_id": mac.installer_id}
    return [MacRemoved(**before), MacClaimed(**before), registered(command.mac, distributor_id, installer_id)]


def remove(command: RemoveMac, mac: Mac, _: Neighbours) -> Outcome:
    if not mac.is_usable_by(*library_of(command.actor)):
        raise refused("mac-unknown")
    if not within(command.actor, distributor_id=mac.distributor_id, installer_id=mac.installer_id):
        raise refused("forbidden")
    if mac.device_id:
        raise refused("mac-bound")
    return [MacRemoved(mac=command.mac, distributor_id=mac.distributor_id, installer_id=mac.installer_id)]


def move(command: MoveMac, mac: Mac, _: Neighbours) -> Outcome:
    """Each library is told of its own side, so nobody learns from whom it came or to whom it went."""
    if mac.absent:
        raise refused("mac-unknown")
    if mac.device_id:
        raise refused("mac-bound")
    if not command.is_place:
        where = "installer" if command.installer_id else "distributor"
        raise refused(f"{where}-unknown", f"{where}_id")
    if (mac.distributor_id, mac.installer_id) == (command.distributor_id, command.installer_id):
        return []
    before = {"mac": command.mac, "distributor_id": mac.distributor_id, "installer_id": mac.installer_id}
    after = {"mac": command.mac, "distributor_id": command.distributor_id, "installer_id": command.installer_id}
    return [
        MacRemoved(**before),
        MacTaken(**before, reason=command.reason),
        MacRegistered(**after, import_id=None),
        MacGiven(**after, reason=command.reason),
    ]


def library_of(actor: Actor) -> tuple[str, str | None]:
    """The distributor in whose library, and the installer for whom, this actor registers. Refuses everybody else."""
    if not actor.distributor_id:
        raise refused("forbidden")
    return actor.distributor_id, actor.installer_id


def registered(mac: str, distributor_id: str, installer_id: str | None, import_id: str | None = None) -> MacRegistered:
    return MacRegistered(mac=mac, distributor_id=distributor_id, installer_id=installer_id, import_id=import_id)


def labelled(mac: str, distributor_id: str, code_hash: str) -> MacLabelled:
    return MacLabelled(mac=mac, distributor_id=distributor_id, code_hash=code_hash)


def take_over(mac: str, state: Mac, *, distributor_id: str, installer_id: str) -> list[Elsewhere]:
    """Make it that installer's, when another of the same distributor registered it and nobody uses it.

    The library that counts is the distributor's (R-18). Nothing when it is its own, anybody's, or in use.
    """
    is_siblings = state.distributor_id == distributor_id and state.installer_id not in (None, installer_id)
    if not is_siblings or state.device_id:
        return []
    removed = MacRemoved(mac=mac, distributor_id=distributor_id, installer_id=state.installer_id)
    return [Elsewhere(ref(mac), each) for each in (removed, registered(mac, distributor_id, installer_id))]


def bind(mac: str, state: Mac, *, distributor_id: str, installer_id: str, device_id: str, user_id: str) -> Elsewhere:
    """Make it that device's. Refuses `mac-not-in-library`, `mac-elsewhere` and `mac-bound`, each at the field `mac`."""
    if state.absent:
        raise refused("mac-not-in-library", "mac")
    if state.distributor_id != distributor_id:
        raise refused("mac-elsewhere", "mac")
    if state.device_id:
        raise refused("mac-bound", "mac")
    bound = MacBound(
        mac=mac,
        distributor_id=distributor_id,
        installer_id=installer_id,
        device_id=device_id,
        user_id=user_id,
        is_shared=state.installer_id is None,
    )
    return Elsewhere(ref(mac), bound)


def unbind(mac: str, state: Mac) -> list[Elsewhere]:
    """Make it no device's; it stays in the library. Nothing when it is no device's."""
    if state.device_id is None or state.bound_by is None:
        return []
    unbound = MacUnbound(
        mac=mac,
        distributor_id=state.distributor_id,
        installer_id=state.bound_by,
        device_id=state.device_id,
        is_shared=state.installer_id is None,
    )
    return [Elsewhere(ref(mac), unbound)]


MAC = Aggregate(
    name="mac",
    initial=Mac(),
    evolve=evolve,
    events=(MacRegistered, MacLabelled, MacRemoved, MacTaken, MacGiven, MacClaimed, MacBound, MacUnbound),
    decisions={
        RegisterMac: Decision("mac", register),
        ClaimMac: Decision("mac", claim),
        RemoveMac: Decision("mac", remove),
        MoveMac: Decision("mac", move),
    },
)
