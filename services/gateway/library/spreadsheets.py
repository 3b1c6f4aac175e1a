"""Reads an uploaded list of MACs: xlsx, xls, ods or csv, told apart by what is in them. Run as a process of its own.

The rule it protects: whatever somebody uploads, at worst this process dies. It gets the file on its standard input, no
environment, no files, little memory and little time, and answers with rows or with the code of a refusal, in JSON.
It imports nothing of this project, so that it starts quickly and there is nothing here to reach.
"""

import csv
import datetime
import io
import json
import posixpath
import re
import resource
import stat
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice
from urllib.parse import unquote
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

MEMORY_BYTES = 256 * 2**20
PROCESSOR_S = 15
ROWS_MAX = 100_000
TEXT_MAX = 64

UNPACKED_BYTES_MAX = 64 * 2**20
RATIO_MAX = 100
"""Unpacked to packed, for what is large: lists of MACs reach 20."""
_LARGE_BYTES = 2**20
_ENTRIES_MAX = 500
_CHUNK_BYTES = 2**18

_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")
_BINARY = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\x7fELF")
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FORMULA_STARTS = ("=", "+", "-", "@")
_HEADERS = frozenset({"mac", "macs", "macaddress", "macaddr", "macadresse", "macid", "macno"})
# Exports write `="0C1105…"` so that no program takes a MAC for a number.
_LITERAL = re.compile(r'="([^"=]*)"')
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n)', re.IGNORECASE)
_SEPARATORS = ",;\t|"
_SHEETS_LOOKED_AT = 4
_WITH_CODES = "codes"
_UNSEEN = frozenset("\u034f\u115f\u1160\u3164\uffa0\ufffc") | {chr(point) for point in range(0xFE00, 0xFE10)}

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"

_TYPES = "[content_types].xml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
# Where the reader looks for them, whatever a workbook says.
_FIXED = {"sharedstrings": "sharedStrings", "styles": "styles"}
_ODD = re.compile(r"\\|%|^\.|/\.|//")

# Cells of column A that calamine shows as their last value (formulas) or as nothing (errors).
_CELL = re.compile(
    rb"<(?:\w+:)?c\s(?P<attributes>[^>]*)>\s*"
    rb"(?:(?P<formula><(?:\w+:)?f[\s/>])|(?:<(?:\w+:)?v>(?P<value>[^<]{0,64})))"
)
_IN_COLUMN_A = re.compile(rb'\br="A([0-9]{1,7})"')
_CELL_BEGINS = re.compile(rb"<(?:\w+:)?c\s")
_ODS_ROW = re.compile(rb"<table:table-row\b([^>]*)>(?:\s*<table:table-cell\b([^>]*)>)?")
_ODS_REPEATED = re.compile(rb'table:number-rows-repeated="([0-9]{1,7})"')

Cell = str | float | bool | datetime.date | datetime.time | datetime.timedelta
Line = tuple[int, list[Cell], str | None]
"""A line of the file, its cells, and a mark that says what the cell in column A really is."""
Row = tuple[int, str, str | None, str | None]
"""A line of the file, what stands in its column A, the code of what is wrong with it, if that is clear already, and
what stands in its column B, where that is read."""


class Unreadable(Exception):
    """The file is refused; the first argument is the code of the reason."""


def read(file: bytes, *, with_codes: bool = False) -> list[Row]:
    """The rows below the header, in order; `with_codes`, with what stands in column B, which is else to be empty.

    Raises `Unreadable`, and whatever a broken file makes its readers raise.
    """
    return _judged(_lines_of(file), beside=2 if with_codes else 1)


def _lines_of(file: bytes) -> Iterable[Line]:
    if file.startswith(_ZIP):
        return _of_archive(file)
    if file.startswith(_OLE):
        return _of_xls(file)
    return _of_text(file)


# --- Rows -------------------------------------------------------------------------------------------------------------


