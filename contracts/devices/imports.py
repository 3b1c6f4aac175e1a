"""Uploaded lists of MACs: handed over in parts, judged, then started or abandoned."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from contracts.devices.library import LabelCode
from contracts.devices.words import Part
from contracts.message import Command, Event, FilledMark, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.text import labelled
from contracts.words import FilledFlag, Id

IMPORT_ROWS_MAX = 100_000
IMPORT_CHUNK_ROWS = 900
IMPORT_CHUNK_ROWS_WITH_CODES = 450
FileName = Annotated[str, Field(max_length=256), labelled(256)]


class ImportState(StrEnum):
    """`judged` is a dry run: nothing is in the library before somebody starts the import."""

    STAGING = "staging"
    JUDGED = "judged"
    RUNNING = "running"
    DONE = "done"
    ABANDONED = "abandoned"


class RowFault(StrEnum):
    """Why a line of an uploaded list is not taken. Each is a code of `contracts.refusals`, with its sentence."""

    ROW_EMPTY = "row-empty"
    MAC_MALFORMED = "mac-malformed"
    COLUMNS_NOT_EMPTY = "columns-not-empty"
    CELL_NOT_TEXT = "cell-not-text"
    CELL_IS_FORMULA = "cell-is-formula"
    DUPLICATE_IN_FILE = "duplicate-in-file"
    MAC_REGISTERED = "mac-registered"
    MAC_ELSEWHERE = "mac-elsewhere"
    MAC_BOUND = "mac-bound"


class ImportedRow(Part):
    """A row of an uploaded list: its line in the file, what stands in column A, and what its reader found wrong.

    `code` is what stands in column B of a distributor's list: the code on the label.
    """

    line: Annotated[int, Field(ge=1, le=2_000_000)]
    text: Annotated[str, Field(max_length=64)]
    fault: RowFault | None = None
    code: Annotated[LabelCode | None, Field(repr=False)] = None


class OpenMacImport(Command):
    """Begin to hand over a list of MACs that was uploaded (M-03)."""

    import_id: Id
    file_name: FileName
    rows: Annotated[int, Field(ge=0, le=IMPORT_ROWS_MAX)]


class StageMacRows(Command):
    """Hand over the next rows of the list, judged so far as the file alone tells. `part` counts from 0.

    Codes on labels are a distributor's to say; of an installer's list they are not taken.
    """

    import_id: Id
    part: Annotated[int, Field(ge=0, le=IMPORT_ROWS_MAX // IMPORT_CHUNK_ROWS_WITH_CODES + 1)]
    rows: Annotated[tuple[ImportedRow, ...], Field(min_length=1, max_length=IMPORT_CHUNK_ROWS)]
    known: Annotated[tuple[tuple[str, RowFault], ...], FilledMark()] = ()
    code_hashes: Annotated[tuple[tuple[str, str], ...], FilledMark()] = ()

    @model_validator(mode="after")
    def _check_codes(self) -> StageMacRows:
        # A row with a code makes two events, and all events of a part are recorded in one step.
        if len(self.rows) > IMPORT_CHUNK_ROWS_WITH_CODES and any(row.code for row in self.rows):
            raise ValueError(f"at most {IMPORT_CHUNK_ROWS_WITH_CODES} rows where any has a code")
        return self


class StartMacImport(Command):
    """Put the valid rows of a judged list into the library."""

    import_id: Id
    quota_reached: FilledFlag = False


class AbandonMacImport(Command):
    """Forget a judged list; nothing of it gets into the library."""

    import_id: Id


class RegisterMacRows(Command):
    """Register one part of a started import. The service sends it to itself."""

    import_id: Id
    part: Annotated[int, Field(ge=0)]


class MacImportOpened(Event):
    """A list of MACs is being handed over."""

    import_id: str
    distributor_id: str
    installer_id: str | None
    file_name: Personal
    rows: int


class MacRowsStaged(Event):
    """A part of the list is here: its valid MACs with their lines, and the refused lines with the reason for each.

    `macs` and `lines` go together, and `refused` (line, code) and `texts`: whatever stood there instead of a MAC.
    """

    import_id: str
    part: int
    macs: tuple[str, ...]
    lines: tuple[int, ...]
    refused: tuple[tuple[int, RowFault], ...]
    texts: tuple[Personal, ...]


class MacRowsLabelled(Event):
    """The hashes of the codes on the labels of the part that was staged last, in the order of its MACs; "" for none."""

    import_id: str
    part: int
    code_hashes: tuple[str, ...]


class MacImportJudged(Event):
    """The whole list is here and judged; it may be started or abandoned."""

    import_id: str
    valid: int
    refused: int


class MacImportStarted(Event):
    """Its valid rows are on their way into the library."""

    import_id: str
    parts: int


class MacRowsRegistered(Event):
    """A part of the list is in the library, but for the rows that were refused meanwhile: (line, MAC, code)."""

    import_id: str
    part: int
    registered: int
    refused: tuple[tuple[int, str, RowFault], ...]


class MacImportCompleted(Event):
    """Every part of the list was taken."""

    import_id: str
    registered: int
    refused: int


class MacImportAbandoned(Event):
    """The list is forgotten."""

    import_id: str


class MacImportView(View):
    """How far an import is. `taken` rows of `valid` have been through the library; `refused` counts all refusals."""

    import_id: str
    file_name: str
    state: ImportState
    rows: int
    staged: int
    valid: int
    refused: int
    taken: int
    registered: int
    created_at: RecordedMoment


class MacImportList(View):
    """The caller's newest imports."""

    rows: tuple[MacImportView, ...]


