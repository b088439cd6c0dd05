"""What the tests of test cases and runs share."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema
from catalog.tests.factories import ObjectSchemaFactory
from processes.models import Function
from processes.tests.factories import FunctionFactory


@pytest.fixture
def api(settings: Any) -> APIClient:
    """A client on this machine, to whom the API is open."""
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return APIClient()


@pytest.fixture
def orders(application: Application) -> ObjectSchema:
    """The Object that `sum_orders` takes."""
    return ObjectSchemaFactory.create(
        application=application,
        name="orders",
        attributes=[
            {"name": "customer", "type": "integer", "constraints": {"required": True}},
            {"name": "amount", "type": "number", "precision": 12, "scale": 2, "constraints": {"minimum": 0}},
        ],
    )


@pytest.fixture
def totals(application: Application) -> ObjectSchema:
    """The Object that `sum_orders` gives."""
    return ObjectSchemaFactory.create(
        application=application,
        name="totals",
        attributes=[
            {"name": "id", "type": "integer"},
            {"name": "total", "type": "number", "precision": 12, "scale": 2},
        ],
        primary_key=["id"],
    )


@pytest.fixture
def sum_orders(orders: ObjectSchema, totals: ObjectSchema) -> Function:
    """A function that adds up the orders of each customer."""
    query = "SELECT customer AS id, CAST(sum(amount) AS DECIMAL(12, 2)) AS total FROM orders GROUP BY customer"
    return FunctionFactory.create(
        name="sum_orders", inputs={"orders": orders}, outputs={"totals": totals}, sql={"totals": query}
    )