def _judged(lines: Iterable[Line], *, beside: int) -> list[Row]:
    """Rows with their lines, the header first. From column `beside` on, counted from 0, nothing may stand."""
    judged: list[Row] = []
    waiting: list[Row] = []
    began = False
    for line, cells, mark in lines:
        if not began:
            if line == 1 and _is_title(cells):
                continue
            began = True
            if not _is_header(cells):
                raise Unreadable("header-missing")
            if any(map(_is_filled, cells[beside:])):
                judged.append((line, "MAC", "columns-not-empty", None))
            continue
        text, fault = _judged_cell(cells[0] if cells else "", mark)
        code = cells[1] if beside > 1 and len(cells) > 1 and _is_filled(cells[1]) else None
        if any(map(_is_filled, cells[beside:])):
            fault = "columns-not-empty"
        elif code is not None and not isinstance(code, str):
            fault = fault or "cell-not-text"  # a number has lost its leading zeros
        if fault == "row-empty" and code is None:
            if len(waiting) <= ROWS_MAX:  # lines below the last MAC are nobody's
                waiting.append((line, text, fault, None))
            continue
        judged += waiting
        waiting.clear()
        judged.append((line, text, fault, code[: 4 * TEXT_MAX] if isinstance(code, str) else None))
        if len(judged) > ROWS_MAX:
            raise Unreadable("rows-too-many")
    if not judged:
        raise Unreadable("list-empty" if began else "header-missing")
    return judged


def _is_header(cells: list[Cell]) -> bool:
    return bool(cells) and isinstance(cells[0], str) and _letters(cells[0]) in _HEADERS


def _is_title(cells: list[Cell]) -> bool:
    """Whether only the name of the table stands there, as Numbers writes it above the header."""
    return bool(cells) and _is_filled(cells[0]) and not _is_header(cells) and not any(map(_is_filled, cells[1:]))


def _letters(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum())


def _is_filled(cell: Cell) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else True


def _judged_cell(cell: Cell, mark: str | None) -> tuple[str, str | None]:
    if mark == "formula":
        return _shown(_written(cell)) or "=", "cell-is-formula"
    if mark is not None:
        return _shown(mark), "cell-not-text"
    if not isinstance(cell, str):
        return _shown(_written(cell)), "cell-not-text"
    text = cell.strip()
    if literal := _LITERAL.fullmatch(text):
        text = literal[1]
    if not text:
        return "", "row-empty"
    if text.startswith(_FORMULA_STARTS):
        return _shown(text), "cell-is-formula"
    return _shown(text), None


