"""The comparison itself: expected and actual in, a TableDiff out."""

from dataclasses import replace

import duckdb

from catalog.comparison.canonical import with_canonical_json
from catalog.comparison.diff import AttributeHistogram, TableDiff
from catalog.comparison.keyed import match_by_key
from catalog.comparison.listing import Listing, classify, is_truncated
from catalog.comparison.multiset import add_unmatched
from catalog.comparison.near import match_equal
from catalog.comparison.options import ComparisonOptions
from catalog.comparison.order import find_moved
from catalog.comparison.quick import count_if_equal
from catalog.comparison.reducing import join_by_key, load_unbalanced
from catalog.comparison.ruling import with_rules
from catalog.comparison.shape import Layout, Relation, count_rows, read_layout
from catalog.comparison.similar import pair_similar
from catalog.comparison.workspace import Workspace

SMALL_ROWS = 10_000  # up to so many, one statement that finds equal tables is quicker than one that finds differences


def compare(
    connection: duckdb.DuckDBPyConnection,
    expected: str | Relation,
    actual: str | Relation,
    options: ComparisonOptions,
) -> TableDiff:
    """How the actual relation differs from the expected one.

    expected, actual: SQL text usable as `FROM (<text>)`, or a Relation that says more of it. Its columns are the
    attributes with their DuckDB types, and perhaps `_id` and `_version`, which are never compared; the `_id`s of listed
    rows are reported. The order of rows is that of `_id` where there is one, else the relation's.

    Small equal tables cost a statement or two. Of others, the rows that may differ are kept in temporary tables on the
    connection, dropped at the end. Linear in rows. Raises duckdb.Error when a relation cannot be read.
    """
    left, right = (each if isinstance(each, Relation) else Relation(each) for each in (expected, actual))
    layout = read_layout(connection, left, right, options)
    if not any(attribute.expected.type == "JSON" for attribute in layout.attributes):
        return _compare(connection, layout, options)
    with with_canonical_json(connection, left.sql) as one, with_canonical_json(connection, right.sql) as other:
        layout = read_layout(connection, replace(left, sql=one), replace(right, sql=other), options)
        return _compare(connection, layout, options)


def _compare(connection: duckdb.DuckDBPyConnection, layout: Layout, options: ComparisonOptions) -> TableDiff:
    layout = with_rules(connection, layout, options)
    row_count = count_if_equal(connection, layout, options.ordered) if _is_quick(connection, layout, options) else None
    if row_count is None:
        return _compare_rows(connection, layout, options)
    return TableDiff(
        counts=_counts(matched=row_count),
        shape=layout.shape,
        attributes={attribute.name: AttributeHistogram(equal=row_count) for attribute in layout.attributes},
        notes=layout.notes,
        mode=options.mode,
    )


def _is_quick(connection: duckdb.DuckDBPyConnection, layout: Layout, options: ComparisonOptions) -> bool:
    """Whether to look first if the tables are equal: not where finding what differs takes as little."""
    if not layout.has_one_form:
        return False
    is_reducible = not options.ordered and (layout.key or not layout.tolerant_attributes)
    return not is_reducible or sum(count_rows(connection, side) for side in layout.sides) <= SMALL_ROWS


def _compare_rows(connection: duckdb.DuckDBPyConnection, layout: Layout, options: ComparisonOptions) -> TableDiff:
    with Workspace(connection, layout, options.ordered) as workspace:
        classes, duplicates = classified(workspace)
        listing = Listing(workspace, classes, duplicates)
        counts, histograms = listing.count()
        if counts["duplicate_key"]:
            number = counts["duplicate_key"]
            keys = "1 key stands" if number == 1 else f"{number} keys stand"
            workspace.notes.append(
                f"{keys} more than once on a side: rows under such a key were matched by their cells"
            )
        return TableDiff(
            counts=counts,
            rows=listing.rows(options.limit, options.ignore),
            rows_truncated=is_truncated(counts, options.limit),
            shape=layout.shape,
            attributes=histograms,
            notes=(*layout.notes, *workspace.notes),
            mode=options.mode,
        )


def classified(workspace: Workspace) -> tuple[str, str | None]:
    """Match the rows: the table of classes (`listing.classify`), and the table of keys that stand twice, if any may."""
    layout = workspace.layout
    if layout.key:
        joined = None if workspace.is_ordered else join_by_key(workspace)
        if joined:
            return joined, None
        workspace.load()
        duplicates = match_by_key(workspace)
        return classify(workspace, find_moved(workspace) if workspace.is_ordered else None), duplicates
    if workspace.is_ordered or layout.tolerant_attributes:
        workspace.load()
    else:
        load_unbalanced(workspace)
    rest = match_equal(workspace, (None, None))
    pair_similar(workspace, rest)
    add_unmatched(workspace, rest)
    return classify(workspace, find_moved(workspace) if workspace.is_ordered else None), None


def _counts(matched: int) -> dict[str, int]:
    return {"matched": matched, "changed": 0, "missing": 0, "unexpected": 0, "moved": 0, "duplicate_key": 0}
