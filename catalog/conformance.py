"""Whether rows conform to an Object, and their Parts if they do. Pure: no Django.

Rows go through DuckDB a slice at a time: read, check, write a Part. Nothing is kept of a source with an error but the
report, which has the true total and the first errors in the order of their rows.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from catalog import engine
from catalog.attributes import Schema
from catalog.constraints import parameters_of, row_checks
from catalog.engine import quote_name, quote_text
from catalog.explaining import explain
from catalog.row_errors import ERRORS_LISTED, Report, RowError
from catalog.sources import Cells, Fault, LinedSource, MalformedError, Reading, Slice, Source


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
    """The Parts of rows that conform, in order, or the report of rows that don't.

    With a report, the Parts hold all rows as far as they could be read: for the check of keys, never to be stored.
    """

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
    report = with_lines(Report(tuple(errors), error_count, row_count), source) if error_count else None
    return Conformed(tuple(parts), row_count, report)


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
        errors, error_count = explain(connection, schema, cells, piece, cells.raw(piece.relation))
        if any(schema.keys()):
            columns = ", ".join(f"c{place} AS {quote_name(name)}" for place, name in enumerate(schema.names))
            _copy(connection, f"SELECT {columns}, rowid + {first} AS _id, 0 AS _version FROM explained", path)
            suspect = _part_file(path, piece.row_count, first, first + piece.row_count - 1)
            return _SliceOutcome(piece.row_count, suspect, tuple(errors), error_count)
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
    all_checks = row_checks(schema)
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
        return _copy(connection, select, path, {**piece.parameters, **parameters_of(all_checks)})
    except duckdb.InvalidInputException:
        if isinstance(reading, Cells):
            raise
        return 0


def _columns(letter: str, places: Iterable[int]) -> str:
    return ", ".join(f"{letter}{place}" for place in places)


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
