"""Lists of MACs as files: the one that comes in, the template that goes out, and the lines that were refused.

The rule it protects: a file is read in a process of its own, within bounds, and whatever is in it, this one lives on.
A repeat under the same Idempotency-Key goes on where it was interrupted.
"""

import asyncio
import csv
import io
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from urllib.parse import unquote
from uuid import UUID, uuid5

import structlog
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, HeaderParameter
from openpyxl import Workbook
from openpyxl.styles import Font

from contracts.characters import showable
from contracts.devices.imports import (
    IMPORT_CHUNK_ROWS,
    IMPORT_CHUNK_ROWS_WITH_CODES,
    ImportedRow,
    ListRefusedRows,
    OpenMacImport,
    RefusedRow,
    RefusedRows,
    RowFault,
    StageMacRows,
)
from contracts.message import Accepted, Refused
from contracts.notations import label_code
from contracts.permissions import objection
from contracts.refusals import REFUSALS
from services.gateway.asking.asking import Asking, Sending
from services.gateway.guards.sessions import settled, signed_in
from services.gateway.http.problems import Problem
from services.gateway.http.receiving import FILE_LIMIT_BYTES
from services.gateway.library import spreadsheets
from services.gateway.library.upload_turns import UploadTurns

_READING_TIMEOUT_S = 30.0

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TYPES = frozenset(
    {
        XLSX,
        "application/vnd.ms-excel",
        "application/vnd.oasis.opendocument.spreadsheet",
        "text/csv",
        "application/csv",
        "application/octet-stream",
    }
)
_UNNAMED = "list"
_NAME_MAX = 200
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_log = structlog.get_logger()

FileName = Annotated[
    str,
    HeaderParameter(
        name="Smartplus-File-Name",
        description="What the file is called, percent-encoded",
        schema_extra={"maxLength": 4096, "pattern": r"^[\x21-\x7e]*$"},
    ),
]


@dataclass
class _WithFile(Operation):
    """The body is the file itself, which Litestar cannot know of a handler that reads the request."""

    def __post_init__(self) -> None:
        file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.request_body = RequestBody({each: OpenAPIMediaType(schema=file) for each in sorted(_TYPES)}, required=True)


class MacUploadController(Controller):
    path = "/macs"
    tags = ["macs"]
    guards = [signed_in, settled]

    @post(
        "/imports",
        operation_id="OpenMacImport",
        status_code=201,
        summary="Hand over a list of MACs as xlsx, xls, ods or csv; it is judged, and nothing is registered yet",
        operation_class=_WithFile,
        request_max_body_size=FILE_LIMIT_BYTES,
    )
    async def open_import(
        self, request: Request[Any, Any, State], sending: NamedDependency[Sending], file_name: FileName = ""
    ) -> Response[Accepted]:
        import_id = sending.id_of(OpenMacImport)
        named = _name(file_name)
        _refuse_whom_it_is_not_for(sending, import_id, named)
        turns = _turns(request.app.state)
        tenant = sending.actor.installer_id or sending.actor.distributor_id or sending.actor.account_id
        async with turns.upload(tenant):
            file = await _body(request)
            async with turns.reading(tenant):
                rows = await read_apart(file, with_codes=sending.actor.installer_id is None)
            del file
            accepted = await _hand_over(sending, import_id, named, rows)
        return sending.answered(accepted.model_copy(update={"id": str(import_id)}), 201)

    @get(
        "/template.xlsx",
        operation_id="GetMacTemplate",
        summary="The list to fill in: MAC in column A, from line 2 on; B to G stay empty, but for codes on labels in B",
        media_type=XLSX,
    )
    async def get_template(self) -> Response[bytes]:
        return _download(template(), "mac-template.xlsx", XLSX)

    @get(
        "/imports/{import_id:uuid}/refused.csv",
        operation_id="GetRefusedRows",
        summary="The refused lines of an import as a file, each with its reason",
        media_type="text/csv",
    )
    async def get_refused(self, import_id: FromPath[UUID], asking: NamedDependency[Asking]) -> Response[bytes]:
        lines: list[RefusedRow] = []
        cursor: str | None = None
        while True:
            query = ListRefusedRows(actor=asking.actor, import_id=str(import_id), cursor=cursor)
            page = await asking.view(query, RefusedRows)
            lines += page.rows
            if (cursor := page.next) is None:
                break
        return _download(refused_csv(lines), f"refused-{import_id}.csv", "text/csv")


