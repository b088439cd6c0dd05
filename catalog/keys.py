"""Keys over Parts: rows whose key stands more than once. Pure: no Django."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from catalog import engine
from catalog.conformance import Conformed, Destination, conform, with_lines
from catalog.engine import quote_name, quote_text
from catalog.parts import rows_sql
from catalog.row_errors import ERRORS_LISTED, NO_ERRORS, ErrorKind, Report, RowError, Tally, json_value, shown
from catalog.schema import Key, Schema
from catalog.sources import Source
from config.timing import step

NUMBER = quote_name("\x1fnumber")  # a row's number in the input; no attribute can have this name
PLACE = quote_name("\x1fplace")
SMALL_ROWS = 10_000  # that few rows are not worth a second thread


@step("validate")
def conform_with_keys(
    source: Source, schema: Schema, destination: Destination, workers: int = 2, old: Sequence[Path] = ()
) -> Conformed:
    """`conform`, and no key of the rows stands twice among them and in the Parts that are there: one report of all.

    A row that is at fault otherwise is looked at too; a cell of its key that can't be read exempts it.
    """
    return with_keys_checked(conform(source, schema, destination, workers), source, schema, destination, old)


def with_keys_checked(
    conformed: Conformed, source: Source, schema: Schema, destination: Destination, old: Sequence[Path] = ()
) -> Conformed:
    """What conformed, with what is wrong with its keys: the second half of `conform_with_keys`."""
    if not conformed.parts or not any(schema.keys()):
        return conformed
    written = [part.path for part in conformed.parts]
    fresh = numbered_rows(schema, written, destination.first_row_id) if old else None
    number = f"_id - {destination.first_row_id} + 1"
    is_small = not old and conformed.row_count <= SMALL_ROWS
    errors, tally = key_errors(schema, [*old, *written], number, fresh, is_serial=is_small)
    if not tally:
        return conformed
    report = with_lines(merged_report(conformed.report, errors, tally, conformed.row_count), source)
    return Conformed(conformed.parts, conformed.row_count, report)


def numbered_rows(schema: Schema, paths: Sequence[Path], first_row_id: int) -> str:
    """SQL of rows that were written in the order of a source, with their NUMBER in it."""
    return f"SELECT *, _id - {first_row_id} + 1 AS {NUMBER} FROM ({rows_sql(paths, schema.columns)})"


def merged_report(report: Report | None, errors: Sequence[RowError], tally: Tally, row_count: int) -> Report:
    """A report with more errors, all in the order of their rows. tally: of the errors that are added, listed or not."""
    if report is None:
        return Report(tuple(errors[:ERRORS_LISTED]), tally.total, row_count, tally)
    together = sorted([*report.errors, *errors], key=lambda error: error.row)[:ERRORS_LISTED]
    every = (report.tally or Tally.of(report.errors)) + tally
    return Report(tuple(together), every.total, max(row_count, report.row_count), every)


def key_errors(
    schema: Schema,
    paths: Sequence[Path],
    row_number: str,
    fresh: str | None = None,
    limit: int = ERRORS_LISTED,
    is_serial: bool = False,
) -> tuple[list[RowError], Tally]:
    """Rows that repeat a key of the schema: the first `limit`, and how many there are of each kind.

    paths: all Parts of the Table as it would be. fresh: SQL of the rows that are being written, with `_id` and their
    NUMBER in the input; only these can be in error, and only their keys are looked up; None means all rows, and
    then row_number is SQL for a row's number from its `_id`. Of rows with the same key, the first is right, or one
    that was there before.
    """
    errors: list[RowError] = []
    tally = NO_ERRORS
    keys = list(schema.keys())
    if not keys:
        return errors, tally
    with engine.cursor(is_serial=is_serial) as connection:
        for key in keys:
            for group in [paths] if fresh else _groups(connection, paths, key):
                relation = rows_sql(group, schema.columns)
                found, count = _repeated(connection, schema, key, relation, row_number, fresh, limit)
                if count:
                    errors = sorted(errors + found, key=lambda error: error.row)[:limit]
                    tally += tally_of_key(found, count)
    return errors, tally


def tally_of_key(errors: Sequence[RowError], count: int) -> Tally:
    """A tally of the errors of one key, all of one kind, of which the first are given."""
    return Tally.of_kinds([ErrorKind(errors[0].attribute, errors[0].code, count, errors[0])])


def _groups(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], key: Key) -> Iterator[list[Path]]:
    """The Parts in groups whose ranges of the key's first attribute don't meet: no key can stand in two groups.

    A key that grows with the rows, the common case, so costs the memory of one Part and not of the whole Table.
    """
    if len(paths) < 2:
        yield list(paths)
        return
    name, files = quote_name(key.names[0]), ", ".join(quote_text(str(path)) for path in paths)
    ranges = connection.execute(
        "SELECT file_index, coalesce(lowest > max(highest) OVER (ORDER BY lowest, file_index "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) FROM (SELECT file_index, min(cell) AS lowest, "
        f"max(cell) AS highest FROM (SELECT {name} AS cell, list_position([{files}], filename) AS file_index "
        f"FROM read_parquet([{files}], filename = true)) WHERE cell IS NOT NULL GROUP BY file_index) "
        "ORDER BY lowest, file_index"
    ).fetchall()
    group: list[Path] = []
    for index, is_apart in ranges:
        if is_apart:
            yield group
            group = []
        group.append(paths[index - 1])
    if group:
        yield group


def _repeated(
    connection: duckdb.DuckDBPyConnection,
    schema: Schema,
    key: Key,
    relation: str,
    row_number: str,
    fresh: str | None,
    limit: int,
) -> tuple[list[RowError], int]:
    names = ", ".join(quote_name(name) for name in key.names)
    whole = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in key.names)
    # A semi join lets DuckDB skip the row groups that can't hold the keys that are written.
    wanted = f"SEMI JOIN (SELECT DISTINCT {names} FROM ({fresh})) USING ({names})" if fresh else ""
    twice = f"SELECT {names} FROM ({relation}) {wanted} WHERE {whole} GROUP BY {names} HAVING count(*) > 1"
    row = connection.execute(f"SELECT count(*) FROM ({twice})").fetchone()
    if not row or not row[0]:
        return [], 0
    connection.execute(f"CREATE OR REPLACE TEMP TABLE twice AS {twice}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE numbers AS "
        + (
            f"SELECT _id, {NUMBER} FROM ({fresh})"
            if fresh
            else f"SELECT _id, {row_number} AS {NUMBER} FROM ({relation})"
        )
        + f" SEMI JOIN twice USING ({names})"
    )
    ranked = (
        f"SELECT {NUMBER}, {names}, "
        f"row_number() OVER (PARTITION BY {names} ORDER BY {NUMBER} NULLS FIRST, _id) AS {PLACE} "
        f"FROM ({relation}) SEMI JOIN twice USING ({names}) LEFT JOIN numbers USING (_id)"
    )
    late = f"FROM ({ranked}) WHERE {NUMBER} IS NOT NULL AND {PLACE} > 1"
    count = connection.execute(f"SELECT count(*) {late}").fetchone()
    cells = ", ".join(f"CAST({quote_name(name)} AS VARCHAR)" for name in key.names)
    listed = connection.execute(f"SELECT {NUMBER}, {cells} {late} ORDER BY {NUMBER} LIMIT {limit}").fetchall()
    return [_error(schema, key, number, found) for number, *found in listed], int(count[0]) if count else 0


def _error(schema: Schema, key: Key, row: int, cells: Sequence[str]) -> RowError:
    attribute = key.names[0] if len(key.names) == 1 else ""
    values = {name: json_value(schema.attribute(name), cell) for name, cell in zip(key.names, cells, strict=True)}
    listed = ", ".join(f"{name} {shown(cell)}" for name, cell in zip(key.names, cells, strict=True))
    value = values[attribute] if attribute else values
    return RowError(row, attribute, key.code, f"Another row already has {listed}", value, list(key.names))
