"""A MAC of another library goes to the installer that reads the code off its label. Nobody else learns a thing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.devices.audit import ListDeviceAudit
from contracts.devices.imports import (
    IMPORT_CHUNK_ROWS_WITH_CODES,
    ImportedRow,
    OpenMacImport,
    StageMacRows,
    StartMacImport,
)
from contracts.devices.intercoms import BindDevice, DeviceKind
from contracts.devices.library import (
    ClaimMac,
    ListMacs,
    MacClaimed,
    MacLabelled,
    MacRegistered,
    MacRemoved,
    RegisterMac,
    RemoveMac,
)
from contracts.message import Actor, Refused
from contracts.notations import label_code
from contracts.permissions import objection
from kernel.deciding.spec import Spec
from kernel.keeping.secrets import Secrets
from services.devices.audit import ANOTHER
from services.devices.library.labels import hash_of_code
from services.devices.library.mac import MAC as AGGREGATE
from tests.devices.conftest import Region, a_mac, root
from tests.devices.library.test_macs import until_over
from tests.devices.world import (
    DISTRIBUTOR,
    INSTALLER,
    MAC,
    OTHER_DISTRIBUTOR,
    OTHER_INSTALLER,
    OTHER_MAC,
    SIBLING_INSTALLER,
    ask,
    changed,
    distributor,
    installer,
    mac_bound,
    master,
    other_installer,
    registered,
    sibling_installer,
)

mac = Spec(AGGREGATE)
CODE, HASH = "7Q2K91XM", "5" * 64
shared = registered.model_copy(update={"installer_id": None})
label = MacLabelled(mac=MAC, distributor_id=DISTRIBUTOR, code_hash=HASH)
claim = ask(ClaimMac, other_installer, mac=MAC, code=CODE, code_hash=HASH)
held = {"mac": MAC, "distributor_id": DISTRIBUTOR, "installer_id": None}
now_theirs = MacRegistered(mac=MAC, distributor_id=OTHER_DISTRIBUTOR, installer_id=OTHER_INSTALLER, import_id=None)


# --- What is decided --------------------------------------------------------------------------------------------------


def test_a_distributor_says_the_code_with_a_mac_and_an_installer_does_not() -> None:
    register = ask(RegisterMac, distributor, mac=MAC, code=CODE, code_hash=HASH)
    mac.given().when(register).then(shared, label)
    mac.given().when(changed(register, actor=installer)).then_refused("forbidden", "code")


def test_whoever_has_the_code_has_the_mac_and_each_library_is_told_its_own_side() -> None:
    mac.given(shared, label).when(claim).then(MacRemoved(**held), MacClaimed(**held), now_theirs)


def test_a_sibling_claims_as_well() -> None:
    theirs = registered.model_copy(update={"installer_id": SIBLING_INSTALLER})
    before = {**held, "installer_id": INSTALLER}
    mac.given(registered, label).when(changed(claim, actor=sibling_installer)).then(
        MacRemoved(**before), MacClaimed(**before), theirs
    )


@pytest.mark.parametrize(
    "given", [(), (shared,), (registered,), (shared, label.model_copy(update={"code_hash": "6" * 64}))]
)
def test_a_wrong_code_and_a_mac_without_one_and_no_mac_are_refused_alike(given: tuple[Any, ...]) -> None:
    mac.given(*given).when(claim).then_refused("mac-claim-refused", "code")


def test_that_it_is_bound_hears_only_who_has_the_code() -> None:
    bound = mac_bound.model_copy(update={"is_shared": True})
    mac.given(shared, label, bound).when(claim).then_refused("mac-bound", "mac")
    mac.given(shared, label, bound).when(changed(claim, code_hash="6" * 64)).then_refused("mac-claim-refused", "code")


def test_the_quota_counts_and_says_nothing_to_who_has_no_code() -> None:
    full = changed(claim, quota_reached=True)
    mac.given(shared, label).when(full).then_refused("mac-quota-reached", "mac")
    mac.given(shared).when(full).then_refused("mac-claim-refused", "code")


def test_what_is_one_s_own_already_stays() -> None:
    mac.given(shared, label).when(changed(claim, actor=installer)).then()
    mac.given(registered, mac_bound).when(changed(claim, actor=installer, code_hash="6" * 64)).then()


def test_the_code_is_used_up_and_goes_with_the_library() -> None:
    gone = MacRemoved(**held)
    mac.given(shared, label, gone, now_theirs).when(changed(claim, actor=installer)).then_refused(
        "mac-claim-refused", "code"
    )


@pytest.mark.parametrize("who", [root, distributor, master])
def test_nobody_else_claims(who: Actor) -> None:
    refusal = objection(changed(claim, actor=who))
    assert refusal is not None
    assert refusal.code == "forbidden"


# --- How a code is written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["7q2k91xm", " 7Q2K 91XM ", "7Q2K-91XM", "7Q2K–91XM", "7q2k\u00a091xm\u200b", "\uff17Q\u06f2K\u0669\u0661XM"],
)
def test_a_code_is_read_in_any_notation(written: str) -> None:
    assert label_code(written) == CODE


@pytest.mark.parametrize("written", ["", "7Q2K91X", "7Q2K" * 9, "7Q2K_91XM", "7Q2K91XÜ", "\u200b" * 8])
def test_what_is_no_code_is_refused(written: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        changed(claim, code=written)
    assert refusal.value.errors()[0]["type"] in ("label-code-malformed", "string_too_long")


def test_a_code_is_kept_as_a_hash_of_its_own_for_each_mac_and_never_printed() -> None:
    one, other = (Secrets(each * 32) for each in (b"a", b"b"))
    hashes = {hash_of_code(one, MAC, CODE), hash_of_code(one, OTHER_MAC, CODE), hash_of_code(other, MAC, CODE)}
    assert len(hashes) == 3
    assert CODE not in repr(claim)
    assert CODE not in repr(ask(RegisterMac, distributor, mac=MAC, code=CODE))


# --- On real servers --------------------------------------------------------------------------------------------------


async def macs(region: Region, who: Actor) -> list[tuple[str, bool]]:
    return [(row.mac, row.has_label) for row in (await region.see(ListMacs, who)).rows]


@pytest.fixture
async def labelled(region: Region) -> tuple[Actor, str]:
    """A distributor and a MAC that it registered with a code."""
    above, address = await region.distributor(), a_mac()
    await region.tell(RegisterMac, above, mac=address, code="7q2k-91xm")
    return above, address


async def test_a_claimed_mac_is_bound_by_who_claimed_it(region: Region, labelled: tuple[Actor, str]) -> None:
    (above, address), rightful = labelled, await region.installer()
    assert await macs(region, above) == [(address, True)]
    with pytest.raises(Refused, match="mac-elsewhere"):
        await region.tell(RegisterMac, rightful, mac=address)
    with pytest.raises(Refused, match="mac-claim-refused"):
        await region.tell(ClaimMac, rightful, mac=address, code="7Q2K91XN")
    await region.tell(ClaimMac, rightful, mac=address, code=" 7Q2K 91XM")
    assert (await macs(region, above), await macs(region, rightful)) == ([], [(address, False)])
    form = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "mac": address}
    user_id = await region.user(rightful)
    await region.tell(BindDevice, rightful, device_id=str(uuid4()), user_id=user_id, **form)


async def test_neither_library_reads_who_the_other_is(region: Region, labelled: tuple[Actor, str]) -> None:
    (above, address), rightful = labelled, await region.installer(name="Rightful Intercoms")
    await region.tell(ClaimMac, rightful, mac=address, code=CODE)
    before = await region.see(ListDeviceAudit, above, subject_id=address)
    assert [row.type for row in before.rows] == ["MacClaimed", "MacRemoved", "MacRegistered"]
    assert [row.actor_id for row in before.rows] == [ANOTHER, ANOTHER, above.account_id]
    after = await region.see(ListDeviceAudit, rightful, subject_id=address)
    assert [row.type for row in after.rows] == ["MacRegistered"]
    for told, other in ((before, rightful), (after, above)):
        text = told.model_dump_json()
        assert not [each for each in (other.account_id, other.distributor_id) if str(each) in text]
    assert "Rightful" not in before.model_dump_json()
    assert (before.rows[0].address, after.rows[0].address) == (None, "192.0.2.1")


async def test_no_code_stands_in_the_log_or_in_a_read_model(region: Region, labelled: tuple[Actor, str]) -> None:
    above, address = labelled
    assert CODE not in (await region.see(ListMacs, above)).model_dump_json()
    row = await region.devices.database["library"].find_one({"_id": address})
    assert row is not None
    assert not any(isinstance(value, str) and len(value) == 64 for value in row.values())


async def test_a_removed_mac_has_no_code_any_more(region: Region, labelled: tuple[Actor, str]) -> None:
    (above, address), stranger = labelled, await region.installer()
    await region.tell(RemoveMac, above, mac=address)
    with pytest.raises(Refused, match="mac-claim-refused"):
        await region.tell(ClaimMac, stranger, mac=address, code=CODE)
    await region.tell(RegisterMac, above, mac=address)
    with pytest.raises(Refused, match="mac-claim-refused"):
        await region.tell(ClaimMac, stranger, mac=address, code=CODE)


# --- Codes in a list --------------------------------------------------------------------------------------------------


async def imported(region: Region, who: Actor, rows: list[tuple[str, str | None]]) -> None:
    import_id = str(uuid4())
    lines = tuple(ImportedRow(line=line, text=text, code=code) for line, (text, code) in enumerate(rows, 2))
    await region.tell(OpenMacImport, who, import_id=import_id, file_name="labels.csv", rows=len(rows))
    await region.tell(StageMacRows, who, import_id=import_id, part=0, rows=lines)
    await region.tell(StartMacImport, who, import_id=import_id)
    await until_over(region, import_id)


async def test_a_list_says_codes_as_well(region: Region) -> None:
    above, rightful = await region.distributor(), await region.installer()
    first, plain, last = sorted(a_mac() for _ in range(3))
    await imported(region, above, [(first, "7Q2K 91XM"), (plain, None), (first, "OTHERCODE"), (last, "7q2k-91xm")])
    assert sorted(await macs(region, above)) == [(first, True), (plain, False), (last, True)]
    for address in (first, last):
        await region.tell(ClaimMac, rightful, mac=address, code=CODE)
    with pytest.raises(Refused, match="mac-claim-refused"):
        await region.tell(ClaimMac, rightful, mac=plain, code=CODE)
    assert sorted(await macs(region, rightful)) == [(first, False), (last, False)]


async def test_a_refused_line_says_no_code(region: Region) -> None:
    above, address = await region.distributor(), a_mac()
    await imported(region, above, [(address, None), (address, CODE)])
    assert await macs(region, above) == [(address, False)]


async def test_codes_of_an_installer_s_list_are_not_taken(region: Region) -> None:
    who, address = await region.installer(), a_mac()
    await imported(region, who, [(address, CODE)])
    assert await macs(region, who) == [(address, False)]


async def test_a_full_part_with_codes_is_recorded_and_a_larger_one_refused(region: Region) -> None:
    above = await region.distributor()
    rows: list[tuple[str, str | None]] = [
        (f"0C1106{number:06X}", CODE) for number in range(IMPORT_CHUNK_ROWS_WITH_CODES)
    ]
    await imported(region, above, rows)
    page = await region.see(ListMacs, above)
    assert page.total == IMPORT_CHUNK_ROWS_WITH_CODES
    assert all(row.has_label for row in page.rows)
    with pytest.raises(ValidationError):
        ask(
            StageMacRows,
            above,
            import_id=str(uuid4()),
            part=0,
            rows=[{"line": 2, "text": text, "code": code} for text, code in [*rows, ("0C1107000000", None)]],
        )
