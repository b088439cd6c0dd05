"""CSV as a source of rows (RFC 4180): UTF-8, a header, NULL is nothing between two commas, `""` is empty text.

Pure: no Django. DuckDB cuts the records; what it can't cut stays in its place as a row that is no row, so that one
report has everything that is wrong, each with its row and its line.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from catalog import engine
from catalog.attributes import Schema
from catalog.engine import quote_text
from catalog.formats.records import CLOSING, Records
from catalog.formats.staging import RecordsFile, stage
from catalog.sources import SLICE_ROWS, Cells, Fault, MalformedError, Slice
from config.problems import nearest

HEADER_CHARACTERS = 32 * 1024 * 1024


@dataclass(frozen=True)
class _Segment:
    """Some of the rows, as text in Parquet: columns h0, h1, ... and `fault` (catalog.formats.staging)."""

    parquet: Path
    rows_before: int
    row_count: int

    @property
    def relation(self) -> str:
        return f"read_parquet({quote_text(str(self.parquet))}, file_row_number = true)"

    def slices(self) -> Iterator[Slice]:
        for start in range(0, self.row_count, SLICE_ROWS):
            rows = min(self.row_count - start, SLICE_ROWS)
            window = f"file_row_number >= {start} AND file_row_number < {start + rows}"
            yield Slice(f"(SELECT * FROM {self.relation} WHERE {window})", rows, self.rows_before + start)


class CSVText:
    """A stream of CSV; it is read once, a segment at a time, and its slices can be asked for again.

    directory: where the staged files go; the caller removes it. The header names the attributes, in any order.
    Slices raise MalformedError if the header doesn't fit the Object.
    """

    def __init__(self, stream: BinaryIO, directory: Path) -> None:
        self._stream = stream
        self._directory = directory
        self._records: Records | None = None
        self._files: Iterator[RecordsFile] = iter(())
        self._segments: list[_Segment] = []
        self._faults: list[Fault] = []
        self._header: list[str] = []
        self._header_lines = 1

    def cells(self, schema: Schema) -> Cells:
        if self._records is None:
            self._records = Records(self._stream, keep_blank_lines=len(schema.attributes) == 1)
            self._open(self._records, schema)
        places = [f"h{self._header.index(name)}" if name in self._header else "NULL" for name in schema.names]
        columns = ", ".join(f"{cell} AS r{place}" for place, cell in enumerate(places))
        select = (
            "SELECT fault AS record, fault IS NULL AS readable, CAST(fault IS NOT NULL AS INTEGER) AS faults, "
            f"{columns} FROM "
        )
        typed = [attribute.kind.from_text(attribute, f"r{place}") for place, attribute in enumerate(schema.attributes)]
        return Cells(lambda relation: select + relation, typed, describe_fault=self._describe)

    def slices(self) -> Iterator[Slice]:
        if self._faults:
            raise MalformedError(*self._faults)
        for segment in list(self._segments):
            yield from segment.slices()
        for file in self._files:
            yield from self._staged(file).slices()

    def line_numbers(self, rows: Sequence[int]) -> Mapping[int, int]:
        """The line on which each row begins; a pass over the staged rows."""
        if not self._segments or self._records is None:
            return {}
        columns = ", ".join(f"h{place}" for place in range(len(self._header)))
        text = f"coalesce(json_extract_string(fault, '$.text'), concat({columns}))"
        more = f"CAST(length({text}) - length(replace({text}, chr(10), '')) AS BIGINT)"
        numbered = " UNION ALL ".join(
            f"SELECT {segment.rows_before} + file_row_number + 1 AS number, {more} AS more FROM {segment.relation}"
            for segment in self._segments
        )
        before = "coalesce(sum(more) OVER (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)"
        with engine.cursor() as connection:
            found = connection.execute(
                f"SELECT number, number + {before} FROM ({numbered}) QUALIFY number IN (SELECT unnest($rows))",
                {"rows": sorted(set(rows))},
            ).fetchall()
        return {number: self._records.line(self._header_lines + int(line)) for number, line in found}

    def _open(self, records: Records, schema: Schema) -> None:
        """Read the first segment and the header, and note how it differs from the Object."""
        paths = records.segments(self._directory)
        first = next(paths)
        self._header, self._header_lines = _read_header(first)
        self._faults = list(_header_faults(self._header, schema))
        width = len(self._header)
        self._files = (
            RecordsFile(path, width, schema.missing_values, path == first, records.has_open_ends)
            for path in chain([first], paths)
        )

    def _staged(self, file: RecordsFile) -> _Segment:
        parquet = file.path.with_suffix(".parquet")
        rows_before = self._segments[-1].rows_before + self._segments[-1].row_count if self._segments else 0
        segment = _Segment(parquet, rows_before, stage(file, parquet))
        file.path.unlink()
        self._segments.append(segment)
        return segment

    def _describe(self, fault: str) -> tuple[str, str, str | None]:
        """Code, message and text of a record that can't be cut into cells."""
        found = json.loads(fault)
        kind, text = found["kind"], found["text"]
        opened = self._records.open_quote_line if self._records else None
        closing = CLOSING.decode().strip()
        if kind == "UNQUOTED VALUE" and opened and text.endswith(closing):
            message = f"The quote that opens on line {opened} is never closed"
            return "malformed", message, text.removesuffix(closing)
        code = "encoding" if kind == "INVALID ENCODING" else "malformed"
        return code, _FAULTS.get(kind, _FAULTS["UNQUOTED VALUE"]).format(**found), text


# DuckDB's word for what is wrong with a record, in a sentence.
_FAULTS = {
    "MISSING COLUMNS": "The row has fewer cells than the header: {cells}",
    "TOO MANY COLUMNS": "The row has more cells than the header",
    "INVALID ENCODING": "The row is not valid UTF-8",
    "UNQUOTED VALUE": "Text follows a closing quote; a quote inside a quoted cell is written twice",
}


def _read_header(text: Path) -> tuple[list[str], int]:
    """The cells of the first record, and how many lines it takes."""
    with text.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(iter(lambda: file.readline(HEADER_CHARACTERS), ""))
        try:
            return next(reader, []), reader.line_num
        except csv.Error:  # a name longer than the csv module takes: no attribute has it
            return [""], 1


def _header_faults(header: Sequence[str], schema: Schema) -> Iterator[Fault]:
    """How a header differs from the attributes of an Object; their order is free."""
    if not header:
        wanted = ", ".join(schema.names)
        yield Fault(0, "malformed", f"The file is empty; its first line names the attributes: {wanted}", line=1)
        return
    seen: set[str] = set()
    for place, name in enumerate(header, start=1):
        if name in seen:
            yield Fault(0, "duplicate_attribute", f"{name!r} stands twice in the header", name, 1)
        elif name not in schema.names:
            unknown = f"{name!r} is no attribute" if name else f"Column {place} of the header has no name"
            hint = nearest(name, [each for each in schema.names if each not in header])
            yield Fault(0, "unknown_attribute", f"{unknown}; {hint}", name, 1)
        seen.add(name)
    for name in schema.names:
        if name not in seen:
            yield Fault(0, "missing_attribute", f"{name!r} is not in the header", name, 1)
