"""How many there are: households of an installer, installers of a distributor, and of everybody."""

from __future__ import annotations

from contracts.accounts.households import UserAdded
from contracts.accounts.leaving import UserDeleted
from contracts.accounts.partners import DistributorCreated, InstallerCreated
from contracts.message import Recorded
from kernel.reading.tally import tallies

ALL_INSTALLERS = "installers"
ALL_DISTRIBUTORS = "distributors"


def steps(recorded: Recorded) -> dict[str, int]:
    match recorded.event:
        case UserAdded(installer_id=installer_id):
            return {installer_id: 1}
        case UserDeleted(installer_id=installer_id):
            return {installer_id: -1}
        case InstallerCreated(distributor_id=distributor_id):
            return {distributor_id: 1, ALL_INSTALLERS: 1}
        case DistributorCreated():
            return {ALL_DISTRIBUTORS: 1}
        case _:
            return {}


TALLIES = tallies(steps)
