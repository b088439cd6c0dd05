"""Whether rows conform to an Object, and their Parts if they do. Pure: no Django.

Rows go through DuckDB a slice at a time: read, check, write a Part. Nothing is kept of a source with an error but the
report, which has the true total and the first errors in the order of their rows.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from catalog import engine
from catalog.attributes import NUMERAL, Attribute, Check, Schema, checks, describe_type
from catalog.engine import quote_name, quote_text
from catalog.sources import ENCODING_MARK, Cells, Fault, LinedSource, MalformedError, Reading, Slice, Source
from config.problems import nearest, pointer

ERRORS_LISTED = 1_000
SHOWN_CHARACTERS = 200
DOUBLE_EXPONENT = 308


@dataclass(frozen=True)
class RowError:
    """One thing that is wrong with one row (attributes.md, Errors). `row` counts from 1; 0 is the header.

    line: where the row begins in the input, from 1, if that is not plain from its number (CSV).
    """

    row: int
    attribute: str
    code: str
    message: str
    value: Any = None
    constraint: Any = None
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The error as in the contract; `value` and `constraint` stand where they mean something."""
        found: dict[str, Any] = {
            "row": self.row,
            "attribute": self.attribute,
            "code": self.code,
            "message": self.message,
        }
        if self.line is not None:
            found["line"] = self.line
        if self.value is not None:
            found["value"] = self.value
        if self.constraint is not None:
            found["constraint"] = self.constraint
        found["pointer"] = pointer("rows", self.row, self.attribute) if self.attribute else pointer("rows", self.row)
        return found


@dataclass(frozen=True)
class Report:
    """What is wrong with rows: the true total, and the first errors."""

    errors: tuple[RowError, ...]
    error_count: int
    row_count: int

    @property
    def is_truncated(self) -> bool:
        return self.error_count > len(self.errors)

    @property
    def title(self) -> str:
        """ "3 errors in 1000 rows"."""
        errors = "1 error" if self.error_count == 1 else f"{self.error_count} errors"
        return f"{errors} in {self.row_count} row{'s' * (self.row_count != 1)}"


@dataclass(frozen=True)
class PartFile:
    """A Part on its way to the database."""

    path: Path
    digest: str
    row_count: int
    size_bytes: int
    first_row_id: int
    last_row_id: int


@dataclass(frozen=True)
class Destination:
    """Where Parts go: a directory, the `_id` of the first row, and the number of the TableVersion that writes them.

    prefix: begins the names of the files, where several sources share the directory.
    """

    directory: Path
    first_row_id: int = 1
    version: int = 0
    prefix: str = "part"


@dataclass(frozen=True)
class Conformed:
    """The Parts of rows that conform, in order, or the report of rows that don't."""

    parts: tuple[PartFile, ...]
    row_count: int
    report: Report | None = None


@dataclass(frozen=True)
class _SliceOutcome:
    row_count: int
    part: PartFile | None
    errors: tuple[RowError, ...] = ()
    error_count: int = 0


def conform(source: Source, schema: Schema, destination: Destination, workers: int = 2) -> Conformed:
    """Check all rows of a source against a schema and write them as Parts.

    Row-level rules only; keys are checked by `catalog.keys`, over Parts. At most `workers` slices are in
    work at once, each in memory; every slice is looked at even after an error, so the totals are true.
    """
    cells = source.cells(schema)

    def work(numbered: tuple[int, Slice]) -> _SliceOutcome:
        return _conform_slice(schema, cells, numbered[0], numbered[1], destination)

    errors: list[RowError] = []
    parts: list[PartFile] = []
    error_count = row_count = 0
    faults: list[Fault] = []
    for outcome in _in_parallel(work, enumerate(_until_malformed(source, faults)), workers):
        error_count += outcome.error_count
        row_count += outcome.row_count
        errors += outcome.errors[: ERRORS_LISTED - len(errors)]
        parts += [outcome.part] if outcome.part else []
    errors += [RowError(fault.row, fault.attribute, fault.code, fault.message, line=fault.line) for fault in faults][
        : ERRORS_LISTED - len(errors)
    ]
    error_count += len(faults)
    row_count = max([row_count, *(fault.row for fault in faults)])
    if error_count:
        return Conformed((), row_count, with_lines(Report(tuple(errors), error_count, row_count), source))
    return Conformed(tuple(parts), row_count)


