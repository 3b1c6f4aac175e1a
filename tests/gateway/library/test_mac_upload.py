"""Lists of MACs as files: what is read of an honest one, what is said of a broken one, and what a hostile one costs."""

import asyncio
import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import openpyxl
import pytest

from contracts.devices.imports import MacImportView, RefusedRow, RowFault
from contracts.message import Refused
from contracts.refusals import REFUSALS
from services.gateway.http.receiving import FILE_LIMIT_BYTES
from services.gateway.library import spreadsheets
from services.gateway.library.mac_upload import read_apart, refused_csv, template
from tests.gateway.library import lists
from tests.gateway.library.lists import XLSX, cell, packed, parts
from tests.gateway.world import Person, World, world

MAC, OTHER_MAC = "0C110512BC97", "0C110512BC98"
MEMORY_MAX_MB = 150
ROWS_MAX = spreadsheets.ROWS_MAX

Rows = list[tuple[int, str, str | None]]


async def read(file: bytes) -> Rows:
    return [(row.line, row.text, row.fault) for row in await read_apart(file)]


async def code_of(file: bytes) -> str:
    """Why the file is no list."""
    with pytest.raises(Refused) as refusal:
        await read_apart(file)
    assert refusal.value.detail == REFUSALS[refusal.value.code].sentence
    return refusal.value.code


def numbered(count: int) -> list[str]:
    return [f"0C1105{n:06X}" for n in range(count)]


# --- What is read -----------------------------------------------------------------------------------------------------


@pytest.mark.row("M-03", "M-04")
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(lists.csv(MAC, OTHER_MAC), id="csv"),
        pytest.param(lists.csv(MAC, OTHER_MAC, end="\r\n"), id="csv of Windows"),
        pytest.param(lists.csv(MAC, OTHER_MAC, end="\r"), id="csv of old Macs"),
        pytest.param(b"\xef\xbb\xbf" + lists.csv(MAC, OTHER_MAC), id="csv with a byte order mark"),
        pytest.param(lists.csv(f"{MAC};;;;;;", f"{OTHER_MAC};;;;;;"), id="csv with semicolons"),
        pytest.param(lists.csv(f"{MAC}\t", OTHER_MAC), id="csv with tabs"),
        pytest.param(f'"MAC"\n"{MAC}"\n{OTHER_MAC}'.encode(), id="csv with quotes"),
        pytest.param(f"mac\n{MAC}\r{OTHER_MAC}\r\n\n\n".encode(), id="csv with mixed line ends"),
        pytest.param(lists.xlsx([[MAC], [OTHER_MAC]]), id="xlsx"),
        pytest.param(lists.xlsx([[MAC], [OTHER_MAC], [None], ["  "]]), id="xlsx with empty rows"),
        pytest.param(lists.long_xlsx([MAC, OTHER_MAC]), id="xlsx written in a stream"),
        pytest.param(
            packed(parts(cell(1, "\ufeffMac ") + cell(2, MAC) + cell(3, OTHER_MAC)), zipfile.ZIP_STORED),
            id="xlsx not compressed",
        ),
        pytest.param(lists.ods([[MAC], [OTHER_MAC]]), id="ods"),
        pytest.param(lists.xls([MAC, OTHER_MAC]), id="xls"),
    ],
)
async def test_a_list_is_read_from_every_kind_of_file(file: bytes) -> None:
    assert await read(file) == [(2, MAC, None), (3, OTHER_MAC, None)]


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(b"MAC,Code\n%s,7q2k-91xm\n%s,\n" % (MAC.encode(), OTHER_MAC.encode()), id="csv"),
        pytest.param(lists.xlsx([[MAC, "7Q2K 91XM"], [OTHER_MAC]]), id="xlsx"),
        pytest.param(lists.ods([[MAC, "7Q2K 91XM"], [OTHER_MAC]]), id="ods"),
    ],
)
async def test_a_distributor_s_list_has_the_codes_on_labels_in_column_b(file: bytes) -> None:
    rows = await read_apart(file, with_codes=True)
    assert [(row.line, row.text, row.fault, row.code) for row in rows] == [
        (2, MAC, None, "7Q2K91XM"),
        (3, OTHER_MAC, None, None),
    ]
    # Anybody else's has nothing there.
    assert ("columns-not-empty", None) in [(row.fault, row.code) for row in await read_apart(file)]


