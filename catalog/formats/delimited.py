"""CSV in any dialect as a source of rows: a header, NULL is nothing between two delimiters, `""` is empty text.

Pure: no Django. The bytes are cut at the ends of records, of which Python alone decides; DuckDB takes the cells of a
slice apart while it checks them. What it would misread is mended before, and a record that can't be cut into cells
stays in its place as a row that is no row, so that one report has everything that is wrong, with its row and line.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from catalog.engine import quote_text
from catalog.formats.dialects import Dialect
from catalog.formats.headers import header_faults
from catalog.formats.records import RECORD_BYTES, Header, Piece, Records, without_blank_lines
from catalog.formats.staging import FAULT_CODE, Layout, Mended, bad_byte_message, describe_fault, mend
from catalog.grouping import side_by_side
from catalog.schema import Schema
from catalog.sources import (
    CHUNK_BYTES,
    LONG_BYTES,
    Cells,
    Fault,
    MalformedError,
    Slice,
    position_of_line_end,
    scratch_file,
    slice_rows,
)

RFC_4180 = Dialect()


class CSVText:
    """A seekable stream of CSV, read block by block, again from its start each time the slices are asked for.

    directory: where slices go on a system that can't keep them in memory. The header names the attributes; how it may
    differ from the Object, its fieldsMatch says. Slices raise MalformedError if it differs otherwise.
    """

    def __init__(self, stream: BinaryIO, directory: Path, dialect: Dialect = RFC_4180) -> None:
        self.dialect = dialect
        self._directory = directory
        self._records = Records(stream, dialect)
        self._header: Header | None = None
        self._faults: list[Fault] = []
        self._layout: Layout | None = None
        self._names: list[str] = []
        self._columns: Mapping[tuple[str, ...], list[str]] = {}  # those that have these texts for NULL

    def names(self) -> list[str]:
        """The cells of the header."""
        if self._names:
            return self._names
        if self._header is None:
            self._header = self._records.header()
        return [cell.decode(errors="replace") for cell in self._header.cells]

    def rename(self, names: Sequence[str]) -> None:
        """Take these for the cells of the header, as many as it has; to be asked before anything is read."""
        self._names = list(names)

    def cells(self, schema: Schema) -> Cells:
        names = self.names()
        self._faults = list(self._header_faults(names, schema))
        self._layout = self._layout_of(schema, max(len(names), 1))
        places = [f"h{names.index(name)}" if name in names else "CAST(NULL AS VARCHAR)" for name in schema.names]
        columns = ", ".join(f"{cell} AS r{place}" for place, cell in enumerate(places))
        select = (
            "SELECT fault AS record, fault IS NULL AS readable, CAST(fault IS NOT NULL AS INTEGER) AS faults, "
            f"{columns} FROM "
        )
        typed = [attribute.kind.from_text(attribute, f"r{place}") for place, attribute in enumerate(schema.attributes)]
        return Cells(lambda relation: select + relation, typed, describe_fault=describe_fault, fault_code=FAULT_CODE)

    def slices(self) -> Iterator[Slice]:
        if self._faults:
            raise MalformedError(*self._faults)
        if self._layout is None:
            raise ValueError("The slices of a CSV are read by the cells of an Object")
        rows_before = 0
        for chunk in _chunks(self._records.pieces(), self._layout):
            yield self._slice(chunk, rows_before, self._layout)
            rows_before += chunk.row_count

    def line_numbers(self, rows: Sequence[int]) -> Mapping[int, int]:
        """The line on which each row begins; a pass over the stream."""
        return self._records.line_numbers(rows, self._layout is not None and self._layout.keeps_blank_lines)

    def _layout_of(self, schema: Schema, width: int) -> Layout:
        own = {each.name: each.missing_values for each in schema.attributes if each.missing_values is not None}
        names = self.names()
        # In a file of one column, its own missing values say whether a blank line is a value.
        usual = own.get(names[0], schema.missing_values) if width == 1 and names else schema.missing_values
        null = secrets.token_hex(16)
        columns = defaultdict(list, {self._null_texts(usual, null): [f"h{width}"]})  # where a fault stands
        for place, name in enumerate(names or [""]):
            columns[self._null_texts(own.get(name, usual), null)].append(f"h{place}")
        self._columns = columns
        missing = frozenset(text.encode() for text in usual)
        row_limit = slice_rows(max(width, len(schema.attributes)))
        return Layout(self._records.grammar, self.dialect.encoding, width, missing, null.encode(), row_limit)

    def _null_texts(self, missing_values: Sequence[str], null: str) -> tuple[str, ...]:
        """The texts that DuckDB reads as NULL; a cell that holds a mark is quoted, and then it isn't missing."""
        grammar = self._records.grammar
        marks = [grammar.delimiter.decode(), grammar.quote.decode() or "\n", "\n", "\r", "\0"]
        return (*(text for text in missing_values if not any(mark in text for mark in marks)), null)

    def _header_faults(self, names: Sequence[str], schema: Schema) -> Iterator[Fault]:
        header = self._header or self._records.header()
        for cell in header.cells:
            try:
                cell.decode()
            except UnicodeDecodeError as error:
                message = bad_byte_message("header", cell[error.start :], self.dialect.encoding)
                yield Fault(0, "encoding", message, line=1)
                return
        yield from header_faults(names if header.cells else [], schema)
        if not header.is_sound:
            yield Fault(
                0, "malformed", "The quotes of the header don't fit: one is not closed, or text follows", line=1
            )

    def _slice(self, chunk: "_Chunk", rows_before: int, layout: Layout) -> Slice:
        pieces = chunk.mended.lines if chunk.mended else chunk.pieces
        longest_bytes = max(1024, *map(len, pieces))
        file, path = scratch_file(pieces, self._directory, ".csv")
        fault = f"h{layout.width}" if chunk.mended else "CAST(NULL AS VARCHAR)"
        rows = self._reading(path, layout, layout.width + bool(chunk.mended), longest_bytes)
        return Slice(f"(SELECT *, {fault} AS fault FROM {rows})", chunk.row_count, rows_before, file=file)

    def _reading(self, path: str, layout: Layout, width: int, longest_bytes: int) -> str:
        """SQL that reads the records of a file; once for all columns that have the same missing values."""
        readings = []
        for null_texts, columns in self._columns.items():
            here = [column for column in columns if column != f"h{width}"]  # without faults, there is no such column
            if here:
                rows = self._read_csv(path, layout, width, longest_bytes, null_texts)
                readings.append(rows if len(here) == width else f"(SELECT {', '.join(here)} FROM {rows})")
        return readings[0] if len(readings) == 1 else f"(SELECT * FROM {side_by_side(readings)})"

    def _read_csv(self, path: str, layout: Layout, width: int, longest_bytes: int, null_texts: Sequence[str]) -> str:
        """The same for one set of missing values; strict, so that it fails where it doesn't understand."""
        columns = ", ".join(f"'h{place}': 'VARCHAR'" for place in range(width))
        missing = ", ".join(map(quote_text, null_texts))
        delimiter, quote = (quote_text(mark.decode()) for mark in (layout.grammar.delimiter, layout.grammar.quote))
        return (
            f"read_csv({quote_text(path)}, columns = {{{columns}}}, auto_detect = false, header = false, "
            f"delim = {delimiter}, quote = {quote}, escape = {quote}, new_line = '\\n', nullstr = [{missing}], "
            "allow_quoted_nulls = false, parallel = false, "
            f"max_line_size = {longest_bytes}, buffer_size = {longest_bytes * 4})"
        )


