"""Leaving out the rows that are equal, in one pass over the relations: only those that may differ are kept.

What stays is little where little differs, and may spill to disk where much does.
"""

from collections.abc import Sequence
from typing import Final

from catalog.comparison.listing import class_sql, statuses_sql
from catalog.comparison.shape import EQUAL, ComparedAttribute, Layout, Side, count_rows
from catalog.comparison.workspace import SIDES, Workspace, canonical_columns, canonical_names, has_canonical_cells
from catalog.grouping import grouped

WIDE_ATTRIBUTES: Final = 400
WIDE_GROUP: Final = 250


def join_by_key(workspace: Workspace) -> str | None:
    """The table of classes (`listing.classify`) of rows matched by key, or None where a key stands twice on a side.

    Both sides are read once, in a full join, and pairs that are exactly equal are left out. For rows whose order
    doesn't count.
    """
    layout = workspace.layout
    if not (
        _has_unique_keys(workspace, layout.expected, "expected")
        and _has_unique_keys(workspace, layout.actual, "actual")
    ):
        return None
    if is_wide(layout):
        return _join_wide(workspace)
    cells = "".join(
        f", {alias}.v{column.position} AS {alias}{column.position}"
        for alias, side in zip("ea", layout.sides, strict=True)
        for column in side.columns
    )
    different = [f"NOT ({attribute.is_equal()})" for attribute in layout.attributes if attribute not in layout.key]
    joined = workspace.create(
        "joined",
        f"SELECT *, {class_sql()} AS class FROM ("
        f"SELECT e.r AS er, a.r AS ar, {statuses_sql(layout)} AS statuses{cells} "
        f"FROM ({layout.expected.rows()}) e FULL JOIN ({layout.actual.rows()}) a ON {_same_key(layout)} "
        f"WHERE {' OR '.join(['e.r IS NULL', 'a.r IS NULL', *different])})",
    )
    workspace.expected, workspace.actual = (
        _half(joined, alias, side) for alias, side in zip("ea", layout.sides, strict=True)
    )
    (kept,) = workspace.one(f"SELECT count(er) FROM {joined}")
    workspace.equal_count = count_rows(workspace.connection, layout.expected) - int(kept)
    return joined


def is_wide(layout: Layout) -> bool:
    """Whether to look first which attributes differ at all; rows are found again by their ids, so both have these."""
    return len(layout.attributes) > WIDE_ATTRIBUTES and all(side.id_column for side in layout.sides)


def _join_wide(workspace: Workspace) -> str:
    """The same for thousands of attributes, whose plan would take longer than the work, and gigabytes.

    Only the key and the attributes of which any cell differs go through the join; the rows are read where they are.
    """
    layout = workspace.layout
    differing = {attribute.name for attribute in _differing(workspace)}
    statuses = ", ".join(each.status() if each.name in differing else str(EQUAL) for each in layout.attributes)
    read = [each for each in layout.attributes if each.name in differing or each in layout.key]
    sources = [_columns(side, name, read) for side, name in zip(layout.sides, SIDES, strict=True)]
    different = [f"NOT ({each.is_equal()})" for each in read if each not in layout.key]
    joined = workspace.create(
        "joined",
        f"SELECT *, {class_sql()} AS class FROM ("
        f"SELECT e.r AS er, a.r AS ar, [{statuses}]::UTINYINT[] AS statuses "
        f"FROM {sources[0]} e FULL JOIN {sources[1]} a ON {_same_key(layout)} "
        f"WHERE {' OR '.join(['e.r IS NULL', 'a.r IS NULL', *different])})",
    )
    workspace.expected, workspace.actual = (
        f"(SELECT * FROM ({side.rows()}) WHERE r IN (SELECT {row} FROM {joined}))"
        for side, row in zip(layout.sides, ("er", "ar"), strict=True)
    )
    (kept,) = workspace.one(f"SELECT count(er) FROM {joined}")
    workspace.equal_count = count_rows(workspace.connection, layout.expected) - int(kept)
    return joined


def _differing(workspace: Workspace) -> list[ComparedAttribute]:
    """The attributes outside the key of which any two cells under one key are not exactly equal."""
    layout = workspace.layout
    found: list[ComparedAttribute] = []
    others = [attribute for attribute in layout.attributes if attribute not in layout.key]
    for group in grouped(others, WIDE_GROUP):
        sources = [_columns(side, name, [*layout.key, *group]) for side, name in zip(layout.sides, SIDES, strict=True)]
        differ = ", ".join(f"bool_or(NOT ({each.is_equal()}))" for each in group)
        flags = workspace.one(f"SELECT {differ} FROM {sources[0]} e JOIN {sources[1]} a ON {_same_key(layout)}")
        found += [attribute for attribute, flag in zip(group, flags, strict=True) if flag]
    return found


def _columns(side: Side, name: str, attributes: Sequence[ComparedAttribute]) -> str:
    """The rows of a side as `Side.rows` gives them, with the columns of these attributes alone."""
    columns = [attribute.expected if name == "expected" else attribute.actual for attribute in attributes]
    names = ", ".join(dict.fromkeys(["r", *(f"v{column.position}" for column in columns)]))
    return f"(SELECT {names} FROM ({side.rows()}))"


def _same_key(layout: Layout) -> str:
    return " AND ".join(attribute.is_equal() for attribute in layout.key)


def load_unbalanced(workspace: Workspace) -> None:
    """Copy only the rows that do not stand as often on both sides. For multisets without tolerances and order."""
    layout = workspace.layout
    names = ", ".join(canonical_names(layout.attributes))
    sources = " UNION ALL ".join(
        f"SELECT {canonical_columns(layout.attributes, side, 't')}, {sign} AS sign FROM {relation.source('t')}"
        for side, relation, sign in (("expected", layout.expected, 1), ("actual", layout.actual, -1))
    )
    groups = workspace.create("unbalanced", f"SELECT {names} FROM ({sources}) GROUP BY {names} HAVING sum(sign) <> 0")
    expected, actual = (
        f"SEMI JOIN {groups} g ON {has_canonical_cells(layout.attributes, side, 's', 'g')}" for side in SIDES
    )
    workspace.load((expected, actual))
    (kept,) = workspace.one(f"SELECT count(*) FROM {workspace.expected}")
    workspace.equal_count = count_rows(workspace.connection, layout.expected) - int(kept)


def _has_unique_keys(workspace: Workspace, side: Side, name: str) -> bool:
    key = workspace.layout.key
    if workspace.layout.is_known_unique(side):
        return True
    names = ", ".join(canonical_names(key))
    repeated = workspace.all(
        f"SELECT 1 FROM (SELECT {canonical_columns(key, name, 't')} FROM {side.source('t')}) "
        f"GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
    )
    return not repeated


def _half(joined: str, alias: str, side: Side) -> str:
    """One side's rows in the joined table, as `Side.rows` gives them."""
    cells = "".join(f", {alias}{column.position} AS v{column.position}" for column in side.columns)
    return f"(SELECT {alias}r AS r{cells} FROM {joined} WHERE {alias}r IS NOT NULL)"
