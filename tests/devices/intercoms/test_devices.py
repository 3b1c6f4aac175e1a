"""What an installer sees of its devices, right after every change."""

from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.accounts.households import EditUser
from contracts.accounts.partners import SwitchOfflineSolution
from contracts.devices.audit import ListDeviceAudit
from contracts.devices.commands import DeviceCommandState, NoteDeviceCommand, SwitchArming
from contracts.devices.configuration import ConfigurationState, NoteDeviceReport
from contracts.devices.intercoms import (
    BindDevice,
    ChooseConnectionType,
    ConnectionType,
    DeviceDescribed,
    DeviceKind,
    EditDevice,
    GetDevice,
    ListDevices,
    RotateDeviceKey,
    UnbindDevice,
)
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline, NoteDeviceOffline, NoteDeviceOnline
from contracts.devices.relays import AccessMethod, Relay
from contracts.message import Event, Refused
from contracts.permissions import SYSTEM
from kernel.reading.readmodel import Row
from services.devices.intercoms.device import hash_of_key
from services.devices.intercoms.device import ref as device_of
from services.devices.intercoms.devices import FLEET
from tests.devices.conftest import Region, a_mac, root
from tests.devices.world import DEVICE, HERE, INSTALLER, NOW, bound, recorded, reported


@pytest.mark.row("D-01", "D-03", "D-19", "D-20", "D-32", "D-33", "D-35")
async def test_a_bound_device_is_in_the_list_and_on_its_page(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, name="王小明")
    mac = a_mac()
    typed = "-".join(mac[i : i + 2] for i in range(0, 12, 2)).lower()
    gate = Relay(number=1, name="Front door", dtmf="#", methods=(AccessMethod.PIN, AccessMethod.HOMEPAGE))
    device_id, accepted = await region.device(installer, user_id, mac=typed, name="Gate", relays=(gate,))
    page = await region.see(ListDevices, installer)
    (row,) = page.rows
    assert (page.total, row.device_id, row.mac, row.owner, row.name) == (1, device_id, mac, "王小明", "Gate")
    assert row.uid.startswith("3")
    assert (row.sip, row.kind) == (accepted.extra.sip, DeviceKind.DOORPHONE_SINGLE)
    assert row.sip.startswith("58")
    assert len(row.sip) == 10
    assert (row.online, row.last_connected_at, row.model, row.firmware) == (False, None, None, None)
    # The service may have issued its first configuration by now.
    assert row.configuration in (ConfigurationState.NEVER, ConfigurationState.WAITING)
    detail = await region.see(GetDevice, installer, device_id=device_id)
    assert detail.relays[0].methods == (AccessMethod.HOMEPAGE, AccessMethod.PIN)
    assert (detail.relays[0].name, detail.relays[0].dtmf, detail.max_relays) == ("Front door", "#", 4)
    assert (detail.methods_gate.state, "R28 28.30.10.7+" in detail.methods_gate.needs) == ("not-yet-known", True)
    assert (detail.connection_type, detail.offline_solution, detail.armed) == (ConnectionType.TCP, False, None)


async def test_the_key_of_a_device_is_told_once_and_only_its_hash_is_kept(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer)
    device_id, accepted = await region.device(installer, user_id)
    key = accepted.extra.device_key
    assert len(bytes.fromhex(key)) == 32
    device, _ = await region.devices.deciding.load(device_of(device_id))
    assert device.key_hash == hash_of_key(key)
    for query in (GetDevice, ListDevices):
        fields = {"device_id": device_id} if query is GetDevice else {}
        shown = (await region.see(query, installer, **fields)).model_dump_json()
        assert key not in shown
        assert device.key_hash not in shown
    command_id = uuid4()
    rotated = await region.tell(RotateDeviceKey, installer, device_id=device_id, command_id=command_id)
    again = await region.tell(RotateDeviceKey, installer, device_id=device_id, command_id=command_id)
    assert rotated.extra == again.extra
    assert rotated.extra.device_key != key
    device, _ = await region.devices.deciding.load(device_of(device_id))
    assert device.key_hash == hash_of_key(rotated.extra.device_key)


