"""Writes the outputs of a case as Parquet, in the child: exactly, within the limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.engine import quote_name, quote_text
from catalog.parts import PART_OPTIONS
from catalog.types.moments import duration_from_interval
from processes.runners.contract import Limits
from processes.runners.refusals import RefusedError

EXACT_HUGEINT = "DECIMAL(38,0)"
_EXACT_IN_PARQUET = {"HUGEINT": EXACT_HUGEINT, "UHUGEINT": EXACT_HUGEINT}
"""Parquet has no 128-bit integers and DuckDB writes them as DOUBLE; SUM of integers is a HUGEINT, so it matters."""

_KEPT_AS = {"INTERVAL": "VARCHAR"}
"""Parquet keeps intervals without microseconds and none below zero: they are written as ISO 8601 durations."""

_LOSSY_IN_PARQUET = re.compile(r"HUGEINT|UNION\(|INTERVAL|TIME WITH TIME ZONE")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_WHOLE_NUMBERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
)
_QUOTED = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'")


@dataclass(frozen=True)
class PartWanted:
    """The columns of a Part, and the number of the TableVersion that its rows bear."""

    columns: Sequence[tuple[str, str]]
    version: int


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
    rows = f"SELECT {exact_selection(columns)} FROM {query} LIMIT {budget.rows_left + 1}"
    return f"COPY ({rows}) TO {quote_text(str(path))} (FORMAT parquet)"


def part_statement(
    query: str, columns: Sequence[tuple[str, str]], wanted: PartWanted, path: Path, budget: OutputBudget
) -> str | None:
    """The same as a Part, rows numbered in their order; None where the columns aren't those that are wanted.

    A column is taken as another type only where that loses nothing, or else fails (duckdb.ConversionException).
    """
    found = {name: normal_type(kind) for name, kind in columns}
    if len(found) != len(columns) or found.keys() != dict(wanted.columns).keys():
        return None
    cells = []
    for name, kind in wanted.columns:
        kind = normal_type(kind)
        if found[name] != kind and not _is_exact_or_fails(found[name], kind):
            return None
        cells.append(quote_name(name) if found[name] == kind else f"CAST({quote_name(name)} AS {kind})")
    named = ", ".join(f"{cell} AS {quote_name(name)}" for cell, (name, _) in zip(cells, wanted.columns, strict=True))
    rows = (
        f"SELECT {named}, row_number() OVER () AS _id, CAST({wanted.version} AS BIGINT) AS _version "
        f"FROM {query} LIMIT {budget.rows_left + 1}"
    )
    return f"COPY ({rows}) TO {quote_text(str(path))} ({PART_OPTIONS})"


def parts_wanted(request: Mapping[str, Any]) -> dict[str, PartWanted]:
    """Of a request: the outputs of which a Part is wanted."""
    return {
        port: PartWanted([(str(name), str(kind)) for name, kind in request["output_types"][port]], int(version))
        for port, version in request["part_versions"].items()
    }


def normal_type(kind: str) -> str:
    """A type as DuckDB writes it; the catalog has a shorter name for one."""
    return "TIMESTAMP WITH TIME ZONE" if kind == "TIMESTAMPTZ" else kind


def _is_exact_or_fails(kind: str, wanted: str) -> bool:
    if wanted == "BIGINT":
        return kind in _WHOLE_NUMBERS
    given, asked = _DECIMAL.fullmatch(kind), _DECIMAL.fullmatch(wanted)
    return bool(given and asked and int(given[2]) <= int(asked[2]))


def output_reply(columns: Sequence[tuple[str, str]], row_count: int, is_part: bool = False) -> dict[str, Any]:
    """What the parent is told of a written output."""
    kept = [(name, _KEPT_AS.get(kind, kind)) for name, kind in columns]
    return {"columns": kept, "row_count": row_count, "is_part": is_part}


def exact_selection(columns: Sequence[tuple[str, str]]) -> str:
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
