"""Applying a diff: the rows of the expected side, with what the diff says of them, are those of the actual side.

A patch is the rows of a diff as `Differences.lines` writes them, or those between two versions of a Table. It fits
where every row that it changes or removes still is as it was; any other is a conflict, and nothing is applied.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import duckdb

from catalog.comparison.canonical import canonical, with_canonical_json
from catalog.comparison.cells import is_nested, type_word
from catalog.comparison.shape import Column, Relation, Side
from catalog.engine import quote_name, quote_text
from config.problems import nearest

APPLIED_CLASSES: Final = ("changed", "missing", "unexpected")
LEFT_CLASSES: Final = ("moved", "duplicate_key")  # say nothing of what rows there are
VERSION_CLASSES: Final = {"added": "unexpected", "removed": "missing"}  # as between two versions of a table
SIDES: Final = (("expected", "actual"), ("old", "new"))
CONFLICTS_LISTED: Final = 20
SHOWN_CHARACTERS: Final = 80
LINES_AT_ONCE: Final = 10_000


class PatchError(ValueError):
    """A patch that can't be read: what is wrong, and in which line."""


class ConflictError(Exception):
    """Rows that are not as the patch found them. rows: the first of them, as (row, what is wrong); `count` is true."""

    def __init__(self, count: int, rows: Sequence[tuple[int, str]]) -> None:
        listed = "; ".join(f"row {row} {what}" for row, what in rows)
        more = f"; and {count - len(rows)} more" if count > len(rows) else ""
        super().__init__(f"The patch does not fit: {listed}{more}. Nothing was changed.")
        self.count = count
        self.rows = list(rows)


class HiddenError(Exception):
    """A patch that says what values are which its writer may not see: `names` of the attributes."""

    def __init__(self, names: Sequence[str]) -> None:
        listed = ", ".join(map(repr, names))
        super().__init__(f"{listed}: only who may see sensitive values may apply a patch that says what they were.")
        self.names = list(names)


@dataclass(frozen=True)
class Patch:
    """A patch that fits the rows it is for. counts: its rows by class. told: attributes whose old values it says."""

    table: str
    side: Side
    attributes: Sequence[Column]
    counts: Mapping[str, int]
    told: frozenset[str]

    def result(self) -> str:
        """A query of all rows with the patch applied, in their order, new ones at the end."""
        return _result(self.table, self.side, self.attributes)

    def written(self) -> str:
        """A query of the whole rows that change or are new, in the patch's order: `_id` (null if new), attributes."""
        kept, added = (_cells(self.attributes, is_kept) for is_kept in (True, False))
        return (
            f"SELECT * EXCLUDE (_table) FROM (SELECT p.n AS _table, t.r AS _id, {kept} "
            f"FROM {self.table} p JOIN ({self.side.rows()}) t ON t.r = p.r WHERE p.class = 'changed' UNION ALL "
            f"SELECT p.n, NULL, {added} FROM {self.table} p "
            "WHERE p.class = 'unexpected') ORDER BY _table"
        )

    def removed(self) -> str:
        """A query of the rows `r` that go."""
        return f"SELECT r FROM {self.table} WHERE class = 'missing' ORDER BY r"