def _written(cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def _shown(text: str) -> str:
    """The beginning of the text as it is seen: spaces for what parts, nothing for what shows nothing."""
    seen = "".join(map(_seen, text[: 4 * TEXT_MAX]))
    return seen.strip()[:TEXT_MAX]


def _seen(character: str) -> str:
    if character.isprintable():
        return "" if character in _UNSEEN else character
    match unicodedata.category(character):
        case "Zs":
            return character
        case "Zl" | "Zp":
            return " "
        case "Cf":
            return ""
        case "Cc":
            return " " if character.isspace() else "\ufffd"
        case "Cn" | "Co" if not _is_noncharacter(ord(character)):
            return character  # assigned after this Python was made, or by whoever made the font
        case _:
            return "\ufffd"


def _is_noncharacter(point: int) -> bool:
    return 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE


# --- Text -------------------------------------------------------------------------------------------------------------


def _of_text(file: bytes) -> Iterable[Line]:
    if file.startswith(_BINARY):
        raise Unreadable("file-unknown")
    is_utf_16 = file.startswith(_UTF16_MARKS)
    if not is_utf_16 and file[:64].count(0) > 8:
        raise Unreadable("file-not-utf-8")
    try:
        text = file.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("file-not-utf-8") from None
    if text.lstrip()[:1] in ("<", "{"):
        raise Unreadable("file-unknown")
    return _lines(text)


def _lines(text: str) -> Iterator[Line]:
    csv.field_size_limit(len(text) + 1)
    said = _SEPARATOR_LINE.match(text)
    text = text[said.end() :] if said else text
    separator = said[1] if said else max(_SEPARATORS, key=text[:4096].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    above = 1 if said else 0
    line = 1 + above
    try:
        for cells in reader:
            yield line, list(cells), None
            line = reader.line_num + 1 + above
    except csv.Error:
        raise Unreadable("file-broken") from None


# --- Spreadsheets -----------------------------------------------------------------------------------------------------


def _of_archive(file: bytes) -> Iterable[Line]:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        _check_entries(archive)
        names = {_part(name): name for name in archive.namelist()}
        is_xlsx = _TYPES in names
        if not is_xlsx and not {"mimetype", "content.xml"} <= names.keys():
            raise Unreadable("file-unknown")
        if any(name.endswith("vbaproject.bin") for name in names) or b"macroEnabled" in (
            archive.read(names[_TYPES]) if is_xlsx else b""
        ):
            raise Unreadable("file-has-macros")
        if not is_xlsx and b"encryption-data" in _small(archive, names.get("meta-inf/manifest.xml", "")):
            raise Unreadable("file-encrypted")
        _check_parts(archive)
        if is_xlsx:
            return _of_package(_Package(archive, names), file)
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(file))
        sheet = _of_macs(workbook)
        return _of_sheet(workbook, sheet, _ods_marks(archive, sheet))


class _Package:
    """An archive by the rules of its format: names of parts have no case, targets are relative to who names them."""

    def __init__(self, archive: zipfile.ZipFile, names: dict[str, str]) -> None:
        self.archive = archive
        self._names = names
        starts = self._relations("")
        self.book = next((part for _, kind, part in starts if kind.endswith("/officedocument")), "xl/workbook.xml")
        if self.book not in names:
            raise Unreadable("file-unknown")
        self.relations = self._relations(self.book)

    def name(self, part: str) -> str:
        """What the part is called in the archive. Raises `LookupError`."""
        return self._names[part]

    @property
    def is_plain(self) -> bool:
        """Whether every program finds its parts, without knowing the rules."""
        starts = (each.get("Target", "") for each in self._told(""))
        targets = [each.get("Target", "") for each in self._told(self.book)]
        beside = (each if each.startswith("/") else f"xl/{each}" for each in targets)
        misplaced = any(
            part != f"xl/{_FIXED[kind.rpartition('/')[2]]}.xml".lower()
            for _, kind, part in self.relations
            if kind.rpartition("/")[2] in _FIXED
        )
        odd = any(
            _ODD.search(target) or _part(part) not in self._names for target, part in zip(targets, beside, strict=True)
        )
        return self.book == "xl/workbook.xml" and not misplaced and not odd and not any(map(_ODD.search, starts))

    def plain(self) -> bytes:
        """The same workbook with its parts where every program finds them."""
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as plain:
            self._copy(plain, self._names[_TYPES], "[Content_Types].xml")
            self._copy(plain, self._names[self.book], "xl/workbook.xml")
            lines = []
            for number, (id, kind, part) in enumerate(self.relations):
                is_sheet = kind.endswith("/worksheet")
                name = f"sheet{number}" if is_sheet else _FIXED.get(kind.rpartition("/")[2])
                if name and part in self._names:
                    self._copy(plain, self._names[part], f"xl/{name}.xml")
                    type = f"{_OFFICE}/{'worksheet' if is_sheet else name}"
                    lines.append(f'<Relationship Id="{escape(id)}" Type="{type}" Target="{name}.xml"/>')
            rels = f'<Relationships xmlns="{_PACKAGE}">{"".join(lines)}</Relationships>'
            plain.writestr("xl/_rels/workbook.xml.rels", rels)
            start = f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
            plain.writestr("_rels/.rels", f'<Relationships xmlns="{_PACKAGE}">{start}</Relationships>')
        return written.getvalue()

    def _copy(self, plain: zipfile.ZipFile, name: str, to: str) -> None:
        with self.archive.open(name) as part, plain.open(to, "w") as copy:
            while chunk := part.read(_CHUNK_BYTES):
                copy.write(chunk)

    def _relations(self, part: str) -> list[tuple[str, str, str]]:
        """Id, kind and part of each relation that `part` has; the kind in small letters."""
        return [
            (each.get("Id", ""), each.get("Type", "").lower(), self._resolved(part, each.get("Target", "")))
            for each in self._told(part)
        ]

    def _told(self, part: str) -> list[ElementTree.Element]:
        """The relations of `part` to others of this archive, as they are written."""
        told = _small(self.archive, self._names.get(_rels(part), ""))
        root = ElementTree.fromstring(told) if told else ()  # noqa: S314 (no DOCTYPE: `_check_parts`)
        return [each for each in root if each.get("TargetMode") != "External"]

    def _resolved(self, part: str, target: str) -> str:
        target = target.replace("\\", "/")
        beside = _part(target if target.startswith("/") else f"{posixpath.dirname(part)}/{target}")
        # Some write them from the root, without saying so.
        return beside if beside in self._names or _part(target) not in self._names else _part(target)


def _part(name: str) -> str:
    """The name of a part as all names of parts are compared."""
    return posixpath.normpath(unquote(name).replace("\\", "/").lstrip("/")).lower()


def _rels(part: str) -> str:
    directory, _, name = part.rpartition("/")
    return _part(f"{directory}/_rels/{name}.rels")


def _of_package(package: _Package, file: bytes) -> Iterable[Line]:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(file if package.is_plain else package.plain()))
    sheet = _of_macs(workbook)
    return _of_sheet(workbook, sheet, _xlsx_marks(package, sheet))