async def test_what_is_no_code_in_column_b_is_refused_with_its_line() -> None:
    rows = await read_apart(
        lists.xlsx([[MAC, "7Q2K"], [MAC, 12345678], [MAC, "7Q2K91XM", "spare"], [None, "7Q2K91XM"]]), with_codes=True
    )
    assert [(row.line, row.fault, row.code) for row in rows] == [
        (2, "columns-not-empty", None),
        (3, "cell-not-text", None),
        (4, "columns-not-empty", None),
        (5, "row-empty", None),
    ]


async def test_what_is_no_text_in_column_a_is_refused_with_its_line() -> None:
    assert await read(
        lists.xlsx(
            [[123456789012], [date(2026, 11, 22)], [True], ["#REF!"], ["=A2"], [1.5], [MAC, None, "spare"], [MAC]]
        )
    ) == [
        (2, "123456789012", "cell-not-text"),
        (3, "2026-11-22", "cell-not-text"),
        (4, "TRUE", "cell-not-text"),
        (5, "#REF!", "cell-not-text"),
        (6, "=", "cell-is-formula"),
        (7, "1.5", "cell-not-text"),
        (8, MAC, "columns-not-empty"),
        (9, MAC, None),
    ]
    assert await read(lists.ods([[f"=[.A3] {MAC}"], [OTHER_MAC], [12]])) == [
        (2, MAC, "cell-is-formula"),
        (3, OTHER_MAC, None),
        (4, "12", "cell-not-text"),
    ]
    assert await read(lists.xls([MAC, 110512345678])) == [(2, MAC, None), (3, "110512345678", "cell-not-text")]


async def test_a_formula_is_found_by_its_cell_although_its_value_is_a_mac() -> None:
    formula = f'<row r="2"><c r="A2" t="str"><f>A3</f><v>{MAC}</v></c></row>'
    assert await read(packed(parts(cell(1, "MAC") + formula + cell(3, OTHER_MAC)))) == [
        (2, MAC, "cell-is-formula"),
        (3, OTHER_MAC, None),
    ]


async def test_lines_are_those_of_the_file_however_they_end() -> None:
    text = f'MAC\n{MAC}\r\n"two\nlines"\r{OTHER_MAC}\n\nx\0y\n'
    assert await read(text.encode()) == [
        (2, MAC, None),
        (3, "two lines", None),
        (5, OTHER_MAC, None),
        (6, "", "row-empty"),
        (7, "x\ufffdy", None),
    ]


async def test_a_second_header_is_a_row_and_words_beside_the_header_are_said() -> None:
    assert await read(lists.csv("MAC", MAC)) == [(2, "MAC", None), (3, MAC, None)]
    assert await read(f"MAC,Model\n{MAC},\n".encode()) == [(1, "MAC", "columns-not-empty"), (2, MAC, None)]


async def test_only_the_first_sheet_that_is_seen_is_read() -> None:
    book = openpyxl.Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.append(["MAC"])
    hidden.append(["0C1105FFFFFF"])
    hidden.sheet_state = "hidden"
    seen = book.create_sheet("List")
    for text in ("MAC", MAC, "=A2"):
        seen.append([text])
    written = io.BytesIO()
    book.save(written)
    assert await read(written.getvalue()) == [(2, MAC, None), (3, "=", "cell-is-formula")]


async def test_a_cell_of_10_mib_is_one_bad_row() -> None:
    huge = "A" * (10 * 2**20)
    assert await read(lists.csv(MAC, huge, OTHER_MAC)) == [(2, MAC, None), (3, "A" * 64, None), (4, OTHER_MAC, None)]


@pytest.mark.parametrize("make", [lambda macs: lists.csv(*macs), lists.long_xlsx], ids=["csv", "xlsx"])
async def test_100_000_rows_are_read_and_one_more_is_too_many(make: Callable[[list[str]], bytes]) -> None:
    assert len(await read(make(numbered(ROWS_MAX)))) == ROWS_MAX
    assert await code_of(make(numbered(ROWS_MAX + 1))) == "rows-too-many"


