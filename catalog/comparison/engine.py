"""The comparison itself: expected and actual in, a TableDiff out."""

import duckdb

from catalog.comparison.canonical import with_canonical_json
from catalog.comparison.diff import AttributeHistogram, TableDiff
from catalog.comparison.keyed import match_by_key
from catalog.comparison.listing import Listing, is_truncated
from catalog.comparison.multiset import add_unmatched
from catalog.comparison.near import match_equal
from catalog.comparison.options import ComparisonOptions
from catalog.comparison.order import find_moved
from catalog.comparison.quick import count_if_equal
from catalog.comparison.shape import Layout, read_layout
from catalog.comparison.similar import pair_similar
from catalog.comparison.workspace import Workspace


def compare(connection: duckdb.DuckDBPyConnection, expected: str, actual: str, options: ComparisonOptions) -> TableDiff:
    """How the actual relation differs from the expected one.

    expected, actual: SQL text usable as `FROM (<text>)`. Its columns are the attributes with their DuckDB types, and
    perhaps `_id` and `_version`, which are never compared; the `_id`s of listed rows are reported. The order of rows is
    that of `_id` where there is one, else the relation's.

    Equal tables cost two statements; others are copied into temporary tables on the connection, dropped at the end.
    Linear in rows. Raises duckdb.Error when a relation cannot be read.
    """
    layout = read_layout(connection, expected, actual, options)
    if not any(attribute.expected.type == "JSON" for attribute in layout.attributes):
        return _compare(connection, layout, options)
    with with_canonical_json(connection, expected) as left, with_canonical_json(connection, actual) as right:
        return _compare(connection, read_layout(connection, left, right, options), options)


def _compare(connection: duckdb.DuckDBPyConnection, layout: Layout, options: ComparisonOptions) -> TableDiff:
    row_count = count_if_equal(connection, layout, options.ordered)
    if row_count is None:
        return _compare_rows(connection, layout, options)
    return TableDiff(
        counts=_counts(matched=row_count),
        shape=layout.shape,
        attributes={attribute.name: AttributeHistogram(equal=row_count) for attribute in layout.attributes},
        notes=layout.notes,
        mode=options.mode,
    )


def _compare_rows(connection: duckdb.DuckDBPyConnection, layout: Layout, options: ComparisonOptions) -> TableDiff:
    with Workspace(connection, layout, options.ordered) as workspace:
        workspace.load()
        duplicates = _match(workspace)
        moved = find_moved(workspace) if options.ordered else None
        listing = Listing(workspace, moved, duplicates)
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


def _match(workspace: Workspace) -> str | None:
    """Fill the workspace's pairs; answers the table of duplicate keys when there is a key."""
    if workspace.layout.key:
        return match_by_key(workspace)
    rest = match_equal(workspace, (None, None))
    pair_similar(workspace, rest)
    add_unmatched(workspace, rest)
    return None


def _counts(matched: int) -> dict[str, int]:
    return {"matched": matched, "changed": 0, "missing": 0, "unexpected": 0, "moved": 0, "duplicate_key": 0}
