"""How often values stand: the most frequent ones, and histograms. Pure: no Django."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from catalog.attributes import Attribute
from catalog.engine import quote_name, quote_text
from catalog.profiling.bins import Bin
from catalog.profiling.values import text_sql

TOP_VALUES: Final = 10
TOP_CANDIDATES: Final = 50


@dataclass(frozen=True)
class Top:
    """How many values of an attribute differ, and the most frequent ones, each as text and count."""

    distinct: int = 0
    values: Sequence[tuple[str, int]] = ()


def top_values(connection: duckdb.DuckDBPyConnection, relation: str, attributes: Sequence[Attribute]) -> list[Top]:
    """The most frequent values of attributes of one kind, by one statement: to plan it costs more than to run it."""
    names = ", ".join(f"{quote_name(each.name)} AS {quote_name(str(place))}" for place, each in enumerate(attributes))
    cells = f"SELECT {names} FROM ({relation})"
    if len(attributes) > 1:
        cells = f"SELECT name, v FROM (UNPIVOT ({cells}) ON COLUMNS(*) INTO NAME name VALUE v)"
        groups = f"SELECT name, v, count(*) AS n FROM ({cells}) GROUP BY name, v"
    else:
        groups = f"SELECT '0' AS name, v, n FROM ({_groups(cells)})"
    found = dict(_tops(connection, attributes[0], groups))
    return [found.get(str(place), Top()) for place in range(len(attributes))]


def likely_top_values(connection: duckdb.DuckDBPyConnection, relation: str, attribute: Attribute) -> Top:
    """The same of one attribute where too many values differ to tell them apart in memory.

    Likely candidates are found first, and then counted.
    """
    cells = f'SELECT {quote_name(attribute.name)} AS "0" FROM ({relation})'
    candidates = f'"0" IN (SELECT unnest(approx_top_k("0", {TOP_CANDIDATES})) FROM ({cells}))'
    groups = f"SELECT '0' AS name, v, n FROM ({_groups(cells, candidates)})"
    return dict(_tops(connection, attribute, groups)).get("0", Top())


def _groups(cells: str, condition: str = "true") -> str:
    return f'SELECT "0" AS v, count(*) AS n FROM ({cells}) WHERE "0" IS NOT NULL AND {condition} GROUP BY "0"'


def _tops(connection: duckdb.DuckDBPyConnection, attribute: Attribute, groups: str) -> Iterable[tuple[str, Top]]:
    """For each name in `groups` (SQL of name, v, n): equally frequent values in their own order."""
    top = f"min({{'n': -n, 'v': v}}, {TOP_VALUES})"
    text = text_sql(attribute, "t.v")
    sql = (
        f"SELECT name, distinct_count, list_transform(top, lambda t: {text}), list_transform(top, lambda t: -t.n) "
        f"FROM (SELECT name, count(*) AS distinct_count, {top} AS top FROM ({groups}) GROUP BY name)"
    )
    for name, distinct, texts, counts in connection.execute(sql).fetchall():
        yield name, Top(distinct, list(zip(texts, counts, strict=True)))


def histograms(
    connection: duckdb.DuckDBPyConnection, relation: str, wanted: Sequence[tuple[Attribute, Sequence[Bin]]]
) -> list[list[int]]:
    """How many values are in each bin of each attribute, by one statement."""
    selected = ", ".join(_histogram_sql(attribute, bins) for attribute, bins in wanted)
    return list(connection.execute(f"SELECT {selected} FROM ({relation})").fetchone() or ()) if wanted else []


def _histogram_sql(attribute: Attribute, bins: Sequence[Bin]) -> str:
    """SQL of how many values are in each bin; instants are in UTC, as the engine's time zone is."""
    column, column_type = quote_name(attribute.name), attribute.duckdb_type
    ends = [quote_text(each.last) for each in bins]
    if not column_type.startswith("DECIMAL"):
        return f"map_values(histogram({column}, CAST([{', '.join(ends)}] AS {column_type}[])))"
    # DuckDB's histogram takes exact decimals for doubles.
    up_to = [f"{column} <= CAST({end} AS {column_type})" for end in ends]
    beyond = ["true", *(f"{column} > CAST({end} AS {column_type})" for end in ends)]
    counts = (f"count_if({low} AND {high})" for low, high in zip(beyond, up_to, strict=False))
    return f"[{', '.join(counts)}]"
