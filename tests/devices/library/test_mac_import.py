"""What may be said about an import of MACs, and what comes of it."""

from collections.abc import Sequence
from typing import Any

import pytest

from contracts.devices.imports import (
    AbandonMacImport,
    ImportedRow,
    MacImportAbandoned,
    MacImportCompleted,
    MacImportJudged,
    MacImportOpened,
    MacImportStarted,
    MacRowsRegistered,
    MacRowsStaged,
    OpenMacImport,
    RegisterMacRows,
    RowFault,
    StageMacRows,
    StartMacImport,
)
from contracts.devices.library import MacRegistered
from contracts.message import Actor
from kernel.deciding.decider import Elsewhere
from kernel.deciding.spec import Spec
from services.devices.library.mac import MAC as MAC_AGGREGATE
from services.devices.library.mac_import_decisions import MAC_IMPORT
from tests.devices.world import (
    DISTRIBUTOR,
    INSTALLER,
    MAC,
    MONITOR_MAC,
    OTHER_DISTRIBUTOR,
    OTHER_INSTALLER,
    OTHER_MAC,
    ask,
    changed,
    distributor,
    elsewhere,
    mac_bound,
    number,
    other_distributor,
    other_installer,
    registered,
    sibling_installer,
)

imports = Spec(MAC_IMPORT, MAC_AGGREGATE)

IMPORT = number(41)
FAR_MAC = "0C110512BC9A"


def row(line: int, text: str, fault: RowFault | None = None) -> ImportedRow:
    return ImportedRow(line=line, text=text, fault=fault)


def staging(part: int, *rows: ImportedRow, **fields: Any) -> StageMacRows:
    command = ask(StageMacRows, import_id=IMPORT, part=part, rows=rows)
    return command.model_copy(update=fields)


def staged(
    part: int, valid: dict[str, int], refused: Sequence[tuple[int, RowFault]] = (), texts: Sequence[str] = ()
) -> MacRowsStaged:
    return MacRowsStaged(
        import_id=IMPORT,
        part=part,
        macs=tuple(valid),
        lines=tuple(valid.values()),
        refused=tuple(refused),
        texts=tuple(texts),
    )


opening = ask(OpenMacImport, import_id=IMPORT, file_name="macs.xlsx", rows=3)
start = ask(StartMacImport, import_id=IMPORT)
abandon = ask(AbandonMacImport, import_id=IMPORT)
opened = MacImportOpened(
    import_id=IMPORT, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, file_name="macs.xlsx", rows=3
)
first = staged(0, {MAC: 2, OTHER_MAC: 3})
second = staged(1, {MONITOR_MAC: 4})
judged = MacImportJudged(import_id=IMPORT, valid=3, refused=0)
whole = (opened, first, second, judged)
started = MacImportStarted(import_id=IMPORT, parts=2)
abandoned = MacImportAbandoned(import_id=IMPORT)
first_taken = MacRowsRegistered(import_id=IMPORT, part=0, registered=2, refused=())
second_taken = MacRowsRegistered(import_id=IMPORT, part=1, registered=1, refused=())
completed = MacImportCompleted(import_id=IMPORT, registered=3, refused=0)


def taking(part: int) -> RegisterMacRows:
    return ask(RegisterMacRows, import_id=IMPORT, part=part)


def in_library(mac: str) -> Elsewhere:
    return elsewhere(
        "mac",
        mac,
        MacRegistered(mac=mac, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, import_id=IMPORT),
    )


# --- Handing over -----------------------------------------------------------------------------------------------------


@pytest.mark.row("M-03")
def test_an_import_is_opened_for_the_installer_or_the_whole_distributor() -> None:
    outcome = imports.given().when(opening)
    outcome.then(opened)
    outcome.again().then()
    for_all = opened.model_copy(update={"installer_id": None})
    imports.given().when(changed(opening, actor=distributor)).then(for_all)


def test_an_id_names_one_import() -> None:
    imports.given(opened).when(changed(opening, rows=4)).then_refused("id-taken")
    imports.given(opened).when(changed(opening, actor=other_installer)).then_refused("id-taken")


