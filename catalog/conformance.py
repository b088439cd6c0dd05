"""Whether rows conform to an Object, and their Parts if they do. Pure: no Django.

Rows go through DuckDB a slice at a time: read, check, write a Part. Nothing is kept of a source with an error but the
report, which has the true total and the first errors in the order of their rows.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from catalog import engine
from catalog.constraints import Check, nested_checks, parameters_of, placed_checks, row_checks
from catalog.engine import quote_name, quote_text
from catalog.explaining import explain
from catalog.grouping import columns, side_by_side, stage, type_in_groups
from catalog.nested import breaks, note_nonconforming
from catalog.parts import PART_OPTIONS
from catalog.row_errors import ERRORS_LISTED, NO_ERRORS, Report, RowError, Tally
from catalog.schema import Schema
from catalog.sources import GROUPED_ATTRIBUTES, Cells, Fault, LinedSource, MalformedError, Reading, Slice, Source
from config.timing import step

PLANNED_ROWS = 1_000


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
class Sieved:
    """The rows that conform, in order, each with the `_id` that its place in the source gives it; and all there were.

    A file's first and last `_id` are those of its slice, sound or not.
    """

    parts: tuple[PartFile, ...]
    row_count: int


@dataclass(frozen=True)
class _SliceOutcome:
    row_count: int
    part: PartFile | None
    errors: tuple[RowError, ...] = ()
    tally: Tally = NO_ERRORS


@step("validate")
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
    tally, row_count = NO_ERRORS, 0
    faults: list[Fault] = []
    for outcome in _in_parallel(work, enumerate(_until_malformed(source, faults)), workers):
        tally += outcome.tally
        row_count += outcome.row_count
        errors += outcome.errors[: ERRORS_LISTED - len(errors)]
        parts += [outcome.part] if outcome.part else []
    broken = [RowError(fault.row, fault.attribute, fault.code, fault.message, line=fault.line) for fault in faults]
    errors += broken[: ERRORS_LISTED - len(errors)]
    tally += Tally.of(broken)
    row_count = max([row_count, *(fault.row for fault in faults)])
    report = with_lines(Report(tuple(errors), tally.total, row_count, tally), source) if tally else None
    return Conformed(tuple(parts), row_count, report)


def _until_malformed(source: Source, faults: list[Fault]) -> Iterator[Slice]:
    """The slices of a source; where it breaks off, the reasons go to `faults`, and what came before still counts."""
    try:
        yield from source.slices()
    except MalformedError as error:
        faults += error.faults


def with_lines(report: Report, source: Source) -> Report:
    """The report with the line of each error's row, if the source has lines."""
    firsts = [kind.first for kind in report.tally.kinds.values()]
    rows = [error.row for error in (*report.errors, *firsts) if error.row and error.line is None]
    if not rows or not isinstance(source, LinedSource):
        return report
    lines = source.line_numbers(rows)
    return report.told_otherwise(lambda error: replace(error, line=error.line or lines.get(error.row)))


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
        if _SliceWriter(connection, schema, piece, destination, path).write(cells) == piece.row_count:
            part = part_file(path, piece.row_count, first, first + piece.row_count - 1)
            return _SliceOutcome(piece.row_count, part)
        path.unlink(missing_ok=True)
        errors, tally = explain(connection, schema, cells, piece, cells.raw(piece.relation))
        if not tally:
            first_row, last_row = piece.rows_before + 1, piece.rows_before + piece.row_count
            raise RuntimeError(f"Of the rows {first_row} to {last_row} some were lost, and none is at fault")
        if schema.is_related:
            named = ", ".join(f"c{place} AS {quote_name(name)}" for place, name in enumerate(schema.names))
            _copy(connection, f"SELECT {named}, rowid + {first} AS _id, 0 AS _version FROM explained", path)
            suspect = part_file(path, piece.row_count, first, first + piece.row_count - 1)
            return _SliceOutcome(piece.row_count, suspect, tuple(errors), tally)
        return _SliceOutcome(piece.row_count, None, tuple(errors), tally)