def _of_xls(file: bytes) -> Iterable[Line]:
    names = [name.encode("utf-16-le") for name in ("EncryptedPackage", "_VBA_PROJECT")]
    for name, code in zip(names, ("file-encrypted", "file-has-macros"), strict=True):
        if name in file:
            raise Unreadable(code)
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(file))
    return _of_sheet(workbook, _of_macs(workbook), {})


def _of_macs(workbook: CalamineWorkbook) -> int:
    """The first sheet that is seen; where that is a summary, as Numbers writes it, the first that begins with MAC."""
    seen = [
        index
        for index, sheet in enumerate(workbook.sheets_metadata)
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
    ]
    if not seen:
        raise Unreadable("header-missing")
    if len(seen) == 1:
        return seen[0]
    return next((index for index in seen[:_SHEETS_LOOKED_AT] if _begins(workbook, index)), seen[0])


def _begins(workbook: CalamineWorkbook, index: int) -> bool:
    sheet = workbook.get_sheet_by_index(index)
    return sheet.start == (0, 0) and any(_is_header(list(cells)) for cells in islice(sheet.iter_rows(), 2))


def _of_sheet(workbook: CalamineWorkbook, index: int, marks: dict[int, str]) -> Iterable[Line]:
    sheet = workbook.get_sheet_by_index(index)
    if sheet.start != (0, 0):
        raise Unreadable("header-missing")

    def lines() -> Iterator[Line]:
        for line, cells in enumerate(sheet.iter_rows(), 1):
            yield line, list(cells), marks.get(line)
        # Below the last value there may be formulas that have none.
        for line in range(sheet.height + 1, max(marks, default=0) + 1):
            yield line, [], marks.get(line)

    return lines()