def _until_malformed(source: Source, faults: list[Fault]) -> Iterator[Slice]:
    """The slices of a source; where it breaks off, the reasons go to `faults`, and what came before still counts."""
    try:
        yield from source.slices()
    except MalformedError as error:
        faults += error.faults


def with_lines(report: Report, source: Source) -> Report:
    """The report with the line of each error's row, if the source has lines."""
    rows = [error.row for error in report.errors if error.row and error.line is None]
    if not rows or not isinstance(source, LinedSource):
        return report
    lines = source.line_numbers(rows)
    return replace(report, errors=tuple(replace(e, line=e.line or lines.get(e.row)) for e in report.errors))


def _in_parallel(
    work: Callable[[tuple[int, Slice]], _SliceOutcome], items: Iterable[tuple[int, Slice]], workers: int
) -> Iterator[_SliceOutcome]:
    """Outcomes in the order of the items. A single item, the common case, is done here, without a thread."""
    waiting = iter(items)
    first = list(islice(waiting, 2))
    if len(first) < 2:
        yield from map(work, first)
        return
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, item) for item in first]
        for item in waiting:
            if len(running) > workers:
                yield running.pop(0).result()
            running.append(pool.submit(work, item))
        for future in running:
            yield future.result()


def _conform_slice(schema: Schema, cells: Cells, number: int, piece: Slice, destination: Destination) -> _SliceOutcome:
    """One statement for rows that conform: read, check and write those without a fault; it says how many these are."""
    if not piece.row_count:
        return _SliceOutcome(0, None)
    path = destination.directory / f"{destination.prefix}-{number}.parquet"
    first = destination.first_row_id + piece.rows_before
    with engine.cursor(is_serial=True) as connection:
        for reading in (cells.quick, cells):
            if reading and _write_sound_rows(connection, schema, reading, piece, destination, path) == piece.row_count:
                part = _part_file(path, piece.row_count, first, first + piece.row_count - 1)
                return _SliceOutcome(piece.row_count, part)
        path.unlink(missing_ok=True)
        errors, error_count = _explain(connection, schema, cells, piece, cells.raw(piece.relation))
        return _SliceOutcome(piece.row_count, None, tuple(errors), error_count)


def _write_sound_rows(
    connection: duckdb.DuckDBPyConnection,
    schema: Schema,
    reading: Reading,
    piece: Slice,
    destination: Destination,
    path: Path,
) -> int:
    """Write the rows without a fault, numbered in their order; how many they are, 0 if some can't even be read."""
    places = range(len(schema.attributes))
    all_checks = _row_checks(schema)
    typed = ", ".join(f"{reading.typed[place]} AS c{place}" for place in places)
    wrong = [
        "faults > 0",
        *(f"(r{place} IS NOT NULL AND c{place} IS NULL)" for place in places),
        *(f"({check.condition})" for check in all_checks),
    ]
    before = destination.first_row_id + piece.rows_before - 1
    columns = ", ".join(f"c{place} AS {quote_name(name)}" for place, name in enumerate(schema.names))
    # The numbering also keeps the filter from being pushed below it, where every cell would be read twice.
    read = f"SELECT faults, {_columns('r', places)}, {typed} FROM ({reading.raw(piece.relation)})"
    checked = (
        f"SELECT {_columns('c', places)}, row_number() OVER () AS place, "
        f"coalesce({' OR '.join(wrong)}, false) AS faulty FROM ({read})"
    )
    select = (
        f"SELECT {columns}, CAST(place + {before} AS BIGINT) AS _id, "
        f"CAST({destination.version} AS BIGINT) AS _version FROM ({checked}) WHERE NOT faulty"
    )
    try:
        return _copy(connection, select, path, {**piece.parameters, **_parameters(all_checks)})
    except duckdb.InvalidInputException:
        if isinstance(reading, Cells):
            raise
        return 0


def _columns(letter: str, places: Iterable[int]) -> str:
    return ", ".join(f"{letter}{place}" for place in places)


def _parameters(used: Iterable[Check]) -> dict[str, Any]:
    return {name: value for check in used for name, value in check.parameters.items()}


def _row_checks(schema: Schema) -> list[Check]:
    """Every row-level check over the columns c0, c1, ... of a slice."""
    return [
        check
        for place, attribute in enumerate(schema.attributes)
        for check in checks(attribute, f"c{place}", required=attribute.name in schema.primary_key)
    ]