def test_a_list_without_rows_is_judged_at_once_and_done_when_started() -> None:
    nothing = MacImportJudged(import_id=IMPORT, valid=0, refused=0)
    empty = opened.model_copy(update={"rows": 0})
    imports.given().when(changed(opening, rows=0)).then(empty, nothing)
    imports.given(empty, nothing).when(start).then(
        MacImportStarted(import_id=IMPORT, parts=0), MacImportCompleted(import_id=IMPORT, registered=0, refused=0)
    )


def test_parts_are_staged_in_order_and_the_last_one_judges_the_list() -> None:
    two = staging(0, row(2, MAC), row(3, "0c:11:05:12:bc:98"))
    outcome = imports.given(opened).when(two)
    outcome.then(first)
    outcome.again().then()
    imports.given(opened, first).when(staging(1, row(4, MONITOR_MAC))).then(second, judged)
    imports.given(opened).when(staging(1, row(4, MONITOR_MAC))).then_refused("part-out-of-order")
    imports.given(opened, first).when(staging(1, row(4, MONITOR_MAC), row(5, FAR_MAC))).then_refused(
        "part-out-of-order"
    )
    imports.given(*whole, abandoned).when(staging(2, row(5, FAR_MAC))).then_refused("import-over")


def test_every_row_is_judged_with_its_line_and_reason() -> None:
    rows = (
        row(2, MAC),
        row(3, "0C110512BC9"),
        row(4, "0c-11-05-12-bc-97"),
        row(5, "", RowFault.ROW_EMPTY),
        row(6, OTHER_MAC, RowFault.COLUMNS_NOT_EMPTY),
        row(7, "=A2", RowFault.CELL_IS_FORMULA),
        row(8, MONITOR_MAC),
        row(9, FAR_MAC),
    )
    known = ((MONITOR_MAC, RowFault.MAC_ELSEWHERE), (FAR_MAC, RowFault.MAC_BOUND))
    refused = (
        (3, RowFault.MAC_MALFORMED),
        (4, RowFault.DUPLICATE_IN_FILE),
        (5, RowFault.ROW_EMPTY),
        (6, RowFault.COLUMNS_NOT_EMPTY),
        (7, RowFault.CELL_IS_FORMULA),
        (8, RowFault.MAC_ELSEWHERE),
        (9, RowFault.MAC_BOUND),
    )
    texts = ("0C110512BC9", "0c-11-05-12-bc-97", "", OTHER_MAC, "=A2", MONITOR_MAC, FAR_MAC)
    eight = opened.model_copy(update={"rows": 8})
    imports.given(eight).when(staging(0, *rows, known=known)).then(
        staged(0, {MAC: 2}, refused, texts), MacImportJudged(import_id=IMPORT, valid=1, refused=7)
    )


def test_a_mac_of_an_earlier_part_is_a_duplicate_in_any_notation() -> None:
    imports.given(opened, first).when(staging(1, row(4, "0C11.0512.BC98"))).then(
        staged(1, {}, [(4, RowFault.DUPLICATE_IN_FILE)], ["0C11.0512.BC98"]),
        MacImportJudged(import_id=IMPORT, valid=2, refused=1),
    )


def test_a_duplicate_is_found_however_many_parts_lie_between() -> None:
    parts = [staged(n, {f"0C1105{n:06X}": n + 2}) for n in range(50)]
    many = opened.model_copy(update={"rows": 100})
    for n in (0, 1, 24, 31, 32, 49):
        again = row(52, f"0C1105{n:06X}")
        imports.given(many, *parts).when(staging(50, again)).then(
            staged(50, {}, [(52, RowFault.DUPLICATE_IN_FILE)], [again.text])
        )


# --- Starting, abandoning ---------------------------------------------------------------------------------------------


