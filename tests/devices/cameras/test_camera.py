"""What may be said about a third-party camera, what comes of it, and what is shown of it."""

from typing import Any
from uuid import uuid4

import pytest

from contracts.accounts.households import EditUser, GetUser
from contracts.devices.audit import ListDeviceAudit
from contracts.devices.cameras import (
    AddCamera,
    CameraDescribed,
    CameraLinked,
    CameraRemoved,
    CameraUnlinked,
    EditCamera,
    GetCamera,
    ListCameras,
    RemoveCamera,
)
from contracts.devices.homes import CameraMovedIn, CameraMovedOut, HomeForgotten
from contracts.devices.intercoms import GetDevice, UnbindDevice
from contracts.message import PersonalMark, Refused, fields_marked
from kernel.deciding.spec import Given, Spec
from services.devices.cameras.camera import CAMERA as CAMERAS
from services.devices.cameras.camera import ref as camera_of
from services.devices.homes.decisions import HOME
from services.devices.homes.home import THINGS_MAX
from services.devices.intercoms.decisions import DEVICE as DEVICES
from tests.devices.conftest import Region
from tests.devices.world import (
    CAMERA,
    DEVICE,
    DISTRIBUTOR,
    HERE,
    INSTALLER,
    MONITOR,
    OTHER_CAMERA,
    OTHER_USER,
    USER,
    ask,
    bound,
    camera_added,
    camera_linked,
    changed,
    elsewhere,
    monitor_bound,
    number,
    strangers,
)

camera = Spec(CAMERAS, DEVICES, HOME)

FORM: dict[str, Any] = {
    "name": "Driveway",
    "rtsp_address": "rtsp://192.168.1.20:554/stream1",
    "user_name": "viewer",
    "password": "correct horse",
}
add = ask(
    AddCamera,
    camera_id=CAMERA,
    user_id=USER,
    **FORM,
    premium=True,
    distributor_id=DISTRIBUTOR,
    installer_id=INSTALLER,
)
edit = ask(EditCamera, camera_id=CAMERA, **{**FORM, "password": None})
remove = ask(RemoveCamera, camera_id=CAMERA)
moved_in = elsewhere("home", USER, CameraMovedIn(user_id=USER, camera_id=CAMERA))
linked_camera = camera_added.model_copy(update={"linked_device_id": DEVICE})
unlinked = CameraUnlinked(camera_id=CAMERA, device_id=DEVICE, **HERE)


def beside_devices(given: Given, *of_door: Any) -> Given:
    return (
        given.beside("device", DEVICE, bound, *of_door)
        .beside("device", MONITOR, monitor_bound)
        .beside("home", USER, moved_in.event)
    )


@pytest.mark.row("C-01", "C-03", "C-06")
def test_a_camera_is_added_to_a_household_with_the_premium_plan() -> None:
    outcome = camera.given().when(add)
    outcome.then(camera_added, moved_in)
    outcome.again().then()
    camera.given().when(changed(add, premium=False)).then_refused("premium-needed")


def test_another_wish_under_the_id_of_a_camera_is_refused() -> None:
    camera.given(camera_added).when(changed(add, password="another")).then_refused("id-taken")
    removed = CameraRemoved(camera_id=CAMERA, **HERE, linked_device_id=None)
    camera.given(camera_added, removed).when(add).then_refused("id-taken")


def test_nobody_adds_to_a_home_of_somebody_else_or_one_that_is_gone_or_full() -> None:
    for stranger in strangers:
        camera.given().when(changed(add, actor=stranger)).then_refused("user-unknown")
    gone = HomeForgotten(user_id=USER, installer_id=INSTALLER, device_ids=(), macs=(), erased_keys=())
    camera.given().beside("home", USER, gone).when(add).then_refused("user-unknown")
    full = [CameraMovedIn(user_id=USER, camera_id=number(1000 + i)) for i in range(THINGS_MAX)]
    camera.given().beside("home", USER, *full).when(add).then_refused("home-full")