@contextmanager
def read_patch(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    lines: Iterable[str],
    hidden: frozenset[str] = frozenset(),
) -> Iterator[Patch]:
    """A patch of the relation's rows, read and held against them; what is kept of it goes when this ends.

    relation: with its columns. hidden: attributes whose values the writer may not see; a patch says what they were, and
    whether it fits would tell them. Raises PatchError, ConflictError and HiddenError.
    """
    columns = [Column(name, position, kind) for position, (name, kind) in enumerate(relation.columns or ())]
    side = Side(relation, tuple(columns))
    attributes = side.attributes(())
    table = f'temp."patch_{uuid4().hex}"'
    try:
        counts, told = _load(connection, table, lines, attributes, side.id_column is not None)
        if told & hidden:
            raise HiddenError(sorted(told & hidden))
        _refuse_unreadable(connection, table, attributes)
        _refuse_conflicts(connection, table, side, attributes)
        yield Patch(table, side, attributes, counts, told)
    finally:
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def _load(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    lines: Iterable[str],
    attributes: Sequence[Column],
    has_ids: bool,
) -> tuple[dict[str, int], frozenset[str]]:
    """Fill the table with the lines; the rows by class, and the attributes whose old values are told."""
    connection.execute(f"CREATE TEMP TABLE {table} (n BIGINT, class VARCHAR, r BIGINT, cells JSON, row JSON)")
    counts = dict.fromkeys(APPLIED_CLASSES, 0)
    types = {each.name: each.type for each in attributes}
    told: set[str] = set()
    block: list[list[Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        read = _read_line(number, line, types, has_ids)
        if read is None:
            continue
        counts[read.row_class] += 1
        if read.row_class != "unexpected":
            told |= read.cells.keys()
        text = json.dumps(read.cells)
        block.append([number, read.row_class, read.place, text, text])
        if len(block) >= LINES_AT_ONCE:
            _insert(connection, table, block)
            block = []
    _insert(connection, table, block)
    return counts, frozenset(told)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, block: list[list[Any]]) -> None:
    if block:
        connection.execute(
            f"INSERT INTO {table} SELECT (b->>0)::BIGINT, b->>1, (b->>2)::BIGINT, (b->>3)::JSON, (b->>4)::JSON FROM ("
            "SELECT unnest(CAST(CAST($block AS JSON) AS JSON[])) AS b)",
            {"block": json.dumps(block)},
        )


@dataclass(frozen=True)
class _Line:
    row_class: str
    place: str | None
    cells: Mapping[str, Any]


def _read_line(number: int, line: str, types: Mapping[str, str], has_ids: bool) -> _Line | None:
    """What a line says; None for a class that changes nothing."""
    try:
        # Numbers stay as they are written: a decimal of 30 digits is no double.
        found = json.loads(line, parse_float=_Digits, parse_int=_Digits)
    except (ValueError, RecursionError) as error:
        raise PatchError(f"Line {number} of the patch is no JSON: {error}.") from error
    given = found.get("class") if isinstance(found, dict) else None
    row_class = VERSION_CLASSES.get(str(given), given)
    if row_class not in (*APPLIED_CLASSES, *LEFT_CLASSES):
        raise PatchError(f"Line {number} of the patch has no class; it is one of {', '.join(APPLIED_CLASSES)}.")
    if row_class in LEFT_CLASSES:
        return None
    held = "cells" if row_class == "changed" else "row"
    cells = found.get(held)
    if not isinstance(cells, dict):
        raise PatchError(f"Line {number} of the patch has no {held}: a {given} row has them.")
    texts = {name: _cell_texts(number, name, cell, types, row_class) for name, cell in cells.items()}
    if row_class == "unexpected":
        return _Line(row_class, None, texts)
    word = "expected_id" if has_ids else "expected_position"
    place = found.get(word, found.get("_id") if has_ids else None)
    if not (isinstance(place, _Digits) and place.isdigit() and len(place) < 19):
        raise PatchError(f"Line {number} of the patch has no {word}, which says which row is {given}.")
    return _Line(row_class, str(place), texts)


class _Digits(str):
    """A number as it is written."""


def _cell_texts(number: int, name: str, cell: Any, types: Mapping[str, str], row_class: str) -> Any:
    """What a line says of a cell, its values as texts that their type is read from."""
    if name not in types:
        hint = nearest(name, sorted(types))
        raise PatchError(f"Line {number} of the patch: there is no attribute {name!r}; {hint}")
    if row_class != "changed":
        return _former(cell, types[name]) if row_class == "missing" else _text(cell, types[name])
    sides = next((each for each in SIDES if isinstance(cell, dict) and cell.keys() >= set(each)), None)
    if sides is None:
        raise PatchError(f"Line {number} of the patch: {name!r} must have expected and actual.")
    before, after = (cell[side] for side in sides)
    if isinstance(before, dict) and not is_nested(types[name]):
        raise PatchError(
            f"Line {number} of the patch: what is expected of {name!r} is the matcher {_json(before)}, which doesn't "
            "say what the row held. A diff that was made with matchers can't be applied."
        )
    return {"expected": _former(before, types[name]), "actual": _text(after, types[name])}


def _former(value: Any, duckdb_type: str) -> str | None:
    """What a cell was: JSON in the form in which it is compared, for members have no order and 1.0 is 1."""
    text = _text(value, duckdb_type)
    return canonical(text) if text is not None and duckdb_type == "JSON" else text


def _text(value: Any, duckdb_type: str) -> str | None:
    """A cell as text that its type is read from; None for null."""
    if value is None:
        return None
    is_text = isinstance(value, str) and not isinstance(value, _Digits) and duckdb_type != "JSON"
    return str(value) if is_text else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, _Digits):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(name, ensure_ascii=False)}:{_json(each)}" for name, each in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _pointer(name: str, *more: str) -> str:
    parts = [name.replace("~", "~0").replace("/", "~1"), *more]
    return quote_text("/" + "/".join(parts))


