"""From an application to a folder: a package that loads as the same application."""

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.db.models import F

from catalog.exporting import export
from catalog.formats.writers import CSV
from catalog.models import Application, ObjectSchema, ObjectVersion, Table, TableVersion
from processes.models import Function, Kind, Port
from testcases.models import Binding, TestCase
from testcases.packages.description import DESCRIPTOR

PACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
SCHEMA_PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"
SLUG_CHARACTERS = 80


def write_package(application: Application, path: Path) -> dict[str, int]:
    """Write all of an application as a package; returns how many resources of each kind.

    The folder appears whole: it is written aside and renamed. Raises FileExistsError if there is something already,
    unless it is an empty folder, and OSError.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise FileExistsError(f"{path} is there already, and not empty.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as aside:
        folder = Path(aside) / "package"
        folder.mkdir()
        counts = _Writing(application, folder).write()
        folder.replace(path)
    return counts


class FileNames:
    """Names for files, made from names that people gave; no two alike, whatever the file system makes of case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def choose(self, folder: str, name: str, suffix: str) -> str:
        """A path such as `tables/orders/last-years-menu.csv`."""
        slug = re.sub(r"[^\w.]+", "-", name.lower().replace("'", "")).strip("-.")[:SLUG_CHARACTERS] or "unnamed"
        path, number = f"{folder}/{slug}{suffix}", 1
        while path in self._taken:
            number += 1
            path = f"{folder}/{slug}-{number}{suffix}"
        self._taken.add(path)
        return path


class _Writing:
    def __init__(self, application: Application, folder: Path) -> None:
        self.application = application
        self.folder = folder
        self.names = FileNames()
        self.object_files: dict[str, str] = {}

    def write(self) -> dict[str, int]:
        objects = self._objects()
        resources = self._resources()
        functions = [self._function(each) for each in self.application.functions.with_parts().order_by("name")]
        cases = TestCase.objects.filter(application=self.application).with_parts().order_by("function__name", "name")
        test_cases = [_test_case(each) for each in cases]
        descriptor = {
            "$schema": PACKAGE_PROFILE,
            "name": re.sub(r"[^a-z0-9._-]+", "-", self.application.name.lower()).strip("-") or "package",
            "resources": resources,
            "objects": objects,
            "functions": functions,
            "testCases": test_cases,
        }
        self._write_json(DESCRIPTOR, descriptor)
        return {
            "objects": len(objects),
            "tables": len(resources),
            "functions": len(functions),
            "test cases": len(test_cases),
        }

    def _write_text(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    def _write_json(self, file: str, value: Any) -> None:
        self._write_text(file, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def _objects(self) -> list[str]:
        current = ObjectVersion.objects.filter(object__application=self.application, number=F("object__version"))
        for version in current.select_related("object").order_by("object__name"):
            file = self.names.choose("objects", version.object.name, ".json")
            self.object_files[version.object_id] = file
            self._write_json(file, _table_schema(version.object, version.definition))
        return list(self.object_files.values())

    def _resources(self) -> list[dict[str, Any]]:
        tables = Table.objects.filter(object__application=self.application)
        versions = TableVersion.objects.filter(table__in=tables, number=F("table__version"))
        ordered = versions.select_related("table__object", "object_version").order_by(
            "table__object__name", "table__name"
        )
        return [self._resource(version.table, version) for version in ordered]

    def _resource(self, table: Table, version: TableVersion) -> dict[str, Any]:
        folder = Path(self.object_files[table.object_id]).stem
        file = self.names.choose(f"tables/{folder}", table.name, ".csv")
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.writelines(export(version, CSV))
        return {
            "name": f"{folder}-{Path(file).stem}".lower(),
            **({"description": table.description} if table.description else {}),
            "path": file,
            "type": "table",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": self.object_files[table.object_id],
            "object": table.object.name,
            "table": table.name,
        }

    def _function(self, function: Function) -> dict[str, Any]:
        return {
            "name": function.name,
            "summary": function.summary,
            "parameters": function.parameters,
            "inputs": [{**_port(port), "required": port.required} for port in function.inputs],
            "outputs": [_port(port) for port in function.outputs],
            "implementations": [
                {"name": each.name, "kind": each.kind, "definition": self._definition(function, each)}
                for each in function.implementations.all()
            ],
        }

    def _definition(self, function: Function, implementation: Any) -> dict[str, Any]:
        """An SQL text goes to a file of its own."""
        if implementation.kind != Kind.SQL:
            return dict(implementation.definition)
        is_alone = len(implementation.definition) == 1 and len(function.implementations.all()) == 1
        files = {}
        for port, text in implementation.definition.items():
            name = function.name if is_alone else f"{function.name}-{implementation.name}-{port}"
            files[port] = {"path": self.names.choose("functions", name, ".sql")}
            self._write_text(files[port]["path"], text)
        return files


def _table_schema(shape: ObjectSchema, definition: Mapping[str, Any]) -> dict[str, Any]:
    """An Object's definition as a Table Schema, without what says nothing."""
    schema: dict[str, Any] = {"$schema": SCHEMA_PROFILE, "name": shape.name}
    if shape.description:
        schema["description"] = shape.description
    schema["fields"] = definition["attributes"]
    rest = {name: value for name, value in definition.items() if name != "attributes"}
    return schema | {name: value for name, value in rest.items() if value or name == "missingValues"}


def _port(port: Port) -> dict[str, Any]:
    return {"name": port.name, "object": port.object.name}


def _bindings(bindings: Iterable[Binding]) -> list[dict[str, str]]:
    return [{"name": binding.port.name, "table": binding.table.name} for binding in bindings]


def _test_case(case: TestCase) -> dict[str, Any]:
    return {
        "name": case.name,
        "function": case.function.name,
        "summary": case.summary,
        "tags": case.tags,
        "enabled": case.enabled,
        "inputs": _bindings(case.inputs),
        "outputs": _bindings(case.outputs),
        "comparison": case.comparison,
        "parameters": case.parameters,
        **({"expectedError": case.expected_error} if case.expected_error else {}),
        **({"clock": case.clock.isoformat()} if case.clock else {}),
    }
