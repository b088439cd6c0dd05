"""DuckDB's own sqllogictests: each query is a Function of its tables, its answer the expected Table.

The tables keep the types of their columns (a WITH around the query casts them), and the answer's columns are named by
place, since the engine makes up names. Of a query whose types are not all simple no case is made.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

from benchmarks.cases.described import CaseSet, DescribedCase, DescribedFunction, Fields, Rows
from catalog.engine import quote_name
from processes.execution import check_definition

RELATIVE_TOLERANCE = 1e-6
EXACT = Context(prec=60)
MOMENTS = frozenset({"DATE", "TIMESTAMP"})
TRUE_WORDS = {"true", "1"}
INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
TYPES = {"VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "datetime", "TIME": "time"}


def read(data: Path) -> CaseSet:
    """The cases with tables."""
    return _read("sqllogic", data, "cases_with_tables")


def read_scalar(data: Path) -> CaseSet:
    """The cases without tables."""
    return _read("scalar", data, "cases_scalar")


def _read(name: str, data: Path, file: str) -> CaseSet:
    folder = data / "20_duckdb_sqllogic"
    refused = json.loads((folder / "in_duckdb_1.5.5.json").read_text())[file]
    functions: list[DescribedFunction] = []
    cases: list[DescribedCase] = []
    left_out: dict[str, str] = {}
    with gzip.open(folder / f"{file}.jsonl.gz", "rt") as stream:
        for case in map(_with_moments_as_text, map(json.loads, stream)):
            if not case["simple_types"]:
                continue
            reason = _reason_to_leave_out(case, refused)
            if reason:
                left_out[case["id"]] = reason
                continue
            made = _function(case)
            problems = check_definition("sql", made.definition, made.outputs, (), made.inputs)
            if problems:
                left_out[case["id"]] = f"refused: {problems[0].message}"
                continue
            functions.append(made)
            cases.append(_case(case, made))
    return CaseSet(name, functions, cases, left_out)


def _reason_to_leave_out(case: Mapping[str, Any], refused: Mapping[str, Any]) -> str | None:
    if case["id"] in refused.get("error_ids", ()):
        return "this version of DuckDB refuses the query"
    if case["id"] in refused.get("crash_ids", ()):
        return "this version of DuckDB does not end"
    return None


def _with_moments_as_text(case: dict[str, Any]) -> dict[str, Any]:
    """The case; one with years before Christ, which no attribute has, with its dates as strings."""
    cells = json.dumps([case["expected"], [table["rows"] for table in case["tables"].values()]])
    if "(BC)" not in cells:
        return case
    answers = [{**each, "as_text": each["type"] in MOMENTS} for each in case["output_columns"]]
    tables = {
        name: {**table, "columns": [{**each, "as_text": each["type"] in MOMENTS} for each in table["columns"]]}
        for name, table in case["tables"].items()
    }
    return {**case, "output_columns": answers, "tables": tables}


def _function(case: Mapping[str, Any]) -> DescribedFunction:
    inputs = {f"{name} rows": _fields(table["columns"]) for name, table in case["tables"].items()}
    return DescribedFunction(
        case["id"], inputs, {"result": _result_fields(case["output_columns"])}, "sql", {"result": _query(case)}
    )


def _query(case: Mapping[str, Any]) -> str:
    names = ", ".join(f"c{place}" for place in range(len(case["output_columns"])))
    texts = ", ".join(
        f"CAST(c{place} AS VARCHAR) AS c{place}"
        for place, each in enumerate(case["output_columns"])
        if each.get("as_text")
    )
    chosen = f"* REPLACE ({texts})" if texts else "*"
    answer = f"SELECT {chosen} FROM (\n{case['sql'].strip().rstrip(';')}\n) AS answer({names})"
    tables = ", ".join(
        f"{quote_name(name)} AS (SELECT {_casts(table['columns'])} FROM {quote_name(f'{name} rows')})"
        for name, table in case["tables"].items()
    )
    return f"WITH {tables} {answer}" if tables else answer


def _casts(columns: Sequence[Mapping[str, str]]) -> str:
    return ", ".join(
        f"CAST({quote_name(each['name'])} AS {each['type']}) AS {quote_name(each['name'])}" for each in columns
    )


def _fields(columns: Sequence[Mapping[str, str]]) -> Fields:
    return tuple({"name": each["name"], **_type(each)} for each in columns)


def _result_fields(columns: Sequence[Mapping[str, str]]) -> Fields:
    return tuple({"name": f"c{place}", **_type(each)} for place, each in enumerate(columns))


def _type(column: Mapping[str, Any]) -> dict[str, Any]:
    duckdb_type = "VARCHAR" if column.get("as_text") else column["type"]
    if duckdb_type in INTEGERS:
        return {"type": "integer"}
    size = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type)
    if size:
        return {"type": "number", "precision": int(size[1]), "scale": int(size[2])}
    return {"type": TYPES.get(duckdb_type, "number")}


def _case(case: Mapping[str, Any], function: DescribedFunction) -> DescribedCase:
    inputs = {
        f"{name} rows": _rows(function.inputs[f"{name} rows"], table["rows"]) for name, table in case["tables"].items()
    }
    result = _rows(function.outputs["result"], case["expected"])
    comparison = {"rel_tol": RELATIVE_TOLERANCE} if any(each["type"] == "number" for each in result.fields) else {}
    return DescribedCase(case["id"], case["id"], inputs, {"result": result}, comparison)


def _rows(fields: Fields, rows: Sequence[Sequence[str | None]]) -> Rows:
    return Rows(fields, tuple(tuple(_cells(fields, row)) for row in rows))


def _cells(fields: Fields, row: Sequence[str | None]) -> Iterator[Any]:
    for attribute, text in zip(fields, row, strict=True):
        if text is None or text == "NULL":  # None in tables, the word in answers
            yield None
        elif text == "(empty)":
            yield ""
        else:
            yield _value(attribute, text)


def _value(attribute: Mapping[str, Any], text: str) -> Any:
    kind = attribute["type"]
    if kind == "string":
        return text
    text = text.strip()
    if kind == "boolean":
        return text.lower() in TRUE_WORDS
    if kind == "integer":
        return int(Decimal(text))
    if kind == "datetime":
        return text.replace(" ", "T") if " " in text else f"{text}T00:00:00"
    if kind == "number" and "scale" in attribute:
        return str(EXACT.quantize(Decimal(text), Decimal(1).scaleb(-attribute["scale"])))
    return text
