"""Lists of MACs as files, honest and hostile, made byte by byte where no honest program would write them."""

import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from openpyxl import Workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_MACRO_TYPE = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"


def csv(*lines: str, end: str = "\n") -> bytes:
    return "".join(line + end for line in ("MAC", *lines)).encode()


def xlsx(rows: Iterable[Sequence[object]]) -> bytes:
    """As openpyxl writes it; a text that begins with `=` becomes a formula."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["MAC"])
    for row in rows:
        sheet.append(list(row))
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def packed(parts: dict[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return written.getvalue()


def parts(rows: str, **more: bytes | str) -> dict[str, bytes | str]:
    """The parts of a workbook whose only sheet has these rows, in XML."""
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        '<sheets><sheet name="MAC" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>',
        **more,
    }


def cell(line: int, text: str) -> str:
    return f'<row r="{line}"><c r="A{line}" t="inlineStr"><is><t>{escape(text)}</t></is></c></row>'


def long_xlsx(macs: Iterable[str]) -> bytes:
    """As Excel writes it: texts in a table of their own, attributes at every row."""
    texts = ["MAC", *macs]
    rows = "".join(
        f'<row r="{line}" spans="1:1" x14ac:dyDescent="0.25"><c r="A{line}" s="1" t="s"><v>{line - 1}</v></c></row>'
        for line in range(1, len(texts) + 1)
    )
    made = parts(rows)
    made["xl/worksheets/sheet1.xml"] = str(made["xl/worksheets/sheet1.xml"]).replace(
        "<worksheet ", '<worksheet xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac" ', 1
    )
    strings = "".join(f"<si><t>{text}</t></si>" for text in texts)
    made["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}" count="{len(texts)}">{strings}</sst>'
    return packed(made)


def with_macros(macs: Iterable[str]) -> bytes:
    """An xlsm, whatever it is called."""
    made = parts("".join(cell(line, text) for line, text in enumerate(["MAC", *macs], 1)))
    made["[Content_Types].xml"] = str(made["[Content_Types].xml"]).replace(_SHEET_TYPE, _MACRO_TYPE)
    made["xl/vbaProject.bin"] = b"\xcc\x61" * 100
    return packed(made)


def ods(rows: Iterable[Sequence[object]], manifest: str = "") -> bytes:
    """A formula is a text that begins with `=`; its value is the word after it."""

    def _cell(value: object) -> str:
        if isinstance(value, str) and value.startswith("="):
            text = value.partition(" ")[2]
            value_type = f'office:value-type="string" table:formula={quoteattr("of:" + value.split()[0])}'
            return f"<table:table-cell {value_type}><text:p>{text}</text:p></table:table-cell>"
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, int):
            kind = f'office:value-type="float" office:value="{value}"'
            return f"<table:table-cell {kind}><text:p>{value}</text:p></table:table-cell>"
        return f'<table:table-cell office:value-type="string"><text:p>{escape(str(value))}</text:p></table:table-cell>'

    table: list[Sequence[object]] = [["MAC"], *rows]
    body = "".join(f"<table:table-row>{''.join(_cell(each) for each in row)}</table:table-row>" for row in table)
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="MAC">{body}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            "META-INF/manifest.xml": "<manifest:manifest "
            f'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{manifest}</manifest:manifest>',
        }
    )


# --- Excel 97 ---------------------------------------------------------------------------------------------------------


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _biff(rows: Sequence[object]) -> bytes:
    """A workbook stream with one sheet: texts as LABEL records, numbers as NUMBER records."""
    name = b"MAC"
    globals_end = _record(0x0A)
    begin = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0x600))
    encoded = _record(0x42, struct.pack("<H", 1200))
    sheet_at = len(begin) + len(encoded) + 4 + 8 + len(name) + len(globals_end)
    bound = _record(0x85, struct.pack("<IBBBB", sheet_at, 0, 0, len(name), 0) + name)
    cells = b""
    for row, value in enumerate(rows):
        if isinstance(value, str):
            text = value.encode("utf-16-le")
            cells += _record(0x204, struct.pack("<HHHHB", row, 0, 0, len(value), 1) + text)
        elif isinstance(value, int):
            cells += _record(0x203, struct.pack("<HHHd", row, 0, 0, value))
    sheet = (
        _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0x600))
        + _record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, 1, 0))
        + cells
        + _record(0x0A)
    )
    return begin + encoded + bound + globals_end + sheet


def compound(stream: str, content: bytes) -> bytes:
    """An OLE compound file with one stream."""
    content = content.ljust(4096, b"\0")
    content += b"\0" * (-len(content) % 512)
    sectors = len(content) // 512
    end, free, fat_mark = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    # Sector 0 is the allocation table, sector 1 the directory, the stream follows.
    table = [fat_mark, end, *range(3, sectors + 2), end]
    assert len(table) <= 128
    table += [free] * (128 - len(table))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        encoded = name.encode("utf-16-le")
        return (
            encoded.ljust(64, b"\0")
            + struct.pack("<HBBIII", len(encoded) + 2 if name else 0, kind, 1, free, free, child)
            + bytes(36)
            + struct.pack("<IQ", start, size)
        )

    directory = entry("Root Entry", 5, 1, end, 0) + entry(stream, 2, free, 2, len(content))
    directory += entry("", 0, free, 0, 0) * 2
    header = (
        bytes.fromhex("d0cf11e0a1b11ae1")
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
        + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0)
        + struct.pack("<I", 0)
        + struct.pack("<I", free) * 108
    )
    return header + struct.pack("<128I", *table) + directory + content


def xls(values: Sequence[object]) -> bytes:
    return compound("Workbook", _biff(["MAC", *values]))