def test_every_code_of_the_reader_has_a_sentence() -> None:
    source = Path(spreadsheets.__file__).read_text()
    faults = {"columns-not-empty", "row-empty", "cell-not-text", "cell-is-formula"}
    assert all(f'"{each}"' in source for each in faults)
    assert faults <= set(RowFault) <= REFUSALS.keys()


# --- What is no list --------------------------------------------------------------------------------------------------

HEADER = cell(1, "MAC")
BOMB_CELL = f'<row r="2"><c r="A2" t="inlineStr"><is><t>{"0" * (40 * 2**20)}</t></is></c></row>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def link(target: str) -> bytes:
    written = io.BytesIO(lists.xlsx([[MAC]]))
    with zipfile.ZipFile(written, "a") as archive:
        entry = zipfile.ZipInfo("xl/link.xml")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, target)
    return written.getvalue()


def with_doctype(doctype: str) -> bytes:
    made = parts(HEADER + cell(2, MAC))
    made["xl/worksheets/sheet1.xml"] = f"<!DOCTYPE x [{doctype}]>{made['xl/worksheets/sheet1.xml']!s}"
    return packed(made)


def encrypted_entries() -> bytes:
    file = bytearray(lists.xlsx([[MAC]]))
    at = -1
    while (at := file.find(b"PK\x01\x02", at + 1)) >= 0:
        file[at + 8] |= 1
    return bytes(file)


