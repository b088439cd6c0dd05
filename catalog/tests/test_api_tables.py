"""Tables over REST."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.models import ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

MISSING = "01JD4Y3Z8Q6V5T2W9X7R1N0MKB"
NDJSON = "application/x-ndjson"


@pytest.fixture
def orders(db: None) -> ObjectSchema:
    attributes = [
        {"name": "id", "type": "integer"},
        {"name": "amount", "type": "number", "precision": 38, "scale": 18},
        {"name": "at", "type": "datetime", "timezone": True},
    ]
    return ObjectSchemaFactory(name="orders", attributes=attributes, primary_key=["id"])


@pytest.fixture
def week(orders: ObjectSchema) -> Table:
    return TableFactory(object=orders, name="week 1", rows=[{"id": 1, "amount": 1}, {"id": 2}])


def test_a_made_table_answers_its_rows_with_all_digits(api: APIClient, orders: ObjectSchema) -> None:
    digits = "12345678901234567890.123456789012345678"
    text = f'{{"object": "{orders.pk}", "name": "week 1", "rows": [{{"id": 1, "amount": {digits}}}]}}'
    answer = api.post("/api/v1/tables", text, content_type="application/json")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["object_name"], made["version"], made["object_version"], made["row_count"]) == ("orders", 1, 1, 1)
    assert digits.encode() in answer.content
    assert (answer["ETag"], made["rows_truncated"]) == ('"1"', False)
    assert api.get(answer["Location"]).json() == made


def test_an_instant_is_answered_in_utc(api: APIClient, orders: ObjectSchema) -> None:
    rows = [{"id": 1, "at": "2026-01-31T12:30:00.250000+02:00"}]
    made = api.post("/api/v1/tables", {"object": orders.pk, "name": "week 1", "rows": rows}).json()
    assert made["rows"] == [{"_id": 1, "id": 1, "amount": None, "at": "2026-01-31T10:30:00.25Z"}]


def test_a_table_shows_its_first_hundred_rows(api: APIClient, orders: ObjectSchema) -> None:
    table = TableFactory(object=orders, rows=[{"id": number} for number in range(150)])
    read = api.get(f"/api/v1/tables/{table.pk}").json()
    assert (len(read["rows"]), read["rows_truncated"], read["row_count"]) == (100, True, 150)
    answer = api.put(f"/api/v1/tables/{table.pk}", read)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "rows_truncated")
    assert api.get(f"/api/v1/tables/{table.pk}").json()["row_count"] == 150


@pytest.mark.parametrize(
    ("body", "status", "place", "code"),
    [
        ({"name": "week 1"}, 400, "/object", "required"),
        ({"object": MISSING, "name": "week 1"}, 400, "/object", "does_not_exist"),
        ({"object": 7, "name": "week 1"}, 400, "/object", "does_not_exist"),
        ({"name": "week 2", "rows": {}}, 400, "/rows", "not_a_list"),
        ({"name": "week 2", "rows": [{"id": 1}, {"id": "x"}]}, 400, "/rows/2/id", "type"),
        ({"name": "week 2", "rows": [{"id": 1}, {"id": 1}]}, 400, "/rows/2/id", "primary_key"),
        ({"name": "week 2", "rows": [1]}, 400, "/rows/1", "type"),
        ({"name": "week 2", "rows": [{"id": 1, "idd": 1}]}, 400, "/rows/1/idd", "unknown_attribute"),
        ({"name": "week 1", "rows": []}, 409, "/name", "name_taken"),
    ],
)
def test_a_table_that_is_not_sound_is_refused(
    api: APIClient, week: Table, body: dict[str, Any], status: int, place: str, code: str
) -> None:
    if code not in {"required", "does_not_exist"}:
        body = {"object": week.object_id, **body}
    answer = api.post("/api/v1/tables", body)
    assert answer.status_code == status
    assert (place, code) in [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert Table.objects.count() == 1


def test_rows_that_do_not_conform_are_told_by_row(api: APIClient, week: Table) -> None:
    answer = api.put(f"/api/v1/tables/{week.pk}", {"name": "week 1", "rows": [{"id": 1}, {"id": 2.5}]})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["code"]) == ("urn:exemplar:problem:row-validation", "row_validation")
    assert (problem["error_count"], problem["errors_truncated"]) == (1, False)
    (error,) = problem["errors"]
    assert (error["pointer"], error["row"], error["attribute"], error["code"]) == ("/rows/2/id", 2, "id", "type")
    assert api.get(f"/api/v1/tables/{week.pk}").json()["version"] == 1


def test_a_put_replaces_rows_only_if_it_has_them(api: APIClient, week: Table) -> None:
    address = f"/api/v1/tables/{week.pk}"
    renamed = api.put(address, {"name": "week one", "description": "The first."}).json()
    assert (renamed["name"], renamed["version"], renamed["row_count"]) == ("week one", 1, 2)
    replaced = api.put(address, {"name": "week one", "rows": [{"id": 9}]}).json()
    assert (replaced["version"], replaced["row_count"], replaced["rows"][0]["_id"]) == (2, 1, 3)


def test_a_put_that_fails_changes_nothing(api: APIClient, week: Table) -> None:
    api.put(f"/api/v1/tables/{week.pk}", {"name": "renamed", "rows": [{"id": "x"}]})
    assert api.get(f"/api/v1/tables/{week.pk}").json()["name"] == "week 1"


def test_a_table_stays_with_its_object(api: APIClient, week: Table) -> None:
    other = ObjectSchemaFactory(application=week.object.application)
    answer = api.patch(f"/api/v1/tables/{week.pk}", {"object": other.pk})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "fixed")


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_a_write_on_a_stale_version_fails(api: APIClient, week: Table, verb: str) -> None:
    address = f"/api/v1/tables/{week.pk}"
    answer = getattr(api, verb)(address, {"name": "other"}, headers={"If-Match": '"7"'})
    assert (answer.status_code, answer.json()["code"], answer["ETag"]) == (412, "stale_version", '"1"')
    assert getattr(api, verb)(address, {"name": "other"}, headers={"If-Match": '"1"'}).status_code in {200, 204}


def test_ndjson_makes_and_replaces_a_table(api: APIClient, orders: ObjectSchema) -> None:
    address = f"/api/v1/tables?object={orders.pk}&name=week%201"
    made = api.post(address, b'{"id": 1}\n\n{"id": 2}\n', content_type=NDJSON)
    assert (made.status_code, made.json()["row_count"], made.json()["name"]) == (201, 2, "week 1")
    replaced = api.put(made["Location"], b'{"id": 3}', content_type=NDJSON)
    assert (replaced.status_code, replaced.json()["row_count"]) == (200, 1)
    broken = api.put(made["Location"], b'{"id": 3}\n{"id": ', content_type=NDJSON)
    assert (broken.status_code, broken.json()["errors"][0]["row"]) == (400, 2)
    odd = api.put(made["Location"], b'{"id": 3}\n\xff\n', content_type=NDJSON)
    assert (odd.status_code, odd.json()["errors"][0]["code"]) == (400, "encoding")


def test_csv_makes_a_table(api: APIClient, orders: ObjectSchema) -> None:
    address = f"/api/v1/tables?object={orders.pk}&name=week%201"
    made = api.post(address, b"id,amount,at\n1,2.5,\n2,,\n", content_type="text/csv")
    assert (made.status_code, made.json()["row_count"]) == (201, 2)
    assert made.json()["rows"][1] == {"_id": 2, "id": 2, "amount": None, "at": None}


def test_an_upload_that_is_too_large_is_refused(api: APIClient, week: Table, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 20
    answer = api.put(f"/api/v1/tables/{week.pk}", b'{"id": 3}\n' * 3, content_type=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert api.get(f"/api/v1/tables/{week.pk}").json()["version"] == 1


def test_versions_tell_what_each_write_did(api: APIClient, week: Table) -> None:
    address = f"/api/v1/tables/{week.pk}"
    api.post(f"{address}/rows", [{"id": 3}])
    versions = api.get(f"{address}/versions").json()
    assert [(each["version"], each["operation"], each["added"]) for each in versions["results"]] == [
        (2, "append", 1),
        (1, "create", 2),
    ]
    assert api.get(f"{address}/versions/1").json()["row_count"] == 2
    assert api.get(f"{address}/versions/3").status_code == 404


def test_lists_of_tables_filter_and_have_no_rows(
    api: APIClient, week: Table, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        TableFactory(object=week.object, name=f"day {number}")
    with django_assert_max_num_queries(2):
        answer = api.get("/api/v1/tables", {"object_name": "orders"}).json()
    assert (answer["count"], "rows" in answer["results"][0], answer["results"][0]["object_version"]) == (11, False, 1)
    assert api.get("/api/v1/tables", {"row_count__gte": 1}).json()["count"] == 1
    assert api.get("/api/v1/tables", {"row_count__gte": "many"}).status_code == 400


def test_a_deleted_table_is_gone(api: APIClient, week: Table) -> None:
    assert api.delete(f"/api/v1/tables/{week.pk}").status_code == 204
    assert api.get(f"/api/v1/tables/{week.pk}").status_code == 404
    assert api.get(f"/api/v1/tables/{week.pk}/rows").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("at=2026-01-31T10:30:00Z", 1),
        ("at__gte=2026-01-31T12:30:00%2B02:00", 1),
        ("at__gt=2026-01-31T10:30:00Z", 0),
        ("at__between=2026-01-01T00:00:00Z,2026-02-01T00:00:00Z&ordering=-at", 1),
        ("amount=0.000000000000000001", 1),
    ],
)
def test_instants_and_exact_numbers_filter_rows(
    api: APIClient, orders: ObjectSchema, query: str, expected: int
) -> None:
    row = '{"id": 1, "at": "2026-01-31T10:30:00Z", "amount": 0.000000000000000001}'
    table = TableFactory(object=orders, rows=[row, {"id": 2}])
    assert api.get(f"/api/v1/tables/{table.pk}/rows?{query}").json()["count"] == expected


@pytest.mark.parametrize("address", ["applications", "configurations", "objects", "tables", "schemas"])
def test_a_resource_tells_its_options(api: APIClient, address: str) -> None:
    assert api.options(f"/api/v1/{address}").status_code == 200
    assert api.head(f"/api/v1/{address}").status_code == 200


def test_what_a_table_is_called_counts_for_a_reader_and_not_for_a_writer(api: APIClient, week: Table) -> None:
    address = f"/api/v1/tables/{week.pk}"
    before = api.get(address)["ETag"]
    assert api.get(address, headers={"If-None-Match": before}).status_code == 304
    assert api.patch(address, {"name": "another"}, headers={"If-Match": before}).status_code == 200
    answer = api.get(address, headers={"If-None-Match": before})
    assert (answer.status_code, answer.json()["name"]) == (200, "another")
    assert api.patch(address, {"name": "a third"}, headers={"If-Match": answer["ETag"]}).status_code == 200


def test_the_name_of_the_object_counts_too(api: APIClient, week: Table) -> None:
    before = api.get(f"/api/v1/tables/{week.pk}")["ETag"]
    assert api.patch(f"/api/v1/objects/{week.object_id}", {"name": "renamed"}).status_code == 200
    answer = api.get(f"/api/v1/tables/{week.pk}", headers={"If-None-Match": before})
    assert (answer.status_code, answer.json()["object_name"]) == (200, "renamed")
