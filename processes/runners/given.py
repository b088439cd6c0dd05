"""What a python function returned, as Parquet: records, a DuckDB relation, or a table of pandas, polars or Arrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from catalog.engine import quote_name, quote_text
from catalog.types.moments import duration_from_interval
from config.storable import UNSTORABLE
from processes.runners.collecting import ROW_BYTES
from processes.runners.outputs import exact_selection
from processes.runners.refusals import RefusedError

_DIGITS = 38
_INTEGER_BITS = 128
_SCALARS: Mapping[type, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    Decimal: "DECIMAL",
    str: "VARCHAR",
    date: "DATE",
    time: "TIME",
    datetime: "TIMESTAMP",
    timedelta: "INTERVAL",
}
_BIGINT = range(-(2**63), 2**63)


def write_given(
    connection: duckdb.DuckDBPyConnection, table: Any, columns: Sequence[tuple[str, str]], path: Path
) -> None:
    """Write a table that the function gave. ``columns``: of the port's Object, for what has no type of its own.

    Raises RefusedError ``invalid_output`` for what is no table.
    """
    if isinstance(table, duckdb.DuckDBPyRelation):
        _check_names(table.columns)
        columns = list(zip(table.columns, map(str, table.types), strict=True))
        table.project(exact_selection(columns)).write_parquet(str(path))
    elif type(table).__module__.split(".")[0] in {"pandas", "polars", "pyarrow"}:
        _write_frame(connection, table, path)
    elif isinstance(table, Iterable) and not isinstance(table, str | bytes | Mapping):
        _write_records(connection, table, columns, path)
    else:
        shown = type(table).__name__
        message = (
            f"The function gives a {shown}; a table is a list of dicts, a DuckDB relation, "
            "or one of pandas, polars or Arrow."
        )
        raise RefusedError("invalid_output", message)


def _check_names(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        _check_name(name, seen)


def _check_name(name: Any, seen: set[str]) -> None:
    """seen: the names before it, in lower case."""
    if not isinstance(name, str) or not name or UNSTORABLE.search(name):
        raise RefusedError("invalid_output", f"A column's name is text without NUL, not {name!r}.")
    if name.lower() in seen:
        raise RefusedError("duplicate_column", f"The function gives column {name!r} twice.")
    seen.add(name.lower())


def _write_frame(connection: duckdb.DuckDBPyConnection, table: Any, path: Path) -> None:
    if hasattr(table, "collect"):
        table = table.collect()  # polars, lazy
    names = list(getattr(table, "column_names", None) or table.columns)
    _check_names(names)
    if type(table).__module__.startswith("polars"):
        table = table.to_arrow()
    connection.register("given", table)
    columns = [(row[0], row[1]) for row in connection.execute("DESCRIBE given").fetchall()]
    rows = f"SELECT {exact_selection(columns)} FROM given"
    connection.execute(f"COPY ({rows}) TO {quote_text(str(path))} (FORMAT parquet)")
    connection.unregister("given")


# --- records ----------------------------------------------------------------------------------------------------------


class _Column:
    """The Python types that a column's values have had so far, and what a DECIMAL needs to hold them."""

    def __init__(self) -> None:
        self.types: set[type] = set()
        self.is_big = False
        self.scale = 0
        self.digits = 0

    def text(self, value: Any, place: str) -> str | None:
        """The value as text that DuckDB casts back without loss."""
        if value is None:
            return None
        if hasattr(value, "item") and type(value).__module__ == "numpy":
            value = value.item()
        kind = next((each for each in type(value).__mro__ if each in _SCALARS), None)
        if kind is None and not isinstance(value, list | tuple | dict):
            raise RefusedError("invalid_output", f"{place} is a {type(value).__name__}, which no column holds.")
        self.types.add(kind or dict)
        if kind is None:
            return _checked_text(json.dumps(value, default=_in_json, ensure_ascii=False, allow_nan=False))
        if kind is bool:
            return "true" if value else "false"
        if kind is str:
            return _checked_text(str(value))
        if kind is int:
            return self._whole(value, place)
        if kind is Decimal:
            return self._decimal(value, place)
        if kind is datetime:
            return self._moment(value)
        return f"{value.total_seconds():.6f} seconds" if kind is timedelta else str(value)

    def _moment(self, value: datetime) -> str:
        if value.tzinfo is not None:
            self.types.discard(datetime)
            self.types.add(type(UTC))
            value = value.astimezone(UTC)
        return value.isoformat(" ")

    def _whole(self, value: int, place: str) -> str:
        if value.bit_length() > _INTEGER_BITS:
            raise RefusedError("invalid_output", f"{place} has too many digits; a number has at most 38.")
        self.is_big = self.is_big or value not in _BIGINT
        self.digits = max(self.digits, len(str(abs(value))))
        return str(value)

    def _decimal(self, value: Decimal, place: str) -> str:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int):
            raise RefusedError("invalid_output", f"{place} is {value}, which is no number.")
        if max(value.adjusted() + 1, 0) + max(-exponent, 0) > _DIGITS:
            raise RefusedError("invalid_output", f"{place} has too many digits; a number has at most 38.")
        self.scale = max(self.scale, -exponent)
        self.digits = max(self.digits, value.adjusted() + 1)
        return format(value, "f")

    def duckdb_type(self, name: str, wanted: str | None) -> str:
        """The type that holds all values."""
        if not self.types:
            return wanted or "VARCHAR"
        if self.types == {type(UTC)}:
            return "TIMESTAMPTZ"
        if len(self.types) == 1:
            (kind,) = self.types
            if kind is dict:
                return "JSON"
            if kind is int and self.is_big:
                return self._decimal_type(name)
            return self._decimal_type(name) if kind is Decimal else _SCALARS[kind]
        if wanted == "JSON":
            raise RefusedError("invalid_output", f"Column {name!r} mixes types; wrap its values in a list or dict.")
        if self.types == {int, Decimal}:
            return self._decimal_type(name)
        if self.types == {int, float} and not self.is_big:
            return "DOUBLE"
        mixed = " and ".join(sorted(each.__name__ for each in self.types))
        raise RefusedError("invalid_output", f"Column {name!r} mixes {mixed}.")

    def _decimal_type(self, name: str) -> str:
        digits = max(self.digits, 0) + self.scale
        if digits > _DIGITS:
            raise RefusedError("invalid_output", f"Column {name!r} needs {digits} digits; a number has at most 38.")
        return f"DECIMAL({max(digits, 1)},{self.scale})"


