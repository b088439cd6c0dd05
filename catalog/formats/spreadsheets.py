"""A sheet of an XLSX or ODS workbook as a source of rows. Pure: no Django.

The workbook is read by a process of its own (catalog.formats.workbook_process), whose limits no crafted file can pass,
and staged as text; each cell is then read by its attribute's type, as a cell of a CSV is. A cell that the workbook
itself types (a number, a date) is read in the standard form of that type, whatever form the attribute has in text. An
empty cell is null: a workbook has no empty text.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Final

import duckdb

from catalog import engine
from catalog.attributes import Attribute
from catalog.engine import quote_text
from catalog.formats.headers import header_faults, width_fault
from catalog.formats.isolation import NO_CELLS, ask
from catalog.formats.staging import as_read
from catalog.schema import Schema
from catalog.sources import BLOCK_BYTES, SLICE_ROWS, Cells, Fault, MalformedError, Slice, parquet_slices, slice_rows

UNPACKED_BYTES: Final = 1024**3
_READER: Final = Path(__file__).with_name("workbook_process.py")
_TYPED_KINDS: Final = "bndmti"  # of cells that the workbook types (catalog.formats.workbook_process)
_TYPED_ATTRIBUTES: Final = ("integer", "number", "boolean", "date", "time", "datetime")
_STANDARD: Final[Mapping[str, Any]] = {
    "format": None,
    "decimal_char": ".",
    "group_char": "",
    "bare_number": True,
    "true_values": (),
    "false_values": (),
}


@dataclass(frozen=True)
class _Staged:
    """What was found: columns `kinds`, `surplus`, h0, h1, ... in Parquet."""

    parquet: Path
    sheets: list[str]
    sheet: str
    header: list[str]
    header_line: int
    row_count: int


class Spreadsheet:
    """A sheet whose first row that holds something is the header; rows count from 1 below it.

    stream: the workbook; directory: where it is staged, which the caller removes. sheet: a name, or a number from 1;
    the first if it is None. Whatever is asked first raises MalformedError if the workbook can't be read.
    """

    def __init__(
        self, stream: BinaryIO, directory: Path, sheet: str | None = None, limit_bytes: int = UNPACKED_BYTES
    ) -> None:
        self._stream = stream
        self._directory = directory
        self._wanted = sheet
        self._limit_bytes = limit_bytes
        self._faults: list[Fault] = []
        self._names: list[str] = []
        self._slice_rows = SLICE_ROWS

    @property
    def sheets(self) -> list[str]:
        """The names of the workbook's sheets."""
        return self._staged.sheets

    @property
    def sheet(self) -> str:
        """The name of the sheet whose rows these are."""
        return self._staged.sheet

    def names(self) -> list[str]:
        """The cells of the header."""
        return self._names or self._staged.header

    def rename(self, names: Sequence[str]) -> None:
        """Take these for the cells of the header, as many as it has."""
        self._names = list(names)

    def cells(self, schema: Schema) -> Cells:
        try:
            header = self.names()
        except MalformedError as error:
            self._faults = list(error.faults)
            return NO_CELLS
        self._faults = list(header_faults(header, schema, self._staged.header_line))
        self._slice_rows = slice_rows(max(len(header), len(schema.attributes)))
        columns, typed = [], []
        for place, attribute in enumerate(schema.attributes):
            column = header.index(attribute.name) if attribute.name in header else None
            columns.append(f"{_raw(column, schema.missing_values_of(attribute))} AS r{place}")
            kind = f"substr(kinds, {(column or 0) + 1}, 1)"
            typed.append(_typed(attribute, f"r{place}", kind))
        select = (
            "SELECT CAST(surplus AS VARCHAR) AS record, surplus IS NULL AS readable, "
            f"CAST(surplus IS NOT NULL AS INTEGER) AS faults, kinds, {', '.join(columns)} FROM "
        )
        return Cells(lambda relation: select + relation, typed, describe_fault=_describe)

    def slices(self) -> Iterator[Slice]:
        if self._faults:
            raise MalformedError(*self._faults)
        yield from parquet_slices(self._staged.parquet, self._staged.row_count, self._slice_rows)

    def line_numbers(self, rows: Sequence[int]) -> Mapping[int, int]:
        """The sheet's own numbers of these rows, as a spreadsheet shows them."""
        return {row: row + self._staged.header_line for row in rows}

    @cached_property
    def _staged(self) -> _Staged:
        directory = Path(tempfile.mkdtemp(dir=self._directory))
        workbook, text, parquet = (directory / name for name in ("workbook", "rows.csv", "rows.parquet"))
        self._stream.seek(0)
        with workbook.open("wb") as file:
            shutil.copyfileobj(self._stream, file, BLOCK_BYTES)
        try:
            found = ask(_READER, str(workbook), self._wanted or "", str(text), str(self._limit_bytes))
            if too_wide := width_fault(len(found["header"]), found["header_line"]):
                raise MalformedError(too_wide)
            _stage(text, parquet, len(found["header"]), found["longest_row"])
        finally:
            for path in (workbook, text, *directory.glob("workbook.*")):
                path.unlink(missing_ok=True)
        return _Staged(
            parquet, found["sheets"], found["sheet"], found["header"], found["header_line"], found["row_count"]
        )


