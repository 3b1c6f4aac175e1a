"""What may be said about a MAC of the library, and what comes of it."""

import pytest
from pydantic import ValidationError

from contracts.devices.library import MacBound, MacRegistered, MacRemoved, MacUnbound, RegisterMac, RemoveMac
from contracts.message import Actor, Refused
from kernel.deciding.decider import Elsewhere
from kernel.deciding.spec import Spec
from services.devices.library import mac as macs
from services.devices.library.mac import MAC as AGGREGATE
from tests.devices.world import (
    DEVICE,
    DISTRIBUTOR,
    INSTALLER,
    MAC,
    OTHER_DEVICE,
    OTHER_DISTRIBUTOR,
    SIBLING_INSTALLER,
    USER,
    ask,
    changed,
    distributor,
    installer,
    mac_bound,
    other_distributor,
    other_installer,
    registered,
    sibling_installer,
)

mac = Spec(AGGREGATE)

register = ask(RegisterMac, mac=MAC)
remove = ask(RemoveMac, mac=MAC)
shared = registered.model_copy(update={"installer_id": None})
removed = MacRemoved(mac=MAC, distributor_id=DISTRIBUTOR, installer_id=INSTALLER)
unbound = MacUnbound(mac=MAC, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, device_id=DEVICE)
bound_from_shared = mac_bound.model_copy(update={"is_shared": True})


def state(*facts: MacRegistered | MacBound | MacUnbound | MacRemoved) -> macs.Mac:
    return AGGREGATE.fold(facts)


def bind(held: macs.Mac, actor: Actor = installer, device_id: str = DEVICE) -> Elsewhere:
    assert actor.distributor_id is not None
    assert actor.installer_id is not None
    return macs.bind(
        MAC,
        held,
        distributor_id=actor.distributor_id,
        installer_id=actor.installer_id,
        device_id=device_id,
        user_id=USER,
    )


@pytest.mark.row("M-02", "R-18")
def test_an_installer_registers_a_mac_under_its_distributor_and_for_itself() -> None:
    mac.given().when(register).then(registered)


@pytest.mark.row("R-18")
def test_a_distributor_registers_a_mac_for_any_of_its_installers() -> None:
    mac.given().when(changed(register, actor=distributor)).then(shared)


def test_a_mac_is_registered_once() -> None:
    mac.given().when(register).again().then_refused("mac-registered", "mac")
    mac.given(registered, mac_bound).when(register).then_refused("mac-registered", "mac")


@pytest.mark.row("R-18")
@pytest.mark.parametrize("stranger", [other_installer, other_distributor, sibling_installer])
def test_a_mac_of_somebody_else_is_elsewhere_and_nobody_is_named(stranger: Actor) -> None:
    outcome = mac.given(registered).when(changed(register, actor=stranger))
    outcome.then_refused("mac-elsewhere", "mac")
    assert outcome.refused is not None
    for name in (DISTRIBUTOR, INSTALLER):
        assert name not in outcome.refused.refusal().model_dump_json()


def test_the_distributor_s_own_mac_is_registered_already_for_all_its_installers() -> None:
    mac.given(shared).when(register).then_refused("mac-registered", "mac")


@pytest.mark.row("M-05", "D-05")
@pytest.mark.parametrize(
    "typed", ["0c110512bc97", "0C:11:05:12:BC:97", "0c-11-05-12-bc-97", "0C11.0512.BC97", f" {MAC} "]
)
def test_a_mac_is_taken_in_every_common_notation(typed: str) -> None:
    mac.given().when(ask(RegisterMac, mac=typed)).then(registered)


@pytest.mark.parametrize("typed", ["", "0C110512BC9", "0C110512BC977", "0G110512BC97", "FFFFFFFFFFFF", "000000000000"])
def test_what_is_no_mac_of_a_device_is_not_even_a_command(typed: str) -> None:
    with pytest.raises(ValidationError):
        ask(RegisterMac, mac=typed)


