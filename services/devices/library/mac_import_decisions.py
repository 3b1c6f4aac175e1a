"""What may be asked of an import of MACs: handed over and judged, part by part, then registered.

The rule it protects: what is recorded of a part is recorded once, so an import that was killed goes on where it was,
and in the end every line is either in the library or refused with its reason.
"""

from __future__ import annotations

from typing import assert_never

from contracts.devices.imports import (
    AbandonMacImport,
    ImportedRow,
    ImportState,
    MacImportAbandoned,
    MacImportCompleted,
    MacImportJudged,
    MacImportOpened,
    MacImportStarted,
    MacRowsLabelled,
    MacRowsRegistered,
    MacRowsStaged,
    OpenMacImport,
    RegisterMacRows,
    RowFault,
    StageMacRows,
    StartMacImport,
)
from contracts.message import Actor, Event
from contracts.notations import mac_address
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref
from services.devices.library import mac
from services.devices.library.mac_import import MacImport, Seen, evolve, key_of


def open_import(command: OpenMacImport, imported: MacImport, _: Neighbours) -> Outcome:
    if imported.import_id:
        if not _is_of(command.actor, imported) or imported.rows != command.rows:
            raise refused("id-taken")
        return []
    distributor_id, installer_id = mac.library_of(command.actor)
    opened = MacImportOpened(
        import_id=command.import_id,
        distributor_id=distributor_id,
        installer_id=installer_id,
        file_name=command.file_name,
        rows=command.rows,
    )
    judged = [] if command.rows else [MacImportJudged(import_id=command.import_id, valid=0, refused=0)]
    return [opened, *judged]


def stage(command: StageMacRows, imported: MacImport, _: Neighbours) -> Outcome:
    _check(command.actor, imported)
    if command.part < len(imported.parts):
        return []
    if imported.state is not ImportState.STAGING:
        raise refused("import-over")
    if command.part > len(imported.parts) or imported.staged + len(command.rows) > imported.rows:
        raise refused("part-out-of-order")
    valid, faults = _judged(command, imported.seen)
    staged = MacRowsStaged(
        import_id=command.import_id,
        part=command.part,
        macs=tuple(valid),
        lines=tuple(valid.values()),
        refused=tuple((row.line, fault) for row, fault in faults),
        texts=tuple(row.text for row, _ in faults),
    )
    after, codes = evolve(imported, staged), _codes(command, imported, valid)
    if after.staged < after.rows:
        return [staged, *codes]
    return [staged, *codes, MacImportJudged(import_id=command.import_id, valid=after.valid, refused=after.refused)]


def abandon(command: AbandonMacImport, imported: MacImport, _: Neighbours) -> Outcome:
    _check(command.actor, imported)
    match imported.state:
        case ImportState.STAGING | ImportState.JUDGED:
            return [MacImportAbandoned(import_id=command.import_id)]
        case ImportState.ABANDONED:
            return []
        case _:
            raise refused("import-over")


def _codes(command: StageMacRows, imported: MacImport, valid: dict[str, int]) -> list[MacRowsLabelled]:
    """What the codes of the valid rows are kept as; nothing where there are none, or the list is an installer's."""
    hashes = dict(command.code_hashes)
    if imported.installer_id or not hashes.keys() & valid.keys():
        return []
    kept = tuple(hashes.get(address, "") for address in valid)
    return [MacRowsLabelled(import_id=command.import_id, part=command.part, code_hashes=kept)]


def _judged(command: StageMacRows, seen: Seen) -> tuple[dict[str, int], list[tuple[ImportedRow, RowFault]]]:
    """The lines of the valid MACs, in order, and the other rows with what is wrong with each."""
    known = dict(command.known)
    valid: dict[str, int] = {}
    faults: list[tuple[ImportedRow, RowFault]] = []
    for row in command.rows:
        fault, address = row.fault, ""
        if fault is None:
            try:
                address = mac_address(row.text)
            except ValueError:
                fault = RowFault.MAC_MALFORMED
        if fault is None and (address in valid or any(address in earlier for earlier in seen)):
            fault = RowFault.DUPLICATE_IN_FILE
        if fault := fault or known.get(address):
            faults.append((row, fault))
        else:
            valid[address] = row.line
    return valid, faults


def start(command: StartMacImport, imported: MacImport, _: Neighbours) -> Outcome:
    _check(command.actor, imported)
    match imported.state:
        case ImportState.STAGING:
            raise refused("import-not-judged")
        case ImportState.ABANDONED:
            raise refused("import-over")
        case ImportState.RUNNING | ImportState.DONE:
            return []
        case ImportState.JUDGED:
            if command.quota_reached:
                raise refused("mac-quota-reached")
            parts = len(imported.parts) if imported.valid else 0
            return [MacImportStarted(import_id=command.import_id, parts=parts), *([] if parts else [_done(imported)])]
        case _:
            assert_never(imported.state)


def register_rows(command: RegisterMacRows, imported: MacImport, there: Neighbours) -> Outcome:
    _check(command.actor, imported)
    if command.part < imported.taken:
        return []
    if imported.state is not ImportState.RUNNING:
        raise refused("import-not-judged")
    if command.part > imported.taken:
        raise refused("part-out-of-order")
    where = imported.distributor_id, imported.installer_id
    made: list[Event | Elsewhere] = []
    late: list[tuple[int, str, RowFault]] = []
    registered = 0
    for address, line, code_hash in imported.parts[command.part].rows():
        ref = mac.ref(address)
        if reason := there[ref].why_not_registrable(*where):
            late.append((line, address, RowFault(reason)))
        else:
            registered += 1
            made.append(Elsewhere(ref, mac.registered(address, *where, command.import_id)))
            if code_hash:
                made.append(Elsewhere(ref, mac.labelled(address, imported.distributor_id, code_hash)))
    taken = MacRowsRegistered(
        import_id=command.import_id, part=command.part, registered=registered, refused=tuple(late)
    )
    after = evolve(imported, taken)
    return [*made, taken, *([_done(after)] if after.taken == len(after.parts) else [])]


def _macs(command: RegisterMacRows, imported: MacImport) -> list[Ref]:
    if imported.state is not ImportState.RUNNING or command.part != imported.taken:
        return []
    return [mac.ref(address) for address, *_ in imported.parts[command.part].rows()]


def _done(imported: MacImport) -> MacImportCompleted:
    return MacImportCompleted(import_id=imported.import_id, registered=imported.registered, refused=imported.refused)


def _check(actor: Actor, imported: MacImport) -> None:
    if not _is_of(actor, imported):
        raise refused("import-unknown")


def _is_of(actor: Actor, imported: MacImport) -> bool:
    return bool(imported.import_id) and within(
        actor, distributor_id=imported.distributor_id, installer_id=imported.installer_id
    )


MAC_IMPORT = Aggregate(
    name="import",
    initial=MacImport(),
    evolve=evolve,
    events=(
        MacImportOpened,
        MacRowsStaged,
        MacRowsLabelled,
        MacImportJudged,
        MacImportStarted,
        MacRowsRegistered,
        MacImportCompleted,
        MacImportAbandoned,
    ),
    decisions={
        OpenMacImport: Decision("import_id", open_import),
        StageMacRows: Decision("import_id", stage),
        StartMacImport: Decision("import_id", start),
        AbandonMacImport: Decision("import_id", abandon),
        RegisterMacRows: Decision("import_id", register_rows, _macs, expects_new=True),
    },
    key=lambda imported: key_of(imported.import_id),
)
