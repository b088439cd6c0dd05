"""Sheets of workbooks as sources of rows."""

import datetime
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]

from catalog.conformance import Conformed, Destination, conform
from catalog.engine import cursor
from catalog.formats.spreadsheets import Spreadsheet
from catalog.row_errors import RowError
from catalog.schema import Schema
from catalog.sources import MalformedError

SHEET = "xl/worksheets/sheet1.xml"
CONTENT = "content.xml"
ODS_ROOT = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
    "<office:body><office:spreadsheet>{}</office:spreadsheet></office:body></office:document-content>"
)


def workbook(*sheets: Sequence[Sequence[Any]], first_row: int = 0) -> bytes:
    """An XLSX as another program writes it; dates and moments are formatted, texts stay texts."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_numbers": False})
    formats = {datetime.date: "yyyy-mm-dd", datetime.datetime: "yyyy-mm-dd hh:mm:ss.000", datetime.time: "hh:mm:ss"}
    for rows in sheets:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows, start=first_row):
            for column, value in enumerate(row):
                form = formats.get(type(value))
                if form:
                    sheet.write_datetime(number, column, value, book.add_format({"num_format": form}))
                else:
                    sheet.write(number, column, value)
    book.close()
    return file.getvalue()


def with_member(content: bytes, name: str, text: str | bytes) -> bytes:
    """The archive with another text in one member."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in given.namelist():
            archive.writestr(member, text if member == name else given.read(member))
    return file.getvalue()


def with_rows(xml: str) -> bytes:
    """An XLSX whose sheet has just these elements as its rows."""
    content = workbook([["id"]])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read(SHEET).decode()
    return with_member(content, SHEET, re.sub("<sheetData>.*</sheetData>", f"<sheetData>{xml}</sheetData>", sheet))


