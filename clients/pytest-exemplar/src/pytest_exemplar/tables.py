"""Tables as a function takes and gives them: lists of dicts, or those of pandas, polars and Arrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from importlib import import_module
from typing import Any

from pytest_exemplar.values import JSON_TYPES, as_json, is_exact

FORMS = {"records": "json", "pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}
"""How tables are given, and the package that each needs."""

Attributes = Sequence[Mapping[str, Any]]


class OutputError(Exception):
    """What the function gave is no table."""


def make_table(rows: list[dict[str, Any]], attributes: Attributes, form: str) -> Any:
    """The rows in the form that the function wants."""
    if form == "records":
        return [dict(row) for row in rows]
    columns = {each["name"]: [_cell(row[each["name"]], each) for row in rows] for each in attributes}
    if form == "pandas":
        return _pandas(columns, attributes)
    return _polars(columns, attributes) if form == "polars" else _arrow(columns, attributes)


def _cell(value: Any, attribute: Mapping[str, Any]) -> Any:
    """In a frame, what is JSON is its text."""
    return as_json(value) if attribute["type"] in JSON_TYPES and value is not None else value


def _pandas(columns: Mapping[str, list[Any]], attributes: Attributes) -> Any:
    pandas: Any = import_module("pandas")

    series = {}
    for each in attributes:
        cells = columns[each["name"]]
        has_null = any(cell is None for cell in cells)
        kind = each["type"]
        if kind in {"integer", "year"}:
            made = pandas.Series(cells, dtype="float64" if has_null else "int64")
        elif kind == "number":
            made = pandas.Series([None if cell is None else float(cell) for cell in cells], dtype="float64")
        elif kind in {"date", "datetime"}:
            made = pandas.to_datetime(pandas.Series(cells, dtype="object"), utc=bool(each.get("timezone")))
        else:
            made = pandas.Series(cells, dtype="bool" if kind == "boolean" and not has_null else "object")
        series[each["name"]] = made
    return pandas.DataFrame(series, columns=list(columns))


def _polars(columns: Mapping[str, list[Any]], attributes: Attributes) -> Any:
    polars: Any = import_module("polars")

    types = {"integer": polars.Int64, "year": polars.Int64, "boolean": polars.Boolean, "date": polars.Date}
    types["time"] = polars.Time
    schema: dict[str, Any] = {}
    for each in attributes:
        kind = each["type"]
        if kind == "number":
            exact = is_exact(each)
            schema[each["name"]] = polars.Decimal(each["precision"], each.get("scale", 0)) if exact else polars.Float64
        elif kind == "datetime":
            schema[each["name"]] = polars.Datetime("us", "UTC" if each.get("timezone") else None)
        else:
            schema[each["name"]] = types.get(kind, polars.String)
    return polars.DataFrame(columns, schema=schema)


def _arrow(columns: Mapping[str, list[Any]], attributes: Attributes) -> Any:
    pyarrow: Any = import_module("pyarrow")

    types = {"integer": pyarrow.int64(), "year": pyarrow.int64(), "boolean": pyarrow.bool_(), "date": pyarrow.date32()}
    types["time"] = pyarrow.time64("us")
    fields = []
    for each in attributes:
        kind = each["type"]
        if kind == "number":
            exact = is_exact(each)
            made = pyarrow.decimal128(each["precision"], each.get("scale", 0)) if exact else pyarrow.float64()
        elif kind == "datetime":
            made = pyarrow.timestamp("us", "UTC" if each.get("timezone") else None)
        else:
            made = types.get(kind, pyarrow.string())
        fields.append((each["name"], made))
    return pyarrow.table(dict(columns), schema=pyarrow.schema(fields))


def rows_of(table: Any, attributes: Attributes) -> str:
    """The rows of a table that a function gave, as a JSON text. Raises OutputError."""
    is_frame = type(table).__module__.split(".")[0] in {"pandas", "polars", "pyarrow"}
    rows = _frame_rows(table, attributes) if is_frame else _records(table)
    names = dict.fromkeys(name for row in rows for name in row)
    texts = []
    for number, row in enumerate(rows, 1):
        cells = []
        for name in names:
            try:
                cells.append(f"{json.dumps(str(name))}: {as_json(row.get(name))}")
            except (ValueError, RecursionError) as error:
                raise OutputError(f"Row {number}, {name}: {error}.") from error
        texts.append("{" + ", ".join(cells) + "}")
    return "[" + ",\n".join(texts) + "]"


def _records(table: Any) -> list[Mapping[str, Any]]:
    if not isinstance(table, Iterable) or isinstance(table, str | bytes | Mapping):
        shown = type(table).__name__
        raise OutputError(f"The function gives a {shown}; a table is a list of dicts, or of pandas, polars or Arrow.")
    rows = list(table)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise OutputError(f"Row {number} is a {type(row).__name__}; a row is a dict.")
    return rows


def _frame_rows(table: Any, attributes: Attributes) -> list[dict[str, Any]]:
    module = type(table).__module__.split(".")[0]
    kinds = {each["name"]: each["type"] for each in attributes}
    if module == "polars":
        table = table.collect() if hasattr(table, "collect") else table
        rows = table.to_dicts()
    elif module == "pyarrow":
        rows = table.to_pylist()
    else:
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{name: _as_the_object_has(cell, kinds.get(name, "")) for name, cell in row.items()} for row in rows]


def _as_the_object_has(cell: Any, kind: str) -> Any:
    """A frame's stand-in for a type that it lacks, as that type where nothing is lost."""
    if isinstance(cell, float) and kind in {"integer", "year"} and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime) and kind == "date" and cell.time() == time() and cell.tzinfo is None:
        return cell.date()
    if isinstance(cell, str) and kind in JSON_TYPES:
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell
