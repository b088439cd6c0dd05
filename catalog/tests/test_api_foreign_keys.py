"""Foreign keys over REST and in the form of an object."""

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from catalog.models import ObjectSchema

pytestmark = pytest.mark.django_db

REFERENCE = {"fields": ["customer_id"], "reference": {"object": "customers", "fields": ["id"]}}


@pytest.fixture
def customers(api: APIClient) -> dict:
    shape = {"application": "test", "name": "customers", "attributes": [{"name": "id", "type": "integer"}]}
    made = api.post("/api/v1/objects", {**shape, "primaryKey": "id"}, format="json").json()
    rows = [{"id": 1}, {"id": 2}]
    return api.post("/api/v1/tables", {"object": made["id"], "name": "all", "rows": rows}, format="json").json()


@pytest.fixture
def orders(api: APIClient, customers: dict) -> dict:
    attributes = [{"name": "id", "type": "integer"}, {"name": "customer_id", "type": "integer"}]
    shape = {"application": "test", "name": "orders", "attributes": attributes, "foreignKeys": [REFERENCE]}
    answer = api.post("/api/v1/objects", {**shape, "fieldsMatch": ["subset"]}, format="json")
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert (made["foreignKeys"], made["fieldsMatch"]) == ([REFERENCE], "subset")
    rows = [{"id": 10, "customer_id": 1}]
    return api.post("/api/v1/tables", {"object": made["id"], "name": "all", "rows": rows}, format="json").json()


def test_a_row_that_refers_to_nothing_is_refused_with_its_key(api, orders):
    answer = api.post(f"/api/v1/tables/{orders['id']}/rows", [{"id": 11, "customer_id": 7}], format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "row_validation")
    assert answer.json()["errors"] == [
        {
            "row": 1,
            "attribute": "customer_id",
            "code": "foreign_key",
            "message": "customer_id 7 refers to nothing: no row of customers has this id",
            "value": 7,
            "constraint": REFERENCE["reference"],
            "pointer": "/rows/1/customer_id",
        }
    ]


def test_a_row_or_table_that_is_referred_to_is_not_deleted_and_the_referrers_are_named(api, customers, orders):
    rows, table = f"/api/v1/tables/{customers['id']}/rows", f"/api/v1/tables/{customers['id']}"
    for answer in (api.delete(f"{rows}/1"), api.delete(f"{rows}?id=1&max_affected=1"), api.delete(table)):
        found = answer.json()
        assert (answer.status_code, found["code"], found["referrer_count"]) == (409, "referenced", 1)
        (referrer,) = found["referrers"]
        assert (referrer["object"], referrer["table"], referrer["count"]) == ("orders", "all", 1)
        assert referrer["rows"] == [{"_id": 1, "customer_id": 1}]
    assert api.delete(f"{rows}/2").status_code in {200, 204}


def test_an_object_that_is_referred_to_is_not_deleted(api, orders):
    api.delete(f"/api/v1/tables/{orders['id']}")
    customers = ObjectSchema.objects.get(name="customers")
    customers.tables.all().delete()
    answer = api.delete(f"/api/v1/objects/{customers.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "referenced")


@pytest.mark.parametrize(
    ("key", "pointer", "code"),
    [
        ({**REFERENCE, "fields": ["no"]}, "/foreignKeys/0/fields/0", "unknown_attribute"),
        (
            {"fields": "id", "reference": {"object": "no", "fields": "id"}},
            "/foreignKeys/0/reference/object",
            "unknown_object",
        ),
        ({"fields": "id"}, "/foreignKeys/0/reference", "required"),
        ("id", "/foreignKeys/0", "type"),
    ],
)
def test_a_wrong_foreign_key_is_named_by_its_place(api, customers, key, pointer, code):
    shape = {"application": "test", "name": "wrong", "attributes": [{"name": "id", "type": "integer"}]}
    answer = api.post("/api/v1/objects", {**shape, "foreignKeys": [key]}, format="json")
    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


def test_an_edit_through_the_form_keeps_foreign_keys(client: Client, settings, orders):
    settings.DEBUG, settings.API_ACCESS = True, "open"
    shape = ObjectSchema.objects.get(name="orders")
    page = reverse("object-edit", args=[shape.pk])
    form = client.get(page).context["editor"]
    data = {"action": "save", "application": shape.application_id, "name": "orders", "description": "changed"}
    data |= {f"attributes-{name}": value for name, value in (("TOTAL_FORMS", 2), ("INITIAL_FORMS", 2))}
    for form_row in form.rows.forms:
        data |= {form_row.add_prefix(name): form_row[name].value() or "" for name in form_row.fields}
    data |= {name: form.keys[name].value() or "" for name in form.keys.fields}
    data["kept"] = form.keys["kept"].value()
    answer = client.post(page, data)
    assert answer.status_code == 302, answer.context["editor"].form.errors
    shape.refresh_from_db()
    assert shape.description == "changed"
    assert shape.definition["foreignKeys"] == [REFERENCE]
