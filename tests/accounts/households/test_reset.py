"""What Reset removes and what it keeps, as one table, over households of every kind (threat 5)."""

from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.accounts.households import AddUser, CallType
from contracts.accounts.leaving import ResetUser
from contracts.accounts.members import AddMember
from contracts.accounts.sites import LinkSite
from contracts.accounts.terms import ActivateUser, ExpireUser, RenewUser, SetFreeSubaccounts
from contracts.accounts.words import MailLanguage
from contracts.message import Command, Event, Recorded
from contracts.permissions import SYSTEM
from kernel.deciding.decider import Aggregate, Elsewhere, Ref
from services.accounts.access.access import ACCESS, UNUSABLE, Access
from services.accounts.access.login import LOGIN
from services.accounts.households.decisions import HOUSEHOLD
from services.accounts.households.household import NO_CONTACTS, Household
from services.accounts.households.households import DIRECTORY
from services.accounts.numbers import search
from services.accounts.numbers.sip import SIP
from tests.accounts.world import NOW, SITE, USER, ask, distributor, number, root

KEPT, REMOVED = "kept", "removed"

# The guide's list (U-37..U-45) with R-14. Every column of the directory and every part of the household is here.
ROW = {
    "installer_id": KEPT,
    "distributor_id": KEPT,
    "name": KEPT,
    "room": KEPT,
    "address": KEPT,
    "email": REMOVED,
    "country": REMOVED,
    "mobile": REMOVED,
    "landlines": REMOVED,
    "call_type": KEPT,
    "time_zone": KEPT,
    "language": KEPT,
    "with_indoor_monitor": KEPT,
    "home_automation": KEPT,
    "premium_on": KEPT,
    "landline_service": KEPT,
    "family_sip": KEPT,
    "personal_sip": KEPT,
    "expires_at": KEPT,
    "expired": KEPT,
    "free_subaccounts": KEPT,
    "linked_sites": REMOVED,
    "members": REMOVED,
    "app_registered": REMOVED,
    "created_at": KEPT,
}
FOLLOWS = {"seq", "tokens"}  # of the event and of the other columns
EMPTY: dict[str, Any] = {
    "landlines": [None, None, None],
    "linked_sites": [],
    "members": [],
    "app_registered": False,
}
STATE = {
    "user_id": KEPT,
    "installer_id": KEPT,
    "distributor_id": KEPT,
    "deleted": KEPT,
    "generation": "next",
    "residence": KEPT,
    "contacts": REMOVED,
    "preferences": KEPT,
    "monitor_chosen": KEPT,
    "home_automation": KEPT,
    "premium": KEPT,
    "landline_service": KEPT,
    "family_sip": KEPT,
    "personal_sip": KEPT,
    "expires_at": KEPT,
    "expired": KEPT,
    "free_subaccounts": KEPT,
    "linked_sites": REMOVED,
    "members": REMOVED,
}


class Town:
    """All aggregates of accounts in memory, and the directory folded from their events."""

    def __init__(self) -> None:
        self.states: dict[Ref, Any] = {}
        self.rows: dict[str, Any] = {}
        self.kinds: dict[str, Aggregate[Any]] = {each.name: each for each in (HOUSEHOLD, ACCESS, LOGIN, SIP)}
        self.seq = 0

    def state(self, ref: Ref) -> Any:
        return self.states.get(ref, self.kinds[ref.aggregate].initial)

    def tell(self, command: Command) -> list[tuple[Ref, Event]]:
        target = HOUSEHOLD.ref(command.user_id)  # type: ignore[attr-defined]
        decision = HOUSEHOLD.decisions[type(command)]
        neighbours = {ref: self.state(ref) for ref in decision.neighbours(command, self.state(target))}
        outcome = decision.decide(command, self.state(target), neighbours)
        decided = [(each.ref, each.event) if isinstance(each, Elsewhere) else (target, each) for each in outcome]
        for ref, event in decided:
            self.states[ref] = self.kinds[ref.aggregate].evolve(self.state(ref), event)
            self._project(ref, event, command)
        return decided

    def _project(self, ref: Ref, event: Event, command: Command) -> None:
        self.seq += 1
        recorded = Recorded(
            stream="ACCOUNTS",
            seq=self.seq,
            aggregate=ref.aggregate,
            aggregate_id=ref.id,
            event=event,
            event_id=str(uuid4()),
            at=command.at,
            actor=command.actor,
            command_id=str(command.command_id),
            correlation_id="",
        )
        for key in DIRECTORY.keys(recorded):
            row = DIRECTORY.fold(self.rows.get(key), recorded)
            self.rows[key] = {**row, "_id": key} if row else None


