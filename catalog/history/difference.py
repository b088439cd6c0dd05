"""What differs between two sets of rows, by `_id`, found by DuckDB. Pure: no Django.

A row is written once by a version: rows of one `_id` and one `_version` are the same row, so their cells aren't read.
Memory doesn't grow with the rows: what is held are the ids of rows that may differ, which spill.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import duckdb

from catalog.attributes import ROW_ID, Attribute
from catalog.comparison import ComparisonOptions, Relation
from catalog.comparison.cells import canonical_pair
from catalog.comparison.engine import prepared, totals
from catalog.comparison.shape import CHANGED
from catalog.engine import quote_name, quote_text
from catalog.formats.writers import json_line
from catalog.grouping import grouped
from catalog.schema import Schema

CLASSES: Final = ("added", "changed", "removed")
CLASS_COLUMN: Final = Attribute("class", "string")
FETCHED_ROWS: Final = 1_000
TEXTS_AT_ONCE: Final = 200
CUT: Final = "\u2026"  # behind what is shown of a longer text


@dataclass(frozen=True)
class Side:
    """Rows that may differ from the other side's: SQL of them with `_id` and `_version`, and their Object."""

    relation: str
    schema: Schema
    masked: frozenset[str] = frozenset()  # attributes that are shown as null and not compared


@dataclass(frozen=True)
class Sides:
    """Both of them, and how much of a text is shown."""

    old: Side
    new: Side
    characters: int | None


@dataclass(frozen=True)
class ColumnChanges:
    """What became of the columns: names that came, that went, and whose type is another."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[str, ...]


@dataclass(frozen=True)
class Window:
    """Which differing rows are wanted: of some classes, beyond an `_id` and so many more, at most so many or all.

    characters: how much of a text or a nested value is shown; None for all of it.
    """

    classes: tuple[str, ...] = CLASSES
    after: int = 0
    limit: int | None = None
    offset: int = 0
    characters: int | None = None


@dataclass(frozen=True)
class Difference:
    """How many rows of each class differ, and how many cells of each attribute, where any do."""

    counts: Mapping[str, int]
    attributes: Mapping[str, int]
    columns: ColumnChanges
    rows: list[dict[str, Any]] = field(default_factory=list)


def column_changes(old: Schema, new: Schema) -> ColumnChanges:
    """What came, went, and changed its type between two definitions."""
    types = dict(old.columns)
    return ColumnChanges(
        tuple(name for name in new.names if name not in types),
        tuple(name for name in old.names if name not in set(new.names)),
        tuple(name for name, kind in new.columns if types.get(name, kind) != kind),
    )


def compare(connection: duckdb.DuckDBPyConnection, old: Side, new: Side, window: Window) -> Difference:
    """The differences, and those rows of them that the window shows, by `_id`."""
    attributes = _find(connection, old, new)
    found = dict(connection.execute("SELECT class, count(*) FROM differing GROUP BY class").fetchall())
    blocks = _blocks(connection, old, new, window, attributes)
    rows = [json.loads(line, parse_float=Decimal) for block in blocks for line in block]
    counts = {each: found.get(each, 0) for each in CLASSES}
    return Difference(counts, attributes, column_changes(old.schema, new.schema), rows)


def lines(connection: duckdb.DuckDBPyConnection, old: Side, new: Side, window: Window) -> Iterator[list[str]]:
    """All differing rows of the window as JSON texts, in blocks."""
    attributes = _find(connection, old, new)
    yield from _blocks(connection, old, new, window, attributes)


def flatten(connection: duckdb.DuckDBPyConnection, old: Side, new: Side, window: Window) -> list[Attribute]:
    """Fill the temporary table `flat` with the window's rows, both sides of a row beside each other; its columns."""
    _find(connection, old, new)
    _show(connection, window)
    sides = (("o", "old", old), ("n", "new", new))
    columns = [
        replace(each, name=f"{word}: {each.name}", constraints={})
        for _, word, side in sides
        for each in side.schema.attributes
    ]
    values = [
        f"CAST(NULL AS {each.duckdb_type})" if each.name in side.masked else f"{alias}.{quote_name(each.name)}"
        for alias, _, side in sides
        for each in side.schema.attributes
    ]
    named = ", ".join(f"{value} AS {quote_name(each.name)}" for value, each in zip(values, columns, strict=True))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE flat AS SELECT s.class, s._id, {named} FROM shown AS s "
        f"LEFT JOIN ({old.relation}) AS o ON o._id = s._id LEFT JOIN ({new.relation}) AS n ON n._id = s._id "
        "ORDER BY s._id"
    )
    return [CLASS_COLUMN, ROW_ID, *columns]


