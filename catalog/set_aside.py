"""Rows that a lenient import does not take, as a file that can be mended and loaded again. Pure: no Django.

A file of text keeps its kind: CSV stays CSV, JSON in its forms becomes NDJSON; everything else becomes NDJSON too.
Cells stand as they came; beside them stand `_row`, the number in the input, and `_errors`, all that is wrong with it.
What can't be taken apart into cells is kept as its text: in CSV as a record of another length than the header's, in
NDJSON as the member `_record`; neither loads before it is mended.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import duckdb

from catalog import engine
from catalog.engine import quote_text
from catalog.explaining import explain
from catalog.formats.dialects import Dialect
from catalog.formats.writers import json_line
from catalog.row_errors import ERRORS_LISTED, NO_ERRORS, RowError, Tally
from catalog.schema import Schema
from catalog.sieving import FIRST_ID, SoundRows, told
from catalog.sources import BESIDE_ROWS, BLOCK_BYTES, ENCODING_MARK, Cells, Slice, Source
from config.exact_json import JSONError, dump_json, load_json

ROWS_EXPLAINED: Final = 10_000
CELLS_EXPLAINED: Final = 200_000
ROWS_FETCHED: Final = 500
ALL_ERRORS: Final = 2**62
RECORD: Final = "_record"
MEDIA_TYPES: Final = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
"""Of the formats of such files."""


class TooManyRowsError(Exception):
    """The file of rows set aside would be too large to keep."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The rows that do not conform are too many to set aside: packed, they take more than {limit_bytes} bytes."
        )


@dataclass(frozen=True)
class SetAsideFile:
    """What was written: the format, how many rows and errors, the first errors in the order of their rows, and all of
    them by kind."""

    path: Path
    format: str
    row_count: int
    error_count: int
    errors: tuple[RowError, ...]
    tally: Tally


@runtime_checkable
class _Named(Protocol):
    def names(self) -> list[str]: ...


@runtime_checkable
class _Written(Protocol):
    """A source in a dialect; its records come with quotes doubled, whatever the escape was."""

    dialect: Dialect


def set_aside(
    source: Source, schema: Schema, sound: SoundRows, format_name: str, directory: Path, limit_bytes: int
) -> SetAsideFile:
    """Write every row of the source that is not among the sound ones to a gzip file, with all its errors.

    format_name: that of the input. The source is read a second time. Raises TooManyRowsError.
    """
    path = directory / "set-aside.gz"
    cells = source.cells(schema)
    layout = _layout(source, schema, cells, format_name)
    row_count = error_count = 0
    listed: list[RowError] = []
    tally = NO_ERRORS
    with path.open("wb") as packed, gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as file:
        file.write(layout.head.encode())
        for piece in source.slices():
            for rows in _explained(piece, schema, cells, sound, directory, layout):
                row_count += len(rows)
                tally += Tally.of(error for _, errors in rows for error in errors)
                for text, errors in rows:
                    file.write(text.encode())
                    error_count += len(errors)
                    listed += errors[: ERRORS_LISTED - len(listed)]
                if packed.tell() > limit_bytes:
                    raise TooManyRowsError(limit_bytes)
    return SetAsideFile(path, layout.format_name, row_count, error_count, tuple(listed), tally)


_Lines = list[tuple[str, list[RowError]]]


