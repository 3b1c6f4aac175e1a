"""What is stored for a device and given to it again after every reset."""

import pytest

from contracts.devices.autop import ClearRegularProfile, MergeRegularProfile, RegularProfileChanged
from kernel.deciding.spec import Spec
from services.devices.autop.profile import NOTHING, PROFILE
from services.devices.intercoms.decisions import DEVICE as DEVICES
from tests.devices.world import DEVICE, HERE, ask, bound, changed, number, strangers, unbound

BATCH, LATER = number(31), number(32)
profiles = Spec(PROFILE, DEVICES)

fill = ask(
    MergeRegularProfile,
    device_id=DEVICE,
    provisioning_id=BATCH,
    lines=("Config.A.X = 1", "Config.A.Y = 2"),
    digest_key="7f" * 32,
)
clear = ask(ClearRegularProfile, device_id=DEVICE)


def became(*lines: str, by: str | None = BATCH, digest: str = "") -> RegularProfileChanged:
    return RegularProfileChanged(device_id=DEVICE, **HERE, provisioning_id=by, lines=lines, digest=digest)


def merged(*before: str, command: MergeRegularProfile) -> RegularProfileChanged:
    given = profiles.given(*([became(*before)] if before else []))
    (event,) = given.beside("device", DEVICE, bound).when(command).events
    assert isinstance(event, RegularProfileChanged)
    return event


@pytest.mark.row("R-29")
def test_lines_are_merged_by_key() -> None:
    event = merged("Config.a.x = 0", "Config.B.Z = 9", command=fill)
    assert event.lines == ("Config.A.X = 1", "Config.B.Z = 9", "Config.A.Y = 2")
    assert event.provisioning_id == BATCH


def test_a_merge_that_changes_nothing_says_that_the_batch_is_through() -> None:
    first = merged(command=fill)
    again = merged(*first.lines, command=changed(fill, provisioning_id=LATER))
    assert (again.lines, again.digest) == (first.lines, first.digest)
    assert again.provisioning_id == LATER


def test_the_digest_tells_lines_apart_and_not_without_the_key() -> None:
    first = merged(command=fill)
    assert first.digest != merged(command=changed(fill, lines=("Config.A.X = 2",))).digest
    assert first.digest != merged(command=changed(fill, digest_key="80" * 32)).digest
    assert first.digest != NOTHING


def test_nothing_is_stored_for_a_device_that_is_gone() -> None:
    profiles.given().beside("device", DEVICE, bound, unbound).when(fill).then()
    profiles.given().when(fill).then()


def test_a_profile_can_be_cleared_once() -> None:
    outcome = profiles.given(became("Config.A.X = 1")).beside("device", DEVICE, bound).when(clear)
    outcome.then(became(by=None, digest=NOTHING))
    outcome.again().then()


def test_nobody_clears_the_profile_of_a_device_that_is_not_theirs() -> None:
    given = profiles.given(became("Config.A.X = 1")).beside("device", DEVICE, bound)
    for stranger in strangers:
        given.when(ask(ClearRegularProfile, stranger, device_id=DEVICE)).then_refused("device-unknown")
    profiles.given().when(clear).then_refused("device-unknown")