@pytest.mark.row("D-33")
async def test_the_owner_is_called_as_accounts_says_now(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, name="Before")
    device_id, _ = await region.device(installer, user_id)
    await region.tell(EditUser, installer, user_id=user_id, name="After", address="1 New Street", premium=False)
    assert (await region.see(GetDevice, installer, device_id=device_id)).owner == "After"
    assert (await region.see(ListDevices, installer, key="owner", q="aft")).rows[0].device_id == device_id
    assert (await region.see(ListDevices, installer, key="owner", q="bef")).total == 0


@pytest.mark.row("D-34", "A-04")
async def test_a_device_is_found_by_mac_owner_and_name(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, name="Olga Ivanova")
    mac = a_mac()
    device_id, _ = await region.device(installer, user_id, mac=mac, name="北门口机")
    await region.device(installer, await region.user(installer, name="Somebody Else"), name="Garage")
    for key, typed in (
        ("mac", mac[:9]),
        ("mac", f"{mac[:2]}:{mac[2:4]}:{mac[4:6]}:{mac[6:8]}:{mac[8:10]}".lower()),
        ("mac", mac[-4:]),
        ("mac", f"…{mac[-6:-4]}–{mac[-4:-2]}–{mac[-2:]}".lower()),
        (None, f"MAC: {mac}"),
        ("owner", "ivan"),
        ("owner", "ÓLGA"),
        ("name", "门口"),
        (None, "OLGA"),
        (None, mac),
    ):
        page = await region.see(ListDevices, installer, key=key, q=typed)
        assert [row.device_id for row in page.rows] == [device_id], (key, typed)
        assert page.total == 1
    for key, typed in (("mac", mac[3:9]), ("mac", "zz"), ("name", "^.*"), ("owner", '{"$ne": 1}'), ("name", "olga")):
        assert (await region.see(ListDevices, installer, key=key, q=typed)).total == 0, (key, typed)


async def test_pages_are_newest_first_and_count_all(region: Region) -> None:
    installer = await region.installer()
    user_id, other_id = await region.user(installer), await region.user(installer)
    devices = [(await region.device(installer, user_id, name=f"Door {i}"))[0] for i in range(5)]
    await region.device(installer, other_id)
    first = await region.see(ListDevices, installer, per_page=2, user_id=user_id)
    last = await region.see(ListDevices, installer, per_page=2, page=3, user_id=user_id)
    assert [row.device_id for row in (*first.rows, *last.rows)] == [devices[4], devices[3], devices[0]]
    assert (first.total, (await region.see(ListDevices, installer)).total) == (5, 6)
    assert (await region.see(ListDevices, installer, q="door", per_page=2)).total == 5


@pytest.mark.row("D-35")
def test_status_and_last_connected_time_follow_the_connection() -> None:
    """Folded as the log tells it: on, off, on again, and off once more when nobody asks any longer."""
    row = told(None, bound, 1)
    assert (row["online"], row["last_connected_at"]) == (False, None)
    on = DeviceWentOnline(device_id=DEVICE, installer_id=INSTALLER, connection="first")
    off = DeviceWentOffline(device_id=DEVICE, installer_id=INSTALLER, reason="closed")
    row = told(row, on, 2)
    assert (row["online"], row["last_connected_at"]) == (True, NOW + timedelta(seconds=2))
    row = told(row, off, 3)
    assert (row["online"], row["last_connected_at"]) == (False, NOW + timedelta(seconds=2))
    row = told(row, on, 4)
    assert (row["online"], row["last_connected_at"]) == (True, NOW + timedelta(seconds=4))
    # What comes late, of a device that is gone, brings nothing back.
    assert FLEET.fold(None, recorded(off, 5)) is None