# --- which rows differ ----------------------------------------------------------------------------------------------


def _find(connection: duckdb.DuckDBPyConnection, old: Side, new: Side) -> dict[str, int]:
    """Fill the temporary table `differing` (_id, class, statuses); how many cells of each attribute changed, if any.

    Whether the cells of a row that both sides have are equal is judged by the comparison. Masked ones aren't compared:
    who may write a value that he may not read would learn from the answer whether he has guessed it.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE suspect AS SELECT coalesce(o._id, n._id) AS _id, "
        "CASE WHEN o._id IS NULL THEN 'added' WHEN n._id IS NULL THEN 'removed' ELSE 'changed' END AS class "
        f"FROM (SELECT _id, _version FROM ({old.relation})) AS o "
        f"FULL JOIN (SELECT _id, _version FROM ({new.relation})) AS n ON o._id = n._id "
        "WHERE o._version IS DISTINCT FROM n._version"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE differing AS SELECT _id, class, CAST([] AS UTINYINT[]) AS statuses "
        "FROM suspect WHERE class <> 'changed'"
    )
    row = connection.execute("SELECT count(*), min(_id), max(_id) FROM suspect WHERE class = 'changed'").fetchone()
    if not row or not row[0]:
        return {}
    within = f"_id BETWEEN {row[1]} AND {row[2]} AND _id IN (SELECT _id FROM suspect WHERE class = 'changed')"
    left, right = (_suspects(side, within, row[0]) for side in (old, new))
    options = ComparisonOptions(key=(ROW_ID.name,), ignore=tuple(old.masked | new.masked))
    with prepared(connection, left, right, options) as comparison:
        diff, listing = totals(comparison)
        if listing is not None:
            connection.execute(
                f"INSERT INTO differing SELECT er, 'changed', statuses FROM ({listing.listed}) WHERE class = 'changed'"
            )
    counts = {
        name: each.changed + each.null_only_expected + each.null_only_actual for name, each in diff.attributes.items()
    }
    return {name: count for name, count in counts.items() if count}


def _suspects(side: Side, within: str, row_count: int) -> Relation:
    columns = (*side.schema.columns, (ROW_ID.name, "BIGINT"), ("_version", "BIGINT"))
    names = ", ".join(quote_name(name) for name, _ in columns)
    sql = f"SELECT {names} FROM ({side.relation}) WHERE {within}"
    return Relation(sql, columns, row_count, (ROW_ID.name,), is_id_key=True)


def _statuses(old: Side, new: Side) -> dict[str, str]:
    """SQL of whether a shown row's cell differs, for each attribute that was compared."""
    kinds = {name: kind for name, kind in new.schema.columns if name not in old.masked | new.masked}
    compared = [name for name, kind in old.schema.columns if name in kinds and canonical_pair(kind, kinds[name])]
    return {name: f"s.statuses[{place}] >= {CHANGED}" for place, name in enumerate(compared, 1)}


# --- the rows as JSON -----------------------------------------------------------------------------------------------


def _blocks(
    connection: duckdb.DuckDBPyConnection, old: Side, new: Side, window: Window, changed: Collection[str]
) -> Iterator[list[str]]:
    """`{"class": "added", "_id": 7, "row": {...}}`; of changed rows `"cells": {name: {"old": .., "new": ..}}`.

    changed: the attributes of which any cell differs. Only what is shown is asked for: to plan the text of thousands of
    attributes takes longer than to write it.
    """
    _show(connection, window)
    found = dict(connection.execute("SELECT class, [min(_id), max(_id)] FROM shown GROUP BY class").fetchall())
    within = {each: f"_id BETWEEN {first} AND {last}" for each, (first, last) in found.items()}
    queries = [
        _whole_rows(each, side, within[each], window.characters)
        for each, side in (("added", new), ("removed", old))
        if each in within
    ]
    if "changed" in within:
        queries.append(_changed_rows(connection, Sides(old, new, window.characters), within["changed"], changed))
    if not queries:
        return
    connection.execute(f"SELECT line FROM ({' UNION ALL '.join(queries)}) ORDER BY _id")
    while rows := connection.fetchmany(FETCHED_ROWS):
        yield [line for (line,) in rows]


