"""Whether a household has an indoor monitor: one that is bound says so, unless somebody chose."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.accounts.households import EditUser, IndoorMonitorNoted, NoteIndoorMonitor, PreferencesChosen
from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.message import Event
from contracts.permissions import SYSTEM, objection
from services.accounts.households.decisions import HOUSEHOLD
from services.accounts.households.household import Household, evolve
from tests.accounts.world import FORM, INSTALLER, USER, added, ask, installer

names = {"user_id": USER, "installer_id": INSTALLER}
without = added.model_copy(update={"with_indoor_monitor": False})
noted = IndoorMonitorNoted(**names)


def preferences(*, with_indoor_monitor: bool, **fields: Any) -> PreferencesChosen:
    form = {"call_type": added.call_type, "time_zone": added.time_zone, "language": added.language, **fields}
    return PreferencesChosen(**names, **form, with_indoor_monitor=with_indoor_monitor)


reset = UserReset(
    **names, distributor_id="d", name="Home", room=None, address="Here", members=(), erased_key=f"{USER}.0"
)
deleted = UserDeleted(**names, distributor_id="d", members=(), erased_key=f"{USER}.0")
ticked, unticked = preferences(with_indoor_monitor=True), preferences(with_indoor_monitor=False)


def household(*events: Event) -> Household:
    state: Household = HOUSEHOLD.initial
    for event in events:
        state = evolve(state, event)  # type: ignore[arg-type]
    return state


def decided(state: Household) -> list[Any]:
    decision = HOUSEHOLD.decisions[NoteIndoorMonitor]
    return list(decision.decide(ask(NoteIndoorMonitor, SYSTEM, user_id=USER), state, {}))


NOTED: dict[str, tuple[Event, ...]] = {
    "nobody chose": (without,),
    "another preference was chosen": (without, preferences(with_indoor_monitor=False, language="fr")),
    "the next residents": (without, reset),
}
LEFT: dict[str, tuple[Event, ...]] = {
    "ticked when it was added": (added,),
    "noted before": (without, noted),
    "unticked after it was added": (added, unticked),
    "unticked after it was noted": (without, noted, unticked),
    "ticked and unticked before a monitor came": (without, ticked, unticked),
    "unticked, and then something else was chosen": (without, noted, unticked, preferences(with_indoor_monitor=False)),
    "unticked, and then reset": (without, noted, unticked, reset),
    "deleted": (without, deleted),
    "never added": (),
}


@pytest.mark.row("U-45", "R-14")
@pytest.mark.parametrize("events", NOTED.values(), ids=NOTED)
def test_a_monitor_that_is_bound_is_noted_where_nobody_chose(events: tuple[Event, ...]) -> None:
    state = household(*events)
    assert decided(state) == [noted]
    after = evolve(state, noted)
    assert after.preferences.with_indoor_monitor
    assert decided(after) == []


@pytest.mark.row("U-45", "R-14")
@pytest.mark.parametrize("events", LEFT.values(), ids=LEFT)
def test_what_somebody_chose_stays(events: tuple[Event, ...]) -> None:
    assert decided(household(*events)) == []


@pytest.mark.row("U-45")
def test_what_was_noted_is_unticked_by_the_form_and_kept_by_reset() -> None:
    state = household(without, noted)
    form = {**FORM, "with_indoor_monitor": False}
    decision = HOUSEHOLD.decisions[EditUser]
    assert list(decision.decide(ask(EditUser, **form), state, {})) == [unticked]
    assert household(without, noted, reset).preferences.with_indoor_monitor


def test_nobody_but_the_region_itself_notes_one() -> None:
    refusal = objection(ask(NoteIndoorMonitor, installer, user_id=USER))
    assert refusal is not None
    assert refusal.code == "forbidden"