def test_only_what_the_form_shows_makes_a_filled_form_old() -> None:
    row = told(None, bound, 1)
    on = DeviceWentOnline(device_id=DEVICE, installer_id=INSTALLER, connection="first")
    assert told(row, on, 2)["form_seq"] == told(row, reported, 3)["form_seq"] == 1
    described = DeviceDescribed(
        device_id=DEVICE,
        **HERE,
        kind=DeviceKind.ACCESS_CONTROL,
        name="Vault",
        internet_access=True,
        transfer_ip=None,
        works_offline=False,
        arming_function=False,
    )
    row = told(row, described, 4)
    assert (row["form_seq"], row["name"], "n:vault" in row["tokens"], "n:gate" in row["tokens"]) == (
        4,
        "Vault",
        True,
        False,
    )


def told(row: Row | None, event: Event, seq: int) -> Row:
    assert list(FLEET.keys(recorded(event, seq))) == [DEVICE]
    after = FLEET.fold(row, recorded(event, seq))
    assert after is not None
    return after


async def test_strangers_see_nothing_of_a_device(region: Region) -> None:
    distributor = await region.distributor()
    installer, sibling = await region.installer(distributor), await region.installer(distributor)
    stranger = await region.installer()
    user_id = await region.user(installer)
    device_id, _ = await region.device(installer, user_id)
    for other in (sibling, stranger):
        assert (await region.see(ListDevices, other)).total == 0
        assert (await region.see(ListDevices, other, user_id=user_id)).total == 0
        for kind in (GetDevice, ListDeviceAudit):
            field = "device_id" if kind is GetDevice else "subject_id"
            with pytest.raises(Refused, match="unknown"):
                await region.see(kind, other, **{field: device_id})
        for command in (UnbindDevice, RotateDeviceKey):
            with pytest.raises(Refused, match="device-unknown"):
                await region.tell(command, other, device_id=device_id)
        with pytest.raises(Refused, match="user-unknown"):
            await region.device(other, user_id)


@pytest.mark.row("D-21", "D-05")
async def test_deleting_a_device_frees_its_mac_and_its_row(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer)
    mac = a_mac()
    device_id, _ = await region.device(installer, user_id, mac=mac)
    again = {"user_id": user_id, "mac": mac, "kind": DeviceKind.ACCESS_CONTROL, "name": "Again"}
    with pytest.raises(Refused, match="mac-bound"):
        await region.tell(BindDevice, installer, device_id=str(uuid4()), **again)
    await region.tell(UnbindDevice, installer, device_id=device_id)
    assert (await region.see(ListDevices, installer)).total == 0
    with pytest.raises(Refused, match="device-unknown"):
        await region.see(GetDevice, installer, device_id=device_id)
    await region.tell(BindDevice, installer, device_id=(newer := str(uuid4())), **again)
    page = await region.see(ListDevices, installer)
    assert ([row.device_id for row in page.rows], page.total) == ([newer], 1)


@pytest.mark.row("D-02")
async def test_a_mac_that_is_in_no_library_cannot_be_bound(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer)
    with pytest.raises(Refused, match="mac-not-in-library") as refusal:
        await region.tell(
            BindDevice,
            installer,
            device_id=str(uuid4()),
            user_id=user_id,
            mac=a_mac(),
            kind=DeviceKind.INDOOR_MONITOR,
            name="Hall",
        )
    assert refusal.value.field == "mac"


@pytest.mark.row("D-11", "D-14")
async def test_the_distributors_switch_opens_the_offline_fields(region: Region) -> None:
    distributor = await region.distributor()
    installer = await region.installer(distributor)
    user_id = await region.user(installer)
    device_id, _ = await region.device(installer, user_id, kind=DeviceKind.INDOOR_MONITOR)
    edit = {"device_id": device_id, "kind": DeviceKind.INDOOR_MONITOR, "name": "Hall", "works_offline": True}
    with pytest.raises(Refused, match="offline-solution-off"):
        await region.tell(EditDevice, installer, **edit)
    await region.tell(SwitchOfflineSolution, root, distributor_id=distributor.account_id, enabled=True)
    assert (await region.see(GetDevice, installer, device_id=device_id)).offline_solution
    await region.tell(EditDevice, installer, **edit)
    detail = await region.see(GetDevice, installer, device_id=device_id)
    assert (detail.works_offline, detail.name) == (True, "Hall")