def _stage(text: Path, parquet: Path, width: int, longest_row: int) -> None:
    """Store the rows as text in Parquet. longest_row: in bytes, at most."""
    names = ["kinds", "surplus", *(f"h{place}" for place in range(width))]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    longest = longest_row + 1024
    rows = (
        f"read_csv({quote_text(str(text))}, columns = {{{columns}}}, auto_detect = false, header = false, delim = ',', "
        f"quote = '\"', escape = '\"', new_line = '\\r\\n', nullstr = '', parallel = false, "
        f"max_line_size = {longest}, buffer_size = {longest * 2 + 64})"
    )
    try:
        with engine.cursor() as connection:
            connection.execute(
                f"COPY (SELECT * FROM {rows}) TO {quote_text(str(parquet))} {as_read(slice_rows(width))}"
            )
    except duckdb.Error as error:
        message = f"The sheet can't be read: {str(error).splitlines()[0]}"
        raise MalformedError(Fault(0, "malformed", message)) from error


# --- cells ----------------------------------------------------------------------------------------------------------


def _raw(column: int | None, missing_values: Sequence[str]) -> str:
    if column is None:
        return "NULL"
    missing = ", ".join(quote_text(value) for value in missing_values if value)
    return f"CASE WHEN h{column} IN ({missing}) THEN NULL ELSE h{column} END" if missing else f"h{column}"


def _typed(attribute: Attribute, cell: str, kind: str) -> str:
    """SQL of a cell's value: as text says it, or as the workbook types it. An error is no value."""
    plain, read = cell, attribute.kind.from_text(attribute, cell)
    if attribute.type == "datetime" and not attribute.timezone:
        plain = f"(CASE {kind} WHEN 'd' THEN {cell} || 'T00:00:00' ELSE {cell} END)"
    elif attribute.type == "date":
        plain = f"(CASE WHEN {kind} = 'm' THEN regexp_replace({cell}, 'T00:00:00$', '') ELSE {cell} END)"
    standard = replace(attribute, **_STANDARD) if attribute.type in _TYPED_ATTRIBUTES else attribute
    if plain is cell and standard == attribute:
        return f"CASE WHEN {kind} <> 'e' THEN {read} END"
    typed = standard.kind.from_text(standard, plain)
    return f"CASE WHEN {kind} = 'e' THEN NULL WHEN contains('{_TYPED_KINDS}', {kind}) THEN {typed} ELSE {read} END"


def _describe(surplus: str) -> tuple[str, str, str | None]:
    """Code, message and text of a row that is longer than the header."""
    return "malformed", f"The row has more cells than the header: {surplus} more", None
