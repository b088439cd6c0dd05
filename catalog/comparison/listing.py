"""From matched rows to what a reader sees: totals, histograms and the rows listed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import duckdb

from catalog.comparison.diff import ROW_CLASSES, AttributeHistogram, RowDiff
from catalog.comparison.shape import CHANGED, Column, ComparedAttribute, Layout, Side
from catalog.comparison.workspace import Workspace


def classify(workspace: Workspace, moved: str | None) -> str:
    """A table of the classes of all pairs: er, ar, class, and the cells' statuses.

    The statuses are a list in the order of the compared attributes, for thousands of columns would be slow to plan.
    """
    is_moved = f"er IN (SELECT er FROM {moved})" if moved else "false"
    return workspace.create(
        "classes",
        f"SELECT *, {class_sql(is_moved)} AS class FROM ("
        f"SELECT p.er, p.ar, {statuses_sql(workspace.layout)} AS statuses FROM {workspace.pairs} p "
        f"LEFT JOIN {workspace.expected} e ON e.r = p.er LEFT JOIN {workspace.actual} a ON a.r = p.ar)",
    )


def statuses_sql(layout: Layout) -> str:
    """The statuses of the cells of the rows `e` and `a`."""
    return f"[{', '.join(attribute.status() for attribute in layout.attributes)}]::UTINYINT[]"


def class_sql(is_moved: str = "false") -> str:
    """The class of a pair (er, ar) with its `statuses`."""
    return (
        "CASE WHEN ar IS NULL THEN 'missing' WHEN er IS NULL THEN 'unexpected' "
        f"WHEN list_max(statuses) >= {CHANGED} THEN 'changed' WHEN {is_moved} THEN 'moved' ELSE 'matched' END"
    )


class Listing:
    """What is told of the rows that are not known to be equal: `classes` as `classify` makes it."""

    def __init__(self, workspace: Workspace, classes: str, duplicates: str | None) -> None:
        self._workspace = workspace
        self._layout = workspace.layout
        self._duplicates = duplicates
        self._classes = classes

    def count(self) -> tuple[dict[str, int], dict[str, AttributeHistogram]]:
        """The true total of each row class, and the histogram of each attribute."""
        class_counts = [f"count(*) FILTER (class = '{name}')" for name in ROW_CLASSES[:-1]]
        duplicate_count = f"(SELECT count(*) FROM {self._duplicates})" if self._duplicates else "0"
        equal_count, *totals = self._workspace.one(
            f"SELECT {self._workspace.equal_count} + (SELECT count(*) FROM {self._workspace.expected}) - count(er), "
            f"{', '.join(class_counts)}, {duplicate_count} FROM {self._classes}"
        )
        counts = dict(zip(ROW_CLASSES, totals, strict=True))
        counts["matched"] += equal_count  # the equal pairs that matching left out
        return counts, self._histograms(equal_count)

    def _histograms(self, equal_count: int) -> dict[str, AttributeHistogram]:
        found = self._workspace.all(
            "SELECT position, status, count(*) FROM ("
            f"SELECT generate_subscripts(statuses, 1) AS position, unnest(statuses) AS status FROM {self._classes} "
            "WHERE er IS NOT NULL AND ar IS NOT NULL) GROUP BY position, status"
        )
        counts = [[equal_count, 0, 0, 0, 0] for _ in self._layout.attributes]
        for position, status, count in found:
            counts[position - 1][status] += count
        return {
            attribute.name: AttributeHistogram(*by_status)
            for attribute, by_status in zip(self._layout.attributes, counts, strict=True)
        }

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Where the classes are."""
        return self._workspace.connection

    @property
    def layout(self) -> Layout:
        """What was compared."""
        return self._layout

    @property
    def listed(self) -> str:
        """A query of all rows that differ, and of the duplicate keys: er, ar, class, statuses."""
        listed = f"SELECT er, ar, class, statuses FROM {self._classes} WHERE class <> 'matched'"
        if self._duplicates:
            listed += f" UNION ALL SELECT er, ar, 'duplicate_key', [] FROM {self._duplicates}"
        return listed

    @property
    def joins(self) -> str:
        """What joins both sides' rows, `e` and `a`, to the listed ones, `c`."""
        return (
            f"LEFT JOIN {self._workspace.expected} e ON e.r = c.er LEFT JOIN {self._workspace.actual} a ON a.r = c.ar"
        )

    def rows(self, limit: int, ignored: Sequence[str]) -> tuple[RowDiff, ...]:
        """The first rows of each class but "matched", at most `limit` of each, by their place on the expected side."""
        first = f"row_number() OVER (PARTITION BY class ORDER BY er NULLS LAST, ar) <= {limit}"
        return self.read(f"SELECT * FROM ({self.listed}) QUALIFY {first}", ignored)[0]

    def read(self, selected: str, ignored: Sequence[str]) -> tuple[tuple[RowDiff, ...], list[tuple[Any, ...]]]:
        """The rows that a query over `listed` selects, and as they were fetched: class, er, ar, and more."""
        expected_columns = self._layout.expected.attributes(ignored)
        actual_columns = self._layout.actual.attributes(ignored)
        values = [column.value("e") for column in expected_columns] + [column.value("a") for column in actual_columns]
        fetched = self._workspace.all(
            f"SELECT {', '.join(['c.class', 'c.er', 'c.ar', 'c.statuses', *values])} FROM ({selected}) c {self.joins} "
            f"ORDER BY list_position({list(ROW_CLASSES)}, c.class), c.er NULLS LAST, c.ar"
        )
        places = [
            places_of(self._workspace, side, [row[number] for row in fetched if row[number] is not None])
            for number, side in ((1, self._layout.expected), (2, self._layout.actual))
        ]
        reader = _RowReader(self._layout, expected_columns, actual_columns, (places[0], places[1]))
        return tuple(reader.read(row) for row in fetched), fetched


