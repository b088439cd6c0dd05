"""The comparison itself: expected and actual in, a TableDiff out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import duckdb

from catalog.comparison.canonical import with_canonical_json
from catalog.comparison.diff import AttributeHistogram, TableDiff
from catalog.comparison.keyed import match_by_key
from catalog.comparison.listing import Listing, classify, is_truncated
from catalog.comparison.multiset import add_unmatched
from catalog.comparison.near import match_equal
from catalog.comparison.options import ComparisonOptions
from catalog.comparison.order import find_moved
from catalog.comparison.quick import count_if_equal, count_if_same
from catalog.comparison.reducing import is_wide, join_by_key, load_unbalanced
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
    with prepared(connection, expected, actual, options) as found:
        diff, listing = totals(found)
        if listing is None:
            return diff
        rows = listing.rows(options.limit, options.ignore)
        return replace(diff, rows=rows, rows_truncated=is_truncated(diff.counts, options.limit))


@dataclass(frozen=True)
class Comparison:
    """Two relations that are about to be compared, and the workspace for it."""

    layout: Layout
    options: ComparisonOptions
    workspace: Workspace


@contextmanager
def prepared(
    connection: duckdb.DuckDBPyConnection, expected: str | Relation, actual: str | Relation, options: ComparisonOptions
) -> Iterator[Comparison]:
    """The comparison of two relations, ready for `totals`; what it makes on the connection goes when this ends."""
    left, right = (each if isinstance(each, Relation) else Relation(each) for each in (expected, actual))
    layout = read_layout(connection, left, right, options)
    with ExitStack() as stack:
        if any("JSON" in (each.expected.type, each.actual.type) for each in layout.attributes):
            one, other = (stack.enter_context(with_canonical_json(connection, each.sql)) for each in (left, right))
            layout = read_layout(connection, replace(left, sql=one), replace(right, sql=other), options)
        layout = with_rules(connection, layout, options)
        workspace = stack.enter_context(Workspace(connection, layout, options.ordered))
        yield Comparison(layout, options, workspace)


def totals(comparison: Comparison) -> tuple[TableDiff, Listing | None]:
    """The diff without rows, and whence to read these; None where both sides are equal, which is found first."""
    layout, options, workspace = comparison.layout, comparison.options, comparison.workspace
    row_count = count_if_same(layout)
    if row_count is None and _is_quick(workspace.connection, layout, options):
        row_count = count_if_equal(workspace.connection, layout, options.ordered)
    if row_count is not None:
        diff = TableDiff(
            counts=_counts(matched=row_count),
            shape=layout.shape,
            attributes={attribute.name: AttributeHistogram(equal=row_count) for attribute in layout.attributes},
            notes=layout.notes,
            mode=options.mode,
        )
        return diff, None
    classes, duplicates = _classified(workspace)
    listing = Listing(workspace, classes, duplicates)
    counts, histograms = listing.count()
    if counts["duplicate_key"]:
        number = counts["duplicate_key"]
        keys = "1 key stands" if number == 1 else f"{number} keys stand"
        workspace.notes.append(f"{keys} more than once on a side: rows under such a key were matched by their cells")
    diff = TableDiff(
        counts=counts,
        rows_truncated=any(count for row_class, count in counts.items() if row_class != "matched"),
        shape=layout.shape,
        attributes=histograms,
        notes=(*layout.notes, *workspace.notes),
        mode=options.mode,
    )
    return diff, listing


def _is_quick(connection: duckdb.DuckDBPyConnection, layout: Layout, options: ComparisonOptions) -> bool:
    """Whether to look first if the tables are equal: not where finding what differs takes as little."""
    if not layout.has_one_form:
        return False
    is_reducible = not options.ordered and (layout.key or not layout.tolerant_attributes)
    if is_reducible and layout.key and is_wide(layout):
        return False
    return not is_reducible or sum(count_rows(connection, side) for side in layout.sides) <= SMALL_ROWS


def _classified(workspace: Workspace) -> tuple[str, str | None]:
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
