"""Lists of MACs as programs write them, each by the rules of its format: ten of each origin, all with the same MACs.

Made here and not kept as files, so that what is odd about each stands beside its name.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from tests.gateway.library.lists import cell, ods, packed, parts, xls

MACS = ("0C110512BC97", "0C110512BC98")
COLONS = tuple(":".join(re.findall("..", mac)) for mac in MACS)
Parts = dict[str, bytes | str]
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_WORKSHEET = 'Target="worksheets/sheet1.xml"'
_RELS = "xl/_rels/workbook.xml.rels"
_SHEET = "xl/worksheets/sheet1.xml"
_STRINGS = "xl/sharedStrings.xml"


def _plain(macs: Iterable[str] = MACS) -> Parts:
    return parts("".join(cell(line, text) for line, text in enumerate(("MAC", *macs), 1)))


def _shared(macs: Iterable[str] = MACS, strings: str = _STRINGS, more: str = "") -> Parts:
    """Texts in a table of their own, as Excel keeps them; `more` stands in front of the rows."""
    texts = ["MAC", *macs]
    rows = "".join(
        f'<row r="{n}" spans="1:1"><c r="A{n}" s="1" t="s"><v>{n - 1}</v></c></row>' for n in range(1, len(texts) + 1)
    )
    made = parts(rows)
    made[_SHEET] = str(made[_SHEET]).replace("<sheetData>", f"{more}<sheetData>")
    table = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
    made[strings] = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        f'count="{len(texts)}" uniqueCount="{len(texts)}">{table}</sst>'
    )
    return made


def _changed(made: Parts, part: str, old: str, new: str) -> Parts:
    assert old in str(made[part])
    return {**made, part: str(made[part]).replace(old, new)}


def _renamed(made: Parts, old: str, new: str) -> Parts:
    return {(new if name == old else name): content for name, content in made.items()}


def _strict(made: Parts) -> Parts:
    spaces = {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "http://purl.oclc.org/ooxml/spreadsheetml/main",
        f"{_OFFICE}/relationships": "http://purl.oclc.org/ooxml/officeDocument/relationships",
    }
    changed = {}
    for name, content in made.items():
        for old, new in spaces.items():
            content = str(content).replace(old, new)
        changed[name] = content
    return changed


def _prefixed(made: Parts) -> Parts:
    """Every element under a prefix of its own, as writers by the Open XML SDK do it."""
    tags = re.compile(r"<(/?)(workbook|sheets|sheet|worksheet|sheetData|row|c|is|t|v|sst|si)\b")
    return {
        name: tags.sub(r"<\1x:\2", str(content)).replace(
            'xmlns="http://schemas.openxmlformats.org/s', 'xmlns:x="http://schemas.openxmlformats.org/s'
        )
        if name in ("xl/workbook.xml", _SHEET, _STRINGS)
        else content
        for name, content in made.items()
    }


def _without_references(made: Parts) -> Parts:
    return {**made, _SHEET: re.sub(r' r="[A-Z]*\d+"', "", str(made[_SHEET]))}


def _elsewhere(made: Parts, folder: str) -> Parts:
    """The whole workbook in another folder; only its relations say where."""
    return {
        name.replace("xl/", f"{folder}/"): str(content).replace("xl/", f"{folder}/") for name, content in made.items()
    }


def _with_sheet_before(made: Parts, name: str, rows: str) -> Parts:
    made = _changed(made, "xl/workbook.xml", "<sheets>", f'<sheets><sheet name="{name}" sheetId="9" r:id="rId9"/>')
    kind = f"{_OFFICE}/relationships/worksheet"
    made = _changed(
        made,
        _RELS,
        "</Relationships>",
        f'<Relationship Id="rId9" Type="{kind}" Target="worksheets/sheet9.xml"/></Relationships>',
    )
    return {**made, "xl/worksheets/sheet9.xml": parts(rows)[_SHEET]}


def _text(lines: Iterable[str], *, encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    return "".join(f"{line}{end}" for line in lines).encode(encoding)


def _openpyxl(write: Callable[[Workbook], None], *, write_only: bool = False) -> bytes:
    book = Workbook(write_only=write_only)
    write(book)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _in_cells(book: Workbook) -> None:
    sheet = book.active
    assert sheet is not None
    for text in ("MAC", *COLONS):
        sheet.append([text])
    sheet["A1"].font = Font(bold=True)


def _in_a_stream(book: Workbook) -> None:
    sheet = book.create_sheet("export")
    for text in ("MAC", *MACS):
        sheet.append([WriteOnlyCell(sheet, text)])


def _flat_zip(made: Parts, order: Callable[[str], object]) -> bytes:
    """With its parts in another order, and data descriptors instead of sizes, as streams are written."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(made, key=order):
            with archive.open(name, "w", force_zip64=True) as part:
                content = made[name]
                part.write(content if isinstance(content, bytes) else content.encode())
    return written.getvalue()


