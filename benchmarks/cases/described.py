"""Functions and cases as a set describes them, and the package that they make."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NULL = r"\N"
"""How a missing value is written, unquoted, so that an empty text stays one."""

Fields = tuple[Mapping[str, Any], ...]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """Rows of JSON values, and the Table Schema fields that they have."""

    fields: Fields
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class DescribedFunction:
    """A function with the fields of each port, and its implementation."""

    name: str
    inputs: Mapping[str, Fields]
    outputs: Mapping[str, Fields]
    kind: str
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class DescribedCase:
    """What a function must give for these rows; or, with `error`, the message with which it must refuse them."""

    name: str
    function: str
    inputs: Mapping[str, Rows]
    outputs: Mapping[str, Rows]
    comparison: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class CaseSet:
    """A set: what can be run, and what was left out with the reason of each, by id."""

    name: str
    functions: Sequence[DescribedFunction]
    cases: Sequence[DescribedCase]
    left_out: Mapping[str, str] = field(default_factory=dict)


def write_package(cases: CaseSet, folder: Path) -> None:
    """The set as a package in an empty folder; equal shapes share an Object, equal rows a Table."""
    writer = _Writer(cases.name, folder)
    functions = [
        {
            "name": function.name,
            "inputs": writer.ports(function.inputs),
            "outputs": writer.ports(function.outputs),
            "implementations": [{"name": function.kind, "kind": function.kind, "definition": function.definition}],
        }
        for function in cases.functions
    ]
    test_cases = [_test_case(case, cases.name, writer) for case in cases.cases]
    descriptor = {
        "name": cases.name,
        "objects": writer.objects,
        "resources": writer.resources,
        "functions": functions,
        "testCases": test_cases,
    }
    (folder / "datapackage.json").write_text(json.dumps(descriptor))


def _test_case(case: DescribedCase, tag: str, writer: "_Writer") -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": case.name,
        "function": case.function,
        "tags": [tag],
        "inputs": writer.bindings(case.inputs),
        "outputs": writer.bindings(case.outputs),
        "comparison": dict(case.comparison),
    }
    if case.error is not None:
        described["expectedError"] = {"kind": "ValueError", "pattern": re.escape(case.error)}
    return described


class _Writer:
    """Writes each Object and each Table once."""

    def __init__(self, prefix: str, folder: Path) -> None:
        self.prefix = prefix
        self.folder = folder
        self.objects: list[str] = []
        self.resources: list[dict[str, Any]] = []
        self._objects: dict[str, str] = {}
        self._tables: dict[tuple[str, str], str] = {}

    def ports(self, ports: Mapping[str, Fields]) -> list[dict[str, Any]]:
        return [{"name": name, "object": self._object(fields)} for name, fields in ports.items()]

    def bindings(self, bound: Mapping[str, Rows]) -> list[dict[str, Any]]:
        return [{"name": port, "table": self._table(rows)} for port, rows in bound.items()]

    def _object(self, fields: Fields) -> str:
        schema = json.dumps({"fields": fields, "missingValues": [NULL]})
        if schema not in self._objects:
            name = self._objects[schema] = f"{self.prefix} shape {len(self._objects) + 1}"
            self.objects.append(f"objects/{len(self._objects)}.json")
            path = self.folder / self.objects[-1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps({"name": name, **json.loads(schema)}))
        return self._objects[schema]

    def _table(self, rows: Rows) -> str:
        shape = self._object(rows.fields)
        content = json.dumps(rows.rows)
        if (shape, content) not in self._tables:
            number = len(self._tables) + 1
            name = self._tables[shape, content] = f"rows {number}"
            path = self.folder / "tables" / f"{number}.csv"
            path.parent.mkdir(exist_ok=True)
            self._write(path, rows)
            self.resources.append(
                {
                    "name": f"rows-{number}",
                    "path": f"tables/{number}.csv",
                    "type": "table",
                    "format": "csv",
                    "encoding": "utf-8",
                    "object": shape,
                    "table": name,
                }
            )
        return self._tables[shape, content]

    @staticmethod
    def _write(path: Path, rows: Rows) -> None:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(each["name"] for each in rows.fields)
            for row in rows.rows:
                writer.writerow(map(_text, row, rows.fields))


def _text(value: Any, attribute: Mapping[str, Any]) -> str:
    if value is None:
        return NULL
    if isinstance(value, str) and attribute["type"] not in {"any", "array", "object"}:
        return value
    return json.dumps(value)