@pytest.mark.row("M-08")
def test_a_mac_is_removed_and_may_then_be_registered_elsewhere() -> None:
    mac.given(registered).when(remove).then(removed)
    mac.given(registered, removed).when(remove).then_refused("mac-unknown")
    elsewhere = changed(register, actor=other_installer)
    mac.given(registered, removed).when(elsewhere).then(
        MacRegistered(
            mac=MAC, distributor_id=OTHER_DISTRIBUTOR, installer_id=other_installer.installer_id, import_id=None
        )
    )


@pytest.mark.row("M-09")
@pytest.mark.parametrize("actor", [installer, distributor])
def test_a_bound_mac_cannot_be_removed(actor: Actor) -> None:
    mac.given(registered, mac_bound).when(changed(remove, actor=actor)).then_refused("mac-bound")
    mac.given(registered, mac_bound, unbound).when(changed(remove, actor=actor)).then(removed)


@pytest.mark.parametrize("stranger", [other_installer, other_distributor, sibling_installer])
def test_a_stranger_cannot_tell_a_mac_from_one_that_does_not_exist(stranger: Actor) -> None:
    for facts in ((), (registered,), (registered, mac_bound)):
        mac.given(*facts).when(changed(remove, actor=stranger)).then_refused("mac-unknown")


def test_an_installer_sees_its_distributor_s_macs_but_does_not_remove_them() -> None:
    mac.given(shared).when(remove).then_refused("forbidden")
    mac.given(shared).when(changed(remove, actor=distributor)).then(removed.model_copy(update={"installer_id": None}))
    taken = bound_from_shared.model_copy(update={"installer_id": SIBLING_INSTALLER})
    mac.given(shared, taken).when(remove).then_refused("mac-unknown")


@pytest.mark.row("D-02", "M-10")
def test_only_a_mac_of_the_distributor_s_library_is_bound() -> None:
    assert bind(state(registered)) == Elsewhere(macs.ref(MAC), mac_bound)
    assert bind(state(shared)) == Elsewhere(macs.ref(MAC), bound_from_shared)
    assert (
        bind(state(registered, mac_bound, unbound), device_id=OTHER_DEVICE).event.model_dump()["device_id"]
        == OTHER_DEVICE
    )
    for facts in ((), (registered, removed)):
        with pytest.raises(Refused) as refusal:
            bind(state(*facts))
        assert (refusal.value.code, refusal.value.field) == ("mac-not-in-library", "mac")


@pytest.mark.row("R-18")
@pytest.mark.parametrize(
    ("facts", "actor", "code"),
    [
        ((registered,), other_installer, "mac-elsewhere"),
        ((registered, mac_bound), other_installer, "mac-elsewhere"),
        ((registered, mac_bound), sibling_installer, "mac-bound"),
        ((registered, mac_bound), installer, "mac-bound"),
        ((shared, bound_from_shared), sibling_installer, "mac-bound"),
    ],
)
def test_a_mac_is_bound_by_one_device_of_its_own_library(
    facts: tuple[MacRegistered | MacBound, ...], actor: Actor, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        bind(state(*facts), actor, OTHER_DEVICE)
    assert (refusal.value.code, refusal.value.field) == (code, "mac")


@pytest.mark.row("D-02", "R-18")
def test_whoever_binds_what_another_installer_of_its_distributor_left_unused_takes_it_over() -> None:
    def taken_over(*facts: macs.MacEvent, distributor_id: str = DISTRIBUTOR) -> list[Elsewhere]:
        return macs.take_over(MAC, state(*facts), distributor_id=distributor_id, installer_id=SIBLING_INSTALLER)

    now_theirs = registered.model_copy(update={"installer_id": SIBLING_INSTALLER})
    assert taken_over(registered) == [Elsewhere(macs.ref(MAC), removed), Elsewhere(macs.ref(MAC), now_theirs)]
    for facts in ((), (registered, mac_bound), (shared,), (now_theirs,)):
        assert taken_over(*facts) == []
    assert taken_over(registered, distributor_id=OTHER_DISTRIBUTOR) == []


def test_an_unbound_mac_stays_in_the_library() -> None:
    assert macs.unbind(MAC, state(registered, mac_bound)) == [Elsewhere(macs.ref(MAC), unbound)]
    assert macs.unbind(MAC, state(registered)) == []
    mac.given(registered, mac_bound, unbound).when(register).then_refused("mac-registered")