def sparse(reference: str, row: int) -> bytes:
    far = f'<row r="{row}"><c r="{reference}" t="inlineStr"><is><t>x</t></is></c></row>'
    return packed(parts(HEADER + cell(2, MAC) + far))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "header-missing"),
    "header alone": (lambda: b"MAC\n", "list-empty"),
    "header alone, xlsx": (lambda: lists.xlsx([]), "list-empty"),
    "header missing": (lambda: f"{MAC}\n{OTHER_MAC}\n".encode(), "header-missing"),
    "header missing, xlsx": (lambda: packed(parts(cell(1, MAC))), "header-missing"),
    "header in the second line": (lambda: packed(parts(cell(2, "MAC") + cell(3, MAC))), "header-missing"),
    "only blank lines": (lambda: b"MAC\n\n \n\n", "list-empty"),
    "half of a character in UTF-16": (lambda: lists.csv(MAC).decode().encode("utf-16")[:-1], "file-not-utf-8"),
    "UTF-16 without": (lambda: lists.csv(MAC).decode().encode("utf-16-le"), "file-not-utf-8"),
    "GBK": (lambda: lists.csv(MAC, "门口机").decode().encode("gbk"), "file-not-utf-8"),
    "invalid UTF-8": (lambda: lists.csv(MAC) + b"\xff\xc0\n", "file-not-utf-8"),
    "quote never closed": (lambda: f'MAC\n{MAC}\n"{OTHER_MAC}\n{MAC}\n'.encode(), "file-broken"),
    "PNG": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(1000), "file-unknown"),
    "PDF": (lambda: b"%PDF-1.7\n" + bytes(1000), "file-unknown"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(1000), "file-unknown"),
    "HTML": (lambda: b"<html><table><tr><td>MAC</td></tr></table></html>", "file-unknown"),
    "XML": (lambda: b'<?xml version="1.0"?><Workbook/>', "file-unknown"),
    "zip of no workbook": (lambda: packed({"list.csv": lists.csv(MAC)}), "file-unknown"),
    "zip in a zip": (lambda: packed({"inner.zip": lists.xlsx([[MAC]])}), "file-unknown"),
    "xlsm renamed": (lambda: lists.with_macros([MAC]), "file-has-macros"),
    "xls with macros": (
        lambda: lists.compound("Workbook", lists._biff(["MAC", MAC]) + "_VBA_PROJECT".encode("utf-16-le")),
        "file-has-macros",
    ),
    "encrypted xlsx": (lambda: lists.compound("EncryptedPackage", bytes(5000)), "file-encrypted"),
    "encrypted zip entries": (encrypted_entries, "file-encrypted"),
    "encrypted ods": (lambda: lists.ods([[MAC]], "<manifest:encryption-data/>"), "file-encrypted"),
    "ole of no workbook": (lambda: lists.compound("Contents", bytes(5000)), "file-broken"),
    "truncated xlsx": (lambda: lists.long_xlsx(numbered(500))[:2000], "file-broken"),
    "truncated xls": (lambda: lists.xls([MAC])[:1400], "file-broken"),
    "broken XML": (lambda: packed(parts(HEADER + "<row><c")), "file-broken"),
    "no such sheet": (lambda: packed({**parts(HEADER), "xl/worksheets/sheet1.xml": ""}), "file-broken"),
    "zip bomb": (lambda: packed(parts(HEADER + BOMB_CELL)), "file-hostile"),
    "zip bomb beside the sheet": (lambda: packed({**parts(HEADER), "xl/a.bin": bytes(40 * 2**20)}), "file-hostile"),
    "zip that unpacks to too much": (
        lambda: packed({**parts(HEADER), **{f"xl/{n}.bin": bytes(2**20) for n in range(80)}}, zipfile.ZIP_DEFLATED),
        "file-too-large",
    ),
    "1,000,000 rows": (
        lambda: packed(parts(HEADER + "".join(cell(n + 2, mac) for n, mac in enumerate(numbered(1_000_000))))),
        "rows-too-many",
    ),
    "1,000,000 shared strings": (
        lambda: packed(
            parts(
                HEADER + cell(2, MAC),
                **{
                    "xl/sharedStrings.xml": "<sst>"
                    + "".join(f"<si><t>{n:060}</t></si>" for n in range(10**6))
                    + "</sst>"
                },
            )
        ),
        "file-too-large",
    ),
    "10,000 sheets": (
        lambda: packed({**parts(HEADER), **{f"xl/worksheets/s{n}.xml": "<worksheet/>" for n in range(10_000)}}),
        "file-too-large",
    ),
    "a cell in the last row and column": (lambda: sparse("XFD1048576", 1_048_576), "file-too-large"),
    "DOCTYPE": (lambda: with_doctype('<!ENTITY x SYSTEM "file:///etc/passwd">'), "file-hostile"),
    "DOCTYPE in a part whose name is written otherwise": (
        lambda: packed({**parts(HEADER + cell(2, MAC)), "xl/worksheets/sheet2%2Exml": "<!DOCTYPE x><worksheet/>"}),
        "file-hostile",
    ),
    "billion laughs": (lambda: with_doctype('<!ENTITY l0 "lol">' + LAUGHS), "file-hostile"),
    "XML in another encoding": (
        lambda: packed({**parts(HEADER), "xl/workbook.xml": str(parts(HEADER)["xl/workbook.xml"]).encode("utf-16")}),
        "file-hostile",
    ),
    "zip slip": (lambda: packed({**parts(HEADER + cell(2, MAC)), "../../etc/cron.d/x": "x"}), "file-hostile"),
    "zip slip, backwards": (lambda: packed({**parts(HEADER + cell(2, MAC)), "..\\x": "x"}), "file-hostile"),
    "symbolic link": (lambda: link("/etc/passwd"), "file-hostile"),
}


@cache
def hostile(name: str) -> bytes:
    return HOSTILE[name][0]()


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_file_that_is_no_list_is_refused_with_a_sentence(name: str) -> None:
    assert await code_of(hostile(name)) == HOSTILE[name][1]


@pytest.mark.parametrize(
    "file",
    [
        sparse("XFD2", 2),
        packed({**parts(HEADER + cell(2, MAC)), "xl/externalLinks/externalLink1.xml": "<externalLink/>"}),
    ],
    ids=["16,384 columns", "a link to another workbook"],
)
async def test_what_is_odd_and_harmless_is_read(file: bytes) -> None:
    (row,) = await read_apart(file)
    assert (row.line, row.text) == (2, MAC)


# A process that began as a copy of this one would count what this one had.
MEASURING = """
import os, subprocess, sys
reader = subprocess.Popen([sys.executable, "-I", sys.argv[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(os.wait4(reader.pid, 0)[2].ru_maxrss)
"""