def _quoted(rows: Iterable[str], delimiter: str) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([row, "", ""] for row in rows)
    return written.getvalue().encode("utf-8-sig")


def _ods(change: Callable[[str], str]) -> bytes:
    """As LibreOffice writes it, with `change` made to its content."""
    with zipfile.ZipFile(io.BytesIO(ods([[mac] for mac in MACS]))) as archive:
        made: Parts = {name: archive.read(name) for name in archive.namelist()}
    made["content.xml"] = change(bytes(made["content.xml"]).decode())
    return packed({**made, "styles.xml": "<office:document-styles/>", "Thumbnails/thumbnail.png": b"\x89PNG"})


EXCEL: dict[str, Callable[[], bytes]] = {
    "shared strings": lambda: packed(_shared()),
    "its dimension, views and columns in front": lambda: packed(
        _shared(
            more='<dimension ref="A1:A3"/><sheetViews><sheetView workbookViewId="0"/></sheetViews>'
            '<cols><col min="1" max="1" width="20"/></cols>'
        )
    ),
    "rich text": lambda: packed(
        _changed(
            _shared(),
            _STRINGS,
            f'<si><t xml:space="preserve">{MACS[0]}</t></si>',
            f"<si><r><t>{MACS[0][:6]}</t></r><r><rPr><b/></rPr><t>{MACS[0][6:]}</t></r></si>",
        )
    ),
    "strict": lambda: packed(_strict(_shared())),
    "a target from the root": lambda: packed(
        _changed(_shared(), _RELS, _WORKSHEET, 'Target="/xl/worksheets/sheet1.xml"')
    ),
    "Excel 97": lambda: xls(MACS),
    "CSV UTF-8": lambda: b"\xef\xbb\xbf" + _text(("MAC", *MACS)),
    "CSV of a country with semicolons": lambda: _text(("MAC;;", *(f"{mac};;" for mac in MACS))),
    "Unicode text": lambda: _text(("MAC\t", *(f"{mac}\t" for mac in MACS)), encoding="utf-16"),
    "CSV that says its separator": lambda: _text(("sep=;", "MAC;", *(f"{mac};" for mac in MACS))),
}

LIBREOFFICE: dict[str, Callable[[], bytes]] = {
    "ods": lambda: _ods(str),
    "ods with styles at its cells": lambda: _ods(
        lambda xml: xml.replace(
            "<table:table-cell ", '<table:table-cell table:style-name="ce1" calcext:value-type="string" '
        ).replace(
            "xmlns:text=",
            'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0" xmlns:text=',
        )
    ),
    "ods with a million empty rows": lambda: _ods(
        lambda xml: xml.replace(
            "</table:table>",
            '<table:table-row table:number-rows-repeated="1048573"><table:table-cell '
            'table:number-columns-repeated="16384"/></table:table-row></table:table>',
        )
    ),
    "ods with spans in its texts": lambda: _ods(
        lambda xml: xml.replace(MACS[0], f'{MACS[0][:6]}<text:span text:style-name="T1">{MACS[0][6:]}</text:span>')
    ),
    "ods with columns described": lambda: _ods(
        lambda xml: xml.replace(
            'table:name="MAC">', 'table:name="MAC"><table:table-column table:number-columns-repeated="7"/>'
        )
    ),
    "ods with no compression": lambda: _stored(_ods(str)),
    "xlsx": lambda: packed(
        _shared(more='<sheetPr filterMode="false"><pageSetUpPr fitToPage="false"/></sheetPr><dimension ref="A1:A3"/>')
    ),
    "csv, every text quoted": lambda: _quoted(("MAC", *MACS), ","),
    "csv with tabs": lambda: _quoted(("MAC", *MACS), "\t"),
    "csv in UTF-16": lambda: _text(("MAC", *MACS), encoding="utf-16", end="\n"),
}


