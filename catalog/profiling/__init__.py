"""What the values of a relation look like, attribute by attribute, found by DuckDB. Pure: no Django.

    {"name": "amount", "type": "number", "nulls": 2, "distinct": 41, "distinct_exact": true,
     "min": 0.50, "max": 99.00, "mean": 31.2, "stddev": 7.1, "quantiles": {"5": 1.00, ...}, "quantiles_exact": true,
     "histogram": [{"from": 0.50, "to": 4.99, "count": 7}, ...],
     "top_values": [{"value": 12.00, "count": 9}, ...], "top_values_exact": true}

Texts also have `lengths` (min, mean, max, in characters) and `empty`, how many are the empty text; JSON has `kinds` and
`lengths` (members of objects and arrays, characters of strings). What a type doesn't bear is left out. A bin holds its
`to`, and its `from` unless the bin before ends with it. Long texts are cut to VALUE_CHARACTERS and then end in "…".

Exact numbers keep their digits; means are doubles. Up to EXACT_ROWS rows everything is exact. Beyond, quantiles are
approximate; and where more than about EXACT_DISTINCT values differ, how many they are, and which are the most frequent,
is too (their counts are exact). Memory doesn't grow with the rows: what could is done a few attributes at a time, or
spills.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import duckdb

from catalog.attributes import Attribute
from catalog.engine import quote_name
from catalog.profiling.columns import Findings, summary_sql
from catalog.profiling.frequencies import histograms, likely_top_values, top_values
from catalog.profiling.values import Shown

Notice = Callable[[int], None]
EXACT_ROWS: Final = 1_000_000
EXACT_DISTINCT: Final = 500_000
MANY_ATTRIBUTES: Final = 50
BATCH_ATTRIBUTES: Final = 300
BATCH_CELLS: Final = 20_000_000  # an exact quantile holds all cells of its attribute in memory
CELLS_TOLD_APART: Final = 1_000_000  # at once; so many values may differ
_ATTRIBUTES_AT_ONCE_BEYOND_EXACT: Final = 25


def profile(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    attributes: Sequence[Attribute],
    row_count: int,
    notice: Notice = lambda done: None,
) -> list[dict[str, Any]]:
    """The profile of each attribute, in order. `notice` is told how many are done, now and then."""
    is_exact = row_count <= EXACT_ROWS
    size = min(BATCH_ATTRIBUTES, max(BATCH_CELLS // max(row_count, 1), 1))
    found: list[dict[str, Any]] = []
    size = size if is_exact else _ATTRIBUTES_AT_ONCE_BEYOND_EXACT
    for start in range(0, len(attributes), size):
        batch = attributes[start : start + size]
        is_held = is_exact and len(attributes) > MANY_ATTRIBUTES
        cells = _held(connection, relation, batch) if is_held else relation
        findings = _summaries(connection, cells, batch, is_exact)
        _count_bins(connection, cells, findings)
        for done in _count_values(connection, cells, findings, row_count):
            notice(start + done)
        found += _documents(connection, findings)
    return found


def _held(connection: duckdb.DuckDBPyConnection, relation: str, batch: Sequence[Attribute]) -> str:
    """The cells of a batch, unpacked once for all that is asked of them; DuckDB spills what doesn't fit in memory.

    To open files of many columns for each attribute costs more than to profile it.
    """
    columns = ", ".join(quote_name(attribute.name) for attribute in batch)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE profiled AS SELECT {columns} FROM ({relation})")
    return "FROM profiled"


def _summaries(
    connection: duckdb.DuckDBPyConnection, relation: str, batch: Sequence[Attribute], is_exact: bool
) -> list[Findings]:
    """What one pass finds of each attribute. A spread that no double holds is left out, and stops none but its own."""
    try:
        return list(_summarised(connection, relation, batch, is_exact, with_spread=True))
    except duckdb.OutOfRangeException:
        if len(batch) == 1:
            return list(_summarised(connection, relation, batch, is_exact, with_spread=False))
        return [each for attribute in batch for each in _summaries(connection, relation, [attribute], is_exact)]


def _summarised(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    batch: Sequence[Attribute],
    is_exact: bool,
    with_spread: bool,
) -> Iterator[Findings]:
    asked = [summary_sql(attribute, is_exact, with_spread) for attribute in batch]
    selected = ", ".join(sql for each in asked for sql in each.values())
    row = connection.execute(f"SELECT count(*), {selected} FROM ({relation})").fetchone() or ()
    cells = iter(row[1:])
    for attribute, each in zip(batch, asked, strict=True):
        yield Findings(attribute, row[0], {name: next(cells) for name in each}, is_exact)


def _count_bins(connection: duckdb.DuckDBPyConnection, relation: str, findings: Sequence[Findings]) -> None:
    """Another pass, now that it is known from where to where the values reach."""
    wanted = [each for each in findings if each.bins]
    counts = histograms(connection, relation, [(each.attribute, each.bins) for each in wanted])
    for each, found in zip(wanted, counts, strict=True):
        each.counts = found


def _count_values(
    connection: duckdb.DuckDBPyConnection, relation: str, findings: Sequence[Findings], row_count: int
) -> Iterator[int]:
    """Find the most frequent values, of attributes of a kind together; yields how many attributes are done."""
    done = 0
    at_once = max(CELLS_TOLD_APART // max(row_count, 1), 1)
    for _, same in groupby(sorted(findings, key=lambda each: each.kind), key=lambda each: each.kind):
        alike = list(same)
        for start in range(0, len(alike), at_once):
            some = alike[start : start + at_once]
            _count_alike(connection, relation, some)
            done += len(some)
            yield done


def _count_alike(connection: duckdb.DuckDBPyConnection, relation: str, alike: Sequence[Findings]) -> None:
    told_apart = [each for each in alike if each.is_exact or each.answers["guess"] <= EXACT_DISTINCT]
    if told_apart:
        tops = top_values(connection, relation, [each.attribute for each in told_apart])
        for each, top in zip(told_apart, tops, strict=True):
            each.top = top
    for each in alike:
        if not each.is_exact and each.answers["guess"] > EXACT_DISTINCT:
            each.top, each.all_told_apart = likely_top_values(connection, relation, each.attribute), False


def _documents(connection: duckdb.DuckDBPyConnection, findings: Sequence[Findings]) -> list[dict[str, Any]]:
    shown = Shown()
    for each in findings:
        each.want(shown)
    shown.find(connection)
    return [each.document(shown) for each in findings]
