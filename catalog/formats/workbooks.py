"""XLSX and ODS: workbooks of one sheet, whose rows DuckDB writes as XML. Pure: no Django.

Numbers, booleans, dates and moments are cells of that kind, wherever the workbook holds them exactly; integers beyond
2^53, decimals with more than 15 digits, instants and everything else are text, and text is never a formula. NULL is an
empty cell; so is empty text once it is read back, for a workbook has none.
"""

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import IO, Any, Final

import duckdb

from catalog.attributes import Attribute
from catalog.engine import quote_name, quote_text
from catalog.formats.lines import Lines, written_lines
from catalog.formats.writers import cell_text
from catalog.formats.writing import FormatLimitError, PartReader, WritingOptions
from catalog.sources import BLOCK_BYTES

ROW_LIMIT: Final = 1_048_576
COLUMN_LIMIT: Final = 16_384
TEXT_LIMIT: Final = 32_767
DOUBLE_DIGITS: Final = 15
_DEFAULTS: Final = WritingOptions()
_LIMIT_MARK: Final = "beyond the format: "
_SHEET_NAME: Final = "Rows"
_COMPRESSION: Final = 4


@dataclass(frozen=True)
class WorkbookFormat:
    """A way to write rows as a workbook (see catalog.formats.writing.RowFormat).

    members: the archive's members but for the sheet, in order; the first is not compressed. cell: SQL of a cell's XML,
    given the attribute, and SQL of its value and of its text.
    """

    name: str
    suffix: str
    media_type: str
    title: str
    members: Mapping[str, str]
    sheet: str
    head: str
    tail: str
    row: tuple[str, str]
    header_cell: Callable[[str], str]
    cell: Callable[[Attribute, str, str], str]

    def blocks(
        self,
        parts: Iterable[PartReader],
        attributes: Sequence[Attribute],
        missing_values: Sequence[str] = ("",),
        options: WritingOptions = _DEFAULTS,
    ) -> Iterator[bytes]:
        """The workbook, once it is whole: it is written to a temporary file first."""
        if len(attributes) > COLUMN_LIMIT:
            raise FormatLimitError(f"{self.title} has at most {COLUMN_LIMIT:,} columns; here are {len(attributes):,}")
        with tempfile.TemporaryFile() as file:
            self._write(file, parts, attributes)
            file.seek(0)
            while block := file.read(BLOCK_BYTES):
                yield block

    def _write(self, file: IO[bytes], parts: Iterable[PartReader], attributes: Sequence[Attribute]) -> None:
        opening, closing = self.row
        cells = ", ".join(self.cell(each, f"c{place}", f"t{place}") for place, each in enumerate(attributes))
        # Each text is made once, however often a cell's SQL names it.
        columns = ", ".join(
            f"{quote_name(each.name)} AS c{place}, {cell_text(each)} AS t{place}"
            for place, each in enumerate(attributes)
        )
        line = f"concat({quote_text(opening)}, {cells}, {quote_text(closing)})"

        def encode(connection: duckdb.DuckDBPyConnection, relation: str, parameters: Mapping[str, Any]) -> Lines:
            return written_lines(connection, line, f"SELECT {columns} FROM ({relation})", parameters)

        header = opening + "".join(self.header_cell(attribute.name) for attribute in attributes) + closing
        row_count = 1
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
            for number, (name, text) in enumerate(self.members.items()):
                archive.writestr(name, text, zipfile.ZIP_DEFLATED if number else zipfile.ZIP_STORED)
            with archive.open(self.sheet, "w") as sheet:
                sheet.write(f"{self.head}{header}\n".encode())
                for part in parts:
                    lines = self._lines(part, encode)
                    row_count += lines.row_count
                    if row_count > ROW_LIMIT:
                        raise FormatLimitError(f"{self.title} has at most {ROW_LIMIT:,} rows with the header")
                    self._copy(lines, sheet)
                sheet.write(self.tail.encode())

    def _lines(self, part: PartReader, encode: Callable[..., Lines]) -> Lines:
        try:
            return part(encode)
        except duckdb.InvalidInputException as error:
            _, mark, reason = str(error).partition(_LIMIT_MARK)
            if not mark:
                raise
            raise FormatLimitError(f"{self.title} can't hold {reason.strip()}") from error

    def _copy(self, lines: Lines, sheet: IO[bytes]) -> None:
        try:
            for block in lines.blocks():
                sheet.write(block)
        except RuntimeError as error:  # zipfile's word for a member beyond its 2 GB
            raise FormatLimitError(f"{self.title} has at most 2 GB of XML in a sheet") from error


# --- cells ----------------------------------------------------------------------------------------------------------


def _escaped(text: str) -> str:
    return f"replace(replace(replace({text}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"


def _beyond(attribute: Attribute, what: str) -> str:
    """SQL that ends the query: the format can't hold a cell of the attribute."""
    return f"error({quote_text(f'{_LIMIT_MARK}{what} in {attribute.name!r}')})"