def _explained(
    piece: Slice, schema: Schema, cells: Cells, sound: SoundRows, directory: Path, layout: "_Layout"
) -> Iterator[_Lines]:
    """The bad rows of a slice as text, with their errors; some at a time."""
    first, last = piece.rows_before + 1, piece.rows_before + piece.row_count
    files = [file for file in sound.files if first <= file.first <= last]
    count = piece.row_count - sum(file.row_count for file in files)
    if not count:
        return
    apart = directory / "apart.parquet"
    taken = " UNION ALL ".join(f"SELECT _id - {FIRST_ID - 1} FROM {file.relation}" for file in files)
    unsound = f" WHERE number NOT IN ({taken})" if taken else ""
    numbered = f"SELECT *, row_number() OVER () + {piece.rows_before} AS number FROM ({cells.raw(piece.relation)})"
    with engine.cursor(is_serial=True) as connection:
        connection.execute(
            f"COPY (SELECT * FROM ({numbered}){unsound} ORDER BY number) TO {quote_text(str(apart))} (FORMAT parquet)",
            dict(piece.parameters),
        )
    step = max(min(ROWS_EXPLAINED, CELLS_EXPLAINED // max(len(schema.attributes), 1)), 1)
    for start in range(0, count, step):
        window = f"file_row_number >= {start} AND file_row_number < {start + step}"
        raw = (
            "SELECT * EXCLUDE (file_row_number) FROM "
            f"read_parquet({quote_text(str(apart))}, file_row_number = true) WHERE {window}"
        )
        with engine.cursor(is_serial=True) as connection:
            found, _ = explain(connection, schema, cells, Slice("", min(step, count - start)), raw, ALL_ERRORS)
            yield from _lines(connection, found, sound, layout)
    apart.unlink()


def _lines(
    connection: duckdb.DuckDBPyConnection, found: Sequence[RowError], sound: SoundRows, layout: "_Layout"
) -> Iterator[_Lines]:
    """The rows of the table `explained` as text."""
    numbers = [number for (number,) in connection.execute("SELECT number FROM explained ORDER BY rowid").fetchall()]
    by_row: dict[int, list[RowError]] = {
        number: list(errors) for number, errors in sound.rejections.between(numbers[0], numbers[-1]).items()
    }
    for error in found:
        number = numbers[error.row - 1]
        by_row.setdefault(number, []).append(replace(error, row=number))
    connection.execute(
        f"SELECT number, readable, CAST(record AS VARCHAR), {layout.cells} FROM explained ORDER BY rowid"
    )
    while rows := connection.fetchmany(ROWS_FETCHED):
        lines = []
        for number, readable, record, *texts in rows:
            errors = by_row.get(number, [])
            beside = {"_row": number, "_errors": [told(error) for error in errors]}
            text = layout.line(texts, beside) if readable else layout.unreadable(record, beside)
            lines.append((text, errors))
        yield lines


# --- how a row stands in the file ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """cells: SQL over `explained` of the texts that `line` takes."""

    format_name: str
    cells: str
    head: str = ""

    def line(self, texts: Sequence[str | None], beside: Mapping[str, Any]) -> str:
        raise NotImplementedError

    def unreadable(self, record: str | None, beside: Mapping[str, Any]) -> str:
        """A row that is no row, as its text."""
        text = (record or "").removeprefix(ENCODING_MARK)
        return dump_json({RECORD: text, **beside}).decode() + "\n"


def _layout(source: Source, schema: Schema, cells: Cells, format_name: str) -> _Layout:
    beside = [name for name in BESIDE_ROWS if name not in schema.names]
    if format_name == "csv":
        given = source.names() if isinstance(source, _Named) else schema.names
        names = [name for name in dict.fromkeys(given) if name in schema.names] or schema.names
        dialect = source.dialect if isinstance(source, _Written) else Dialect()
        return _CSV.over(schema, cells, names, beside, dialect)
    if format_name in {"json", "ndjson"}:
        return _Records("ndjson", "record", beside=tuple(beside))
    return _Typed.over(schema, beside)


@dataclass(frozen=True)
class _Records(_Layout):
    """The JSON text of a row as it came, with two members more."""

    beside: tuple[str, ...] = BESIDE_ROWS

    def line(self, texts: Sequence[str | None], beside: Mapping[str, Any]) -> str:
        # White space that stands outside strings; inside, control characters are escaped.
        record = (texts[0] or "{}").strip().translate({10: " ", 13: " "})
        if any(f'"{name}"' in record for name in self.beside):
            record = _without(record, self.beside)
        more = ", ".join(f"{json.dumps(name)}: {dump_json(beside[name]).decode()}" for name in self.beside)
        inner = record[:-1].rstrip()
        between = ", " if more and not inner.endswith("{") else ""
        return f"{inner}{between}{more}}}\n"


def _without(record: str, names: Sequence[str]) -> str:
    """A record that was set aside before, without what stood beside it."""
    try:
        found = load_json(record.encode())
    except JSONError:  # a name stands twice, say; then it stays for whoever mends it
        return record
    return dump_json({name: value for name, value in found.items() if name not in names}).decode()


@dataclass(frozen=True)
class _Typed(_Layout):
    """Cells with types as a JSON object: those that could not be read as the text that they are shown as."""

    beside: tuple[str, ...] = BESIDE_ROWS

    @classmethod
    def over(cls, schema: Schema, beside: Sequence[str]) -> "_Typed":
        members = []
        for place, attribute in enumerate(schema.attributes):
            name = f"c{place}"
            cell = f"substr({json_line([replace(attribute, name=name)])}, {len(name) + 5})"
            name_json = quote_text(json.dumps(attribute.name, ensure_ascii=False) + ":")
            members.append(
                f"{name_json} || CASE WHEN {name} IS NOT NULL THEN left({cell}, -1) "
                f"WHEN r{place} IS NOT NULL THEN CAST(to_json(CAST(r{place} AS VARCHAR)) AS VARCHAR) ELSE 'null' END"
            )
        between = ", ', ', "
        return cls("ndjson", f"concat('{{', {between.join(members)}, '}}')", beside=tuple(beside))

    line = _Records.line


@dataclass(frozen=True)
class _CSV(_Layout):
    """A record of CSV in UTF-8 with commas, whatever the dialect was that it came in."""

    beside: tuple[str, ...] = BESIDE_ROWS
    width: int = 0
    described: Cells | None = field(default=None)
    dialect: Dialect = field(default=Dialect())

    @classmethod
    def over(
        cls, schema: Schema, cells: Cells, names: Sequence[str], beside: Sequence[str], dialect: Dialect
    ) -> "_CSV":
        head = _record([*beside, *names])
        columns = [
            _csv_cell(f"r{schema.names.index(name)}", schema.missing_values_of(schema.attribute(name)))
            for name in names
        ]
        between = ", ',', "  # of a function: DuckDB takes no thousand operators in each other
        return cls("csv", f"concat({between.join(columns)})", head, tuple(beside), len(names), cells, dialect)

    def line(self, texts: Sequence[str | None], beside: Mapping[str, Any]) -> str:
        return f"{self._start(beside)}{texts[0]}\n"

    def unreadable(self, record: str | None, beside: Mapping[str, Any]) -> str:
        describe = self.described.describe_fault if self.described else None
        text = describe(record or "")[2] if describe else record
        cells = _cut(text or "", self.dialect)
        if len(cells) == self.width:
            cells = [text or ""] if self.width > 1 else [text or "", ""]
        return self._start(beside) + _record(cells)

    def _start(self, beside: Mapping[str, Any]) -> str:
        texts = [str(value) if name == "_row" else _readable(value) for name, value in beside.items()]
        start = [text for name, text in zip(beside, texts, strict=True) if name in self.beside]
        return _record(start).rstrip("\n") + "," if start else ""


def _readable(errors: Sequence[Mapping[str, Any]]) -> str:
    return dump_json([{name: error[name] for name in ("attribute", "code", "message")} for error in errors]).decode()


def _cut(text: str, dialect: Dialect) -> list[str]:
    """A record that has too few or too many cells, as those; another one as a single cell."""
    try:
        rows = list(
            csv.reader(
                io.StringIO(text),
                delimiter=dialect.delimiter,
                quotechar=dialect.quote or None,
                quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
                strict=True,
            )
        )
    except csv.Error:
        return [text]
    return rows[0] if len(rows) == 1 else [text]


def _record(cells: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(cells)
    return written.getvalue()


def _csv_cell(column: str, missing_values: Sequence[str]) -> str:
    """SQL of a cell's text as CSV: what is null stands as it did, unquoted; what only looks like it is quoted."""
    nothing = "" if "" in missing_values or not missing_values else missing_values[0]
    special = "".join(f" OR contains({column}, {text})" for text in ("'\"'", "','", "chr(10)", "chr(13)"))
    reserved = ", ".join(quote_text(value) for value in ("", *missing_values))
    quoted = f"'\"' || replace({column}, '\"', '\"\"') || '\"'"
    return (
        f"CASE WHEN {column} IS NULL THEN {quote_text(nothing)} "
        f"WHEN {column} IN ({reserved}){special} THEN {quoted} ELSE {column} END"
    )


def unpacked(content: bytes) -> Iterator[bytes]:
    """The text of a file of rows set aside, a block at a time."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        while block := file.read(BLOCK_BYTES):
            yield block
