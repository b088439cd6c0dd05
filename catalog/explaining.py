"""Why rows don't conform: every error of a slice, in the order of its rows. Pure: no Django."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from catalog.attributes import NUMERAL, Attribute, Schema, describe_type
from catalog.constraints import Check, checks, parameters_of
from catalog.row_errors import ERRORS_LISTED, SHOWN_CHARACTERS, RowError, json_value, parsed_cell, shorten, shown
from catalog.sources import ENCODING_MARK, Cells, Slice
from config.problems import nearest

DOUBLE_EXPONENT = 308


def explain(
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
        parameters_of(finding.check for finding in findings if finding.check),
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
        return RowError(row, name, code, message, parsed_cell(cell))


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
            found.append(RowError(number, "", code, message, shorten(text)))
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
        return RowError(row, "", "malformed", f"The row is not JSON: {error}", shorten(record))
    if not isinstance(value, dict):
        return RowError(row, "", "type", "The row is not a JSON object", shorten(record))
    # What Python's reader lets pass and DuckDB's doesn't: half of a surrogate pair.
    return RowError(row, "", "malformed", "The row holds text that is not Unicode", shorten(record))


def _member_errors(schema: Schema, row: int, record: str) -> Iterator[RowError]:
    """What is wrong with the names in a JSON object: unknown, or there twice."""
    pairs = json.loads(record, object_pairs_hook=_Pairs)
    seen = set()
    for name, value in pairs:
        if name not in schema.names:
            hint = nearest(name, schema.names)
            yield RowError(row, name, "unknown_attribute", f"{name!r} is no attribute; {hint}", shorten(value))
        elif name in seen:
            yield RowError(row, name, "duplicate_attribute", f"{name!r} stands twice in the row", shorten(value))
        seen.add(name)


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, as they stand, duplicates included."""


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
