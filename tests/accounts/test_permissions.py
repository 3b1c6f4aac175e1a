"""The table of roles: complete, and what it means."""

import pytest

from contracts.accounts.access import ChangePassword, StartImpersonation
from contracts.accounts.households import ListUsers
from contracts.accounts.leaving import ResetUser
from contracts.accounts.members import NewMemberAnswer
from contracts.accounts.partners import (
    CreateDistributor,
    CreateInstaller,
    CreateSuperManager,
    GrantAccess,
    ListDistributors,
    SwitchAccountAccess,
    WithdrawAccess,
)
from contracts.accounts.terms import ActivateUser
from contracts.acting import disclosed
from contracts.message import Actor, Command, Refused, Role
from contracts.modules import MODULES, declared, views_of
from contracts.permissions import MAY, SYSTEM, UNDER_ACCOUNT_ACCESS, objection, own_installer, owned, within
from contracts.refusals import REFUSALS
from tests.accounts.world import (
    DISTRIBUTOR,
    INSTALLER,
    USER,
    ask,
    distributor,
    installer,
    master,
    number,
    other_distributor,
    other_installer,
    root,
    sibling_installer,
)


@pytest.mark.row("L-05")
def test_every_command_and_query_has_a_row_for_six_roles() -> None:
    assert len(Role) == 6
    assert MAY.keys() == {
        message for service in MODULES for message in (*declared(service, Command), *views_of(service))
    }


@pytest.mark.row("L-01", "L-05", "L-06", "L-07")
def test_each_level_makes_the_next_and_switches_what_it_may() -> None:
    assert MAY[CreateDistributor] == {Role.SUPER_MANAGER}
    assert MAY[CreateInstaller] == MAY[SwitchAccountAccess] == MAY[StartImpersonation] == {Role.DISTRIBUTOR}
    assert MAY[GrantAccess] == MAY[WithdrawAccess] == MAY[ResetUser] == {Role.INSTALLER}
    assert MAY[CreateSuperManager] == MAY[ActivateUser] == frozenset()


@pytest.mark.parametrize("actor", [root, distributor, installer, master])
def test_what_only_the_system_does_is_forbidden_to_people(actor: Actor) -> None:
    wish = ask(ActivateUser, actor, user_id=USER)
    refusal = objection(wish)
    assert refusal is not None
    assert refusal.code == "forbidden"
    assert refusal.detail == REFUSALS["forbidden"].sentence
    assert objection(ask(ActivateUser, SYSTEM, user_id=USER)) is None


@pytest.mark.parametrize(
    "kind", [*declared("accounts", Command), *declared("devices", Command)], ids=lambda kind: kind.__name__
)
def test_what_is_not_named_for_account_access_is_the_holder_s_alone(kind: type[Command]) -> None:
    inside = installer.model_copy(update={"impersonator_id": DISTRIBUTOR})
    wish = kind.model_construct(actor=inside)
    in_person = objection(kind.model_construct(actor=installer))
    refusal = objection(wish)
    assert (refusal is None) is (in_person is None and kind in UNDER_ACCOUNT_ACCESS)


def test_secrets_are_told_to_the_account_above_in_person_and_to_nobody_else() -> None:
    class LaterAnswer(NewMemberAnswer):
        what_comes_next: str | None = None

    answer = LaterAnswer(credential="7KQM-42XR", what_comes_next="?", uid="6")
    for actor in (root, distributor, installer, SYSTEM):
        assert disclosed(actor, answer) == answer
    manager = Actor(account_id=number(50), role=Role.PROPERTY_MANAGER, installer_id=INSTALLER)
    for actor in (master, manager, installer.model_copy(update={"impersonator_id": DISTRIBUTOR})):
        assert disclosed(actor, answer) == LaterAnswer(uid="6")


def test_an_impersonator_changes_no_password_and_no_permission() -> None:
    inside = installer.model_copy(update={"impersonator_id": DISTRIBUTOR})
    for wish in (
        ask(GrantAccess, inside, installer_id=INSTALLER),
        ask(WithdrawAccess, inside, installer_id=INSTALLER),
        ask(ChangePassword, inside, account_id=INSTALLER, current_password="x", new_password="long enough"),
    ):
        refusal = objection(wish)
        assert refusal is not None
        assert refusal.code == "forbidden-while-impersonating"
    assert objection(ask(ResetUser, inside, user_id=USER)) is None


def test_queries_are_in_the_same_table() -> None:
    assert objection(ListUsers(actor=installer)) is None
    assert objection(ListUsers(actor=distributor)) is not None
    assert objection(ListDistributors(actor=root)) is None


@pytest.mark.parametrize(
    ("actor", "inside"),
    [
        (root, True),
        (distributor, True),
        (installer, True),
        (master, True),
        (sibling_installer, False),
        (other_installer, False),
        (other_distributor, False),
        (Actor(account_id=number(50), role=Role.INSTALLER), False),
        (Actor(account_id=number(50), role=Role.DISTRIBUTOR), False),
        (Actor(account_id=number(50), role=Role.PROPERTY_MANAGER, installer_id=INSTALLER), True),
        (Actor(account_id=number(50), role=Role.FAMILY_MEMBER, household_id=number(51)), False),
    ],
)
@pytest.mark.row("L-05")
def test_a_tree_holds_what_lies_below_and_nothing_beside(actor: Actor, inside: bool) -> None:
    assert within(actor, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, household_id=USER) is inside


def test_nobody_without_a_place_is_within_nothing() -> None:
    for role in set(Role) - {Role.SUPER_MANAGER}:
        assert not within(Actor(account_id=number(50), role=role), distributor_id=None)


def test_what_is_another_s_is_refused_like_what_is_not_there() -> None:
    row = {"distributor_id": DISTRIBUTOR, "installer_id": INSTALLER, "user_id": USER}
    for actor in (root, distributor, installer, master):
        assert owned(row, actor, "camera-unknown") is row
    for found, actor in ((None, root), (row, other_distributor), (row, other_installer), (row, sibling_installer)):
        with pytest.raises(Refused, match="camera-unknown"):
            owned(found, actor, "camera-unknown")
    with pytest.raises(Refused, match="user-unknown"):
        owned({**row, "_id": number(99)}, master, "user-unknown", household="_id")


def test_a_list_of_an_installer_s_own_is_for_nobody_above() -> None:
    assert own_installer(installer) == own_installer(master) == INSTALLER
    for actor in (root, distributor):
        with pytest.raises(Refused, match="forbidden"):
            own_installer(actor)
