"""Reads one sheet of a workbook into a file of CSV, as a process of its own: run by catalog.formats.spreadsheets.

A crafted workbook can make its library claim any amount of memory, which ends the process: this one, under limits that
it sets for itself. It imports nothing of the project. What it writes to the standard output is one JSON object: the
sheet, or `problem`, a sentence that says why there is none.
"""

import csv
import datetime
import json
import math
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final
from xml.etree import ElementTree
from xml.parsers import expat

import python_calamine

BLOCK_BYTES: Final = 1024 * 1024
RATIO_FREE_BYTES: Final = 128 * 1024 * 1024
RATIO: Final = 250
MEMBER_LIMIT: Final = 10_000
ERROR_CELL_LIMIT: Final = 1_000_000
BOOK: Final = "xl/workbook.xml"
RELATIONS: Final = "xl/_rels/workbook.xml.rels"
CONTENT: Final = "content.xml"
RELATION_ID: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
ERROR_MARKS: Final = (b't="e"', b"t='e'", b'value-type="error"', b"value-type='error'")


class WorkbookError(Exception):
    """Why there is no sheet, in a sentence."""


def main(path: str, sheet: str, output: str, limit_bytes: str, memory_bytes: str, seconds: str) -> None:
    """Read a sheet, named or numbered from 1, the first if `sheet` is empty."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes),) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes),) * 2)
    try:
        answer = _read(path, sheet, output, int(limit_bytes))
    except WorkbookError as problem:
        answer = {"problem": str(problem)}
    except MemoryError:
        answer = {"problem": "The workbook takes more memory than there is for one"}
    except python_calamine.PasswordError:
        answer = {"problem": "The workbook is encrypted: save it without a password"}
    except (python_calamine.CalamineError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError) as error:
        answer = {"problem": f"The workbook can't be read: {error}"}
    except (ElementTree.ParseError, expat.ExpatError, EOFError, ValueError, OSError, RuntimeError) as error:
        answer = {"problem": f"The workbook is damaged: {error}"}
    json.dump(answer, sys.stdout)


def _read(path: str, wanted: str, output: str, limit_bytes: int) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        _check_size(archive, limit_bytes)
        # The library goes by the suffix, and says little where there is none.
        named = Path(path).rename(Path(path).with_suffix(".ods" if CONTENT in archive.namelist() else ".xlsx"))
        with python_calamine.load_workbook(named) as workbook:
            sheets = [
                each.name for each in workbook.sheets_metadata if each.typ == python_calamine.SheetTypeEnum.WorkSheet
            ]
            name = _chosen(sheets, wanted)
            errors = _error_cells(archive, name)
            sheet = workbook.get_sheet_by_name(name)
            first_column = sheet.start[1] if sheet.start else 0
            with Path(output).open("w", encoding="utf-8", newline="") as file:
                found = _write(_with_errors(sheet.iter_rows(), errors, first_column), file)
    return {"sheets": sheets, "sheet": name, **found}


def _check_size(archive: zipfile.ZipFile, limit_bytes: int) -> None:
    """Refuse what unpacks to too much, by what the archive says and by what its members really hold."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if BOOK not in names and CONTENT not in names:
        raise WorkbookError("The file is a ZIP archive, but holds no XLSX or ODS workbook")
    if len(members) > MEMBER_LIMIT:
        raise WorkbookError(f"The workbook has {len(members):,} members; {MEMBER_LIMIT:,} are the limit")
    if any(member.flag_bits & 1 for member in members) or "EncryptedPackage" in names:
        raise WorkbookError("The workbook is encrypted: save it without a password")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > limit_bytes:
        raise WorkbookError(
            f"The workbook unpacks to {unpacked // 1024**2:,} MB; {limit_bytes // 1024**2:,} MB are the limit"
        )
    if unpacked > RATIO_FREE_BYTES and unpacked > packed * RATIO:
        raise WorkbookError(
            f"The workbook unpacks to {unpacked // max(packed, 1):,} times its size; {RATIO} times is the limit"
        )
    # A member that holds more than its entry says fails its checksum here; the library would believe the data.
    damaged = archive.testzip()
    if damaged is not None:
        raise WorkbookError(f"The workbook is damaged: {damaged} is not what its checksum says")


