"""Writes the outputs of a case as Parquet, in the child: exactly, within the limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.engine import quote_name, quote_text
from catalog.types.moments import duration_from_interval
from processes.runners.contract import Limits
from processes.runners.refusals import RefusedError

_EXACT_IN_PARQUET = {"HUGEINT": "DECIMAL(38,0)", "UHUGEINT": "DECIMAL(38,0)"}
"""Parquet has no 128-bit integers and DuckDB writes them as DOUBLE; SUM of integers is a HUGEINT, so it matters."""

_KEPT_AS = {"INTERVAL": "VARCHAR"}
"""Parquet keeps intervals without microseconds and none below zero: they are written as ISO 8601 durations."""

_LOSSY_IN_PARQUET = re.compile(r"HUGEINT|UNION\(|INTERVAL|TIME WITH TIME ZONE")
_QUOTED = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'")


class OutputBudget:
    """Counts rows and bytes of all outputs of a case together, and refuses what is too much."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._row_count = 0
        self._size_bytes = 0

    @property
    def rows_left(self) -> int:
        return self._limits.output_rows - self._row_count

    def count(self, row_count: int, size_bytes: int) -> None:
        """Count an output. Raises RefusedError ``output_too_large``."""
        self._row_count += row_count
        self._size_bytes += size_bytes
        if self._row_count > self._limits.output_rows:
            message = f"The function gives more than {self._limits.output_rows:,} rows."
            raise RefusedError("output_too_large", message)
        if self._size_bytes > self._limits.output_bytes:
            message = f"The function gives more than {self._limits.output_bytes:,} bytes of Parquet."
            raise RefusedError("output_too_large", message)


def copy_statement(query: str, columns: Sequence[tuple[str, str]], path: Path, budget: OutputBudget) -> str:
    """Writes a query (in parentheses, or a relation's name) of these columns into a file that holds them exactly."""
    rows = f"SELECT {_selection(columns)} FROM {query} LIMIT {budget.rows_left + 1}"
    return f"COPY ({rows}) TO {quote_text(str(path))} (FORMAT parquet)"


def output_reply(columns: Sequence[tuple[str, str]], row_count: int) -> dict[str, Any]:
    """What the parent is told of a written output."""
    return {"columns": [(name, _KEPT_AS.get(kind, kind)) for name, kind in columns], "row_count": row_count}


def _selection(columns: Sequence[tuple[str, str]]) -> str:
    """What to select from a query so that Parquet holds it exactly; refuses columns that it can't hold."""
    seen: set[str] = set()
    for name, column_type in columns:
        if name.lower() in seen:
            raise RefusedError("duplicate_column", f"The query gives column {name!r} twice.")
        seen.add(name.lower())
        if (
            column_type not in _EXACT_IN_PARQUET
            and column_type not in _KEPT_AS
            and _LOSSY_IN_PARQUET.search(_QUOTED.sub("", column_type))
        ):
            message = f"Column {name!r} has type {column_type}, which can't be kept exactly; cast it to another type."
            raise RefusedError("unsupported_type", message)
    casts = [
        f"CAST({quote_name(name)} AS {_EXACT_IN_PARQUET[column_type]}) AS {quote_name(name)}"
        for name, column_type in columns
        if column_type in _EXACT_IN_PARQUET
    ]
    casts += [
        f"{duration_from_interval(quote_name(name))} AS {quote_name(name)}"
        for name, column_type in columns
        if column_type == "INTERVAL"
    ]
    return f"* REPLACE ({', '.join(casts)})" if casts else "*"