@pytest.mark.row("C-08", "C-09", "C-10")
def test_a_camera_is_linked_to_one_device_of_its_home() -> None:
    with_link = changed(add, linked_device_id=DEVICE)
    outcome = beside_devices(camera.given()).when(with_link)
    outcome.then(linked_camera, moved_in, elsewhere("device", DEVICE, camera_linked))
    outcome.again().then()
    # Any kind may be linked to, also an indoor monitor.
    assert beside_devices(camera.given()).when(changed(add, linked_device_id=MONITOR)).refused is None
    camera.given().when(with_link).then_refused("device-unknown", "linked_device_id")
    next_door = bound.model_copy(update={"user_id": OTHER_USER})
    camera.given().beside("device", DEVICE, next_door).when(with_link).then_refused(
        "device-unknown", "linked_device_id"
    )
    taken = camera_linked.model_copy(update={"camera_id": OTHER_CAMERA})
    beside_devices(camera.given(), taken).when(with_link).then_refused("device-has-camera", "linked_device_id")


@pytest.mark.row("C-13")
def test_editing_says_what_changed_and_keeps_the_password() -> None:
    renamed = changed(edit, name="Garden")
    outcome = camera.given(camera_added).when(renamed)
    outcome.then(CameraDescribed(camera_id=CAMERA, **HERE, **{**FORM, "name": "Garden"}))
    outcome.again().then()
    camera.given(camera_added).when(edit).then()
    (described,) = camera.given(camera_added).when(changed(edit, password="new")).events
    assert isinstance(described, CameraDescribed)
    assert described.password == "new"


def test_a_link_moves_from_one_device_to_another_and_is_said_of_both() -> None:
    on_monitor = CameraLinked(camera_id=CAMERA, device_id=MONITOR, **HERE)
    moved = changed(edit, linked_device_id=MONITOR)
    outcome = beside_devices(camera.given(linked_camera), camera_linked).when(moved)
    outcome.then(
        unlinked,
        elsewhere("device", DEVICE, unlinked),
        on_monitor,
        elsewhere("device", MONITOR, on_monitor),
    )
    outcome.again().then()
    outcome = beside_devices(camera.given(linked_camera), camera_linked).when(edit)
    outcome.then(unlinked, elsewhere("device", DEVICE, unlinked))


@pytest.mark.row("C-13", "C-14")
def test_removing_lets_go_of_the_device_and_the_home() -> None:
    outcome = beside_devices(camera.given(linked_camera), camera_linked).when(remove)
    outcome.then(
        CameraRemoved(camera_id=CAMERA, **HERE, linked_device_id=DEVICE),
        elsewhere("device", DEVICE, unlinked),
        elsewhere("home", USER, CameraMovedOut(user_id=USER, camera_id=CAMERA)),
    )
    outcome.again().then_refused("camera-unknown")


def test_a_strangers_camera_answers_like_one_that_does_not_exist() -> None:
    for wish in (edit, remove):
        camera.given().when(wish).then_refused("camera-unknown")
        for stranger in strangers:
            camera.given(camera_added).when(changed(wish, actor=stranger)).then_refused("camera-unknown")


@pytest.mark.row("C-04", "C-05")
@pytest.mark.parametrize(
    "address",
    [
        "rtsp://192.168.1.20:554",
        "rtsp://cam.example.org:8554/Streaming/Channels/101?transportmode=unicast&profile=1#t",
        "rtsps://cam.example.org",
        "rtsp://192.168.1.20:554/cam/realmonitor?channel=1&subtype=0",
        "rtsp://[2001:db8::1]:554/live",
    ],
)
def test_any_path_after_host_and_port_is_the_makers(address: str) -> None:
    assert changed(add, rtsp_address=address).rtsp_address == address


@pytest.mark.row("C-04")
@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://192.168.1.20/",
        "rtsp://",
        "rtsp://:554/x",
        "rtsp://host:99999/",
        "rtsp://viewer:secret@192.168.1.20/",
        "rtsp://a b/",
        "rtsp://host\\@evil/",
        "rtsp://host/\r\nTEARDOWN",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_rtsp_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="rtsp_address"):
        changed(add, rtsp_address=address)


@pytest.mark.row("C-07")
def test_what_a_camera_is_reached_by_is_sealed_and_shown_nowhere() -> None:
    for event in (type(camera_added), CameraDescribed):
        assert {"name", "rtsp_address", "user_name", "password"} <= fields_marked(event, PersonalMark)
    assert "correct horse" not in repr(add)
    assert "correct horse" not in repr(CAMERAS.fold([camera_added]))