def _chosen(sheets: Sequence[str], wanted: str) -> str:
    if not sheets:
        raise WorkbookError("The workbook has no sheet")
    if not wanted:
        return sheets[0]
    if wanted in sheets:
        return wanted
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(sheets):
        return sheets[int(wanted) - 1]
    raise WorkbookError(f"The workbook has no sheet {wanted!r}; it has {', '.join(sheets)}")


# --- rows -----------------------------------------------------------------------------------------------------------


class ErrorCell(str):
    """A formula's error, such as #N/A."""


def _write(rows: Iterable[Sequence[Any]], file: Any) -> dict[str, Any]:
    """The rows below the header, each as its kinds, how many cells it has beyond the header, and its cells as text."""
    numbered = enumerate(rows, start=1)
    header, header_line = _header(numbered)
    width, count, empty, longest = len(header), 0, 0, 0
    # CSV's own line end, so that the writer quotes a carriage return inside a cell.
    writer = csv.writer(file, lineterminator="\r\n")
    for _, row in numbered:
        cells = [_cell(value) for value in row]
        kinds = "".join(kind for kind, _ in cells)
        if not kinds.strip():
            empty += 1
            continue
        for _ in range(empty):
            writer.writerow([" " * width, None, *[None] * width])
        surplus = len(kinds[width:].strip()) or None
        texts = [text for _, text in cells[:width]]
        writer.writerow([kinds[:width].ljust(width), surplus, *texts, *[None] * (width - len(texts))])
        longest = max(longest, sum(len(text) for text in texts if text))
        count, empty = count + empty + 1, 0
    return {
        "header": header,
        "header_line": header_line,
        "row_count": count,
        "longest_row": longest * 8 + width * 4 + 64,
    }


def _header(numbered: Iterator[tuple[int, Sequence[Any]]]) -> tuple[list[str], int]:
    """The first row that holds something, and its number."""
    for number, row in numbered:
        texts = [_cell(value)[1] or "" for value in row]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            return texts, number
    return [], 1


def _cell(value: Any) -> tuple[str, str | None]:
    """Kind and text; b boolean, n number, d date, m datetime, t time, i duration, s text, e error, else nothing."""
    if isinstance(value, str):
        if not value:
            return " ", None
        return ("e" if isinstance(value, ErrorCell) else "s"), value
    if isinstance(value, bool):
        return "b", "true" if value else "false"
    if isinstance(value, int | float):
        return "n", _number(value)
    if isinstance(value, datetime.datetime):
        return "m", value.isoformat()
    if isinstance(value, datetime.date):
        return "d", value.isoformat()
    if isinstance(value, datetime.time):
        return "t", value.isoformat()
    return "i", _duration(value)


def _number(value: float) -> str:
    """A whole number without a point, another as its shortest text; zero keeps its sign."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    return str(int(value)) if abs(value) < 1e18 and value == int(value) else repr(value)


def _duration(value: datetime.timedelta) -> str:
    """ISO 8601: P2DT1H."""
    sign, value = ("-", -value) if value < datetime.timedelta() else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    fraction = f".{value.microseconds:06d}".rstrip("0") if value.microseconds else ""
    clock = [(minutes // 60, "H"), (minutes % 60, "M")]
    time = "".join(f"{number}{unit}" for number, unit in clock if number)
    time += f"{seconds}{fraction}S" if seconds or fraction else ""
    days = f"{value.days}D" if value.days or not time else ""
    return f"{sign}P{days}{'T' if time else ''}{time}"


def _with_errors(
    rows: Iterable[list[Any]], errors: Mapping[int, Mapping[int, str]], first_column: int
) -> Iterator[list[Any]]:
    """The rows with their error cells, which the library takes for empty."""
    for number, row in enumerate(rows):
        for column, text in errors.get(number, {}).items():
            place = column - first_column
            if place >= 0:
                row += [""] * (place + 1 - len(row))
                row[place] = ErrorCell(text)
        yield row


# --- error cells ----------------------------------------------------------------------------------------------------


def _error_cells(archive: zipfile.ZipFile, sheet: str) -> Mapping[int, Mapping[int, str]]:
    """Row -> column -> text of the cells that hold an error, both from 0."""
    finder: _Errors
    if CONTENT in archive.namelist():
        member, finder = CONTENT, _OpenDocumentErrors(sheet)
    else:
        found = _sheet_member(archive, sheet)
        if found is None:
            return {}
        member, finder = found, _SpreadsheetMLErrors()
    with archive.open(member) as file:
        if not _mentions_errors(file):
            return {}
    with archive.open(member) as file:
        finder.read(file)
    return finder.found


def _mentions_errors(file: Any) -> bool:
    before = b""
    while block := file.read(BLOCK_BYTES):
        if any(mark in before + block for mark in ERROR_MARKS):
            return True
        before = block[-32:]
    return False


def _sheet_member(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The member of an XLSX that holds a sheet."""
    names = set(archive.namelist())
    if RELATIONS not in names:
        return None
    relation = next(
        (
            each.get(RELATION_ID)
            for each in _elements(archive, BOOK)
            if each.get("name") == sheet and RELATION_ID in each.attrib
        ),
        None,
    )
    target = next((each.get("Target", "") for each in _elements(archive, RELATIONS) if each.get("Id") == relation), "")
    member = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return member if member in names else None


