"""Why rows don't conform: every error of a slice, in the order of its rows. Pure: no Django."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import duckdb

from catalog.attributes import NUMERAL, Attribute, describe_text, describe_type
from catalog.constraints import Check, checks, nested_checks, parameters_of
from catalog.engine import quote_text
from catalog.grouping import GROUP, grouped, side_by_side, stage, type_in_groups
from catalog.nested import breaks, explain_cell, note_nonconforming
from catalog.row_errors import (
    ERRORS_LISTED,
    KINDS_COUNTED,
    SHOWN_CHARACTERS,
    ErrorKind,
    RowError,
    Tally,
    json_value,
    parsed_cell,
    shorten,
    shown,
)
from catalog.rules.definition import ATTRIBUTE_LIMIT
from catalog.schema import Schema
from catalog.sources import BESIDE_ROWS, ENCODING_MARK, GROUPED_ATTRIBUTES, MEMBER_LIMIT, Cells, Slice
from catalog.types.nested import is_lenient
from config.problems import nearest

FINDINGS_AT_ONCE = 1_000
NESTED_CHARACTERS = 100_000  # of a JSON value that is looked into to say what is wrong with it


def explain(
    connection: duckdb.DuckDBPyConnection,
    schema: Schema,
    cells: Cells,
    piece: Slice,
    raw: str,
    limit: int = ERRORS_LISTED,
) -> tuple[list[RowError], Tally]:
    """The errors of a slice that has some: the first `limit` by row, and how many there are of each kind."""
    _create_explained(connection, cells, piece, raw)
    row = connection.execute("SELECT coalesce(sum(faults), 0)::BIGINT FROM explained").fetchone()
    total = int(row[0]) if row else 0
    shapes = _Shapes(schema, cells, piece.rows_before)
    errors = shapes.errors(connection, f"faults > 0 ORDER BY rowid LIMIT {limit}") if total else []
    note_nonconforming(connection, "explained", [(f"c{place}", check) for place, check in nested_checks(schema)])
    findings = [*_unread_findings(schema, cells), *_constraint_findings(schema)]
    broken = _find(connection, findings)
    first = f"SELECT place, finding FROM broken ORDER BY place, finding LIMIT {limit}"
    errors += _told(connection, findings, piece, f"SELECT finding, list(place) FROM ({first}) GROUP BY finding")
    errors.sort(key=lambda error: error.row)
    if total + broken <= limit:
        return errors, Tally.of(errors)
    kinds = [*(shapes.kinds(connection) if total else ()), *_kinds(connection, findings, piece)]
    return errors[:limit], Tally.of_kinds(kinds)


def _told(
    connection: duckdb.DuckDBPyConnection, findings: "Sequence[_Finding]", piece: Slice, select: str
) -> list[RowError]:
    """The errors that a SELECT of findings, each with its places, asks for."""
    found = connection.execute(f"{select} ORDER BY finding").fetchall()
    errors: list[RowError] = []
    # Where there are many columns, a statement for each would take longer than to look at more cells than are wanted.
    for some in grouped(found, GROUP if len(findings) > GROUPED_ATTRIBUTES else 1):
        errors += _listed(connection, [(findings[number], places) for number, places in some], piece.rows_before)
    return errors


def _kinds(connection: duckdb.DuckDBPyConnection, findings: "Sequence[_Finding]", piece: Slice) -> Iterator[ErrorKind]:
    """How often each finding holds, and where first."""
    firsts = _told(connection, findings, piece, "SELECT finding, [min(place)] FROM broken GROUP BY finding")
    counts = connection.execute("SELECT finding, count(*) FROM broken GROUP BY finding ORDER BY finding").fetchall()
    for (_, number), first in zip(counts, firsts, strict=True):
        yield ErrorKind(first.attribute, first.code, number, first)


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
    code: str
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
            value = json_value(self.attribute, cell)
            message = self.check.message(shown(cell))
            if self.code == "json_schema" and cell:
                message = f"{name}: {explain_cell(self.check, cell)}"
            return RowError(row, name, self.code, message, value, None if self.code == "required" else self.check.value)
        if self.column_type:
            message = f"{name} comes as {self.column_type}; it must be {describe_type(self.attribute)}"
            return RowError(row, name, self.code, message, cell)
        wanted = describe_text(self.attribute) if self.is_text else describe_type(self.attribute)
        message = f"{name} is {shown(cell)}; it must be {wanted}"
        if self.code == "out_of_range" and not self.attribute.is_exact:
            message = f"{name} is {shown(cell)}, which is beyond the 64 bits of a {self.attribute.type}"
        elif self.code == "duplicate_attribute":
            message = f"{name} is {shown(cell)}, in which {_twin(cell or '') or 'a member'!r} stands twice"
        return RowError(row, name, self.code, message, parsed_cell(cell))


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
        unread = f"readable AND r{place} IS NOT NULL AND c{place} IS NULL"
        column_type = cells.unreadable.get(attribute.name)
        # A source whose rows are no JSON says what is wrong with a row that is none.
        is_text = cells.describe_fault is not None
        special = None if column_type else _special_fault(attribute, f"CAST(r{place} AS VARCHAR)")
        if special:
            code, condition = special
            yield _Finding(attribute, place, f"{unread} AND coalesce({condition}, false)", code, is_text=is_text)
            unread = f"{unread} AND NOT coalesce({condition}, false)"
        yield _Finding(attribute, place, unread, "type", None, column_type, is_text)


def _special_fault(attribute: Attribute, cell: str) -> tuple[str, str] | None:
    """Of a cell that can't be read, what else it may be than of another type: the code, and SQL of whether it is."""
    if attribute.type in {"integer", "number"}:
        return "out_of_range", _is_beyond(attribute, cell)
    return ("duplicate_attribute", _holds_twins(attribute, cell)) if attribute.type in _BEGINS else None


