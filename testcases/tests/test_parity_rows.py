"""One bad row after another through every face that takes rows: each names the same row, attribute and code."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from testcases.packages import PackageError, load_package, read_package

pytestmark = pytest.mark.django_db
COLUMNS = ("row", "line", "attribute", "code", "message")
Told = set[tuple[int, str, str]]
Row = Mapping[str, Any]

ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "id", "type": "integer", "constraints": {"required": True}},
    {"name": "code", "type": "string", "constraints": {"pattern": "[a-z]+", "minLength": 2, "maxLength": 4}},
    {"name": "serial", "type": "integer", "constraints": {"unique": True, "minimum": 1, "maximum": 9}},
    {"name": "share", "type": "number", "constraints": {"exclusiveMinimum": 0, "exclusiveMaximum": 10}},
    {"name": "pack", "type": "integer", "constraints": {"multipleOf": 6}},
    {"name": "size", "type": "string", "constraints": {"enum": ["s", "m"]}},
    {"name": "grade", "type": "string", "categories": ["good", "bad"]},
    {"name": "mail", "type": "string", "format": "email"},
    {"name": "day", "type": "date", "constraints": {"minimum": "2026-01-01"}},
    {"name": "more", "type": "object", "constraints": {"jsonSchema": {"required": ["a"]}}},
    {"name": "tags", "type": "list", "constraints": {"maxLength": 2}},
    {"name": "left", "type": "integer"},
    {"name": "right", "type": "integer"},
    {"name": "customer", "type": "integer"},
]
DEFINITION: dict[str, Any] = {
    "attributes": ATTRIBUTES,
    "primaryKey": ["id"],
    "uniqueKeys": [["left", "right"]],
    "foreignKeys": [{"fields": ["customer"], "reference": {"object": "customers", "fields": ["id"]}}],
}
FIRST: Row = {"id": 1, "serial": 1, "left": 1, "right": 1, "customer": 1}
SECOND: Row = {"id": 2, "serial": 2, "left": 1, "right": 2, "customer": 2}
# What is changed in the second row, and the attribute and the code that every face tells of it.
BAD: list[tuple[Row, str, str]] = [
    ({"id": None}, "id", "required"),
    ({"id": 1}, "id", "primary_key"),
    ({"id": "one"}, "id", "type"),
    ({"code": "A1"}, "code", "pattern"),
    ({"code": "a"}, "code", "min_length"),
    ({"code": "abcde"}, "code", "max_length"),
    ({"serial": 1}, "serial", "unique"),
    ({"serial": 0}, "serial", "minimum"),
    ({"serial": 10}, "serial", "maximum"),
    ({"share": 0}, "share", "exclusive_minimum"),
    ({"share": 10}, "share", "exclusive_maximum"),
    ({"pack": 7}, "pack", "multiple_of"),
    ({"size": "xl"}, "size", "enum"),
    ({"grade": "fair"}, "grade", "enum"),
    ({"mail": "nobody"}, "mail", "format"),
    ({"day": "2025-12-31"}, "day", "minimum"),
    ({"day": "soon"}, "day", "type"),
    ({"more": {"b": 1}}, "more", "json_schema"),
    ({"tags": ["a", "b", "c"]}, "tags", "max_length"),
    ({"right": 1}, "", "unique_key"),
    ({"customer": 7}, "customer", "foreign_key"),
]


def csv_of(rows: list[Row]) -> str:
    """Rows as a file, in the texts that a person would type."""
    names = [attribute["name"] for attribute in ATTRIBUTES]
    kept = io.StringIO()
    writer = csv.writer(kept, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([text_of(row.get(name)) for name in names])
    return kept.getvalue()


def text_of(cell: Any) -> str:
    if isinstance(cell, list):
        return ",".join(cell)
    return "" if cell is None else json.dumps(cell) if isinstance(cell, dict) else str(cell)


def of_documents(errors: list[Any]) -> Told:
    return {(error["row"], error["attribute"], error["code"]) for error in errors}


def of_report(report: Any) -> Told:
    return {(error.row, error.attribute, error.code) for error in report.errors}


class Faces:
    """Each method sends rows and tells what is refused."""

    def __init__(self, table: Table, folder: Path) -> None:
        self.table = table
        self.folder = folder
        self.api = APIClient()
        self.browser = Client()

    def api_json(self, rows: list[Row]) -> Told:
        return of_documents(self.api.post(f"/api/v1/tables/{self.table.pk}/rows", rows).json()["errors"])

    def api_new_table(self, rows: list[Row]) -> Told:
        body = {"object": self.table.object_id, "name": "new", "rows": rows}
        return of_documents(self.api.post("/api/v1/tables", body).json()["errors"])

    def api_ndjson(self, rows: list[Row]) -> Told:
        return self._sent("\n".join(map(json.dumps, rows)), "application/x-ndjson")

    def api_csv(self, rows: list[Row]) -> Told:
        return self._sent(csv_of(rows), "text/csv")

    def _sent(self, text: str, media_type: str) -> Told:
        answer = self.api.put(f"/api/v1/tables/{self.table.pk}/rows", text.encode(), content_type=media_type)
        assert answer.status_code == 400, answer.content
        return of_documents(answer.json()["errors"])

    def api_records(self, rows: list[Row]) -> Told:
        return of_documents(self.api.post("/api/v1/records/orders/bulk?table=week", rows).json()["errors"])

    def api_validate(self, rows: list[Row]) -> Told:
        report = self.api.post(f"/api/v1/objects/{self.table.object_id}/validate", rows).json()
        return of_documents(report["errors"])

    def api_test_case(self, rows: list[Row]) -> Told:
        """Rows on the port of a test case."""
        port = [{"name": "orders", "object": self.table.object_id}]
        sql = {"name": "sql", "kind": "sql", "definition": {"orders": "FROM orders"}}
        body = {"application": "test", "name": "same", "inputs": port, "outputs": port, "implementations": [sql]}
        known = self.api.get("/api/v1/functions", {"name": "same"}).json()["results"]
        function = known[0]["id"] if known else self.api.post("/api/v1/functions", body).json()["id"]
        given = [{"name": "orders", "rows": rows}]
        case = {"function": function, "name": "case", "inputs": given, "outputs": given[:0]}
        case["outputs"] = [{"name": "orders", "table": self.table.pk}]
        return of_documents(self.api.post("/api/v1/test-cases", case).json()["errors"])

    def page_import(self, rows: list[Row]) -> Told:
        sent = {"mode": "append", "expected_version": "1", "pasted": csv_of(rows), "action": "import"}
        return of_report(self.browser.post(f"/tables/{self.table.pk}/import/", sent).context["work"].report)

    def page_form(self, rows: list[Row]) -> Told:
        sent = {"object": self.table.object_id, "name": "new", "pasted": csv_of(rows), "action": "save"}
        return of_report(self.browser.post("/tables/new/", sent).context["editor"].report)

    def import_table(self, rows: list[Row]) -> Told:
        told = io.StringIO()
        with pytest.raises(CommandError) as refused:
            call_command("import_table", self._file(rows), *self._place(), "--table", "new", stderr=told)
        assert refused.value.returncode == 1
        heads, *lines = told.getvalue().splitlines()
        ends = {name: slice(heads.index(name), heads.index(after)) for name, after in pairwise(COLUMNS)}
        cells = [{name: line[place].strip() for name, place in ends.items()} for line in lines]
        return {(int(row["row"]), row["attribute"], row["code"]) for row in cells if row["row"].isdecimal()}

    def validate(self, rows: list[Row]) -> Told:
        told = io.StringIO()
        with pytest.raises(CommandError) as refused:
            call_command("validate", self._file(rows), *self._place(), "--output", "json", stdout=told)
        assert refused.value.returncode == 1
        return of_documents(json.loads(told.getvalue())["errors"])

    def load_package(self, rows: list[Row]) -> Told:
        customers = {"name": "customers", "fields": [{"name": "id", "type": "integer"}], "primaryKey": ["id"]}
        orders = {"name": "orders", "fields": ATTRIBUTES, **{k: v for k, v in DEFINITION.items() if k != "attributes"}}
        for name, content in (("customers", customers), ("orders", orders)):
            (self.folder / f"{name}.json").write_text(json.dumps(content))
        (self.folder / "customers.csv").write_text("id\n1\n2\n")
        self._file(rows)
        tables = [
            {"path": "customers.csv", "object": "customers", "table": "all"},
            {"path": "orders.csv", "object": "orders", "table": "new"},
        ]
        descriptor = {"name": "parity", "resources": tables, "objects": ["customers.json", "orders.json"]}
        (self.folder / "datapackage.json").write_text(json.dumps(descriptor))
        with pytest.raises(PackageError) as refused:
            load_package(read_package(self.folder), self.table.object.application)
        return {(problem.row or 0, problem.attribute, problem.code) for problem in refused.value.problems}

    def _file(self, rows: list[Row]) -> str:
        file = self.folder / "orders.csv"
        file.write_text(csv_of(rows))
        return str(file)

    @staticmethod
    def _place() -> tuple[str, ...]:
        return "--application", "test", "--object", "orders"


FACES: list[Callable[[Faces, list[Row]], Told]] = [
    member for name, member in vars(Faces).items() if callable(member) and not name.startswith("_")
]


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    keys = {"attributes": [{"name": "id", "type": "integer"}], "primary_key": ["id"]}
    customers = ObjectSchemaFactory.create(application=application, name="customers", **keys)
    TableFactory.create(object=customers, name="all", rows=[{"id": 1}, {"id": 2}])
    return ObjectSchemaFactory.create(application=application, name="orders", definition=DEFINITION)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_every_face_tells_the_same_row_attribute_and_code(
    orders: ObjectSchema, face: Callable[[Faces, list[Row]], Told], tmp_path: Path, settings: Settings
) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    faces = Faces(TableFactory.create(object=orders, name="week"), tmp_path)
    told = {}
    for change, attribute, code in BAD:
        told[str(change)] = (face(faces, [FIRST, {**SECOND, **change}]), {(2, attribute, code)})
        assert Table.objects.count() == 2
    assert {name: found for name, (found, _) in told.items()} == {name: wanted for name, (_, wanted) in told.items()}