def _integral(column: str) -> str:
    return f"{column} BETWEEN -9007199254740992 AND 9007199254740992"


def _exact(column: str) -> str:
    digits = f"ltrim(replace(replace(CAST({column} AS VARCHAR), '-', ''), '.', ''), '0')"
    return f"length({digits}) <= {DOUBLE_DIGITS}"


def _number_condition(attribute: Attribute, column: str) -> str | None:
    """When a cell is held as a number, or None if it never is."""
    if attribute.duckdb_type in {"BIGINT", "INTEGER"}:
        return _integral(column)
    if attribute.duckdb_type == "DOUBLE":
        return f"({column} = 0 OR abs({column}) BETWEEN 2.3e-308 AND 9.9e307)"
    return _exact(column) if attribute.duckdb_type.startswith("DECIMAL") else None


def _cases(column: str, empty: str, cases: Sequence[tuple[str, str]], otherwise: str) -> str:
    whens = "".join(f"WHEN {condition} THEN {value} " for condition, value in cases)
    return f"CASE WHEN {column} IS NULL THEN {quote_text(empty)} {whens}ELSE {otherwise} END"


# --- XLSX -----------------------------------------------------------------------------------------------------------

# XML has no control characters, and takes CR for LF: they are written as _x000D_, and then so is what looks like it.
_UNPRINTABLE: Final = "[\\x00-\\x08\\x0b-\\x1f\\x{fffe}\\x{ffff}]|_x[0-9A-Fa-f]{4}_"
_EPOCH: Final = "1899-12-30"
_SOUND_DATES: Final = "1900-03-01"  # before it, Excel counts a day that never was


def _xlsx_text(attribute: Attribute, text: str) -> str:
    special = "unicode(mark) < 32 AND mark NOT IN (chr(9), chr(10)) OR unicode(mark) IN (65534, 65535) OR mark = '_'"
    marks = (
        f"list_transform(regexp_extract_all({text}, '(?s).'), lambda mark: "
        f"CASE WHEN {special} THEN printf('_x%04X_', unicode(mark)) ELSE mark END)"
    )
    printable = f"CASE WHEN regexp_matches({text}, '{_UNPRINTABLE}') THEN array_to_string({marks}, '') ELSE {text} END"
    too_long = _beyond(attribute, f"a text of more than {TEXT_LIMIT:,} characters")
    return (
        f"CASE WHEN length({text}) > {TEXT_LIMIT} THEN {too_long} ELSE "
        f"""concat('<c t="inlineStr"><is><t xml:space="preserve">', {_escaped(printable)}, '</t></is></c>') END"""
    )


def _xlsx_cell(attribute: Attribute, column: str, text: str) -> str:
    cases: list[tuple[str, str]] = []
    number = _number_condition(attribute, column)
    if number:
        cases.append((number, f"concat('<c><v>', CAST({column} AS VARCHAR), '</v></c>')"))
    elif attribute.type == "boolean":
        cases.append(("true", f"""concat('<c t="b"><v>', CAST({column} AS INTEGER), '</v></c>')"""))
    elif attribute.type == "date":
        days = f"{column} - DATE '{_EPOCH}'"
        cases.append((f"{column} >= DATE '{_SOUND_DATES}'", f"""concat('<c s="1"><v>', {days}, '</v></c>')"""))
    elif attribute.type == "datetime" and not attribute.timezone:
        days = f"(epoch_us({column}) - epoch_us(TIMESTAMP '{_EPOCH}')) / 86400000000.0"
        sound = f"{column} >= TIMESTAMP '{_SOUND_DATES}' AND epoch_us({column}) % 1000 = 0"
        cases.append((sound, f"""concat('<c s="2"><v>', CAST({days} AS DOUBLE), '</v></c>')"""))
    return _cases(column, "<c/>", cases, _xlsx_text(attribute, text))


def _xlsx_header(name: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(name, quote=False)}</t></is></c>'


_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_DOCUMENT: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SPREADSHEET: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_CONTENT: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"

XLSX: Final = WorkbookFormat(
    name="xlsx",
    suffix=".xlsx",
    media_type=f"{_CONTENT}.sheet",
    title="XLSX",
    members={
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_CONTENT}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_CONTENT}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_CONTENT}.styles+xml"/></Types>',
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_DOCUMENT}">'
        f'<sheets><sheet name="{_SHEET_NAME}" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_DOCUMENT}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'{_XML}<styleSheet xmlns="{_SPREADSHEET}"><numFmts count="2">'
        '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
        '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/></numFmts>'
        '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>',
    },
    sheet="xl/worksheets/sheet1.xml",
    head=f'{_XML}<worksheet xmlns="{_SPREADSHEET}"><sheetData>\n',
    tail="</sheetData></worksheet>",
    row=("<row>", "</row>"),
    header_cell=_xlsx_header,
    cell=_xlsx_cell,
)

