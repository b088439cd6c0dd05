"""`If-Match` and `If-None-Match` of resources without versions: two who change one thing don't undo each other."""

import pytest
from rest_framework.test import APIClient

from catalog.models import Application
from catalog.tests.factories import ConfigurationFactory
from processes.models import Function
from testcases.models import TestCase
from testcases.tests.factories import TestCaseFactory

pytestmark = pytest.mark.django_db
KINDS = ("applications", "configurations", "objects", "functions", "test-cases")


@pytest.fixture
def addresses(application: Application, sum_orders: Function) -> dict[str, str]:
    case = TestCaseFactory.create(function=sum_orders, outputs={"totals": []})
    keys = (application.pk, ConfigurationFactory.create().pk, sum_orders.inputs[0].object_id, sum_orders.pk, case.pk)
    return {kind: f"/api/v1/{kind}/{key}" for kind, key in zip(KINDS, keys, strict=True)}


@pytest.mark.parametrize("kind", KINDS)
def test_who_changes_what_another_has_changed_is_told(api: APIClient, addresses: dict[str, str], kind: str) -> None:
    address = addresses[kind]
    read = api.get(address)["ETag"]
    assert api.get(address, headers={"If-None-Match": read}).status_code == 304
    mine = api.patch(address, {"name": "mine"}, headers={"If-Match": read})
    assert (mine.status_code, mine["ETag"] != read) == (200, True)
    theirs = api.patch(address, {"name": "theirs"}, headers={"If-Match": read})
    assert (theirs.status_code, theirs.json()["code"], theirs["ETag"]) == (412, "stale", mine["ETag"])
    assert api.delete(address, headers={"If-Match": read}).status_code == 412
    assert api.get(address).json()["name"] == "mine"
    again = api.patch(address, {"name": "theirs"}, headers={"If-Match": f'"other", {mine["ETag"]}'})
    assert (again.status_code, again.json()["name"]) == (200, "theirs")
    assert api.patch(address, {"name": "any"}, headers={"If-Match": "*"}).status_code == 200


def test_what_was_just_made_can_be_deleted_as_it_is(api: APIClient) -> None:
    made = api.post("/api/v1/applications", {"name": "weather"})
    address = f"/api/v1/applications/{made.json()['id']}"
    assert api.delete(address, headers={"If-Match": made["ETag"]}).status_code == 204


def test_a_test_case_that_was_changed_meanwhile_is_not_deleted(api: APIClient, addresses: dict[str, str]) -> None:
    read = api.get(addresses["test-cases"])["ETag"]
    api.patch(addresses["test-cases"], {"tags": ["new"]})
    assert api.delete(addresses["test-cases"], headers={"If-Match": read}).status_code == 412
    assert TestCase.objects.exists()
