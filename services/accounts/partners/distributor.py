"""A distributor: whoever creates installers, and whether its installers may use Doorphone Offline Solution (L-06)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from contracts.accounts.partners import (
    CreateDistributor,
    DistributorCreated,
    OfflineSolutionAllowed,
    OfflineSolutionWithdrawn,
    SwitchOfflineSolution,
)
from contracts.message import Role
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.accounts.access import access, login
from services.accounts.partners.time_zones import known_zone

DistributorEvent = DistributorCreated | OfflineSolutionAllowed | OfflineSolutionWithdrawn


@dataclass(frozen=True, slots=True)
class Distributor:
    """What is true of a distributor."""

    distributor_id: str = ""
    name: str = ""
    email: str = ""
    time_zone: str = "UTC"
    offline_solution: bool = False


def evolve(distributor: Distributor, event: DistributorEvent) -> Distributor:
    match event:
        case DistributorCreated():
            return Distributor(event.distributor_id, event.name, event.email, event.time_zone)
        case OfflineSolutionAllowed():
            return replace(distributor, offline_solution=True)
        case OfflineSolutionWithdrawn():
            return replace(distributor, offline_solution=False)
        case _:
            assert_never(event)


def create(command: CreateDistributor, distributor: Distributor, there: Neighbours) -> Outcome:
    created = DistributorCreated(
        distributor_id=command.distributor_id,
        name=command.name,
        email=command.email,
        time_zone=known_zone(command.time_zone) or "UTC",
    )
    if distributor.distributor_id:
        if evolve(DISTRIBUTOR.initial, created) != replace(distributor, offline_solution=False):
            raise refused("id-taken")
        return []
    if not there[access.ref(command.distributor_id)].absent:
        raise refused("id-taken")
    opened = access.opened(
        command.distributor_id,
        Role.DISTRIBUTOR,
        command.password_hash,
        access.staff_key(command.distributor_id),
        distributor_id=command.distributor_id,
    )
    claimed = login.claim(login.by_contacts(command.email, None), command.distributor_id, there)
    return [created, opened, *claimed]


def switch_offline_solution(command: SwitchOfflineSolution, distributor: Distributor, _: Neighbours) -> Outcome:
    known = distributor.distributor_id and within(command.actor, distributor_id=distributor.distributor_id)
    if not known:
        raise refused("distributor-unknown")
    if command.enabled == distributor.offline_solution:
        return []
    switched = OfflineSolutionAllowed if command.enabled else OfflineSolutionWithdrawn
    return [switched(distributor_id=distributor.distributor_id)]


def _newcomer(command: CreateDistributor, _: Distributor) -> list[Ref]:
    return [access.ref(command.distributor_id), *login.by_contacts(command.email, None).values()]


def _key(distributor: Distributor) -> str | None:
    return access.staff_key(distributor.distributor_id) if distributor.distributor_id else None


DISTRIBUTOR = Aggregate(
    name="distributor",
    initial=Distributor(),
    evolve=evolve,
    events=(DistributorCreated, OfflineSolutionAllowed, OfflineSolutionWithdrawn),
    decisions={
        CreateDistributor: Decision("distributor_id", create, _newcomer),
        SwitchOfflineSolution: Decision("distributor_id", switch_offline_solution),
    },
    key=_key,
)
