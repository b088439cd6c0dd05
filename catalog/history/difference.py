"""What differs between two sets of rows, by `_id`, found by DuckDB. Pure: no Django.

A row is written once by a version: rows of one `_id` and one `_version` are the same row, so their cells aren't read.
Memory doesn't grow with the rows: what is held are the ids of rows that may differ, which spill.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import duckdb

from catalog.attributes import Attribute
from catalog.engine import quote_name, quote_text
from catalog.formats.writers import json_line
from catalog.schema import Schema

CLASSES: Final = ("added", "changed", "removed")
BATCH_ATTRIBUTES: Final = 200
FETCHED_ROWS: Final = 1_000


@dataclass(frozen=True)
class Side:
    """Rows that may differ from the other side's: SQL of them with `_id` and `_version`, and their Object."""

    relation: str
    schema: Schema
    masked: frozenset[str] = frozenset()  # attributes whose values are shown as null


@dataclass(frozen=True)
class ColumnChanges:
    """What became of the columns: names that came, that went, and whose type is another."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[str, ...]


@dataclass(frozen=True)
class Window:
    """Which differing rows are wanted: of some classes, beyond an `_id`, at most so many; None for all."""

    classes: tuple[str, ...] = CLASSES
    after: int = 0
    limit: int | None = None


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
    rows = [json.loads(line, parse_float=Decimal) for block in _blocks(connection, old, new, window) for line in block]
    counts = {each: found.get(each, 0) for each in CLASSES}
    return Difference(counts, attributes, column_changes(old.schema, new.schema), rows)


def lines(connection: duckdb.DuckDBPyConnection, old: Side, new: Side, window: Window) -> Iterator[list[str]]:
    """All differing rows of the window as JSON texts, in blocks."""
    _find(connection, old, new)
    yield from _blocks(connection, old, new, window)


# --- which rows differ ----------------------------------------------------------------------------------------------


def _find(connection: duckdb.DuckDBPyConnection, old: Side, new: Side) -> dict[str, int]:
    """Fill the temporary table `differing` (_id, class); how many cells of each attribute changed, where any did."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE suspect AS SELECT coalesce(o._id, n._id) AS _id, "
        "CASE WHEN o._id IS NULL THEN 'added' WHEN n._id IS NULL THEN 'removed' ELSE 'changed' END AS class "
        f"FROM (SELECT _id, _version FROM ({old.relation})) AS o "
        f"FULL JOIN (SELECT _id, _version FROM ({new.relation})) AS n ON o._id = n._id "
        "WHERE o._version IS DISTINCT FROM n._version"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE changed (_id BIGINT)")
    row = connection.execute("SELECT count(*), min(_id), max(_id) FROM suspect WHERE class = 'changed'").fetchone()
    found: dict[str, int] = {}
    if row and row[0]:
        common = [name for name in old.schema.names if name in set(new.schema.names)]
        for start in range(0, len(common), BATCH_ATTRIBUTES):
            found |= _count_changes(connection, old, new, common[start : start + BATCH_ATTRIBUTES], row[1], row[2])
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE differing AS SELECT _id, class FROM suspect WHERE class <> 'changed' "
        "UNION ALL SELECT DISTINCT _id, 'changed' FROM changed"
    )
    return {name: count for name, count in found.items() if count}


def _count_changes(
    connection: duckdb.DuckDBPyConnection, old: Side, new: Side, names: Sequence[str], first: int, last: int
) -> dict[str, int]:
    """Changed cells of some attributes; the ids of their rows go to `changed`."""
    columns = ", ".join(quote_name(name) for name in names)
    bounds = f"_id BETWEEN {first} AND {last} AND _id IN (SELECT _id FROM suspect WHERE class = 'changed')"
    before, after = (f"(SELECT _id, {columns} FROM ({side.relation}) WHERE {bounds})" for side in (old, new))
    mine, theirs = ({each.name: each for each in side.schema.attributes} for side in (old, new))
    flags = ", ".join(
        f"{_differ(mine[name], theirs[name], f'o.{quote_name(name)}', f'n.{quote_name(name)}')} AS d{place}"
        for place, name in enumerate(names)
    )
    either = " OR ".join(f"d{place}" for place in range(len(names)))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE compared AS SELECT * FROM (SELECT o._id, {flags} "
        f"FROM {before} AS o JOIN {after} AS n ON o._id = n._id) WHERE {either}"
    )
    connection.execute("INSERT INTO changed SELECT _id FROM compared")
    counts = ", ".join(f"count_if(d{place})" for place in range(len(names)))
    return dict(zip(names, connection.execute(f"SELECT {counts} FROM compared").fetchone() or (), strict=True))


