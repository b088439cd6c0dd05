"""Tables made, or their rows put in place, leniently: the good rows are kept, the rest set aside."""

import csv
import io
from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.importing import import_rows
from catalog.models import Application, ObjectSchema, SetAside, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

LENIENT = {"Prefer": "handling=lenient"}
TABLES = "/api/v1/tables"
BODY = b"id,name\n1,ann\nx,bob\n1,cid\n2,dan\n"


@pytest.fixture
def shape(application: Application) -> ObjectSchema:
    attributes = [{"name": "id", "type": "integer"}, {"name": "name", "type": "string"}]
    return ObjectSchemaFactory(application=application, attributes=attributes, primary_key=["id"])


def names(api: APIClient, table: str) -> list[str]:
    return [row["name"] for row in api.get(f"{TABLES}/{table}/rows").json()["results"]]


def check_taken(api: APIClient, answer: Any, version: int) -> None:
    found = answer.json()
    assert answer["Preference-Applied"] == "handling=lenient"
    assert (found["version"], found["row_count"], found["rejected_count"], found["error_count"]) == (version, 2, 2, 2)
    assert [(error["row"], error["code"]) for error in found["errors"]] == [(2, "type"), (3, "primary_key")]
    assert names(api, found["id"]) == ["ann", "dan"]
    assert found["set_aside"] in answer["Link"]
    aside = api.get(found["set_aside"])
    text = b"".join(aside.streaming_content).decode()  # type: ignore[attr-defined] # it is a stream
    assert "bob" in text
    assert "cid" in text


def test_a_table_is_made_of_the_good_rows_of_a_file(api: APIClient, shape: ObjectSchema) -> None:
    address = f"{TABLES}?object={shape.pk}&name=week"
    assert api.post(address, BODY, content_type="text/csv").status_code == 400
    answer = api.post(address, BODY, content_type="text/csv", headers=LENIENT)
    assert answer.status_code == 201
    check_taken(api, answer, 1)
    aside = api.get(answer.json()["set_aside"])
    text = b"".join(aside.streaming_content).decode()  # type: ignore[attr-defined] # it is a stream
    assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == ["bob", "cid"]


def test_a_table_is_made_of_the_good_rows_of_a_document(api: APIClient, shape: ObjectSchema) -> None:
    rows = [{"id": 1, "name": "ann"}, {"id": "x", "name": "bob"}, {"id": 1, "name": "cid"}, {"id": 2, "name": "dan"}]
    document = {"object": shape.pk, "name": "week", "rows": rows}
    check_taken(api, api.post(TABLES, document, headers=LENIENT), 1)
    made = Table.objects.get()
    check_taken(api, api.put(f"{TABLES}/{made.pk}", document, headers=LENIENT), 2)
    assert SetAside.objects.count() == 2


def test_rows_are_put_in_place_leniently(api: APIClient, shape: ObjectSchema) -> None:
    table = TableFactory(object=shape, rows=[{"id": 7, "name": "old"}])
    answer = api.put(f"{TABLES}/{table.pk}/rows", BODY, content_type="text/csv", headers=LENIENT)
    assert (answer.status_code, answer.json()["rejected_count"]) == (200, 2)
    assert names(api, table.pk) == ["ann", "dan"]
    answer = api.patch(f"{TABLES}/{table.pk}", BODY, content_type="text/csv", headers=LENIENT)
    check_taken(api, answer, 3)


def test_where_no_row_conforms_there_is_no_table(api: APIClient, shape: ObjectSchema) -> None:
    document = {"object": shape.pk, "name": "week", "rows": [{"id": "x"}]}
    answer = api.post(TABLES, document, headers=LENIENT)
    assert (answer.status_code, answer.json()["code"]) == (400, "row_validation")
    assert not Table.objects.exists()


def test_a_trial_leaves_nothing(api: APIClient, shape: ObjectSchema) -> None:
    address = f"{TABLES}?object={shape.pk}&name=week&dry_run=1"
    answer = api.post(address, BODY, content_type="text/csv", headers=LENIENT)
    found = answer.json()
    assert (answer.status_code, found["rejected_count"], found["set_aside"], found["dry_run"]) == (200, 2, None, True)
    assert not Table.objects.exists()
    assert not SetAside.objects.exists()


def test_nothing_is_said_of_leniency_that_was_not_asked_for(api: APIClient, shape: ObjectSchema) -> None:
    answer = api.post(TABLES, {"object": shape.pk, "name": "week"})
    assert "rejected_count" not in answer.json()
    empty = api.post(TABLES, {"object": shape.pk, "name": "none"}, headers=LENIENT).json()
    assert (empty["row_count"], empty["rejected_count"], empty["set_aside"]) == (0, 0, None)


def test_rows_of_a_new_table_that_refer_to_nothing_are_set_aside(shape: ObjectSchema) -> None:
    TableFactory(object=shape, rows=[{"id": 1}])
    key = {"fields": ["owner"], "reference": {"object": shape.name, "fields": ["id"]}}
    definition = {"attributes": [{"name": "owner", "type": "integer"}], "foreignKeys": [key]}
    pets = ObjectSchemaFactory(application=shape.application, definition=definition)
    table = Table(object=pets, name="pets")
    imported = import_rows(table, "create", json_rows([{"owner": 1}, {"owner": 9}]), lenient=True)
    assert (imported.version.number, imported.version.row_count) == (1, 1)
    assert imported.report is not None
    assert [error.code for error in imported.report.errors] == ["foreign_key"]
