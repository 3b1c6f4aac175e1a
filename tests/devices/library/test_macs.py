"""What distributors and installers see of the MAC library, and of imports into it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any, cast
from uuid import uuid4

import pytest

from contracts.devices.imports import (
    AbandonMacImport,
    GetMacImport,
    ImportedRow,
    ImportState,
    ListMacImports,
    ListRefusedRows,
    OpenMacImport,
    RefusedRow,
    RowFault,
    StageMacRows,
    StartMacImport,
)
from contracts.devices.intercoms import BindDevice, DeviceKind, UnbindDevice
from contracts.devices.library import ListMacs, MacPage, MacUse, RegisterMac, RemoveMac
from contracts.message import Actor, Refused
from kernel.log.promise import StoredMessage
from services.devices.library.macs import LIBRARY, _ends
from tests.devices.conftest import Region, a_mac


def shown(page: MacPage) -> list[str]:
    return [row.mac for row in page.rows]


async def handed_over(region: Region, actor: Actor, *parts: Iterable[str | ImportedRow]) -> str:
    """An import whose list was handed over: lines count from 2, below the word MAC."""
    import_id, line = str(uuid4()), 2
    lists = [list(part) for part in parts]
    total = sum(len(part) for part in lists)
    await region.tell(OpenMacImport, actor, import_id=import_id, file_name="list.csv", rows=total)
    for number, part in enumerate(lists):
        rows = tuple(
            each if isinstance(each, ImportedRow) else ImportedRow(line=line + place, text=each)
            for place, each in enumerate(part)
        )
        line += len(part)
        await region.tell(StageMacRows, actor, import_id=import_id, part=number, rows=rows)
    return import_id


async def until_over(region: Region, import_id: str) -> None:
    """Returns when the import is completed; what is asked afterwards shows it."""
    log = region.devices.log
    following = cast(AsyncGenerator[list[StoredMessage], None], log.follow(0))
    async with asyncio.timeout(30), aclosing(following):
        async for messages in following:
            for message in messages:
                if message.subject.endswith(import_id) and "MacImportCompleted" in message.headers["ce-type"]:
                    region.positions[log.stream] = f"{log.stream}.{message.seq}"
                    return


# --- The library ------------------------------------------------------------------------------------------------------


@pytest.mark.row("M-01", "M-02")
async def test_the_library_shows_bound_and_free_macs_with_their_owners(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, name="王小明")
    free, bound = a_mac(), a_mac()
    await region.tell(RegisterMac, installer, mac=free)
    device_id, _ = await region.device(installer, user_id, mac=bound)
    page = await region.see(ListMacs, installer)
    assert (page.total, shown(page)) == (2, [bound, free])
    taken, idle = page.rows
    assert (taken.device_id, taken.user_id, taken.owner) == (device_id, user_id, "王小明")
    assert (idle.device_id, idle.user_id, idle.owner) == (None, None, None)
    for use, expected in ((MacUse.BOUND, [bound]), (MacUse.UNBOUND, [free])):
        page = await region.see(ListMacs, installer, use=use)
        assert (page.total, shown(page)) == (1, expected)
    await region.tell(UnbindDevice, installer, device_id=device_id)
    page = await region.see(ListMacs, installer, use=MacUse.UNBOUND)
    assert (page.total, shown(page)) == (2, [bound, free])
    assert (await region.see(ListMacs, installer, use=MacUse.BOUND)).total == 0


@pytest.mark.row("M-07")
async def test_a_mac_is_found_by_its_beginning_in_any_notation(region: Region) -> None:
    installer = await region.installer()
    macs = sorted(a_mac() for _ in range(3))
    for mac in macs:
        await region.tell(RegisterMac, installer, mac=mac)
    for typed in ("0c:11:05", "0C1105", "0c11.05", "MAC: 0C–11–05", "０Ｃ۱۱۰۵", "0C 11 05\u200b", "0C1105*"):
        page = await region.see(ListMacs, installer, q=typed)
        assert (page.total, shown(page)) == (3, macs)
    assert shown(await region.see(ListMacs, installer, q=macs[1])) == [macs[1]]
    for typed in ("0C1106", "G", "0C1105000000FF", "$ne", "0C11.*X"):
        assert (await region.see(ListMacs, installer, q=typed)).rows == ()
    assert (await region.see(ListMacs, installer, q="  ")).total == 3


@pytest.mark.row("M-07")
async def test_a_mac_is_found_by_its_end_which_people_read_off_the_label(region: Region) -> None:
    installer = await region.installer()
    begun = f"0C11{uuid4().hex[:4]}".upper()
    macs = [f"{begun}{end}" for end in ("1A2B", "1A2C", "2B1A")]
    for mac in macs:
        await region.tell(RegisterMac, installer, mac=mac)
    for typed, found in (
        ("1A2B", macs[:1]),
        ("1a:2b", macs[:1]),
        ("…-1A-2C", macs[1:2]),
        ("2B", macs[:1]),
        ("1A", macs[2:]),
        (f"{begun[4:]}1A2B", macs[:1]),
        (f"{begun}1A", macs[:2]),
        ("A2", []),
    ):
        page = await region.see(ListMacs, installer, q=typed)
        assert (page.total, shown(page)) == (len(found), found), typed


async def test_both_ends_of_a_mac_are_found_by_indexes(region: Region) -> None:
    installer = await region.installer()
    await region.tell(RegisterMac, installer, mac=a_mac())
    library = region.devices.database[LIBRARY.name]
    for way in _ends("0C11"):
        explained = await library.find({"shelves": {"$in": [installer.account_id]}, **way}).explain()
        assert "COLLSCAN" not in str(explained["queryPlanner"]["winningPlan"])


async def test_pages_go_on_where_the_one_before_ended(region: Region) -> None:
    installer = await region.installer()
    macs = [a_mac() for _ in range(5)]
    for mac in macs:
        await region.tell(RegisterMac, installer, mac=mac)
    pages = [await region.see(ListMacs, installer, page=page, per_page=2) for page in (1, 2, 3, 4)]
    assert [mac for page in pages for mac in shown(page)] == macs[::-1]
    assert {page.total for page in pages} == {5}


async def test_a_maker_that_is_not_expected_is_warned_of_and_taken(region: Region) -> None:
    installer = await region.installer()
    ours, foreign = a_mac(), f"A4{uuid4().hex[:10]}".upper()
    for mac in (ours, foreign):
        await region.tell(RegisterMac, installer, mac=mac)
    rows = (await region.see(ListMacs, installer)).rows
    assert {row.mac: row.is_foreign_prefix for row in rows} == {ours: False, foreign: True}


@pytest.mark.row("M-08", "M-09")
async def test_a_bound_mac_stays_until_its_device_is_gone(region: Region) -> None:
    installer = await region.installer()
    mac = a_mac()
    device_id, _ = await region.device(installer, await region.user(installer), mac=mac)
    with pytest.raises(Refused, match="mac-bound"):
        await region.tell(RemoveMac, installer, mac=mac)
    await region.tell(UnbindDevice, installer, device_id=device_id)
    await region.tell(RemoveMac, installer, mac=mac)
    page = await region.see(ListMacs, installer)
    assert (page.total, page.rows) == (0, ())


@pytest.mark.row("D-02", "R-18")
async def test_what_one_installer_registered_another_of_the_same_distributor_may_bind(region: Region) -> None:
    distributor = await region.distributor()
    bright, clear = await region.installer(distributor), await region.installer(distributor)
    mac, kept = a_mac(), a_mac()
    for each in (mac, kept):
        await region.tell(RegisterMac, bright, mac=each)
    device_id, form = str(uuid4()), {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "mac": mac}
    home = await region.user(clear)
    command_id = uuid4()
    for _ in range(2):  # a repeat is the same
        await region.tell(BindDevice, clear, command_id=command_id, device_id=device_id, user_id=home, **form)
    assert shown(await region.see(ListMacs, clear)) == [mac]
    assert (await region.see(ListMacs, clear, use=MacUse.BOUND)).total == 1
    page = await region.see(ListMacs, bright)
    assert (page.total, shown(page)) == (1, [kept])
    assert (await region.see(ListMacs, distributor)).total == 2
    # While it is in use it is nobody else's; afterwards it is whose it became, and may be bound again.
    again = {**form, "device_id": str(uuid4()), "user_id": await region.user(bright)}
    with pytest.raises(Refused, match="mac-bound"):
        await region.tell(BindDevice, bright, **again)
    await region.tell(UnbindDevice, clear, device_id=device_id)
    page = await region.see(ListMacs, clear, use=MacUse.UNBOUND)
    assert (page.total, shown(page)) == (1, [mac])
    await region.tell(BindDevice, bright, **again)
    assert (await region.see(ListMacs, clear)).total == 0
    assert (await region.see(ListMacs, bright)).total == 2
    # Its distributor takes back what nobody uses.
    await region.tell(RemoveMac, distributor, mac=kept)
    assert shown(await region.see(ListMacs, bright)) == [mac]


@pytest.mark.row("D-02", "M-10", "R-18")
async def test_an_installer_has_its_own_macs_and_what_its_distributor_has_left(region: Region) -> None:
    distributor = await region.distributor()
    bright, clear = await region.installer(distributor), await region.installer(distributor)
    far = await region.installer()
    own, shared = a_mac(), a_mac()
    await region.tell(RegisterMac, bright, mac=own)
    await region.tell(RegisterMac, distributor, mac=shared)
    assert shown(await region.see(ListMacs, bright)) == [shared, own]
    assert shown(await region.see(ListMacs, clear)) == [shared]
    assert (await region.see(ListMacs, far)).total == 0
    with pytest.raises(Refused, match="mac-elsewhere"):
        await region.device(far, await region.user(far), mac=shared)
    # Whoever binds it has it; to the others it is gone, and whose home it is nobody else learns.
    home = await region.user(bright, name="Dubois")
    form = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "mac": shared}
    device_id = str(uuid4())
    await region.tell(BindDevice, bright, device_id=device_id, user_id=home, **form)
    page = await region.see(ListMacs, bright, use=MacUse.BOUND)
    assert (page.total, shown(page), page.rows[0].owner) == (1, [shared], "Dubois")
    page = await region.see(ListMacs, clear)
    assert (page.total, page.rows) == (0, ())
    page = await region.see(ListMacs, distributor)
    assert (page.total, shown(page)) == (2, [shared, own])
    assert (page.rows[0].device_id, page.rows[0].user_id, page.rows[0].owner) == (device_id, None, None)
    assert (await region.see(ListMacs, distributor, use=MacUse.BOUND)).total == 1
    await region.tell(UnbindDevice, bright, device_id=device_id)
    assert shown(await region.see(ListMacs, clear)) == [shared]
    assert (await region.see(ListMacs, bright)).total == 2


# --- Imports ----------------------------------------------------------------------------------------------------------


@pytest.mark.row("M-03")
async def test_a_list_is_judged_line_by_line_before_anything_is_in_the_library(region: Region) -> None:
    installer, other = await region.installer(), await region.installer()
    mine, theirs, bound, good, late = (a_mac() for _ in range(5))
    await region.tell(RegisterMac, installer, mac=mine)
    await region.tell(RegisterMac, other, mac=theirs)
    await region.device(installer, await region.user(installer), mac=bound)
    # What is not in the list yet when it is judged would be found late.
    assert set(shown(await region.see(ListMacs, installer))) == {mine, bound}
    formula = ImportedRow(line=8, text="=A2", fault=RowFault.CELL_IS_FORMULA)
    rows: list[str | ImportedRow] = [good, mine, theirs, bound, "0C110512BC9", good.lower(), formula]
    import_id = await handed_over(region, installer, rows, [late, good])
    view = await region.see(GetMacImport, installer, import_id=import_id)
    assert (view.state, view.rows, view.staged, view.valid, view.refused) == (ImportState.JUDGED, 9, 9, 2, 7)
    assert (view.file_name, view.taken, view.registered) == ("list.csv", 0, 0)
    assert good not in shown(await region.see(ListMacs, installer))
    first = await region.see(ListRefusedRows, installer, import_id=import_id)
    assert first.rows == (
        RefusedRow(line=3, text=mine, code="mac-registered"),
        RefusedRow(line=4, text=theirs, code="mac-elsewhere"),
        RefusedRow(line=5, text=bound, code="mac-bound"),
        RefusedRow(line=6, text="0C110512BC9", code="mac-malformed"),
        RefusedRow(line=7, text=good.lower(), code="duplicate-in-file"),
        RefusedRow(line=8, text="=A2", code="cell-is-formula"),
    )
    second = await region.see(ListRefusedRows, installer, import_id=import_id, cursor=first.next)
    assert (second.rows, second.next) == ((RefusedRow(line=10, text=good, code="duplicate-in-file"),), None)
    # Somebody registers one of them meanwhile.
    await region.tell(RegisterMac, other, mac=late)
    await region.tell(StartMacImport, installer, import_id=import_id)
    await until_over(region, import_id)
    view = await region.see(GetMacImport, installer, import_id=import_id)
    assert (view.state, view.taken, view.registered, view.refused) == (ImportState.DONE, 2, 1, 8)
    second = await region.see(ListRefusedRows, installer, import_id=import_id, cursor=first.next)
    assert [(row.line, row.text, row.code) for row in second.rows] == [
        (9, late, "mac-elsewhere"),
        (10, good, "duplicate-in-file"),
    ]
    page = await region.see(ListMacs, installer)
    assert (page.total, good in shown(page), late in shown(page)) == (3, True, False)


async def test_the_same_list_twice_at_once_gets_in_once(region: Region) -> None:
    installer = await region.installer()
    macs = [a_mac() for _ in range(20)]
    imports = [await handed_over(region, installer, macs[:10], macs[10:]) for _ in range(2)]
    for import_id in imports:
        await region.tell(StartMacImport, installer, import_id=import_id)
    for import_id in imports:
        await until_over(region, import_id)
    views = [await region.see(GetMacImport, installer, import_id=each) for each in imports]
    assert sorted((view.registered, view.refused) for view in views) == [(0, 20), (20, 0)]
    assert (await region.see(ListMacs, installer)).total == 20


async def test_imports_are_their_owner_s_newest_first(region: Region) -> None:
    distributor = await region.distributor()
    installer, sibling = await region.installer(distributor), await region.installer(distributor)
    imports = [await handed_over(region, installer, [a_mac()]) for _ in range(2)]
    await region.tell(AbandonMacImport, installer, import_id=imports[0])
    listed = await region.see(ListMacImports, installer)
    assert [(row.import_id, row.state) for row in listed.rows] == [
        (imports[1], ImportState.JUDGED),
        (imports[0], ImportState.ABANDONED),
    ]
    assert (await region.see(ListMacImports, sibling)).rows == ()
    for kind in (GetMacImport, ListRefusedRows):
        with pytest.raises(Refused, match="import-unknown"):
            await region.see(kind, sibling, import_id=imports[1])
        await region.see(kind, distributor, import_id=imports[1])
    with pytest.raises(Refused, match="cursor-invalid"):
        await region.see(ListRefusedRows, installer, import_id=imports[1], cursor="x")


@pytest.mark.parametrize("told", [{"known": (("0C110512BC97", "mac-bound"),)}])
async def test_what_the_service_finds_out_is_not_the_sender_s_to_say(region: Region, told: dict[str, Any]) -> None:
    installer = await region.installer()
    import_id = await handed_over(region, installer, [a_mac()])
    rows = (ImportedRow(line=2, text=a_mac()),)
    with pytest.raises(ValueError, match="filled in by its service"):
        await region.tell(StageMacRows, installer, import_id=import_id, part=0, rows=rows, **told)