async def read_apart(file: bytes, *, with_codes: bool = False) -> list[ImportedRow]:
    """The rows of the file, read by another process; `with_codes`, with the codes on labels in column B.

    Raises `Refused` with the reason why it is no list.
    """
    # Isolated and without an environment: no secret of ours is in there.
    command = [sys.executable, "-I", spreadsheets.__file__, *(["codes"] if with_codes else [])]
    reader = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={})
    try:
        async with asyncio.timeout(_READING_TIMEOUT_S):
            answer, _ = await reader.communicate(file)
    except TimeoutError:
        raise _refused("file-too-slow") from None
    finally:
        if reader.returncode is None:
            reader.kill()
            await reader.wait()
    if reader.returncode:
        _log.warning("list-not-read", bytes=len(file), returncode=reader.returncode)
        raise _refused(_CODE_OF_DEATH.get(reader.returncode, "file-broken"))
    told = json.loads(answer)
    if "refused" in told:
        raise _refused(told["refused"])
    return [_row(*each) for each in told["rows"]]


def _row(line: int, text: str, fault: str | None, code: str | None) -> ImportedRow:
    """A row whose code is none is refused for its column, as a row is that has anything else there."""
    try:
        read = label_code(code) if code and fault is None else None
    except ValueError:
        read, fault = None, RowFault.COLUMNS_NOT_EMPTY
    return ImportedRow(line=line, text=text, fault=fault, code=read)


# Out of memory, Rust aborts and the kernel kills; out of processor time there is a signal of its own.
_CODE_OF_DEATH = {-6: "file-too-large", -9: "file-too-large", -11: "file-too-large", -24: "file-too-slow"}


@cache
def template() -> bytes:
    """The spreadsheet that lists are made from (M-04..M-06): column A is text, so that no digit is lost."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "MAC"
    sheet["A1"] = "MAC"
    sheet["A1"].font = Font(bold=True)
    sheet.column_dimensions["A"].width = 20
    sheet.column_dimensions["A"].number_format = "@"
    sheet.freeze_panes = "A2"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def refused_csv(lines: list[RefusedRow]) -> bytes:
    """The lines as a table that no spreadsheet program takes for formulas, with the mark by which Excel knows UTF-8."""
    written = io.StringIO(newline="")
    table = csv.writer(written, quoting=csv.QUOTE_ALL)
    table.writerow(("Line", "Content", "Code", "Reason"))
    table.writerows((each.line, _inert(each.text), each.code, REFUSALS[each.code].sentence) for each in lines)
    return written.getvalue().encode("utf-8-sig")


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _download(content: bytes, name: str, media_type: str) -> Response[bytes]:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _turns(state: State) -> UploadTurns:
    if "upload_turns" not in state:
        state["upload_turns"] = UploadTurns()
    turns: UploadTurns = state["upload_turns"]
    return turns


def _name(file_name: str) -> str:
    """What the file is called, without its folders: a label, which never decides over the work."""
    name = unquote(file_name, errors="replace").replace("\\", "/").rpartition("/")[2].strip()
    return showable(name[-_NAME_MAX:], _NAME_MAX) or _UNNAMED


def _refuse_whom_it_is_not_for(sending: Sending, import_id: UUID, named: str) -> None:
    """Nobody has a file read who could not import it; and what the file is called is looked at first."""
    opening = sending.worded(OpenMacImport, import_id, import_id=str(import_id), file_name=named, rows=0)
    if refusal := objection(opening):
        raise Refused(refusal.code, refusal.detail)


async def _body(request: Request[Any, Any, State]) -> bytes:
    media_type, _ = request.content_type
    if media_type not in _TYPES:
        raise Problem(415, "unsupported-media-type", "The body must be an xlsx, xls, ods or csv file.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "unsupported-media-type", "The body must not be compressed.")
    return await request.body()


async def _hand_over(sending: Sending, import_id: UUID, named: str, rows: list[ImportedRow]) -> Accepted:
    here = str(import_id)
    accepted = await sending.send(OpenMacImport, import_id, import_id=here, file_name=named, rows=len(rows))
    size = IMPORT_CHUNK_ROWS_WITH_CODES if any(row.code for row in rows) else IMPORT_CHUNK_ROWS
    for part, start in enumerate(range(0, len(rows), size)):
        some = tuple(rows[start : start + size])
        accepted = await sending.send(
            StageMacRows, uuid5(import_id, f"part/{part}"), import_id=here, part=part, rows=some
        )
    return accepted


def _refused(code: str) -> Refused:
    return Refused(code, REFUSALS[code].sentence)