# --- slices ---------------------------------------------------------------------------------------------------------


@dataclass
class _Chunk:
    """Some records without blank lines, as they are or, where they may be broken, mended."""

    pieces: list[bytes] = field(default_factory=list)
    row_count: int = 0
    size_bytes: int = 0
    mended: Mended | None = None

    def add(self, text: bytes, row_count: int, is_proven: bool, layout: Layout) -> None:
        if self.mended is None and is_proven:
            self.pieces.append(text)
        else:
            self._mend(text, layout)
        self.row_count += row_count
        self.size_bytes += len(text)

    def add_open(self, piece: Piece, layout: Layout) -> None:
        """Add the last record of a file, which has no end."""
        mended = self._mend(b"", layout)
        message = f"The quote that opens on line {piece.open_quote_line} is never closed"
        if piece.is_endless:
            message = f"The row on line {piece.open_quote_line} is longer than {RECORD_BYTES // 1024**2} MB"
        mended.add_fault(layout, "malformed", message, piece.text)
        self.row_count += 1

    def _mend(self, text: bytes, layout: Layout) -> Mended:
        if self.mended is None:
            self.mended = Mended()
            for piece in self.pieces:
                mend(piece, layout, self.mended)
            self.pieces = []
        if text:
            mend(text, layout, self.mended)
        return self.mended


def _chunks(pieces: Iterator[Piece], layout: Layout) -> Iterator[_Chunk]:
    """Pieces in chunks of at most so many records as the layout allows; less where they are long, and at the end."""
    chunk, limit = _Chunk(), layout.row_limit
    for piece in pieces:
        if piece.open_quote_line is not None:
            if chunk.row_count == limit:
                yield chunk
                chunk = _Chunk()
            chunk.add_open(piece, layout)
            break
        rest, row_count, is_proven = _looked_at(piece.text, layout)
        while chunk.row_count + row_count >= limit:
            wanted = limit - chunk.row_count
            cut = _position_of_record_end(rest, wanted, row_count, layout)
            chunk.add(rest[:cut], wanted, is_proven, layout)
            yield chunk
            chunk, rest, row_count = _Chunk(), rest[cut:], row_count - wanted
        if rest:
            chunk.add(rest, row_count, is_proven, layout)
        if chunk.size_bytes >= CHUNK_BYTES or len(piece.text) >= LONG_BYTES:  # a piece is long for long records only
            yield chunk
            chunk = _Chunk()
    if chunk.row_count:
        yield chunk


def _looked_at(text: bytes, layout: Layout) -> tuple[bytes, int, bool]:
    """The records that are rows, how many they are, and whether all are sound at a glance."""
    row_count = layout.proven_rows(text)
    if row_count is None and not layout.keeps_blank_lines:
        without = without_blank_lines(layout.grammar, text)
        row_count, text = (layout.proven_rows(without) if without != text else None), without
    if row_count is not None:
        return text, row_count, True
    return text, layout.grammar.row_count(text), False


def _position_of_record_end(text: bytes, number: int, row_count: int, layout: Layout) -> int:
    """The offset just behind the number-th record."""
    if text.count(b"\n") == row_count:
        return position_of_line_end(text, number)
    position = 0
    for _ in range(number):
        found = layout.grammar.record.match(text, position)
        position = found.end() if found else len(text)
    return position