def _elements(archive: zipfile.ZipFile, member: str) -> Iterator[ElementTree.Element]:
    # The limits of this process bound what an entity may grow to.
    return ElementTree.fromstring(archive.read(member)).iter()  # noqa: S314


class _Errors:
    """Finds error cells in XML as it streams by."""

    def __init__(self) -> None:
        self.found: dict[int, dict[int, str]] = {}
        self.count = 0
        self.text: list[str] | None = None

    def read(self, file: BinaryIO | Any) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda name, attributes: self.start(name.rpartition(":")[2], attributes)
        parser.EndElementHandler = lambda name: self.end(name.rpartition(":")[2])
        parser.CharacterDataHandler = self.data
        parser.buffer_text = True
        parser.ParseFile(file)

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        raise NotImplementedError

    def data(self, text: str) -> None:
        if self.text is not None:
            self.text.append(text)

    def add(self, row: int, column: int) -> None:
        self.count += 1
        if self.count > ERROR_CELL_LIMIT:
            raise WorkbookError(f"The sheet has more than {ERROR_CELL_LIMIT:,} cells with errors")
        self.found.setdefault(row, {})[column] = "".join(self.text or ())[:32] or "#ERROR"
        self.text = None


class _SpreadsheetMLErrors(_Errors):
    row = -1
    column = -1
    is_error = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "row":
            self.row = int(attributes["r"]) - 1 if "r" in attributes else self.row + 1
            self.column = -1
        elif name == "c":
            place = attributes.get("r", "").rstrip("0123456789")
            self.column = _column_number(place) if place else self.column + 1
            self.is_error = attributes.get("t") == "e"
        elif name == "v" and self.is_error:
            self.text = []

    def end(self, name: str) -> None:
        if name == "v" and self.is_error:
            self.add(self.row, self.column)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


class _OpenDocumentErrors(_Errors):
    def __init__(self, sheet: str) -> None:
        super().__init__()
        self.sheet = sheet
        self.is_inside = False
        self.row = self.column = self.rows = self.columns = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "table":
            self.is_inside = attributes.get("table:name") == self.sheet
            self.row = self.rows = 0
        elif not self.is_inside:
            return
        elif name == "table-row":
            self.row += self.rows
            self.rows = int(attributes.get("table:number-rows-repeated", "1"))
            self.column = self.columns = 0
        elif name in {"table-cell", "covered-table-cell"}:
            self.column += self.columns
            self.columns = int(attributes.get("table:number-columns-repeated", "1"))
            self.text = [] if attributes.get("calcext:value-type") == "error" else None

    def end(self, name: str) -> None:
        if name == "table":
            self.is_inside = False
        elif name == "table-cell" and self.text is not None:
            text = self.text
            for row in range(self.row, self.row + min(self.rows, ERROR_CELL_LIMIT)):
                for column in range(self.column, self.column + min(self.columns, ERROR_CELL_LIMIT)):
                    self.text = text
                    self.add(row, column)


if __name__ == "__main__":
    main(*sys.argv[1:])