@step("validate")
def sieve(source: Source, schema: Schema, destination: Destination, workers: int = 2) -> Sieved:
    """The rows of a source that conform, as Parquet files; what is wrong with the others is asked later (`explain`).

    Row-level rules only. Raises MalformedError if the source can't be taken apart to its end.
    """
    cells = source.cells(schema)

    def work(numbered: tuple[int, Slice]) -> _SliceOutcome:
        return _sieve_slice(schema, cells, numbered[0], numbered[1], destination)

    outcomes = list(_in_parallel(work, enumerate(source.slices()), workers))
    return Sieved(tuple(each.part for each in outcomes if each.part), sum(each.row_count for each in outcomes))


def _sieve_slice(schema: Schema, cells: Cells, number: int, piece: Slice, destination: Destination) -> _SliceOutcome:
    path = destination.directory / f"{destination.prefix}-{number}.parquet"
    first = destination.first_row_id + piece.rows_before
    with engine.cursor(is_serial=True) as connection:
        writer = _SliceWriter(connection, schema, piece, destination, path)
        sound = writer.write(cells) if piece.row_count else 0
    part = part_file(path, sound, first, first + piece.row_count - 1) if sound else None
    return _SliceOutcome(piece.row_count, part)


@dataclass(frozen=True)
class _SliceWriter:
    """Writes the rows of a slice that are without a fault, numbered in their order, as one file."""

    connection: duckdb.DuckDBPyConnection
    schema: Schema
    piece: Slice
    destination: Destination
    path: Path

    def write(self, cells: Cells) -> int:
        """How many rows are without a fault. In the quick way if all conform."""
        sound = 0
        for reading in (cells.quick, cells):
            if reading:
                sound = self._write_read(reading)
            if sound == self.piece.row_count:
                break
        return self._take_out_nonconforming() if sound and nested_checks(self.schema) else sound

    def _write_read(self, reading: Reading) -> int:
        """The rows in one way to read; 0 if some can't even be read in it."""
        try:
            if len(self.schema.attributes) > GROUPED_ATTRIBUTES:
                return self._write_in_groups(reading)
            return self._write_at_once(reading)
        except duckdb.InvalidInputException:
            if isinstance(reading, Cells):
                raise
            return 0

    def _write_at_once(self, reading: Reading) -> int:
        """The rows in one statement."""
        places = range(len(self.schema.attributes))
        all_checks = row_checks(self.schema)
        constants = parameters_of(all_checks)
        is_planned = self.piece.is_generic and self.piece.row_count <= PLANNED_ROWS
        is_planned = is_planned and engine.can_be_planned(constants) and engine.can_be_planned(self.piece.parameters)
        typed = ", ".join(f"{reading.typed[place]} AS c{place}" for place in places)
        wrong = [
            "faults > 0",
            *(f"(r{place} IS NOT NULL AND c{place} IS NULL)" for place in places),
            *(f"({engine.with_literals(check.condition, constants if is_planned else {})})" for check in all_checks),
        ]
        # The numbering also keeps the filter from being pushed below it, where every cell would be read twice.
        read = f"SELECT faults, {columns('r', places)}, {typed} FROM ({reading.raw(self.piece.relation)})"
        checked = (
            f"SELECT {columns('c', places)}, row_number() OVER () AS place, "
            f"coalesce({' OR '.join(wrong)}, false) AS faulty FROM ({read})"
        )
        numbers = self._numbers()
        # Parameters only for a plan that is kept: at the first one, DuckDB looks for libraries of tables to import.
        before, version = ("$rows_before", "$table_version") if is_planned else numbers.values()
        select = (
            f"SELECT {self._named_cells()}, place + CAST({before} AS BIGINT) AS _id, "
            f"CAST({version} AS BIGINT) AS _version FROM ({checked}) WHERE NOT faulty"
        )
        if is_planned:
            return engine.copy_as_planned(select, PART_OPTIONS, {**self.piece.parameters, **numbers}, self.path)
        return _copy(self.connection, select, self.path, {**self.piece.parameters, **constants})

    def _write_in_groups(self, reading: Reading) -> int:
        """The rows in many statements, a group of columns in each."""
        # What a record was is only asked for when it is at fault.
        raw = reading.raw(self.piece.relation)
        stage(self.connection, f"SELECT * EXCLUDE (record) FROM ({raw})", self.piece.parameters)
        by_place: dict[int, list[Check]] = defaultdict(list)
        for place, check in placed_checks(self.schema):
            by_place[place].append(check)

        def faults(places: Sequence[int]) -> tuple[str, Mapping[str, Any]]:
            used = [check for place in places for check in by_place[place]]
            wrong = [f"(r{place} IS NOT NULL AND c{place} IS NULL)" for place in places]
            return " OR ".join([*wrong, *(f"({check.condition})" for check in used)]), parameters_of(used)

        tables = type_in_groups(self.connection, reading.typed, faults)
        faulty = " OR ".join(["faults > 0", *(f"faulty_{number}" for number in range(len(tables)))])
        before, version = self._numbers().values()
        numbered = f"(SELECT rowid + CAST({before} AS BIGINT) + 1 AS _id, faults FROM staged)"
        select = (
            f"SELECT {self._named_cells()}, _id, CAST({version} AS BIGINT) AS _version "
            f"FROM {side_by_side([*tables, numbered])} WHERE NOT ({faulty})"
        )
        return _copy(self.connection, select, self.path)

    def _named_cells(self) -> str:
        return ", ".join(f"c{place} AS {quote_name(name)}" for place, name in enumerate(self.schema.names))

    def _numbers(self) -> dict[str, int]:
        """What numbers the rows: the `_id` before the first, and the TableVersion."""
        before = self.destination.first_row_id + self.piece.rows_before - 1
        return {"rows_before": before, "table_version": self.destination.version}

    def _take_out_nonconforming(self) -> int:
        """Take out of the file the rows that break a check which looks into JSON; how many are left."""
        relation = f"read_parquet({quote_text(str(self.path))})"
        checks = nested_checks(self.schema)
        names = [quote_name(self.schema.names[place]) for place, _ in checks]
        asked = list(zip(names, (check for _, check in checks), strict=True))
        if not note_nonconforming(self.connection, relation, asked):
            row = self.connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
            return int(row[0]) if row else 0
        broken = " OR ".join(f"coalesce({breaks(number, column)}, false)" for number, column in enumerate(names))
        left = self.path.with_suffix(".left.parquet")
        row_count = _copy(self.connection, f"SELECT * FROM {relation} WHERE NOT ({broken}) ORDER BY _id", left)
        left.replace(self.path)
        return row_count


