"""Workbooks whose parts call each other in the ways that the rules of the format allow, all with the same MACs."""

from collections.abc import Callable

from tests.gateway.library.lists import cell, packed, parts
from tests.gateway.library.origins import (
    _RELS,
    _SHEET,
    _STRINGS,
    _WORKSHEET,
    Parts,
    _changed,
    _elsewhere,
    _plain,
    _renamed,
    _shared,
)

_TEXTS = 'Target="sharedStrings.xml"'
_START = 'Target="xl/workbook.xml"'
_ANOTHER = parts(cell(1, "MAC") + cell(2, "0C1105FFFFFF"))[_SHEET]


def _sheet_at(target: str, part: str, made: Parts | None = None) -> Parts:
    """The sheet is that part, and the workbook calls it by that target."""
    return _renamed(_changed(made or _shared(), _RELS, _WORKSHEET, f'Target="{target}"'), _SHEET, part)


TARGETS: dict[str, Callable[[], bytes]] = {
    "absolute": lambda: packed(
        _changed(_sheet_at("/xl/worksheets/sheet1.xml", _SHEET), _RELS, _TEXTS, 'Target="/xl/sharedStrings.xml"')
    ),
    "absolute, beside the folder of the workbook": lambda: packed(_sheet_at("/sheets/sheet1.xml", "sheets/sheet1.xml")),
    "absolute, though a relative one would be there": lambda: packed(
        {**_sheet_at("/./xl/worksheets/sheet1.xml", _SHEET), "xl/xl/worksheets/sheet1.xml": _ANOTHER}
    ),
    "absolute, of a workbook in another folder": lambda: packed(
        _elsewhere(_sheet_at("/xl/worksheets/sheet1.xml", _SHEET, _plain()), "book")
    ),
    "an absolute start": lambda: packed(_changed(_shared(), "_rels/.rels", _START, 'Target="/xl/workbook.xml"')),
    "a start that begins with ./": lambda: packed(
        _changed(_shared(), "_rels/.rels", _START, 'Target="./xl/workbook.xml"')
    ),
    "two slashes": lambda: packed(_sheet_at("worksheets//sheet1.xml", _SHEET)),
    "a space, as the target writes it": lambda: packed(
        _sheet_at("worksheets/my%20sheet.xml", "xl/worksheets/my sheet.xml")
    ),
    "a space, as the target and the part write it": lambda: packed(
        _sheet_at("worksheets/my%20sheet.xml", "xl/worksheets/my%20sheet.xml")
    ),
    "texts in a folder of their own": lambda: packed(
        _renamed(_changed(_shared(), _RELS, _TEXTS, 'Target="texts/all.xml"'), _STRINGS, "xl/texts/all.xml")
    ),
}
