"""What open pages are told: which of a tenant's things changed, by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contracts.accounts.access import SessionKept
from contracts.accounts.partners import DistributorCreated, InstallerCreated
from contracts.message import Recorded, Role
from kernel.service.declaration import Notice
from services.accounts.access.access import AccessEvent
from services.accounts.households.household import HouseholdEvent
from services.accounts.partners.distributor import DistributorEvent
from services.accounts.partners.installer import InstallerEvent

SUPER_MANAGERS = "super"


def live(recorded: Recorded) -> Iterable[Notice]:
    """The notices of one event. Ids of sessions and of accounts whose sessions changed go as `session`."""
    event = recorded.event
    if isinstance(event, HouseholdEvent):
        yield Notice(event.installer_id, "household", event.user_id)
    elif isinstance(event, InstallerEvent):
        for tenant in (event.installer_id, recorded.actor.distributor_id, SUPER_MANAGERS):
            if tenant:
                yield Notice(tenant, "installer", event.installer_id)
                yield Notice(tenant, "audit", event.installer_id)
        if isinstance(event, InstallerCreated):
            yield Notice(SUPER_MANAGERS, "distributor", event.distributor_id)
    elif isinstance(event, DistributorEvent):
        yield Notice(event.distributor_id, "distributor", event.distributor_id)
        yield Notice(SUPER_MANAGERS, "distributor", event.distributor_id)
        if not isinstance(event, DistributorCreated):
            yield Notice(event.distributor_id, "audit", event.distributor_id)
    elif isinstance(event, AccessEvent):
        yield from _of_access(recorded, event)


def _of_access(recorded: Recorded, event: AccessEvent) -> Iterator[Notice]:
    if isinstance(event, SessionKept):
        return  # no page shows it, and this is no reason to ask every gateway anew
    tenant = SUPER_MANAGERS if recorded.actor.role is Role.SUPER_MANAGER else event.account_id
    yield Notice(tenant, "session", event.account_id)
    if session_id := getattr(event, "session_id", None):
        yield Notice(tenant, "session", session_id)