def write_part(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> PartFile:
    """Write a SELECT with `_id` as one Part; the caller sees to it that it has between 1 and SLICE_ROWS rows."""
    part = rewrite_part(connection, select, path)
    return part or part_file(path, 0, 0, 0)


def rewrite_part(
    connection: duckdb.DuckDBPyConnection, select: str, path: Path, parameters: Mapping[str, Any] | None = None
) -> PartFile | None:
    """The same of what may be left of a Part; None if it is nothing."""
    statement = f"COPY ({select}) TO {quote_text(str(path))} ({PART_OPTIONS}, RETURN_STATS)"
    row = connection.execute(statement, parameters or {}).fetchone()
    if not row or not row[1]:
        return None
    ids = row[4]['"_id"']
    return part_file(path, int(row[1]), int(ids["min"]), int(ids["max"]))


def _copy(
    connection: duckdb.DuckDBPyConnection, select: str, path: Path, parameters: Mapping[str, Any] | None = None
) -> int:
    """Write a SELECT as a Parquet file; how many rows it has."""
    statement = f"COPY ({select}) TO {quote_text(str(path))} ({PART_OPTIONS})"
    row = connection.execute(statement, parameters or {}).fetchone()
    return int(row[0]) if row else 0


def part_file(path: Path, row_count: int, first_row_id: int, last_row_id: int) -> PartFile:
    """A written file with its digest and its size."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PartFile(path, digest, row_count, path.stat().st_size, first_row_id, last_row_id)
