"""The inputs of a case as programs take them: rows as dicts, files, or what pandas, polars and Arrow hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import orjson

from catalog.engine import quote_name, quote_text
from config.exact_json import load_json
from processes.runners.contract import Limits

_NAME_BYTES = 200
_FETCHED_ROWS = 10_000


def open_workspace(limits: Limits, temp: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB for reading inputs and writing outputs, to be forked for each case: idle, and without threads."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": f"{limits.memory_bytes // 1024}KiB",
            "temp_directory": str(temp),
            "max_temp_directory_size": f"{limits.temp_bytes // 1024}KiB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "enable_external_file_cache": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET python_enable_replacements = false")
    return connection


def input_select(table: Mapping[str, Any]) -> str:
    """A query of an input port's attributes, without what else its Parts carry."""
    if not table["files"]:
        empty = ", ".join(f"CAST(NULL AS {kind}) AS {quote_name(name)}" for name, kind in table["columns"])
        return f"SELECT {empty} LIMIT 0"
    typed = ", ".join(f"CAST({quote_name(name)} AS {kind}) AS {quote_name(name)}" for name, kind in table["columns"])
    paths = ", ".join(quote_text(file) for file in table["files"])
    return f"SELECT {typed} FROM read_parquet([{paths}])"


def records(connection: duckdb.DuckDBPyConnection, table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows as dicts: exact Decimals, dates and times as Python has them, instants with UTC, JSON as its value."""
    columns = table["columns"]
    # An instant is fetched without its time zone, because DuckDB needs another package to name one.
    selection = ", ".join(
        f"{quote_name(name)} AT TIME ZONE 'UTC' AS {quote_name(name)}" if _is_instant(kind) else quote_name(name)
        for name, kind in columns
    )
    readers = [_reader(kind) for _, kind in columns]
    names = [name for name, _ in columns]
    cursor = connection.execute(f"SELECT {selection} FROM ({input_select(table)})")
    while rows := cursor.fetchmany(_FETCHED_ROWS):
        for row in rows:
            yield {
                name: value if value is None or read is None else read(value)
                for name, value, read in zip(names, row, readers, strict=True)
            }


def _is_instant(kind: str) -> bool:
    return kind.upper() in {"TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"}


def _reader(kind: str) -> Any:
    if _is_instant(kind):
        return lambda moment: moment.replace(tzinfo=UTC)
    return (lambda text: load_json(text.encode())) if kind == "JSON" else None


def row_as_json(row: Mapping[str, Any]) -> bytes:
    """A row (or any value) as JSON, decimals with all their digits; NaN and infinities, which JSON lacks, as null."""
    return orjson.dumps(row, default=_as_json, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value)) if value.is_finite() else None
    if isinstance(value, int):  # orjson knows 64 bits
        return orjson.Fragment(json.dumps(value))
    raise TypeError(f"a {type(value).__name__} is no JSON")


def port_file(directory: str, port: str, form: str, ports: Sequence[str]) -> str:
    """Where a program finds or leaves a port's file, below its working directory: ``inputs/orders.csv``.

    A name that is no file name is percent-encoded; one that is too long for one becomes the port's position.
    """
    name = quote(port, safe=" !#$&'()+,;=@[]{}~")
    if len(name) > _NAME_BYTES:
        name = f"port-{list(ports).index(port)}"
    return f"{directory}/{name}.{form}"


def write_input(connection: duckdb.DuckDBPyConnection, table: Mapping[str, Any], form: str, path: Path) -> None:
    """Write an input port's rows as a file in one of FORMATS.

    CSV is UTF-8 with a header; null is an empty cell and an empty text is a quoted one.
    """
    select = input_select(table)
    if form == "ndjson":
        with path.open("wb") as file:
            for row in records(connection, table):
                file.write(row_as_json(row) + b"\n")
        return
    if form == "csv":
        texts = [
            f"strftime({quote_name(name)} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS {quote_name(name)}"
            for name, kind in table["columns"]
            if _is_instant(kind)
        ]
        if texts:
            select = f"SELECT * REPLACE ({', '.join(texts)}) FROM ({select})"
    options = "FORMAT csv, HEADER true" if form == "csv" else "FORMAT parquet"
    connection.execute(f"COPY ({select}) TO {quote_text(str(path))} ({options})")
