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
from typing import Any, Final

import duckdb

from catalog.attributes import Attribute
from catalog.engine import quote_name
from catalog.profiling.columns import (
    BATCH_ATTRIBUTES,
    BATCH_CELLS,
    EXACT_DISTINCT,
    EXACT_ROWS,
    histogram_sql,
    read_histogram,
    read_summary,
    read_top_values,
    summary_sql,
    top_values_sql,
)

Notice = Callable[[int], None]
MANY_ATTRIBUTES: Final = 50
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
        profiles = _summaries(connection, cells, batch, is_exact)
        _add_histograms(connection, cells, batch, profiles)
        for attribute, each in zip(batch, profiles, strict=True):
            _add_top_values(connection, cells, attribute, each, is_exact)
            found.append({name: value for name, value in each.items() if not name.startswith("_")})
            notice(len(found))
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
) -> list[dict[str, Any]]:
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
) -> Iterator[dict[str, Any]]:
    asked = [summary_sql(attribute, is_exact, with_spread) for attribute in batch]
    selected = ", ".join(sql for each in asked for sql in each.values())
    row = connection.execute(f"SELECT count(*), {selected} FROM ({relation})").fetchone() or ()
    cells = iter(row[1:])
    for attribute, each in zip(batch, asked, strict=True):
        yield read_summary(attribute, {name: next(cells) for name in each}, row[0], is_exact)


def _add_histograms(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    batch: Sequence[Attribute],
    profiles: Sequence[dict[str, Any]],
) -> None:
    """Another pass, now that it is known from where to where the values reach."""
    wanted = [(a, p) for a, p in zip(batch, profiles, strict=True) if p.get("_bins")]
    if not wanted:
        return
    selected = ", ".join(histogram_sql(attribute, each["_bins"]) for attribute, each in wanted)
    row = connection.execute(f"SELECT {selected} FROM ({relation})").fetchone() or ()
    for (attribute, each), found in zip(wanted, row, strict=True):
        each["histogram"] = read_histogram(attribute, found)


def _add_top_values(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    attribute: Attribute,
    found: dict[str, Any],
    is_exact: bool,
) -> None:
    all_told_apart = is_exact or found["_guess"] <= EXACT_DISTINCT
    sql = top_values_sql(attribute, f"SELECT {quote_name(attribute.name)} AS v FROM ({relation})", all_told_apart)
    rows = connection.execute(sql).fetchall()
    guess = min(found["_guess"], found["_present"])
    found["distinct"] = (rows[0][2] if rows else 0) if all_told_apart else guess
    found["distinct_exact"] = found["top_values_exact"] = all_told_apart
    found["top_values"] = read_top_values(attribute, rows)
