"""Whether a household has an indoor monitor: as somebody chose, else yes once one was bound (U-45, R-14).

The rule it protects: what a person chose is never changed by what is bound later. The form shows a box that is not
ticked, so a household that was added without the box has no choice yet; whoever changes the box has chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.accounts.households import IndoorMonitorNoted, NoteIndoorMonitor, PreferencesChosen
from kernel.deciding.decider import Neighbours, Outcome

if TYPE_CHECKING:
    # A household decides with this, so it imports this file.
    from services.accounts.households.household import Household


def is_chosen(household: Household, event: PreferencesChosen) -> bool:
    """Whether somebody has chosen by then. The other preferences change without a word about this one."""
    return household.monitor_chosen or event.with_indoor_monitor != household.preferences.with_indoor_monitor


def note(command: NoteIndoorMonitor, household: Household, _: Neighbours) -> Outcome:
    """Nothing when the household is gone: its devices go after it."""
    if household.absent or household.monitor_chosen or household.preferences.with_indoor_monitor:
        return []
    return [IndoorMonitorNoted(user_id=household.user_id, installer_id=household.installer_id)]