def test_a_judged_list_is_started_once() -> None:
    outcome = imports.given(*whole).when(start)
    outcome.then(started)
    outcome.again().then()
    imports.given(opened, first).when(start).then_refused("import-not-judged")
    imports.given(*whole, abandoned).when(start).then_refused("import-over")


def test_a_list_that_is_not_started_may_be_abandoned() -> None:
    for facts in ((opened,), (opened, first), whole):
        outcome = imports.given(*facts).when(abandon)
        outcome.then(abandoned)
        outcome.again().then()
    imports.given(*whole, started).when(abandon).then_refused("import-over")


@pytest.mark.parametrize("stranger", [other_installer, other_distributor, sibling_installer])
def test_a_stranger_s_import_does_not_exist(stranger: Actor) -> None:
    for wish in (start, abandon, staging(0, row(2, MAC)), taking(0)):
        told = wish.model_copy(update={"actor": stranger})
        imports.given().when(told).then_refused("import-unknown")
        imports.given(*whole).when(told).then_refused("import-unknown")


# --- Registering ------------------------------------------------------------------------------------------------------


def test_a_part_gets_into_the_library_together_with_its_account() -> None:
    outcome = imports.given(*whole, started).when(taking(0))
    outcome.then(in_library(MAC), in_library(OTHER_MAC), first_taken)
    outcome.again().then()
    imports.given(*whole, started, first_taken).when(taking(1)).then(in_library(MONITOR_MAC), second_taken, completed)
    imports.given(*whole, started, first_taken, second_taken, completed).when(taking(1)).then()


def test_parts_are_taken_in_order_and_only_of_a_started_list() -> None:
    imports.given(*whole, started).when(taking(1)).then_refused("part-out-of-order")
    imports.given(*whole).when(taking(0)).then_refused("import-not-judged")


def test_what_was_registered_meanwhile_is_refused_with_its_line() -> None:
    theirs = MacRegistered(
        mac=OTHER_MAC, distributor_id=OTHER_DISTRIBUTOR, installer_id=OTHER_INSTALLER, import_id=None
    )
    given = imports.given(*whole, started).beside("mac", MAC, registered, mac_bound).beside("mac", OTHER_MAC, theirs)
    late = ((2, MAC, RowFault.MAC_BOUND), (3, OTHER_MAC, RowFault.MAC_ELSEWHERE))
    none_taken = MacRowsRegistered(import_id=IMPORT, part=0, registered=0, refused=late)
    given.when(taking(0)).then(none_taken)
    imports.given(*whole, started, none_taken).when(taking(1)).then(
        in_library(MONITOR_MAC), second_taken, MacImportCompleted(import_id=IMPORT, registered=1, refused=2)
    )


def test_a_list_of_100_000_rows_is_kept_in_few_bytes() -> None:
    state = MAC_IMPORT.fold([opened.model_copy(update={"rows": 100_000})])
    for part in range(112):
        macs = [f"0C1105{n:06X}" for n in range(part * 900, min(part * 900 + 900, 100_000))]
        state = MAC_IMPORT.evolve(state, staged(part, {mac: n + 2 for n, mac in enumerate(macs)}))
    assert state.valid == 100_000
    assert len(state.seen) < 10
    state = MAC_IMPORT.evolve(state, MacImportJudged(import_id=IMPORT, valid=100_000, refused=0))
    assert sum(len(part.macs) + len(part.lines) for part in state.parts) == 100_000 * 10
    assert not state.seen
    assert not MAC_IMPORT.fold([started, completed], state).parts


def test_a_list_of_the_distributor_s_is_registered_for_any_of_its_installers() -> None:
    for_all = opened.model_copy(update={"installer_id": None})
    shared = registered.model_copy(update={"installer_id": None, "import_id": IMPORT})
    one = staged(0, {MAC: 2})
    imports.given(for_all, one, judged, started).when(taking(0).model_copy(update={"actor": distributor})).then(
        elsewhere("mac", MAC, shared),
        MacRowsRegistered(import_id=IMPORT, part=0, registered=1, refused=()),
        MacImportCompleted(import_id=IMPORT, registered=1, refused=0),
    )
