"""Objects over REST."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

ID = {"name": "id", "type": "integer"}
AMOUNT = {"name": "amount", "type": "number", "precision": 12, "scale": 2, "constraints": {"minimum": 0}}


def body(**changes: Any) -> dict[str, Any]:
    return {"application": "test", "name": "orders", "attributes": [ID, AMOUNT], "primaryKey": ["id"], **changes}


def found(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    return ObjectSchemaFactory(application=application, name="orders", attributes=[ID, AMOUNT], primary_key=["id"])


def test_a_made_object_is_answered_with_its_definition(api: APIClient) -> None:
    answer = api.post("/api/v1/objects", body())
    assert answer.status_code == 201
    made = answer.json()
    assert (made["application"], made["version"], made["table_count"]) == ("test", 1, 0)
    assert (made["attributes"], made["primaryKey"], made["fieldsMatch"]) == ([ID, AMOUNT], ["id"], "equal")
    assert api.get(answer["Location"]).json() == made


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        ({"attributes": []}, "/attributes", "required"),
        ({"attributes": [{"name": "id", "type": "int"}]}, "/attributes/0/type", "unknown_type"),
        ({"attributes": [ID, ID]}, "/attributes/1/name", "duplicate_attribute"),
        (
            {"attributes": [{**AMOUNT, "constraints": {"minimum": 2, "maximum": 1}}], "primaryKey": []},
            "/attributes/0/constraints",
            "contradiction",
        ),
        ({"primaryKey": ["order"]}, "/primaryKey/0", "unknown_attribute"),
        ({"uniqueKeys": [["id"], ["id"]]}, "/uniqueKeys/1", "duplicate"),
        ({"application": "nowhere"}, "/application", "does_not_exist"),
        ({"atributes": []}, "/atributes", "unknown_member"),
        ({"name": ""}, "/name", "blank"),
        ({"attributes": "id"}, "/attributes", "type"),
        ({"attributes": [{**ID, "title": "a\u0000b"}]}, "/attributes", "null_character"),
    ],
)
def test_an_unsound_object_is_refused_with_its_place(api: APIClient, changes: Any, place: str, code: str) -> None:
    answer = api.post("/api/v1/objects", body(**changes))
    assert answer.status_code == 400
    assert (place, code) in found(answer)
    assert not ObjectSchema.objects.exists()


def test_a_taken_name_is_a_conflict(api: APIClient, orders: ObjectSchema) -> None:
    answer = api.post("/api/v1/objects", body())
    assert (answer.status_code, found(answer)) == (409, [("/name", "name_taken")])


def test_another_definition_makes_a_version_and_the_same_one_does_not(api: APIClient, orders: ObjectSchema) -> None:
    address = f"/api/v1/objects/{orders.pk}"
    wider = [ID, AMOUNT, {"name": "note", "type": "string"}]
    assert api.put(address, body(attributes=wider)).json()["version"] == 2
    assert api.put(address, body(attributes=wider)).json()["version"] == 2
    assert api.patch(address, {"description": "All orders."}).json()["version"] == 2
    versions = api.get(f"{address}/versions").json()
    assert [each["version"] for each in versions["results"]] == [2, 1]
    assert api.get(f"{address}/versions/1").json()["attributes"] == [ID, AMOUNT]
    assert api.get(f"{address}/versions/9").status_code == 404


def test_a_patch_keeps_what_it_does_not_name(api: APIClient, orders: ObjectSchema) -> None:
    answer = api.patch(f"/api/v1/objects/{orders.pk}", {"attributes": [ID]}).json()
    assert (answer["attributes"], answer["primaryKey"], answer["name"]) == ([ID], ["id"], "orders")


def test_what_was_read_can_be_put_back(api: APIClient, orders: ObjectSchema) -> None:
    address = f"/api/v1/objects/{orders.pk}"
    read = api.get(address).json()
    answer = api.put(address, read)
    assert answer.status_code == 200
    assert {**answer.json(), "updated_at": None} == {**read, "updated_at": None}


def test_a_change_that_breaks_tables_is_refused_with_what_breaks(api: APIClient, orders: ObjectSchema) -> None:
    TableFactory(object=orders, name="week 1", rows=[{"id": 1, "amount": 5}])
    strict = {**AMOUNT, "constraints": {"minimum": 10}}
    answer = api.put(f"/api/v1/objects/{orders.pk}", body(attributes=[ID, strict]))
    assert (answer.status_code, answer.json()["code"]) == (409, "breaking_change")
    assert "week 1" in answer.json()["errors"][0]["message"]
    assert api.get(f"/api/v1/objects/{orders.pk}").json()["version"] == 1


def test_an_object_with_tables_is_kept(api: APIClient, orders: ObjectSchema) -> None:
    table = TableFactory(object=orders, name="week 1")
    answer = api.delete(f"/api/v1/objects/{orders.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "referenced")
    assert answer.json()["referrers"] == [{"kind": "table", "id": table.pk, "name": "week 1"}]


def test_an_unused_object_is_deleted_with_its_versions(api: APIClient, orders: ObjectSchema) -> None:
    assert api.delete(f"/api/v1/objects/{orders.pk}").status_code == 204
    assert not ObjectSchema.objects.filter(pk=orders.pk).exists()


def test_an_object_stays_in_its_application(api: APIClient, orders: ObjectSchema) -> None:
    answer = api.patch(f"/api/v1/objects/{orders.pk}", {"application": "demo"})
    assert (answer.status_code, found(answer)) == (400, [("/application", "fixed")])


def test_an_object_speaks_the_standards(api: APIClient, orders: ObjectSchema) -> None:
    address = f"/api/v1/objects/{orders.pk}/schema"
    table_schema = api.get(address).json()
    assert (table_schema["fields"], table_schema["primaryKey"]) == ([ID, AMOUNT], ["id"])
    json_schema = api.get(address, {"as": "json-schema"}).json()
    assert json_schema["required"] == ["id"]
    assert json_schema["properties"]["amount"] == {"type": ["number", "null"], "minimum": 0}
    wrong = api.get(address, {"as": "jsonschema"})
    assert wrong.status_code == 400
    assert "json-schema" in wrong.json()["detail"]


def test_rows_are_checked_and_not_stored(api: APIClient, orders: ObjectSchema) -> None:
    rows = [{"id": 1, "amount": 1}, {"id": 1, "amount": 2}]
    address = f"/api/v1/objects/{orders.pk}/validate"
    answer = api.post(address, rows)
    assert answer.status_code == 200
    assert (answer.json()["conforms"], answer.json()["row_count"], answer.json()["error_count"]) == (False, 2, 1)
    assert [(each["row"], each["code"]) for each in answer.json()["errors"]] == [(2, "primary_key")]
    assert api.post(address, rows[:1]).json()["conforms"] is True
    lines = api.post(address, b'{"id": 1}\n{"id": "x"}\n', content_type="application/x-ndjson").json()
    assert [(each["pointer"], each["code"]) for each in lines["errors"]] == [("/rows/2/id", "type")]
    assert not orders.tables.exists()


def test_schemas_tell_what_can_be_browsed(api: APIClient, orders: ObjectSchema) -> None:
    TableFactory(object=orders, rows=[{"id": 1}, {"id": 2}])
    TableFactory(object=orders, rows=[{"id": 3}])
    answer = api.get("/api/v1/schemas", {"application": "test"}).json()
    (schema,) = answer["results"]
    assert (schema["name"], schema["table_count"], schema["row_count"]) == ("orders", 2, 3)
    assert "between" in schema["attributes"][1]["operators"]
    assert "like" not in schema["attributes"][1]["operators"]


def test_a_list_of_objects_costs_the_same_queries_however_long(
    api: APIClient, application: Application, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        ObjectSchemaFactory(application=application, name=f"object {number}")
    with django_assert_max_num_queries(4):
        answer = api.get("/api/v1/objects").json()
    assert answer["count"] == 12 == len(answer["results"])


def test_lists_filter_search_order_and_page(api: APIClient, application: Application) -> None:
    for name in ("orders", "order_items", "customers"):
        ObjectSchemaFactory(application=application, name=name)

    def names(**parameters: Any) -> list[str]:
        return [each["name"] for each in api.get("/api/v1/objects", parameters).json()["results"]]

    assert names() == ["customers", "order_items", "orders"]
    assert names(name="orders") == ["orders"]
    assert names(name__icontains="ORDER", ordering="-name") == ["orders", "order_items"]
    assert names(search="custom") == ["customers"]
    assert names(application="demo") == []
    first = api.get("/api/v1/objects", {"limit": 2}).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
    second = api.get(first["next"]).json()
    assert ([each["name"] for each in second["results"]], second["next"]) == (["orders"], None)


@pytest.mark.parametrize(
    ("parameters", "code", "hint"),
    [
        ({"nam": "x"}, "unknown_parameter", "name"),
        ({"ordering": "nmae"}, "unknown_field", "name"),
        ({"limit": "1001"}, "out_of_range", "1000"),
        ({"limit": "0"}, "out_of_range", "1000"),
        ({"limit": "ten"}, "out_of_range", "1000"),
        ({"offset": "50001"}, "out_of_range", "50000"),
        ({"offset": "-1"}, "out_of_range", "50000"),
    ],
)
def test_a_parameter_that_is_not_meant_so_is_refused(
    api: APIClient, parameters: dict[str, str], code: str, hint: str
) -> None:
    answer = api.get("/api/v1/objects", parameters)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert hint in answer.json()["detail"]
