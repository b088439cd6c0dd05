"""The temporary tables of one comparison."""

import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any
from uuid import uuid4

import duckdb

from catalog.comparison.shape import ComparedAttribute, Layout

SIDES = ("expected", "actual")


class Workspace:
    """Temporary tables on the caller's connection, made by `load` and later, dropped when the context ends.

    Each side is one table as `Side.rows` gives it, of all rows or of those that may differ; `equal_count` counts the
    rest. They are copied once, because a relation may give its rows in another order each time it is read.
    `pairs` collects what matching finds: rows of both sides (`er`, `ar`), null where a row has no partner.
    Rows that are exactly equal may be left out of it, unless the order counts.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, layout: Layout, is_ordered: bool) -> None:
        self.connection = connection
        self.layout = layout
        self.is_ordered = is_ordered
        self.notes: list[str] = []
        self.expected = self.actual = self.pairs = ""
        self.equal_count = 0
        self._prefix = f"comparison_{uuid4().hex}"
        self._tables: list[str] = []

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error inside the caller's transaction nothing runs until its rollback, which drops them too.
        with contextlib.suppress(duckdb.TransactionException):
            for table in self._tables:
                self.connection.execute(f"DROP TABLE IF EXISTS {table}")

    def load(self, differing: tuple[str, str] = ("", "")) -> None:
        """Copy both sides, of each the rows `s` that the condition's SQL leaves."""
        self.expected = self.create("expected", f"SELECT s.* FROM ({self.layout.expected.rows()}) s {differing[0]}")
        self.actual = self.create("actual", f"SELECT s.* FROM ({self.layout.actual.rows()}) s {differing[1]}")
        self.pairs = self.create("pairs", "SELECT NULL::BIGINT AS er, NULL::BIGINT AS ar LIMIT 0")

    def create(self, name: str, query: str) -> str:
        """A new temporary table; answers its name in SQL."""
        table = f'temp."{self._prefix}_{len(self._tables)}_{name}"'
        self._tables.append(table)
        self.connection.execute(f"CREATE TEMP TABLE {table} AS {query}")
        return table

    def add_pairs(self, query: str, parameters: Any = None) -> None:
        """Add what the query gives: (er, ar)."""
        self.connection.execute(f"INSERT INTO {self.pairs} {query}", parameters)

    def add_found_pairs(self, found: list[tuple[int, int]]) -> None:
        """Add pairs that were found outside SQL."""
        if found:
            expected, actual = zip(*found, strict=True)
            self.add_pairs("SELECT unnest($1::BIGINT[]), unnest($2::BIGINT[])", [list(expected), list(actual)])

    def one(self, query: str) -> tuple[Any, ...]:
        """The single row that the query gives."""
        row = self.connection.execute(query).fetchone()
        return row if row is not None else ()

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """All rows that the query gives; for queries that have a limit."""
        return self.connection.execute(query).fetchall()

    def side_table(self, side: str) -> str:
        """The table of the side called "expected" or "actual"."""
        return self.expected if side == "expected" else self.actual

    def scope(self, side: str, rows: str | None) -> str:
        """The rows of a side in a FROM clause: all, or those whose `r` is in the table `rows`."""
        table = self.side_table(side)
        return table if rows is None else f"(SELECT * FROM {table} WHERE r IN (SELECT r FROM {rows}))"


def canonical_columns(attributes: tuple[ComparedAttribute, ...], side: str, alias: str) -> str:
    """The attributes of a side in canonical form as columns x0, x1, ...; a constant when there are none."""
    columns = [
        f"{attribute.canonical_cell(side, alias)} AS x{position}" for position, attribute in enumerate(attributes)
    ]
    return ", ".join(columns) or "0 AS x0"


def shared_cells(attributes: Sequence[ComparedAttribute]) -> str:
    """The number of cells in which the rows `e` and `a` agree. A list, for a sum of thousands is nested too deep."""
    agreements = ", ".join(f"{attribute.agrees()}::INTEGER" for attribute in attributes)
    return f"coalesce(list_sum([{agreements}]), 0)::INTEGER"


def canonical_names(attributes: tuple[ComparedAttribute, ...], prefix: str = "x") -> list[str]:
    """The names of these columns."""
    return [f"{prefix}{position}" for position in range(max(len(attributes), 1))]


def has_canonical_cells(attributes: tuple[ComparedAttribute, ...], side: str, alias: str, group: str) -> str:
    """Condition: the side's row has the canonical cells x0, x1, ... of the row `group`."""
    conditions = [
        f"{attribute.canonical_cell(side, alias)} IS NOT DISTINCT FROM {group}.x{position}"
        for position, attribute in enumerate(attributes)
    ]
    return " AND ".join(conditions) or "true"