def write_part(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> PartFile:
    """Write a SELECT with `_id` as one Part; the caller sees to it that it has between 1 and SLICE_ROWS rows."""
    _copy(connection, select, path)
    relation = f"read_parquet({quote_text(str(path))})"
    row = connection.execute(f"SELECT count(*), min(_id), max(_id) FROM {relation}").fetchone()
    row_count, first, last = row or (0, 0, 0)
    return _part_file(path, row_count, first, last)


def _copy(
    connection: duckdb.DuckDBPyConnection, select: str, path: Path, parameters: Mapping[str, Any] | None = None
) -> int:
    """Write a SELECT as a Parquet file; how many rows it has."""
    # Version 2 of the format encodes differences: a third faster to write, and up to eight times smaller.
    options = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd"
    statement = f"COPY ({select}) TO {quote_text(str(path))} ({options})"
    row = connection.execute(statement, parameters or {}).fetchone()
    return int(row[0]) if row else 0


def _part_file(path: Path, row_count: int, first_row_id: int, last_row_id: int) -> PartFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PartFile(path, digest, row_count, path.stat().st_size, first_row_id, last_row_id)


# --- explaining errors ----------------------------------------------------------------------------------------------


def _explain(
    connection: duckdb.DuckDBPyConnection, schema: Schema, cells: Cells, piece: Slice, raw: str
) -> tuple[list[RowError], int]:
    """The errors of a slice that has some: the first ERRORS_LISTED by row, and how many there are."""
    typed = ", ".join(f"{sql} AS c{place}" for place, sql in enumerate(cells.typed))
    connection.execute(f"CREATE TEMP TABLE explained AS SELECT *, {typed} FROM ({raw})", piece.parameters)
    row = connection.execute("SELECT coalesce(sum(faults), 0)::BIGINT FROM explained").fetchone()
    total = int(row[0]) if row else 0
    errors = _shape_errors(connection, schema, cells, piece) if total else []
    findings = [*_unread_findings(schema, cells), *_constraint_findings(schema)]
    numbered = ", ".join(f"CASE WHEN {each.condition} THEN {number} END" for number, each in enumerate(findings))
    row = connection.execute(
        "CREATE TEMP TABLE broken AS SELECT * FROM "
        f"(SELECT rowid AS place, unnest([{numbered}]) AS finding FROM explained) WHERE finding IS NOT NULL",
        _parameters(finding.check for finding in findings if finding.check),
    ).fetchone()
    total += int(row[0]) if row else 0
    first = f"SELECT place, finding FROM broken ORDER BY place, finding LIMIT {ERRORS_LISTED}"
    for number, places in connection.execute(
        f"SELECT finding, list(place) FROM ({first}) GROUP BY finding ORDER BY finding"
    ).fetchall():
        errors += findings[number].listed(connection, places, piece.rows_before)
    errors.sort(key=lambda error: error.row)
    return errors[:ERRORS_LISTED], total


@dataclass(frozen=True)
class _Finding:
    """A kind of error of one attribute: the condition over `explained`, and how to word it."""

    attribute: Attribute
    place: int
    condition: str
    check: Check | None = None
    column_type: str | None = None

    def listed(self, connection: duckdb.DuckDBPyConnection, places: Sequence[int], rows_before: int) -> list[RowError]:
        """The errors of the rows of `explained` at these places, with their cells."""
        column = f"c{self.place}" if self.check else f"r{self.place}"
        rows = connection.execute(
            f"SELECT rowid, left(CAST({column} AS VARCHAR), {SHOWN_CHARACTERS * 2}) FROM explained "
            "WHERE rowid IN (SELECT unnest($places))",
            {"places": places},
        ).fetchall()
        return [self._error(rows_before + row + 1, cell) for row, cell in rows]

    def _error(self, row: int, cell: str | None) -> RowError:
        name = self.attribute.name
        if self.check:
            code = self.check.constraint.code
            value = json_value(self.attribute, cell)
            message = self.check.message(shown(cell))
            return RowError(row, name, code, message, value, None if code == "required" else self.check.value)
        if self.column_type:
            message = f"{name} comes as {self.column_type}; it must be {describe_type(self.attribute)}"
            return RowError(row, name, "type", message, cell)
        code = "out_of_range" if _is_beyond(self.attribute, cell or "") else "type"
        message = f"{name} is {shown(cell)}; it must be {describe_type(self.attribute)}"
        if code == "out_of_range" and not self.attribute.is_exact:
            message = f"{name} is {shown(cell)}, which is beyond the 64 bits of a {self.attribute.type}"
        return RowError(row, name, code, message, _parsed(cell))


def _unread_findings(schema: Schema, cells: Cells) -> Iterator[_Finding]:
    for place, attribute in enumerate(schema.attributes):
        condition = f"readable AND r{place} IS NOT NULL AND c{place} IS NULL"
        yield _Finding(attribute, place, condition, column_type=cells.unreadable.get(attribute.name))


def _constraint_findings(schema: Schema) -> Iterator[_Finding]:
    for place, attribute in enumerate(schema.attributes):
        for check in checks(attribute, f"c{place}", required=attribute.name in schema.primary_key):
            # A cell that is there but can't be read is a type error already.
            read = f"readable AND (r{place} IS NULL OR c{place} IS NOT NULL) AND ({check.condition})"
            yield _Finding(attribute, place, read, check)


def _shape_errors(connection: duckdb.DuckDBPyConnection, schema: Schema, cells: Cells, piece: Slice) -> list[RowError]:
    rows = connection.execute(
        f"SELECT rowid, readable, record FROM explained WHERE faults > 0 ORDER BY rowid LIMIT {ERRORS_LISTED}"
    ).fetchall()
    found: list[RowError] = []
    for row, readable, record in rows:
        number = piece.rows_before + row + 1
        if cells.describe_fault:
            code, message, text = cells.describe_fault(record)
            found.append(RowError(number, "", code, message, _shorten(text)))
        else:
            found += _member_errors(schema, number, record) if readable else [_unreadable_error(number, record)]
    return found


def _unreadable_error(row: int, record: str) -> RowError:
    """Why a text is not a JSON object."""
    if record.startswith(ENCODING_MARK):
        byte = record.removeprefix(ENCODING_MARK)
        return RowError(row, "", "encoding", f"The row is not valid UTF-8 (byte {byte})")
    try:
        value = json.loads(record)
    except (ValueError, RecursionError) as error:
        return RowError(row, "", "malformed", f"The row is not JSON: {error}", _shorten(record))
    if not isinstance(value, dict):
        return RowError(row, "", "type", "The row is not a JSON object", _shorten(record))
    # What Python's reader lets pass and DuckDB's doesn't: half of a surrogate pair.
    return RowError(row, "", "malformed", "The row holds text that is not Unicode", _shorten(record))


def _member_errors(schema: Schema, row: int, record: str) -> Iterator[RowError]:
    """What is wrong with the names in a JSON object: unknown, or there twice."""
    pairs = json.loads(record, object_pairs_hook=_Pairs)
    seen = set()
    for name, value in pairs:
        if name not in schema.names:
            hint = nearest(name, schema.names)
            yield RowError(row, name, "unknown_attribute", f"{name!r} is no attribute; {hint}", _shorten(value))
        elif name in seen:
            yield RowError(row, name, "duplicate_attribute", f"{name!r} stands twice in the row", _shorten(value))
        seen.add(name)


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, as they stand, duplicates included."""


def _shorten(value: Any) -> Any:
    return value[:SHOWN_CHARACTERS] if isinstance(value, str) else value


def shown(cell: str | None) -> str:
    """A cell as a message shows it."""
    if cell is None:
        return "null"
    return cell if len(cell) <= SHOWN_CHARACTERS else cell[:SHOWN_CHARACTERS] + "…"


def _parsed(cell: str | None) -> Any:
    """A raw cell as the JSON value it was, or as its text."""
    try:
        return _shorten(json.loads(cell or "null", parse_float=Decimal, parse_constant=str))
    except ValueError:
        return _shorten(cell)


def json_value(attribute: Attribute, cell: str | None) -> Any:
    """A typed cell, given as text, as a JSON value."""
    if attribute.type in {"integer", "number", "boolean"}:
        return _parsed(cell)
    return _shorten(cell)


def _is_beyond(attribute: Attribute, cell: str) -> bool:
    """Whether an unreadable cell is a number that is too large, rather than no number."""
    text = cell.strip('"') if attribute.is_exact else cell
    if attribute.type not in {"integer", "number"} or not NUMERAL.fullmatch(text):
        return False
    try:
        number = Decimal(text)
    except ArithmeticError:
        return False
    if attribute.type == "integer":
        return abs(number) >= 2**63 and number == number.to_integral_value()
    if attribute.is_exact:
        return number.adjusted() + 1 > (attribute.precision or 0) - attribute.scale
    return number.adjusted() >= DOUBLE_EXPONENT