def _differ(old: Attribute, new: Attribute, before: str, after: str) -> str:
    """SQL of whether two cells of an attribute are two values; 5 is 5.0 where the type changed meanwhile."""
    if old.duckdb_type == new.duckdb_type:
        return f"({before} IS DISTINCT FROM {after})"
    taken = f"TRY_CAST({before} AS {new.duckdb_type})"
    return f"({taken} IS DISTINCT FROM {after} OR ({before} IS NULL) <> ({after} IS NULL))"


# --- the rows as JSON -----------------------------------------------------------------------------------------------


def _blocks(connection: duckdb.DuckDBPyConnection, old: Side, new: Side, window: Window) -> Iterator[list[str]]:
    """`{"class": "added", "_id": 7, "row": {...}}`; of changed rows `"cells": {name: {"old": .., "new": ..}}`."""
    classes = ", ".join(f"'{each}'" for each in CLASSES if each in window.classes) or "NULL"
    limit = "" if window.limit is None else f" LIMIT {int(window.limit)}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE shown AS SELECT _id, class FROM differing WHERE class IN ({classes}) "
        f"AND _id > {int(window.after)} ORDER BY _id{limit}"
    )
    first, last = connection.execute("SELECT min(_id), max(_id) FROM shown").fetchone() or (None, None)
    if first is None:
        return
    within = f"_id BETWEEN {first} AND {last} AND _id IN (SELECT _id FROM shown)"
    o, n = (_written(side, within) for side in (old, new))
    connection.execute(
        'SELECT concat(\'{"class":"\', s.class, \'","_id":\', s._id, CASE s.class '
        f"WHEN 'added' THEN concat(',\"row\":{{', {_members('n', new.schema)}, '}}') "
        f"WHEN 'removed' THEN concat(',\"row\":{{', {_members('o', old.schema)}, '}}') "
        f"ELSE concat(',\"cells\":{{', {_changed_members(old.schema, new.schema)}, '}}') END, '}}') "
        f"FROM shown AS s LEFT JOIN {o} AS o ON o._id = s._id LEFT JOIN {n} AS n ON n._id = s._id ORDER BY s._id"
    )
    while rows := connection.fetchmany(FETCHED_ROWS):
        yield [line for (line,) in rows]


def _written(side: Side, within: str) -> str:
    """The rows with each cell as its value, v0, v1, ..., and as JSON text, t0, t1, ..."""
    places = list(enumerate(side.schema.attributes))
    values = "".join(f", {quote_name(attribute.name)} AS v{place}" for place, attribute in places)
    texts = "".join(f", {_shown_text(side, attribute, f'v{place}')} AS t{place}" for place, attribute in places)
    return f"(SELECT *{texts} FROM (SELECT _id{values} FROM ({side.relation}) WHERE {within}))"


def _shown_text(side: Side, attribute: Attribute, column: str) -> str:
    return "'null'" if attribute.name in side.masked else _json_text(attribute, column)


def _json_text(attribute: Attribute, column: str) -> str:
    """SQL of a cell as JSON: the row of this cell alone, without what stands around the cell."""
    alone = json_line([replace(attribute, name=column)])
    before = len(f'{{"{column}":')
    return f"substring({alone}, {before + 1}, length({alone}) - {before + 1})"


def _name(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _members(side: str, schema: Schema) -> str:
    members = [f"concat({quote_text(_name(name) + ':')}, {side}.t{place})" for place, name in enumerate(schema.names)]
    return f"concat_ws(',', {', '.join(members)})"


def _changed_members(old: Schema, new: Schema) -> str:
    """SQL of the members `name: {"old": .., "new": ..}` of the cells that differ."""
    members = ["NULL"]
    places = {name: place for place, name in enumerate(new.names)}
    for place, attribute in enumerate(old.attributes):
        if attribute.name not in places:
            continue
        other = places[attribute.name]
        differ = _differ(attribute, new.attributes[other], f"o.v{place}", f"n.v{other}")
        text = quote_text(_name(attribute.name) + ':{"old":')
        members.append(f"CASE WHEN {differ} THEN concat({text}, o.t{place}, ',\"new\":', n.t{other}, '}}') END")
    return f"concat_ws(',', {', '.join(members)})"