def _stored(file: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return packed({name: archive.read(name) for name in archive.namelist()}, zipfile.ZIP_STORED)


_SUMMARY = cell(1, "This document was exported from Numbers. Each table was converted to an Excel worksheet.")

NUMBERS: dict[str, Callable[[], bytes]] = {
    "one table": lambda: packed(_shared()),
    "a summary of its tables first": lambda: packed(_with_sheet_before(_shared(), "Export Summary", _SUMMARY)),
    "a summary in German": lambda: packed(_with_sheet_before(_shared(), "Exportübersicht", cell(2, "Übersicht"))),
    "the name of its table above": lambda: packed(
        parts("".join(cell(n, text) for n, text in enumerate(("Table 1", "MAC", *MACS), 1)))
    ),
    "a summary, and the name above": lambda: packed(
        _with_sheet_before(
            parts("".join(cell(n, text) for n, text in enumerate(("Table 1", "MAC", *MACS), 1))),
            "Export Summary",
            _SUMMARY,
        )
    ),
    "targets that begin with ./": lambda: packed(
        _changed(_shared(), _RELS, _WORKSHEET, 'Target="./worksheets/sheet1.xml"')
    ),
    "parts in another order": lambda: _flat_zip(_shared(), lambda name: name[::-1]),
    "csv": lambda: _text(("MAC", *MACS), end="\n"),
    "csv with semicolons": lambda: _text(("MAC;", *(f"{mac};" for mac in COLONS)), end="\n"),
    "csv with the name of its table": lambda: _text(("Table 1", "MAC", *MACS), end="\n"),
}

OTHERS: dict[str, Callable[[], bytes]] = {
    "openpyxl": lambda: _openpyxl(_in_cells),
    "openpyxl, in a stream": lambda: _openpyxl(_in_a_stream, write_only=True),
    "Google Sheets": lambda: packed(_without_references(_plain(COLONS))),
    "parts whose names differ in case": lambda: packed(
        _renamed(_renamed(_shared(), _SHEET, "xl/Worksheets/Sheet1.xml"), _STRINGS, "xl/SharedStrings.XML")
    ),
    "everything in capitals": lambda: packed({name.upper(): content for name, content in _shared().items()}),
    "targets up and down again": lambda: packed(
        _changed(
            _changed(_shared(), _RELS, _WORKSHEET, 'Target="../xl/worksheets/sheet1.xml"'),
            _RELS,
            'Target="sharedStrings',
            'Target="xl/sharedStrings',
        )
    ),
    "names with backslashes": lambda: packed(
        {
            name.replace("/", "\\"): content
            for name, content in _changed(_shared(), _RELS, _WORKSHEET, 'Target="worksheets\\sheet1.xml"').items()
        }
    ),
    "a workbook in another folder": lambda: packed(_elsewhere(_prefixed(_shared()), "book")),
    "csv with MACs kept from being numbers": lambda: _text(('"MAC Address"', *(f'="{mac}"' for mac in MACS))),
    "csv with labels and signs": lambda: _text(
        ("\ufeffMAC|", f"MAC: {COLONS[0]}\u200b|", f"‘{'–'.join(re.findall('..', MACS[1]))}’|")
    ),
}

ORIGINS = {"Excel": EXCEL, "LibreOffice": LIBREOFFICE, "Numbers": NUMBERS, "others": OTHERS}