@pytest.mark.row("D-26", "D-24")
async def test_the_page_says_why_methods_cannot_be_chosen(region: Region) -> None:
    installer = await region.installer()
    device_id, _ = await region.device(installer, await region.user(installer))
    for model, firmware, state, needs in (
        ("R28", "28.30.10.6", "closed", ("R28 28.30.10.7+",)),
        ("r28", "28.30.10.7", "open", ("R28 28.30.10.7+",)),
        ("E11", "111.30.10.7", "closed", ("R28 28.30.10.7+", "X912 912.30.10.204+")),
    ):
        await region.tell(NoteDeviceReport, SYSTEM, device_id=device_id, model=model, firmware=firmware)
        detail = await region.see(GetDevice, installer, device_id=device_id)
        assert (detail.methods_gate.state, detail.methods_gate.needs) == (state, needs)
        assert (detail.model, detail.firmware) == (model.upper(), firmware)
    methods = (AccessMethod.HOMEPAGE, AccessMethod.PIN)
    with pytest.raises(Refused, match="methods-not-for-this-device"):
        await region.tell(
            EditDevice,
            installer,
            device_id=device_id,
            kind=DeviceKind.DOORPHONE_SINGLE,
            name="Gate",
            relays=(Relay(number=1, name="Door", methods=methods),),
        )


@pytest.mark.row("D-15", "D-35")
async def test_the_page_shows_whether_it_is_connected_and_armed_and_what_waits(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer)
    device_id, _ = await region.device(
        installer, user_id, kind=DeviceKind.INDOOR_MONITOR, name="Hall", arming_function=True
    )
    assert (await region.see(GetDevice, installer, device_id=device_id)).armed is None
    await region.tell(NoteDeviceOnline, SYSTEM, device_id=device_id, connection="first")
    detail = await region.see(GetDevice, installer, device_id=device_id)
    assert detail.online
    assert detail.last_connected_at is not None
    for armed in (True, False):
        command_id = str(uuid4())
        await region.tell(SwitchArming, installer, device_command_id=command_id, device_id=device_id, armed=armed)
        assert (await region.see(GetDevice, installer, device_id=device_id)).open_commands == 1
        await region.tell(NoteDeviceCommand, SYSTEM, device_command_id=command_id, state=DeviceCommandState.DONE)
        detail = await region.see(GetDevice, installer, device_id=device_id)
        assert (detail.armed, detail.open_commands) == (armed, 0)
    await region.tell(NoteDeviceOffline, SYSTEM, device_id=device_id, connection="first", reason="closed")
    page = await region.see(ListDevices, installer)
    assert (page.rows[0].online, page.rows[0].last_connected_at) == (False, detail.last_connected_at)


async def test_the_trail_of_a_device_names_who_and_what_and_nothing_else(region: Region) -> None:
    installer = await region.installer(name="Bright Intercoms")
    mac = a_mac()
    device_id, _ = await region.device(installer, await region.user(installer), mac=mac, name="Secret Gate")
    await region.tell(ChooseConnectionType, installer, device_id=device_id, connection_type=ConnectionType.TLS)
    await region.tell(UnbindDevice, installer, device_id=device_id)
    page = await region.see(ListDeviceAudit, installer, subject_id=device_id)
    told = [row.type for row in page.rows]
    assert told[0] == "DeviceUnbound"
    assert told[-1] == "DeviceBound"
    assert "ConnectionTypeChosen" in told
    assert {row.actor_name for row in page.rows if row.actor_id == installer.account_id} == {"Bright Intercoms"}
    assert "Secret" not in page.model_dump_json()
    first = await region.see(ListDeviceAudit, installer, subject_id=device_id, limit=1)
    rest = await region.see(ListDeviceAudit, installer, subject_id=device_id, cursor=first.next)
    assert [row.type for row in (*first.rows, *rest.rows)] == told
    of_mac = await region.see(ListDeviceAudit, installer, subject_id=mac)
    assert [row.type for row in of_mac.rows] == ["MacUnbound", "MacBound", "MacRegistered"]
