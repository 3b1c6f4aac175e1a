"""What a list of MACs that was abandoned said goes: from the log, from what is shown, and from a replay."""

from __future__ import annotations

from uuid import uuid4

from contracts.devices.imports import (
    AbandonMacImport,
    GetMacImport,
    ImportedRow,
    ImportState,
    ListMacImports,
    OpenMacImport,
    StageMacRows,
)
from contracts.message import Actor
from tests.devices.conftest import Region, a_mac
from tests.devices.homes.test_erasure import in_read_models, in_the_log, rebuilds_the_same, until_destroyed

WORD = "canarylist"


async def handed_over(region: Region, who: Actor) -> str:
    """An import that is judged: its file and a refused line say the word."""
    import_id = str(uuid4())
    rows = tuple(ImportedRow(line=2 + at, text=text) for at, text in enumerate((f"Mrs {WORD}", a_mac())))
    await region.tell(OpenMacImport, who, import_id=import_id, file_name=f"{WORD}.xlsx", rows=len(rows))
    await region.tell(StageMacRows, who, import_id=import_id, part=0, rows=rows)
    return import_id


async def test_what_an_abandoned_list_said_cannot_be_read_any_more(region: Region) -> None:
    who = await region.installer()
    import_id, other = await handed_over(region, who), await handed_over(region, who)
    assert (await region.see(GetMacImport, who, import_id=import_id)).file_name == f"{WORD}.xlsx"
    for each in (import_id, other):
        await region.tell(AbandonMacImport, who, import_id=each)
        await region.tell(AbandonMacImport, who, import_id=each)
    await until_destroyed(region, f"import.{import_id}", f"import.{other}")
    shown = await region.see(GetMacImport, who, import_id=import_id)
    assert (shown.state, shown.file_name, shown.rows, shown.refused) == (ImportState.ABANDONED, "", 2, 1)
    _, recorded = await in_the_log(region)
    assert WORD not in " ".join(each.event.model_dump_json() for each in recorded).casefold()
    assert WORD not in await in_read_models(region)
    await rebuilds_the_same(region)


async def test_a_list_that_can_still_be_read_keeps_its_key(region: Region) -> None:
    who = await region.installer()
    gone, kept = await handed_over(region, who), await handed_over(region, who)
    await region.tell(AbandonMacImport, who, import_id=gone)
    await until_destroyed(region, f"import.{gone}")
    rows = (await region.see(ListMacImports, who)).rows
    assert {each.import_id: each.file_name for each in rows} == {gone: "", kept: f"{WORD}.xlsx"}
    assert (await region.devices.keys.existing({f"import.{kept}"}))[f"import.{kept}"] is not None