def most_memory_mb(file: bytes) -> float:
    """What the reader of the file had resident at the most."""
    command = [sys.executable, "-c", MEASURING, spreadsheets.__file__]
    return int(subprocess.run(command, input=file, stdout=subprocess.PIPE, check=True).stdout) / 1024


@pytest.mark.parametrize(
    "make",
    [
        lambda: lists.long_xlsx(numbered(ROWS_MAX)),
        lambda: lists.csv(*numbered(ROWS_MAX)),
        lambda: lists.csv("A" * (11 * 2**20)),
        lambda: hostile("zip bomb"),
        lambda: hostile("1,000,000 rows"),
        lambda: hostile("1,000,000 shared strings"),
        lambda: hostile("a cell in the last row and column"),
        lambda: sparse("XFD2000", 2000),
    ],
    ids=["xlsx", "csv", "huge cell", "bomb", "1,000,000 rows", "1,000,000 strings", "last cell", "32,000,000 cells"],
)
async def test_no_file_takes_more_memory_than_the_reader_may_have(make: Callable[[], bytes]) -> None:
    assert await asyncio.to_thread(most_memory_mb, make()) < MEMORY_MAX_MB


# --- What comes of it -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def here(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(servers_dir, mongodb_uri) as built:
        yield built


async def upload(
    person: Person, file: bytes, *, key: str | None = None, name: str = "macs.xlsx", kind: str = XLSX
) -> Any:
    headers = {"Content-Type": kind, "Smartplus-File-Name": quote(name)} | ({"Idempotency-Key": key} if key else {})
    return await person.browser.ask("POST", "/macs/imports", content=file, headers=headers)


async def seen(person: Person, import_id: str, after: str = "") -> MacImportView:
    answer = await person.browser.ask("GET", f"/macs/imports/{import_id}?after={after}")
    assert answer.is_success, answer.text
    return MacImportView.model_validate_json(answer.content)


# What stands in column A, and what is said of it: `None` takes it. Lines begin at 2.
FORTY: list[tuple[object, str | None]] = [
    (None, "row-empty"),
    ("   ", "row-empty"),
    ("0c1105000003", None),
    ("0C:11:05:00:00:04", None),
    ("0C-11-05-00-00-05", None),
    ("0C11.0500.0006", None),
    ("0C110500007", "mac-malformed"),
    ("0C11050000008", "mac-malformed"),
    ("0C110500000G", "mac-malformed"),
    ("0C110500001O", "mac-malformed"),
    ("０C1105000011", None),
    ("0С1105000012", "mac-malformed"),
    ("0C1105\u200b000013", None),
    ("0C1105\u00a0000014", None),
    ("\ufeff0C1105000015", None),
    ("0C1105000003", "duplicate-in-file"),
    ("0c:11:05:00:00:05", "duplicate-in-file"),
    ("<mine>", "mac-registered"),
    ("<theirs>", "mac-elsewhere"),
    ("<bound>", "mac-bound"),
    ("0D1105000021", "mac-malformed"),
    ("FFFFFFFFFFFF", "mac-malformed"),
    ("000000000000", "mac-malformed"),
    ("A41105000024", None),
    ("1.10508E+11", "mac-malformed"),
    (110500000026, "cell-not-text"),
    (date(2026, 11, 22), "cell-not-text"),
    (True, "cell-not-text"),
    ("#REF!", "cell-not-text"),
    ("=A2", "cell-is-formula"),
    ("\t0C1105000031", None),
    ("+0C1105000032", "cell-is-formula"),
    ("-0C1105000033", "cell-is-formula"),
    ("@0C1105000034", "cell-is-formula"),
    ("=cmd|'/C calc'!A0", "cell-is-formula"),
    ("A" * 30_000, "mac-malformed"),
    ("0C110500\n0037", None),
    ("MAC", "mac-malformed"),
    ("0C1105000039 0C1105000040", "mac-malformed"),
    ("0C1105000041", None),
]


