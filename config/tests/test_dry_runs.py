"""`dry_run=1` on resources: everything but the commit."""

import pytest
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory


@pytest.fixture
def table(db: None) -> Table:
    return TableFactory.create(name="week 1", rows=[{"id": 1}])


def test_a_table_is_made_on_trial(api: APIClient, table: Table) -> None:
    document = {"object": table.object_id, "name": "week 2", "rows": [{"id": 1}, {"id": 2}]}
    answer = api.post("/api/v1/tables?dry_run=1", document)
    assert (answer.status_code, answer.json()["dry_run"], answer.json()["row_count"]) == (200, True, 2)
    assert [row["id"] for row in answer.json()["rows"]] == [1, 2]
    assert not {"Location", "ETag"} & set(answer.headers)
    assert Table.objects.count() == 1
    assert api.post("/api/v1/tables?dry_run=1", {**document, "rows": [{"id": "x"}]}).json()["code"] == "row_validation"
    assert api.post("/api/v1/tables?dry_run=1", {**document, "name": "week 1"}).status_code == 409
    assert api.post("/api/v1/tables", document).status_code == 201


def test_a_table_of_a_file_is_made_on_trial(api: APIClient, table: Table) -> None:
    address = f"/api/v1/tables?object={table.object_id}&name=week+2&dry_run=1"
    answer = api.post(address, "id,name,amount\n1,a,2.5\n", content_type="text/csv")
    assert (answer.status_code, answer.json()["row_count"]) == (200, 1)
    assert Table.objects.count() == 1


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_rows_are_replaced_on_trial(api: APIClient, table: Table, verb: str) -> None:
    address = f"/api/v1/tables/{table.pk}"
    answer = getattr(api, verb)(f"{address}?dry_run=1", {"name": "other", "rows": [{"id": 5}, {"id": 6}]})
    assert (answer.status_code, answer.json()["version"], answer.json()["row_count"]) == (200, 2, 2)
    after = api.get(address).json()
    assert (after["name"], after["version"], [row["id"] for row in after["rows"]]) == ("week 1", 1, [1])


def test_a_resource_is_deleted_on_trial(api: APIClient, table: Table) -> None:
    answer = api.delete(f"/api/v1/tables/{table.pk}?dry_run=1")
    assert (answer.status_code, answer.json()) == (200, {"dry_run": True})
    assert Table.objects.filter(pk=table.pk).exists()


def test_a_definition_is_published_on_trial(api: APIClient, table: Table) -> None:
    address = f"/api/v1/objects/{table.object_id}?dry_run=1"
    assert api.patch(address, {"attributes": [{"name": "id", "type": "integer"}]}).status_code in {200, 409}
    answer = api.patch(address, {"description": "new"})
    assert (answer.json()["dry_run"], answer.json()["description"]) == (True, "new")
    table.object.refresh_from_db()
    assert (table.object.version, table.object.description) == (1, "")


def test_a_value_that_is_neither_yes_nor_no_is_refused(api: APIClient, db: None) -> None:
    answer = api.post("/api/v1/applications?dry_run=perhaps", {"name": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/dry_run")
    assert api.post("/api/v1/applications?dry_run=0", {"name": "x"}).status_code == 201
    assert api.get("/api/v1/applications?dry_run=1").json()["code"] == "unknown_parameter"
    assert Application.objects.filter(name="x").exists()


def test_what_was_tried_leaves_no_trace(api: APIClient, table: Table) -> None:
    shape = ObjectSchemaFactory.create(application=table.object.application)
    assert api.delete(f"/api/v1/objects/{shape.pk}?dry_run=1").status_code == 200
    assert ObjectSchema.objects.filter(pk=shape.pk).exists()
    assert api.delete(f"/api/v1/objects/{table.object_id}?dry_run=1").status_code == 409