def _whole_rows(row_class: str, side: Side, within: str, characters: int | None) -> str:
    """A query of the lines of rows that only one side has."""
    begin, row = quote_text(f'{{"class":"{row_class}","_id":'), json_line(side.schema.attributes)
    return (
        f"SELECT _id, concat({begin}, _id, ',\"row\":', {row}, '}}') AS line "
        f"FROM (SELECT _id, {_shown_values(side, side.schema.attributes, characters)} FROM ({side.relation}) "
        f"WHERE {within} AND _id IN (SELECT _id FROM shown WHERE class = '{row_class}'))"
    )


def _shown_values(side: Side, attributes: Iterable[Attribute], characters: int | None) -> str:
    """The columns of these attributes as they are shown: without what is masked, long texts cut."""
    return ", ".join(f"{_shown_value(side, each, characters)} AS {quote_name(each.name)}" for each in attributes)


def _shown_value(side: Side, attribute: Attribute, characters: int | None) -> str:
    cell, kind = quote_name(attribute.name), attribute.duckdb_type
    if attribute.name in side.masked:
        return f"CAST(NULL AS {kind})"
    if characters is None or kind not in ("VARCHAR", "JSON"):
        return cell
    text = f"CAST({cell} AS VARCHAR)"
    cut = f"concat(left({text}, {int(characters)}), '{CUT}')"
    shown = f"to_json({cut})" if kind == "JSON" else cut
    return f"CASE WHEN length({text}) > {int(characters)} THEN {shown} ELSE {cell} END"


def _changed_rows(connection: duckdb.DuckDBPyConnection, sides: Sides, within: str, changed: Collection[str]) -> str:
    """A query of the lines of rows that changed. The texts of many attributes are made some at a time, and kept."""
    differ = [(name, each) for name, each in _statuses(sides.old, sides.new).items() if name in changed]
    groups = [_changed_cells(sides, within, some) for some in grouped(differ, TEXTS_AT_ONCE)]
    cells = groups[0]
    if len(groups) > 1:
        connection.execute("CREATE OR REPLACE TEMP TABLE pieces (_id BIGINT, place INTEGER, text VARCHAR)")
        for place, group in enumerate(groups):
            connection.execute(f"INSERT INTO pieces SELECT _id, {place}, text FROM ({group}) WHERE text <> ''")
        cells = "SELECT _id, string_agg(text, ',' ORDER BY place) AS text FROM pieces GROUP BY _id"
    begin = quote_text('{"class":"changed","_id":')
    return f"SELECT _id, concat({begin}, _id, ',\"cells\":{{', text, '}}}}') AS line FROM ({cells})"


def _changed_cells(sides: Sides, within: str, differ: Sequence[tuple[str, str]]) -> str:
    """A query of the rows' members `name: {"old": .., "new": ..}` of these attributes, if they differ there."""
    members = []
    for place, (name, condition) in enumerate(differ):
        begin = quote_text(_name(name) + ':{"old":')
        members.append(f"CASE WHEN {condition} THEN concat({begin}, o.t{place}, ',\"new\":', n.t{place}, '}}') END")
    names = [name for name, _ in differ]
    o, n = (_texts(side, names, within, sides.characters) for side in (sides.old, sides.new))
    return (
        f"SELECT s._id, concat_ws(',', {', '.join(members)}) AS text "
        f"FROM shown AS s JOIN {o} AS o ON o._id = s._id JOIN {n} AS n ON n._id = s._id WHERE s.class = 'changed'"
    )


def _texts(side: Side, names: Sequence[str], within: str, characters: int | None) -> str:
    """The rows with the cells of these attributes as JSON, t0, t1, ..."""
    attributes = [side.schema.attribute(name) for name in names]
    texts = [f"coalesce({each.kind.to_json(each, quote_name(each.name))}, 'null')" for each in attributes]
    named = "".join(f", {text} AS t{place}" for place, text in enumerate(texts))
    values = _shown_values(side, attributes, characters)
    return f"(SELECT _id{named} FROM (SELECT _id, {values} FROM ({side.relation}) WHERE {within}))"


def _name(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _show(connection: duckdb.DuckDBPyConnection, window: Window) -> None:
    """Fill the temporary table `shown` with what the window shows of `differing`."""
    classes = ", ".join(f"'{each}'" for each in CLASSES if each in window.classes) or "NULL"
    limit = "" if window.limit is None else f" LIMIT {int(window.limit)}"
    limit += f" OFFSET {int(window.offset)}" if window.offset else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE shown AS SELECT * FROM differing WHERE class IN ({classes}) "
        f"AND _id > {int(window.after)} ORDER BY _id{limit}"
    )
