"""The command validate, and what rows refer to: in the command and over REST."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run validate on a text; the exit code, the output and what was told beside it."""

    def run(text: str, schema: Any = None, *options: str, name: str = "rows.csv") -> tuple[int, str, str]:
        file, told, out = tmp_path / name, io.StringIO(), io.StringIO()
        file.write_text(text)
        if schema is not None:
            path = tmp_path / "schema.json"
            path.write_text(json.dumps(schema))
            options = ("--schema", str(path), *options)
        try:
            call_command("validate", str(file), *options, stdout=out, stderr=told)
        except CommandError as error:
            return error.returncode, out.getvalue(), told.getvalue() + str(error)
        return 0, out.getvalue(), told.getvalue()

    return run


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    customers = ObjectSchemaFactory(application=application, name="customers", primary_key=["id"])
    TableFactory(object=customers, rows=[{"id": 1}, {"id": 2}])
    attributes = [{"name": "id", "type": "integer"}, {"name": "customer", "type": "integer"}]
    key = {"fields": ["customer"], "reference": {"object": "customers", "fields": ["id"]}}
    definition = {"attributes": attributes, "primaryKey": ["id"], "foreignKeys": [key]}
    return ObjectSchemaFactory(application=application, name="orders", definition=definition)


def test_the_command_checks_what_rows_refer_to(run: Run, orders: ObjectSchema) -> None:
    named = ("--application", orders.application.name, "--object", "orders")
    assert run("id,customer\n1,2\n2,\n", None, *named)[0] == 0
    code, output, _ = run("id,customer\n1,2\n1,9\n", None, *named)
    assert code == 1
    assert "foreign_key" in output
    assert "customer 9 refers to nothing" in output
    assert "primary_key" in output


def test_rest_checks_what_rows_refer_to(api: APIClient, orders: ObjectSchema) -> None:
    address = f"/api/v1/objects/{orders.pk}/validate"
    assert api.post(address, [{"id": 1, "customer": 2}]).json()["conforms"]
    errors = api.post(address, [{"id": 1, "customer": 2}, {"id": 2, "customer": 9}, {"id": "3"}]).json()["errors"]
    assert [(each["row"], each["attribute"], each["code"]) for each in errors] == [
        (2, "customer", "foreign_key"),
        (3, "id", "type"),
    ]
    answer = api.post(address, "id,customer\n1,9\n", content_type="text/csv").json()
    assert (answer["errors"][0]["code"], answer["errors"][0]["line"]) == ("foreign_key", 2)


def test_rows_that_refer_to_each_other_conform(api: APIClient, application: Application) -> None:
    attributes = [{"name": "id", "type": "integer"}, {"name": "boss", "type": "integer"}]
    key = {"fields": ["boss"], "reference": {"fields": ["id"]}}
    shape = ObjectSchemaFactory(application=application, definition={"attributes": attributes, "foreignKeys": [key]})
    answer = api.post(f"/api/v1/objects/{shape.pk}/validate", [{"id": 1, "boss": 2}, {"id": 2, "boss": 3}]).json()
    assert [(each["row"], each["code"]) for each in answer["errors"]] == [(2, "foreign_key")]


def test_a_json_schema_is_taken_and_what_it_leaves_out_is_said(run: Run) -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer", "minimum": 1}},
        "required": ["id"],
        "minProperties": 1,
    }
    code, output, told = run("id\n0\n", schema)
    assert code == 1
    assert "minimum" in output
    assert "Not checked: /minProperties" in told


def test_what_a_table_schema_says_beyond_is_told(run: Run) -> None:
    schema = {
        "name": "orders",
        "fields": [{"name": "id", "type": "integer", "bogus": 1}],
        "foreignKeys": [{"fields": ["id"], "reference": {"fields": ["id"]}}],
    }
    code, _, told = run("id\n1\n", schema)
    assert code == 0
    assert "Not checked: /fields/0/bogus" in told
    assert "Not checked: /foreignKeys" in told
    assert "/name" not in told


@pytest.mark.parametrize(
    "schema", [{}, {"fields": 1}, {"type": "object"}, 7, {"attributes": [{"name": "a", "type": "x"}]}]
)
def test_what_is_no_schema_is_wrong_usage(run: Run, schema: Any) -> None:
    code, _, told = run("id\n1\n", schema)
    assert code == 2
    assert "is not the definition of an object" in told
