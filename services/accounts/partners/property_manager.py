"""A property manager: somebody whom an installer lets look after a site. So far it can log in and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.accounts.partners import CreatePropertyManager, PropertyManagerCreated
from contracts.message import Role
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.accounts.access import access, login


@dataclass(frozen=True, slots=True)
class PropertyManager:
    """What is true of a property manager."""

    property_manager_id: str = ""
    installer_id: str = ""
    distributor_id: str = ""
    name: str = ""
    email: str = ""


def evolve(_: PropertyManager, event: PropertyManagerCreated) -> PropertyManager:
    return PropertyManager(event.property_manager_id, event.installer_id, event.distributor_id, event.name, event.email)


def create(command: CreatePropertyManager, manager: PropertyManager, there: Neighbours) -> Outcome:
    installer_id, distributor_id = command.actor.installer_id, command.actor.distributor_id
    if not installer_id or not distributor_id:
        raise refused("installer-unknown")
    created = PropertyManagerCreated(
        property_manager_id=command.property_manager_id,
        installer_id=installer_id,
        distributor_id=distributor_id,
        name=command.name,
        email=command.email,
    )
    if manager.property_manager_id:
        if evolve(manager, created) != manager:
            raise refused("id-taken")
        return []
    if not there[access.ref(command.property_manager_id)].absent:
        raise refused("id-taken")
    opened = access.opened(
        command.property_manager_id,
        Role.PROPERTY_MANAGER,
        command.password_hash,
        access.staff_key(command.property_manager_id),
        distributor_id=distributor_id,
        installer_id=installer_id,
    )
    claimed = login.claim(login.by_contacts(command.email, None), command.property_manager_id, there)
    return [created, opened, *claimed]


def _newcomer(command: CreatePropertyManager, _: PropertyManager) -> list[Ref]:
    return [access.ref(command.property_manager_id), *login.by_contacts(command.email, None).values()]


def _key(manager: PropertyManager) -> str | None:
    return access.staff_key(manager.property_manager_id) if manager.property_manager_id else None


PROPERTY_MANAGER = Aggregate(
    name="property_manager",
    initial=PropertyManager(),
    evolve=evolve,
    events=(PropertyManagerCreated,),
    decisions={CreatePropertyManager: Decision("property_manager_id", create, _newcomer)},
    key=_key,
)