def _checked_text(text: str) -> str:
    """The text, if it is Unicode; else a ValueError."""
    if not text.isascii():
        text.encode()
    return text


def _cast(name: str, kind: str) -> str:
    cast = f"CAST({quote_name(name)} AS {kind})"
    return duration_from_interval(cast) if kind == "INTERVAL" else cast


def _in_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        exact = float(value)
        return exact if Decimal(repr(exact)) == value else str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    raise RefusedError("invalid_output", f"A {type(value).__name__} is no JSON.")


def _text(column: _Column, value: Any, place: str) -> str | None:
    try:
        return column.text(value, place)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise RefusedError("invalid_output", f"{place} is a value that no column holds: {error}") from error


def _write_records(
    connection: duckdb.DuckDBPyConnection, rows: Iterable[Any], wanted: Sequence[tuple[str, str]], path: Path
) -> None:
    columns: dict[str, _Column] = {}
    seen: set[str] = set()
    lines = path.with_suffix(".ndjson")
    count = 0
    with lines.open("w", encoding="utf-8") as file:
        for count, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                raise RefusedError("invalid_output", f"Row {count} is a {type(row).__name__}; a row is a dict.")
            texts = {}
            for name, value in row.items():
                if name not in columns:
                    _check_name(name, seen)
                    columns[name] = _Column()
                texts[name] = _text(columns[name], value, f"Row {count}, {name}")
            file.write(json.dumps(texts) + "\n")
    if not count:
        columns = {name: _Column() for name, _ in wanted}
    if not columns:
        raise RefusedError("invalid_output", "The function gives rows without any column.")
    types = dict(wanted)
    selection = ", ".join(
        f"{_cast(name, column.duckdb_type(name, types.get(name)))} AS {quote_name(name)}"
        for name, column in columns.items()
    )
    given = ", ".join(f"{quote_text(name)}: 'VARCHAR'" for name in columns)
    source = (
        f"read_json({quote_text(str(lines))}, format = 'newline_delimited', records = true, columns = {{{given}}}, "
        f"maximum_object_size = {ROW_BYTES})"
    )
    connection.execute(f"COPY (SELECT {selection} FROM {source}) TO {quote_text(str(path))} (FORMAT parquet)")
    lines.unlink()