words = st.text(st.characters(categories=("L", "N", "Zs")), min_size=1, max_size=30).filter(lambda t: t.strip())
phones = st.integers(0, 9_999_999).map(lambda n: f"138{n:08}")
forms = st.fixed_dictionaries(
    {
        "name": words,
        "room": st.none() | words,
        "email": st.none() | st.uuids().map(lambda u: f"{u.hex}@example.org"),
        "country": st.just("CN"),
        "address": words,
        "mobile": st.none() | phones,
        "call_type": st.sampled_from(CallType),
        "time_zone": st.none() | st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC"]),
        "language": st.sampled_from(MailLanguage),
        "landlines": st.tuples(*[st.none() | phones] * 3),
        "with_indoor_monitor": st.booleans(),
    }
)
switches = st.sampled_from([(False, False), (True, False), (False, True)])
members = st.lists(
    st.fixed_dictionaries({"name": words, "email": st.none() | st.uuids().map(lambda u: f"{u.hex}@m.example.org")}),
    max_size=5,
)


@pytest.mark.row("U-36", "U-37", "U-38", "U-42", "U-43", "U-45", "U-46")
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    form=forms,
    switches=switches,
    family=members,
    months=st.none() | st.integers(1, 60),
    renewed=st.booleans(),
    expired=st.booleans(),
    free=st.integers(5, 20),
    linked=st.booleans(),
)
def test_reset_keeps_and_removes_what_the_table_says(
    form: dict[str, Any],
    switches: tuple[bool, bool],
    family: list[dict[str, Any]],
    months: int | None,
    renewed: bool,
    expired: bool,
    free: int,
    linked: bool,
) -> None:
    town = Town()
    automation, premium = switches
    town.tell(ask(AddUser, user_id=USER, **form, home_automation=automation, premium=premium, password_hash="h"))
    town.tell(ask(SetFreeSubaccounts, distributor, user_id=USER, free_subaccounts=free))
    if months:
        town.tell(ask(ActivateUser, SYSTEM, user_id=USER, months=months))
        for i, member in enumerate(family):
            town.tell(ask(AddMember, user_id=USER, member_id=number(100 + i), password_hash="h", **member))
        if renewed:
            town.tell(ask(RenewUser, SYSTEM, user_id=USER, months=months))
        if expired:
            town.tell(ask(ExpireUser, SYSTEM, at=NOW + timedelta(days=20_000), user_id=USER))
    if linked:
        town.tell(ask(AddUser, user_id=SITE, name="Site", address="There", premium=False, password_hash="h"))
        town.tell(ask(LinkSite, root, user_id=USER, site_id=SITE))
    before, row_before = town.state(HOUSEHOLD.ref(USER)), town.rows[USER]

    events = town.tell(ask(ResetUser, user_id=USER))

    after, row_after = town.state(HOUSEHOLD.ref(USER)), town.rows[USER]
    assert {each.name for each in fields(Household)} == STATE.keys()
    assert row_after.keys() - {"_id"} - FOLLOWS == ROW.keys()
    for column, fate in ROW.items():
        assert row_after[column] == (row_before[column] if fate == KEPT else EMPTY.get(column)), column
    for part, fate in STATE.items():
        if fate == KEPT:
            assert getattr(after, part) == getattr(before, part), part
    assert (after.contacts, after.members, after.linked_sites) == (NO_CONTACTS, (), ())
    assert after.generation == before.generation + 1
    assert set(row_after["tokens"]) == {
        *search.end_tokens("f", before.family_sip),
        *search.end_tokens("s", before.personal_sip),
        *search.name_tokens(before.residence.name),
    }

    master: Access = town.state(Ref("access", USER))
    assert (master.password_hash, master.sessions, master.closed) == (UNUSABLE, {}, False)
    for member_id in before.member_ids:
        assert not town.state(Ref("access", member_id)).is_open
    held = {ref.id for ref, state in town.states.items() if ref.aggregate == "login" and state.account_id == USER}
    assert held == {f"uid:{before.personal_sip}"}
    assert not any(
        state.account_id in before.member_ids for ref, state in town.states.items() if ref.aggregate == "login"
    )
    assert not linked or town.state(HOUSEHOLD.ref(SITE)).linked_sites == ()
    assert events

    town.tell(ask(ResetUser, user_id=USER))
    again = {**town.rows[USER], "seq": row_after["seq"]}
    assert again == row_after
