"""Categories with labels: people see the label beside the value, programs get the value."""

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

LEVELS = [{"value": 1, "label": "<low>"}, {"value": 2, "label": "high"}, {"value": 3}]


@pytest.fixture
def table(db: None, settings: Settings) -> Table:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    attributes = [
        {"name": "level", "type": "integer", "categories": LEVELS},
        {"name": "size", "type": "string", "categories": ["S", {"value": "L", "label": "large"}]},
    ]
    rows = [{"level": 1, "size": "L"}, {"level": 3, "size": "S"}, {"level": None, "size": None}]
    return TableFactory.create(object=ObjectSchemaFactory.create(attributes=attributes), rows=rows)


def test_pages_show_the_label_beside_the_value(client: Client, table: Table) -> None:
    page = client.get(f"/tables/{table.pk}/").content.decode()
    assert '<span>1</span> <span class="muted">&lt;low&gt;</span>' in page
    assert '<span>L</span> <span class="muted">large</span>' in page
    assert "<span>S</span></td>" in page
    assert "one of 1 (&lt;low&gt;), 2 (high), 3" in client.get(f"/objects/{table.object_id}/").content.decode()


def test_programs_get_the_value(api: APIClient, table: Table) -> None:
    rows = api.get(f"/api/v1/tables/{table.pk}/rows").json()["results"]
    assert rows[0] == {"_id": 1, "level": 1, "size": "L"}
    shape = api.get(f"/api/v1/objects/{table.object_id}").json()
    assert shape["attributes"][0]["categories"] == LEVELS