# --- What is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.row("C-02", "C-07", "C-12", "D-32")
async def test_a_camera_is_listed_found_and_never_shows_its_password(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, name="王小明", premium=True)
    device_id, _ = await region.device(installer, user_id, name="Gate")
    camera_id = await region.camera(installer, user_id, name="Back garden", linked_device_id=device_id)
    await region.camera(installer, user_id, name="Cellar")
    page = await region.see(ListCameras, installer, user_id=user_id)
    assert ([row.name for row in page.rows], page.total) == (["Cellar", "Back garden"], 2)
    assert (await region.see(ListCameras, installer)).total == 2
    for typed in ("back", "GARD"):
        found = await region.see(ListCameras, installer, q=typed)
        assert ([row.camera_id for row in found.rows], found.total) == ([camera_id], 1)
    assert (await region.see(ListCameras, installer, q=".*")).total == 0
    row = await region.see(GetCamera, installer, camera_id=camera_id)
    assert (row.owner, row.linked_device_id, row.linked_device_name) == ("王小明", device_id, "Gate")
    assert (row.rtsp_address, row.user_name) == ("rtsp://192.168.1.20:554/stream1?channel=1", "viewer")
    trail = await region.see(ListDeviceAudit, installer, subject_id=camera_id)
    assert "correct horse" not in page.model_dump_json() + row.model_dump_json() + trail.model_dump_json()
    for document in await region.devices.database["cameras"].find({}).to_list():
        assert "password" not in document
    kept, _ = await region.devices.deciding.load(camera_of(camera_id))
    assert kept.password == "correct horse battery"


@pytest.mark.row("C-01")
async def test_accounts_says_whether_a_household_has_the_premium_plan(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, premium=False)
    with pytest.raises(Refused, match="premium-needed"):
        await region.camera(installer, user_id)
    await region.tell(EditUser, installer, user_id=user_id, name="Li Wei", address="1 New Street", premium=True)
    # It is accounts that is asked, so its own read model must have it.
    await region.see(GetUser, installer, user_id=user_id)
    await region.camera(installer, user_id)
    assert (await region.see(ListCameras, installer)).total == 1


@pytest.mark.row("C-08", "C-13", "C-14")
async def test_links_come_and_go_with_either_end(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, premium=True)
    device_id, _ = await region.device(installer, user_id)
    camera_id = await region.camera(installer, user_id)
    form = {"camera_id": camera_id, "name": "Driveway", "rtsp_address": "rtsp://10.0.0.9", "user_name": "viewer"}
    await region.tell(EditCamera, installer, **form, linked_device_id=device_id)
    assert (await region.see(GetDevice, installer, device_id=device_id)).linked_camera_id == camera_id
    second = await region.camera(installer, user_id)
    with pytest.raises(Refused, match="device-has-camera"):
        await region.tell(EditCamera, installer, **{**form, "camera_id": second}, linked_device_id=device_id)
    await region.tell(RemoveCamera, installer, camera_id=camera_id)
    assert (await region.see(GetDevice, installer, device_id=device_id)).linked_camera_id is None
    await region.tell(EditCamera, installer, **{**form, "camera_id": second}, linked_device_id=device_id)
    await region.tell(UnbindDevice, installer, device_id=device_id)
    assert (await region.see(GetCamera, installer, camera_id=second)).linked_device_id is None
    assert (await region.see(ListCameras, installer)).total == 1


async def test_strangers_see_nothing_of_a_camera(region: Region) -> None:
    installer, stranger = await region.installer(), await region.installer()
    user_id = await region.user(installer, premium=True)
    camera_id = await region.camera(installer, user_id)
    assert (await region.see(ListCameras, stranger)).total == 0
    assert (await region.see(ListCameras, stranger, user_id=user_id)).total == 0
    with pytest.raises(Refused, match="camera-unknown"):
        await region.see(GetCamera, stranger, camera_id=camera_id)
    with pytest.raises(Refused, match="camera-unknown"):
        await region.tell(RemoveCamera, stranger, camera_id=camera_id)
    with pytest.raises(Refused, match="camera-unknown"):
        await region.see(GetCamera, installer, camera_id=str(uuid4()))
