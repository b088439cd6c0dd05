"""Why rows don't conform: every error of a slice, in the order of its rows. Pure: no Django."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

import duckdb

from catalog.attributes import NUMERAL, Attribute, describe_text, describe_type
from catalog.constraints import Check, checks, nested_checks, parameters_of
from catalog.grouping import GROUP, grouped, side_by_side, stage, type_in_groups
from catalog.nested import breaks, explain_cell, note_nonconforming
from catalog.row_errors import ERRORS_LISTED, SHOWN_CHARACTERS, RowError, json_value, parsed_cell, shorten, shown
from catalog.schema import Schema
from catalog.sources import BESIDE_ROWS, ENCODING_MARK, GROUPED_ATTRIBUTES, Cells, Slice
from config.problems import nearest

DOUBLE_EXPONENT = 308
FINDINGS_AT_ONCE = 1_000
NESTED_CHARACTERS = 100_000  # of a JSON value that is looked into to say what is wrong with it


def explain(
    connection: duckdb.DuckDBPyConnection,
    schema: Schema,
    cells: Cells,
    piece: Slice,
    raw: str,
    limit: int = ERRORS_LISTED,
) -> tuple[list[RowError], int]:
    """The errors of a slice that has some: the first `limit` by row, and how many there are."""
    _create_explained(connection, cells, piece, raw)
    row = connection.execute("SELECT coalesce(sum(faults), 0)::BIGINT FROM explained").fetchone()
    total = int(row[0]) if row else 0
    errors = _shape_errors(connection, schema, cells, piece, limit) if total else []
    note_nonconforming(connection, "explained", [(f"c{place}", check) for place, check in nested_checks(schema)])
    findings = [*_unread_findings(schema, cells), *_constraint_findings(schema)]
    total += _find(connection, findings)
    first = f"SELECT place, finding FROM broken ORDER BY place, finding LIMIT {limit}"
    found = connection.execute(
        f"SELECT finding, list(place) FROM ({first}) GROUP BY finding ORDER BY finding"
    ).fetchall()
    # Where there are many columns, a statement for each would take longer than to look at more cells than are wanted.
    for some in grouped(found, GROUP if len(schema.attributes) > GROUPED_ATTRIBUTES else 1):
        errors += _listed(connection, [(findings[number], places) for number, places in some], piece.rows_before)
    errors.sort(key=lambda error: error.row)
    return errors[:limit], total


def _create_explained(connection: duckdb.DuckDBPyConnection, cells: Cells, piece: Slice, raw: str) -> None:
    """The temporary table `explained`: the raw cells of a slice, and beside them the typed ones."""
    if len(cells.typed) > GROUPED_ATTRIBUTES:
        stage(connection, raw, piece.parameters)
        tables = side_by_side(["staged", *type_in_groups(connection, cells.typed)])
        connection.execute(f"CREATE TEMP TABLE explained AS SELECT * FROM {tables}")
        return
    typed = ", ".join(f"{sql} AS c{place}" for place, sql in enumerate(cells.typed))
    connection.execute(f"CREATE TEMP TABLE explained AS SELECT *, {typed} FROM ({raw})", piece.parameters)


def _find(connection: duckdb.DuckDBPyConnection, findings: "Sequence[_Finding]") -> int:
    """Fill the temporary table `broken` with the places where each finding holds, by its number; how many they are."""
    connection.execute("CREATE TEMP TABLE broken (place BIGINT, finding INTEGER)")
    total = 0
    for some in grouped(list(enumerate(findings)), FINDINGS_AT_ONCE):
        numbered = ", ".join(f"CASE WHEN {each.condition} THEN {number} END" for number, each in some)
        row = connection.execute(
            "INSERT INTO broken SELECT * FROM "
            f"(SELECT rowid AS place, unnest([{numbered}]) AS finding FROM explained) WHERE finding IS NOT NULL",
            parameters_of(each.check for _, each in some if each.check),
        ).fetchone()
        total += int(row[0]) if row else 0
    return total


def _listed(
    connection: duckdb.DuckDBPyConnection, found: "Sequence[tuple[_Finding, list[int]]]", rows_before: int
) -> Iterator[RowError]:
    """The errors of findings at these places of `explained`, with their cells."""
    shown_cells = ", ".join(finding.cell for finding, _ in found)
    wanted = sorted({place for _, places in found for place in places})
    rows = connection.execute(
        f"SELECT rowid, {shown_cells} FROM explained "
        "WHERE rowid IN (SELECT unnest(CAST(CAST($places AS JSON) AS BIGINT[])))",
        {"places": json.dumps(wanted)},  # as text: a long list of its own takes DuckDB seconds
    ).fetchall()
    by_place = {place: texts for place, *texts in rows}
    for number, (finding, places) in enumerate(found):
        yield from (finding.error(rows_before + place + 1, by_place[place][number]) for place in places)


@dataclass(frozen=True)
class _Finding:
    """A kind of error of one attribute: the condition over `explained`, and how to word it."""

    attribute: Attribute
    place: int
    condition: str
    check: Check | None = None
    column_type: str | None = None
    is_text: bool = False  # whether cells come as text, in which an attribute's settings count

    @property
    def cell(self) -> str:
        """SQL of the beginning of the cell, as it is shown."""
        column = f"c{self.place}" if self.check else f"r{self.place}"
        length = NESTED_CHARACTERS if self.attribute.kind.is_json else SHOWN_CHARACTERS * 2
        return f"left(CAST({column} AS VARCHAR), {length})"

    def error(self, row: int, cell: str | None) -> RowError:
        """The error of a row, given its number and its cell."""
        name = self.attribute.name
        if self.check:
            code = self.check.constraint.code
            value = json_value(self.attribute, cell)
            message = self.check.message(shown(cell))
            if code == "json_schema" and cell:
                message = f"{name}: {explain_cell(self.check, cell)}"
            return RowError(row, name, code, message, value, None if code == "required" else self.check.value)
        if self.column_type:
            message = f"{name} comes as {self.column_type}; it must be {describe_type(self.attribute)}"
            return RowError(row, name, "type", message, cell)
        wanted = describe_text(self.attribute) if self.is_text else describe_type(self.attribute)
        code, message = "type", f"{name} is {shown(cell)}; it must be {wanted}"
        if _is_beyond(self.attribute, cell or ""):
            code = "out_of_range"
            if not self.attribute.is_exact:
                message = f"{name} is {shown(cell)}, which is beyond the 64 bits of a {self.attribute.type}"
        elif self.attribute.kind.is_json and (twin := _twin(cell or "")) is not None:
            code, message = "duplicate_attribute", f"{name} is {shown(cell)}, in which {twin!r} stands twice"
        return RowError(row, name, code, message, parsed_cell(cell))


def _twin(cell: str) -> str | None:
    """The name of a member that stands twice in an object of this JSON; None if there is none."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        found.extend(name for place, name in enumerate(names) if name in names[:place])
        return dict(pairs)

    try:
        json.loads(cell, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return None
    return found[0] if found else None


def _unread_findings(schema: Schema, cells: Cells) -> Iterator[_Finding]:
    for place, attribute in enumerate(schema.attributes):
        condition = f"readable AND r{place} IS NOT NULL AND c{place} IS NULL"
        column_type = cells.unreadable.get(attribute.name)
        # A source whose rows are no JSON says what is wrong with a row that is none.
        yield _Finding(attribute, place, condition, None, column_type, is_text=cells.describe_fault is not None)


def _constraint_findings(schema: Schema) -> Iterator[_Finding]:
    nested = count()  # as note_nonconforming numbers them
    for place, attribute in enumerate(schema.attributes):
        for check in checks(attribute, f"c{place}", required=attribute.name in schema.primary_key):
            broken = check.condition if check.json_schema is None else breaks(next(nested), f"c{place}")
            # A cell that is there but can't be read is a type error already.
            read = f"readable AND (r{place} IS NULL OR c{place} IS NOT NULL) AND ({broken})"
            yield _Finding(attribute, place, read, check)


def _shape_errors(
    connection: duckdb.DuckDBPyConnection, schema: Schema, cells: Cells, piece: Slice, limit: int
) -> list[RowError]:
    rows = connection.execute(
        f"SELECT rowid, readable, record FROM explained WHERE faults > 0 ORDER BY rowid LIMIT {limit}"
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
        value = json.loads(record, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return RowError(row, "", "malformed", f"The row is not JSON: {error}", shorten(record))
    if not isinstance(value, dict):
        return RowError(row, "", "type", "The row is not a JSON object", shorten(record))
    # What Python's reader lets pass and DuckDB's doesn't: half of a surrogate pair.
    return RowError(row, "", "malformed", "The row holds text that is not Unicode", shorten(record))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _member_errors(schema: Schema, row: int, record: str) -> Iterator[RowError]:
    """What is wrong with the names in a JSON object: unknown, or there twice."""
    pairs = json.loads(record, object_pairs_hook=_Pairs)
    seen = set()
    for name, value in pairs:
        if name not in schema.names:
            if name in BESIDE_ROWS and name not in seen:
                seen.add(name)
                continue
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
