"""Applications and configurations over REST, as brief 4 has them."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from catalog.models import Application, Configuration

pytestmark = pytest.mark.django_db
MISSING = "01JD4Y3Z8Q6V5T2W9X7R1N0MKB"


@pytest.fixture
def shop() -> Application:
    return Application.objects.create(name="shop")


def test_a_made_application_is_answered_with_its_address(api: APIClient) -> None:
    answer = api.post("/api/v1/applications", {"name": " shop ", "comments": "first"})
    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "name": "shop",
        "comments": "first",
        "configuration_ids": [],
    }
    assert api.get(answer["Location"]).json() == answer.json()


def test_comments_may_be_absent(api: APIClient) -> None:
    assert api.post("/api/v1/applications", {"name": "shop"}).json()["comments"] is None


def test_one_application_lists_its_configurations(api: APIClient, shop: Application) -> None:
    local = Configuration.objects.create(application=shop, name="local")
    assert api.get(f"/api/v1/applications/{shop.pk}").json()["configuration_ids"] == [local.pk]


def test_the_list_of_applications_is_complete(api: APIClient) -> None:
    before = Application.objects.count()
    Application.objects.bulk_create(Application(name=f"a{number}") for number in range(150))
    answer = api.get("/api/v1/applications").json()
    assert answer["count"] == before + 150 == len(answer["results"])
    assert answer["next"] is None


def test_both_slash_forms_answer_without_a_redirect(api: APIClient, shop: Application) -> None:
    for address in ("/api/v1/applications", f"/api/v1/applications/{shop.pk}", "/api/v1/configurations"):
        assert api.get(address).status_code == api.get(address + "/").status_code == 200


def test_a_taken_name_is_a_conflict(api: APIClient, shop: Application) -> None:
    answer = api.post("/api/v1/applications", {"name": "shop"})
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "name_taken"
    assert answer.json()["errors"] == [
        {"pointer": "/name", "code": "name_taken", "message": "An application of this name already exists."}
    ]


def test_an_application_may_keep_its_name(api: APIClient, shop: Application) -> None:
    answer = api.put(f"/api/v1/applications/{shop.pk}", {"name": "shop", "comments": "new"})
    assert (answer.status_code, answer.json()["comments"]) == (200, "new")


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({}, "/name", "required"),
        ({"name": ""}, "/name", "blank"),
        ({"name": "  "}, "/name", "blank"),
        ({"name": None}, "/name", "null"),
        ({"name": "a\nb"}, "/name", "control_character"),
        ({"name": "x" * 257}, "/name", "max_length"),
        ({"name": ["shop"]}, "/name", "invalid"),
        ({"name": "shop", "comments": "x" * 1025}, "/comments", "max_length"),
        ({"name": "shop", "comment": "x"}, "/comment", "unknown_member"),
        ([], "", "invalid"),
    ],
)
def test_an_invalid_application_is_refused_with_its_place(api: APIClient, body: Any, place: str, code: str) -> None:
    answer = api.post("/api/v1/applications", body)
    assert answer.status_code == 400
    assert (place, code) in [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize("identity", [MISSING, "1", "none", "%00"])
def test_an_application_that_is_not_there_is_not_found(api: APIClient, identity: str) -> None:
    answer = api.get(f"/api/v1/applications/{identity}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_application_in_use_is_kept_and_its_referrers_told(api: APIClient, shop: Application) -> None:
    local = Configuration.objects.create(application=shop, name="local")
    answer = api.delete(f"/api/v1/applications/{shop.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "referenced")
    assert answer.json()["referrers"] == [{"kind": "configuration", "id": local.pk, "name": "local"}]
    assert Application.objects.filter(pk=shop.pk).exists()


def test_an_unused_application_is_deleted(api: APIClient, shop: Application) -> None:
    assert api.delete(f"/api/v1/applications/{shop.pk}").status_code == 204
    assert api.get(f"/api/v1/applications/{shop.pk}").status_code == 404


def test_a_configuration_keeps_its_dictionary(api: APIClient, shop: Application) -> None:
    config = {"url": "http://127.0.0.1", "tries": 3, "rate": 0.30000000000000004, "nested": {"on": True, "off": None}}
    body = {"application_id": shop.pk, "name": "local", "config": config}
    made = api.post("/api/v1/configurations", body)
    assert made.status_code == 201
    assert api.get(made["Location"]).json() == {**body, "id": made.json()["id"], "comments": None}


def test_an_unknown_application_is_an_invalid_configuration(api: APIClient) -> None:
    answer = api.post("/api/v1/configurations", {"application_id": MISSING, "name": "local", "config": {}})
    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/application_id", "does_not_exist")
    ]


@pytest.mark.parametrize("config", [[], "x", 1, None])
def test_a_config_is_a_json_object(api: APIClient, shop: Application, config: Any) -> None:
    answer = api.post("/api/v1/configurations", {"application_id": shop.pk, "name": "local", "config": config})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/config")


def test_a_configuration_stays_in_its_application(api: APIClient, shop: Application) -> None:
    local = Configuration.objects.create(application=shop, name="local")
    other = Application.objects.create(name="other")
    answer = api.patch(f"/api/v1/configurations/{local.pk}", {"application_id": other.pk})
    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/application_id", "fixed")]
    same = api.put(
        f"/api/v1/configurations/{local.pk}", {"application_id": shop.pk, "name": "here", "config": {"a": 1}}
    )
    assert (same.status_code, same.json()["name"]) == (200, "here")


def test_names_of_configurations_are_unique_in_their_application_only(api: APIClient, shop: Application) -> None:
    Configuration.objects.create(application=shop, name="local")
    other = Application.objects.create(name="other")
    body = {"name": "local", "config": {}}
    taken = api.post("/api/v1/configurations", {**body, "application_id": shop.pk})
    free = api.post("/api/v1/configurations", {**body, "application_id": other.pk})
    assert (taken.status_code, taken.json()["code"], free.status_code) == (409, "name_taken", 201)


def test_a_put_may_leave_out_the_fixed_application(api: APIClient, shop: Application) -> None:
    local = Configuration.objects.create(application=shop, name="local")
    answer = api.put(f"/api/v1/configurations/{local.pk}", {"name": "here", "config": {}})
    assert (answer.status_code, answer.json()["application_id"]) == (200, shop.pk)