def open_document(tables: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(CONTENT, ODS_ROOT.format(tables))
    return file.getvalue()


def read(content: bytes, directory: Path, types: Mapping[str, Any], sheet: str | None = None, **more: Any) -> Conformed:
    attributes = [{"name": name, **({"type": of} if isinstance(of, str) else of)} for name, of in types.items()]
    schema = Schema.from_definition({"attributes": attributes, **more})
    return conform(Spreadsheet(io.BytesIO(content), directory, sheet), schema, Destination(directory))


def rows_of(conformed: Conformed) -> list[tuple[Any, ...]]:
    assert conformed.report is None, conformed.report
    with cursor() as connection:
        return [
            row
            for part in conformed.parts
            for row in connection.execute(
                f"SELECT CAST(COLUMNS(* EXCLUDE (_id, _version)) AS VARCHAR) FROM '{part.path}' ORDER BY _id"
            ).fetchall()
        ]


def errors_of(conformed: Conformed) -> list[RowError]:
    assert conformed.report is not None
    return list(conformed.report.errors)


def test_cells_are_read_as_the_workbook_types_them(tmp_path: Path) -> None:
    content = workbook(
        [
            ["id", "code", "day", "moment", "clock", "flag", "ratio"],
            [
                5.0,
                "007",
                datetime.date(2026, 1, 31),
                datetime.datetime(2026, 1, 31, 12, 30),
                datetime.time(1, 2),
                True,
                0.1,
            ],
            [None, 12, None, datetime.date(2026, 1, 31), None, "false", "2.5"],
        ]
    )
    types = {
        "id": "integer",
        "code": "string",
        "day": {"type": "date", "format": "%d/%m/%Y"},
        "moment": "datetime",
        "clock": "time",
        "flag": {"type": "boolean", "trueValues": ["yes"], "falseValues": ["false"]},
        "ratio": {"type": "number", "decimalChar": "."},
    }
    assert rows_of(read(content, tmp_path, types)) == [
        ("5", "007", "2026-01-31", "2026-01-31 12:30:00", "01:02:00", "true", "0.1"),
        (None, "12", None, "2026-01-31 00:00:00", None, "false", "2.5"),
    ]


def test_text_that_looks_like_a_date_is_read_as_the_attribute_says(tmp_path: Path) -> None:
    content = workbook([["day"], ["31/01/2026"], [datetime.date(2026, 1, 31)], ["2026-01-31"]])
    [error] = errors_of(read(content, tmp_path, {"day": {"type": "date", "format": "%d/%m/%Y"}}))
    assert (error.row, error.code, error.value) == (3, "type", "2026-01-31")


def test_an_error_cell_is_an_error_at_its_row_and_attribute(tmp_path: Path) -> None:
    xml = (
        '<row r="3"><c r="B3" t="inlineStr"><is><t>id</t></is></c>'
        '<c r="C3" t="inlineStr"><is><t>name</t></is></c></row>'
        '<row r="4"><c r="B4"><v>1</v></c></row>'
        '<row r="5"><c r="B5" t="e"><f>1/0</f><v>#DIV/0!</v></c><c t="e"><v>#N/A</v></c></row>'
    )
    found = errors_of(read(with_rows(xml), tmp_path, {"id": "integer", "name": "string"}))
    assert [(e.row, e.line, e.attribute, e.code, e.value) for e in found] == [
        (2, 5, "id", "type", "#DIV/0!"),
        (2, 5, "name", "type", "#N/A"),
    ]


def test_an_error_cell_of_ods_is_an_error(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string" {}><text:p>{}</text:p></table:table-cell>'
    error = 'office:string-value="" calcext:value-type="error"'
    rows = [cell.format("", "id"), cell.format("", "1"), cell.format(error, "#REF!")]
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    content = open_document(f'<table:table table:name="One">{table}</table:table>')
    [found] = errors_of(read(content, tmp_path, {"id": "integer"}))
    assert (found.row, found.value) == (2, "#REF!")


def test_a_sheet_is_chosen_by_name_or_number(tmp_path: Path) -> None:
    content = workbook([["id"], [1]], [["id"], [2]], [])
    spreadsheet = Spreadsheet(io.BytesIO(content), tmp_path)
    assert (spreadsheet.sheet, spreadsheet.sheets, spreadsheet.names()) == (
        "Sheet1",
        ["Sheet1", "Sheet2", "Sheet3"],
        ["id"],
    )
    for sheet, value in ((None, "1"), ("Sheet2", "2"), ("2", "2")):
        assert rows_of(read(content, tmp_path, {"id": "integer"}, sheet)) == [(value,)]
    for sheet in ("4", "0", "sheet2", "²"):
        [error] = errors_of(read(content, tmp_path, {"id": "integer"}, sheet))
        assert "it has Sheet1, Sheet2, Sheet3" in error.message
    [error] = errors_of(read(content, tmp_path, {"id": "integer"}, "Sheet3"))
    assert "The file is empty" in error.message


def test_empty_rows_count_but_not_at_the_end(tmp_path: Path) -> None:
    content = workbook([["id", "name"], [1, "a"], [], [2, ""], ["", ""], []], first_row=3)
    assert rows_of(read(content, tmp_path, {"id": "integer", "name": "string"})) == [
        ("1", "a"),
        (None, None),
        ("2", None),
    ]
    found = errors_of(
        read(content, tmp_path, {"id": {"type": "integer", "constraints": {"required": True}}, "name": "string"})
    )
    assert [(error.row, error.line, error.code) for error in found] == [(2, 6, "required")]


def test_a_row_with_more_cells_than_the_header_is_named(tmp_path: Path) -> None:
    content = workbook([["id", "name"], [1, "a", None, "x"], [2]])
    [error] = errors_of(read(content, tmp_path, {"id": "integer", "name": "string"}))
    assert (error.row, error.code) == (1, "malformed")


def test_the_header_is_held_against_fields_match(tmp_path: Path) -> None:
    content = workbook([["id", "nme", "nme", "_errors"], [1, "a", "b", "x"]])
    found = errors_of(read(content, tmp_path, {"id": "integer", "name": "string"}))
    assert [(error.attribute, error.code) for error in found] == [
        ("nme", "unknown_attribute"),
        ("nme", "duplicate_attribute"),
        ("name", "missing_attribute"),
    ]
    assert rows_of(read(content, tmp_path, {"id": "integer", "name": "string"}, fieldsMatch="partial")) == [("1", None)]


def test_missing_values_are_null_in_every_kind_of_cell(tmp_path: Path) -> None:
    content = workbook([["id", "name"], [-99, "NA"], [1, "-99"]])
    rows = rows_of(read(content, tmp_path, {"id": "integer", "name": "string"}, missingValues=["NA", "-99"]))
    assert rows == [(None, None), ("1", None)]


# --- hostile workbooks ----------------------------------------------------------------------------------------------


def hostile() -> Iterator[tuple[str, bytes, str]]:
    sound = workbook([["id"], [1]])
    yield "cut off", sound[:-200], "can't be read"
    yield "not a sheet", with_member(sound, SHEET, "<worksheet><sheetData>"), "can't be read|damaged|empty"
    yield "a checksum", sound.replace(b"sharedStrings", b"sharedStringz", 1), "can't be read|damaged"
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    yield "a cell far away", with_rows(far), "within 3 GB of memory"
    entity = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    yield "entities", with_member(sound, "xl/workbook.xml", f"{entity}<workbook>&b;</workbook>"), "."
    repeated = 'table:number-rows-repeated="1048576"><table:table-cell office:value-type="float" office:value="1" '
    rows = f'<table:table-row {repeated}table:number-columns-repeated="16384"/></table:table-row>'
    yield (
        "repetition",
        open_document(f'<table:table table:name="a">{rows}</table:table>'),
        "memory|can't be read",
    )


@pytest.mark.parametrize(("content", "message"), [pytest.param(*each[1:], id=each[0]) for each in hostile()])
def test_a_hostile_workbook_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    [error] = errors_of(read(content, tmp_path, {"id": "integer"}))
    assert error.code == "malformed"
    assert re.search(message, error.message)


def test_a_zip_bomb_is_refused_by_what_it_unpacks_to(tmp_path: Path) -> None:
    bomb = with_member(workbook([["id"]]), SHEET, b" " * 160 * 1024**2)
    assert len(bomb) < 500_000
    with pytest.raises(MalformedError, match="times its size; 250 times is the limit"):
        Spreadsheet(io.BytesIO(bomb), tmp_path).names()
    with pytest.raises(MalformedError, match="unpacks to 160 MB; 10 MB are the limit"):
        Spreadsheet(io.BytesIO(bomb), tmp_path, limit_bytes=10 * 1024**2).names()