def _constraint_findings(schema: Schema) -> Iterator[_Finding]:
    nested = count()  # as note_nonconforming numbers them
    for place, attribute in enumerate(schema.attributes):
        for check in checks(attribute, f"c{place}", required=attribute.name in schema.primary_key):
            broken = check.condition if check.json_schema is None else breaks(next(nested), f"c{place}")
            # A cell that is there but can't be read is a type error already.
            read = f"readable AND (r{place} IS NULL OR c{place} IS NOT NULL) AND ({broken})"
            yield _Finding(attribute, place, read, check.constraint.code, check)


@dataclass(frozen=True)
class _Shapes:
    """What is wrong with rows as such: no rows at all, or JSON objects with other names than the attributes'."""

    schema: Schema
    cells: Cells
    rows_before: int

    def errors(self, connection: duckdb.DuckDBPyConnection, wanted: str) -> list[RowError]:
        """All errors of some rows of `explained`."""
        rows = connection.execute(
            f"SELECT rowid, readable, record, {self._code} FROM explained WHERE {wanted}"
        ).fetchall()
        found: list[RowError] = []
        for place, readable, record, code in rows:
            number = self.rows_before + place + 1
            if self.cells.describe_fault:
                told, message, text = self.cells.describe_fault(record)
                found.append(RowError(number, "", told, message, shorten(text)))
            elif readable:
                found += _member_errors(self.schema, number, record)
            else:
                found.append(_unreadable_error(number, record, code))
        return found

    @property
    def _code(self) -> str:
        """SQL of the code of a row that is none."""
        return self.cells.fault_code if self.cells.describe_fault else _UNREADABLE

    def kinds(self, connection: duckdb.DuckDBPyConnection) -> Iterator[ErrorKind]:
        """How many errors there are of each kind, and the first; counted by DuckDB, like the rows that bring them."""
        counted = f"SELECT '' AS name, {self._code} AS code, 1 AS times, rowid AS place FROM explained"
        parameters: dict[str, Any] = {}
        if self.cells.describe_fault:
            counted += " WHERE faults > 0"
        else:
            counted += f" WHERE NOT readable UNION ALL {_MEMBERS}"
            beside = [name for name in BESIDE_ROWS if name not in self.schema.names]
            parameters = {"names": json.dumps(self.schema.names), "beside": beside}
        kinds = connection.execute(
            "SELECT if(number > $most, '', name), code, sum(times)::BIGINT, min(place) FROM (SELECT name, code, "
            "sum(times) AS times, min(place) AS place, row_number() OVER (ORDER BY min(place), name) AS number "
            f"FROM ({counted}) GROUP BY name, code) GROUP BY ALL ORDER BY min(place)",
            {**parameters, "most": KINDS_COUNTED},
        ).fetchall()
        places = ", ".join(map(str, sorted({place for *_, place in kinds})))
        by_row: dict[int, list[RowError]] = defaultdict(list)
        for error in self.errors(connection, f"rowid IN ({places}) ORDER BY rowid"):
            by_row[error.row].append(error)
        for name, code, times, place in kinds:
            errors = by_row[self.rows_before + place + 1]
            yield ErrorKind(
                name, code, times, min(errors, key=lambda each: (each.code != code, each.attribute != name))
            )


