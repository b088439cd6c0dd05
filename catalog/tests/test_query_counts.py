"""Lists cost the same queries however much there is: of few resources and of many."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import ApplicationFactory, ObjectSchemaFactory, TableFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shape(db: None) -> ObjectSchema:
    application: Application = ApplicationFactory.create(name="many")
    return ObjectSchemaFactory.create(application=application, name="orders")


def grow(shape: ObjectSchema, number: int) -> Table:
    """One more Object, and one more Table with rows, of the kind that is listed."""
    ObjectSchemaFactory.create(application=shape.application, name=f"object {number}")
    return TableFactory.create(object=shape, name=f"table {number}", rows=[{"id": number, "name": f"n{number}"}])


def statements(api: APIClient, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        answer = api.get(address)
    assert answer.status_code == 200, answer.content
    return len(queries)


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/objects?limit=1000",
        "/api/v1/tables?limit=1000",
        "/api/v1/schemas",
        "/api/v1/records/orders?application=many&limit=1000",
        "/api/v1/records/orders/count?application=many",
        "/api/v1/records/orders/stream?application=many",
    ],
)
def test_a_list_costs_the_same_statements_with_three_tables_and_with_thirty(
    api: APIClient, shape: ObjectSchema, address: str
) -> None:
    for number in range(3):
        grow(shape, number)
    api.get(address)
    few = statements(api, address)
    for number in range(3, 30):
        grow(shape, number)
    api.get(address)  # its Parts are in the cache from here on
    assert statements(api, address) == few


def test_the_versions_of_a_table_cost_the_same_statements_however_many(api: APIClient, shape: ObjectSchema) -> None:
    table = grow(shape, 1)
    address = f"/api/v1/tables/{table.pk}/versions?limit=1000"
    few = statements(api, address)
    for number in range(2, 12):
        answer: Any = api.post(f"/api/v1/tables/{table.pk}/rows", [{"id": number}])
        assert answer.status_code == 201
    assert statements(api, address) == few