def _check_entries(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if len(entries) > _ENTRIES_MAX:
        raise Unreadable("file-too-large")
    for entry in entries:
        is_link = stat.S_ISLNK(entry.external_attr >> 16)
        name = entry.filename.replace("\\", "/")
        if is_link or name.startswith("/") or ".." in name.split("/") or len(name) > 255:
            raise Unreadable("file-hostile")
        if entry.flag_bits & 1:
            raise Unreadable("file-encrypted")


def _check_parts(archive: zipfile.ZipFile) -> None:
    """Unpacks everything once, keeping nothing: what an archive says of its own sizes may be a lie."""
    total = 0
    for entry in archive.infolist():
        unpacked, before, rows = 0, b"", 0
        is_xml = _part(entry.filename).endswith((".xml", ".rels"))
        with archive.open(entry) as part:
            while chunk := part.read(_CHUNK_BYTES):
                if is_xml and not unpacked and not chunk.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
                    raise Unreadable("file-hostile")  # another encoding would hide the rest from us
                unpacked += len(chunk)
                total += len(chunk)
                if is_xml and any(each in before + chunk for each in _DECLARATIONS):
                    raise Unreadable("file-hostile")
                rows += chunk.count(b"<row") + chunk.count(b"<table:table-row")
                before = chunk[-16:]
                if unpacked > _LARGE_BYTES and unpacked > RATIO_MAX * max(1, entry.compress_size):
                    raise Unreadable("file-hostile")
                if total > UNPACKED_BYTES_MAX:
                    raise Unreadable("rows-too-many" if rows > ROWS_MAX else "file-too-large")


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    """A part that is small in every honest file; nothing when it is not there."""
    if name not in archive.namelist():
        return b""
    with archive.open(name) as part:
        return part.read(_LARGE_BYTES)


def _xlsx_marks(package: _Package, index: int) -> dict[int, str]:
    """By line, what calamine does not show of the cells in column A."""
    told = _small(package.archive, package.name(package.book))
    book = ElementTree.fromstring(told)  # noqa: S314 (no DOCTYPE: `_check_parts`)
    sheets = [each for space in (_MAIN, _STRICT) for each in book.iter(f"{space}sheet")]
    relation = sheets[index].get(_RELATION) or sheets[index].get(_STRICT_RELATION)
    target = next(part for id, _, part in package.relations if id == relation)
    marks: dict[int, str] = {}
    with package.archive.open(package.name(target)) as part:
        left = b""
        while chunk := part.read(_CHUNK_BYTES):
            seen = left + chunk
            # The last cell may go on in the next chunk; no cell that matters here is longer than this.
            begun = max((each.start() for each in _CELL_BEGINS.finditer(seen, max(0, len(seen) - 4096))), default=None)
            left = seen[begun:] if begun is not None else seen[-4096:]
            _mark(seen[: len(seen) - len(left)], marks)
        _mark(left, marks)
    return marks


def _mark(xml: bytes, marks: dict[int, str]) -> None:
    for cell in _CELL.finditer(xml):
        attributes = cell["attributes"]
        if (place := _IN_COLUMN_A.search(attributes)) is None:
            continue
        if cell["formula"]:
            marks[int(place[1])] = "formula"
        elif b't="e"' in attributes:
            marks[int(place[1])] = cell["value"].decode("utf-8", "replace")


def _ods_marks(archive: zipfile.ZipFile, index: int) -> dict[int, str]:
    with archive.open("content.xml") as part:
        tables = part.read(UNPACKED_BYTES_MAX).split(b"<table:table ")
    marks: dict[int, str] = {}
    line = 1
    for row in _ODS_ROW.finditer(tables[index + 1] if index + 1 < len(tables) else b""):
        if b"table:formula=" in (row[2] or b""):
            marks[line] = "formula"
        repeated = _ODS_REPEATED.search(row[1])
        line += int(repeated[1]) if repeated else 1
    return marks


_BROKEN = (
    CalamineError,
    ElementTree.ParseError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


# --- The process ------------------------------------------------------------------------------------------------------


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))
    try:
        answer: dict[str, object] = {"rows": read(sys.stdin.buffer.read(), with_codes=_WITH_CODES in sys.argv)}
    except Unreadable as reason:
        answer = {"refused": reason.args[0]}
    except PasswordError:
        answer = {"refused": "file-encrypted"}
    except MemoryError:
        answer = {"refused": "file-too-large"}
    except _BROKEN:
        answer = {"refused": "file-broken"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