class GetMacImport(Query):
    """One import, or `import-unknown`."""

    import_id: Id


class ListMacImports(Query):
    """The caller's ten newest imports."""


class RefusedRow(View):
    """A line of an uploaded list that was not taken."""

    line: int
    text: str
    code: str


class RefusedRows(View):
    """Refused lines in their order; `next` is the cursor of the following page."""

    rows: tuple[RefusedRow, ...]
    next: str | None


class ListRefusedRows(Query):
    """The refused lines of an import, a part of the file at a time."""

    import_id: Id
    cursor: Annotated[str | None, Field(max_length=20)] = None


QUERIES: Mapping[type[Query], type[View]] = {
    GetMacImport: MacImportView,
    ListMacImports: MacImportList,
    ListRefusedRows: RefusedRows,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    OpenMacImport:    ". D I . . . +",
    StageMacRows:     ". D I . . . +",
    StartMacImport:   ". D I . . . +",
    AbandonMacImport: ". D I . . . +",
    RegisterMacRows:  ". . . . . . .",
    GetMacImport:     ". D I . . . +",
    ListMacImports:   ". D I . . . +",
    ListRefusedRows:  ". D I . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "import-unknown": Reason(Kind.UNKNOWN, "There is no such import."),
    "row-empty": Reason(Kind.INVALID, "This line is empty."),
    "columns-not-empty": Reason(
        Kind.INVALID,
        "Columns B to G must be empty. In a distributor's list, B may hold the code on the label: "
        "8 to 32 letters and digits.",
    ),
    "cell-not-text": Reason(Kind.INVALID, "This cell is a number, a date or a truth value. Format column A as text."),
    "cell-is-formula": Reason(Kind.INVALID, "This cell is a formula. Put the MAC itself there."),
    "duplicate-in-file": Reason(Kind.INVALID, "This MAC stands further up in the file already."),
    "file-unknown": Reason(Kind.INVALID, "This is not a list. Use an xlsx, xls, ods or csv file, best the template."),
    "file-broken": Reason(Kind.INVALID, "This file is damaged, or was not uploaded to its end."),
    "file-encrypted": Reason(Kind.INVALID, "This file is protected by a password. Save it without one."),
    "file-has-macros": Reason(Kind.INVALID, "This file contains macros. Save it as xlsx or csv."),
    "file-hostile": Reason(Kind.INVALID, "This file contains what does not belong into a list."),
    "file-too-large": Reason(Kind.INVALID, "This file is too large, or unpacks to too much."),
    "file-too-slow": Reason(Kind.INVALID, "Reading this file takes too long. Split it, or save it as csv."),
    "file-not-utf-8": Reason(Kind.INVALID, "This is not text in UTF-8. Save the list as csv in UTF-8, or as xlsx."),
    "header-missing": Reason(Kind.INVALID, "The first line of column A must be MAC."),
    "list-empty": Reason(Kind.INVALID, "There is no MAC below the first line."),
    "rows-too-many": Reason(Kind.INVALID, "A list has at most 100,000 lines. Split it."),
    "import-not-judged": Reason(Kind.CONFLICT, "The list is not complete yet."),
    "import-over": Reason(Kind.CONFLICT, "This import has been started or abandoned."),
    "part-out-of-order": Reason(Kind.CONFLICT, "Another part of the list comes next."),
}
