"""What happened at doors: told once by the device, shown to the household's installer, gone with the residents."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.devices.configuration import ConfigurationApplied, ConfigurationIssued
from contracts.devices.doors import (
    AlarmRaised,
    DoorEventErased,
    DoorEventKind,
    DoorOpened,
    EntryRefused,
    EraseDoorEvent,
    ListDoorEvents,
    RecordDoorEvent,
)
from contracts.devices.homes import CredentialKind, DeviceMovedOut, EmptyHome
from contracts.devices.intercoms import UnbindDevice
from contracts.message import Accepted, Actor, Refused
from contracts.moments import FIRST, LAST
from contracts.permissions import SYSTEM
from kernel.deciding.decider import Elsewhere
from kernel.deciding.spec import Given, Spec
from ops.contracts import ROOT as ROOT_OF_CONTRACTS
from services.devices.doors.door_event import DOOR_EVENT
from services.devices.homes import home
from services.devices.homes.decisions import HOME
from services.devices.intercoms.decisions import DEVICE as DEVICES
from tests.contracts.test_published import PUBLISHED, codec_of, read, stored
from tests.devices.conftest import Region
from tests.devices.doors.test_credentials import gate, grant
from tests.devices.homes.test_home import CREDENTIAL, emptied, granted
from tests.devices.world import DEVICE, HERE, NOW, USER, ask, bound, changed, moved_in, number

events = Spec(DOOR_EVENT, HOME, DEVICES)

EVENT = number(41)
record = ask(
    RecordDoorEvent,
    SYSTEM,
    door_event_id=EVENT,
    device_id=DEVICE,
    user_id=USER,
    kind=DoorEventKind.OPENED,
    happened_at=NOW - timedelta(seconds=2),
    relay=1,
    method="pin",
    who="A visitor",
)
erase = ask(EraseDoorEvent, SYSTEM, door_event_id=EVENT)
told: dict[str, Any] = {
    **HERE,
    "door_event_id": EVENT,
    "device_id": DEVICE,
    "happened_at": NOW - timedelta(seconds=2),
    "clock_wrong": False,
    "key": f"home.{USER}.0",
}
opened = DoorOpened(**told, relay=1, method="pin", who="A visitor")
erased = DoorEventErased(**HERE, door_event_id=EVENT)


def at_the_gate(*happened: Any) -> Given:
    return events.given().beside("home", USER, moved_in, *happened).beside("device", DEVICE, bound)


# --- What is recorded -------------------------------------------------------------------------------------------------


def test_each_kind_of_event_is_a_fact_of_its_own() -> None:
    at_the_gate().when(record).then(opened)
    refused = changed(record, kind=DoorEventKind.REFUSED)
    at_the_gate().when(refused).then(EntryRefused(**told, method="pin", who="A visitor"))
    alarm = changed(record, kind=DoorEventKind.ALARM, who=None, detail="five wrong codes")
    at_the_gate().when(alarm).then(AlarmRaised(**told, detail="five wrong codes"))


def test_an_event_that_is_told_again_is_recorded_once() -> None:
    at_the_gate().when(record).again().then()
    events.given(opened).when(changed(record, who="Another")).then()


def test_who_opened_by_a_credential_is_called_by_name() -> None:
    by_credential = changed(record, who=CREDENTIAL)
    at_the_gate(granted).when(by_credential).then(opened.model_copy(update={"who": granted.holder}))


def test_what_happened_before_the_home_was_emptied_is_not_taken() -> None:
    at_the_gate(emptied(DEVICE)).when(record).then()
    after = changed(record, at=NOW + timedelta(minutes=1), happened_at=NOW + timedelta(seconds=1))
    at_the_gate(emptied(DEVICE)).when(after).then(
        opened.model_copy(update={"happened_at": after.happened_at, "key": f"home.{USER}.1", "who": None})
    )


def test_a_clock_that_is_fast_does_not_put_its_event_into_the_future() -> None:
    fast = changed(record, happened_at=NOW + timedelta(minutes=5))
    at_the_gate().when(fast).then(opened.model_copy(update={"happened_at": NOW}))


@pytest.mark.parametrize(
    "said",
    [
        None,
        FIRST,
        datetime(1980, 1, 6, tzinfo=UTC),
        NOW - timedelta(days=90, seconds=1),
        NOW + timedelta(minutes=6),
        LAST,
    ],
)
def test_an_event_of_a_clock_that_is_wrong_is_kept_with_its_arrival_and_marked(said: datetime | None) -> None:
    marked = {"happened_at": NOW, "clock_wrong": True}
    at_the_gate().when(changed(record, happened_at=said)).then(opened.model_copy(update=marked))
    at_the_gate().when(changed(record, happened_at=said, kind=DoorEventKind.ALARM, detail="tampered")).then(
        AlarmRaised(**told | marked, detail="tampered")
    )


OLD_CONFIGURATION = ConfigurationApplied(device_id=DEVICE, **HERE, configuration="0" * 16)
NEW_CONFIGURATION = ConfigurationIssued(device_id=DEVICE, **HERE, configuration="1" * 16, residents=1)
ISSUED_OLD, APPLIED_OLD = (
    NEW_CONFIGURATION.model_copy(update={"configuration": "0" * 16, "residents": 0}),
    OLD_CONFIGURATION,
)
ISSUED_NEW, APPLIED_NEW = NEW_CONFIGURATION, OLD_CONFIGURATION.model_copy(update={"configuration": "1" * 16})
EMPTIED_AT = NOW - timedelta(hours=1)


@pytest.mark.parametrize("said", [None, FIRST, EMPTIED_AT - timedelta(days=1), EMPTIED_AT, NOW + timedelta(days=1)])
def test_after_a_reset_no_clock_makes_an_event_vanish(said: datetime | None) -> None:
    marked = {**told, "happened_at": NOW, "clock_wrong": True, "key": f"home.{USER}.1"}
    reset = at_the_gate(emptied(DEVICE, at=EMPTIED_AT))
    reset.when(changed(record, happened_at=said, kind=DoorEventKind.ALARM, detail="tampered")).then(
        AlarmRaised(**marked, detail="tampered")
    )
    reset.when(changed(record, happened_at=said)).then(DoorOpened(**marked, relay=1, method="pin", who=None))


@pytest.mark.parametrize("said", [NOW, EMPTIED_AT - timedelta(days=1)])
def test_after_a_reset_nobody_is_named_whom_the_present_residents_may_not_know(said: datetime) -> None:
    reset = emptied(DEVICE, at=EMPTIED_AT)
    by_former = changed(record, happened_at=said, who=CREDENTIAL)
    by_a_visitor = changed(record, happened_at=said)
    behind = events.given().beside("home", USER, moved_in, granted, reset)
    behind = behind.beside("device", DEVICE, bound, OLD_CONFIGURATION, NEW_CONFIGURATION)
    clock = {"happened_at": NOW, "clock_wrong": said != NOW, "key": f"home.{USER}.1"}
    nameless = opened.model_copy(update={**clock, "who": None})
    at_the_gate(granted, reset).when(by_former).then(nameless)
    behind.when(by_former).then(nameless)
    behind.when(by_a_visitor).then(nameless)
    told = events.given().beside("home", USER, moved_in, granted, reset)
    told = told.beside("device", DEVICE, bound, NEW_CONFIGURATION, APPLIED_NEW)
    told.when(by_former).then(nameless)
    told.when(by_a_visitor).then(nameless.model_copy(update={"who": "A visitor" if said == NOW else None}))
    again = at_the_gate(granted, reset, granted)
    again.when(by_former).then(nameless.model_copy(update={"who": granted.holder}))


def test_before_a_device_was_told_of_a_reset_its_own_words_name_nobody() -> None:
    """It had what it was set to, and nothing else was issued yet: it speaks of those who lived there."""
    reset = emptied(DEVICE, at=EMPTIED_AT)
    before = [ISSUED_OLD, APPLIED_OLD]
    nameless = opened.model_copy(
        update={"happened_at": NOW, "clock_wrong": False, "key": f"home.{USER}.1", "who": None}
    )
    told_now = changed(record, happened_at=NOW)
    lately = events.given().beside("home", USER, moved_in, reset)
    lately.beside("device", DEVICE, bound).when(told_now).then(nameless)
    lately.beside("device", DEVICE, bound, *before).when(told_now).then(nameless)
    since = [*before, ISSUED_NEW]
    lately.beside("device", DEVICE, bound, *since).when(told_now).then(nameless)
    lately.beside("device", DEVICE, bound, *since, APPLIED_OLD).when(told_now).then(nameless)
    lately.beside("device", DEVICE, bound, *since, APPLIED_NEW).when(told_now).then(
        nameless.model_copy(update={"who": "A visitor"})
    )
    # Back to what it was set to before, or to nothing: it need not know what the present residents are.
    lately.beside("device", DEVICE, bound, *since, APPLIED_NEW, APPLIED_OLD).when(told_now).then(nameless)
    twice = events.given().beside("home", USER, moved_in, reset, emptied(DEVICE, at=EMPTIED_AT + timedelta(minutes=1)))
    twice.beside("device", DEVICE, bound, *since, APPLIED_NEW).when(told_now).then(
        nameless.model_copy(update={"key": f"home.{USER}.2"})
    )


def test_what_comes_before_the_reset_is_recorded_is_not_taken_whatever_its_clock_says() -> None:
    fast = changed(record, happened_at=NOW + timedelta(minutes=4))
    at_the_gate(emptied(DEVICE)).when(fast).then()


@pytest.mark.parametrize("kind", ["DoorOpened", "EntryRefused", "AlarmRaised"])
@pytest.mark.parametrize(("said", "marked"), [("2026-11-22T09:00:00Z", False), ("0001-01-01T00:00:00+08:00", True)])
async def test_a_door_event_of_before_is_read_with_its_mark(kind: str, said: str, marked: bool) -> None:
    name = f"devices.{kind}.v1"
    body = {**read(ROOT_OF_CONTRACTS / "examples" / "devices" / f"{kind}.v1.json"), "happened_at": said}
    (recorded,) = await codec_of(PUBLISHED["devices"]).decode_many([stored(name, body)])
    assert isinstance(recorded.event, DoorOpened | EntryRefused | AlarmRaised)
    assert recorded.event.clock_wrong is marked
    assert FIRST <= recorded.event.happened_at <= LAST


def test_a_device_that_is_not_at_home_there_tells_nothing() -> None:
    gone = at_the_gate(DeviceMovedOut(user_id=USER, device_id=DEVICE))
    gone.when(record).then_refused("device-unknown")
    events.given().when(record).then_refused("device-unknown")


def test_an_event_is_erased_once() -> None:
    events.given(opened).when(erase).then(erased)
    events.given(opened).when(erase).again().then()
    events.given().when(erase).then()
    events.given(opened, erased).when(record).then()


# --- What is shown ----------------------------------------------------------------------------------------------------


async def happens(region: Region, user_id: str, device_id: str, at: datetime, **fields: Any) -> Accepted:
    form = {"kind": DoorEventKind.OPENED, "relay": 1, "method": "pin", "who": "Li Wei"}
    named = {"door_event_id": str(uuid4()), "device_id": device_id, "user_id": user_id, "happened_at": at}
    return await region.tell(RecordDoorEvent, SYSTEM, **{**form, **named, **fields}, at=at + timedelta(seconds=1))


def seen(page: Any) -> list[tuple[str, str | None]]:
    return [(each.kind, each.who or each.detail) for each in page.rows]


async def test_the_log_of_a_household_and_of_a_device_shows_what_happened(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    other_id, _ = await region.device(who, user_id, name="Cellar")
    credential = await grant(region, who, user_id, device_id, kind=CredentialKind.PIN, holder="Li Na")
    assert credential.extra.secret
    await happens(region, user_id, device_id, NOW)
    await happens(region, user_id, device_id, NOW + timedelta(seconds=2), kind=DoorEventKind.REFUSED, who=None)
    await happens(region, user_id, other_id, NOW + timedelta(seconds=1), kind=DoorEventKind.ALARM, detail="tampered")

    page = await region.see(ListDoorEvents, who, user_id=user_id)
    assert seen(page) == [("refused", None), ("alarm", "tampered"), ("opened", "Li Wei")]
    assert [(each.device_name, each.relay_name) for each in page.rows] == [
        ("Gate", None),
        ("Cellar", None),
        ("Gate", "Front door"),
    ]
    assert page.next is None
    assert seen(await region.see(ListDoorEvents, who, device_id=other_id)) == [("alarm", "tampered")]


async def test_the_log_is_read_page_by_page_also_where_times_are_equal(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    for n in range(7):
        await happens(region, user_id, device_id, NOW + timedelta(seconds=n // 3), who=f"Person {n}")
    read: list[str | None] = []
    cursor = None
    while True:
        page = await region.see(ListDoorEvents, who, user_id=user_id, cursor=cursor, limit=2)
        read += [each.who for each in page.rows]
        if (cursor := page.next) is None:
            break
    assert sorted(read, key=str) == [f"Person {n}" for n in range(7)]
    assert [str(each)[-1] for each in read[:1]] == ["6"]
    for malformed in ("x", "1.2", f"{10**13}.{uuid4()}", "-1." + str(uuid4())):
        with pytest.raises(Refused) as refusal:
            await region.see(ListDoorEvents, who, user_id=user_id, cursor=malformed)
        assert refusal.value.code == "cursor-invalid"


async def test_a_stranger_sees_as_much_as_of_a_household_that_does_not_exist(region: Region) -> None:
    who, stranger = await region.installer(), await region.installer()
    user_id, device_id = await gate(region, who)
    await happens(region, user_id, device_id, NOW)
    for household in (user_id, str(uuid4())):
        assert (await region.see(ListDoorEvents, stranger, user_id=household)).rows == ()
    for device in (device_id, str(uuid4())):
        with pytest.raises(Refused, match="device-unknown"):
            await region.see(ListDoorEvents, stranger, device_id=device)


async def test_the_log_of_a_device_goes_with_it(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    other_id, _ = await region.device(who, user_id, name="Cellar")
    await happens(region, user_id, device_id, NOW, who="Goes")
    await happens(region, user_id, other_id, NOW, who="Stays")
    await region.tell(UnbindDevice, who, device_id=device_id)
    assert seen(await region.see(ListDoorEvents, who, user_id=user_id)) == [("opened", "Stays")]


@pytest.mark.row("U-39")
async def test_an_event_recorded_while_its_home_is_emptied_is_erased(region: Region) -> None:
    """The race, made by hand: a fact sealed under the former residents' key stands behind the emptying."""
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    await region.tell(EmptyHome, SYSTEM, user_id=user_id, installer_id=who.installer_id)
    late = opened.model_copy(
        update={"door_event_id": str(uuid4()), "user_id": user_id, "device_id": device_id, "key": f"home.{user_id}.0"}
    )
    await append(region, late, who)
    async with asyncio.timeout(60):
        while not await is_erased(region, late.door_event_id):  # noqa: ASYNC110 (done by a reaction)
            await asyncio.sleep(0.02)
    assert (await region.see(ListDoorEvents, who, user_id=user_id)).rows == ()


async def append(region: Region, fact: DoorOpened, who: Actor) -> None:
    ref = DOOR_EVENT.ref(fact.door_event_id)
    codec, log = region.devices.codec, region.devices.log
    because = codec.because(changed(record, door_event_id=fact.door_event_id, actor=who), None, None)
    # The vault has no living key of that name, as after the erasure: a new one stands in for it.
    message = await codec.encode(
        fact, subject=codec.subject(ref), expected=0, key_name=f"{fact.key}.late", because=because
    )
    await log.append([message])


async def is_erased(region: Region, door_event_id: str) -> bool:
    state, seq = await region.devices.deciding.load(DOOR_EVENT.ref(door_event_id))
    region.positions["DEVICES"] = f"DEVICES.{seq}"
    return bool(state.erased)


def test_a_home_is_only_looked_at_while_the_event_is_new() -> None:
    decision = DOOR_EVENT.decisions[RecordDoorEvent]
    assert home.ref(USER) in decision.neighbours(record, DOOR_EVENT.initial)
    assert list(decision.neighbours(record, DOOR_EVENT.fold([opened]))) == []
    assert not any(isinstance(each, Elsewhere) for each in at_the_gate().when(record).events)