# --- ODS ------------------------------------------------------------------------------------------------------------

_OASIS: Final = "urn:oasis:names:tc:opendocument:xmlns"
_ODS_TYPE: Final = "application/vnd.oasis.opendocument.spreadsheet"


def _ods_text(attribute: Attribute, text: str) -> str:
    """The text as a value, and once more to be shown, where white space has elements of its own."""
    value = f"replace({_escaped(text)}, '\"', '&quot;')"
    for number in (9, 10, 13):
        value = f"replace({value}, chr({number}), '&#{number};')"
    spaced = f"regexp_matches({text}, '(?m)^ |  | $')"
    shown = f"CASE WHEN {spaced} THEN replace({_escaped(text)}, ' ', '<text:s/>') ELSE {_escaped(text)} END"
    shown = f"replace(replace({shown}, chr(9), '<text:tab/>'), chr(10), '</text:p><text:p>')"
    control = f"regexp_matches({text}, '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x{{fffe}}\\x{{ffff}}]')"
    return (
        f"CASE WHEN {control} THEN {_beyond(attribute, 'a control character')} ELSE "
        f"""concat('<table:table-cell office:value-type="string" office:string-value="', {value}, '"><text:p>', """
        f"{shown}, '</text:p></table:table-cell>') END"
    )


def _ods_cell(attribute: Attribute, column: str, text: str) -> str:
    cases: list[tuple[str, str]] = []
    number = _number_condition(attribute, column)
    if number:
        cases.append((number, _ods_value("float", "value", f"CAST({column} AS VARCHAR)")))
    elif attribute.type == "boolean":
        cases.append(("true", _ods_value("boolean", "boolean-value", f"CAST({column} AS VARCHAR)", "boolean")))
    elif attribute.type == "date" or (attribute.type == "datetime" and not attribute.timezone):
        moment = f"replace(CAST({column} AS VARCHAR), ' ', 'T')"
        cases.append(("true", _ods_value("date", "date-value", moment, attribute.type)))
    return _cases(column, "<table:table-cell/>", cases, _ods_text(attribute, text))


def _ods_value(kind: str, name: str, text: str, style: str = "") -> str:
    """SQL of a cell with a value; a style says how it is shown, for without one a date is shown as a number."""
    styled = f' table:style-name="{style}"' if style else ""
    return f"""concat('<table:table-cell{styled} office:value-type="{kind}" office:{name}="', {text}, '"/>')"""


def _ods_styles() -> str:
    """How dates, datetimes and booleans are shown: ISO 8601, TRUE and FALSE."""
    long = 'number:style="long"'
    date = (
        f"<number:year {long}/><number:text>-</number:text><number:month {long}/><number:text>-</number:text>"
        f"<number:day {long}/>"
    )
    time = (
        f"<number:hours {long}/><number:text>:</number:text><number:minutes {long}/><number:text>:</number:text>"
        f"<number:seconds {long}/>"
    )
    shown = {
        "date": f'<number:date-style style:name="N-date">{date}</number:date-style>',
        "datetime": f'<number:date-style style:name="N-datetime">{date}<number:text> </number:text>{time}'
        "</number:date-style>",
        "boolean": '<number:boolean-style style:name="N-boolean"><number:boolean/></number:boolean-style>',
    }
    cells = "".join(
        f'<style:style style:name="{name}" style:family="table-cell" style:data-style-name="N-{name}"/>'
        for name in shown
    )
    return f"<office:automatic-styles>{''.join(shown.values())}{cells}</office:automatic-styles>"


def _ods_header(name: str) -> str:
    text = escape(name)
    return (
        f'<table:table-cell office:value-type="string" office:string-value="{text}"><text:p>{text}</text:p>'
        "</table:table-cell>"
    )


ODS: Final = WorkbookFormat(
    name="ods",
    suffix=".ods",
    media_type=_ODS_TYPE,
    title="ODS",
    members={
        "mimetype": _ODS_TYPE,
        "META-INF/manifest.xml": f'{_XML}<manifest:manifest xmlns:manifest="{_OASIS}:manifest:1.0" '
        f'manifest:version="1.3"><manifest:file-entry manifest:full-path="/" manifest:media-type="{_ODS_TYPE}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>',
    },
    sheet="content.xml",
    head=f'{_XML}<office:document-content xmlns:office="{_OASIS}:office:1.0" xmlns:table="{_OASIS}:table:1.0" '
    f'xmlns:text="{_OASIS}:text:1.0" xmlns:style="{_OASIS}:style:1.0" xmlns:number="{_OASIS}:datastyle:1.0" '
    f'office:version="1.3">{_ods_styles()}<office:body><office:spreadsheet>'
    f'<table:table table:name="{_SHEET_NAME}">\n',
    tail="</table:table></office:spreadsheet></office:body></office:document-content>",
    row=("<table:table-row>", "</table:table-row>"),
    header_cell=_ods_header,
    cell=_ods_cell,
)