@pytest.mark.row("M-03", "M-04", "M-05")
async def test_forty_broken_rows_are_each_judged_with_line_and_reason(here: World) -> None:
    bright, far = here.people["bright"], here.people["far"]
    names = {each: f"0C1105{uuid4().hex[:6]}".upper() for each in ("<mine>", "<theirs>", "<bound>")}
    await bright.do("POST", "/macs", {"mac": names["<mine>"]})
    await far.do("POST", "/macs", {"mac": names["<theirs>"]})
    await bright.do("POST", "/macs", {"mac": names["<bound>"]})
    device = {"kind": "doorphone_single", "name": "Gate", "mac": names["<bound>"]}
    bound = await bright.do("POST", f"/users/{here.ids['dubois']}/devices", device)
    rows = [[names.get(str(text), text)] for text, _ in FORTY]
    answer = await upload(bright, lists.xlsx(rows), name="Türen 门.xlsx")
    assert answer.status_code == 201, answer.text
    # What was registered just now is known once it is in the list.
    view = await seen(bright, answer.json()["id"], f"{answer.json()['position']},{bound['position']}")
    expected = [(line, code) for line, (_, code) in enumerate(FORTY, 2) if code]
    assert (view.state, view.file_name, view.rows) == ("judged", "Türen 门.xlsx", len(FORTY))
    assert (view.valid, view.refused) == (len(FORTY) - len(expected), len(expected))
    page = (await bright.browser.ask("GET", f"/macs/imports/{view.import_id}/refused")).json()
    assert [(row["line"], row["code"]) for row in page["rows"]] == expected
    assert page["next"] is None


@pytest.mark.row("M-03")
async def test_the_refused_rows_come_back_as_a_file_without_formulas(here: World) -> None:
    clear = here.people["clear"]
    answer = await upload(
        clear, lists.csv("=1+1", "门口机", '"', "0C11").replace(b'\n"\n', b'\n""""\n'), kind="text/csv"
    )
    assert answer.status_code == 201, answer.text
    import_id = answer.json()["id"]
    await seen(clear, import_id, answer.json()["position"])
    file = await clear.browser.ask("GET", f"/macs/imports/{import_id}/refused.csv")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == f'attachment; filename="refused-{import_id}.csv"'
    table = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))
    assert [row[:3] for row in table] == [
        ["Line", "Content", "Code"],
        ["2", "'=1+1", "cell-is-formula"],
        ["3", "门口机", "mac-malformed"],
        ["4", '"', "mac-malformed"],
        ["5", "0C11", "mac-malformed"],
    ]
    assert table[1][3] == REFUSALS["cell-is-formula"].sentence
    for name in ("far", "bright"):
        stranger = await here.people[name].browser.ask("GET", f"/macs/imports/{import_id}/refused.csv")
        assert (stranger.status_code, stranger.json()["code"]) == (404, "import-unknown")


async def test_the_refused_rows_go_with_the_list_when_it_is_forgotten(here: World) -> None:
    clear = here.people["clear"]
    lists_of = [(await upload(clear, lists.csv(MAC, "Li Wei"), kind="text/csv")).json() for _ in range(2)]
    await seen(clear, lists_of[1]["id"], lists_of[1]["position"])

    async def refused_of(import_id: str, after: str) -> list[str]:
        answer = await clear.browser.ask("GET", f"/macs/imports/{import_id}/refused?after={after}")
        return [row["text"] for row in answer.json()["rows"]]

    assert await refused_of(lists_of[0]["id"], lists_of[1]["position"]) == ["Li Wei"]
    forgotten = await clear.browser.ask("DELETE", f"/macs/imports/{lists_of[0]['id']}")
    assert forgotten.status_code == 200, forgotten.text
    at = forgotten.json()["position"]
    assert await refused_of(lists_of[0]["id"], at) == []
    assert await refused_of(lists_of[1]["id"], at) == ["Li Wei"]


def test_no_cell_of_the_refused_rows_begins_like_a_formula() -> None:
    lines = [RefusedRow(line=n, text=f"{start}1", code="mac-malformed") for n, start in enumerate("=+-@\t\r")]
    table = csv.reader(io.StringIO(refused_csv(lines).decode("utf-8-sig"), newline=""))
    assert all(each[0] not in "=+-@\t\r" for row in table for each in row)