# The code of a row that is no JSON object.
_UNREADABLE = (
    f"CASE WHEN starts_with(record, {quote_text(ENCODING_MARK)}) THEN 'encoding' "
    f"WHEN json_valid(record) AND NOT {is_lenient('record')} "
    "AND json_type(CASE WHEN json_valid(record) THEN record END) <> 'OBJECT' THEN 'type' "
    f"WHEN len(json_keys(CASE WHEN json_valid(record) THEN record END)) > {MEMBER_LIMIT} "
    "THEN 'out_of_range' ELSE 'malformed' END"
)
# Names in JSON objects that are no attributes, or stand twice, as `_member_errors` tells them.
_MEMBERS = (
    "SELECT name, if(is_known, 'duplicate_attribute', 'unknown_attribute') AS code, times - less AS times, place FROM "
    "(SELECT *, CAST(is_known OR list_contains($beside, name) AS INTEGER) AS less FROM "
    "(SELECT name, place, times, name IN (SELECT unnest(CAST(CAST($names AS JSON) AS VARCHAR[]))) AS is_known FROM "
    "(SELECT name, place, count(*) AS times FROM "
    "(SELECT rowid AS place, unnest(json_keys(record)) AS name FROM explained WHERE readable AND faults > 0) "
    "GROUP BY name, place))) WHERE times > less"
)


def _unreadable_error(row: int, record: str, code: str) -> RowError:
    """Why a text is not a JSON object."""
    if code == "encoding":
        byte = record.removeprefix(ENCODING_MARK)
        return RowError(row, "", code, f"The row is not valid UTF-8 (byte {byte})")
    if code == "type":
        return RowError(row, "", code, "The row is not a JSON object", shorten(record))
    if code == "out_of_range":
        members = len(json.loads(record, object_pairs_hook=_Pairs))
        message = f"The row has {members} members; an Object has at most {ATTRIBUTE_LIMIT} attributes"
        return RowError(row, "", code, message, shorten(record))
    try:
        json.loads(record, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return RowError(row, "", code, f"The row is not JSON: {error}", shorten(record))
    # What Python's reader lets pass and DuckDB's doesn't: half of a surrogate pair.
    return RowError(row, "", code, "The row holds text that is not Unicode", shorten(record))


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


def _is_beyond(attribute: Attribute, cell: str) -> str:
    """SQL of whether a cell that can't be read is a number that is too large, rather than no number."""
    text = f"trim({cell}, '\"')" if attribute.is_exact else cell
    double, whole = f"abs(TRY_CAST({text} AS DOUBLE))", f"regexp_extract({text}, '^[+-]?([0-9]*)', 1)"
    if attribute.type == "integer":
        beyond = f"coalesce({double} >= {2**63}::DOUBLE, true) AND NOT regexp_matches({text}, '[.]0*[1-9][0-9]*$')"
    elif attribute.is_exact:
        digits = (attribute.precision or 0) - attribute.scale
        beyond = (
            f"CASE WHEN regexp_matches({text}, '[eE]') THEN coalesce({double} >= 1e{digits}, true) "
            f"ELSE length(ltrim({whole}, '0')) > {digits} END"
        )
    else:
        beyond = f"NOT coalesce(isfinite({double}), false)"
    return f"(regexp_full_match({text}, {quote_text(NUMERAL.pattern)}) AND {beyond})"


_BEGINS = {"array": "[", "object": "{", "any": ""}


def _holds_twins(attribute: Attribute, cell: str) -> str:
    """SQL of whether a cell that can't be read is JSON of the right kind: then a member stands twice in it."""
    begins = f"starts_with(ltrim({cell}, ' \t\r\n'), '{_BEGINS[attribute.type]}')"
    return f"({begins} AND json_valid({cell}) AND NOT {is_lenient(cell)})"
