"""The time for which a household is served: begun, lengthened, run out."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime

from contracts.accounts.terms import ActivateUser, ExpireUser, RenewUser, UserActivated, UserExpired, UserRenewed
from contracts.refusals import refused
from kernel.deciding.decider import Neighbours, Outcome
from services.accounts.households.household import Household, check


def activate(command: ActivateUser, household: Household, _: Neighbours) -> Outcome:
    check(command.actor, household)
    if household.activated:
        return []
    activated = UserActivated(
        user_id=household.user_id,
        installer_id=household.installer_id,
        expires_at=months_later(command.at, command.months),
    )
    return [activated]


def renew(command: RenewUser, household: Household, _: Neighbours) -> Outcome:
    check(command.actor, household)
    if household.expires_at is None:
        raise refused("user-not-activated")
    renewed = UserRenewed(
        user_id=household.user_id,
        installer_id=household.installer_id,
        expires_at=months_later(max(command.at, household.expires_at), command.months),
    )
    return [renewed]


def expire(command: ExpireUser, household: Household, _: Neighbours) -> Outcome:
    check(command.actor, household)
    if household.expires_at is None or household.expired or command.at < household.expires_at:
        return []
    return [UserExpired(user_id=household.user_id, installer_id=household.installer_id)]


def months_later(at: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last day (R-45)."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))