def _refuse_unreadable(connection: duckdb.DuckDBPyConnection, table: str, attributes: Sequence[Column]) -> None:
    """Raise PatchError for the first line with a text that the attribute's type isn't read from, such as 1.5."""
    for each in attributes:
        cell = _pointer(each.name)
        texts = (
            f"[p.row->>{cell}, p.cells->>{_pointer(each.name, 'expected')}, p.cells->>{_pointer(each.name, 'actual')}]"
        )
        texts = f"CASE WHEN p.class = 'changed' THEN {texts}[2:] ELSE {texts}[:1] END"
        found = connection.execute(
            f"SELECT n, text FROM (SELECT n, unnest({texts}) AS text FROM {table} p) "
            f"WHERE text IS NOT NULL AND NOT ({_is_readable('text', each.type)}) ORDER BY n LIMIT 1"
        ).fetchone()
        if found:
            word, text = type_word(each.type), str(found[1])
            shown = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
            scale = f" of the type {each.type}" if each.type.startswith("DECIMAL(") else ""
            raise PatchError(f"Line {found[0]} of the patch: {shown!r} is no {word}{scale}, as {each.name!r} is.")


def _is_readable(text: str, duckdb_type: str) -> str:
    """Whether a type is read from a text as it is; a cast alone would round 1.5 to an integer."""
    is_cast = f"TRY_CAST({text} AS {duckdb_type}) IS NOT NULL"
    if type_word(duckdb_type) == "integer":
        return f"{is_cast} AND regexp_full_match({text}, '[+-]?[0-9]+')"
    decimal = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", duckdb_type)
    if decimal:
        return f"{is_cast} AND regexp_full_match({text}, '[+-]?[0-9]*([.][0-9]{{0,{decimal[1]}}}0*)?')"
    return is_cast


def _refuse_conflicts(
    connection: duckdb.DuckDBPyConnection, table: str, side: Side, attributes: Sequence[Column]
) -> None:
    (repeated,) = connection.execute(
        f"SELECT count(*) FROM (SELECT r FROM {table} WHERE r IS NOT NULL GROUP BY r HAVING count(*) > 1)"
    ).fetchone() or (0,)
    if repeated:
        raise PatchError(f"The patch changes {repeated} rows more than once.")
    differ = []
    for each in attributes:
        cell, old = _pointer(each.name), _pointer(each.name, "expected")
        was = f"CASE WHEN p.class = 'changed' THEN p.cells->>{old} ELSE p.row->>{cell} END"
        is_told = f"CASE WHEN p.class = 'changed' THEN json_exists(p.cells, {cell}) ELSE json_exists(p.row, {cell}) END"
        is_json = each.type == "JSON"  # texts in one form on both sides; a cast would not make them other than they are
        now, then = (f"{each.cell('t')}::VARCHAR", was) if is_json else (each.cell("t"), _typed(was, each))
        differ.append(f"({is_told} AND ({now} IS DISTINCT FROM ({then})))")
    touched = f"SELECT t.* FROM ({side.rows()}) t WHERE t.r IN (SELECT r FROM {table})"
    has_json = any(each.type == "JSON" for each in attributes)
    with with_canonical_json(connection, touched) if has_json else nullcontext(touched) as source:
        found = connection.execute(
            f"SELECT p.r, t.r IS NULL FROM {table} p LEFT JOIN ({source}) t ON t.r = p.r "
            f"WHERE p.class <> 'unexpected' AND (t.r IS NULL OR {' OR '.join(differ) or 'false'}) ORDER BY p.r"
        ).fetchall()
    if found:
        rows = [(row, "is not there" if is_gone else "is not as the patch found it") for row, is_gone in found]
        raise ConflictError(len(found), rows[:CONFLICTS_LISTED])


def _typed(text: str, column: Column) -> str:
    return f"TRY_CAST(({text}) AS {column.type})"


def _cells(attributes: Sequence[Column], is_kept: bool) -> str:
    """The cells of a row `t` that is kept, with what the patch `p` says of them; or those of a row that is new."""
    cells = []
    for each in attributes:
        new = _typed(f"p.row->>{_pointer(each.name)}", each)
        if is_kept:
            told = f"p.class = 'changed' AND json_exists(p.cells, {_pointer(each.name)})"
            actual = _typed(f"p.cells->>{_pointer(each.name, 'actual')}", each)
            new = f"CASE WHEN {told} THEN {actual} ELSE {each.cell('t')} END"
        cells.append(f"{new} AS {quote_name(each.name)}")
    return ", ".join(cells)


def _result(table: str, side: Side, attributes: Sequence[Column]) -> str:
    kept, added = (_cells(attributes, is_kept) for is_kept in (True, False))
    return (
        f"SELECT * EXCLUDE (part, place) FROM (SELECT {kept}, 0 AS part, t.r AS place "
        f"FROM ({side.rows()}) t LEFT JOIN (SELECT * FROM {table} WHERE class <> 'unexpected') p ON p.r = t.r "
        f"WHERE p.class IS DISTINCT FROM 'missing' UNION ALL "
        f"SELECT {added}, 1, p.n FROM {table} p WHERE p.class = 'unexpected') ORDER BY part, place"
    )