@pytest.mark.row("M-04", "M-05", "M-06")
async def test_the_template_is_offered_and_can_be_filled_in(here: World) -> None:
    answer = await here.people["bright"].browser.ask("GET", "/macs/template.xlsx")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    (sheet,) = book.worksheets
    assert [[each.value for each in row] for row in sheet.iter_rows()] == [["MAC"]]
    assert sheet.column_dimensions["A"].number_format == "@"
    assert await code_of(template()) == "list-empty"
    sheet["A2"] = MAC
    written = io.BytesIO()
    book.save(written)
    assert await read(written.getvalue()) == [(2, MAC, None)]


async def test_a_repeat_under_the_same_key_is_the_same_import(here: World) -> None:
    far, key = here.people["far"], uuid4().hex
    begun = f"0C11{uuid4().hex[:4]}".upper()
    macs = [f"{begun}{n:04X}" for n in range(1000)]
    answers = await asyncio.gather(*(upload(far, lists.long_xlsx(macs), key=key) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [201, 201], [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    view = await seen(far, answers[0].json()["id"], answers[0].json()["position"])
    assert (view.rows, view.staged, view.valid) == (1000, 1000, 1000)
    other = await upload(far, lists.long_xlsx(macs[::-1]), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"kind": "image/png"}, 415, "unsupported-media-type"),
        ({"kind": "application/json"}, 415, "unsupported-media-type"),
        ({"name": "%FF"}, 201, ""),
        ({"name": "x" * 600}, 201, ""),
        ({"name": "\u202egnp.csv"}, 201, ""),
        ({"name": "../../etc/passwd"}, 201, ""),
    ],
    ids=["png", "json", "percent", "long", "turned", "path"],
)
async def test_type_and_name_are_looked_at(here: World, options: dict[str, str], status: int, code: str) -> None:
    answer = await upload(here.people["bright"], lists.csv(MAC), **{"kind": "text/csv", **options})
    assert (answer.status_code, answer.json().get("code", "")) == (status, code)
    if status == 201:
        view = await seen(here.people["bright"], answer.json()["id"], answer.json()["position"])
        assert "/" not in view.file_name
        assert len(view.file_name) <= 200


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("%FF.csv", "\ufffd.csv"),
        (quote("liste 🩷.csv"), "liste 🩷.csv"),
        (quote("\u202eevil\x1b[2J\x00.csv"), "evil[2J.csv"),
        (quote("\u200b\ufe0f"), "list"),
        (quote("فهرست دستگاه‌ها " * 20 + ".csv"), None),
    ],
    ids=["latin", "new", "hostile", "nothing", "long"],
)
async def test_what_a_list_is_called_never_decides_over_it(here: World, named: str, kept: str | None) -> None:
    headers = {"Content-Type": "text/csv", "Smartplus-File-Name": named}
    bright = here.people["bright"]
    answer = await bright.browser.ask("POST", "/macs/imports", content=lists.csv(MAC), headers=headers)
    assert answer.status_code == 201, answer.text
    view = await seen(bright, answer.json()["id"], answer.json()["position"])
    assert view.file_name == kept or (kept is None and view.file_name.endswith(".csv"))


async def test_a_list_may_be_larger_than_other_bodies_and_still_not_endless(here: World) -> None:
    bright = here.people["bright"]
    answer = await upload(bright, lists.csv(MAC, "A" * (2 * 2**20)), kind="text/csv")
    assert answer.status_code == 201, answer.text
    answer = await upload(bright, lists.csv("A" * FILE_LIMIT_BYTES), kind="text/csv")
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    answer = await bright.browser.ask("POST", "/macs", json={"mac": "A" * (2 * 2**20)})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_only_who_may_import_has_a_file_read(here: World) -> None:
    for name in ("root", "caretaker"):
        answer = await upload(here.people[name], b"MAC\n")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    http = here.people["bright"].browser.http
    answer = await http.post("/api/v1/macs/imports", content=lists.csv(MAC), headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


async def test_a_file_that_is_refused_leaves_nothing_behind(here: World) -> None:
    south = here.people["south"]
    for name in ("zip bomb", "PNG", "UTF-16 without"):
        answer = await upload(south, hostile(name))
        assert (answer.status_code, answer.json()["code"]) == (400, HOSTILE[name][1])
    assert (await south.do("GET", "/macs/imports"))["rows"] == []