def places_of(workspace: Workspace, side: Side, rows: Sequence[int]) -> dict[int, int]:
    """The places, from 1, of a side's rows `r`: themselves, but where rows are told apart by their ids.

    How many ids are as small as each is counted in bins between those asked for, so nothing is sorted.
    """
    if side.id_column is None or not rows:
        return {row: row for row in rows}
    wanted = sorted(set(rows))
    ids = f"{side.id_column.cell('t')}::BIGINT"
    (bins,) = workspace.one(f"SELECT histogram({ids}, CAST('{wanted}'::JSON AS BIGINT[])) FROM {side.source('t')}")
    return dict(zip(wanted, accumulate(bins[row] for row in wanted), strict=True))


class _RowReader:
    """Makes RowDiffs of fetched rows: class, `r` of both sides, cell statuses, expected values, actual values."""

    def __init__(
        self,
        layout: Layout,
        expected_columns: list[Column],
        actual_columns: list[Column],
        places: tuple[Mapping[int, int], Mapping[int, int]],
    ) -> None:
        self._layout = layout
        self._places = places
        self._expected_columns = expected_columns
        self._actual_columns = actual_columns

    def read(self, fetched: tuple[Any, ...]) -> RowDiff:
        row_class, expected_row, actual_row, statuses, *cells = fetched
        values = iter(cells)
        expected = dict(_values(self._expected_columns, values))
        actual = dict(_values(self._actual_columns, values))
        known = actual if expected_row is None else expected
        has_row = row_class in ("missing", "unexpected", "moved") or (row_class == "changed" and not self._layout.key)
        return RowDiff(
            row_class=row_class,
            key={attribute.name: known[attribute.name] for attribute in self._layout.key},
            cells={
                attribute.name: {
                    "expected": self._matcher(attribute, expected_row) or expected[attribute.name],
                    "actual": actual[attribute.name],
                }
                for attribute, status in zip(self._layout.attributes, statuses, strict=row_class == "changed")
                if row_class == "changed" and status >= CHANGED
            },
            row=known if has_row else None,
            expected_id=expected_row if self._layout.expected.id_column else None,
            actual_id=actual_row if self._layout.actual.id_column else None,
            expected_position=self._places[0].get(expected_row),
            actual_position=self._places[1].get(actual_row),
        )

    def _matcher(self, attribute: ComparedAttribute, expected_row: int) -> Mapping[str, Any] | None:
        """What the cell was to be like, where that is no value."""
        fitting = (rule.matcher for rule in attribute.rules if rule.rows is None or expected_row in rule.rows)
        return next(fitting, None)


def _values(columns: list[Column], values: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    for column in columns:
        value = next(values)
        if column.type == "TIMESTAMP WITH TIME ZONE" and isinstance(value, datetime):
            value = value.replace(tzinfo=UTC)
        yield column.name, value


def is_truncated(counts: Mapping[str, int], limit: int) -> bool:
    """Whether a class has more rows than are listed."""
    return any(count > limit for row_class, count in counts.items() if row_class != "matched")
