"""What may be said about a device, and what comes of it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from nats import connect

from contracts.devices.cameras import CameraUnlinked
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    ConfigurationState,
    DeviceReported,
    IssueConfiguration,
    MethodChoiceDropped,
    NoteConfigurationApplied,
    NoteConfigurationRefused,
    NoteDeviceReport,
)
from contracts.devices.homes import DeviceMovedIn, DeviceMovedOut, HomeForgotten
from contracts.devices.intercoms import (
    BindDevice,
    ChooseConnectionType,
    ConnectionType,
    ConnectionTypeChosen,
    DeviceDescribed,
    DeviceKeyIssued,
    DeviceKind,
    EditDevice,
    RelaysConfigured,
    RotateDeviceKey,
    UnbindDevice,
)
from contracts.devices.library import MacUnbound
from contracts.devices.numbers import DeviceSipAllocated, DeviceSipReleased
from contracts.devices.relays import DEVICE_METHODS, AccessMethod, Relay
from contracts.message import ERASED, Actor, Refused, Role
from contracts.permissions import SYSTEM
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.handling import Contended, Deciding
from kernel.deciding.spec import Given, Spec
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from services.devices.cameras.camera import CAMERA as CAMERAS
from services.devices.homes.decisions import HOME
from services.devices.homes.home import THINGS_MAX
from services.devices.intercoms.decisions import DEVICE as DEVICES
from services.devices.intercoms.device import configuration_state, hash_of_key
from services.devices.library.mac import MAC as MACS
from services.devices.numbers import sip
from tests.devices.world import (
    ALL_METHODS,
    CAMERA,
    DEVICE,
    DISTRIBUTOR,
    FRONT_DOOR,
    GARAGE,
    HERE,
    INSTALLER,
    MAC,
    MODELS,
    MONITOR,
    NOW,
    OTHER_DEVICE,
    USER,
    ask,
    bound,
    camera_added,
    camera_linked,
    changed,
    elsewhere,
    mac_bound,
    master,
    monitor_bound,
    moved_in,
    names,
    number,
    registered,
    reported,
    settings,
    strangers,
    unbound,
)

device = Spec(DEVICES, MACS, sip.SIP, HOME, CAMERAS, tables=MODELS)

SIP = sip.candidates(DEVICE)[0]
FORM: dict[str, Any] = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "relays": (FRONT_DOOR, GARAGE)}
bind = ask(
    BindDevice,
    device_id=DEVICE,
    user_id=USER,
    mac=MAC,
    **FORM,
    key_hash="5" * 64,
    distributor_id=DISTRIBUTOR,
    installer_id=INSTALLER,
)
edit = ask(EditDevice, device_id=DEVICE, **FORM)
edit_monitor = ask(EditDevice, device_id=MONITOR, kind=DeviceKind.INDOOR_MONITOR, name="Hall", arming_function=True)
unbind = ask(UnbindDevice, device_id=DEVICE)
THERE = {"device_id": DEVICE, **HERE}
HERE_IS = bound.model_copy(update={"sip": SIP})


def in_library() -> Given:
    return device.given().beside("mac", MAC, registered)


def at_home(*more: Any) -> Given:
    """The device with what binding it made elsewhere."""
    return (
        device.given(HERE_IS, *more)
        .beside("mac", MAC, registered, mac_bound)
        .beside("sip", SIP, DeviceSipAllocated(number=SIP, device_id=DEVICE))
        .beside("home", USER, moved_in)
    )


# --- Binding ----------------------------------------------------------------------------------------------------------


@pytest.mark.row("D-01", "D-06", "D-19", "M-10")
def test_binding_claims_the_mac_a_number_and_a_place_in_the_home_in_one_step() -> None:
    outcome = in_library().when(bind)
    outcome.then(
        elsewhere("mac", MAC, mac_bound),
        HERE_IS,
        elsewhere("sip", SIP, DeviceSipAllocated(number=SIP, device_id=DEVICE)),
        elsewhere("home", USER, moved_in),
    )
    outcome.again().then()


def test_another_wish_under_the_id_of_a_device_is_refused() -> None:
    at_home().when(changed(bind, name="Other")).then_refused("id-taken")
    device.given(HERE_IS, unbound).beside("mac", MAC, registered).when(bind).then_refused("id-taken")


@pytest.mark.row("D-02", "M-10")
def test_the_mac_must_be_in_the_library_here_and_free() -> None:
    device.given().when(bind).then_refused("mac-not-in-library", "mac")
    elsewhere_registered = registered.model_copy(update={"distributor_id": number(99)})
    device.given().beside("mac", MAC, elsewhere_registered).when(bind).then_refused("mac-elsewhere", "mac")
    taken = mac_bound.model_copy(update={"device_id": OTHER_DEVICE})
    device.given().beside("mac", MAC, registered, taken).when(bind).then_refused("mac-bound", "mac")


@pytest.mark.row("D-05")
@pytest.mark.parametrize("typed", ["0c:11:05:12:bc:97", "0C-11-05-12-BC-97", "0c11.0512.bc97", "0c110512bc97"])
def test_a_mac_is_accepted_in_every_common_notation(typed: str) -> None:
    assert changed(bind, mac=typed).mac == MAC


@pytest.mark.row("D-05", "D-06")
@pytest.mark.parametrize("wrong", [{"mac": "0C110512BC9"}, {"mac": "0C110512BC9G"}, {"mac": ""}, {"name": " "}])
def test_mac_and_name_are_mandatory(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"mac|name"):
        changed(bind, **wrong)


def test_a_number_that_is_taken_or_rests_is_passed_over() -> None:
    first, second, third = sip.candidates(DEVICE)
    taken = DeviceSipAllocated(number=first, device_id=OTHER_DEVICE)
    resting = DeviceSipReleased(number=second, quarantined_until=NOW + timedelta(days=1))
    given = in_library().beside("sip", first, taken).beside("sip", second, resting)
    assert [each.sip for each in given.when(bind).events if isinstance(each, type(bound))] == [third]
    given.beside("sip", third, resting.model_copy(update={"number": third})).when(bind).then_refused("sip-exhausted")


def test_nobody_binds_into_a_home_of_somebody_else_or_one_that_is_gone_or_full() -> None:
    for stranger in strangers:
        in_library().when(changed(bind, actor=stranger)).then_refused("user-unknown")
    gone = HomeForgotten(user_id=USER, installer_id=INSTALLER, device_ids=(), macs=(), erased_keys=())
    in_library().beside("home", USER, gone).when(bind).then_refused("user-unknown")
    full = [DeviceMovedIn(user_id=USER, device_id=number(1000 + i), mac=f"{i:012X}") for i in range(THINGS_MAX)]
    in_library().beside("home", USER, *full).when(bind).then_refused("home-full")


# --- Deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("D-21")
def test_deleting_frees_the_mac_and_rests_the_number() -> None:
    freed = MacUnbound(mac=MAC, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, device_id=DEVICE)
    outcome = at_home().when(unbind)
    outcome.then(
        unbound,
        elsewhere("mac", MAC, freed),
        elsewhere("sip", SIP, DeviceSipReleased(number=SIP, quarantined_until=NOW + timedelta(days=90))),
        elsewhere("home", USER, DeviceMovedOut(user_id=USER, device_id=DEVICE)),
    )
    outcome.again().then_refused("device-unknown")


def test_deleting_lets_go_of_a_linked_camera() -> None:
    linked = camera_added.model_copy(update={"linked_device_id": DEVICE})
    outcome = at_home(camera_linked).beside("camera", CAMERA, linked).when(unbind)
    assert elsewhere("camera", CAMERA, CameraUnlinked(camera_id=CAMERA, **THERE)) in outcome.events


def test_a_strangers_device_answers_like_one_that_does_not_exist() -> None:
    wishes = (
        edit,
        unbind,
        ask(RotateDeviceKey, device_id=DEVICE, key_hash="6" * 64),
        ask(ChooseConnectionType, device_id=DEVICE, connection_type=ConnectionType.UDP),
    )
    for wish in wishes:
        device.given().when(wish).then_refused("device-unknown")
        device.given(HERE_IS, unbound).when(wish).then_refused("device-unknown")
        for stranger in strangers:
            at_home().when(changed(wish, actor=stranger)).then_refused("device-unknown")
    neighbour = master.model_copy(update={"household_id": number(77)})
    at_home().when(changed(unbind, actor=neighbour)).then_refused("device-unknown")


# --- The form ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("D-20", "D-06")
def test_editing_says_what_changed_and_nothing_else() -> None:
    description = {**THERE, "kind": DeviceKind.DOORPHONE_SINGLE, "name": "North gate"}
    described = DeviceDescribed(
        **description, internet_access=True, transfer_ip=None, works_offline=False, arming_function=False
    )
    outcome = at_home().when(changed(edit, name="North gate"))
    outcome.then(described)
    outcome.again().then()
    at_home().when(edit).then()
    off = FRONT_DOOR.model_copy(update={"enabled": False})
    relays = RelaysConfigured(
        **THERE,
        relays=settings(off, GARAGE),
        relay_names=names(off, GARAGE),
        security_relays=(),
        security_relay_names=(),
    )
    at_home().when(changed(edit, relays=(GARAGE, off))).then(relays)


@pytest.mark.row("D-07", "D-16", "D-17", "D-22", "D-30", "D-31", "G-10")
def test_each_relay_has_its_own_switch_name_code_and_methods() -> None:
    every = tuple(
        Relay(number=i, enabled=i != 3, name=f"Relay {i}", dtmf=f"{i}", methods=ALL_METHODS[: 2 * i])
        for i in range(1, 5)
    )
    outcome = at_home().when(changed(edit, relays=every))
    (configured,) = outcome.events
    assert isinstance(configured, RelaysConfigured)
    assert [len(each.methods) for each in configured.relays] == [2, 4, 6, 7]
    assert configured.relay_names == ("Relay 1", "Relay 2", "Relay 3", "Relay 4")
    assert len(AccessMethod) == 7
    outcome.again().then()


@pytest.mark.row("D-08")
def test_a_fifth_relay_is_refused() -> None:
    five = tuple(Relay(number=min(i, 4), name=f"Relay {i}") for i in range(1, 6))
    with pytest.raises(ValueError, match="relays"):
        changed(edit, relays=five)
    with pytest.raises(ValueError, match="number"):
        Relay(number=5, name="Relay 5")
    twice = (FRONT_DOOR, FRONT_DOOR.model_copy(update={"dtmf": "1"}))
    at_home().when(changed(edit, relays=twice)).then_refused("relay-twice", "relays")


@pytest.mark.row("D-08")
def test_a_model_with_fewer_relays_gets_no_further_ones() -> None:
    small = DeviceReported(**THERE, model="R29Z", firmware="29.30.2.1")
    third = Relay(number=3, name="Side door", dtmf="3")
    at_home(small).when(changed(edit, relays=(FRONT_DOOR, GARAGE, third))).then_refused("relays-exceed-model", "relays")
    # What is set already may stay, and be less.
    at_home(small).when(edit).then()
    assert at_home(small).when(changed(edit, relays=(FRONT_DOOR,))).refused is None


@pytest.mark.row("D-18")
def test_dtmf_codes_are_unique_among_relays_that_are_on() -> None:
    same = GARAGE.model_copy(update={"dtmf": "#"})
    at_home().when(changed(edit, relays=(FRONT_DOOR, same))).then_refused("dtmf-taken", "relays.1.dtmf")
    off = same.model_copy(update={"enabled": False})
    assert at_home().when(changed(edit, relays=(FRONT_DOOR, off))).refused is None
    none = (FRONT_DOOR.model_copy(update={"dtmf": None}), GARAGE.model_copy(update={"dtmf": None}))
    assert at_home().when(changed(edit, relays=none)).refused is None
    at_home().when(changed(edit, security_relays=(FRONT_DOOR,))).then_refused("dtmf-taken", "security_relays.0.dtmf")
    for wrong in ("", "12345", "A", "1 2"):
        with pytest.raises(ValueError, match="dtmf"):
            Relay(number=1, name="Door", dtmf=wrong)


@pytest.mark.row("D-09", "D-10")
def test_security_relays_go_with_door_phones_and_access_control_only() -> None:
    gate = Relay(number=1, name="Safe", dtmf="9")
    for kind in (DeviceKind.DOORPHONE_SINGLE, DeviceKind.DOORPHONE_MULTI, DeviceKind.ACCESS_CONTROL):
        assert at_home().when(changed(edit, kind=kind, security_relays=(gate,))).refused is None
    for kind in (DeviceKind.INDOOR_MONITOR, DeviceKind.GUARD_PHONE):
        refusal = at_home().when(changed(edit, kind=kind, security_relays=(gate,)))
        refusal.then_refused("security-relay-not-for-this-type", "security_relays")
    three = tuple(Relay(number=i, name=f"Relay {i}") for i in (1, 2, 3))
    with pytest.raises(ValueError, match="security_relays"):
        changed(edit, security_relays=three)


def test_all_that_is_wrong_with_a_device_is_told_at_once() -> None:
    gate = Relay(number=1, name="Gate", dtmf="9")
    wrong = changed(
        edit, works_offline=True, arming_function=True, internet_access=False, relays=(gate, gate), transfer_ip=None
    )
    outcome = at_home().when(wrong)
    outcome.then_refused("invalid")
    assert outcome.refused is not None
    assert {each.field: each.code for each in outcome.refused.refusal().errors} == {
        "internet_access": "offline-solution-off",
        "works_offline": "field-not-for-this-type",
        "arming_function": "field-not-for-this-type",
        "relays": "relay-twice",
        "relays.1.dtmf": "dtmf-taken",
    }


@pytest.mark.row("D-04", "D-11", "D-12", "D-13", "D-14", "D-15")
def test_each_kind_has_its_own_fields() -> None:
    wrong = changed(edit_monitor, internet_access=False, transfer_ip="192.168.1.5", offline_solution=True)
    device.given(monitor_bound).when(wrong).then_refused("field-not-for-this-type", "internet_access")
    offline = {"internet_access": False, "transfer_ip": "192.168.1.5"}
    at_home().when(changed(edit, **offline)).then_refused("offline-solution-off", "internet_access")
    assert at_home().when(changed(edit, **offline, offline_solution=True)).refused is None
    no_ip = changed(edit, internet_access=False, offline_solution=True)
    at_home().when(no_ip).then_refused("transfer-ip-missing", "transfer_ip")
    at_home().when(changed(edit, works_offline=True, offline_solution=True)).then_refused(
        "field-not-for-this-type", "works_offline"
    )
    at_home().when(changed(edit, arming_function=True)).then_refused("field-not-for-this-type", "arming_function")
    works = changed(edit_monitor, works_offline=True)
    device.given(monitor_bound).when(works).then_refused("offline-solution-off", "works_offline")
    assert device.given(monitor_bound).when(changed(works, offline_solution=True)).refused is None
    for address in ("192.168.1", "300.1.1.1", "fe80::1", "192.168.1.5/24"):
        with pytest.raises(ValueError, match="transfer_ip"):
            changed(edit, internet_access=False, transfer_ip=address)


def test_what_is_offline_stays_so_when_the_switch_of_the_distributor_goes_off() -> None:
    offline = HERE_IS.model_copy(update={"internet_access": False, "transfer_ip": "192.168.1.5"})
    kept = changed(edit, internet_access=False, transfer_ip="192.168.1.5", name="North gate")
    assert device.given(offline).when(kept).refused is None
    # With internet access the address is not kept: it says where calls go without.
    (described,) = device.given(offline).when(changed(edit, transfer_ip="192.168.1.5")).events
    assert isinstance(described, DeviceDescribed)
    assert described.transfer_ip is None


@pytest.mark.row("D-24", "D-25", "D-26")
@pytest.mark.parametrize(
    ("model", "firmware", "is_open"),
    [
        (None, None, True),
        ("R28", "28.30.10.7", True),
        ("r28", "28.31.1.0", True),
        ("X912", "912.30.10.204", True),
        ("R28", "28.30.10.6", False),
        ("R28", "912.30.10.204", False),
        ("X912", "912.30.10.203", False),
        ("R29", "29.30.10.7", False),
        ("Unheard-of", "1.2.3.4", False),
    ],
)
def test_methods_are_chosen_where_model_and_firmware_allow_it(
    model: str | None, firmware: str | None, is_open: bool
) -> None:
    says = (DeviceReported(**THERE, model=model, firmware=firmware),) if model and firmware else ()
    for method in DEVICE_METHODS:
        without = tuple(each for each in AccessMethod if each is not method)
        outcome = at_home(*says).when(changed(edit, relays=(Relay(number=1, name="Door", methods=without),)))
        if is_open:
            assert outcome.refused is None
        else:
            outcome.then_refused("methods-not-for-this-device", "relays.0.methods")
    app_only = Relay(number=1, name="Door", methods=DEVICE_METHODS)
    assert at_home(*says).when(changed(edit, relays=(app_only,))).refused is None


def test_methods_chosen_before_the_device_said_what_it_is_may_stay() -> None:
    old = DeviceReported(**THERE, model="R28", firmware="28.30.2.1")
    assert at_home(old).when(changed(edit, name="North gate")).refused is None
    fewer = GARAGE.model_copy(update={"methods": (AccessMethod.HOMEPAGE,)})
    at_home(old).when(changed(edit, relays=(FRONT_DOOR, fewer))).then_refused("methods-not-for-this-device")


@pytest.mark.row("A-10")
def test_a_connection_type_is_chosen() -> None:
    choose = ask(ChooseConnectionType, device_id=DEVICE, connection_type=ConnectionType.TLS)
    outcome = at_home().when(choose)
    outcome.then(ConnectionTypeChosen(**THERE, connection_type=ConnectionType.TLS))
    outcome.again().then()


def test_a_key_is_replaced_and_only_its_hash_is_said() -> None:
    rotate = ask(RotateDeviceKey, device_id=DEVICE, key_hash=hash_of_key("ab" * 32))
    outcome = at_home().when(rotate)
    outcome.then(DeviceKeyIssued(**THERE, key_hash=hash_of_key("ab" * 32)))
    outcome.again().then()


# --- What the device says ---------------------------------------------------------------------------------------------


def test_a_device_says_what_it_is() -> None:
    report = ask(NoteDeviceReport, SYSTEM, device_id=DEVICE, model="r28", firmware="28.30.10.7")
    outcome = at_home().when(report)
    outcome.then(reported)
    outcome.again().then()
    device.given(HERE_IS, unbound).when(report).then_refused("device-unknown")


PIN_ONLY = Relay(number=1, name="Front door", methods=(AccessMethod.TALKING_PAGE, AccessMethod.PIN))


@pytest.mark.row("D-26", "R-25")
def test_a_device_that_lets_no_method_be_chosen_has_all_of_its_own_on() -> None:
    chosen = at_home().when(changed(edit, relays=(PIN_ONLY,))).events
    outcome = at_home(*chosen).when(
        ask(NoteDeviceReport, SYSTEM, device_id=DEVICE, model="R29", firmware="29.30.10.17")
    )
    said, configured, dropped = outcome.events
    assert said == DeviceReported(**THERE, model="R29", firmware="29.30.10.17")
    assert isinstance(configured, RelaysConfigured)
    (relay,) = configured.relays
    assert set(relay.methods) == {AccessMethod.TALKING_PAGE, *DEVICE_METHODS}
    assert configured.relay_names == ("Front door",)
    assert dropped == MethodChoiceDropped(**THERE, model="R29", firmware="29.30.10.17")
    outcome.again().then()


@pytest.mark.row("D-26", "R-25")
def test_a_device_that_lets_methods_be_chosen_keeps_the_choice() -> None:
    chosen = at_home().when(changed(edit, relays=(PIN_ONLY,))).events
    report = ask(NoteDeviceReport, SYSTEM, device_id=DEVICE, model="R28", firmware="28.30.10.7")
    at_home(*chosen).when(report).then(DeviceReported(**THERE, model="R28", firmware="28.30.10.7"))


@pytest.mark.row("D-26", "R-25")
def test_a_firmware_that_goes_back_below_takes_the_choice_along() -> None:
    newer = DeviceReported(**THERE, model="R28", firmware="28.30.10.7")
    chosen = at_home(newer).when(changed(edit, relays=(PIN_ONLY,))).events
    older = ask(NoteDeviceReport, SYSTEM, device_id=DEVICE, model="R28", firmware="28.30.2.1")
    assert [type(each) for each in at_home(newer, *chosen).when(older).events] == [
        DeviceReported,
        RelaysConfigured,
        MethodChoiceDropped,
    ]


def test_a_configuration_is_issued_applied_and_refused_once() -> None:
    first, second = "0" * 16, "1" * 16
    issue = ask(IssueConfiguration, SYSTEM, device_id=DEVICE, configuration=first)
    issued = ConfigurationIssued(**THERE, configuration=first, residents=0)
    outcome = at_home().when(issue)
    outcome.then(issued)
    outcome.again().then()
    note = ask(NoteConfigurationApplied, SYSTEM, device_id=DEVICE, configuration=first)
    applied = ConfigurationApplied(**THERE, configuration=first)
    outcome = at_home(issued).when(note)
    outcome.then(applied)
    outcome.again().then()
    refuse = ask(NoteConfigurationRefused, SYSTEM, device_id=DEVICE, configuration=second, reason="too long")
    outcome = at_home(issued, applied).when(refuse)
    outcome.then(ConfigurationRefused(**THERE, configuration=second, reason="too long"))
    outcome.again().then()
    # A device that was reset has none; one that never had any says nothing new.
    at_home(issued, applied).when(changed(note, configuration="")).then(ConfigurationApplied(**THERE, configuration=""))
    at_home(issued).when(changed(note, configuration="")).then()


def test_what_a_configuration_came_to_is_never_waiting_applied_or_refused() -> None:
    assert configuration_state(None, None, None) is ConfigurationState.NEVER
    assert configuration_state("b", "a", None) is ConfigurationState.WAITING
    assert configuration_state("b", "a", "a") is ConfigurationState.WAITING
    assert configuration_state("b", "b", None) is ConfigurationState.APPLIED
    assert configuration_state("b", "a", "b") is ConfigurationState.REFUSED


def test_a_device_of_which_everything_is_erased_can_still_be_folded() -> None:
    erased = HERE_IS.model_copy(update={"name": ERASED, "relay_names": (ERASED,), "security_relay_names": (ERASED,)})
    assert [relay.name for relay in DEVICES.fold([erased]).relays] == ["erased", "erased"]


# --- Racing -----------------------------------------------------------------------------------------------------------


async def test_fifty_installers_race_for_one_mac_and_one_of_them_has_it(nats_url: str) -> None:
    """Through real handling on a real log, from two processes that know nothing of each other."""
    nc = await connect(nats_url)
    service = f"racing{uuid4().hex[:8]}"
    log = await open_log(nc, service, 1)
    kinds = (DEVICES, MACS, sip.SIP, HOME, CAMERAS)
    events = dict.fromkeys(event for kind in kinds for event in kind.events)
    codec = Codec(service, events, MemoryKeys(), Secrets(b"s" * 32))
    desks = [Deciding(log, codec, kinds, tables=MODELS) for _ in range(2)]
    mac = f"0C1105{uuid4().hex[:6]}".upper()
    shared = registered.model_copy(update={"mac": mac, "installer_id": None})
    await log.append(
        [
            await codec.encode(
                shared,
                subject=codec.subject(MACS.ref(mac)),
                expected=0,
                key_name=None,
                because=codec.because(bind, None, None),
            )
        ]
    )

    def wish() -> BindDevice:
        installer_id = str(uuid4())
        actor = Actor(
            account_id=installer_id, role=Role.INSTALLER, distributor_id=DISTRIBUTOR, installer_id=installer_id
        )
        return changed(
            bind, actor=actor, mac=mac, device_id=str(uuid4()), user_id=str(uuid4()), installer_id=installer_id
        )

    wishes = [wish() for _ in range(50)]
    outcomes = await asyncio.gather(
        *(desks[i % 2].handle(each) for i, each in enumerate(wishes)), return_exceptions=True
    )
    winners = [each for each in outcomes if not isinstance(each, BaseException)]
    codes = {each.code if isinstance(each, Refused) else type(each) for each in outcomes if isinstance(each, Exception)}
    assert len(winners) == 1
    assert codes <= {"mac-bound", Contended}
    holder, _ = await desks[0].load(MACS.ref(mac))
    assert holder.device_id == winners[0].ref.id
    homes = [(await desks[1].load(HOME.ref(each.user_id)))[0].devices for each in wishes]
    assert [devices for devices in homes if devices] == [{holder.device_id: mac}]
    await nc.close()
