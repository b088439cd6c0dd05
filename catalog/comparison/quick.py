"""The common case in one statement or none: two tables that are exactly equal."""

import duckdb

from catalog.comparison.shape import Layout, Side
from catalog.comparison.workspace import canonical_columns, canonical_names


def count_if_same(layout: Layout) -> int | None:
    """The number of rows when both sides are known to be the same files, and so equal without a look at them."""
    expected, actual = layout.expected.relation, layout.actual.relation
    is_same = bool(expected.digests) and expected.digests == actual.digests and layout.has_one_form
    return expected.row_count if is_same and (layout.has_known_keys or not layout.key) else None


def count_if_equal(connection: duckdb.DuckDBPyConnection, layout: Layout, is_ordered: bool) -> int | None:
    """The number of rows when both sides hold exactly the same ones and no key stands twice; else None.

    None does not mean that they differ: tolerances and duplicate keys are judged elsewhere. Rows are grouped over both
    sides and counted; nothing is sorted.
    """
    names = canonical_names(layout.attributes) + ["place"] * is_ordered
    if _have_other_counts(layout):
        return None
    key_names = [] if layout.has_known_keys else [f"x{layout.attributes.index(each)}" for each in layout.key]
    groups = (
        f"SELECT {', '.join(names)}, sum(on_expected) AS on_expected, sum(on_actual) AS on_actual "
        f"FROM ({_rows(layout, layout.expected, 'expected', is_ordered)} UNION ALL "
        f"{_rows(layout, layout.actual, 'actual', is_ordered)}) GROUP BY {', '.join(names)}"
    )
    unbalanced = "count(*) FILTER (on_expected <> on_actual)"
    statement = f"SELECT sum(on_expected), {unbalanced}, 0 FROM ({groups})"
    if key_names:
        by_key = (
            f"SELECT sum(on_expected) AS on_expected, {unbalanced} AS unbalanced FROM ({groups}) "
            f"GROUP BY {', '.join(key_names)}"
        )
        statement = f"SELECT sum(on_expected), sum(unbalanced), count(*) FILTER (on_expected > 1) FROM ({by_key})"
    row = connection.execute(statement).fetchone()
    row_count, unbalanced_count, duplicate_count = row if row is not None else (0, 0, 0)
    return int(row_count or 0) if not unbalanced_count and not duplicate_count else None


def _have_other_counts(layout: Layout) -> bool:
    """Whether both sides are known to have other numbers of rows."""
    counts = [side.relation.row_count for side in layout.sides]
    return None not in counts and counts[0] != counts[1]


def _rows(layout: Layout, side: Side, name: str, is_ordered: bool) -> str:
    id_column = side.id_column
    order = f"ORDER BY {id_column.cell('t')}" if id_column else ""
    place = f", row_number() OVER ({order}) AS place" if is_ordered else ""
    flags = "1 AS on_expected, 0 AS on_actual" if name == "expected" else "0 AS on_expected, 1 AS on_actual"
    return f"SELECT {canonical_columns(layout.attributes, name, 't')}{place}, {flags} FROM {side.source('t')}"
