"""From the matchers of the options to the cells that they hold for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb

from catalog.comparison.matchers import MATCHERS_MAX, Matcher, is_literal, matcher_sql
from catalog.comparison.options import ComparisonOptions
from catalog.comparison.shape import CellRule, ComparedAttribute, Layout
from catalog.engine import quote_text

LITERAL_TYPES = ("VARCHAR", "JSON")


def with_rules(connection: duckdb.DuckDBPyConnection, layout: Layout, options: ComparisonOptions) -> Layout:
    """The layout with matchers, each told which expected rows it holds for: a statement for each that names rows."""
    if not options.matchers and not options.literal_matchers:
        return layout
    by_name = {attribute.name: attribute for attribute in layout.attributes}
    rules: dict[str, list[CellRule]] = {}
    notes: list[str] = []
    # A matcher of some rows comes before one of all.
    for matcher in sorted(options.matchers, key=lambda each: each.row is None):
        attribute = by_name.get(matcher.attribute)
        if attribute is None:
            continue  # the shape says that it can't be compared
        rows = None if matcher.row is None else _rows(connection, layout, matcher)
        if rows == ():
            notes.append(f"a matcher of {matcher.attribute} names the row {matcher.row!r}, which expected has not")
            continue
        notes += _unfit(attribute, matcher.condition)
        rules.setdefault(matcher.attribute, []).append(CellRule(matcher.condition, rows, attribute.actual))
    notes += _overlapping(rules)
    if options.literal_matchers:
        for attribute in layout.attributes:
            if attribute.expected.type in LITERAL_TYPES and attribute not in layout.key:
                literals, left_over = _literals(connection, layout, attribute)
                rules.setdefault(attribute.name, []).extend(literals)
                notes += left_over
    ruled = tuple(replace(each, rules=tuple(rules.get(each.name, ()))) for each in layout.attributes)
    return replace(layout, attributes=ruled, notes=(*layout.notes, *notes))


def _rows(connection: duckdb.DuckDBPyConnection, layout: Layout, matcher: Matcher) -> tuple[int, ...]:
    rows = layout.expected.rows()
    if isinstance(matcher.row, int):
        query = f"SELECT r FROM (SELECT r, row_number() OVER (ORDER BY r) AS n FROM ({rows})) WHERE n = {matcher.row}"
    else:
        columns = {column.name: column for column in layout.expected.columns}
        given = [(columns.get(name), value) for name, value in (matcher.row or {}).items()]
        if any(column is None for column, _ in given):
            return ()
        conditions = [
            f"t.v{column.position} IS NOT DISTINCT FROM {_literal(value, column.type)}"
            for column, value in given
            if column
        ]
        query = f"SELECT r FROM ({rows}) t WHERE {' AND '.join(conditions)}"
    return tuple(row for (row,) in connection.execute(query).fetchall())


def _literal(value: Any, duckdb_type: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return f"TRY_CAST('{str(value).lower()}' AS {duckdb_type})"
    text = str(value) if isinstance(value, str | int) else f"{Decimal(repr(value)):f}"
    return f"TRY_CAST({quote_text(text)} AS {duckdb_type})"


def _overlapping(rules: Mapping[str, Sequence[CellRule]]) -> Iterator[str]:
    """A note for each attribute of which a row is named by several matchers."""
    for name, found in rules.items():
        named = Counter(row for rule in found for row in rule.rows or ())
        number = sum(count > 1 for count in named.values())
        if number:
            rows = "1 row has" if number == 1 else f"{number} rows have"
            yield f"{rows} several matchers of {name}: the first of them holds"


def _literals(
    connection: duckdb.DuckDBPyConnection, layout: Layout, attribute: ComparedAttribute
) -> tuple[list[CellRule], list[str]]:
    """The matchers in the attribute's expected cells, each with its rows; and a note if they are too many."""
    cell = f"CAST(t.v{attribute.expected.position} AS VARCHAR)"
    found = connection.execute(
        f"SELECT {cell} AS text, list(r ORDER BY r) FROM ({layout.expected.rows()}) t "
        f"WHERE {cell} LIKE '%{{%\"$%}}%' GROUP BY text ORDER BY min(r) LIMIT {MATCHERS_MAX + 1}"
    ).fetchall()
    rules = [
        CellRule(condition, tuple(rows), attribute.actual)
        for text, rows in found[:MATCHERS_MAX]
        if (condition := is_literal(text)) is not None
    ]
    note = (
        f"{attribute.name} has more than {MATCHERS_MAX:,} different texts that may be matchers: those behind were "
        "compared as texts"
    )
    return rules, [note] * (len(found) > MATCHERS_MAX)


def _unfit(attribute: ComparedAttribute, condition: Any) -> Iterator[str]:
    try:
        matcher_sql(condition, "cell", attribute.actual.type)
    except ValueError as error:
        yield f"a matcher of {attribute.name} holds for no cell: {error}"
